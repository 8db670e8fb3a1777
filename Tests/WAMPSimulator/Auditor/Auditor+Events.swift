// Who receives which event: by comparing each event with each condition.

import WAMP
import WAMPRouter

// MARK: Subscribing

extension Auditor {
    func subscribed(_ answer: Subscribed, _ session: AuditedSession) {
        guard case .subscribe(let subscribe)? = session.requests.removeValue(forKey: answer.request)
        else { return fail("SUBSCRIBED without a SUBSCRIBE") }
        let (match, topic) = (subscribe.options.match, subscribe.topic.description)
        check(
            isLenient || Naming.isReserved(topic)
                || scenario.isAllowed(session.role, topic, as: match),
            "\(session.role) may not subscribe to \(topic)")
        let subscription: AuditedSubscription
        var isNew = false
        if let existing = subscriptions[answer.subscription] {
            subscription = existing
            check(
                existing.match == match && existing.topic == topic, "SUBSCRIBED to something else")
        } else {
            subscription = AuditedSubscription(answer.subscription, match, topic)
            check(
                !subscriptions.values.contains { $0.match == match && $0.topic == topic },
                "a second subscription to \(topic)")
            subscriptions[answer.subscription] = subscription
            isNew = !hasHistory(match, topic)
        }
        if subscribe.options.custom.isOn("get_retained") {
            expectRetained(for: session, subscription)
        }
        guard !subscription.subscribers.contains(session.key) else { return }
        subscription.subscribers.append(session.key)
        session.subscriptions.append(subscription.id)
        guard !Naming.isReserved(topic) else { return }
        if isNew {
            expect(
                "wamp.subscription.on_create", [Value(session.id), Value(subscription.id)],
                about: "\(match.rawValue) \(topic)")
        }
        expect("wamp.subscription.on_subscribe", [Value(session.id), Value(subscription.id)])
    }

    func unsubscribed(_ answer: Unsubscribed, _ session: AuditedSession) {
        if let request = answer.request {
            guard case .unsubscribe(let id)? = session.requests.removeValue(forKey: request),
                let subscription = subscriptions[id],
                subscription.subscribers.contains(session.key)
            else { return fail("UNSUBSCRIBED from what the session does not have") }
            remove(session, from: subscription)
            return expectLeaving(session, subscription)
        }
        check(
            session.has(.subscriptionRevocation, as: .subscriber),
            "a revocation to a subscriber that did not announce it")
        let id = answer.details["subscription"]?.unsigned ?? 0
        guard let due = mustRevoke.firstIndex(where: { $0 == (session.key, id) }) else {
            return fail("a revocation without a reason")
        }
        mustRevoke.remove(at: due)
    }

    func remove(_ session: AuditedSession, from subscription: AuditedSubscription) {
        subscription.subscribers.removeAll { $0 == session.key }
        session.subscriptions.removeAll { $0 == subscription.id }
        if subscription.subscribers.isEmpty, !hasHistory(subscription.match, subscription.topic) {
            subscriptions[subscription.id] = nil
        }
    }

    func expectLeaving(_ session: AuditedSession, _ subscription: AuditedSubscription) {
        guard !Naming.isReserved(subscription.topic) else { return }
        let args = [Value(session.id), Value(subscription.id)]
        expect("wamp.subscription.on_unsubscribe", args)
        if subscriptions[subscription.id] == nil { expect("wamp.subscription.on_delete", args) }
    }

    /// Whether a subscription is there for good, since its events are kept.
    private func hasHistory(_ match: MatchPolicy, _ topic: String) -> Bool {
        scenario.settings.topics.contains {
            $0.history > 0 && $0.pattern.match == match && $0.pattern.uri.description == topic
        }
    }
}

// MARK: Publishing

extension Auditor {
    func received(_ publish: Publish, from session: AuditedSession) {
        callCount += 1
        let token =
            publish.options.custom["_token"]?.unsigned ?? Auditor.token(of: publish.payload) ?? 0
        let publication = AuditedPublication(
            token: token, publisher: session.key, identity: session.identity,
            topic: publish.topic.description, options: publish.options,
            isEmpty: publish.payload.isEmpty, order: callCount,
            unixMilliseconds: now.unixMilliseconds)
        publications[token] = publication
        if publish.options.acknowledge {
            session.requests[publish.request] = .publish(publication)
        }
        guard isPublishable(publication) else { return }
        remember(publication)
        if publish.options.custom.isOn("retain") { retain(publication) }
    }

    func isPublishable(_ publication: AuditedPublication) -> Bool {
        let role = publication.identity.authrole ?? ""
        return Naming.isValid(publication.topic) && !Naming.isReserved(publication.topic)
            && scenario.isAllowed(role, publication.topic, as: .exact)
            && !(settings.publisherDisclosure == .never
                && publication.options.custom.isOn("disclose_me"))
    }

    func published(_ answer: Published, _ session: AuditedSession) {
        guard case .publish(let publication)? = session.requests.removeValue(forKey: answer.request)
        else { return fail("PUBLISHED without a PUBLISH") }
        check(isLenient || isPublishable(publication), "PUBLISHED what must not be published")
        check(publicationIDs[publication.token] == nil, "PUBLISHED after the events")
        publicationIDs[publication.token] = answer.publication
    }

    /// The publication has reached everybody it had to.
    func finish(_ publish: Publish) {
        let token =
            publish.options.custom["_token"]?.unsigned ?? Auditor.token(of: publish.payload) ?? 0
        guard let publication = publications[token] else { return }
        let reached = delivered.removeValue(forKey: token) ?? []
        let wanted = isPublishable(publication) ? subscriptionsToReach(publication) : []
        check(
            reached == Set(wanted),
            "publication \(token) on \(publication.topic) reached \(reached), not \(wanted)")
    }

    private func subscriptionsToReach(_ publication: AuditedPublication) -> [SubscriptionID] {
        subscriptions.values.filter {
            Naming.matches($0.match, $0.topic, publication.topic)
                && !receivers(of: publication, on: $0).isEmpty
        }.map(\.id)
    }

    private func receivers(
        of publication: AuditedPublication, on subscription: AuditedSubscription
    ) -> Set<SessionKey> {
        Set(
            subscription.subscribers.filter { key in
                sessions[key].map { publication.admits($0) } ?? false
            })
    }

    /// EVENT, to all who receive it on one subscription.
    func observe(_ event: Event, to keys: [SessionKey]) {
        guard let subscription = subscriptions[event.subscription] else {
            return fail("EVENT of a subscription that nobody has")
        }
        let reached = Set(keys)
        check(!keys.isEmpty && reached.count == keys.count, "an EVENT to nobody, or twice")
        check(
            reached.isSubset(of: subscription.subscribers),
            "EVENT to a session that has left, or did not subscribe")
        guard subscription.match == .exact || event.details.topic != nil else {
            return fail("an EVENT of a pattern names no topic")
        }
        let topic = event.details.topic?.description ?? subscription.topic
        check(
            Naming.matches(subscription.match, subscription.topic, topic),
            "EVENT of \(topic) on \(subscription.topic)")
        if Naming.isReserved(topic) {
            return observe(meta: event, topic, on: subscription, reached)
        }
        let token = event.details.custom["_token"]?.unsigned ?? Auditor.token(of: event.payload)
        guard let token, let publication = publications[token] else {
            return fail("EVENT that nobody published")
        }
        check(publication.topic == topic, "EVENT on another topic than it was published to")
        check(
            receivers(of: publication, on: subscription) == reached,
            "publication \(token) reached others than those it was meant for")
        if let known = publicationIDs[token] {
            check(known == event.publication, "one publication with two ids")
        }
        publicationIDs[token] = event.publication
        check(
            delivered[token, default: []].insert(subscription.id).inserted,
            "publication \(token) twice on one subscription")
        mustPublish.removeAll { $0 == (token, subscription.id) }
        checkDisclosure(event, publication)
    }

    private func checkDisclosure(_ event: Event, _ publication: AuditedPublication) {
        guard !isLenient, event.details.custom["retained"] == nil else { return }
        let isDisclosed =
            switch settings.publisherDisclosure {
            case .never: false
            case .onRequest: publication.options.custom.isOn("disclose_me")
            case .always: true
            }
        check(
            event.details.custom["publisher"]?.unsigned
                == (isDisclosed ? publication.identity.session.rawValue : nil),
            "the publisher is \(isDisclosed ? "not " : "")disclosed")
    }

    // MARK: History

    /// Events for certain sessions are not kept: those who ask later are others.
    func remember(_ publication: AuditedPublication) {
        guard publication.options.custom["eligible"] == nil,
            publication.options.custom["exclude"] == nil
        else { return }
        let kept = (history[publication.topic] ?? []) + [publication]
        history[publication.topic] = kept.suffix(Scenario.historyLength)
    }

    /// `wamp.subscription.get_events`, asked without conditions.
    func checkHistory(_ id: SubscriptionID, _ entries: [Value], for asker: AuditedSession) {
        guard !isLenient, let subscription = subscriptions[id], subscription.match == .exact
        else { return }
        var expected: [UInt64] = []
        if hasHistory(.exact, subscription.topic) {
            // The publisher may read what it did not want to receive.
            expected = (history[subscription.topic] ?? []).filter { publication in
                var publication = publication
                publication.options.excludeMe = false
                return publication.admits(asker)
            }.map(\.token)
        }
        let tokens = entries.compactMap { entry -> UInt64? in
            entry.dictionary?["args"]?.list?.first?.unsigned
                ?? entry.dictionary?["details"]?.dictionary?["_token"]?.unsigned
        }
        check(
            tokens == expected, "the history of \(subscription.topic) is \(tokens), not \(expected)"
        )
    }

    // MARK: Retention

    /// An event that everybody may see replaces all before it; others are kept beside it.
    private func retain(_ publication: AuditedPublication) {
        var events = retained.removeValue(forKey: publication.topic) ?? []
        if !publication.isRestricted {
            if publication.isEmpty { return }
            events = []
        }
        events.append(publication)
        retained[publication.topic] = events
    }

    /// What somebody who subscribes gets: the latest of each topic that was meant for it.
    private func expectRetained(
        for session: AuditedSession, _ subscription: AuditedSubscription
    ) {
        expectedRetained = []
        guard !isLenient else { return }
        var found: [AuditedPublication] = []
        for (topic, events) in retained
        where Naming.matches(subscription.match, subscription.topic, topic) {
            // Of those with lists, the router keeps so many only.
            let kept = events.filter(\.isRestricted).count <= 8
            if !kept { return }
            if let latest = events.last(where: { $0.admits(session) }) { found.append(latest) }
        }
        expectedRetained = found.sorted { $0.order < $1.order }.map {
            (session.key, subscription.id, $0.token)
        }
    }

    /// EVENT to one session: it was retained.
    func observe(retained event: Event, to session: AuditedSession) {
        check(event.details.custom.isOn("retained"), "EVENT to one session that was not retained")
        guard let subscription = subscriptions[event.subscription],
            subscription.subscribers.contains(session.key)
        else { return fail("a retained EVENT before SUBSCRIBED") }
        let token = event.details.custom["_token"]?.unsigned ?? Auditor.token(of: event.payload)
        guard let token, let publication = publications[token] else {
            return fail("a retained EVENT that nobody published")
        }
        check(publication.admits(session), "a retained EVENT that was meant for others")
        if let known = publicationIDs[token] {
            check(known == event.publication, "a retained EVENT with an id of its own")
        }
        if let due = expectedRetained.first {
            check(
                due == (session.key, subscription.id, token), "a retained EVENT out of turn")
            expectedRetained.removeFirst()
        }
    }
}
