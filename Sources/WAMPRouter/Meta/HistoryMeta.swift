// wamp.subscription.get_events: what was published on a subscription that keeps a history.
//
// Spec: Advanced Profile, Event History.

import WAMP

extension Realm {
    /// Arguments: subscription, and the filters of `HistoryQuery`. The result is one positional
    /// value for each event, and whether more would have been found.
    func events(
        _ arguments: MetaArguments, for asker: SessionKey
    ) throws(MetaError) -> MetaResult {
        let slot = try subscription(arguments)
        let query = try HistoryQuery(arguments)
        guard mayHear(slot, asker) else { throw MetaError(.notAuthorized) }
        guard let history = subscriptions[slot].history else {
            return MetaResult(args: [], kwargs: ["history": false])
        }
        let asker = sessions[asker].identity
        let stored = history.list.filter { $0.audience?.admitsPrincipal(asker) ?? true }
        let (events, isLimitReached) = query.select(from: stored)
        let id = subscriptions[slot].id
        return MetaResult(
            args: events.map { .dictionary($0.entry(of: id)) },
            kwargs: ["is_limit_reached": .bool(isLimitReached)])
    }
}

extension Realm {
    /// Whether a session may ask what was published on a subscription: it holds it, or might.
    private func mayHear(_ slot: UInt32, _ session: SessionKey) -> Bool {
        if subscriptions.isSubscriber(session, of: slot) { return true }
        let topic = URI(subscriptions[slot].uri.string)
        return knownPermission(
            for: .subscribe, topic, subscriptions[slot].match, of: session) != nil
    }
}

extension StoredEvent {
    fileprivate func entry(of subscription: SubscriptionID) -> Value.Dictionary {
        var entry: Value.Dictionary = [
            "timestamp": .string(timestamp(unixMilliseconds: unixMilliseconds)),
            "subscription": Value(subscription),
            "publication": Value(publication),
            "details": .dictionary(details),
        ]
        // A payload that cannot be read is none that could be shown.
        if let (args, kwargs) = try? payload.values() {
            if !args.isEmpty { entry.append("args", .list(args)) }
            if !kwargs.isEmpty { entry.append("kwargs", .dictionary(kwargs)) }
        }
        return entry
    }
}

/// Which events are asked for. All conditions that are given must hold.
struct HistoryQuery {
    /// The latest event first.
    private let isReversed: Bool
    private let limit: UInt64?
    private let topic: URI?
    /// In microseconds since 1970.
    private let fromTime: Int64?
    private let afterTime: Int64?
    private let beforeTime: Int64?
    private let untilTime: Int64?
    private let fromPublication: PublicationID?
    private let afterPublication: PublicationID?
    private let beforePublication: PublicationID?
    private let untilPublication: PublicationID?

    init(_ arguments: MetaArguments) throws(MetaError) {
        func time(_ key: String) throws(MetaError) -> Int64? {
            try arguments.keyword(key, "a time as in RFC 3339") {
                $0.string.flatMap(unixMicroseconds(rfc3339:))
            }
        }
        func publication(_ key: String) throws(MetaError) -> PublicationID? {
            try arguments.keyword(key, "a publication id") {
                $0.unsigned.map(PublicationID.init)
            }
        }
        isReversed = try arguments.keyword("reverse", "a bool", \.bool) ?? false
        limit = try arguments.keyword("limit", "a positive integer") {
            $0.unsigned.flatMap { $0 > 0 ? $0 : nil }
        }
        topic = try arguments.keyword("topic", "a URI", \.string).map { URI($0) }
        fromTime = try time("from_time")
        afterTime = try time("after_time")
        beforeTime = try time("before_time")
        untilTime = try time("until_time")
        fromPublication = try publication("from_publication")
        afterPublication = try publication("after_publication")
        beforePublication = try publication("before_publication")
        untilPublication = try publication("until_publication")
    }

    /// - Parameter stored: oldest first.
    /// - Returns: what was asked for, and whether the limit cut something off.
    func select(
        from stored: [StoredEvent]
    ) -> (events: [StoredEvent], isLimitReached: Bool) {
        let found = between(stored).filter(isMatch)
        let ordered = isReversed ? found.reversed() : found
        guard let limit, limit < UInt64(ordered.count) else { return (ordered, false) }
        return (Array(ordered.prefix(Int(limit))), true)
    }

    /// What lies between the publications named. Nothing comes after one that is not there, and
    /// all that is there comes before it.
    private func between(_ stored: [StoredEvent]) -> ArraySlice<StoredEvent> {
        func index(of id: PublicationID) -> Int? { stored.firstIndex { $0.publication == id } }
        var start = 0
        var end = stored.count
        if let id = fromPublication { start = max(start, index(of: id) ?? end) }
        if let id = afterPublication { start = max(start, index(of: id).map { $0 + 1 } ?? end) }
        if let id = beforePublication { end = min(end, index(of: id) ?? end) }
        if let id = untilPublication { end = min(end, index(of: id).map { $0 + 1 } ?? end) }
        return start < end ? stored[start..<end] : []
    }

    private func isMatch(_ event: StoredEvent) -> Bool {
        let time = event.unixMilliseconds * 1000
        return topic.map { $0 == event.topic } ?? true
            && fromTime.map { time >= $0 } ?? true && afterTime.map { time > $0 } ?? true
            && beforeTime.map { time < $0 } ?? true && untilTime.map { time <= $0 } ?? true
    }
}
