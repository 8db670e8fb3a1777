// wamp.subscription.*: which topics are subscribed to, and by whom.
//
// Spec: Advanced Profile, Subscription Meta API and Subscription Revocation.

import WAMP

extension Realm {
    func details(ofSubscription slot: SubscriptionSlot) -> Value.Dictionary {
        [
            "id": Value(subscriptions[slot].id),
            "created": .string(timestamp(unixMilliseconds: subscriptions[slot].created)),
            "uri": .string(subscriptions[slot].uri.string),
            "match": .string(subscriptions[slot].match.rawValue),
        ]
    }

    /// The ids by match policy, oldest first.
    var subscriptionIDs: Value {
        let all = subscriptions.all
        func ids(_ match: MatchPolicy) -> Value {
            .list(
                all.filter { subscriptions[$0].match == match }.map { Value(subscriptions[$0].id) })
        }
        return ["exact": ids(.exact), "prefix": ids(.prefix), "wildcard": ids(.wildcard)]
    }

    /// The subscription to a topic or pattern under a match policy; null if there is none.
    func lookUpSubscription(_ arguments: MetaArguments) throws(MetaError) -> Value {
        let slot = subscriptions.find(try arguments.uri(0), as: try arguments.match())
        return slot.map { Value(subscriptions[$0].id) } ?? .null
    }

    /// All subscriptions that an event of this topic goes to; null if there are none.
    func matchSubscriptions(_ arguments: MetaArguments) throws(MetaError) -> Value {
        let topic = try arguments.uri(0)
        let exact = subscriptions.find(topic).map { [$0] } ?? []
        let slots = exact + subscriptions.findPatterns(matching: topic)
        return slots.isEmpty ? .null : .list(slots.map { Value(subscriptions[$0].id) })
    }

    func subscription(_ arguments: MetaArguments) throws(MetaError) -> SubscriptionSlot {
        let id: SubscriptionID = try arguments.id(0, "subscription")
        guard let slot = subscriptions.find(id) else {
            throw MetaError(.noSuchSubscription, about: "\(id)")
        }
        return slot
    }

    /// The subscribers in the order of subscribing.
    func subscribers(_ arguments: MetaArguments) throws(MetaError) -> [Value] {
        try subscriptions.subscribers(of: subscription(arguments)).map {
            Value(sessions[$0].identity.session)
        }
    }

    /// Arguments: subscription, session; `reason`. The subscriber is told if it announced that it
    /// understands.
    mutating func removeSubscriber(
        _ arguments: MetaArguments, into effects: inout Effects
    ) throws(MetaError) {
        let id: SubscriptionID = try arguments.id(0, "subscription")
        let subscriber: SessionID = try arguments.id(1, "session")
        let reason = try arguments.reason(orAt: 2, otherwise: "wamp.error.unsubscribed")
        guard let session = sessions.key(of: subscriber) else {
            throw MetaError(.noSuchSession, about: "\(subscriber)")
        }
        guard let slot = subscriptions.find(id), subscriptions.isSubscriber(session, of: slot)
        else {
            throw MetaError(
                .noSuchSubscription, "session \(subscriber) has no subscription \(id)")
        }
        let departure = detach(session, from: slot)
        if sessions[session].subscriberFeatures.contains(.subscriptionRevocation) {
            let revocation = Unsubscribed(
                request: nil,
                details: ["subscription": Value(id), "reason": .string(reason.rawValue)])
            effects.send(.unsubscribed(revocation), to: session)
        }
        announce(departure, into: &effects)
    }
}
