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
        guard mayHear(slot, asker) else {
            throw MetaError(.notAuthorized, "this session may not subscribe to the topic")
        }
        guard let history = subscriptions[slot].history else {
            if settings.followsCrossbar {
                throw MetaError(.historyUnavailable, "no history is kept of this subscription")
            }
            return MetaResult(args: [], kwargs: ["history": false])
        }
        let identity = sessions[asker].identity
        let (events, isLimitReached) = try query.select(
            from: history, within: limits, for: identity)
        let serializer = sessions[asker].transport?.serializer ?? .cbor
        let id = subscriptions[slot].id
        if settings.followsCrossbar {
            // Keyword arguments would make of the list what cannot be subscripted in Python.
            let entries = events.map { $0.crossbarEntry(of: id, for: serializer) }
            return MetaResult(.list(entries.map { .dictionary($0) }))
        }
        return MetaResult(
            args: events.map { .dictionary($0.entry(of: id, for: serializer)) },
            kwargs: ["is_limit_reached": .bool(isLimitReached)])
    }
}

extension Realm {
    /// Whether a session may ask what was published on a subscription: it holds it, or might.
    private func mayHear(_ slot: SubscriptionSlot, _ session: SessionKey) -> Bool {
        if subscriptions.isSubscriber(session, of: slot) { return true }
        let topic = URI(subscriptions[slot].uri.string)
        return knownPermission(
            for: .subscribe, topic, subscriptions[slot].match, of: session) != nil
    }
}

extension StoredEvent {
    /// What is told of the event. Where its arguments and details cannot be told to somebody with
    /// that serializer, it is said why, so that the other events arrive.
    /// - Parameter isListed: whether all entries are to be one list.
    fileprivate func entry(
        of subscription: SubscriptionID, for serializer: Serializer, isListed: Bool = false
    ) -> Value.Dictionary {
        var head: Value.Dictionary = [
            "timestamp": .string(timestamp(unixMilliseconds: unixMilliseconds)),
            "subscription": Value(subscription),
            "publication": Value(publication),
        ]
        let flaw: String
        do throws(ProtocolViolation) {
            let (args, kwargs) = try payload.values()
            var entry = head
            entry.append("details", .dictionary(details))
            if !args.isEmpty { entry.append("args", .list(args)) }
            if !kwargs.isEmpty { entry.append("kwargs", .dictionary(kwargs)) }
            let value = Value.dictionary(entry)
            let result = Payload(args: [isListed ? [value] : value], as: serializer)
            guard let found = result.flaw else { return entry }
            let place = isListed ? "args.0.0." : "args.0."
            flaw = found.hasPrefix(place) ? String(found.dropFirst(place.count)) : found
        } catch {
            flaw = error.description
        }
        head.append("details", [:])
        head.append("error", .string(ErrorURI.invalidPayload.rawValue))
        head.append("message", .string(flaw))
        return head
    }

    /// The same with what Crossbar.io's users look for.
    fileprivate func crossbarEntry(
        of subscription: SubscriptionID, for serializer: Serializer
    ) -> Value.Dictionary {
        var entry = entry(of: subscription, for: serializer, isListed: true)
        entry["topic"] = .string(topic.description)
        if entry["args"] == nil { entry["args"] = [] }
        if entry["kwargs"] == nil { entry["kwargs"] = [:] }
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
        // Crossbar.io returns the latest events, the last of them first.
        let isCrossbar = arguments.isPositional
        isReversed = try arguments.keyword("reverse", "a bool", \.bool) ?? isCrossbar
        let limit = try arguments.keyword("limit", orAt: 1, "a positive integer") {
            $0.unsigned.flatMap { $0 > 0 ? $0 : nil }
        }
        self.limit = limit ?? (isCrossbar ? 10 : nil)
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

    /// - Returns: what was asked for, and whether more would have been: the limit that was given,
    ///   or that of one answer, cut it off. One event is returned however large it is.
    func select(
        from history: EventHistory, within limits: Limits, for asker: PeerIdentity
    ) throws(MetaError) -> (events: [StoredEvent], isLimitReached: Bool) {
        let range = try between(history)
        let most = min(limit ?? .max, UInt64(limits.historyAnswerEvents))
        var events: [StoredEvent] = []
        var size = 0
        for step in range.indices {
            let index = isReversed ? range.upperBound - 1 - (step - range.lowerBound) : step
            guard let event = history[index], isMatch(event),
                event.audience?.admitsPrincipal(asker) ?? true
            else { continue }
            size += event.size
            if UInt64(events.count) == most || !events.isEmpty && size > limits.historyAnswerBytes {
                return (events, true)
            }
            events.append(event)
        }
        return (events, false)
    }

    /// The places between the publications named.
    /// - Throws: `wamp.error.no_such_publication` if one is not kept, or no more: what lies behind
    ///   it cannot be told from what is gone.
    private func between(_ history: EventHistory) throws(MetaError) -> Range<Int> {
        func index(of id: PublicationID) throws(MetaError) -> Int {
            guard let index = history.index(of: id) else {
                throw MetaError(.noSuchPublication, about: "\(id)")
            }
            return index
        }
        var start = history.indices.lowerBound
        var end = history.indices.upperBound
        if let id = fromPublication { start = max(start, try index(of: id)) }
        if let id = afterPublication { start = max(start, try index(of: id) + 1) }
        if let id = beforePublication { end = min(end, try index(of: id)) }
        if let id = untilPublication { end = min(end, try index(of: id) + 1) }
        return start..<max(start, end)
    }

    private func isMatch(_ event: StoredEvent) -> Bool {
        let time = event.unixMilliseconds * 1000
        return topic.map { $0 == event.topic } ?? true
            && fromTime.map { time >= $0 } ?? true && afterTime.map { time > $0 } ?? true
            && beforeTime.map { time < $0 } ?? true && untilTime.map { time <= $0 } ?? true
    }
}
