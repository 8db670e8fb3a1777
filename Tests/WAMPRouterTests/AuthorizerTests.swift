// Who may register and call, and who is asked: SR-16, SR-19; protocol.md §7.1, §11.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Authorization of calls and registrations")
struct AuthorizerTests {
    static let authorizer: URI = "z.authorize"

    /// `judge` may do everything; what `user` may do, the authorizer decides; `guest` may call
    /// below `t.` only.
    static func settings(asks: Bool = true) -> RealmSettings {
        let everything = URIPattern("", match: .prefix)
        var settings = RealmSettings()
        settings.permissions = Permissions(roles: [
            "judge": RolePermissions(
                rules: [PermissionRule(everything, actions: Action.all)], mayReadMeta: true,
                mayKill: true),
            "user": RolePermissions(
                rules: [PermissionRule(URIPattern("t.kept"), actions: [], isCacheable: true)]),
            "guest": RolePermissions(rules: [
                PermissionRule(URIPattern("t.", match: .prefix), actions: [.call])
            ]),
        ])
        if asks { settings.authorizer = authorizer }
        return settings
    }

    /// A realm with an authorizer, a callee of `t.x`, and a session whose acts it decides.
    struct Scene {
        let realm: TestRealm
        let judge: Peer
        let callee: Peer
        let user: Peer

        init(registers: Bool = true, limits: Limits = Limits()) {
            realm = TestRealm(AuthorizerTests.settings(), limits: limits)
            judge = realm.join(callee: .callCanceling, role: "judge")
            if registers { realm.register(judge, AuthorizerTests.authorizer) }
            callee = realm.join(callee: [], role: "judge")
            realm.register(callee, "t.x", "roundrobin")
            user = realm.join(callee: [], role: "user", authid: "joe")
        }

        func end() { #expect(realm.leaveAll([user, callee, judge])) }
    }

    // MARK: Rules

    @Test("SR-16 C7 who may not register learns neither that there is a registration, nor its rule")
    func nothingLearnt() {
        let realm = TestRealm(Self.settings(asks: false))
        let judge = realm.join(callee: [], role: "judge")
        realm.register(judge, "t.single")
        realm.register(judge, "t.shared", "first")
        let listener = Listener(realm.join(callee: [], role: "judge"), in: realm)
        let guest = realm.join(callee: [], role: "guest")
        for uri in ["t.single", "t.shared", "t.none"] as [URI] {
            for rule in ["single", "first", "random"] {
                let effects = realm.register(guest, uri, rule)
                let request = realm.lastRequest(of: guest)
                #expect(
                    effects == [guest.getsError(.register, request, .notAuthorized)],
                    "\(uri) \(rule)")
                #expect(listener.events(in: effects).isEmpty, "\(uri) \(rule)")
            }
        }
        #expect(realm.realm.registrationCount == 2)
    }

    @Test("SR-16 §7.1 what is no URI, or reserved, is told before anybody is asked")
    func uriFirst() {
        let scene = Scene()
        for uri in ["t..x", "wamp.x"] as [URI] {
            #expect(scene.realm.register(scene.user, uri).refusal == .invalidURI, "\(uri)")
        }
        scene.end()
    }

    @Test("§11 who may not call learns not whether there is such a procedure")
    func callRefused() {
        let realm = TestRealm(Self.settings(asks: false))
        let judge = realm.join(callee: [], role: "judge")
        realm.register(judge, "u.x", "roundrobin")
        realm.register(judge, "t.x", "roundrobin")
        let guest = realm.join(callee: [], role: "guest")
        for round in 1...2 {
            for uri in ["u.x", "u.none"] as [URI] {
                #expect(realm.call(guest, uri).refusal == .notAuthorized, "\(round) \(uri)")
            }
            #expect(realm.pick(from: guest, "t.x") == judge, "\(round)")
            #expect(realm.call(guest, "t.none").refusal == .noSuchProcedure, "\(round)")
        }
        let stranger = realm.join(callee: [], role: "nobody")
        #expect(realm.call(stranger, "t.x").refusal == .notAuthorized)
    }

    @Test("SR-37 a call that is not allowed does not move the turn")
    func turnStays() {
        let realm = TestRealm(Self.settings(asks: false))
        let p = (1...2).map { _ in realm.join(callee: [], role: "judge") }
        for peer in p { realm.register(peer, "u.x", "roundrobin") }
        let guest = realm.join(callee: [], role: "guest")
        #expect(realm.pick(from: p[0], "u.x") == p[0])
        realm.call(guest, "u.x")
        #expect(realm.pick(from: p[0], "u.x") == p[1])
    }

    // MARK: The dynamic authorizer

    @Test("§11 the authorizer is asked with session, URI, action and options")
    func question() throws {
        let scene = Scene()
        let (realm, judge, user) = (scene.realm, scene.judge, scene.user)
        let asked = try #require(realm.call(user, "t.x").invocations(to: judge).first)
        #expect(asked.args.count == 4)
        #expect(asked.args[0].dictionary?["session"] == Value(user.id))
        #expect(asked.args[0].dictionary?["authid"] == "joe")
        #expect(asked.args[0].dictionary?["authrole"] == "user")
        #expect(asked.args[1...2] == ["t.x", "call"])
        #expect(asked.args[3].dictionary?["match"] == "exact")
        #expect(asked.details == [:])
        realm.yield(judge, 1, [true])
        let pattern = realm.register(user, "u.", match: .prefix).invocations(to: judge)
        #expect(pattern.first?.args[1...2] == ["u.", "register"])
        #expect(pattern.first?.args[3].dictionary?["match"] == "prefix")
        scene.end()
    }

    @Test("§11 yes and no, as a bool or in a dictionary")
    func decision() {
        for (answer, isAllowed) in [
            (true, true), (false, false), (["allow": true], true), (["allow": false], false),
        ] as [(Value, Bool)] {
            let scene = Scene()
            let (realm, judge, user) = (scene.realm, scene.judge, scene.user)
            #expect(realm.call(user, "t.x", [7]).invocations(to: scene.callee).isEmpty, "\(answer)")
            let effects = realm.yield(judge, 1, [answer])
            if isAllowed {
                #expect(effects == [scene.callee.getsInvocation(1, realm.id(), [7])], "\(answer)")
            } else {
                #expect(effects == [user.getsError(1, .notAuthorized)], "\(answer)")
            }
            realm.register(user, "u.x")
            let registered = realm.yield(judge, 2, [answer])
            #expect(registered.refusal == (isAllowed ? nil : .notAuthorized), "\(answer)")
            scene.end()
        }
    }

    /// Why there is no decision.
    enum Failure: CaseIterable, Sendable {
        case nobody, error, nonsense, empty, silence, leaves, busy
    }

    @Test("§11 no decision is authorization_failed", arguments: Failure.allCases)
    func failure(_ failure: Failure) {
        let scene = Scene(registers: failure != .nobody && failure != .busy)
        let (realm, judge, user) = (scene.realm, scene.judge, scene.user)
        if failure == .busy {
            realm.register(judge, Self.authorizer, options: ["concurrency": 1])
            realm.call(judge, Self.authorizer)
        }
        var effects = realm.call(user, "t.x")
        switch failure {
        case .nobody, .busy: break
        case .error: effects = realm.fail(judge, 1, "t.error")
        case .nonsense: effects = realm.yield(judge, 1, ["yes"])
        case .empty: effects = realm.yield(judge, 1)
        case .silence:
            #expect(realm.advance(milliseconds: 4999).isEmpty)
            effects = realm.advance(milliseconds: 1)
        case .leaves: effects = realm.leave(judge)
        }
        #expect(effects.contains(user.getsError(1, .authorizationFailed)))
        #expect(realm.isPresent(user))
        scene.end()
    }

    @Test("§11 messages keep their order while a decision is pending; answers do not wait")
    func order() {
        let scene = Scene()
        let (realm, judge, callee, user) = (scene.realm, scene.judge, scene.callee, scene.user)
        realm.call(user, "t.x", [1])
        // It waits although everybody may ask for that.
        #expect(realm.call(user, "wamp.session.count").isEmpty)
        #expect(realm.call(user, "t.x", [3]).isEmpty)
        #expect(realm.subscribe(user, "t.topic") == nil)
        let first = realm.yield(judge, 1, [true])
        #expect(first.invocations(to: callee).map(\.args) == [[1]])
        #expect(first.contains(user.getsError(2, .notAuthorized)))
        #expect(first.invocations(to: judge).map { $0.args[1] } == ["t.x"])
        let second = realm.yield(judge, 2, [false])
        #expect(second.first == user.getsError(3, .notAuthorized))
        #expect(second.invocations(to: judge).map { $0.args[2] } == ["subscribe"])
        let third = realm.yield(judge, 3, [true])
        guard case .send(.subscribed(let answer), user.key) = third.first else {
            Issue.record("no SUBSCRIBED: \(third)")
            return
        }
        #expect(answer.request == 4)
        #expect(realm.realm.postponed.isEmpty)
        scene.end()
    }

    @Test("§11 a session may answer what it is asked while its own message waits")
    func yieldsPass() {
        let realm = TestRealm(Self.settings())
        let user = realm.join(callee: [], role: "user")
        let judge = realm.join(callee: [], role: "judge")
        realm.register(judge, Self.authorizer)
        realm.register(user, "t.mine")
        realm.yield(judge, 1, [true])
        realm.call(judge, "t.mine")
        #expect(realm.call(user, "t.x").invocations(to: judge).count == 1)
        #expect(realm.yield(user, 1, [9]) == [judge.getsResult(2, from: user, [9])])
    }

    @Test("§11 others do not wait for the decision about one")
    func othersGoOn() {
        let scene = Scene()
        let realm = scene.realm
        let other = realm.join(callee: [], role: "user")
        realm.call(scene.user, "t.x")
        #expect(realm.call(other, "t.x").invocations(to: scene.judge).count == 1)
        #expect(realm.pick(from: scene.callee) == scene.callee)
        #expect(realm.yield(scene.judge, 2, [true]).invocations(to: scene.callee).count == 1)
        realm.leave(other)
        scene.end()
    }

    @Test("SR-19 the session ends while its REGISTER waits: no registration, reply or event")
    func endsMeanwhile() {
        for end in LeavingTests.End.allCases where end != .goodbye {
            let scene = Scene()
            let (realm, judge, user) = (scene.realm, scene.judge, scene.user)
            let listener = Listener(realm.join(callee: [], role: "judge"), in: realm)
            realm.register(user, "t.x", "roundrobin")
            realm.register(user, "t.y")
            let ending = LeavingTests.end(user, by: end, in: realm)
            #expect(listener.events(in: ending).isEmpty, "\(end)")
            let decided = realm.yield(judge, 1, [true])
            #expect(decided.isEmpty, "\(end)")
            #expect(realm.realm.registrationCount == 2, "\(end)")
            #expect(realm.picks(2, from: judge) == [scene.callee, scene.callee], "\(end)")
            realm.leave(listener.peer)
            scene.end()
        }
    }

    @Test("SR-22 the list is in the order of acceptance, not of asking")
    func orderOfAcceptance() {
        let scene = Scene()
        let realm = scene.realm
        let other = realm.join(callee: [], role: "user")
        realm.register(scene.user, "t.x", "roundrobin")
        realm.register(other, "t.x", "roundrobin")
        realm.yield(scene.judge, 2, [true])
        realm.yield(scene.judge, 1, [true])
        #expect(realm.list(realm.id(), from: scene.judge) == [scene.callee, other, scene.user])
    }

    @Test("§11 a decision is kept if it says so, or if the rule lets it and it does not say no")
    func cache() {
        let cases: [(answer: Value, uri: URI, isKept: Bool)] = [
            (true, "t.x", false), (["allow": true, "cache": true], "t.x", true),
            (["allow": false, "cache": true], "t.x", true), (["allow": true], "t.x", false),
            (true, "t.kept", true), (["allow": true], "t.kept", true),
            (["allow": true, "cache": false], "t.kept", false), ("nonsense", "t.kept", false),
        ]
        for (answer, uri, isKept) in cases {
            let scene = Scene()
            let (realm, judge, user) = (scene.realm, scene.judge, scene.user)
            realm.register(scene.callee, "t.kept", "roundrobin")
            realm.call(user, uri)
            let first = realm.yield(judge, 1, [answer])
            let second = realm.call(user, uri)
            #expect(second.invocations(to: judge).isEmpty == isKept, "\(answer) \(uri)")
            if isKept { #expect(first.refusal == second.refusal, "\(answer) \(uri)") }
            // Not for another action, another URI, another name.
            #expect(
                realm.register(user, "u.x").invocations(to: judge).isEmpty != isKept,
                "\(answer) \(uri)")
            let other = realm.join(callee: [], role: "user", authid: "jane")
            #expect(realm.call(other, uri).invocations(to: judge).count == 1, "\(answer) \(uri)")
        }
    }

    @Test("§11 what was kept is forgotten when the configuration changes")
    func cacheForgotten() {
        let scene = Scene()
        let (realm, judge, user) = (scene.realm, scene.judge, scene.user)
        realm.call(user, "t.x")
        realm.yield(judge, 1, [["allow": true, "cache": true]])
        #expect(realm.call(user, "t.x").invocations(to: judge).isEmpty)
        realm.update(Self.settings())
        #expect(realm.call(user, "t.x").invocations(to: judge).count == 1)
    }

    @Test("§11 new rules hold at once, also for sessions that are there")
    func rulesReplaced() {
        let realm = TestRealm(Self.settings(asks: false))
        let callee = realm.join(callee: [], role: "judge")
        let guest = realm.join("guest")
        realm.register(callee, "t.x")
        // As bytes and in full, in turn.
        for round in 0..<2 {
            #expect(realm.call(guest, "t.x").invocations(to: callee).count == 1, "\(round)")
        }
        var settings = Self.settings(asks: false)
        settings.permissions.roles?["guest"] = RolePermissions()
        realm.update(settings)
        for round in 0..<2 {
            #expect(realm.call(guest, "t.x").refusal == .notAuthorized, "\(round)")
        }
        realm.update(Self.settings(asks: false))
        for round in 0..<2 {
            #expect(realm.call(guest, "t.x").invocations(to: callee).count == 1, "\(round)")
        }
    }

    @Test("§11 §7.8 the authorizer may have the caller disclosed")
    func disclose() {
        for (disclose, isTold) in [
            (true, true), (false, false), (["caller": "always"], true),
            (["caller": "never"], false),
            (["caller": true], true), (["publisher": true], false),
        ] as [(Value, Bool)] {
            let scene = Scene()
            let (realm, judge, user) = (scene.realm, scene.judge, scene.user)
            realm.call(user, "t.x")
            let effects = realm.yield(judge, 1, [["allow": true, "disclose": disclose]])
            let details = effects.invocations(to: scene.callee).first?.details
            #expect((details?["caller"] == Value(user.id)) == isTold, "\(disclose)")
        }
    }

    @Test("§11 so many messages may wait; those beyond are refused, and the session lives on")
    func bound() {
        var limits = Limits()
        limits.postponedMessages = 3
        let scene = Scene(limits: limits)
        let (realm, judge, user) = (scene.realm, scene.judge, scene.user)
        for _ in 1...3 { realm.call(user, "t.x") }
        #expect(
            realm.call(user, "t.x") == [
                user.getsError(4, .unavailable, kwargs: ["reason": "overload"])
            ])
        for id in [1, 2, 3] as [RequestID] { realm.yield(judge, id, [true]) }
        #expect(realm.call(user, "t.x").invocations(to: judge).count == 1)
        scene.end()
    }

    @Test("§11 a thousand messages whose decision fails at once are all answered, in order")
    func manyFailures() {
        let scene = Scene()
        let (realm, judge, user) = (scene.realm, scene.judge, scene.user)
        for _ in 1...1000 { realm.call(user, "t.x") }
        let errors = realm.leave(judge).filter { effect in
            guard case .send(.error, user.key) = effect else { return false }
            return true
        }
        let expected = (1...1000).map { user.getsError(RequestID($0), .authorizationFailed) }
        #expect(errors == expected)
        #expect(realm.leaveAll([user, scene.callee]))
    }

    @Test(
        "§7.4 §11 a part for which there is no room ends its call, which is answered once",
        arguments: [false, true])
    func overflowingParts(isUnderWay: Bool) {
        var limits = Limits()
        limits.postponedMessages = 2
        let scene = Scene(limits: limits)
        let (realm, judge) = (scene.realm, scene.judge)
        let user = realm.join(caller: .progressiveCallInvocations, callee: [], role: "user")
        let callee = realm.join(
            callee: [.progressiveCallInvocations, .callCanceling], role: "judge")
        realm.register(callee, "t.parts")
        func part(isLast: Bool = false) -> [Effect] {
            realm.call(user, "t.parts", request: 1, progress: !isLast)
        }
        var interrupt: [Effect] = []
        _ = part()
        if isUnderWay {
            #expect(realm.yield(judge, 1, [true]).invocations(to: callee).count == 1)
            realm.call(user, request: 2)
            interrupt = [callee.getsInterrupt(1, .killnowait)]
        }
        // One has room to wait, the next has none.
        #expect(part().isEmpty)
        #expect(
            part() == interrupt + [
                user.getsError(1, .unavailable, kwargs: ["reason": "overload"])
            ])
        #expect(part().isEmpty)
        #expect(realm.yield(judge, isUnderWay ? 2 : 1, [true]).invocations(to: callee).isEmpty)
        #expect(part(isLast: true).isEmpty)
        for peer in [user, callee] { realm.leave(peer) }
        scene.end()
    }

    @Test("While draining, sessions leave once the authorizer has answered and they have been, too")
    func drainWhileDeciding() {
        let scene = Scene()
        let (realm, judge, user) = (scene.realm, scene.judge, scene.user)
        realm.call(user, "t.x")
        let effects = realm.drain()
        #expect(effects.goodbye(to: user) == nil)
        #expect(effects.goodbye(to: scene.callee) != nil)
        #expect(
            realm.yield(judge, 1, [true]) == [
                user.getsError(1, .unavailable, kwargs: ["reason": "shutdown"]),
                user.getsGoodbye(.systemShutdown), user.ends(.goodbyeSent),
                judge.getsGoodbye(.systemShutdown), judge.ends(.goodbyeSent),
            ])
        #expect(realm.isEmpty)
    }

    @Test("§7.4 §11 a call in parts that is not allowed is answered once")
    func refusedParts() {
        for answer in [false, "nonsense"] as [Value] {
            let scene = Scene()
            let (realm, judge) = (scene.realm, scene.judge)
            let user = realm.join(
                caller: .progressiveCallInvocations, callee: [], role: "user")
            realm.call(user, request: 1, progress: true)
            realm.call(user, request: 1, progress: true)
            #expect(realm.yield(judge, 1, [answer]).count == 1, "\(answer)")
            #expect(realm.call(user, request: 1, progress: true).isEmpty, "\(answer)")
            #expect(realm.call(user, request: 1).isEmpty, "\(answer)")
            realm.leave(user)
            scene.end()
        }
    }

    @Test("§7.4 §11 without an authorizer to ask, a call in parts is answered once, too")
    func failedParts() {
        let scene = Scene(registers: false)
        let realm = scene.realm
        let user = realm.join(caller: .progressiveCallInvocations, callee: [], role: "user")
        #expect(
            realm.call(user, progress: true) == [user.getsError(1, .authorizationFailed)])
        #expect(realm.call(user, request: 1, progress: true).isEmpty)
        #expect(realm.call(user, request: 1).isEmpty)
        realm.leave(user)
        scene.end()
    }

    @Test("§11 an authorizer that leaves is not asked again on its way out")
    func authorizerLeaves() {
        let scene = Scene()
        let (realm, judge, user) = (scene.realm, scene.judge, scene.user)
        realm.register(judge, "t.x", "roundrobin")
        realm.call(user, "t.x")
        realm.call(user, "t.x")
        let effects = realm.leave(judge)
        #expect(effects.invocations(to: judge).isEmpty)
        #expect(effects.contains(user.getsError(2, .authorizationFailed)))
        scene.end()
    }
}
