// The broker's part of the workload, and calls to the procedures of the router.

import WAMP
import WAMPRouter

extension World {
    func subscribe(_ peer: SimulatedPeer) {
        var options = SubscribeOptions()
        var topic = topicName()
        if auditor.features.contains(.patternBasedSubscription), chance(40),
            let (match, pattern) = any(scenario.patterns)
        {
            options.match = match
            topic = pattern
        } else if chance(15), let meta = any(Auditor.metaTopics.filter(auditor.isAnnounced)) {
            topic = meta
        }
        if auditor.features.contains(.eventRetention), chance(40) {
            options.custom.append("get_retained", true)
        }
        peer.outbox.append(
            .subscribe(
                Subscribe(request: peer.nextRequest(), options: options, topic: URI(topic))))
    }

    func unsubscribe(_ peer: SimulatedPeer) {
        guard let id = any(peer.subscriptions) else { return }
        if chance(90) { peer.subscriptions.removeAll { $0 == id } }
        peer.outbox.append(
            .unsubscribe(Unsubscribe(request: peer.nextRequest(), subscription: id)))
    }

    func publish(_ peer: SimulatedPeer) {
        let token = nextToken()
        var (options, payload) = publication(token, by: peer)
        options.acknowledge = chance(40)
        peer.outbox.append(
            .publish(
                Publish(
                    request: peer.nextRequest(), options: options, topic: URI(topicName()),
                    payload: payload)))
    }

    /// Options and arguments of something that is published.
    private func publication(
        _ token: UInt64, by peer: SimulatedPeer
    ) -> (PublishOptions, Payload) {
        var options = PublishOptions()
        var payload = payload(token, of: peer)
        if chance(40) { return (options, payload) }
        options.excludeMe = chance(60)
        if auditor.features.contains(.subscriberBlackwhiteListing), chance(50) {
            for key in ["eligible", "exclude"] where chance(25) {
                let ids = peers.filter { _ in chance(50) }.map { Value($0.identity.session) }
                options.custom.append(key, .list(ids))
            }
            for key in ["eligible_authid", "exclude_authid"] where chance(20) {
                options.custom.append(
                    key, .list(Scenario.authids.filter { _ in chance(50) }.map(Value.string)))
            }
            for key in ["eligible_authrole", "exclude_authrole"] where chance(10) {
                let roles = Scenario.roles + ["anonymous"]
                options.custom.append(
                    key, .list(roles.filter { _ in chance(50) }.map(Value.string)))
            }
        }
        if auditor.features.contains(.publisherIdentification), chance(20) {
            options.custom.append("disclose_me", true)
        }
        if auditor.features.contains(.eventRetention), chance(40) {
            options.custom.append("retain", true)
            if settings.forwardsCustomOptions, chance(20) {
                // Without arguments, a topic is cleared.
                options.custom.append("_token", Value(token))
                payload = Payload()
            }
        }
        return (options, payload)
    }

    // MARK: The meta API

    func callMeta(_ peer: SimulatedPeer) {
        guard let (procedure, args, kwargs) = metaCall(of: peer) else { return }
        let request = peer.nextRequest()
        peer.calls.append(
            SimulatedPeer.OpenCall(request: request, procedure: procedure, token: 0, chunks: nil))
        peer.outbox.append(
            .call(
                Call(
                    request: request, procedure: URI(procedure),
                    payload: args.isEmpty && kwargs.isEmpty
                        ? Payload() : Payload(args: args, kwargs: kwargs, as: peer.serializer))))
    }

    private func metaCall(
        of peer: SimulatedPeer
    ) -> (String, [Value], Value.Dictionary)? {
        let session = Value(any(peers)?.identity.session ?? SessionID(1))
        let registration = Value(any(auditor.registrationIDs) ?? RegistrationID(1))
        let subscription = Value(any(auditor.subscriptionIDs) ?? SubscriptionID(1))
        let uri = Value.string(any(scenario.names) ?? "p.0")
        let reading: [(String, [Value])] = [
            ("wamp.session.count", []), ("wamp.session.list", []), ("wamp.session.get", [session]),
            ("wamp.registration.list", []), ("wamp.registration.lookup", [uri]),
            ("wamp.registration.match", [uri]), ("wamp.registration.get", [registration]),
            ("wamp.registration.list_callees", [registration]),
            ("wamp.registration.count_callees", [registration]),
            ("wampctl.registration.stats", [registration]), ("wamp.nothing.here", []),
        ]
        let subscriptions: [(String, [Value])] = [
            ("wamp.subscription.list", []), ("wamp.subscription.lookup", [uri]),
            ("wamp.subscription.match", [uri]), ("wamp.subscription.get", [subscription]),
            ("wamp.subscription.list_subscribers", [subscription]),
            ("wamp.subscription.count_subscribers", [subscription]),
            ("wamp.subscription.get_events", [subscription]),
        ]
        let hasSubscriptions = auditor.features.contains(.subscriptionMetaAPI)
        guard hasSubscriptions else { return any(reading).map { ($0, $1, [:]) } }
        let draw = random.index(below: 100)
        switch draw {
        case 0..<40: return any(reading).map { ($0, $1, [:]) }
        case 40..<60: return any(subscriptions).map { ($0, $1, [:]) }
        case 60..<70:
            return ("wamp.registration.remove_callee", [registration, session], [:])
        case 70..<78:
            return ("wamp.subscription.remove_subscriber", [subscription, session], [:])
        case 78..<92:
            guard auditor.features.contains(.testamentMetaAPI) else { return nil }
            let scope: Value = chance(50) ? "destroyed" : "detached"
            if chance(20) { return ("wamp.session.flush_testaments", [], ["scope": scope]) }
            let token = nextToken()
            return (
                "wamp.session.add_testament",
                [.string(any(scenario.names) ?? "p.0"), [Value(token)], [:]], ["scope": scope]
            )
        case 92..<97:
            return ("wamp.session.kill", [session], chance(50) ? ["reason": "t.go"] : [:])
        case 97:
            return ("wamp.session.kill_by_authid", [.string(any(Scenario.authids) ?? "ann")], [:])
        case 98:
            let role = any(Scenario.roles) ?? "guest"
            return chance(30) ? ("wamp.session.kill_by_authrole", [.string(role)], [:]) : nil
        default: return chance(30) ? ("wamp.session.kill_all", [], [:]) : nil
        }
    }
}
