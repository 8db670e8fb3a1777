// The subscriptions of a realm, found by topic, by id, or by the session that holds them.

import BasicContainers
import WAMP

struct Subscription: ~Copyable {
    /// 0 in a vacant slot.
    let id: SubscriptionID
    let uri: StoredURI
    /// In no promised order: a subscriber that leaves is replaced by the last one.
    var subscribers: [SessionKey] = []

    init(id: SubscriptionID, uri: consuming StoredURI) {
        self.id = id
        self.uri = uri
    }

    static var vacant: Subscription { Subscription(id: SubscriptionID(0), uri: StoredURI()) }
}

struct SubscriptionTable: ~Copyable {
    private var slots = UniqueArray<Subscription>()
    private var vacant: [UInt32] = []
    private var byTopic: URITable
    private var byID: [SubscriptionID: UInt32] = [:]
    /// Per session slot: its subscriptions, and its place in the list of subscribers of each.
    private var bySession: [[UInt32: Int]] = []

    init(seed: UInt64) { byTopic = URITable(seed: seed) }

    var count: Int { byID.count }

    subscript(slot: UInt32) -> Subscription {
        _read { yield slots[Int(slot)] }
    }

    func find(_ topic: URI) -> UInt32? {
        topic.withBytes { bytes in
            byTopic.find(bytes) { URI.isSame(slots[Int($0)].uri.bytes, bytes) }
        }
    }

    func find(_ id: SubscriptionID) -> UInt32? { byID[id] }

    func isSubscriber(_ session: SessionKey, of slot: UInt32) -> Bool {
        Int(session.slot) < bySession.count && bySession[Int(session.slot)][slot] != nil
    }

    func count(of session: SessionKey) -> Int {
        Int(session.slot) < bySession.count ? bySession[Int(session.slot)].count : 0
    }

    func slots(of session: SessionKey) -> [UInt32] {
        Int(session.slot) < bySession.count ? bySession[Int(session.slot)].keys.sorted() : []
    }

    mutating func create(_ topic: URI, random: inout SeededRandom) -> UInt32 {
        var id: SubscriptionID = random.id()
        while byID[id] != nil { id = random.id() }
        let subscription = Subscription(id: id, uri: StoredURI(topic))
        let slot: UInt32
        if let reused = vacant.popLast() {
            slot = reused
            slots[Int(slot)] = subscription
        } else {
            slot = UInt32(slots.count)
            slots.append(subscription)
        }
        byTopic.insert(slots[Int(slot)].uri.bytes, slot: slot)
        byID[id] = slot
        return slot
    }

    mutating func join(_ session: SessionKey, to slot: UInt32) {
        while bySession.count <= Int(session.slot) { bySession.append([:]) }
        bySession[Int(session.slot)][slot] = slots[Int(slot)].subscribers.count
        slots[Int(slot)].subscribers.append(session)
    }

    /// Takes `session` off the subscription, which is deleted with its last subscriber.
    mutating func leave(_ session: SessionKey, from slot: UInt32) {
        guard let place = bySession[Int(session.slot)].removeValue(forKey: slot) else { return }
        let last = slots[Int(slot)].subscribers.removeLast()
        if last != session {
            slots[Int(slot)].subscribers[place] = last
            bySession[Int(last.slot)][slot] = place
        }
        guard slots[Int(slot)].subscribers.isEmpty else { return }
        byTopic.remove(slots[Int(slot)].uri.bytes, slot: slot)
        byID[slots[Int(slot)].id] = nil
        slots[Int(slot)] = .vacant
        vacant.append(slot)
    }
}
