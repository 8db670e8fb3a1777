// What was published on a subscription, for those who ask later.
//
// Spec: Advanced Profile, Event History.

import WAMP

/// An event as it was published.
struct StoredEvent {
    let unixMilliseconds: Int64
    let publication: PublicationID
    /// The topic as a value of its own.
    let topic: URI
    let details: Value.Dictionary
    let payload: Payload
    /// Holds no list of sessions: events with such lists are not stored.
    let audience: Audience?

    /// About what it costs to keep, in bytes.
    var size: Int {
        payload.count + 2 * topic.count + details.weight + (audience?.weight ?? 0) + 256
    }
}

/// The latest events of one subscription, oldest first, so many and so large at most.
struct EventHistory {
    private let limit: Int
    private let byteLimit: Int
    /// What was dropped is nil, until it is cleared away in one go.
    private var events: [StoredEvent?] = []
    private var dropped = 0
    private var size = 0

    init(limit: Int, byteLimit: Int) {
        self.limit = limit
        self.byteLimit = byteLimit
    }

    /// All that is kept, in the order of publication.
    var list: [StoredEvent] { events[dropped...].compactMap { $0 } }

    /// The places of what is kept, in the order of publication.
    var indices: Range<Int> { dropped..<events.count }

    /// The event in a place.
    subscript(index: Int) -> StoredEvent? { events[index] }

    /// The place of a publication; nil if it is not kept, or no more.
    func index(of publication: PublicationID) -> Int? {
        events.lastIndex { $0?.publication == publication }
    }

    mutating func append(_ event: StoredEvent) {
        size += event.size
        events.append(event)
        while events.count - dropped > limit || size > byteLimit, dropped < events.count {
            size -= events[dropped]?.size ?? 0
            events[dropped] = nil
            dropped += 1
        }
        if dropped > 32, dropped > events.count / 2 {
            events.removeFirst(dropped)
            dropped = 0
        }
    }
}
