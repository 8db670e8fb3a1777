// Testaments: protocol.md §6.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Testaments")
struct TestamentTests {
    let realm = TestRealm()
    static let add: URI = "wamp.session.add_testament"
    static let flush: URI = "wamp.session.flush_testaments"

    private func add(
        _ peer: Peer, _ topic: String = "t.will", _ args: [Value] = ["farewell"],
        scope: String? = nil, options: Value.Dictionary? = nil
    ) -> [Effect] {
        var kwargs: Value.Dictionary = [:]
        if let scope { kwargs["scope"] = .string(scope) }
        if let options { kwargs["publish_options"] = .dictionary(options) }
        return realm.call(
            peer, TestamentTests.add, [.string(topic), .list(args), ["k": 1]], kwargs: kwargs)
    }

    @Test("§6 it is published whenever the session ends", arguments: LeavingTests.End.allCases)
    func ending(end: LeavingTests.End) throws {
        let (a, b) = (realm.join(), realm.join())
        realm.subscribe(b, "t.will")
        let effects = add(a)
        #expect(effects == [a.getsResult(1, from: nil)])
        let events = LeavingTests.end(a, by: end, in: realm).events(to: b)
        #expect(events.map(\.args) == (end == .shutDown ? [] : [["farewell"]]))
        #expect(realm.realm.testaments.isEmpty)
        realm.leave(b)
        #expect(realm.isEmpty)
    }

    @Test("§6 what is for detached comes first, each kind in the order of adding")
    func order() {
        let (a, b) = (realm.join(), realm.join())
        realm.subscribe(b, "t.will")
        for (text, scope) in [
            ("1", nil), ("2", "detached"), ("3", "destroyed"), ("4", "detached"),
        ] as [(Value, String?)] {
            _ = add(a, "t.will", [text], scope: scope)
        }
        #expect(realm.leave(a).events(to: b).map(\.args) == [["2"], ["4"], ["1"], ["3"]])
    }

    @Test("§6 flushing forgets one kind, for one session")
    func flush() {
        let (a, b, c) = (realm.join(), realm.join(), realm.join())
        realm.subscribe(c, "t.will")
        _ = add(a, "t.will", ["a1"])
        _ = add(a, "t.will", ["a2"], scope: "detached")
        _ = add(b, "t.will", ["b1"])
        let answer = realm.call(a, TestamentTests.flush)
        #expect(answer == [a.getsResult(realm.lastRequest(of: a), from: nil)])
        #expect(realm.leave(a).events(to: c).map(\.args) == [["a2"]])
        realm.call(b, TestamentTests.flush, [], kwargs: ["scope": "detached"])
        #expect(realm.leave(b).events(to: c).map(\.args) == [["b1"]])
    }

    @Test("§6 its options hold, but for acknowledge and exclude_me; its owner is named")
    func options() throws {
        let a = realm.join("user", authid: "alice")
        let (b, c) = (realm.join("user", authid: "bob"), realm.join("user", authid: "carol"))
        for peer in [a, b, c] { realm.subscribe(peer, "t.will") }
        _ = add(
            a,
            options: [
                "acknowledge": true, "exclude_me": false, "disclose_me": true, "_mine": 1,
                "exclude_authid": ["carol"],
            ])
        let effects = realm.leave(a)
        let expected: Value.Dictionary = [
            "publisher": Value(a.id), "publisher_authid": "alice", "publisher_authrole": "user",
            "_mine": 1,
        ]
        #expect(effects.events(to: b).map(\.details) == [expected])
        #expect(effects.events(to: c).isEmpty)
        #expect(effects.count == 1)
    }

    @Test("§6 it can be retained, and goes to patterns")
    func retained() {
        let (a, b) = (realm.join(), realm.join())
        realm.subscribe(b, "t.", .prefix)
        _ = add(a, options: ["retain": true])
        #expect(realm.leave(a).events(to: b).map(\.details) == [["topic": "t.will"]])
        let late = realm.join()
        let answer = realm.trySubscribe(late, "t.will", getRetained: true)
        #expect(answer.events(to: late).map(\.args) == [["farewell"]])
    }

    @Test("§6 wrong arguments are refused")
    func arguments() {
        let a = realm.join()
        for (args, kwargs) in [
            ([], [:]), (["t.will"], [:]), (["t.will", []], [:]), ([1, [], [:]], [:]),
            (["t.will", "x", [:]], [:]), (["t.will", [], []], [:]),
            (["t.will", [], [:]], ["scope": "forever"]), (["t.will", [], [:]], ["scope": 1]),
            (["t.will", [], [:]], ["publish_options": 1]),
            (["t.will", [], [:]], ["publish_options": ["exclude": "x"]]),
            (["t.will", [], [:]], ["publish_options": ["exclude_me": 1]]),
        ] as [([Value], Value.Dictionary)] {
            #expect(
                realm.call(a, TestamentTests.add, args, kwargs: kwargs).refusal
                    == .invalidArgument, "\(args) \(kwargs)")
        }
        #expect(
            realm.call(a, TestamentTests.flush, [], kwargs: ["scope": "x"]).refusal
                == .invalidArgument)
        #expect(realm.realm.testaments.isEmpty)
    }

    @Test("§6 what its owner may not publish is refused when it is added")
    func forbidden() {
        let a = realm.join()
        for topic in ["wamp.session.on_join", "t..x", "wampctl.router.on_stats"] {
            #expect(add(a, topic).refusal == .invalidURI, "\(topic)")
        }
        #expect(add(a, options: ["ppt_scheme": "x_mine"]).refusal == .featureNotSupported)
        var settings = RealmSettings()
        settings.publisherDisclosure = .never
        let other = TestRealm(settings)
        let b = other.join()
        let effects = other.call(
            b, TestamentTests.add, ["t.will", [], [:]],
            kwargs: ["publish_options": ["disclose_me": true]])
        #expect(effects.refusal == .discloseMeNotAllowed)
    }

    @Test("A session can leave so many and no more, and flushing makes room")
    func bounds() {
        var limits = Limits()
        limits.testamentsPerSession = 2
        limits.testamentBytesPerSession = 4000
        let realm = TestRealm(limits: limits)
        let a = realm.join()
        func add(_ size: Int) -> ErrorURI? {
            let payload: Value = .string(String(repeating: "x", count: size))
            return realm.call(a, TestamentTests.add, ["t.will", [payload], [:]]).refusal
        }
        #expect(add(5000) == .unavailable)
        #expect(add(1) == nil)
        #expect(add(1) == nil)
        #expect(add(1) == .unavailable)
        realm.call(a, TestamentTests.flush)
        #expect(add(1) == nil)
    }
}
