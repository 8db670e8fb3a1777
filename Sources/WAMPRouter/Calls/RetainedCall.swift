// What is kept of a call beyond its entry in the table.

import WAMP

/// What must be kept of a call that may have to be sent again, waits, or goes on.
///
/// An object, so that a call that needs none of it costs little. It belongs to one call and goes
/// with it from callee to callee.
///
/// Spec: Advanced Profile, Call Re-Routing.
// Unchecked: reached through the realm's call table only, which is used by one thread at a time.
final class RetainedCall: @unchecked Sendable {
    let terms: CallTerms
    /// A copy of its own: it may outlive the buffer in which the CALL arrived.
    let payload: Payload
    /// Whether the first CALL was the last one.
    let isComplete: Bool
    /// The further parts of a call that waits for a callee.
    private(set) var chunks: [(payload: Payload, isLast: Bool)] = []
    /// Their size in bytes.
    private(set) var chunkBytes = 0
    /// What all of it takes, about, in bytes.
    var size: Int { ownSize + chunkBytes }
    private let ownSize: Int
    /// Whom the call was given to already, the present callee included.
    var tried: [SessionKey] = []
    /// SR-49: how many callees may be tried in all, so that callees that come and go cannot keep it
    /// going forever.
    let attempts: Int
    /// What the present callee asked for. It holds for this call even after the callee has left the
    /// registration (SR-28).
    var options = CalleeOptions()
    /// The time limit of the whole call, while it waits no longer than the queue allows.
    var limit = Moment.never

    init(terms: CallTerms, payload: Payload, isComplete: Bool, attempts: Int) {
        var terms = terms
        // It must not keep the buffer either.
        terms.procedure = terms.procedure.detached()
        self.terms = terms
        self.payload = payload
        self.isComplete = isComplete
        self.attempts = attempts
        ownSize = payload.count + terms.custom.weight
    }

    func append(_ payload: Payload, isLast: Bool) {
        chunkBytes += payload.count
        chunks.append((payload.detached(), isLast))
    }

    /// Takes out all that has come of the call, the first part included.
    func takeParts() -> [(payload: Payload, isLast: Bool)] {
        let parts = [(payload, isComplete)] + chunks
        chunks = []
        chunkBytes = 0
        return parts
    }
}
