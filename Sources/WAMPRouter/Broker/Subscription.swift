// A subscription: one topic or pattern, and the sessions that share it.

import WAMP

typealias SubscriptionSlot = Slot<Subscription>

struct Subscription: ~Copyable {
    /// 0 in a vacant slot.
    let id: SubscriptionID
    let uri: StoredURI
    let match: MatchPolicy
    /// When the first subscriber came, in milliseconds since 1970.
    let created: Int64
    /// The topic is the router's own, so that subscribing makes no meta events.
    let isReserved: Bool
    /// See `MatchPolicy.isSweeping`.
    let isSweeping: Bool
    /// Whoever subscribes is sent the router's statistics.
    let coversStatistics: Bool
    /// Whether its topic is a URI that may be published to.
    var isValid: Bool
    /// What was published, if that is kept. Such a subscription is there without subscribers, too.
    var history: EventHistory?
    /// In no promised order: a subscriber that leaves is replaced by the last one.
    var subscribers: [SessionKey] = []

    init(
        id: SubscriptionID, topic: URI, match: MatchPolicy, created: Int64, rule: URIRule
    ) {
        self.id = id
        isValid = topic.isValid(rule)
        self.uri = StoredURI(topic)
        self.match = match
        self.created = created
        isReserved = topic.isReserved
        isSweeping = match.isSweeping(topic)
        coversStatistics = !isSweeping && match.matches(topic, Statistics.topic)
    }

    private init() {
        id = SubscriptionID(0)
        isValid = false
        uri = StoredURI()
        match = .exact
        created = 0
        isReserved = false
        isSweeping = false
        coversStatistics = false
    }

    static var vacant: Subscription { Subscription() }
}
