// Giving a call to another callee: when one is unavailable (SR-46 … SR-50), or lost and its
// procedure was declared idempotent (SR-51).
//
// Spec: Advanced Profile, Call Re-Routing.

import WAMP

extension Realm {
    /// Whether a call to this callee may have to be sent again, so that its arguments must be kept.
    @inline(__always)
    func mayReroute(_ rule: InvocationRule, _ callee: Callee) -> Bool {
        callee.options.retriesOnLoss
            || (rule != .single && sessions[callee.session].canReroute)
    }

    /// Whether nothing has happened to the call that another callee could not begin with.
    func isReroutable(_ call: CallInFlight) -> Bool {
        call.flags.isDisjoint(with: [.isKilled, .hasProgressed, .isProgressive])
    }

    /// Gives a call to another callee, as if those tried before did not exist.
    mutating func reroute(_ slot: CallSlot, at now: Now, into effects: inout Effects) {
        guard let call = calls[slot] else { return }
        guard let record = calls.retained(slot), record.tried.count < record.attempts,
            registrations[call.registration].id == call.registrationID
        else {
            return conclude(slot, as: .refusal(.noAvailableCallee), at: now, into: &effects)
        }
        let choice = registrations.choose(
            call.registration, excluding: record.tried, blocked: sessions.blocked,
            random: &random, key: record.terms.key, isSharded: record.terms.isSharded)
        switch choice {
        case .callee(let index):
            withdraw(slot, call)
            give(
                slot, record, to: registrations[call.registration].callees[index], at: now,
                into: &effects)
        case .saturated where registrations[call.registration].hasQueue:
            withdraw(slot, call)
            waitAgain(slot, record, for: call.registration, at: now)
        default:
            return conclude(slot, as: refusal(choice), at: now, into: &effects)
        }
        // The callee that had it may take another, or leave while the realm is drained.
        if !queues.isEmpty {
            dispatch(call.registration, to: call.callee, at: now, into: &effects)
        }
        if isDraining { dismissIdle(call.caller, call.callee, at: now, into: &effects) }
    }

    /// Takes a call from its callee.
    private mutating func withdraw(_ slot: CallSlot, _ call: CallInFlight) {
        registrations.release(call.place)
        calls.withdraw(slot)
    }

    /// Sends a call that has no callee to this one, with all that has come of it so far.
    mutating func give(
        _ slot: CallSlot, _ record: RetainedCall, to callee: Callee, at now: Now,
        into effects: inout Effects
    ) {
        guard canServe(callee.session, record.terms) else {
            return conclude(slot, as: .refusal(.featureNotSupported), at: now, into: &effects)
        }
        record.tried.append(callee.session)
        record.options = callee.options
        let invocation = assign(slot, to: callee)
        calls.setDeadline(backstop(of: record.limit, at: callee), slot)
        calls.clear(.receivesProgress, slot)
        if record.terms.receivesProgress, mayProgress(callee.session) {
            calls.set(.receivesProgress, slot)
        }
        guard let call = calls[slot] else { return }
        // SR-68: one limit for the whole call. It has not passed, and 0 would mean none.
        let left =
            record.limit == .never ? nil : max(1, record.limit.milliseconds(since: now.moment))
        for part in calls.takeParts(of: slot) {
            effects.send(
                .invocation(
                    Invocation(
                        request: invocation, registration: call.registrationID,
                        details: details(
                            for: callee, of: call, record.terms, isLast: part.isLast,
                            timeout: left),
                        payload: part.payload)),
                to: callee.session)
        }
    }

    /// The callee of a call left. Its caller learns it at once; the call is not silently given to
    /// another, since the callee may have executed it, unless the procedure was declared idempotent
    /// (SR-51).
    mutating func calleeLeft(_ slot: CallSlot, at now: Now, into effects: inout Effects) {
        guard let call = calls[slot] else { return }
        guard call.phase != .abandoned, call.isQuestion || sessions.isPresent(call.caller) else {
            return conclude(slot, as: .silence, at: now, into: &effects)
        }
        if let record = calls.retained(slot), record.options.retriesOnLoss, isReroutable(call) {
            reroute(slot, at: now, into: &effects)
        } else {
            conclude(slot, as: .refusal(.canceled, ["callee left"]), at: now, into: &effects)
        }
    }
}
