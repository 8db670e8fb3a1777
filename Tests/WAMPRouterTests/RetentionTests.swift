// Retained events: protocol.md §6.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Event retention")
struct RetentionTests {
    static let retain: Value.Dictionary = ["retain": true]

    /// What a newcomer gets that asks for retained events: the first argument of each.
    private func news(
        _ realm: TestRealm, _ topic: URI = "t.topic", _ match: MatchPolicy = .exact,
        to peer: Peer? = nil
    ) -> [Value] {
        let peer = peer ?? realm.join("user", authid: "late")
        return realm.trySubscribe(peer, topic, match, getRetained: true).events(to: peer)
            .compactMap(\.args.first)
    }

    @Test("§6 the latest event comes after SUBSCRIBED, under its own publication id")
    func latest() throws {
        let realm = TestRealm()
        let (a, early, late) = (realm.join(), realm.join(), realm.join())
        realm.subscribe(early, "t.topic")
        realm.publish(a, "t.topic", ["old"], RetentionTests.retain)
        let effects = realm.publish(a, "t.topic", ["new"], RetentionTests.retain)
        let event = try #require(effects.events(to: early).first)
        #expect(event.details["retained"] == nil)
        let answer = realm.trySubscribe(late, "t.topic", getRetained: true)
        guard case .send(.subscribed, late.key) = answer.first else {
            Issue.record("SUBSCRIBED must come first: \(answer)")
            return
        }
        let received = try #require(answer.events(to: late).first)
        #expect(answer.count == 2)
        #expect(received.publication == event.publication)
        #expect(received.args == ["new"])
        #expect(received.details == ["retained": true])
    }

    @Test("§6 nothing is sent to those who do not ask, nor what was not to be retained")
    func notAsked() {
        let realm = TestRealm()
        let a = realm.join()
        realm.publish(a, "t.topic", ["kept"], RetentionTests.retain)
        realm.publish(a, "t.topic", ["passing"])
        let late = realm.join()
        #expect(realm.trySubscribe(late, "t.topic").events(to: late).isEmpty)
        #expect(news(realm) == ["kept"])
        #expect(news(realm, "t.other") == [])
    }

    @Test("§6 asking again when subscribed already sends it again")
    func repeated() {
        let realm = TestRealm()
        let (a, b) = (realm.join(), realm.join())
        realm.subscribe(b, "t.topic")
        realm.publish(a, "t.topic", ["kept"], RetentionTests.retain)
        #expect(news(realm, to: b) == ["kept"])
        #expect(news(realm, to: b) == ["kept"])
    }

    @Test("§6 a retained event makes no subscription, and outlives its publisher")
    func withoutSubscription() {
        let realm = TestRealm()
        let a = realm.join()
        realm.publish(a, "t.topic", ["kept"], RetentionTests.retain)
        #expect(realm.realm.subscriptions.count == 0)
        realm.leave(a)
        #expect(news(realm) == ["kept"])
    }

    @Test("§6 the lists are respected: each gets the latest that was meant for it")
    func restricted() {
        let realm = TestRealm()
        let a = realm.join()
        let forBob: Value.Dictionary = ["retain": true, "eligible_authid": ["bob"]]
        let notForBob: Value.Dictionary = ["retain": true, "exclude_authid": ["bob"]]
        func bob() -> Peer { realm.join("user", authid: "bob") }
        realm.publish(a, "t.topic", ["all"], RetentionTests.retain)
        realm.publish(a, "t.topic", ["bob"], forBob)
        #expect(news(realm) == ["all"])
        #expect(news(realm, to: bob()) == ["bob"])
        realm.publish(a, "t.topic", ["others"], notForBob)
        #expect(news(realm) == ["others"])
        #expect(news(realm, to: bob()) == ["bob"])
        realm.publish(a, "t.topic", ["all again"], RetentionTests.retain)
        #expect(news(realm, to: bob()) == ["all again"])
        realm.publish(a, "t.topic", ["nobody"], ["retain": true, "eligible": []])
        #expect(news(realm) == ["all again"])
        for number in 0..<100 { realm.publish(a, "t.topic", [.int(Int64(number))], forBob) }
        #expect(news(realm) == ["all again"])
        #expect(news(realm, to: bob()) == [99])
    }

    @Test("§6 exclude_me holds for the publisher that subscribes later, unless it included itself")
    func excludeMe() {
        let realm = TestRealm()
        let a = realm.join()
        realm.publish(a, "t.topic", ["kept"], RetentionTests.retain)
        #expect(news(realm, to: a) == [])
        realm.publish(a, "t.topic", ["mine"], excludeMe: false, RetentionTests.retain)
        #expect(news(realm, to: a) == ["mine"])
    }

    @Test("§6 a pattern gets the event of every topic that matches, in the order of publication")
    func patterns() {
        let realm = TestRealm()
        let a = realm.join()
        for topic in ["t.c", "t.a", "u.x", "t.b", "t.a.long"] {
            realm.publish(a, URI(topic), [.string(topic)], RetentionTests.retain)
        }
        realm.publish(a, "t.c", ["t.c again"], RetentionTests.retain)
        #expect(news(realm, "t.", .prefix) == ["t.a", "t.b", "t.a.long", "t.c again"])
        #expect(news(realm, ".b", .wildcard) == ["t.b"])
        let late = realm.join()
        let events = realm.trySubscribe(late, "t..long", .wildcard, getRetained: true)
            .events(to: late)
        #expect(events.map(\.details) == [["retained": true, "topic": "t.a.long"]])
    }

    @Test("§6 an event without arguments clears what is retained of its topic")
    func clearing() {
        let realm = TestRealm()
        let a = realm.join()
        realm.publish(a, "t.topic", ["kept"], RetentionTests.retain)
        realm.publish(a, "t.topic", [])
        #expect(news(realm) == ["kept"])
        realm.publish(a, "t.topic", [], RetentionTests.retain)
        #expect(news(realm) == [])
        #expect(realm.realm.retained.topicCount == 0)
    }

    @Test("§6 an event without arguments that is for some only leaves to others what they had")
    func clearingForSome() {
        let realm = TestRealm()
        let (a, late) = (realm.join(), realm.join("user", authid: "bob"))
        realm.publish(a, "t.topic", ["kept"], RetentionTests.retain)
        realm.publish(a, "t.topic", [], ["retain": true, "eligible_authid": ["bob"]])
        #expect(news(realm) == ["kept"])
        let events = realm.trySubscribe(late, "t.topic", getRetained: true).events(to: late)
        #expect(events.map(\.args) == [[]])
    }

    @Test("§6 what the publisher disclosed and what else the event told is kept with it")
    func details() {
        let realm = TestRealm()
        let a = realm.join(authid: "alice")
        realm.publish(a, "t.topic", ["news"], ["retain": true, "disclose_me": true, "_mine": 1])
        let late = realm.join()
        let events = realm.trySubscribe(late, "t.topic", getRetained: true).events(to: late)
        let expected: Value.Dictionary = [
            "publisher": Value(a.id), "publisher_authid": "alice",
            "publisher_authrole": "anonymous", "_mine": 1, "retained": true,
        ]
        #expect(events.map(\.details) == [expected])
    }

    @Test("A topic may be retained by configuration, its publisher need not ask")
    func configured() {
        var settings = RealmSettings()
        settings.topics = [TopicSettings(URIPattern("t.", match: .prefix), retains: true)]
        let realm = TestRealm(settings)
        let a = realm.join()
        realm.publish(a, "t.topic", ["kept"])
        realm.publish(a, "u.topic", ["passing"])
        #expect(news(realm) == ["kept"])
        #expect(news(realm, "u.topic") == [])
    }

    @Test("What would exceed the bounds is not retained, and what was there before is not either")
    func bounds() {
        var limits = Limits()
        limits.retainedTopics = 2
        limits.retainedBytes = 2000
        let realm = TestRealm(limits: limits)
        let a = realm.join()
        for topic in ["t.a", "t.b", "t.c"] {
            realm.publish(a, URI(topic), ["kept"], RetentionTests.retain)
        }
        #expect(news(realm, "t.c") == [])
        #expect(news(realm, "t.a") == ["kept"])
        let large = String(repeating: "x", count: 3000)
        realm.publish(a, "t.a", [.string(large)], RetentionTests.retain)
        #expect(news(realm, "t.a") == [])
        realm.publish(a, "t.c", ["kept"], RetentionTests.retain)
        #expect(news(realm, "t.c") == ["kept"])
    }
}
