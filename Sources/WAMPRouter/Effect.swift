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
}

package enum Effect: Equatable, Sendable {
    case send(Message, to: SessionKey)
    /// One EVENT for many subscribers, to be encoded once per serializer.
    case broadcast(Event, to: [SessionKey])
    /// The session is no more, and has been sent its last message.
    case ended(SessionKey, Ending)
}

/// What becomes of the connection of a session that ended.
package enum Ending: Equatable, Sendable {
    /// GOODBYE was answered: the connection may carry a new session.
    case goodbyeAnswered
    /// The router said GOODBYE: the connection waits for the peer's, ignores all else, and closes.
    case goodbyeSent
    /// ABORT was sent or received: the connection closes.
    case aborted
}

/// A list of effects that is filled by the realm, emptied by the shell, and used again.
package struct Effects: Equatable, Sendable {
    package private(set) var list: [Effect] = []

    package init() {}

    package var isEmpty: Bool { list.isEmpty }

    mutating func append(_ effect: Effect) { list.append(effect) }

    mutating func send(_ message: Message, to session: SessionKey) {
        list.append(.send(message, to: session))
    }

    /// Forgets the effects and keeps the memory.
    package mutating func removeAll() { list.removeAll(keepingCapacity: true) }
}
