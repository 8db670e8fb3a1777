// Registrations that are taken away: SR-85 … SR-90; protocol.md §7.9.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Revocation and take-over")
struct RevocationTests {
    /// Two callees of one procedure, the first of whom hears of revocations, and one who listens.
    struct Scene {
        let realm: TestRealm
        let a: Peer
        let b: Peer
        let caller: Peer
        let listener: Listener
        let id: RegistrationID

        init(_ settings: RealmSettings = RealmSettings(), role: String = "anonymous") {
            realm = TestRealm(settings)
            a = realm.join(callee: .registrationRevocation, role: role)
            b = realm.join(callee: [], role: role)
            caller = realm.join(callee: [], role: role)
            listener = Listener(realm.join(callee: [], role: role), in: realm)
            id = realm.registration(a, "t.x", "roundrobin")
            realm.register(b, "t.x", "roundrobin")
        }

        func remove(_ id: Value, _ session: Value, reason: String? = nil) -> [Effect] {
            realm.call(
                caller, "wamp.registration.remove_callee", [id, session],
                kwargs: reason.map { ["reason": .string($0)] } ?? [:])
        }
    }

    @Test("SR-85 SR-86 C3 §7.9 remove_callee takes one callee; it is told if it can be")
    func removeCallee() {
        let scene = Scene()
        let (realm, a, b) = (scene.realm, scene.a, scene.b)
        var effects = scene.remove(Value(scene.id), Value(a.id), reason: "t.reason")
        #expect(effects.result?.args == [])
        #expect(
            effects.revocations(of: a) == [
                ["registration": Value(scene.id), "reason": "t.reason"]
            ])
        #expect(
            scene.listener.events(in: effects) == [MetaEvent("on_unregister", a, scene.id)])
        #expect(realm.picks(2, from: scene.caller) == [b, b])
        #expect(realm.unregister(a, scene.id).refusal == .noSuchRegistration)

        effects = scene.remove(Value(scene.id), Value(b.id))
        #expect(effects.revocations(of: b).isEmpty)
        #expect(
            scene.listener.events(in: effects) == [
                MetaEvent("on_unregister", b, scene.id), MetaEvent("on_delete", b, scene.id),
            ])
        #expect(realm.unregister(b, scene.id).refusal == .noSuchRegistration)
        #expect(realm.call(scene.caller).refusal == .noSuchProcedure)
    }

    @Test("SR-85 without a reason it is wamp.error.unregistered; the caller's RESULT comes first")
    func defaultReason() {
        let scene = Scene()
        let effects = scene.remove(Value(scene.id), Value(scene.a.id))
        guard case .send(.result, scene.caller.key) = effects.first else {
            Issue.record("no RESULT first: \(effects)")
            return
        }
        #expect(effects.revocations(of: scene.a).first?["reason"] == "wamp.error.unregistered")
    }

    @Test("SR-85 refused: whom there is not, who is no callee, what is no id, who may not")
    func refused() {
        let scene = Scene()
        let (id, a) = (Value(scene.id), Value(scene.a.id))
        #expect(scene.remove(7, a).refusal == .noSuchRegistration)
        #expect(scene.remove(id, 7).refusal == .noSuchSession)
        #expect(scene.remove(id, Value(scene.caller.id)).refusal == .noSuchSession)
        #expect(scene.remove("x", a).refusal == .invalidArgument)
        #expect(scene.remove(id, "x").refusal == .invalidArgument)
        #expect(
            scene.realm.call(scene.caller, "wamp.registration.remove_callee", [id]).refusal
                == .invalidArgument)
        #expect(scene.realm.list(scene.id, from: scene.caller) == [scene.a, scene.b])

        var settings = RealmSettings()
        settings.permissions.isKillAllowed = false
        let other = Scene(settings)
        #expect(other.remove(Value(other.id), Value(other.a.id)).refusal == .notAuthorized)
        #expect(other.realm.list(other.id, from: other.caller) == [other.a, other.b])
    }

    @Test(
        "SR-85 §8 a reason that is no text, or no URI, is refused and takes nobody away",
        arguments: [(1, ErrorURI.invalidArgument), ("not a URI", .invalidURI), ("", .invalidURI)]
            as [(Value, ErrorURI)])
    func badReason(reason: Value, error: ErrorURI) {
        let scene = Scene()
        let effects = scene.realm.call(
            scene.caller, "wamp.registration.remove_callee",
            [Value(scene.id), Value(scene.a.id)], kwargs: ["reason": reason])
        #expect(effects.refusal == error)
        #expect(scene.realm.list(scene.id, from: scene.caller) == [scene.a, scene.b])
    }

    @Test("SR-85 SR-30 the turn stays with whoever was next; SR-28 calls in flight go on")
    func turnAndCalls() {
        let scene = Scene()
        let (realm, a, b, caller) = (scene.realm, scene.a, scene.b, scene.caller)
        let c = realm.callees(1, "t.x", "roundrobin")[0]
        realm.call(caller)
        #expect(scene.remove(Value(scene.id), Value(a.id)).refusal == nil)
        #expect(realm.invoked(in: realm.call(caller)) == b)
        #expect(realm.invoked(in: realm.call(caller)) == c)
        #expect(realm.yield(a, 1, ["late"]) == [caller.getsResult(1, from: a, ["late"])])
    }

    static let force: Value.Dictionary = ["force_reregister": true]

    @Test("SR-87 C2 force_reregister: all are revoked, one on_delete, then a new registration")
    func takeOver() throws {
        let scene = Scene()
        let (realm, a, b) = (scene.realm, scene.a, scene.b)
        let newcomer = realm.join()
        let effects = realm.register(newcomer, "t.x", "last", options: Self.force)
        let new = realm.id()
        #expect(new != scene.id)
        #expect(
            effects.revocations(of: a) == [
                ["registration": Value(scene.id), "reason": "wamp.error.unregistered"]
            ])
        #expect(effects.revocations(of: b).isEmpty)
        let events = scene.listener.events(in: effects)
        #expect(
            events.prefix(3) == [
                MetaEvent("on_unregister", a, scene.id), MetaEvent("on_unregister", b, scene.id),
                MetaEvent("on_delete", b, scene.id),
            ])
        #expect(events.dropFirst(3).map(\.name) == ["on_create", "on_register"])
        let created = try #require(events.first { $0.name == "on_create" })
        #expect(created.args[1].dictionary?["invoke"] == "last")
        #expect(created.args[1].dictionary?["id"] == Value(new))
        #expect(effects.contains(newcomer.getsRegistered(1, new)))
        #expect(realm.pick(from: scene.caller) == newcomer)
        #expect(realm.list(new, from: scene.caller) == [newcomer])
        #expect(realm.unregister(a, scene.id).refusal == .noSuchRegistration)
        #expect(realm.leaveAll([a, b, newcomer, scene.caller, scene.listener.peer]))
    }

    @Test("SR-80 SR-87 whoever takes a procedure over gets REGISTERED before it hears of that")
    func takeOverIsAnsweredFirst() throws {
        for isCallee in [false, true] {
            let scene = Scene()
            let newcomer = isCallee ? scene.a : scene.realm.join()
            let listener = Listener(newcomer, in: scene.realm)
            let effects = scene.realm.register(newcomer, "t.x", options: Self.force)
            let answer = try #require(
                effects.firstIndex { effect in
                    if case .send(.registered, newcomer.key) = effect { true } else { false }
                }, "\(isCallee)")
            #expect(listener.events(in: Array(effects[..<answer])).isEmpty, "\(isCallee)")
            #expect(
                listener.events(in: Array(effects[answer...])).map(\.name) == [
                    "on_unregister", "on_unregister", "on_delete", "on_create", "on_register",
                ], "\(isCallee)")
            #expect(effects.revocations(of: scene.a).count == 1, "\(isCallee)")
        }
    }

    @Test("SR-87 a callee of the procedure may take it for itself, under any rule")
    func takeOverOwn() {
        for rule in ["roundrobin", "first", nil] {
            let scene = Scene()
            let (realm, a) = (scene.realm, scene.a)
            let effects = realm.register(a, "t.x", rule, options: Self.force)
            #expect(effects.revocations(of: a).count == 1, "\(rule)")
            let new = realm.id()
            #expect(effects.contains(a.getsRegistered(2, new)), "\(rule)")
            #expect(realm.list(new, from: scene.caller) == [a], "\(rule)")
        }
    }

    @Test("SR-89 where there is nothing to take over, the flag has no effect")
    func nothingThere() {
        let realm = TestRealm()
        let (a, b) = (realm.join(.registrationRevocation), realm.join())
        let effects = realm.register(a, "t.x", "first", options: Self.force)
        #expect(effects == [a.getsRegistered(1, realm.id())])
        #expect(realm.register(b, "t.x", "first").refusal == nil)
        #expect(
            realm.register(b, "t.x", "first", options: ["force_reregister": false]).refusal == nil)
        #expect(realm.list(realm.id(), from: b) == [a, b])
    }

    @Test("SR-90 SR-28 calls in flight of those who were put out go on: answer, error, CANCEL")
    func inFlight() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "roundrobin", .callCanceling)
        let id = realm.id()
        for _ in 1...3 { realm.call(caller) }
        let newcomer = realm.join()
        realm.register(newcomer, "t.x", options: Self.force)
        #expect(realm.yield(p[0], 1) == [caller.getsResult(1, from: p[0])])
        #expect(realm.fail(p[1], 1, "t.error") == [caller.getsError(2, "t.error")])
        #expect(realm.cancel(caller, 3).contains(p[2].getsInterrupt(1, .killnowait)))
        #expect(realm.id() != id)
        #expect(realm.leaveAll([caller, newcomer] + p))
    }

    @Test(
        "SR-90 SR-48 who was put out and is unavailable then: there is nobody of its registration")
    func unavailableAfterwards() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "first", .callReroute)
        realm.call(caller)
        realm.register(realm.join(), "t.x", "first", options: Self.force)
        #expect(realm.fail(p[0], 1) == [caller.getsError(1, .noAvailableCallee)])
    }

    @Test("SR-60 SR-87 calls that wait are told that their registration is gone")
    func queue() {
        let realm = TestRealm(QueueTests.settings(limit: 5))
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "first", concurrency: 1, .registrationRevocation)
        for _ in 1...3 { realm.call(caller) }
        let newcomer = realm.join()
        let effects = realm.register(newcomer, "t.x", "first", options: Self.force)
        // SR-23: nobody gets another call who is about to be put out.
        #expect(effects.invocations(to: p[1]).isEmpty)
        #expect(
            effects.suffix(2) == [
                caller.getsError(2, .noSuchProcedure), caller.getsError(3, .noSuchProcedure),
            ])
        #expect(realm.leaveAll([caller, newcomer] + p))
    }

    @Test("SR-60 SR-87 while the realm is drained, whoever puts an end to its own last call leaves")
    func drained() {
        let realm = TestRealm(QueueTests.settings(limit: 5))
        let caller = realm.join()
        let callee = realm.callees(1, "t.x", "first", concurrency: 1)[0]
        realm.call(caller)
        let newcomer = realm.join()
        #expect(realm.call(newcomer).isEmpty)
        realm.drain()
        let effects = realm.register(newcomer, "t.x", "first", options: Self.force)
        #expect(effects.first == newcomer.getsError(1, .noSuchProcedure))
        #expect(!realm.isPresent(newcomer))
        #expect(realm.realm.registrationCount == 0)
        realm.yield(callee, 1)
        #expect(realm.isEmpty)
        #expect(!realm.isPresent(caller))
    }

    @Test("SR-87 a session that has as many registrations as it may takes nothing from anybody")
    func atTheBound() {
        var limits = Limits()
        limits.registrationsPerSession = 1
        let realm = TestRealm(limits: limits)
        let (a, b) = (realm.join(), realm.join())
        realm.register(a, "t.x", "first")
        realm.register(b, "t.y", "first")
        #expect(realm.register(b, "t.x", options: Self.force).refusal == .unavailable)
        #expect(realm.pick(from: b) == a)
        // Its own can be replaced.
        #expect(realm.register(b, "t.y", "last", options: Self.force).refusal == nil)
    }

    /// Roles of which one may take over.
    static var roles: RealmSettings {
        let mine = URIPattern("t.", match: .prefix)
        var settings = RealmSettings()
        settings.permissions = Permissions(roles: [
            "worker": RolePermissions(
                rules: [PermissionRule(mine, actions: [.register, .call])], mayReadMeta: true),
            "boss": RolePermissions(
                rules: [PermissionRule(mine, actions: [.register, .forceReregister])]),
            "guest": RolePermissions(rules: [PermissionRule(mine, actions: [.call])]),
        ])
        return settings
    }

    @Test("SR-88 the permission for it, or nobody there but the newcomer's own authid")
    func mayForce() {
        let realm = TestRealm(Self.roles)
        func worker(_ authid: String) -> Peer {
            realm.join(callee: [], role: "worker", authid: authid, authmethod: "ticket")
        }
        let (joe, joeAgain, jane) = (worker("joe"), worker("joe"), worker("jane"))
        let id = realm.registration(joe, "t.x", "first")
        realm.register(joeAgain, "t.x", "first")
        #expect(
            realm.register(jane, "t.x", "first", options: Self.force) == [
                jane.getsError(.register, 1, .notAuthorized)
            ])
        #expect(realm.list(id, from: jane) == [joe, joeAgain])
        let third = worker("joe")
        #expect(realm.register(third, "t.x", "first", options: Self.force).refusal == nil)
        #expect(realm.id() != id)
        realm.register(jane, "t.x", "first")
        #expect(realm.register(third, "t.x", options: Self.force).refusal == .notAuthorized)
        let boss = realm.join(callee: [], role: "boss")
        #expect(realm.register(boss, "t.x", options: Self.force).refusal == nil)
        #expect(realm.pick(from: jane) == boss)
    }

    @Test("SR-88 SR-16 who may not register learns nothing, flag or not")
    func mayNotRegister() {
        let realm = TestRealm(Self.roles)
        let joe = realm.join(callee: [], role: "worker")
        let guest = realm.join(callee: [], role: "guest")
        realm.register(joe, "t.x")
        for uri in ["t.x", "t.nobody"] as [URI] {
            #expect(
                realm.register(guest, uri, options: Self.force).refusal == .notAuthorized, "\(uri)")
        }
        #expect(realm.pick(from: guest) == joe)
    }

    @Test("SR-88 anonymous sessions own nothing together, even under one name")
    func anonymous() {
        let realm = TestRealm(Self.roles)
        let joe = realm.join(callee: [], role: "worker", authid: "joe")
        let other = realm.join(callee: [], role: "worker", authid: "joe")
        realm.register(joe, "t.x", "first")
        #expect(realm.register(other, "t.x", options: Self.force).refusal == .notAuthorized)
        let known = realm.join(callee: [], role: "worker", authid: "jane", authmethod: "ticket")
        let posing = realm.join(callee: [], role: "worker", authid: "jane")
        realm.register(known, "t.y", "first")
        #expect(realm.register(posing, "t.y", options: Self.force).refusal == .notAuthorized)
        #expect(realm.register(joe, "t.x", "last", options: Self.force).refusal == nil)
    }

    @Test("SR-85 remove_callee is for roles that may kill")
    func roleThatMayKill() {
        var settings = Self.roles
        settings.permissions.roles?["worker"]?.mayKill = false
        settings.permissions.roles?["boss"]?.mayKill = true
        let realm = TestRealm(settings)
        let joe = realm.join(callee: [], role: "worker")
        let boss = realm.join(callee: [], role: "boss")
        let id = realm.registration(joe, "t.x")
        let args = [Value(id), Value(joe.id)]
        let procedure: URI = "wamp.registration.remove_callee"
        #expect(realm.call(joe, procedure, args).refusal == .notAuthorized)
        #expect(realm.call(boss, procedure, args).refusal == nil)
        #expect(realm.realm.registrationCount == 0)
    }
}
