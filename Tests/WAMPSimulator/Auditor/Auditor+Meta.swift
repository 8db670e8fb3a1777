// What the router itself publishes and answers: in the order of what happened, and true.

import WAMP
import WAMPRouter

/// A meta event that is due. Of on_create the details are compared, not their layout.
struct ExpectedEvent: CustomStringConvertible {
    let topic: String
    let args: [Value]
    let about: String?

    var description: String { "\(topic) \(args) \(about ?? "")" }
}

extension Auditor {
    static let metaTopics =
        ["on_join", "on_leave"].map { "wamp.session.\($0)" }
        + ["on_create", "on_register", "on_unregister", "on_delete"].map {
            "wamp.registration.\($0)"
        }
        + ["on_create", "on_subscribe", "on_unsubscribe", "on_delete"].map {
            "wamp.subscription.\($0)"
        }

    /// Whether the router says that it publishes such events.
    func isAnnounced(_ topic: String) -> Bool {
        if topic.hasPrefix("wamp.session.") { return features.contains(.sessionMetaAPI) }
        if topic.hasPrefix("wamp.subscription.") { return features.contains(.subscriptionMetaAPI) }
        return features.contains(.registrationMetaAPI)
    }

    func expect(_ topic: String, _ args: [Value], about: String? = nil) {
        guard observerKey.map({ isListening($0, topic) }) ?? false, !isSilent else { return }
        expectedEvents.append(ExpectedEvent(topic: topic, args: args, about: about))
    }

    func isListening(_ key: SessionKey, _ topic: String) -> Bool {
        subscriptions.values.contains {
            $0.match == .exact && $0.topic == topic && $0.subscribers.contains(key)
        }
    }

    func joined(_ session: AuditedSession) {
        expect("wamp.session.on_join", [Value(session.id)])
    }

    func observe(
        meta event: Event, _ topic: String, on subscription: AuditedSubscription,
        _ reached: Set<SessionKey>
    ) {
        if !subscription.isSweeping {
            check(
                reached == Set(subscription.subscribers), "\(topic) did not reach all subscribers")
        }
        guard subscription.match == .exact, let observerKey, reached.contains(observerKey),
            !isDraining, let args = (try? event.payload.values())?.args
        else { return }
        guard isNext(topic, args) else {
            let due = expectedEvents.first.map { "\($0)" } ?? "nothing"
            return fail("the event \(topic) \(args), but \(due) is due")
        }
        expectedEvents.removeFirst()
        if topic == "wamp.session.on_leave" {
            check(
                !mustPublish.contains {
                    publications[$0.token]?.identity.session.rawValue == args[0].unsigned
                },
                "on_leave comes before a testament")
        }
    }

    private func isNext(_ topic: String, _ args: [Value]) -> Bool {
        guard let due = expectedEvents.first, due.topic == topic, let first = args.first else {
            return false
        }
        if topic == "wamp.session.on_join" {
            return first.dictionary?["session"] == due.args[0]
        }
        guard let about = due.about else { return due.args == args }
        guard args.count == 2, first == due.args[0], let details = args[1].dictionary,
            details["id"] == due.args[1]
        else { return false }
        let words = ["match", "uri", "invoke"].compactMap { details[$0]?.string }
        return words.joined(separator: " ") == about && details["created"]?.string != nil
    }

    /// What a session left to be published must reach whoever may receive it.
    func expectTestaments(of session: AuditedSession) {
        let scopes = ["detached", "destroyed"]
        let testaments = scopes.flatMap { scope in session.testaments.filter { $0.scope == scope } }
        session.testaments = []
        guard !isSilent, !isLenient, !isDraining else { return }
        for testament in testaments {
            guard let publication = publications[testament.token], isPublishable(publication)
            else { continue }
            remember(publication)
            for subscription in subscriptions.values
            where Naming.matches(subscription.match, subscription.topic, publication.topic)
                && !subscription.subscribers.isEmpty
            {
                mustPublish.append((testament.token, subscription.id))
            }
        }
    }
}

// MARK: Procedures

extension Auditor {
    /// The router answered a CALL to itself.
    func answered(_ call: AuditedCall, _ result: Result) {
        let (args, kwargs) = (try? call.payload.values()) ?? ([], [:])
        let value = (try? result.payload.values())?.args.first
        let first = args.first?.unsigned ?? 0
        switch call.procedure {
        case "wamp.session.count":
            check(value == Value(UInt64(present.count)), "session.count is \(value ?? .null)")
        case "wamp.session.list":
            let ids = Set((value?.list ?? []).compactMap(\.unsigned))
            check(ids == Set(keysByID.keys.map(\.rawValue)), "session.list is wrong")
        case "wamp.session.kill":
            if let key = keysByID[SessionID(first)] { mustDepart.append(key) }
        case "wamp.session.kill_by_authid":
            mustKill(call) { $0.identity.authid == args.first?.string }
        case "wamp.session.kill_by_authrole":
            mustKill(call) { $0.identity.authrole == args.first?.string }
        case "wamp.session.kill_all":
            mustKill(call) { _ in true }
            isSilent = true
        case "wamp.session.add_testament": testify(call, args, kwargs)
        case "wamp.session.flush_testaments":
            let scope = kwargs["scope"]?.string ?? "destroyed"
            sessions[call.key.caller]?.testaments.removeAll { $0.scope == scope }
        case "wamp.registration.remove_callee":
            guard let registration = registrations[RegistrationID(first)],
                let key = keysByID[SessionID(args[1].unsigned ?? 0)], let session = sessions[key],
                registration.callee(key) != nil
            else { return fail("remove_callee removed nobody") }
            revoke(registration, session)
        case "wamp.subscription.remove_subscriber":
            guard let subscription = subscriptions[SubscriptionID(first)],
                let key = keysByID[SessionID(args[1].unsigned ?? 0)], let session = sessions[key],
                subscription.subscribers.contains(key)
            else { return fail("remove_subscriber removed nobody") }
            if session.has(.subscriptionRevocation, as: .subscriber) {
                mustRevoke.append((key, subscription.id.rawValue))
            }
            remove(session, from: subscription)
            expectLeaving(session, subscription)
        case "wamp.subscription.get_events":
            let entries = (try? result.payload.values())?.args ?? []
            if let asker = sessions[call.key.caller] {
                checkHistory(SubscriptionID(first), entries, for: asker)
            }
        default: checkAnswer(call.procedure, args, value)
        }
    }

    private func mustKill(_ call: AuditedCall, _ isMeant: (AuditedSession) -> Bool) {
        for key in present where key != call.key.caller {
            if let session = sessions[key], isMeant(session) { mustDepart.append(key) }
        }
    }

    private func testify(_ call: AuditedCall, _ args: [Value], _ kwargs: Value.Dictionary) {
        guard let session = sessions[call.key.caller], args.count > 1,
            let token = args[1].list?.first?.unsigned, let topic = args[0].string
        else { return fail("a testament of nothing") }
        publications[token] = AuditedPublication(
            token: token, publisher: session.key, identity: session.identity, topic: topic,
            options: PublishOptions(), isEmpty: false, order: call.order,
            unixMilliseconds: now.unixMilliseconds)
        session.testaments.append((kwargs["scope"]?.string ?? "destroyed", token, topic))
    }

    /// Procedures that only tell something.
    private func checkAnswer(_ procedure: String, _ args: [Value], _ value: Value?) {
        let first = args.first?.unsigned ?? 0
        let uri = args.first?.string ?? ""
        switch procedure {
        case "wamp.registration.lookup":
            let id = registrations.values.first { $0.match == .exact && $0.uri == uri }?.id
            check(value == id.map { Value($0) } ?? .null, "registration.lookup is wrong")
        case "wamp.registration.match":
            check(
                value == best(for: uri).map { Value($0.id) } ?? .null, "registration.match is wrong"
            )
        case "wamp.registration.list_callees":
            let ids = registrations[RegistrationID(first)]?.callees.map { Value($0.session.id) }
            check(value == ids.map(Value.list), "list_callees is not in the order of joining")
        case "wamp.registration.list":
            let lists = value?.dictionary
            for match in MatchPolicy.allCases {
                let ids = Set((lists?[match.rawValue]?.list ?? []).compactMap(\.unsigned))
                let known = registrations.values.filter { $0.match == match }.map(\.id.rawValue)
                check(ids == Set(known), "registration.list is wrong")
            }
        case "wamp.subscription.list_subscribers":
            let ids = Set((value?.list ?? []).compactMap(\.unsigned))
            let known = subscriptions[SubscriptionID(first)]?.subscribers ?? []
            check(
                ids == Set(known.compactMap { sessions[$0]?.id.rawValue }),
                "list_subscribers is wrong")
        case "wampctl.registration.stats": checkStatistics(RegistrationID(first), value)
        default: break
        }
    }

    private func checkStatistics(_ id: RegistrationID, _ value: Value?) {
        guard let registration = registrations[id] else {
            return fail("figures of a registration that is no more")
        }
        let rows = value?.dictionary?["callees"]?.list ?? []
        check(rows.count == registration.callees.count, "stats shows \(rows.count) callees")
        for (row, callee) in zip(rows, registration.callees) {
            check(
                row.dictionary?["session"] == Value(callee.session.id),
                "stats does not list the callees in order")
            guard callee.concurrency > 0 else { continue }
            check(
                row.dictionary?["in_flight"] == Value(UInt64(callee.load(id))),
                "in_flight is \(row.dictionary?["in_flight"] ?? .null), not \(callee.load(id))")
        }
    }
}
