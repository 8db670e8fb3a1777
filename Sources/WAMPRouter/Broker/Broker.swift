// The broker: takes subscriptions, and events to whoever subscribed to their topic.
//
// Spec: Basic Profile, Publish and Subscribe.

import WAMP

extension Realm {
    /// SUBSCRIBE. Asking again for what one has gets the same id and changes nothing.
    mutating func subscribe(
        _ subscribe: Subscribe, from session: SessionKey, at now: Now, into effects: inout Effects
    ) {
        func refuse(_ error: ErrorURI, _ args: [Value] = [], kwargs: Value.Dictionary = [:]) {
            self.refuse(
                .subscribe, subscribe.request, of: session, error, args, kwargs: kwargs,
                into: &effects)
        }
        guard subscribe.options.match == .exact else {
            return refuse(.featureNotSupported, ["pattern-based subscription is not supported"])
        }
        guard subscribe.topic.isValid(settings.uriRule) else { return refuse(.invalidURI) }
        let found = subscriptions.find(subscribe.topic)
        let isSubscriber = found.map { subscriptions.isSubscriber(session, of: $0) } ?? false
        guard isSubscriber || subscriptions.count(of: session) < limits.subscriptionsPerSession
        else {
            return refuse(.unavailable, kwargs: ["reason": "overload"])
        }
        let slot = found ?? subscriptions.create(subscribe.topic, random: &random)
        if !isSubscriber { subscriptions.join(session, to: slot) }
        let answer = Subscribed(request: subscribe.request, subscription: subscriptions[slot].id)
        effects.send(.subscribed(answer), to: session)
    }

    /// UNSUBSCRIBE from a subscription that the session holds.
    mutating func unsubscribe(
        _ unsubscribe: Unsubscribe, from session: SessionKey, into effects: inout Effects
    ) {
        guard let slot = subscriptions.find(unsubscribe.subscription),
            subscriptions.isSubscriber(session, of: slot)
        else {
            return refuse(
                .unsubscribe, unsubscribe.request, of: session, .noSuchSubscription, into: &effects)
        }
        subscriptions.leave(session, from: slot)
        effects.send(.unsubscribed(Unsubscribed(request: unsubscribe.request)), to: session)
    }

    /// PUBLISH. Unless it is to be acknowledged, every failure is silent.
    mutating func publish(
        _ publish: Publish, from session: SessionKey, at now: Now, into effects: inout Effects
    ) {
        let slot = subscriptions.find(publish.topic)
        // A topic that has subscribers is valid.
        guard !publish.topic.isReserved, slot != nil || publish.topic.isValid(settings.uriRule)
        else {
            if publish.options.acknowledge {
                refuse(.publish, publish.request, of: session, .invalidURI, into: &effects)
            }
            return
        }
        let publication: PublicationID = random.id()
        if publish.options.acknowledge {
            effects.send(
                .published(Published(request: publish.request, publication: publication)),
                to: session)
        }
        guard let slot else { return }
        let excluded = publish.options.excludeMe ? session : nil
        broadcast(
            slot, publication,
            EventDetails(
                custom: publish.options.custom.forwardable(
                    withCustom: settings.forwardsCustomOptions)),
            publish.payload,
            except: excluded, into: &effects)
    }

    /// Publishes an event of the meta API, in the router's name: nobody is excluded. `args` is made
    /// only if somebody listens.
    mutating func publishMeta(
        _ topic: StaticString, into effects: inout Effects,
        args: (borrowing Realm) -> [Value]
    ) {
        guard subscriptions.count > 0, let slot = subscriptions.find(URI("\(topic)")) else {
            return
        }
        broadcast(
            slot, random.id(), EventDetails(), Payload(args: args(self)), except: nil,
            into: &effects)
    }

    private func broadcast(
        _ slot: UInt32, _ publication: PublicationID, _ details: EventDetails, _ payload: Payload,
        except excluded: SessionKey?, into effects: inout Effects
    ) {
        var receivers = subscriptions[slot].subscribers
        if let excluded, subscriptions.isSubscriber(excluded, of: slot) {
            receivers.removeAll { $0 == excluded }
        }
        guard !receivers.isEmpty else { return }
        let event = Event(
            subscription: subscriptions[slot].id, publication: publication, details: details,
            payload: payload)
        effects.append(.broadcast(event, to: receivers))
    }
}
