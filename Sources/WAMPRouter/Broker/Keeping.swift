// Events that are kept: retained for subscribers to come, or in a history that can be asked for.
//
// Spec: Advanced Profile, Event Retention and Event History.

import WAMP

extension Realm {
    /// Retains an event for those who subscribe later.
    mutating func retain(_ publication: Publication) {
        retained.retain(
            RetainedEvent(
                publication: publication.id, topic: publication.topic.detached(),
                details: publication.details, payload: publication.payload.detached(),
                audience: publication.audience,
                excluded: publication.publisher.map { sessions[$0].identity.session }),
            limits: limits)
    }

    /// Sends a subscriber the retained events that it would have received.
    mutating func sendRetained(
        of topic: URI, as match: MatchPolicy, to session: SessionKey, under slot: SubscriptionSlot,
        into effects: inout Effects
    ) {
        let events = retained.events(matching: topic, as: match, for: sessions[session].identity)
        for retained in events {
            var details = EventDetails(custom: retained.details)
            details.custom.append("retained", .bool(true))
            if match != .exact { details.topic = retained.topic }
            let event = Event(
                subscription: subscriptions[slot].id, publication: retained.publication,
                details: details, payload: retained.payload)
            counters.eventsDelivered &+= 1
            effects.send(.event(event), to: session)
        }
    }

    /// Makes the subscriptions whose events are to be kept, so that they are there before anybody
    /// subscribes, and ends what is to be kept no longer.
    mutating func keepHistories(created: Int64) {
        let wanted = settings.topics.filter { $0.history > 0 }
        for slot in subscriptions.all where subscriptions[slot].history != nil {
            let pattern = URIPattern(
                URI(subscriptions[slot].uri.string), match: subscriptions[slot].match)
            if !wanted.contains(where: { $0.pattern == pattern }) {
                subscriptions.endHistory(of: slot)
            }
        }
        for topic in wanted {
            let (uri, match) = (topic.pattern.uri, topic.pattern.match)
            let slot =
                subscriptions.find(uri, as: match)
                ?? subscriptions.create(uri, match: match, created: created, random: &random)
            var history = EventHistory(limit: topic.history, byteLimit: limits.historyBytes)
            for event in subscriptions[slot].history?.list ?? [] { history.append(event) }
            subscriptions[slot].history = history
        }
    }

    /// Stores an event in the history of a subscription. One that was meant for certain sessions
    /// only is never stored: those who ask later are others.
    mutating func store(_ publication: Publication, in slot: SubscriptionSlot, at now: Now) {
        if let audience = publication.audience, audience.namesSessions { return }
        var details = publication.details
        let topic = publication.topic.description
        if subscriptions[slot].match != .exact { details.append("topic", .string(topic)) }
        subscriptions[slot].history?.append(
            StoredEvent(
                unixMilliseconds: now.unixMilliseconds, publication: publication.id,
                topic: URI(topic), details: details, payload: publication.payload.detached(),
                audience: publication.audience))
    }
}
