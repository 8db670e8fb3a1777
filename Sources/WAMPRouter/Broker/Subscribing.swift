// SUBSCRIBE and UNSUBSCRIBE: who listens to what.
//
// Spec: Basic Profile, Subscribing and Unsubscribing; Advanced Profile, Pattern-based Subscriptions
// and Subscription Meta API.

import WAMP

extension Realm {
    /// SUBSCRIBE. Asking again for what one has gets the same id and changes nothing; a retained
    /// event is sent again.
    mutating func subscribe(
        _ subscribe: Subscribe, from session: SessionKey, at now: Now, into effects: inout Effects
    ) {
        let (topic, match) = (subscribe.topic, subscribe.options.match)
        guard topic.isValid(settings.uriRule, as: match) else {
            return refuse(
                .subscribe, subscribe.request, of: session, .invalidURI, about: topic.excerpt,
                into: &effects)
        }
        guard
            permission(
                for: .subscribe, topic, match, of: session, request: subscribe.request,
                message: .subscribe(subscribe), at: now, into: &effects) != nil
        else { return }
        let found = subscriptions.find(topic, as: match)
        let isSubscriber = found.map { subscriptions.isSubscriber(session, of: $0) } ?? false
        guard isSubscriber || subscriptions.count(of: session) < limits.subscriptionsPerSession
        else {
            return refuse(
                .subscribe, subscribe.request, of: session, .unavailable,
                kwargs: ["reason": "overload"], into: &effects)
        }
        let slot =
            found
            ?? subscriptions.create(
                topic, match: match, created: now.unixMilliseconds, random: &random)
        if !isSubscriber { join(subscription: slot, session, at: now) }
        let answer = Subscribed(request: subscribe.request, subscription: subscriptions[slot].id)
        effects.send(.subscribed(answer), to: session)
        if subscribe.options.custom.isOn("get_retained") {
            sendRetained(of: topic, as: match, to: session, under: slot, into: &effects)
        }
        if !isSubscriber {
            announceJoin(of: session, to: slot, isNew: found == nil, into: &effects)
        }
    }

    /// UNSUBSCRIBE from a subscription that the session holds.
    mutating func unsubscribe(
        _ unsubscribe: Unsubscribe, from session: SessionKey, into effects: inout Effects
    ) {
        guard let slot = subscriptions.find(unsubscribe.subscription),
            subscriptions.isSubscriber(session, of: slot)
        else {
            return refuse(
                .unsubscribe, unsubscribe.request, of: session, .noSuchSubscription,
                about: "\(unsubscribe.subscription)", into: &effects)
        }
        let departure = detach(session, from: slot)
        effects.send(.unsubscribed(Unsubscribed(request: unsubscribe.request)), to: session)
        announce(departure, into: &effects)
    }

    private mutating func join(
        subscription slot: SubscriptionSlot, _ session: SessionKey, at now: Now
    ) {
        subscriptions.join(session, to: slot)
        if subscriptions[slot].coversStatistics { statistics.addListener(at: now) }
    }

    private mutating func announceJoin(
        of session: SessionKey, to slot: SubscriptionSlot, isNew: Bool, into effects: inout Effects
    ) {
        guard !subscriptions[slot].isReserved else { return }
        let subscriber = Value(sessions[session].identity.session)
        if isNew {
            publishMeta("wamp.subscription.on_create", into: &effects) {
                [subscriber, .dictionary($0.details(ofSubscription: slot))]
            }
        }
        publishMeta("wamp.subscription.on_subscribe", into: &effects) {
            [subscriber, Value($0.subscriptions[slot].id)]
        }
    }

    /// Takes a session off a subscription. Whoever does so tells everybody, after the replies.
    mutating func detach(_ session: SessionKey, from slot: SubscriptionSlot) -> SubscriberDeparture
    {
        if subscriptions[slot].coversStatistics { statistics.removeListener() }
        let (id, isReserved) = (subscriptions[slot].id, subscriptions[slot].isReserved)
        let isDeleted = subscriptions.remove(session, from: slot)
        return SubscriberDeparture(
            subscriber: sessions[session].identity.session, subscription: id,
            isDeleted: isDeleted, isSilent: isReserved)
    }

    /// Tells everybody who listens that a subscriber is gone, and the subscription with it if it
    /// was the last.
    mutating func announce(_ departure: SubscriberDeparture, into effects: inout Effects) {
        guard !departure.isSilent else { return }
        let args = [Value(departure.subscriber), Value(departure.subscription)]
        publishMeta("wamp.subscription.on_unsubscribe", into: &effects) { _ in args }
        if departure.isDeleted {
            publishMeta("wamp.subscription.on_delete", into: &effects) { _ in args }
        }
    }
}

/// A subscriber that was taken off its subscription.
struct SubscriberDeparture {
    let subscriber: SessionID
    let subscription: SubscriptionID
    /// It was the last one.
    let isDeleted: Bool
    /// Nobody is told, because the topic is the router's own.
    let isSilent: Bool
}
