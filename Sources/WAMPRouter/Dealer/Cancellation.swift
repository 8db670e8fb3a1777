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
        let mode = sessions[call.callee].canCancel ? cancel.mode ?? .killnowait : .skip
        if call.isKilled {
            // A callee that ignores `kill` can be given up with `killnowait`, and only so.
            guard mode == .killnowait else { return }
        }
        switch mode {
        case .kill:
            calls.setKilled(slot)
            interrupt(call, .kill, into: &effects)
        case .killnowait:
            interrupt(call, .killnowait, into: &effects)
            endEarly(slot, .canceled, at: now, into: &effects)
        case .skip:
            endEarly(slot, .canceled, at: now, into: &effects)
        }
    }

    /// The call's time is over: the caller is told, a callee that can stop is asked to.
    mutating func timeOut(_ slot: UInt32, at now: Now, into effects: inout Effects) {
        guard let call = calls[slot] else { return }
        if sessions[call.callee].canCancel { interrupt(call, .killnowait, into: &effects) }
        endEarly(slot, .timeout, at: now, into: &effects)
    }

    /// The caller left: nobody waits for the answer any more (SR-55).
    mutating func callerLeft(_ slot: UInt32, at now: Now, into effects: inout Effects) {
        guard let call = calls.remove(slot) else { return }
        if sessions.isPresent(call.callee), sessions[call.callee].canCancel {
            interrupt(call, .killnowait, into: &effects)
        }
        released(call, at: now, into: &effects)
    }

    /// A call is over. While the realm is drained, so may be the sessions that it kept.
    mutating func released(_ call: PendingCall, at now: Now, into effects: inout Effects) {
        guard isDraining else { return }
        for session in [call.caller, call.callee] where !calls.isBusy(session) {
            dismiss(session, at: now, into: &effects)
        }
    }

    private func interrupt(_ call: PendingCall, _ mode: CancelMode, into effects: inout Effects) {
        effects.send(.interrupt(Interrupt(request: call.invocation, mode: mode)), to: call.callee)
    }

    private mutating func endEarly(
        _ slot: UInt32, _ error: ErrorURI, at now: Now, into effects: inout Effects
    ) {
        guard let call = calls.remove(slot) else { return }
        refuse(.call, call.request, of: call.caller, error, into: &effects)
        released(call, at: now, into: &effects)
    }
}
