// A call on its way: from the CALL that was accepted to the one final RESULT or ERROR.
//
//                assign           conclude
//     waiting ────────────▶ served ──────────▶ vacant
//      │  ▲                  │  │              ▲   ▲
//      │  └──── withdraw ────┘  │ abandon      │   │
//      │                        ▼              │   │
//      │                    abandoned ─────────┘   │
//      └───────────────── conclude ────────────────┘
//
// Only `CallTable` moves a call; what an end means for others is in Conclusion.swift.

import WAMP

/// One call, and everything that is known of it but what may have to be sent again.
struct CallInFlight {
    enum Phase: UInt8 {
        /// No call is in this slot.
        case vacant
        /// No callee has it. Nearly all calls are here for no time at all; others are in a queue
        /// (SR-60). It may expect chunks, but was neither cancelled nor answered in part.
        case waiting
        /// A callee has it, and its caller waits for the answer.
        case served
        /// Its caller was answered or has left, but its callee is still busy with it (SR-59).
        /// Nothing is kept of it, it has no deadline, and it expects no chunks.
        case abandoned
    }

    struct Flags: OptionSet {
        let rawValue: UInt8

        /// CANCEL in mode `kill` was passed on: the callee's answer ends the call, whatever it is.
        static let isKilled = Flags(rawValue: 1 << 0)
        /// The caller will send more of its arguments.
        static let expectsChunks = Flags(rawValue: 1 << 1)
        /// The callee was told that the caller takes progressive results.
        static let receivesProgress = Flags(rawValue: 1 << 2)
        /// A progressive result was passed on.
        static let hasProgressed = Flags(rawValue: 1 << 3)
        /// It came, or comes, in more than one CALL.
        static let isProgressive = Flags(rawValue: 1 << 4)
        /// A copy is kept in case that it has to be sent again; the table makes a `RetainedCall` of
        /// it when it is.
        static let isCopied = Flags(rawValue: 1 << 5)
        /// There is a `RetainedCall`; never both.
        static let isRecorded = Flags(rawValue: 1 << 6)
        /// An ERROR is to name its callee.
        static let namesCallee = Flags(rawValue: 1 << 7)

        static let isKept: Flags = [.isCopied, .isRecorded]
    }

    /// Whoever asked: a session, or the router itself.
    let caller: SessionKey
    /// The caller's request.
    let request: RequestID
    /// Who is serving it, or busy with it, and under which of that callee's requests; nobody while
    /// it waits.
    var callee = SessionKey.router
    var invocation = RequestID(0)
    let registrationID: RegistrationID
    /// When the call ends with `wamp.error.timeout`, or stops waiting; `.max` = never.
    var deadline: Moment
    // The small ones come last and together: the whole takes 64 bytes, which are copied at once.
    let registration: Slot<Registration>
    /// Where the figures of the callee are.
    var place = Place.none
    /// The place in the queue of deadlines; -1 outside of it.
    var deadlineIndex: Int32 = -1
    var phase = Phase.waiting
    var flags: Flags = []

    init(
        caller: SessionKey, request: RequestID, registration: Slot<Registration>,
        registrationID: RegistrationID, deadline: Moment
    ) {
        self.caller = caller
        self.request = request
        self.registration = registration
        self.registrationID = registrationID
        self.deadline = deadline
    }

    /// The router itself asks.
    var isQuestion: Bool { caller == .router }

    /// Whether a plain YIELD may end it.
    @inline(__always)
    var isPlain: Bool {
        phase == .served && !isQuestion && !flags.contains(.expectsChunks)
    }
}
