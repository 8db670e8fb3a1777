// What the meta API tells of subscriptions: protocol.md §8.3; revocation: §6.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Subscription meta API")
struct SubscriptionMetaTests {
    static let topics = ["on_create", "on_subscribe", "on_unsubscribe", "on_delete"].map {
        "wamp.subscription.\($0)"
    }

    let realm = TestRealm()
    let listener: Listener

    init() { listener = Listener(realm.join(), to: SubscriptionMetaTests.topics, in: realm) }

    private func event(_ name: String, _ peer: Peer, _ id: SubscriptionID) -> MetaEvent {
        MetaEvent("wamp.subscription.\(name)", peer, id)
    }

    @Test("§8.3 the first subscriber: SUBSCRIBED, then on_create, then on_subscribe")
    func create() throws {
        for match in MatchPolicy.allCases {
            let a = realm.join()
            let effects = realm.trySubscribe(a, "t.x", match)
            guard case .send(.subscribed(let answer), a.key) = effects.first else {
                Issue.record("SUBSCRIBED must come first: \(effects)")
                return
            }
            let id = answer.subscription
            let details: Value = [
                "id": Value(id), "created": TestRealm.created, "uri": "t.x",
                "match": .string(match.rawValue),
            ]
            #expect(effects.count == 3, "\(match)")
            #expect(
                listener.events(in: effects) == [
                    MetaEvent("wamp.subscription.on_create", [Value(a.id), details]),
                    event("on_subscribe", a, id),
                ], "\(match)")
        }
    }

    @Test("§8.3 a further subscriber: on_subscribe only; asking again: nothing")
    func join() throws {
        let (a, b) = (realm.join(), realm.join())
        let id = try #require(realm.subscribe(a, "t.x"))
        let effects = realm.trySubscribe(b, "t.x")
        #expect(listener.events(in: effects) == [event("on_subscribe", b, id)])
        #expect(effects.count == 2)
        #expect(realm.trySubscribe(b, "t.x").count == 1)
        #expect(realm.trySubscribe(b, "t..x").count == 1)
    }

    @Test("§8.3 on_unsubscribe after UNSUBSCRIBED, on_delete with the last one's session")
    func delete() throws {
        let (a, b) = (realm.join(), realm.join())
        let id = try #require(realm.subscribe(a, "t.x"))
        realm.subscribe(b, "t.x")
        let first = realm.unsubscribe(a, id)
        #expect(first.first == a.gets(.unsubscribed(Unsubscribed(request: 2))))
        #expect(listener.events(in: first) == [event("on_unsubscribe", a, id)])
        #expect(
            listener.events(in: realm.leave(b)) == [
                event("on_unsubscribe", b, id), event("on_delete", b, id),
            ])
        #expect(listener.events(in: realm.unsubscribe(a, id)).isEmpty)
    }

    @Test("§8 a subscriber sees its own events")
    func ownEvents() throws {
        let a = realm.join()
        let own = Listener(a, to: SubscriptionMetaTests.topics, in: realm)
        #expect(own.events(in: realm.trySubscribe(a, "t.x")).count == 2)
    }

    @Test("§8 subscriptions to what is below wamp. make no event")
    func reserved() throws {
        let a = realm.join()
        for (topic, match) in [
            ("wamp.session.on_join", .exact), ("wamp.", .prefix), ("wamp..on_join", .wildcard),
        ] as [(URI, MatchPolicy)] {
            let effects = realm.trySubscribe(a, topic, match)
            #expect(effects.count == 1, "\(topic) \(match)")
            let id = try #require(realm.subscribe(a, topic, match), "\(topic) \(match)")
            #expect(realm.unsubscribe(a, id).count == 1, "\(topic) \(match)")
        }
    }

    @Test("§8 a lost session: registrations, then subscriptions in the order of joining")
    func lost() throws {
        let (a, other) = (realm.join(), realm.join())
        let registrations = Listener(realm.join(), in: realm)
        realm.subscribe(a, "wamp.session.on_join")
        let y = try #require(realm.subscribe(other, "t.y"))
        let z = try #require(realm.subscribe(a, "t.z", .prefix))
        realm.subscribe(a, "t.y")
        let x = try #require(realm.subscribe(a, "t.x"))
        realm.register(a, "t.procedure")
        let effects = realm.leave(a)
        #expect(
            listener.events(in: effects) == [
                event("on_unsubscribe", a, z), event("on_delete", a, z),
                event("on_unsubscribe", a, y),
                event("on_unsubscribe", a, x), event("on_delete", a, x),
            ])
        #expect(registrations.events(in: Array(effects.prefix(2))).count == 2)
    }

    @Test("§8.3 list tells all by their match policy, oldest first")
    func list() throws {
        let realm = TestRealm()
        let a = realm.join()
        let x = try #require(realm.subscribe(a, "t.x"))
        let prefix = try #require(realm.subscribe(a, "t.", .prefix))
        let wildcard = try #require(realm.subscribe(a, "t..x", .wildcard))
        let y = try #require(realm.subscribe(a, "t.y"))
        let expected: Value = [
            "exact": [Value(x), Value(y)], "prefix": [Value(prefix)],
            "wildcard": [Value(wildcard)],
        ]
        #expect(realm.meta("wamp.subscription.list", from: a) == expected)
    }

    @Test("§8.3 lookup finds one by text and policy, match all that an event would go to")
    func lookup() throws {
        let a = realm.join()
        let exact = try #require(realm.subscribe(a, "t.x"))
        let prefix = try #require(realm.subscribe(a, "t.", .prefix))
        let wildcard = try #require(realm.subscribe(a, ".x", .wildcard))
        for (args, expected) in [
            (["t.x"], Value(exact)), (["t.x", ["match": "exact"]], Value(exact)),
            (["t.x", nil], Value(exact)), (["t.", ["match": "prefix"]], Value(prefix)),
            ([".x", ["match": "wildcard"]], Value(wildcard)),
            (["t.x", ["match": "prefix"]], nil), (["t.none"], nil),
        ] as [([Value], Value)] {
            #expect(realm.meta("wamp.subscription.lookup", args, from: a) == expected, "\(args)")
        }
        #expect(
            realm.meta("wamp.subscription.match", ["t.x"], from: a)
                == [Value(exact), Value(prefix), Value(wildcard)])
        #expect(realm.meta("wamp.subscription.match", ["t.y"], from: a) == [Value(prefix)])
        #expect(realm.meta("wamp.subscription.match", ["u.y"], from: a) == .null)
        for args in [[], [1], ["t.x", 1], ["t.x", ["match": "glob"]]] as [[Value]] {
            #expect(
                realm.call(a, "wamp.subscription.lookup", args).refusal == .invalidArgument,
                "\(args)")
        }
        #expect(realm.call(a, "wamp.subscription.match").refusal == .invalidArgument)
    }

    @Test("§8.3 get tells four things; subscribers are told in the order of subscribing")
    func get() throws {
        let peers = realm.join(4)
        let id = try #require(realm.subscribe(peers[0], "t.", .prefix))
        for peer in peers[1...] { realm.subscribe(peer, "t.", .prefix) }
        let details: Value = [
            "id": Value(id), "created": TestRealm.created, "uri": "t.", "match": "prefix",
        ]
        let caller = peers[3]
        #expect(realm.meta("wamp.subscription.get", [Value(id)], from: caller) == details)
        realm.leave(peers[1])
        #expect(
            realm.meta("wamp.subscription.list_subscribers", [Value(id)], from: caller)
                == .list([0, 2, 3].map { Value(peers[$0].id) }))
        #expect(
            realm.meta("wamp.subscription.count_subscribers", [Value(id)], from: caller) == 3)
    }

    @Test(
        "§8.3 an unknown subscription is no_such_subscription, a wrong argument invalid_argument",
        arguments: ["get", "list_subscribers", "count_subscribers"])
    func unknown(name: String) {
        let a = realm.join()
        let procedure = URI("wamp.subscription.\(name)")
        #expect(realm.call(a, procedure, [4711]).refusal == .noSuchSubscription)
        for args in [[], ["4711"], [-1], [nil]] as [[Value]] {
            #expect(realm.call(a, procedure, args).refusal == .invalidArgument, "\(args)")
        }
    }

    // MARK: Revocation

    @Test("§6 a subscriber is taken away: answer, UNSUBSCRIBED with request 0, meta events")
    func revocation() throws {
        let (caller, other) = (realm.join(), realm.join())
        let a = realm.join("user", subscribing: .subscriptionRevocation)
        let id = try #require(realm.subscribe(other, "t.x"))
        realm.subscribe(a, "t.x")
        let effects = realm.call(
            caller, "wamp.subscription.remove_subscriber", [Value(id), Value(a.id)],
            kwargs: ["reason": "t.reason"])
        #expect(effects.first == caller.getsResult(1, from: nil))
        #expect(
            effects.dropFirst().first
                == a.gets(
                    .unsubscribed(
                        Unsubscribed(
                            request: nil,
                            details: ["subscription": Value(id), "reason": "t.reason"]))))
        #expect(listener.events(in: effects) == [event("on_unsubscribe", a, id)])
        #expect(realm.publish(caller, "t.x").events(to: a).isEmpty)
        #expect(realm.unsubscribe(a, id).refusal == .noSuchSubscription)
        #expect(realm.publish(caller, "t.x").events(to: other).count == 1)
    }

    @Test("§6 one that did not announce it is taken away without being told")
    func silentRevocation() throws {
        let (caller, a) = (realm.join(), realm.join())
        let id = try #require(realm.subscribe(a, "t.x"))
        let effects = realm.call(
            caller, "wamp.subscription.remove_subscriber", [Value(id), Value(a.id)])
        #expect(effects.count == 3)
        #expect(
            listener.events(in: effects) == [
                event("on_unsubscribe", a, id), event("on_delete", a, id),
            ])
    }

    @Test("§8.3 whom it cannot take away, and what is no reason")
    func revocationErrors() throws {
        let (caller, a, other) = (realm.join(), realm.join(), realm.join())
        let id = try #require(realm.subscribe(a, "t.x"))
        let uri: URI = "wamp.subscription.remove_subscriber"
        for (args, error) in [
            ([Value(id), 4711], .noSuchSession), ([4711, Value(a.id)], .noSuchSubscription),
            ([Value(id), Value(other.id)], .noSuchSubscription), ([Value(id)], .invalidArgument),
            ([], .invalidArgument), (["x", Value(a.id)], .invalidArgument),
        ] as [([Value], ErrorURI)] {
            #expect(realm.call(caller, uri, args).refusal == error, "\(args)")
        }
        let args = [Value(id), Value(a.id)]
        #expect(
            realm.call(caller, uri, args, kwargs: ["reason": "no uri"]).refusal == .invalidURI)
        #expect(
            realm.call(caller, uri, args, kwargs: ["reason": 1]).refusal == .invalidArgument)
        #expect(realm.publish(caller, "t.x").events(to: a).count == 1)
    }
}
