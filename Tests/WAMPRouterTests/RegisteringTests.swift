// Who may share a procedure, and under which rule: shared-registrations.md, section A.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("REGISTER")
struct RegisteringTests {
    static let rules = ["single", "roundrobin", "random", "first", "last"]
    static let shared = ["roundrobin", "random", "first", "last"]

    @Test("SR-01 the first REGISTER without a rule makes a single registration")
    func firstIsSingle() throws {
        let realm = TestRealm()
        let a = realm.join()
        let effects = realm.register(a)
        let found = realm.realm.registrations.find(URI("t.x"))
        let id = try #require(found)
        #expect(effects == [a.getsRegistered(1, realm.realm.registrations[id].id)])
        #expect(realm.realm.registrations[id].rule == .single)
    }

    @Test("SR-02 `single` and no rule are the same, and the meta API shows `single` for both")
    func singleIsTheDefault() {
        let realm = TestRealm()
        let a = realm.join()
        let explicit = realm.registration(a, "t.explicit", "single")
        let omitted = realm.registration(a, "t.omitted")
        for id in [explicit, omitted] {
            let details = realm.meta("wamp.registration.get", [Value(id)], from: a)?.dictionary
            #expect(details?["invoke"] == "single", "\(id)")
        }
        let b = realm.join()
        for uri in ["t.explicit", "t.omitted"] as [URI] {
            for rule in [nil, "single"] {
                let effects = realm.register(b, uri, rule)
                let request = realm.lastRequest(of: b)
                #expect(
                    effects == [b.getsError(.register, request, .procedureAlreadyExists)],
                    "\(uri) \(rule)")
            }
        }
    }

    @Test(
        "SR-03 SR-07 a single registration refuses everybody, whatever the rule", arguments: rules)
    func singleRefusesAll(rule: String) {
        let realm = TestRealm()
        let (a, b) = (realm.join(), realm.join())
        let id = realm.registration(a)
        let effects = realm.register(b, "t.x", rule)
        #expect(effects == [b.getsError(.register, 1, .procedureAlreadyExists)])
        #expect(realm.list(id, from: b) == [a])
    }

    @Test("SR-04 the same rule joins the same registration, at the end", arguments: shared)
    func sameRuleJoins(rule: String) {
        let realm = TestRealm()
        let (a, b, c) = (realm.join(), realm.join(), realm.join())
        let id = realm.registration(a, "t.x", rule)
        #expect(realm.register(b, "t.x", rule) == [b.getsRegistered(1, id)])
        #expect(realm.register(c, "t.x", rule) == [c.getsRegistered(1, id)])
        #expect(realm.list(id, from: a) == [a, b, c])
    }

    @Test("SR-05 SR-06 another rule or none is refused with both rules named", arguments: shared)
    func otherRuleIsRefused(existing: String) {
        let realm = TestRealm()
        let (a, b) = (realm.join(), realm.join())
        let id = realm.registration(a, "t.x", existing)
        for requested in RegisteringTests.rules + [nil] where requested != existing {
            let effects = realm.register(b, "t.x", requested)
            #expect(
                effects == [
                    b.getsError(
                        .register, realm.lastRequest(of: b), .procedureAlreadyExists,
                        kwargs: [
                            "reason": "invocation_policy_conflict", "invoke": .string(existing),
                            "requested": .string(requested ?? "single"),
                        ])
                ], "\(requested)")
        }
        #expect(realm.list(id, from: a) == [a])
    }

    @Test("SR-05 the switch for Crossbar.io's URI changes the conflict's URI only")
    func crossbarConflictURI() {
        var settings = RealmSettings()
        settings.crossbarPolicyConflictURI = true
        let realm = TestRealm(settings)
        let (a, b) = (realm.join(), realm.join())
        realm.register(a, "t.shared", "first")
        realm.register(a, "t.single")
        #expect(realm.register(b, "t.shared", "last").refusal == .differentInvocationPolicy)
        #expect(realm.register(b, "t.shared").refusal == .differentInvocationPolicy)
        #expect(realm.register(b, "t.single", "last").refusal == .procedureAlreadyExists)
    }

    @Test(
        "SR-08 an unknown rule is an error that names the five, and the session lives on",
        arguments: ["foo", "all", "RoundRobin", "", "_busiest"])
    func unknownRule(rule: String) throws {
        let realm = TestRealm()
        let a = realm.join()
        realm.register(a, "t.other")
        let effects = realm.register(a, "t.x", rule)
        #expect(effects.count == 1)
        #expect(effects.refusal == .invalidArgument)
        guard case .send(.error(let error), a.key) = effects[0] else { return }
        let sentence = try #require(try error.payload.values().args.first?.string)
        for known in RegisteringTests.rules { #expect(sentence.contains(known), "\(known)") }
        #expect(realm.realm.registrationCount == 1)
        #expect(realm.pick(from: a, "t.other") == a)
    }

    @Test("SR-08 strict option values abort the session of an unknown rule")
    func strictOptionValues() {
        var settings = RealmSettings()
        settings.strictOptionValues = true
        let realm = TestRealm(settings)
        let a = realm.join()
        let effects = realm.register(a, "t.x", "foo")
        #expect(effects.abortReason == .protocolViolation)
        #expect(effects.last == effects.abort.map { a.ends(.abortSent($0)) })
        #expect(realm.realm.sessionCount == 0)
    }

    @Test(
        "SR-09 a rule of a wrong type is a protocol violation, and nothing is registered",
        arguments: [1, nil, ["first"], ["first": true], true] as [Value])
    func ruleOfWrongType(rule: Value) throws {
        let realm = TestRealm()
        let a = realm.join()
        var register = Register(request: realm.request(of: a), procedure: "t.x")
        register.options.custom = ["invoke": rule]
        let frame = try MessageCoder.encode(.register(register), as: .json)
        let violation = #expect(throws: ProtocolViolation.self) {
            try MessageCoder.decode(frame, as: .json)
        }
        guard let violation else { return }
        let effects = realm.run { $0.abort(a.key, violation, at: realm.now, into: &$1) }
        #expect(effects.abortReason == .protocolViolation)
        #expect(effects.last == effects.abort.map { a.ends(.abortSent($0)) })
        #expect(realm.isEmpty)
    }

    @Test("SR-10 SR-79 the same session again: same id, same place, no event, one UNREGISTER")
    func sameSessionAgain() {
        let realm = TestRealm()
        let listener = Listener(realm.join(), in: realm)
        let (a, b) = (realm.join(), realm.join())
        let id = realm.registration(a, "t.x", "roundrobin")
        realm.register(b, "t.x", "roundrobin")
        #expect(realm.pick(from: b) == a)
        #expect(realm.register(a, "t.x", "roundrobin") == [a.getsRegistered(2, id)])
        #expect(realm.list(id, from: b) == [a, b])
        #expect(realm.picks(3, from: b) == [b, a, b])
        let effects = realm.unregister(a, id)
        #expect(effects.first == a.getsUnregistered(3))
        #expect(listener.events(in: effects) == [MetaEvent("on_unregister", a, id)])
        #expect(realm.list(id, from: b) == [b])
        #expect(realm.picks(2, from: a) == [b, b])
    }

    @Test("SR-10 asking again is answered even at the bound of registrations")
    func sameSessionAgainAtTheBound() {
        var limits = Limits()
        limits.registrationsPerSession = 1
        let realm = TestRealm(limits: limits)
        let a = realm.join()
        let id = realm.registration(a, "t.x", "first")
        #expect(realm.register(a, "t.x", "first") == [a.getsRegistered(2, id)])
        #expect(
            realm.register(a, "t.y") == [
                a.getsError(.register, 3, .unavailable, kwargs: ["reason": "overload"])
            ])
    }

    @Test("SR-11 SR-12 the same session again: `single` is taken, another rule is a conflict")
    func sameSessionOtherRule() {
        let realm = TestRealm()
        let a = realm.join()
        realm.register(a, "t.single")
        #expect(
            realm.register(a, "t.single") == [
                a.getsError(.register, 2, .procedureAlreadyExists)
            ])
        realm.register(a, "t.shared", "random")
        #expect(
            realm.register(a, "t.shared", "last") == [
                a.getsError(
                    .register, 4, .procedureAlreadyExists,
                    kwargs: [
                        "reason": "invocation_policy_conflict", "invoke": "random",
                        "requested": "last",
                    ])
            ])
    }

    @Test("SR-13 the same string under another match policy is a registration of its own")
    func patternsAreIndependent() {
        let realm = TestRealm()
        let (a, b, c) = (realm.join(), realm.join(), realm.join())
        let exact = realm.registration(a, "t.x", "roundrobin")
        let prefix = realm.registration(b, "t.x", "random", match: .prefix)
        let wildcard = realm.registration(c, "t.x", match: .wildcard)
        #expect(Set([exact, prefix, wildcard]).count == 3)
        #expect(realm.list(exact, from: a) == [a])
        #expect(realm.list(prefix, from: a) == [b])
        #expect(realm.pick(from: a, "t.x") == a)
        #expect(realm.pick(from: a, "t.xy") == b)
        realm.unregister(a, exact)
        #expect(realm.pick(from: a, "t.x") == b)
        realm.unregister(b, prefix)
        #expect(realm.pick(from: a, "t.x") == c)
    }

    @Test("SR-14 a callee that announced nothing may share, unless the realm is strict")
    func featureCheck() {
        #expect(TestRealm().realm.settings.requiresAnnouncedFeatures == false)
        var settings = RealmSettings()
        settings.requiresAnnouncedFeatures = true
        let realm = TestRealm(settings)
        let (silent, announced) = (realm.join(), realm.join(.sharedRegistration))
        #expect(realm.register(silent, "t.x", "first").refusal == .featureNotSupported)
        #expect(realm.register(silent, "t.single", "single").refusal == nil)
        #expect(realm.register(announced, "t.x", "first").refusal == nil)
    }

    @Test(
        "SR-14 §3.4 who did not announce patterns may register them, unless the realm is strict",
        arguments: [MatchPolicy.prefix, .wildcard], [false, true])
    func patternCheck(match: MatchPolicy, isStrict: Bool) {
        var settings = RealmSettings()
        settings.requiresAnnouncedFeatures = isStrict
        let realm = TestRealm(settings)
        let (silent, announced) = (realm.join(), realm.join(.patternBasedRegistration))
        let refusal = realm.register(silent, "t.a", match: match).refusal
        #expect(refusal == (isStrict ? .featureNotSupported : nil))
        #expect(realm.register(announced, "t.b", match: match).refusal == nil)
        #expect(realm.register(silent, "t.c").refusal == nil)
    }

    @Test("SR-15 shared registrations that are switched off are neither announced nor accepted")
    func switchedOff() {
        for isOn in [true, false] {
            var settings = RealmSettings()
            settings.sharedRegistration = isOn
            let realm = TestRealm(settings)
            let (_, welcome) = realm.welcome(Newcomer(roles: Roles([.callee: []])))
            let dealer = welcome.details["roles"]?.dictionary?["dealer"]?.dictionary
            let features = dealer?["features"]?.dictionary
            #expect(features?["shared_registration"] == (isOn ? true : nil), "\(isOn)")
            let a = realm.join()
            let answer = realm.register(a, "t.x", "roundrobin")
            #expect(answer.refusal == (isOn ? nil : .optionNotAllowed), "\(isOn)")
            #expect(realm.register(a, "t.y", "single").refusal == nil, "\(isOn)")
        }
    }

    @Test("SR-17 what a callee may have repeated is its own, not the registration's")
    func optionsPerCallee() {
        let realm = TestRealm()
        let caller = realm.join()
        let (a, b, c) = (realm.join(), realm.join(), realm.join())
        let id = realm.registration(a, "t.x", "first")
        realm.register(b, "t.x", "first", retryOnLoss: true)
        realm.register(c, "t.x", "first")
        realm.call(caller)
        #expect(realm.leave(a) == [caller.getsError(1, .canceled, ["callee left"])])
        realm.call(caller)
        #expect(realm.leave(b) == [c.getsInvocation(1, id)])
    }

    @Test("SR-18 REGISTERED is out before the first INVOCATION")
    func registeredFirst() {
        let realm = TestRealm()
        let a = realm.join()
        let id = realm.registration(a, "t.x", "roundrobin")
        #expect(realm.call(a) == [a.getsInvocation(1, id)])
    }

    @Test("SR-20 with the last callee the registration goes: new id, any rule, a fresh cursor")
    func emptied() {
        let realm = TestRealm()
        let (a, b) = (realm.join(), realm.join())
        let old = realm.registration(a, "t.x", "roundrobin")
        realm.register(b, "t.x", "roundrobin")
        #expect(realm.pick(from: a) == a)
        realm.unregister(a, old)
        realm.leave(b)
        #expect(realm.call(a).refusal == .noSuchProcedure)
        let new = realm.registration(a, "t.x", "last")
        #expect(new != old)
        #expect(realm.unregister(a, old).refusal == .noSuchRegistration)
        realm.unregister(a, new)
        realm.register(a, "t.x", "roundrobin")
        let c = realm.join()
        realm.register(c, "t.x", "roundrobin")
        #expect(realm.picks(3, from: c) == [a, c, a])
    }

    @Test("SR-21 as long as anybody is on the list, no REGISTER changes the rule")
    func ruleStays() {
        let realm = TestRealm()
        let (a, b) = (realm.join(), realm.join())
        let id = realm.registration(a, "t.x", "roundrobin")
        realm.register(b, "t.x", "roundrobin")
        realm.unregister(a, id)
        #expect(realm.register(a, "t.x", "first").refusal == .procedureAlreadyExists)
        #expect(realm.register(b, "t.x", "first").refusal == .procedureAlreadyExists)
    }

    @Test("SR-26 who comes back is appended: `first` keeps its heir, `last` is taken over")
    func comingBack() {
        for (rule, next) in [("first", 1), ("last", 0)] {
            let realm = TestRealm()
            let peers = realm.callees(2, "t.x", rule)
            let id = realm.registration(peers[0], "t.x", rule)
            realm.unregister(peers[0], id)
            realm.register(peers[0], "t.x", rule)
            #expect(realm.list(id, from: peers[0]) == [peers[1], peers[0]], "\(rule)")
            #expect(realm.pick(from: peers[0]) == peers[next], "\(rule)")
        }
    }

    @Test("SR-27 a reconnect is a second callee until the old session is noticed to be dead")
    func reconnect() {
        let realm = TestRealm()
        let (old, new, caller) = (realm.join(), realm.join(), realm.join())
        let id = realm.registration(old, "t.x", "first")
        realm.register(new, "t.x", "first")
        #expect(realm.pick(from: caller) == old)
        realm.leave(old)
        #expect(realm.list(id, from: caller) == [new])
        #expect(realm.pick(from: caller) == new)
    }

    @Test("SR-27 a reconnect under `single` fails until the old session is gone")
    func reconnectSingle() {
        let realm = TestRealm()
        let (old, new) = (realm.join(), realm.join())
        realm.register(old)
        #expect(realm.register(new).refusal == .procedureAlreadyExists)
        realm.leave(old)
        #expect(realm.register(new).refusal == nil)
    }

    @Test(
        "SR-73 a reserved or malformed URI is refused under every rule",
        arguments: [
            "wamp.registration.list", "wamp.x", "wamp", "wampctl.router.x",
            "wampctl.registration.stats", "", "t..x", ".t", "t.", "t x", "t#x", "t.\u{a0}x",
        ])
    func badURI(uri: String) {
        let realm = TestRealm()
        let a = realm.join()
        for rule in RegisteringTests.rules {
            let effects = realm.register(a, URI(uri), rule)
            let request = realm.lastRequest(of: a)
            #expect(effects == [a.getsError(.register, request, .invalidURI)], "\(rule)")
        }
        #expect(realm.realm.registrationCount == 0)
    }

    @Test("A URI that only looks reserved is free")
    func notReserved() {
        let realm = TestRealm()
        let a = realm.join()
        for uri in ["wampx", "wampctl.x", "wamp_.x", "x.wamp.y"] as [URI] {
            #expect(realm.register(a, uri).refusal == nil, "\(uri)")
        }
    }

    @Test("In a strict realm URIs hold lower case letters, digits and underscores only")
    func strictURIs() {
        var settings = RealmSettings()
        settings.uriRule = .strict
        let realm = TestRealm(settings)
        let a = realm.join()
        #expect(realm.register(a, "t.X").refusal == .invalidURI)
        #expect(realm.register(a, "t.x_1").refusal == nil)
    }
}
