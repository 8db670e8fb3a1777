// The end of a call. Every call ends here and exactly once: whoever asked is told, the call leaves
// all tables, its callee is free for the next that waits, and while the realm is drained, the
// sessions that it kept may leave.

import WAMP

/// What whoever made a call is told at its end.
enum Outcome {
    /// The callee's final result.
    case result(OutcomeDetails, Payload)
    /// The callee's error.
    case failure(ErrorURI, OutcomeDetails, Payload)
    /// An error of the router's own.
    case refusal(ErrorURI, [Value] = [], kwargs: Value.Dictionary = [:])
    /// Nothing: it has been told, or is gone.
    case silence
}

extension Realm {
    /// Ends a call. Of one that was abandoned, the outcome means nothing to anybody any more.
    @inline(__always)
    mutating func conclude(
        _ slot: CallSlot, as outcome: Outcome, at now: Now, into effects: inout Effects
    ) {
        guard let call = calls.remove(slot) else { return }
        if call.flags.contains(.expectsChunks) {
            rememberChunks(of: call.request, call.caller, at: now)
        }
        let isHeard = call.phase != .abandoned
        if isHeard, !call.isQuestion { tell(call.caller, call.request, outcome, into: &effects) }
        if call.phase == .waiting {
            stopWaiting(slot, for: call.registration)
        } else {
            registrations.release(call.place)
            if !queues.isEmpty {
                dispatch(call.registration, to: call.callee, at: now, into: &effects)
            }
        }
        // Last, since messages that waited for the answer are handled now.
        if isHeard, call.isQuestion, let answer = Answer(outcome) {
            self.answer(call.request, answer, at: now, into: &effects)
        }
        if isDraining { dismissIdle(call.caller, call.callee, at: now, into: &effects) }
    }

    /// Tells whoever made a call how it ends, while its callee may go on with it (SR-59).
    /// - Parameter isRelieved: the callee was asked to stop, and can.
    mutating func settle(
        _ slot: CallSlot, as outcome: Outcome, isRelieved: Bool, at now: Now,
        into effects: inout Effects
    ) {
        guard let call = calls[slot] else { return }
        guard !isRelieved, keepsBusy(call) else {
            return conclude(slot, as: outcome, at: now, into: &effects)
        }
        if call.flags.contains(.expectsChunks) {
            rememberChunks(of: call.request, call.caller, at: now)
        }
        calls.abandon(slot)
        guard call.isQuestion else {
            return tell(call.caller, call.request, outcome, into: &effects)
        }
        if let answer = Answer(outcome) {
            self.answer(call.request, answer, at: now, into: &effects)
        }
    }

    /// Whether it matters that a callee which cannot be stopped is still busy.
    private func keepsBusy(_ call: CallInFlight) -> Bool {
        guard !isDraining, call.phase == .served,
            registrations[call.registration].id == call.registrationID,
            registrations.figures(call.place).inFlight <= limits.pendingCallsPerSession
        else {
            return false
        }
        return registrations[call.registration].rule == .leastbusy
            || registrations[call.registration].callees.contains {
                $0.place == call.place && $0.options.concurrency > 0
            }
    }

    /// Ends the calls that only keep their callees busy: nobody waits for their answers.
    mutating func concludeAbandoned(at now: Now, into effects: inout Effects) {
        for session in sessions.keys {
            for slot in calls.served(by: session) where calls[slot]?.phase == .abandoned {
                conclude(slot, as: .silence, at: now, into: &effects)
            }
        }
    }

    mutating func tell(
        _ caller: SessionKey, _ request: RequestID, _ outcome: Outcome, into effects: inout Effects
    ) {
        switch outcome {
        case .result(let details, let payload):
            effects.send(
                .result(Result(request: request, details: details, payload: payload)), to: caller)
        case .failure(let error, let details, let payload):
            counters.errors &+= 1
            effects.send(
                .error(
                    ErrorMessage(
                        .call, request: request, details: details, error: error,
                        payload: payload)),
                to: caller)
        case .refusal(let error, let args, let kwargs):
            refuse(.call, request, of: caller, error, args, kwargs: kwargs, into: &effects)
        case .silence: break
        }
    }
}

extension Answer {
    /// What the router makes of the end of a question; nil if it has been answered.
    fileprivate init?(_ outcome: Outcome) {
        switch outcome {
        case .result(_, let payload): self.init(payload)
        case .failure(let error, _, let payload):
            self = .failed(error, (try? payload.values())?.args ?? [])
        case .refusal(let error, let args, _): self = .failed(error, args)
        case .silence: return nil
        }
    }
}
