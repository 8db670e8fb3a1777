// A call on its way: from the INVOCATION sent to the one final RESULT or ERROR.

import WAMP

struct PendingCall {
    let caller: SessionKey
    /// The caller's request.
    let request: RequestID
    /// Who is serving it now, and under which of that callee's requests.
    let callee: SessionKey
    var invocation = RequestID(0)
    let registration: UInt32
    let registrationID: RegistrationID
    /// When the call ends with `wamp.error.timeout`; `.max` = never.
    let deadline: Moment
    /// CANCEL in mode `kill` was passed on: the callee's answer ends the call, whatever it is.
    var isKilled = false
    /// The place in the queue of deadlines; -1 outside of it.
    var deadlineIndex = -1

    /// Stands in a slot without a call.
    static let vacant = PendingCall(
        caller: SessionKey(slot: 0, generation: 0), request: RequestID(0),
        callee: SessionKey(slot: 0, generation: 0), registration: 0,
        registrationID: RegistrationID(0), deadline: Moment(nanoseconds: .max))

    var isVacant: Bool { request.rawValue == 0 }
}

/// What it takes to send the same call to another callee.
///
/// An object, so that a call that needs none of it costs little. It belongs to one call and goes
/// with it from callee to callee.
///
/// Spec: Advanced Profile, Call Re-Routing.
// Unchecked: reached through the realm's call table only, which is used by one thread at a time.
final class Rerouting: @unchecked Sendable {
    /// A copy of its own: it may outlive the buffer in which the CALL arrived.
    let payload: Payload
    let details: InvocationDetails
    /// Whom the call was given to already, the present callee included.
    var tried: [SessionKey]
    /// SR-49: how many callees may be tried in all, so that callees that come and go cannot keep it
    /// going forever.
    let attempts: Int
    /// The present callee wants its calls retried when it is lost (SR-51).
    var retriesOnLoss: Bool

    init(
        payload: Payload, details: InvocationDetails, tried: [SessionKey], attempts: Int,
        retriesOnLoss: Bool
    ) {
        self.payload = payload
        self.details = details
        self.tried = tried
        self.attempts = attempts
        self.retriesOnLoss = retriesOnLoss
    }
}
