// The subscriptions of a realm, found by topic, by pattern, by id, or by the session that holds
// them. One for each topic and match policy.

import BasicContainers
import WAMP

struct SubscriptionTable: ~Copyable {
    private var slots = UniqueArray<Subscription>()
    private var vacant: [SubscriptionSlot] = []
    private var byTopic: URITable
    private var patterns: PatternIndex
    private var byID: [SubscriptionID: SubscriptionSlot] = [:]
    /// Per session slot: its subscriptions.
    private var bySession: [[SubscriptionSlot: Membership]] = []
    private var joinCount: UInt64 = 0
    private var rule: URIRule

    struct Membership {
        /// The place in the list of subscribers.
        var place: Int
        /// Counts all that ever subscribed, so that they can be told in order.
        let order: UInt64
    }

    /// - Parameter rule: which URIs are valid topics.
    init(seed: UInt64, rule: URIRule = .loose) {
        self.rule = rule
        byTopic = URITable(seed: seed)
        patterns = PatternIndex(seed: seed)
    }

    var count: Int { byID.count }

    /// The slots in use, in the order in which their subscriptions were created.
    var all: [SubscriptionSlot] {
        byID.values.sorted { (slots[Int($0)].created, $0) < (slots[Int($1)].created, $1) }
    }

    /// The subscription in a slot that is known to be taken.
    subscript(slot: SubscriptionSlot) -> Subscription {
        _read { yield slots[Int(slot)] }
        _modify { yield &slots[Int(slot)] }
    }

    /// The subscription to just this topic.
    func find(_ topic: URI) -> SubscriptionSlot? {
        topic.withBytes { bytes in
            byTopic.find(bytes) { URI.isSame(slots[Int($0)].uri.bytes, bytes) }.map { Slot($0) }
        }
    }

    /// The subscription to a topic or pattern under a match policy.
    func find(_ topic: URI, as match: MatchPolicy) -> SubscriptionSlot? {
        if match == .exact { return find(topic) }
        return topic.withBytes { bytes in
            patterns.find(bytes, as: match) { slots[Int($0)].uri.bytes }.map { Slot($0) }
        }
    }

    func find(_ id: SubscriptionID) -> SubscriptionSlot? { byID[id] }

    /// The subscriptions to patterns that match a topic.
    @inline(__always)
    func findPatterns(matching topic: URI) -> [SubscriptionSlot] {
        patterns.isEmpty ? [] : collectPatterns(matching: topic)
    }

    private func collectPatterns(matching topic: URI) -> [SubscriptionSlot] {
        topic.withBytes { bytes in
            patterns.all(for: bytes) { slots[Int($0)].uri.bytes }.map { Slot($0) }
        }
    }

    func isSubscriber(_ session: SessionKey, of slot: SubscriptionSlot) -> Bool {
        Int(session.slot) < bySession.count && bySession[Int(session.slot)][slot] != nil
    }

    func count(of session: SessionKey) -> Int {
        Int(session.slot) < bySession.count ? bySession[Int(session.slot)].count : 0
    }

    /// The subscriptions of a session in the order in which it joined them.
    func slots(of session: SessionKey) -> [SubscriptionSlot] {
        guard Int(session.slot) < bySession.count else { return [] }
        return bySession[Int(session.slot)].sorted { $0.value.order < $1.value.order }.map(\.key)
    }

    /// The subscribers in the order in which they subscribed.
    func subscribers(of slot: SubscriptionSlot) -> [SessionKey] {
        slots[Int(slot)].subscribers.sorted { order($0, of: slot) < order($1, of: slot) }
    }

    private func order(_ session: SessionKey, of slot: SubscriptionSlot) -> UInt64 {
        bySession[Int(session.slot)][slot]?.order ?? 0
    }

    mutating func create(
        _ topic: URI, match: MatchPolicy = .exact, created: Int64, random: inout SeededRandom
    ) -> SubscriptionSlot {
        var id: SubscriptionID = random.id()
        while byID[id] != nil { id = random.id() }
        let subscription = Subscription(
            id: id, topic: topic, match: match, created: created, rule: rule)
        let slot: SubscriptionSlot
        if let reused = vacant.popLast() {
            slot = reused
            slots[Int(slot)] = subscription
        } else {
            slot = Slot(slots.count)
            slots.append(subscription)
        }
        if match == .exact {
            byTopic.insert(slots[Int(slot)].uri.bytes, slot: slot.index)
        } else {
            patterns.insert(slots[Int(slot)].uri.bytes, as: match, slot: slot.index)
        }
        byID[id] = slot
        return slot
    }

    /// What a valid topic is has changed.
    mutating func setRule(_ rule: URIRule) {
        self.rule = rule
        for slot in slots.indices where slots[slot].id.rawValue != 0 {
            slots[slot].isValid = URI(slots[slot].uri.string).isValid(rule)
        }
    }

    mutating func join(_ session: SessionKey, to slot: SubscriptionSlot) {
        while bySession.count <= Int(session.slot) { bySession.append([:]) }
        joinCount += 1
        bySession[Int(session.slot)][slot] = Membership(
            place: slots[Int(slot)].subscribers.count, order: joinCount)
        slots[Int(slot)].subscribers.append(session)
    }

    /// Takes `session` off the subscription, which is deleted with its last subscriber, unless it
    /// keeps a history.
    /// - Returns: whether it was deleted.
    mutating func remove(_ session: SessionKey, from slot: SubscriptionSlot) -> Bool {
        guard let left = bySession[Int(session.slot)].removeValue(forKey: slot) else {
            return false
        }
        if bySession[Int(session.slot)].isEmpty { bySession[Int(session.slot)] = [:] }
        let last = slots[Int(slot)].subscribers.removeLast()
        if last != session {
            slots[Int(slot)].subscribers[left.place] = last
            bySession[Int(last.slot)][slot]?.place = left.place
        }
        return deleteIfUnused(slot)
    }

    /// Keeps no more events; the subscription goes with its last subscriber, or now.
    mutating func endHistory(of slot: SubscriptionSlot) {
        slots[Int(slot)].history = nil
        _ = deleteIfUnused(slot)
    }

    private mutating func deleteIfUnused(_ slot: SubscriptionSlot) -> Bool {
        guard slots[Int(slot)].subscribers.isEmpty, slots[Int(slot)].history == nil else {
            return false
        }
        let match = slots[Int(slot)].match
        if match == .exact {
            byTopic.remove(slots[Int(slot)].uri.bytes, slot: slot.index)
        } else {
            patterns.remove(slots[Int(slot)].uri.bytes, as: match, slot: slot.index)
        }
        byID[slots[Int(slot)].id] = nil
        slots[Int(slot)] = .vacant
        vacant.append(slot)
        return true
    }
}
