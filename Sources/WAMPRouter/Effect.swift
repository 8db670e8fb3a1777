// The whole vocabulary that leaves the core: orders, as values, in the order in which they are to
// be carried out.

package import WAMP

/// A session of a realm: a place in its session table. The generation tells a reused place from the
/// old one.
package struct SessionKey: Hashable, Sendable {
    package let slot: UInt32
    package let generation: UInt32

    package init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    /// The router itself, which asks questions and is sent nothing.
    package static var router: SessionKey { SessionKey(slot: 0, generation: 0) }
}

package enum Effect: Equatable, Sendable {
    indirect case send(Message, to: SessionKey)
    /// One EVENT for many subscribers, to be encoded once per serializer.
    indirect case broadcast(Event, to: [SessionKey])
    /// The session is no more, and has been sent its last message.
    case ended(SessionKey, Ending)
    /// What `Realm.ask` was told, under the token given there.
    indirect case answered(UInt64, Answer)
}

/// Why a message cannot be delivered.
package enum Obstacle: Error, Equatable, CustomStringConvertible {
    /// It is larger than its receiver accepts.
    case tooLarge
    /// The arguments are broken, or the receiver's serializer cannot hold them: the sentence names
    /// the place.
    case invalid(String)

    var error: ErrorURI {
        switch self {
        case .tooLarge: .payloadSizeExceeded
        case .invalid: .invalidPayload
        }
    }

    var args: [Value] {
        switch self {
        case .tooLarge: []
        case .invalid(let sentence): [.string(sentence)]
        }
    }

    package var description: String {
        switch self {
        case .tooLarge: "it is larger than its receiver accepts"
        case .invalid(let sentence): sentence
        }
    }

    /// What is said in place of an error that cannot be delivered.
    func args(of error: ErrorURI) -> [Value] {
        switch self {
        case .tooLarge: []
        case .invalid(let sentence): [.string("\(error): \(sentence)")]
        }
    }
}

/// What came of a question that the router asked a callee.
package enum Answer: Equatable, Sendable {
    case values([Value], Value.Dictionary)
    /// The callee refused, or there was no answer: `no_such_procedure`, `timeout`, `canceled`.
    case failed(ErrorURI, [Value])
}

/// What a plain message becomes on its way through the router: its payload goes on under a new
/// envelope.
///
/// No effect but a value that is handed back, because nothing is done more often.
package struct Passage: Equatable, Sendable {
    package enum Envelope: Equatable, Sendable {
        /// Of a CALL, on its way to the callee.
        case invocation(RequestID, RegistrationID)
        /// Of a YIELD, on its way to the caller; the callee is named if callees are disclosed.
        case result(RequestID, from: SessionKey?)
    }

    package let envelope: Envelope
    package let receiver: SessionKey

    /// The message in full.
    /// - Parameter identity: who a callee is that is to be named. It may have left meanwhile.
    package func message(
        passing plain: PlainMessage, of batch: MessageBatch,
        naming identity: (SessionKey) -> PeerIdentity?
    ) -> Message {
        let payload = batch.payload(of: plain)
        switch envelope {
        case .invocation(let request, let registration):
            return .invocation(
                Invocation(request: request, registration: registration, payload: payload))
        case .result(let request, let callee):
            let details = OutcomeDetails(callee: callee.flatMap(identity))
            return .result(Result(request: request, details: details, payload: payload))
        }
    }
}

/// What becomes of the connection of a session that ended.
package enum Ending: Equatable, Sendable {
    /// GOODBYE was answered: the connection may carry a new session.
    case goodbyeAnswered
    /// The router said GOODBYE: the connection waits for the peer's, ignores all else, and closes.
    case goodbyeSent
    /// The router said ABORT: the connection closes.
    indirect case abortSent(Abort)
    /// The peer said ABORT: the connection closes.
    indirect case abortReceived(Abort)
}

/// A queue of effects that is filled by the realm, emptied by the shell, and used again.
package struct Effects: Equatable, Sendable {
    /// Places are used again: what was taken is nil, and so is what was never filled.
    private var places: [Effect?] = []
    private var taken = 0
    private var end = 0

    package init() {}

    /// All that wait, in order.
    package var list: [Effect] { places[taken..<end].compactMap { $0 } }

    package var isEmpty: Bool { taken == end }

    mutating func append(_ effect: consuming Effect) {
        if end < places.count {
            places[end] = effect
        } else {
            places.append(effect)
        }
        end += 1
    }

    /// Moves all effects of another queue to the end of this one.
    mutating func append(contentsOf others: inout Effects) {
        while let effect = others.popFirst() { append(effect) }
    }

    mutating func send(_ message: consuming Message, to session: SessionKey) {
        append(.send(message, to: session))
    }

    /// Takes the first effect; nil if there is none. The memory of an emptied queue is kept.
    package mutating func popFirst() -> Effect? {
        guard taken < end else { return nil }
        let effect = places[taken].take()
        taken += 1
        if taken == end {
            taken = 0
            end = 0
        }
        return effect
    }

    /// Forgets the effects and keeps the memory.
    package mutating func removeAll() { while popFirst() != nil {} }

    package static func == (left: Effects, right: Effects) -> Bool { left.list == right.list }
}
