// A call on its way: from the CALL that was accepted to the one final RESULT or ERROR.

import WAMP

struct PendingCall {
    struct Flags: OptionSet {
        let rawValue: UInt16

        /// CANCEL in mode `kill` was passed on: the callee's answer ends the call, whatever it is.
        static let isKilled = Flags(rawValue: 1 << 0)
        /// The caller was answered or has left, but the callee is still busy with it (SR-59).
        static let isAbandoned = Flags(rawValue: 1 << 1)
        /// No callee has it yet (SR-60).
        static let isWaiting = Flags(rawValue: 1 << 2)
        /// The router itself asks.
        static let isQuestion = Flags(rawValue: 1 << 3)
        /// The caller will send more of its arguments.
        static let expectsChunks = Flags(rawValue: 1 << 4)
        /// The callee was told that the caller takes progressive results.
        static let receivesProgress = Flags(rawValue: 1 << 5)
        /// A progressive result was passed on.
        static let hasProgressed = Flags(rawValue: 1 << 6)
        /// It came, or comes, in more than one CALL.
        static let isProgressive = Flags(rawValue: 1 << 7)
        /// A copy is kept in case that it has to be sent again.
        static let isCopied = Flags(rawValue: 1 << 8)
        /// There is a `RetainedCall`.
        static let isRecorded = Flags(rawValue: 1 << 9)
        /// An ERROR is to name its callee.
        static let namesCallee = Flags(rawValue: 1 << 10)

        /// What a plain YIELD cannot end.
        static let special: Flags = [.isAbandoned, .isQuestion, .expectsChunks]
        static let isKept: Flags = [.isCopied, .isRecorded]
    }

    let caller: SessionKey
    /// The caller's request.
    let request: RequestID
    /// Who is serving it now, and under which of that callee's requests; nobody while it waits.
    var callee: SessionKey
    var invocation = RequestID(0)
    let registration: UInt32
    /// Where the figures of the callee are (see `CalleeFigures`).
    var place: UInt32
    let registrationID: RegistrationID
    /// When the call ends with `wamp.error.timeout`, or stops waiting; `.max` = never.
    var deadline: Moment
    var flags: Flags = []
    /// The place in the queue of deadlines; -1 outside of it.
    var deadlineIndex: Int32 = -1

    /// Stands in a slot without a call.
    static let vacant = PendingCall(
        caller: .router, request: RequestID(0), callee: .router, registration: 0, place: .max,
        registrationID: RegistrationID(0), deadline: .never)

    var isVacant: Bool { request.rawValue == 0 }
    var isKilled: Bool { flags.contains(.isKilled) }
}

/// What a call asks for: the options of its first CALL, which later ones cannot change.
///
/// Spec: Advanced Profile, Progressive Call Invocations.
struct CallTerms {
    var procedure: URI
    /// In milliseconds; 0 = none.
    let timeout: UInt64
    let receivesProgress: Bool
    let isProgressive: Bool
    let isPassthru: Bool
    /// It went to a pattern, so the callee is told what was called.
    let isForPattern: Bool
    /// Whether callees may learn, or must learn, who calls.
    let disclosure: Disclosure
    /// The caller asked for it.
    let disclosesCaller: Bool
    /// The caller asked to be told the callee of an ERROR.
    let wantsCallee: Bool
    /// What decides for `_sticky` and sharded calls.
    let key: UInt64
    let isSharded: Bool
    let trustlevel: UInt64?
    /// What goes on to the callee as it is.
    let custom: Value.Dictionary
}

extension CallTerms {
    /// Of a plain call: no options, an exact registration of no rule of ours, no trust level.
    init(plain procedure: URI, disclosure: Disclosure) {
        self.init(
            procedure: procedure, timeout: 0, receivesProgress: false, isProgressive: false,
            isPassthru: false, isForPattern: false, disclosure: disclosure, disclosesCaller: false,
            wantsCallee: false,
            key: 0, isSharded: false, trustlevel: nil, custom: [:])
    }

    /// Of a call of the router's own, which is disclosed to nobody.
    init(question procedure: URI, timeout: UInt64, isForPattern: Bool, trustlevel: UInt64?) {
        self.init(
            procedure: procedure, timeout: timeout, receivesProgress: false, isProgressive: false,
            isPassthru: false, isForPattern: isForPattern, disclosure: .never,
            disclosesCaller: false, wantsCallee: false, key: 0, isSharded: false,
            trustlevel: trustlevel, custom: [:])
    }
}

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
