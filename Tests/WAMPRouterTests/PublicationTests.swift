// Who may receive an event, and what it tells: protocol.md §6 (receivers, identification,
// trust levels) and §9.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Publications")
struct PublicationTests {
    /// Four subscribers: two named alice, two in the role admin.
    struct Audience {
        let realm: TestRealm
        let publisher: Peer
        let peers: [Peer]

        init(_ settings: RealmSettings = RealmSettings()) {
            realm = TestRealm(settings)
            publisher = realm.join("user", authid: "publisher")
            peers = [
                realm.join("user", authid: "alice"), realm.join("admin", authid: "alice"),
                realm.join("user", authid: "bob"), realm.join("admin", authid: "carol"),
            ]
            for peer in peers { realm.subscribe(peer, "t.topic") }
        }

        /// Which of the four get an event.
        func receivers(_ options: Value.Dictionary) -> [Int] {
            let effects = realm.publish(publisher, "t.topic", ["news"], options)
            return peers.indices.filter { !effects.events(to: peers[$0]).isEmpty }
        }

        func ids(_ indices: Int...) -> Value { .list(indices.map { Value(peers[$0].id) }) }
    }

    @Test("§6 each of the six lists that is present must hold")
    func lists() {
        let all = Audience()
        for (options, expected) in [
            ([:], [0, 1, 2, 3]),
            (["eligible": all.ids(0, 3)], [0, 3]),
            (["eligible_authid": ["alice"]], [0, 1]),
            (["eligible_authrole": ["admin", "nobody"]], [1, 3]),
            (["exclude": all.ids(0, 3)], [1, 2]),
            (["exclude_authid": ["alice", "bob"]], [3]),
            (["exclude_authrole": ["admin"]], [0, 2]),
            (["eligible_authid": ["alice"], "eligible_authrole": ["admin"]], [1]),
            (["eligible": all.ids(0), "eligible_authid": ["bob"]], []),
            (["eligible": all.ids(0, 1, 2), "exclude_authid": ["bob"]], [0, 1]),
            (["eligible_authrole": ["admin"], "exclude": all.ids(1)], [3]),
            (["eligible": []], []), (["eligible_authid": []], []), (["eligible_authrole": []], []),
            (["exclude": [], "exclude_authid": [], "exclude_authrole": []], [0, 1, 2, 3]),
            (["eligible": [4711]], []), (["exclude": [4711]], [0, 1, 2, 3]),
        ] as [(Value.Dictionary, [Int])] {
            #expect(all.receivers(options) == expected, "\(options)")
        }
    }

    @Test(
        "§1.2 nobody publishes to what is the router's own",
        arguments: ["wamp", "wamp.x", "wamp.session.on_join", "wampctl.router.x"] as [URI])
    func reserved(topic: URI) {
        let realm = TestRealm()
        let (a, b) = (realm.join(), realm.join())
        realm.subscribe(b, topic)
        let publish = Publish(
            request: realm.request(of: a), options: PublishOptions(acknowledge: true), topic: topic)
        #expect(
            realm.send(.publish(publish), from: a)
                == [a.getsError(.publish, realm.lastRequest(of: a), .invalidURI)])
    }

    @Test("§6 exclude_me and the lists do not know of each other")
    func excludeMe() {
        let all = Audience()
        all.realm.subscribe(all.publisher, "t.topic")
        let mine: Value.Dictionary = ["eligible": [Value(all.publisher.id)]]
        #expect(all.realm.publish(all.publisher, "t.topic", ["news"], mine).isEmpty)
        let effects = all.realm.publish(all.publisher, "t.topic", ["news"], excludeMe: false, mine)
        #expect(effects.events(to: all.publisher).count == 1)
    }

    @Test("§6 the lists hold for subscriptions to patterns, too")
    func listsForPatterns() {
        let all = Audience()
        all.realm.subscribe(all.peers[2], "t.", .prefix)
        let options: Value.Dictionary = ["exclude_authid": ["bob"]]
        let effects = all.realm.publish(all.publisher, "t.topic", ["news"], options)
        #expect(effects.events(to: all.peers[2]).isEmpty)
    }

    static let identity: Value.Dictionary = [
        "publisher_authid": "publisher", "publisher_authrole": "user",
    ]

    @Test(
        "§6 the publisher is named as the realm says and the publisher asks",
        arguments: [
            (.onRequest, false, false), (.onRequest, true, true), (.always, false, true),
            (.always, true, true), (.never, false, false),
        ] as [(Disclosure, Bool, Bool)])
    func disclosure(policy: Disclosure, asks: Bool, isNamed: Bool) throws {
        var settings = RealmSettings()
        settings.publisherDisclosure = policy
        let all = Audience(settings)
        let effects = all.realm.publish(
            all.publisher, "t.topic", ["news"], asks ? ["disclose_me": true] : [:])
        let event = try #require(effects.events(to: all.peers[0]).first)
        var expected: Value.Dictionary = [:]
        if isNamed {
            expected = PublicationTests.identity
            expected["publisher"] = Value(all.publisher.id)
        }
        #expect(event.details == expected)
    }

    @Test("§6 disclose_me where it is forbidden: an error if acknowledged, otherwise nothing")
    func disclosureForbidden() {
        var settings = RealmSettings()
        settings.publisherDisclosure = .never
        let all = Audience(settings)
        let options: Value.Dictionary = ["disclose_me": true]
        #expect(all.realm.publish(all.publisher, "t.topic", ["news"], options).isEmpty)
        #expect(
            all.realm.publish(all.publisher, "t.topic", acknowledge: true, options)
                == [all.publisher.getsError(.publish, 2, .discloseMeNotAllowed)])
        #expect(
            !all.realm.publish(all.publisher, "t.topic", ["news"], ["disclose_me": false]).isEmpty)
    }

    @Test("§6 the trust level is that of the most specific pattern, if it has one")
    func trustlevel() {
        var settings = RealmSettings()
        settings.topics = [
            TopicSettings(URIPattern("t.", match: .prefix), trustlevel: 1),
            TopicSettings(URIPattern("t.long.", match: .prefix), trustlevel: 2),
            TopicSettings(URIPattern("t..wild", match: .wildcard), trustlevel: 3),
            TopicSettings(URIPattern("u..wild", match: .wildcard), trustlevel: 4),
            TopicSettings(URIPattern("t.long.exact"), trustlevel: 0),
            TopicSettings(URIPattern("t.long.silent"), history: 1),
        ]
        let realm = TestRealm(settings)
        let (a, b) = (realm.join(), realm.join())
        realm.subscribe(a, "", .prefix)
        for (topic, level) in [
            ("t.x", 1), ("t.long.x", 2), ("t.x.wild", 1), ("u.x.wild", 4), ("t.long.exact", 0),
            ("t.long.silent", nil), ("v.x", nil),
        ] as [(URI, Value?)] {
            let events = realm.publish(b, topic).events(to: a)
            #expect(events.map { $0.details["trustlevel"] } == [level], "\(topic)")
        }
    }

    @Test("§9 ppt_… goes on unchanged, from a publisher that announced it, to whoever subscribed")
    func passthru() {
        let realm = TestRealm()
        let publisher = realm.join("user", publishing: .payloadPassthruMode)
        let subscriber = realm.join("user")
        realm.subscribe(subscriber, "t.topic")
        let options: Value.Dictionary = [
            "ppt_scheme": "x_mine", "ppt_serializer": "cbor", "ppt_cipher": "aes256gcm",
            "ppt_keyid": "k",
        ]
        let effects = realm.publish(publisher, "t.topic", [.binary([1, 2])], options)
        #expect(effects.events(to: subscriber).map(\.details) == [options])
    }

    @Test(
        "§9 ppt_scheme of a publisher that did not announce it ends its session",
        arguments: [true, false])
    func passthruUnannounced(acknowledge: Bool) {
        let realm = TestRealm()
        let publisher = realm.join("user")
        let effects = realm.publish(
            publisher, "t.topic", acknowledge: acknowledge, ["ppt_scheme": "x_mine"])
        #expect(effects.abortReason == .protocolViolation)
        #expect(effects.count == 2)
        let other = realm.join("user")
        #expect(realm.publish(other, "t.topic", ["news"], ["ppt_scheme": ""]).isEmpty)
    }
}
