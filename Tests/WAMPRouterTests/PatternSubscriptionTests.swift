// Subscriptions to patterns: protocol.md §1.2 and §6.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Pattern subscriptions")
struct PatternSubscriptionTests {
    let realm = TestRealm()

    @Test(
        "§6 a prefix matches by characters, a wildcard by components",
        arguments: [
            ("com.app.e", .prefix, "com.app.emergency", true),
            ("com.app.", .prefix, "com.app.x.y", true),
            ("com.app", .prefix, "com.app", true),
            ("com.app", .prefix, "com.ap", false),
            ("", .prefix, "anything", true),
            ("com..on", .wildcard, "com.app.on", true),
            ("com..on", .wildcard, "com.app.x.on", false),
            ("com..on", .wildcard, "com.app.off", false),
            ("..", .wildcard, "a.b.c", true),
            ("..", .wildcard, "a.b", false),
            ("com.", .wildcard, "com.x", true),
            ("com.", .wildcard, "com.x.y", false),
            ("com.app", .wildcard, "com.app", true),
        ] as [(String, MatchPolicy, String, Bool)])
    func matching(pattern: String, match: MatchPolicy, topic: String, isMatch: Bool) throws {
        let (a, b) = (realm.join(), realm.join())
        let id = try #require(realm.subscribe(a, URI(pattern), match))
        let events = realm.publish(b, URI(topic)).events(to: a)
        #expect(events.map(\.subscription) == (isMatch ? [id] : []))
        #expect(events.allSatisfy { $0.details == ["topic": .string(topic)] })
    }

    @Test("§6 one EVENT for each subscription that matches, under one publication id")
    func several() throws {
        let (a, b) = (realm.join(), realm.join())
        let exact = try #require(realm.subscribe(a, "t.a.b"))
        let short = try #require(realm.subscribe(a, "t", .prefix))
        let long = try #require(realm.subscribe(a, "t.a.", .prefix))
        let wildcard = try #require(realm.subscribe(a, "t..b", .wildcard))
        realm.subscribe(a, "t.b", .prefix)
        let events = realm.publish(b, "t.a.b").events(to: a)
        #expect(Set(events.map(\.subscription)) == [exact, short, long, wildcard])
        #expect(events.count == 4)
        #expect(Set(events.map(\.publication)).count == 1)
        for event in events {
            let topic: Value? = event.subscription == exact ? nil : "t.a.b"
            #expect(event.details["topic"] == topic, "\(event)")
        }
    }

    @Test("§6 the same text under three policies is three subscriptions, each shared")
    func sharing() {
        let (a, b) = (realm.join(), realm.join())
        let ids = MatchPolicy.allCases.map { realm.subscribe(a, "t.x", $0) }
        #expect(Set(ids).count == 3)
        for (match, id) in zip(MatchPolicy.allCases, ids) {
            #expect(realm.subscribe(b, "t.x", match) == id, "\(match)")
            #expect(realm.subscribe(a, "t.x", match) == id, "\(match)")
        }
        #expect(realm.publish(a, "t.x").events(to: b).count == 3)
        #expect(realm.publish(a, "t.x").events(to: a).isEmpty)
    }

    @Test("UNSUBSCRIBE from a pattern ends it for that session alone, and leaves nothing behind")
    func leaving() throws {
        let (a, b, c) = (realm.join(), realm.join(), realm.join())
        for match in [MatchPolicy.prefix, .wildcard] {
            let id = try #require(realm.subscribe(a, "t.x", match), "\(match)")
            realm.subscribe(b, "t.x", match)
            realm.unsubscribe(a, id)
            let effects = realm.publish(c, "t.x")
            #expect(effects.events(to: a).isEmpty, "\(match)")
            #expect(effects.events(to: b).count == 1, "\(match)")
            realm.unsubscribe(b, id)
            #expect(realm.publish(c, "t.x").isEmpty, "\(match)")
            #expect(realm.subscribe(a, "t.x", match) != id, "\(match)")
            realm.leave(a)
            #expect(realm.publish(c, "t.x").isEmpty, "\(match)")
            break
        }
        #expect(realm.realm.subscriptions.count == 0)
    }

    @Test("§1.2 what begins with an empty component gets no event of the router, but for trusted")
    func sweeping() {
        var settings = RealmSettings()
        let rule = PermissionRule(
            URIPattern("", match: .prefix), actions: [.publish, .subscribe])
        settings.permissions = Permissions(
            roles: [
                "user": RolePermissions(rules: [rule], mayReadMeta: true),
                "operator": RolePermissions(rules: [rule], isTrusted: true),
            ])
        let realm = TestRealm(settings)
        let (user, trusted) = (realm.join("user"), realm.join("operator"))
        for peer in [user, trusted] {
            realm.subscribe(peer, "", .prefix)
            realm.subscribe(peer, "..on_join", .wildcard)
        }
        realm.subscribe(user, "wamp.session.", .prefix)
        _ = realm.join("user")
        #expect(realm.lastJoin.events(to: trusted).count == 2)
        let received = realm.lastJoin.events(to: user)
        #expect(received.map(\.details) == [["topic": "wamp.session.on_join"]])
        // What others publish, everybody gets.
        #expect(realm.publish(trusted, "a.b.on_join").events(to: user).count == 2)
    }

    @Test(
        "§11 a pattern that runs into the router's topics gets their events for those who may read",
        arguments: [
            ("w", .prefix), ("wam", .prefix), ("wampctl", .prefix),
            ("wampctl..on_stats", .wildcard),
        ] as [(URI, MatchPolicy)])
    func runningIn(pattern: URI, match: MatchPolicy) throws {
        var settings = RealmSettings()
        let rule = PermissionRule(
            URIPattern("", match: .prefix), actions: [.publish, .subscribe])
        settings.permissions = Permissions(
            roles: [
                "guest": RolePermissions(rules: [rule]),
                "reader": RolePermissions(rules: [rule], mayReadMeta: true),
            ])
        let realm = TestRealm(settings)
        let (guest, reader) = (realm.join("guest"), realm.join("reader"))
        for peer in [guest, reader] {
            try #require(realm.subscribe(peer, pattern, match) != nil, "\(peer)")
        }
        _ = realm.join("guest")
        let effects = realm.lastJoin + realm.advance(milliseconds: 1000)
        #expect(effects.events(to: guest).isEmpty)
        #expect(!effects.events(to: reader).isEmpty)
    }

    @Test("Many patterns that come and go leave just those that are there")
    func churn() {
        var random = SeededRandom(seed: 3)
        let publisher = realm.join()
        let peers = realm.join(4)
        let patterns: [(URI, MatchPolicy)] = [
            ("t.", .prefix), ("t.a", .prefix), ("t.a.", .prefix), ("t.a.b", .prefix),
            ("t..b", .wildcard), (".a.b", .wildcard), ("t.a.", .wildcard), ("..", .wildcard),
            ("t.a.b", .exact), ("t.a.c", .exact),
        ]
        var held: [Peer: [SubscriptionID: (URI, MatchPolicy)]] = [:]
        for round in 0..<2000 {
            let peer = peers[random.index(below: 4)]
            let (uri, match) = patterns[random.index(below: patterns.count)]
            if random.index(below: 2) == 0 {
                if let id = realm.subscribe(peer, uri, match) {
                    held[peer, default: [:]][id] = (uri, match)
                }
            } else if let id = held[peer]?.keys.min() {
                realm.unsubscribe(peer, id)
                held[peer]?[id] = nil
            }
            let topic: URI = ["t.a.b", "t.a.c", "t.x.b", "u.a.b"][random.index(below: 4)]
            let effects = realm.publish(publisher, topic)
            for peer in peers {
                let expected = (held[peer] ?? [:]).filter { $0.value.1.matches($0.value.0, topic) }
                let received = effects.events(to: peer).map(\.subscription)
                #expect(received.sorted() == expected.keys.sorted(), "\(round) \(peer)")
            }
        }
    }
}
