// How the router ends sessions: one that broke the protocol, one that is sent away, or all of them
// because the router stops.

package import WAMP

extension Realm {
    /// Ends the session of a peer that broke the protocol: ABORT, then all that leaving means.
    package mutating func abort(
        _ session: SessionKey, _ violation: ProtocolViolation, at now: Now,
        into effects: inout Effects
    ) {
        guard sessions.isPresent(session) else { return }
        abort(session, Abort(violation), at: now, into: &effects)
    }

    mutating func abort(
        _ session: SessionKey, _ abort: Abort, at now: Now, into effects: inout Effects
    ) {
        effects.send(.abort(abort), to: session)
        finish(session, .abortSent(abort), at: now, into: &effects)
    }

    /// The session's connection is gone: nothing more can be sent to it.
    package mutating func lose(_ session: SessionKey, at now: Now, into effects: inout Effects) {
        guard sessions.isPresent(session) else { return }
        depart(session, at: now, into: &effects)
    }

    /// Begins to empty the realm: every session is sent GOODBYE `wamp.close.system_shutdown` as
    /// soon as it neither waits for an answer nor owes one. New calls are refused.
    package mutating func drain(at now: Now, into effects: inout Effects) {
        concludeAbandoned(at: now, into: &effects)
        isDraining = true
        for session in sessions.keys where !isBusy(session) {
            dismiss(session, at: now, into: &effects)
        }
    }

    /// Whether a session waits for an answer or owes one. A message that has not been looked at
    /// because of the authorizer will be answered, too.
    func isBusy(_ session: SessionKey) -> Bool {
        calls.isBusy(session) || postponed[session] != nil
    }

    /// Sends GOODBYE to every session that is left, busy or not.
    package mutating func shutDown(at now: Now, into effects: inout Effects) {
        isDraining = true
        for session in sessions.keys { dismiss(session, at: now, into: &effects) }
    }

    /// Sends a session away because the router ends, which publishes no testaments.
    mutating func dismiss(_ session: SessionKey, at now: Now, into effects: inout Effects) {
        dismiss(
            session, Goodbye(reason: .systemShutdown), leavingTestaments: false, at: now,
            into: &effects)
    }

    /// Sends a session away.
    mutating func dismiss(
        _ session: SessionKey, _ farewell: Goodbye, leavingTestaments: Bool = true, at now: Now,
        into effects: inout Effects
    ) {
        guard sessions.isPresent(session) else { return }
        let isAnswer = hasSaidGoodbye(session)
        effects.send(.goodbye(farewell), to: session)
        finish(
            session, isAnswer ? .goodbyeAnswered : .goodbyeSent, leavingTestaments, at: now,
            into: &effects)
    }

    /// Takes a session out of the realm that has been sent its last message.
    mutating func finish(
        _ session: SessionKey, _ ending: Ending, _ leavingTestaments: Bool = true, at now: Now,
        into effects: inout Effects
    ) {
        depart(session, leavingTestaments: leavingTestaments, at: now, into: &effects)
        effects.append(.ended(session, ending))
    }

    /// While the realm is drained, sessions leave as their last call ends.
    mutating func dismissIdle(
        _ caller: SessionKey, _ callee: SessionKey, at now: Now, into effects: inout Effects
    ) {
        for session in [caller, callee] where !isBusy(session) {
            dismiss(session, at: now, into: &effects)
        }
    }
}
