// Publish and subscribe. Spec: Basic Profile, Publish and Subscribe; Advanced Profile, PubSub.

package struct Publish: Equatable, Sendable {
    package var request: RequestID
    package var options: PublishOptions
    package var topic: URI
    package var payload: Payload

    package init(
        request: RequestID, options: PublishOptions = PublishOptions(), topic: URI,
        payload: Payload = Payload()
    ) {
        self.request = request
        self.options = options
        self.topic = topic
        self.payload = payload
    }
}

package struct PublishOptions: Equatable, Sendable {
    package var acknowledge = false
    package var excludeMe = true
    package var custom: Value.Dictionary = [:]

    package init(acknowledge: Bool = false, excludeMe: Bool = true, custom: Value.Dictionary = [:])
    {
        self.acknowledge = acknowledge
        self.excludeMe = excludeMe
        self.custom = custom
    }
}

package struct Published: Equatable, Sendable {
    package var request: RequestID
    package var publication: PublicationID

    package init(request: RequestID, publication: PublicationID) {
        self.request = request
        self.publication = publication
    }
}

package struct Subscribe: Equatable, Sendable {
    package var request: RequestID
    package var options: SubscribeOptions
    package var topic: URI

    package init(request: RequestID, options: SubscribeOptions = SubscribeOptions(), topic: URI) {
        self.request = request
        self.options = options
        self.topic = topic
    }
}

package struct SubscribeOptions: Equatable, Sendable {
    package var match = MatchPolicy.exact
    package var custom: Value.Dictionary = [:]

    package init(match: MatchPolicy = .exact) { self.match = match }
}

package struct Subscribed: Equatable, Sendable {
    package var request: RequestID
    package var subscription: SubscriptionID

    package init(request: RequestID, subscription: SubscriptionID) {
        self.request = request
        self.subscription = subscription
    }
}

package struct Unsubscribe: Equatable, Sendable {
    package var request: RequestID
    package var subscription: SubscriptionID

    package init(request: RequestID, subscription: SubscriptionID) {
        self.request = request
        self.subscription = subscription
    }
}

package struct Unsubscribed: Equatable, Sendable {
    /// The request answered; nil when the router itself took the subscription away (request 0 on
    /// the wire).
    package var request: RequestID?
    /// Only in a revocation: `subscription`, `reason`.
    package var details: Value.Dictionary

    package init(request: RequestID?, details: Value.Dictionary = [:]) {
        self.request = request
        self.details = details
    }
}

package struct Event: Equatable, Sendable {
    package var subscription: SubscriptionID
    package var publication: PublicationID
    package var details: EventDetails
    package var payload: Payload

    package init(
        subscription: SubscriptionID, publication: PublicationID,
        details: EventDetails = EventDetails(),
        payload: Payload = Payload()
    ) {
        self.subscription = subscription
        self.publication = publication
        self.details = details
        self.payload = payload
    }
}

package struct EventDetails: Equatable, Sendable {
    /// The topic published to, for a subscription to a pattern.
    package var topic: URI?
    package var custom: Value.Dictionary = [:]

    package init(custom: Value.Dictionary = [:]) { self.custom = custom }
}

/// Acknowledged delivery, provisional: accepted and ignored.
package struct EventReceived: Equatable, Sendable {
    package var publication: PublicationID

    package init(publication: PublicationID) { self.publication = publication }
}
