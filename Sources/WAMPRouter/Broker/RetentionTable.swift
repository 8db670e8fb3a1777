// The retained events: of each topic, the last one that was published to be retained.
//
// Spec: Advanced Profile, Event Retention.

import WAMP

struct RetainedEvent {
    let publication: PublicationID
    /// The topic as a value of its own.
    let topic: URI
    let details: Value.Dictionary
    let payload: Payload
    let audience: Audience?
    /// The publisher, if it was not to receive its own event.
    let excluded: SessionID?
    /// Counts all that were retained, so that they can be sent in the order of publication.
    fileprivate(set) var order: UInt64 = 0

    func isFor(_ peer: PeerIdentity) -> Bool {
        excluded != peer.session && audience?.admits(peer) ?? true
    }

    /// About what it costs to keep, in bytes.
    var size: Int {
        payload.count + 2 * topic.count + details.weight + (audience?.weight ?? 0) + 256
    }
}

/// An event that anybody may receive replaces all earlier ones of its topic. Those with lists are
/// kept beside it, so that each subscriber gets the latest that was meant for it, too.
struct RetentionTable {
    private var byTopic: [URI: [RetainedEvent]] = [:]
    private var size = 0
    private var orderCount: UInt64 = 0

    /// How many events with lists are kept of one topic.
    private static let restrictedCount = 8

    var topicCount: Int { byTopic.count }

    /// Keeps an event. One for everybody that has no arguments clears its topic instead.
    mutating func retain(_ event: consuming RetainedEvent, limits: Limits) {
        let topic = event.topic
        var events = byTopic.removeValue(forKey: topic) ?? []
        for event in events { size -= event.size }
        if event.audience == nil {
            if event.payload.isEmpty { return }
            events = []
        } else if events.count(where: { $0.audience != nil }) >= RetentionTable.restrictedCount,
            let oldest = events.firstIndex(where: { $0.audience != nil })
        {
            events.remove(at: oldest)
        }
        orderCount += 1
        event.order = orderCount
        events.append(event)
        let added = events.reduce(0) { $0 + $1.size }
        guard byTopic.count < limits.retainedTopics, size + added <= limits.retainedBytes else {
            return
        }
        size += added
        byTopic[topic] = events
    }

    /// What a subscriber to a topic or pattern is to be sent: of each topic the latest event that
    /// was meant for it, in the order of publication.
    func events(
        matching pattern: URI, as match: MatchPolicy, for peer: PeerIdentity
    ) -> [RetainedEvent] {
        if byTopic.isEmpty { return [] }
        if match == .exact { return latest(byTopic[pattern], for: peer).map { [$0] } ?? [] }
        return byTopic.compactMap { topic, events in
            match.matches(pattern, topic) ? latest(events, for: peer) : nil
        }
        .sorted { $0.order < $1.order }
    }

    private func latest(_ events: [RetainedEvent]?, for peer: PeerIdentity) -> RetainedEvent? {
        events?.last { $0.isFor(peer) }
    }
}
