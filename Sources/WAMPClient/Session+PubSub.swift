// Publishing and subscribing.

import NIOCore
public import WAMP
import WAMPTransport

/// An event, as a subscriber sees it.
public struct EventMessage: Sendable {
    /// The ids of the subscription and of the publication.
    public let subscription: SubscriptionID
    public let publication: PublicationID
    /// The topic published to, if the subscription is to a pattern.
    public let topic: URI?
    public let details: Value.Dictionary
    /// The arguments, not decoded; they share memory with what was received.
    public let payload: Payload

    init(_ event: Event) {
        subscription = event.subscription
        publication = event.publication
        topic = event.details.topic
        details = event.details.custom
        payload = event.payload
    }

    /// The session that published, if that was disclosed.
    public var publisher: SessionID? { details["publisher"]?.unsigned.map { SessionID($0) } }
    public var publisherAuthid: String? { details["publisher_authid"]?.string }
    public var publisherAuthrole: String? { details["publisher_authrole"]?.string }
    /// Whether it was published before, and kept for those who subscribe later.
    public var isRetained: Bool { details.isOn("retained") }
    /// How far the router trusts the publisher, if it says.
    public var trustLevel: UInt64? { details["trustlevel"]?.unsigned }

    /// The arguments, decoded.
    /// - Throws: a violation for more than a million elements.
    public func values() throws(ProtocolViolation) -> (args: [Value], kwargs: Value.Dictionary) {
        try payload.values()
    }
}

/// A subscription of this session.
public struct Subscription: Hashable, Sendable {
    /// Its id, and the topic or pattern it was made with.
    public let id: SubscriptionID
    public let topic: URI
    /// Tells it from other subscriptions of this session to the same topic.
    let token: Int
}

extension Session {
    /// Publishes an event.
    ///
    /// - Parameter options: PUBLISH.Options as they are: `exclude_me`, `exclude`, `eligible` and
    ///   their kin, `retain`, `disclose_me`, `ppt_scheme` and so on. With `acknowledge` true the
    ///   call waits for the router.
    /// - Returns: the publication's id if it was acknowledged.
    /// - Throws: `error` if the router refuses and was to acknowledge, or for what cannot be sent;
    ///   or why the session ended.
    @discardableResult
    public func publish(
        _ topic: URI, args: [Value] = [], kwargs: Value.Dictionary = [:],
        options: Value.Dictionary = [:]
    ) async throws(ClientError) -> PublicationID? {
        try await publish(
            topic, payload: Payload(args: args, kwargs: kwargs, as: serializer), options: options)
    }

    /// The same, with arguments that are encoded already, in whatever serializer.
    /// - Throws: as the other one.
    @discardableResult
    public func publish(
        _ topic: URI, payload: Payload, options: Value.Dictionary = [:]
    ) async throws(ClientError) -> PublicationID? {
        let options = PublishOptions(try checked(options))
        let payload = try encoded(payload)
        let answer = try await request { link, waiter in
            let request = link.request(waiter) {
                $0.publish(waiter)
            } make: {
                .publish(Publish(request: $0, options: options, topic: topic, payload: payload))
            }
            guard !options.acknowledge, let request else { return }
            link.settle(request)
        }
        guard case .published(let published) = answer else { return nil }
        return published.publication.rawValue == 0 ? nil : published.publication
    }

    /// Subscribes to a topic.
    ///
    /// - Parameters:
    ///   - options: SUBSCRIBE.Options as they are: `match`, `get_retained` and so on.
    ///   - timeout: how long the router may take to answer; nil = as long as the session lasts.
    ///   - onRevoked: called on the event loop when the router takes the subscription away.
    ///   - onEvent: called on the event loop; it must not block.
    /// - Throws: `timeout` if no answer came in time; one that comes later is ignored.
    public func subscribe(
        _ topic: URI, options: Value.Dictionary = [:], timeout: Duration? = nil,
        onRevoked: (@Sendable (Revocation) -> Void)? = nil,
        onEvent: @escaping @Sendable (EventMessage) -> Void
    ) async throws(ClientError) -> Subscription {
        let options = SubscribeOptions(try checked(options))
        let token = nextToken()
        let listener = ClientLink.Listener(onEvent: onEvent, onRevoked: onRevoked)
        let answer = try await request { link, waiter in
            let request = link.request(waiter) {
                $0.subscribe(listener, token: token, waiter)
            } make: {
                .subscribe(Subscribe(request: $0, options: options, topic: topic))
            }
            guard let timeout, let request else { return }
            link.loop.eventLoop.scheduleTask(in: TimeAmount(limit: timeout)) { [weak link] in
                link?.forget(request, .timeout)
            }
        }
        guard case .subscribed(let subscribed) = answer else {
            throw .protocolViolation("\(answer.code.name) answers SUBSCRIBE")
        }
        return Subscription(id: subscribed.subscription, topic: topic, token: token)
    }

    /// Ends a subscription; events that are still on their way are dropped.
    /// - Throws: `error` if the router refuses, or why the session ended.
    public func unsubscribe(_ subscription: Subscription) async throws(ClientError) {
        let answer = try await request { link, waiter in
            link.unsubscribe(subscription.id, token: subscription.token, waiter)
        }
        guard case .unsubscribed = answer else {
            throw .protocolViolation("\(answer.code.name) answers UNSUBSCRIBE")
        }
    }
}

extension PublishOptions {
    /// Options as they were written. What has no meaning here goes to the router as it is.
    init(_ options: Value.Dictionary) {
        self.init(custom: options)
        if let acknowledge = options["acknowledge"]?.bool {
            self.acknowledge = acknowledge
            custom["acknowledge"] = nil
        }
        if let excludeMe = options["exclude_me"]?.bool {
            self.excludeMe = excludeMe
            custom["exclude_me"] = nil
        }
    }
}

extension SubscribeOptions {
    /// Options as they were written. What has no meaning here goes to the router as it is.
    init(_ options: Value.Dictionary) {
        self.init()
        custom = options
        if let match = options["match"]?.string.flatMap(MatchPolicy.init) {
            self.match = match
            custom["match"] = nil
        }
    }
}
