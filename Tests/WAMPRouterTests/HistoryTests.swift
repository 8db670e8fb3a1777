// The history of events: protocol.md §6.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Event history")
struct HistoryTests {
    let realm: TestRealm
    let asker: Peer
    let id: SubscriptionID

    init() throws {
        var settings = RealmSettings()
        settings.topics = [
            TopicSettings(URIPattern("t.log"), history: 5),
            TopicSettings(URIPattern("t.", match: .prefix), history: 100),
        ]
        realm = TestRealm(settings)
        asker = realm.join("user", authid: "asker")
        id = SubscriptionID(
            try #require(
                realm.meta("wamp.subscription.lookup", ["t.log"], from: asker)?.unsigned))
    }

    private func ask(
        _ kwargs: Value.Dictionary = [:], from peer: Peer? = nil, _ id: SubscriptionID? = nil
    ) -> (args: [Value], kwargs: Value.Dictionary)? {
        realm.call(
            peer ?? asker, "wamp.subscription.get_events", [Value(id ?? self.id)], kwargs: kwargs
        ).result
    }

    /// The first argument of each event found.
    private func find(_ kwargs: Value.Dictionary = [:], from peer: Peer? = nil) -> [Value]? {
        ask(kwargs, from: peer)?.args.compactMap { $0.dictionary?["args"]?.list?.first }
    }

    @Test("§6 what was published before anybody subscribed is there, each event in full")
    func entries() throws {
        let a = realm.join()
        #expect(ask()?.args == [])
        let effects = realm.publish(
            a, "t.log", ["x"], acknowledge: true, ["disclose_me": true, "_mine": 1])
        guard case .send(.published(let published), _) = effects.first else {
            Issue.record("PUBLISHED must come first: \(effects)")
            return
        }
        let (args, kwargs) = try #require(ask())
        let entry: Value = [
            "timestamp": TestRealm.created, "subscription": Value(id),
            "publication": Value(published.publication),
            "details": [
                "publisher": Value(a.id), "publisher_authid": .string(a.identity.authid ?? ""),
                "publisher_authrole": "anonymous", "_mine": 1,
            ],
            "args": ["x"],
        ]
        #expect(args == [entry])
        #expect(kwargs == ["is_limit_reached": false])
        let subscriber = realm.join()
        #expect(realm.subscribe(subscriber, "t.log") == id)
        realm.leave(subscriber)
        #expect(ask()?.args == [entry])
    }

    @Test("§6 a subscription with a history is there without subscribers, and stays")
    func permanent() {
        let details: Value = [
            "id": Value(id), "created": TestRealm.created, "uri": "t.log", "match": "exact",
        ]
        #expect(realm.meta("wamp.subscription.get", [Value(id)], from: asker) == details)
        #expect(realm.meta("wamp.subscription.count_subscribers", [Value(id)], from: asker) == 0)
        let listener = Listener(realm.join(), to: SubscriptionMetaTests.topics, in: realm)
        #expect(
            listener.events(in: realm.trySubscribe(asker, "t.log")) == [
                MetaEvent("wamp.subscription.on_subscribe", asker, id)
            ])
        #expect(
            listener.events(in: realm.unsubscribe(asker, id)) == [
                MetaEvent("wamp.subscription.on_unsubscribe", asker, id)
            ])
        #expect(realm.meta("wamp.subscription.get", [Value(id)], from: asker) == details)
    }

    @Test("§6 reverse, limit, and whether the limit cut something off")
    func order() {
        let a = realm.join()
        for number in 1...8 { realm.publish(a, "t.log", [.int(Int64(number))]) }
        #expect(find() == [4, 5, 6, 7, 8])
        #expect(find(["reverse": true]) == [8, 7, 6, 5, 4])
        #expect(find(["limit": 2]) == [4, 5])
        #expect(find(["limit": 2, "reverse": true]) == [8, 7])
        #expect(ask(["limit": 4])?.kwargs == ["is_limit_reached": true])
        #expect(ask(["limit": 5])?.kwargs == ["is_limit_reached": false])
    }

    @Test("§6 publications bound what is found, inclusively or not")
    func publications() throws {
        let a = realm.join()
        for number in 1...5 { realm.publish(a, "t.log", [.int(Int64(number))]) }
        let ids = try #require(ask()).args.compactMap { $0.dictionary?["publication"] }
        #expect(find(["from_publication": ids[2]]) == [3, 4, 5])
        #expect(find(["after_publication": ids[2]]) == [4, 5])
        #expect(find(["before_publication": ids[2]]) == [1, 2])
        #expect(find(["until_publication": ids[2]]) == [1, 2, 3])
        #expect(find(["after_publication": ids[0], "before_publication": ids[3]]) == [2, 3])
        #expect(find(["from_publication": ids[3], "until_publication": ids[1]]) == [])
        #expect(find(["after_publication": ids[4]]) == [])
        #expect(find(["before_publication": ids[0]]) == [])
    }

    @Test("§6 times bound what is found, inclusively or not, whatever their offset")
    func times() {
        let a = realm.join()
        let start = TestRealm.unixMilliseconds
        for number in 0..<4 {
            let now = Now(
                moment: realm.moment, unixMilliseconds: start + Int64(number) * 1000)
            realm.run {
                $0.receive(
                    .publish(
                        Publish(
                            request: 1, topic: "t.log",
                            payload: Payload(args: [.int(Int64(number))]))),
                    from: a.key, at: now, into: &$1)
            }
        }
        let second: Value = "2023-11-14T22:13:21.123Z"
        #expect(find(["from_time": second]) == [1, 2, 3])
        #expect(find(["after_time": second]) == [2, 3])
        #expect(find(["before_time": second]) == [0])
        #expect(find(["until_time": second]) == [0, 1])
        #expect(find(["from_time": "2023-11-14T23:13:21.123+01:00"]) == [1, 2, 3])
        #expect(find(["from_time": "2023-11-14T22:13:21.1235Z"]) == [2, 3])
        #expect(find(["after_time": second, "limit": 1]) == [2])
    }

    @Test("§6 the history of a pattern tells the topic, and can be asked for one")
    func topics() throws {
        let a = realm.join()
        for topic in ["t.a", "t.b", "u.a", "t.a"] {
            realm.publish(a, URI(topic), [.string(topic)])
        }
        let pattern = SubscriptionID(
            try #require(
                realm.meta(
                    "wamp.subscription.lookup", ["t.", ["match": "prefix"]], from: asker)?
                    .unsigned))
        let found = try #require(ask(["topic": "t.a"], pattern)).args
        #expect(
            found.map { $0.dictionary?["details"] } == [["topic": "t.a"], ["topic": "t.a"]])
        #expect(ask([:], pattern)?.args.count == 3)
        #expect(ask(["topic": "u.a"], pattern)?.args == [])
        #expect(ask(["topic": "t.log"])?.args == [])
    }

    @Test(
        "§6 what was for certain sessions is not stored; names and roles are checked for who asks")
    func audience() {
        let a = realm.join()
        let bob = realm.join("admin", authid: "bob")
        for (number, options) in [
            ["eligible": [Value(asker.id)]], ["exclude": [4711]], ["eligible": []],
            ["eligible_authid": ["bob"]], ["exclude_authid": ["bob"]],
            ["eligible_authrole": ["user"]], ["exclude_authrole": ["user"]], [:],
        ].enumerated() as EnumeratedSequence<[Value.Dictionary]> {
            realm.publish(a, "t.log", [.int(Int64(number))], options)
        }
        #expect(find() == [4, 5, 7])
        #expect(find(from: bob) == [3, 6, 7])
    }

    @Test("§6 without a history there is an empty list that says so")
    func withoutHistory() throws {
        let other = try #require(realm.subscribe(asker, "u.topic"))
        let answer = try #require(ask([:], other))
        #expect(answer.args.isEmpty)
        #expect(answer.kwargs == ["history": false])
    }

    @Test("§6 wrong arguments are refused, an unknown subscription is not there")
    func arguments() {
        for kwargs in [
            ["limit": 0], ["limit": -1], ["limit": "1"], ["reverse": 1], ["topic": 1],
            ["from_time": "yesterday"], ["until_time": 1], ["from_time": "2023-02-29T00:00:00Z"],
            ["from_publication": "x"], ["before_publication": -1],
        ] as [Value.Dictionary] {
            let effects = realm.call(
                asker, "wamp.subscription.get_events", [Value(id)], kwargs: kwargs)
            #expect(effects.refusal == .invalidArgument, "\(kwargs)")
        }
        #expect(realm.call(asker, "wamp.subscription.get_events").refusal == .invalidArgument)
        #expect(
            realm.call(asker, "wamp.subscription.get_events", [1]).refusal == .noSuchSubscription)
    }

    @Test("§6 who may not subscribe may not ask either, even if it may read the meta API")
    func permission() throws {
        var settings = RealmSettings()
        settings.topics = [TopicSettings(URIPattern("t.log"), history: 5)]
        let rule = PermissionRule(URIPattern("t.log"), actions: [.subscribe])
        settings.permissions = Permissions(
            roles: [
                "reader": RolePermissions(mayReadMeta: true),
                "subscriber": RolePermissions(rules: [rule], mayReadMeta: true),
            ])
        let realm = TestRealm(settings)
        let (reader, subscriber) = (realm.join("reader"), realm.join("subscriber"))
        let id = try #require(
            realm.meta("wamp.subscription.lookup", ["t.log"], from: subscriber))
        let uri: URI = "wamp.subscription.get_events"
        #expect(realm.call(reader, uri, [id]).refusal == .notAuthorized)
        #expect(realm.call(subscriber, uri, [id]).refusal == nil)
    }

    @Test("New settings keep the histories that they name, and end the others")
    func newSettings() throws {
        let a = realm.join()
        for number in 1...4 { realm.publish(a, "t.log", [.int(Int64(number))]) }
        var settings = RealmSettings()
        settings.topics = [
            TopicSettings(URIPattern("t.log"), history: 2),
            TopicSettings(URIPattern("t.new"), history: 2),
        ]
        realm.update(settings)
        #expect(find() == [3, 4])
        #expect(
            realm.meta("wamp.subscription.lookup", ["t.", ["match": "prefix"]], from: a) == .null)
        #expect(realm.meta("wamp.subscription.lookup", ["t.new"], from: a) != .null)
        realm.update(RealmSettings())
        #expect(realm.realm.subscriptions.count == 0)
    }

    @Test(
        "The history of a topic that a reload adds begins with the reload, not with the next session"
    )
    func reload() throws {
        let a = realm.join()
        var settings = RealmSettings()
        settings.topics = [
            TopicSettings(URIPattern("u.new"), history: 9),
            TopicSettings(URIPattern("u.", match: .prefix), history: 9),
        ]
        realm.publish(a, "u.new", [1])
        realm.update(settings)
        realm.publish(a, "u.new", [2])
        for (uri, match) in [("u.new", "exact"), ("u.", "prefix")] as [(Value, Value)] {
            let id = try #require(
                realm.meta("wamp.subscription.lookup", [uri, ["match": match]], from: a)?.unsigned,
                "\(uri) \(match)")
            #expect(
                ask([:], SubscriptionID(id))?.args.map { $0.dictionary?["args"] } == [[2]],
                "\(uri) \(match)")
        }
    }

    @Test("A publication that is kept no more is no_such_publication, not an empty list")
    func rotatedOut() throws {
        let a = realm.join()
        realm.publish(a, "t.log", [0])
        let gone = try #require(ask()?.args.first?.dictionary?["publication"])
        for key in ["from", "after", "before", "until"] {
            #expect(ask(["\(key)_publication": gone]) != nil, "\(key)")
        }
        for number in 1...5 { realm.publish(a, "t.log", [.int(Int64(number))]) }
        for key in ["from", "after", "before", "until"] {
            let effects = realm.call(
                asker, "wamp.subscription.get_events", [Value(id)],
                kwargs: ["\(key)_publication": gone])
            #expect(effects.refusal == .noSuchPublication, "\(key)")
            #expect(realm.said.last == "there is no publication \(gone.unsigned ?? 0)", "\(key)")
        }
    }

    @Test("One call returns no more events and bytes than the budget, and all are had one by one")
    func budget() throws {
        var settings = RealmSettings()
        settings.topics = [TopicSettings(URIPattern("t.log"), history: 1000)]
        var limits = Limits()
        limits.historyAnswerEvents = 7
        for (count, length, bytes) in [(20, 1, 1 << 20), (20, 1000, 4000), (3, 5000, 100)] {
            limits.historyAnswerBytes = bytes
            let realm = TestRealm(settings, limits: limits)
            let a = realm.join()
            let text = String(repeating: "x", count: length)
            for number in 0..<count {
                realm.publish(a, "t.log", [.int(Int64(number)), .string(text)])
            }
            let id = try #require(
                realm.meta("wamp.subscription.lookup", ["t.log"], from: a), "\(count)")
            for isReversed in [false, true] {
                var found: [Value] = []
                var next: Value?
                var rounds = 0
                while true {
                    var kwargs: Value.Dictionary = ["reverse": .bool(isReversed)]
                    if let next {
                        kwargs[isReversed ? "before_publication" : "after_publication"] = next
                    }
                    let answer = try #require(
                        realm.call(a, "wamp.subscription.get_events", [id], kwargs: kwargs).result,
                        "\(count) \(isReversed)")
                    #expect((1...7).contains(answer.args.count), "\(count) \(isReversed)")
                    rounds += 1
                    found += answer.args.compactMap { $0.dictionary?["args"]?.list?.first }
                    next = answer.args.last?.dictionary?["publication"]
                    guard answer.kwargs["is_limit_reached"] == true else { break }
                }
                let numbers = (0..<count).map { Value.int(Int64($0)) }
                #expect(
                    found == (isReversed ? numbers.reversed() : numbers), "\(count) \(isReversed)")
                #expect(rounds == (count == 3 || length == 1 ? 3 : 7), "\(count) \(isReversed)")
            }
        }
    }

    @Test("A history keeps the latest, however many and however large they are")
    func bounds() {
        var history = EventHistory(limit: 100, byteLimit: 1 << 30)
        var small = EventHistory(limit: 100, byteLimit: 10_000)
        for number in 0..<1000 {
            let event = StoredEvent(
                unixMilliseconds: Int64(number), publication: PublicationID(1), topic: "t.log",
                details: [:], payload: Payload(args: [.binary(Array(repeating: 1, count: 1000))]),
                audience: nil)
            history.append(event)
            small.append(event)
        }
        #expect(history.list.map(\.unixMilliseconds) == Array(900..<1000))
        #expect(small.list.map(\.unixMilliseconds) == Array(993..<1000))
    }
}
