// Calls of procedures that are registered by pattern: SR-13, SR-69 … SR-73; protocol.md §7.2.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Calls by pattern")
struct PatternRoutingTests {
    /// The specification's example of precedence.
    static let patterns: [(URI, MatchPolicy)] = [
        ("a1.b2.c3.d4.e55", .exact),
        ("a1.b2.c3", .prefix), ("a1.b2.c3.d4", .prefix),
        ("a1.b2..d4.e5", .wildcard), ("a1.b2.c33..e5", .wildcard),
        ("a1.b2..d4.e5..g7", .wildcard), ("a1.b2..d4..f6.g7", .wildcard),
    ]
    static let calls: [(URI, URI?)] = [
        ("a1.b2.c3.d4.e55", "a1.b2.c3.d4.e55"), ("a1.b2.c3.d98.e74", "a1.b2.c3"),
        ("a1.b2.c3.d4.e325", "a1.b2.c3.d4"), ("a1.b2.c55.d4.e5", "a1.b2..d4.e5"),
        ("a1.b2.c33.d4.e5", "a1.b2.c33..e5"), ("a1.b2.c88.d4.e5.f6.g7", "a1.b2..d4.e5..g7"),
        ("a2.b2.c2.d2.e2", nil),
    ]

    @Test("SR-69 SR-72 §7.2 the specification's examples, in whatever order they registered")
    func precedence() {
        for order in [Self.patterns, Self.patterns.reversed()] {
            let realm = TestRealm()
            let caller = realm.join()
            var callees: [URI: Peer] = [:]
            for (uri, match) in order {
                let peer = realm.join()
                callees[uri] = peer
                realm.register(peer, uri, "roundrobin", match: match)
            }
            for (uri, expected) in Self.calls {
                let matched = realm.meta(
                    "wamp.registration.match", [.string("\(uri)")], from: caller)
                let effects = realm.call(caller, uri)
                #expect(realm.invoked(in: effects) == expected.flatMap { callees[$0] }, "\(uri)")
                guard let expected else {
                    #expect(effects.refusal == .noSuchProcedure, "\(order) \(uri)")
                    #expect(matched == .null, "\(order) \(uri)")
                    continue
                }
                let match = Self.patterns.first { $0.0 == expected }?.1 ?? .exact
                #expect(matched == Value(realm.id(of: expected, match)), "\(order) \(uri)")
                // The URI is told wherever it is not known anyway.
                let told = effects.invocationDetails?["procedure"]
                #expect(told == (match == .exact ? nil : .string("\(uri)")), "\(order) \(uri)")
            }
        }
    }

    @Test("SR-69 a prefix that ends with a component goes before a longer one that cuts one")
    func cutComponent() {
        let realm = TestRealm()
        let (caller, whole, cutting, wildcard) = (
            realm.join(), realm.join(), realm.join(), realm.join()
        )
        realm.register(whole, "a.b", match: .prefix)
        realm.register(cutting, "a.b.c3", match: .prefix)
        realm.register(wildcard, "a.b.", match: .wildcard)
        #expect(realm.pick(from: caller, "a.b.c33") == whole)
        #expect(realm.pick(from: caller, "a.b.c3.x") == cutting)
        #expect(realm.pick(from: caller, "a.b.c3") == cutting)
        realm.leave(whole)
        #expect(realm.pick(from: caller, "a.b.c33") == wildcard)
        realm.leave(wildcard)
        #expect(realm.pick(from: caller, "a.b.c33") == cutting)
    }

    @Test("SR-69 what is configured for procedures goes by the same order as their calls")
    func settings() {
        var settings = RealmSettings()
        settings.procedures = [
            ProcedureSettings(URIPattern("a.b", match: .prefix), trustlevel: 1),
            ProcedureSettings(URIPattern("a.b.c3", match: .prefix), trustlevel: 2),
            ProcedureSettings(URIPattern("a.b.", match: .wildcard), trustlevel: 3),
        ]
        let realm = TestRealm(settings)
        let (caller, a) = (realm.join(), realm.join())
        realm.register(a, "a", match: .prefix)
        for (uri, level) in [("a.b.c33", 1), ("a.b.c3", 2), ("a.b.c3.x", 2)] as [(URI, Int64)] {
            let details = realm.call(caller, uri).invocationDetails
            #expect(details?["trustlevel"] == .int(level), "\(uri)")
        }
    }

    @Test("SR-13 X4 one string under three match policies: three registrations, rules and turns")
    func sameString() {
        let realm = TestRealm()
        let caller = realm.join()
        let rules: [(MatchPolicy, String)] = [
            (.exact, "first"), (.prefix, "roundrobin"), (.wildcard, "last"),
        ]
        var callees: [MatchPolicy: [Peer]] = [:]
        for (match, rule) in rules {
            callees[match] = realm.join(2)
            for peer in callees[match] ?? [] { realm.register(peer, "t.x", rule, match: match) }
        }
        let ids = Set(rules.map { realm.id(of: "t.x", $0.0) })
        #expect(ids.count == 3 && !ids.contains(RegistrationID(0)))
        #expect(realm.picks(2, from: caller) == [callees[.exact]?[0], callees[.exact]?[0]])
        let below = realm.picks(3, from: caller, "t.x.y")
        let prefix = callees[.prefix] ?? []
        #expect(below == [prefix[0], prefix[1], prefix[0]])
        for peer in callees[.exact] ?? [] { realm.leave(peer) }
        #expect(realm.pick(from: caller) == prefix[1])
        for peer in prefix { realm.leave(peer) }
        #expect(realm.pick(from: caller) == callees[.wildcard]?[1])
    }

    @Test("SR-69 the best match decides alone: policies of overlapping registrations never mix")
    func noMixing() {
        let realm = TestRealm()
        let caller = realm.join()
        let exact = realm.callees(2, "t.a.x", "roundrobin")
        let prefix = realm.join(2)
        for peer in prefix { realm.register(peer, "t.", "last", match: .prefix) }
        for round in 1...2 {
            #expect(realm.picks(2, from: caller, "t.a.x") == exact, "\(round)")
            #expect(realm.picks(2, from: caller, "t.b") == [prefix[1], prefix[1]], "\(round)")
        }
    }

    @Test("SR-70 nobody of the best match can take it: no less specific registration is asked")
    func noFallThrough() {
        let realm = TestRealm()
        let caller = realm.join()
        let best = realm.join(.callReroute)
        let next = realm.join(.callReroute)
        realm.register(best, "t.a.", "roundrobin", match: .prefix, options: ["concurrency": 1])
        realm.register(next, "t.", "roundrobin", match: .prefix)
        realm.call(caller, "t.a.x")
        #expect(realm.call(caller, "t.a.x").refusal == .noAvailableCallee)
        #expect(realm.fail(best, 1) == [caller.getsError(1, .noAvailableCallee)])
        realm.block(best)
        #expect(realm.call(caller, "t.a.x").refusal == .noAvailableCallee)
        // Only when it is deleted, the next one matches.
        realm.leave(best)
        #expect(realm.invoked(in: realm.call(caller, "t.a.x")) == next)
    }

    @Test("SR-71 each callee of a pattern is told the URI; the turn is the pattern's")
    func turnOfPattern() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.join(3)
        for peer in p { realm.register(peer, "t..x", "roundrobin", match: .wildcard) }
        for (number, callee) in (p + p).enumerated() {
            let uri = "t.n\(number).x"
            let effects = realm.call(caller, URI(uri))
            #expect(
                effects.invocations(to: callee).map(\.details) == [["procedure": .string(uri)]],
                "\(number) \(callee)")
        }
    }

    @Test("SR-71 SR-46 a re-routed call of a pattern tells its URI again")
    func reroutedPattern() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.join(2, .callReroute)
        for peer in p { realm.register(peer, "t.", "first", match: .prefix) }
        realm.call(caller, "t.some.x", [1])
        let again = realm.fail(p[0], 1).invocations(to: p[1])
        #expect(again.map(\.details) == [["procedure": "t.some.x"]])
        #expect(again.map(\.args) == [[1]])
    }

    @Test("SR-72 wildcards that match the same URIs are registrations of their own")
    func twoWildcards() {
        let realm = TestRealm()
        let caller = realm.join()
        let (a, b, c) = (realm.join(), realm.join(), realm.join())
        realm.register(a, "t..x", "first", match: .wildcard)
        #expect(realm.register(b, "t.y.", "last", match: .wildcard).refusal == nil)
        realm.register(c, "..x", "single", match: .wildcard)
        #expect(realm.pick(from: caller, "t.y.x") == b)
        #expect(realm.pick(from: caller, "t.z.x") == a)
        #expect(realm.pick(from: caller, "u.z.x") == c)
        realm.leave(b)
        #expect(realm.pick(from: caller, "t.y.x") == a)
    }

    @Test("SR-25 X5 one callee of a pattern is lost: the pattern is there for the others")
    func oneOfPattern() {
        for (uri, match) in [("t.", MatchPolicy.prefix), ("t..", .wildcard)] as [(URI, MatchPolicy)]
        {
            let realm = TestRealm()
            let caller = realm.join()
            let p = realm.join(3)
            for peer in p { realm.register(peer, uri, "roundrobin", match: match) }
            realm.leave(p[1])
            #expect(realm.picks(3, from: caller, "t.a.b") == [p[0], p[2], p[0]], "\(uri) \(match)")
            realm.leave(p[0])
            realm.leave(p[2])
            #expect(realm.call(caller, "t.a.b").refusal == .noSuchProcedure, "\(uri) \(match)")
            #expect(realm.leaveAll([caller]), "\(uri) \(match)")
        }
    }

    @Test(
        "SR-73 patterns below wamp. and our own names are refused under every rule",
        arguments: ["wamp.", "wamp.x", "wampctl.router.", "wampctl.registration.x"] as [URI],
        [MatchPolicy.prefix, .wildcard])
    func reserved(uri: URI, match: MatchPolicy) {
        let realm = TestRealm()
        let a = realm.join()
        for rule in RegisteringTests.rules {
            #expect(realm.register(a, uri, rule, match: match).refusal == .invalidURI, "\(rule)")
        }
    }

    @Test("§1.2 a pattern that takes in everything does not get calls of the router's procedures")
    func everything() {
        let realm = TestRealm()
        let (caller, a) = (realm.join(), realm.join())
        realm.register(a, "", "first", match: .prefix)
        #expect(realm.pick(from: caller, "t.x") == a)
        #expect(realm.meta("wamp.session.count", from: caller) == 2)
        #expect(realm.call(caller, "wamp.no.such").refusal == .noSuchProcedure)
        #expect(realm.meta("wamp.registration.match", ["wamp.no.such"], from: caller) == .null)
    }

    @Test("§1.2 in a strict realm URIs and patterns are lower case letters, digits, underscores")
    func strict() {
        var settings = RealmSettings()
        settings.uriRule = .strict
        let realm = TestRealm(settings)
        let a = realm.join()
        for (uri, match) in [
            ("t.X", .exact), ("t.x-y", .exact), ("T.", .prefix), ("t..X", .wildcard),
            ("t.é", .exact),
        ] as [(URI, MatchPolicy)] {
            #expect(realm.register(a, uri, match: match).refusal == .invalidURI, "\(uri) \(match)")
            if match == .exact {
                #expect(realm.call(a, uri).refusal == .invalidURI, "\(uri) \(match)")
            }
        }
        for (uri, match) in [("t.x_1", .exact), ("t.", .prefix), ("t..", .wildcard)]
            as [(URI, MatchPolicy)]
        {
            #expect(realm.register(a, uri, match: match).refusal == nil, "\(uri) \(match)")
        }
        #expect(realm.call(a, "t.").refusal == .invalidURI)
        #expect(realm.invoked(in: realm.call(a, "t.yes")) == a)
    }

    @Test("§2 other unknown options go nowhere; with the switch off nor do those with a mark")
    func customOptions() {
        let sent: Value.Dictionary = ["_a": 1, "x_b": [2], "other": 3, "ppt_keyid": "k"]
        for isOn in [true, false] {
            var settings = RealmSettings()
            settings.forwardsCustomOptions = isOn
            let realm = TestRealm(settings)
            let (caller, a) = (realm.join(), realm.join())
            realm.register(a)
            let kept: Value.Dictionary =
                isOn ? ["_a": 1, "x_b": [2], "ppt_keyid": "k"] : ["ppt_keyid": "k"]
            #expect(realm.call(caller, custom: sent).invocationDetails == kept, "\(isOn)")
            let answer = realm.send(
                .yield(Yield(request: 1, options: OutcomeDetails(custom: sent))), from: a)
            guard case .send(.result(let result), _) = answer.first else {
                Issue.record("no RESULT: \(answer)")
                continue
            }
            #expect(result.details.custom == kept, "\(isOn)")
        }
    }
}
