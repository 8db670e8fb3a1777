// Calls that wait until a callee may take them, where a procedure has a queue (SR-60, SR-61).

import WAMP

extension Realm {
    func isAnyoneWaiting(for registration: RegistrationSlot) -> Bool {
        (queues[registration]?.count ?? 0) > 0
    }

    /// SR-61: whether calls wait that a new one with these terms must not overtake: those that wait
    /// for the same callees. The others wait although there is a callee for this one.
    func isAnyoneWaiting(for registration: RegistrationSlot, like terms: CallTerms) -> Bool {
        guard let queue = queues[registration],
            let lane = registrations.lane(registration, terms, tried: [])
        else { return false }
        return queue.isAnyone(in: lane)
    }

    func waitingCount(for registration: RegistrationSlot) -> Int {
        queues[registration]?.count ?? 0
    }

    /// The settings of a registration's queue, if it has one and one more call may wait.
    func queueWithRoom(_ registration: RegistrationSlot) -> CallQueueSettings? {
        guard registrations[registration].hasQueue,
            let settings = queueSettings(of: registration),
            waitingCount(for: registration) < settings.limit
        else { return nil }
        return settings
    }

    private func queueSettings(of registration: RegistrationSlot) -> CallQueueSettings? {
        procedureSettings.best(
            for: URI(registrations[registration].uri.string), as: registrations[registration].match
        )?.queue
    }

    /// When a call that begins to wait now, and has this time limit, has waited for too long.
    private func waitLimit(_ settings: CallQueueSettings?, _ limit: Moment, at now: Now)
        -> Moment
    {
        guard let settings, settings.maxWait > 0 else { return limit }
        return min(limit, now.moment.advanced(milliseconds: settings.maxWait))
    }

    /// Lets a call wait that found all callees busy which may serve it.
    mutating func wait(
        _ call: CallInFlight, _ record: RetainedCall, _ settings: CallQueueSettings, at now: Now
    ) {
        guard let lane = registrations.lane(call.registration, record.terms, tried: []) else {
            return
        }
        var call = call
        call.deadline = waitLimit(settings, record.limit, at: now)
        let slot = calls.enter(call)
        calls.keep(record, slot)
        queues[call.registration, default: CallQueue()].append(slot, to: lane)
    }

    /// Lets a call wait that another callee had: it has waited for its turn before, so it goes to
    /// the head.
    mutating func waitAgain(
        _ slot: CallSlot, _ record: RetainedCall, for registration: RegistrationSlot, at now: Now
    ) {
        guard let lane = registrations.lane(registration, record.terms, tried: record.tried) else {
            return
        }
        calls.setDeadline(
            waitLimit(queueSettings(of: registration), record.limit, at: now), slot)
        queues[registration, default: CallQueue()].prepend(slot, to: lane)
    }

    /// A call waits no more.
    mutating func stopWaiting(_ slot: CallSlot, for registration: RegistrationSlot) {
        queues[registration]?.remove(slot)
        if queues[registration]?.isEmpty == true { queues[registration] = nil }
    }

    /// Something happened that may have freed a callee: calls that wait for it go to it, in their
    /// order. Nobody else is free whom a call waits for, or the call would have gone there.
    mutating func dispatch(
        _ registration: RegistrationSlot, to callee: SessionKey, at now: Now,
        into effects: inout Effects
    ) {
        while let slot = queues[registration]?.first(for: callee) {
            guard let record = calls.retained(slot), let call = calls[slot],
                call.isQuestion || sessions.isPresent(call.caller)
            else {
                stopWaiting(slot, for: registration)
                continue
            }
            let choice = registrations.choose(
                registration, excluding: record.tried, blocked: sessions.blocked,
                random: &random, key: record.terms.key, isSharded: record.terms.isSharded)
            guard case .callee(let index) = choice else { return }
            stopWaiting(slot, for: registration)
            give(
                slot, record, to: registrations[registration].callees[index], at: now,
                into: &effects)
        }
    }

    /// A callee has joined.
    mutating func dispatch(
        _ registration: RegistrationSlot, toNewcomer callee: Callee, at now: Now,
        into effects: inout Effects
    ) {
        guard queues[registration] != nil else { return }
        rearrange(registration, at: now, into: &effects) { realm, record, lane in
            guard case .only(let other) = lane else { return lane }
            return realm.registrations.lane(
                registration, record.terms, tried: record.tried,
                among: [Callee(session: other, options: CalleeOptions()), callee])
        }
        dispatch(registration, to: callee.session, at: now, into: &effects)
    }

    /// A callee has left, and others are there: calls that waited for it go on to those that take
    /// its place.
    mutating func dispatch(
        _ registration: RegistrationSlot, without callee: SessionKey, at now: Now,
        into effects: inout Effects
    ) {
        guard let queue = queues[registration], !queue.isForAnyone else { return }
        rearrange(registration, at: now, into: &effects) { realm, record, lane in
            if case .only(let other) = lane, other != callee { return lane }
            return realm.registrations.lane(registration, record.terms, tried: record.tried)
        }
        for other in registrations[registration].callees {
            dispatch(registration, to: other.session, at: now, into: &effects)
        }
    }

    /// Who is on the list has changed, and with it whom calls wait for. Those that have nobody left
    /// who was not tried end.
    private mutating func rearrange(
        _ registration: RegistrationSlot, at now: Now, into effects: inout Effects,
        by lane: (borrowing Realm, RetainedCall, CallQueue.Lane) -> CallQueue.Lane?
    ) {
        guard let queue = queues[registration], !queue.isForAnyone else { return }
        var rearranged = CallQueue()
        var forlorn: [CallSlot] = []
        for (slot, former) in queue.all {
            guard let record = calls.retained(slot) else { continue }
            if let lane = lane(self, record, former) {
                rearranged.append(slot, to: lane)
            } else {
                forlorn.append(slot)
            }
        }
        queues[registration] = rearranged.isEmpty ? nil : rearranged
        for slot in forlorn {
            conclude(slot, as: .refusal(.noAvailableCallee), at: now, into: &effects)
        }
    }

    /// The registration is no more: nobody will ever serve those who wait.
    mutating func dissolveQueue(
        _ registration: RegistrationSlot, at now: Now, into effects: inout Effects
    ) {
        guard let queue = queues.removeValue(forKey: registration) else { return }
        for (slot, _) in queue.all {
            conclude(slot, as: .refusal(.noSuchProcedure), at: now, into: &effects)
        }
    }
}
