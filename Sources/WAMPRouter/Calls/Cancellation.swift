// Calls that end before their callee answers: by CANCEL, by their time limit, by the loss of the
// caller.
//
// Spec: Advanced Profile, Call Canceling and Call Timeouts.

import WAMP

extension Realm {
    /// CANCEL. One for a call that is unknown or has ended comes too late and is ignored.
    mutating func cancel(
        _ cancel: Cancel, from caller: SessionKey, at now: Now, into effects: inout Effects
    ) {
        guard let slot = calls.find(madeBy: caller, cancel.request), let call = calls[slot] else {
            return
        }
        guard call.phase == .served else {
            return conclude(slot, as: .refusal(.canceled), at: now, into: &effects)
        }
        var mode = sessions[call.callee].canCancel ? cancel.mode ?? .killnowait : .skip
        // A callee that expects more of the arguments must learn that nothing will come.
        if mode == .skip, call.flags.contains(.expectsChunks) { mode = .killnowait }
        if call.flags.contains(.isKilled) {
            // A callee that ignores `kill` can be given up with `killnowait`, and only so.
            guard mode == .killnowait else { return }
        }
        switch mode {
        case .kill:
            calls.set(.isKilled, slot)
            interrupt(call, .kill, into: &effects)
        case .killnowait:
            interrupt(call, .killnowait, into: &effects)
            settle(slot, as: .refusal(.canceled), isRelieved: true, at: now, into: &effects)
        case .skip:
            settle(slot, as: .refusal(.canceled), isRelieved: false, at: now, into: &effects)
        }
    }

    /// The call's time is over: the caller is told, a callee that can stop is asked to.
    mutating func timeOut(_ slot: CallSlot, at now: Now, into effects: inout Effects) {
        guard let call = calls[slot] else { return }
        guard call.phase == .served else {
            // It waited for as long as the queue allows, or the whole call for its own limit.
            if let record = calls.retained(slot), record.limit <= now.moment {
                return conclude(slot, as: .refusal(.timeout), at: now, into: &effects)
            }
            return conclude(slot, as: refusal(.saturated), at: now, into: &effects)
        }
        let canStop = sessions[call.callee].canCancel
        if canStop { interrupt(call, .killnowait, into: &effects) }
        settle(slot, as: .refusal(.timeout), isRelieved: canStop, at: now, into: &effects)
    }

    /// The caller left: nobody waits for the answer any more (SR-55).
    mutating func callerLeft(_ slot: CallSlot, at now: Now, into effects: inout Effects) {
        guard let call = calls[slot] else { return }
        guard call.phase == .served, sessions.isPresent(call.callee) else {
            return conclude(slot, as: .silence, at: now, into: &effects)
        }
        let canStop = sessions[call.callee].canCancel
        if canStop { interrupt(call, .killnowait, into: &effects) }
        settle(slot, as: .silence, isRelieved: canStop, at: now, into: &effects)
    }

    func interrupt(_ call: CallInFlight, _ mode: CancelMode, into effects: inout Effects) {
        effects.send(.interrupt(Interrupt(request: call.invocation, mode: mode)), to: call.callee)
    }
}
