// What the meta API tells of sessions, and how it ends them: protocol.md §8 and §8.1.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Session meta API")
struct SessionMetaTests {
    let realm = TestRealm()

    private func listener() -> Listener {
        Listener(
            realm.join(), to: ["wamp.session.on_join", "wamp.session.on_leave"], in: realm)
    }

    private func left(_ peer: Peer) -> MetaEvent {
        MetaEvent(
            "wamp.session.on_leave",
            [
                Value(peer.id), .string(peer.identity.authid ?? ""),
                .string(peer.identity.authrole ?? ""),
            ])
    }

    @Test("§8.1 on_join comes after WELCOME and tells who joined, with its transport if it may")
    func join() throws {
        let listener = listener()
        let roles = Roles([.caller: []])
        let plain = realm.join(Newcomer(roles: roles, authid: "alice", authrole: "admin"))
        var details: Value.Dictionary = [
            "session": Value(plain.id), "authid": "alice", "authrole": "admin",
            "authmethod": "anonymous", "authprovider": "static",
        ]
        #expect(realm.lastJoin.count == 2)
        #expect(
            listener.events(in: realm.lastJoin) == [
                MetaEvent("wamp.session.on_join", [.dictionary(details)])
            ])
        let transport: Value.Dictionary = [
            "type": "websocket", "peer": "tcp://127.0.0.1:1", "serializer": "json",
            "secure": false,
        ]
        let shown = realm.join(
            Newcomer(
                roles: roles, authid: "bob",
                transport: TransportDetails(
                    kind: .webSocket, serializer: .json, peer: "tcp://127.0.0.1:1",
                    isSecure: false)))
        details = [
            "session": Value(shown.id), "authid": "bob", "authrole": "anonymous",
            "authmethod": "anonymous", "authprovider": "static",
            "transport": .dictionary(transport),
        ]
        #expect(
            listener.events(in: realm.lastJoin) == [
                MetaEvent("wamp.session.on_join", [.dictionary(details)])
            ])
        #expect(
            realm.meta("wamp.session.get", [Value(shown.id)], from: plain)
                == .dictionary(details))
    }

    @Test("§8.1 on_leave comes last, however a session ends", arguments: LeavingTests.End.allCases)
    func leave(end: LeavingTests.End) {
        let listener = listener()
        let a = realm.join()
        realm.register(a, "t.x")
        realm.subscribe(a, "wamp.session.on_leave")
        #expect(
            listener.events(in: LeavingTests.end(a, by: end, in: realm)) == [left(a)])
    }

    @Test("§8 SR-78 one lost session: ERRORs, registrations, subscriptions, testaments, on_leave")
    func orderOfLoss() throws {
        let (caller, a) = (realm.join(), realm.join())
        let watcher = realm.join()
        let names = ["wamp.registration.", "wamp.subscription.", "wamp.session.", "t.will"]
        for name in names { realm.subscribe(watcher, URI(name), .prefix) }
        realm.register(a, "t.x")
        realm.subscribe(a, "t.topic")
        realm.call(a, "wamp.session.add_testament", ["t.will", [], [:]])
        realm.call(caller, "t.x")
        let effects = realm.leave(a)
        #expect(effects.first == caller.getsError(1, .canceled, ["callee left"]))
        #expect(
            effects.events(to: watcher).map { $0.details["topic"] } == [
                "wamp.registration.on_unregister", "wamp.registration.on_delete",
                "wamp.subscription.on_unsubscribe", "wamp.subscription.on_delete", "t.will",
                "wamp.session.on_leave",
            ])
        #expect(effects.count == 7)
    }

    // MARK: Ending sessions

    @Test("§8.1 kill: the answer, GOODBYE with reason and message, then on_leave")
    func kill() {
        let listener = listener()
        let (caller, a) = (realm.join(), realm.join())
        let effects = realm.call(
            caller, "wamp.session.kill", [Value(a.id)],
            kwargs: ["reason": "t.reason", "message": "go away"])
        #expect(effects.count == 4)
        #expect(effects.first == caller.getsResult(1, from: nil))
        #expect(
            effects.dropFirst().first
                == a.gets(.goodbye(Goodbye(details: ["message": "go away"], reason: "t.reason"))))
        #expect(listener.events(in: effects) == [left(a)])
        #expect(effects.last == a.ends(.goodbyeSent))
        #expect(realm.call(caller, "wamp.session.kill", [Value(a.id)]).refusal == .noSuchSession)
    }

    @Test("§8.1 without a reason it is wamp.close.killed, without a message there is none")
    func defaultReason() {
        let (caller, a) = (realm.join(), realm.join())
        let effects = realm.call(caller, "wamp.session.kill", [Value(a.id)])
        #expect(effects.goodbye(to: a) == Goodbye(reason: .killed))
    }

    @Test("§8.1 nobody ends itself, and wrong arguments end nobody")
    func refusedKills() {
        let (caller, a) = (realm.join(), realm.join())
        let uri: URI = "wamp.session.kill"
        #expect(realm.call(caller, uri, [Value(caller.id)]).refusal == .noSuchSession)
        #expect(realm.call(caller, uri, [4711]).refusal == .noSuchSession)
        #expect(realm.call(caller, uri).refusal == .invalidArgument)
        #expect(realm.call(caller, uri, ["x"]).refusal == .invalidArgument)
        for (kwargs, error) in [
            (["reason": "no uri"], .invalidURI), (["reason": ""], .invalidURI),
            (["reason": 1], .invalidArgument), (["message": 1], .invalidArgument),
        ] as [(Value.Dictionary, ErrorURI)] {
            for (name, args) in [
                ("kill", [Value(a.id)]), ("kill_by_authid", [.string(a.identity.authid ?? "")]),
                ("kill_by_authrole", ["anonymous"]), ("kill_all", []),
            ] as [(String, [Value])] {
                let effects = realm.call(
                    caller, URI("wamp.session.\(name)"), args, kwargs: kwargs)
                #expect(effects.refusal == error, "\(kwargs) \(name) \(args)")
            }
        }
        for name in ["kill_by_authid", "kill_by_authrole"] {
            #expect(
                realm.call(caller, URI("wamp.session.\(name)")).refusal == .invalidArgument,
                "\(name)")
        }
        #expect(realm.realm.sessionCount == 2)
    }

    @Test("§8.1 kill_by_authid tells the ids, kill_by_authrole the number; the caller is spared")
    func killMany() {
        let caller = realm.join("admin", authid: "alice")
        let (a, b) = (realm.join("user", authid: "alice"), realm.join("admin", authid: "bob"))
        let c = realm.join("admin", authid: "alice")
        let first = realm.call(caller, "wamp.session.kill_by_authid", ["alice"])
        #expect(first.result?.args == [.list([Value(a.id), Value(c.id)])])
        #expect(first.goodbye(to: a) == Goodbye(reason: .killed))
        #expect(first.goodbye(to: c) == Goodbye(reason: .killed))
        let second = realm.call(caller, "wamp.session.kill_by_authrole", ["admin"])
        #expect(second.result?.args == [1])
        #expect(second.goodbye(to: b) != nil)
        #expect(
            realm.call(caller, "wamp.session.kill_by_authid", ["alice"]).result?.args == [[]])
        #expect(realm.call(caller, "wamp.session.kill_by_authrole", ["x"]).result?.args == [0])
        #expect(realm.realm.sessionCount == 1)
    }

    @Test("§8.1 kill_all spares the caller, and makes neither meta events nor testaments")
    func killAll() {
        let caller = realm.join()
        for topic in ["wamp.session.on_leave", "wamp.subscription.on_delete", "t.will"] as [URI] {
            realm.subscribe(caller, topic)
        }
        realm.subscribe(caller, "wamp.registration.", .prefix)
        let others = realm.join(3)
        realm.register(others[0], "t.x")
        realm.subscribe(others[1], "t.topic")
        realm.call(others[2], "wamp.session.add_testament", ["t.will", [], [:]])
        let effects = realm.call(
            caller, "wamp.session.kill_all", [], kwargs: ["reason": "t.reason"])
        #expect(effects.result?.args == [3])
        #expect(effects.events(to: caller).isEmpty)
        #expect(effects.count == 7)
        for peer in others { #expect(effects.goodbye(to: peer)?.reason == "t.reason", "\(peer)") }
        #expect(realm.realm.registrationCount == 0)
        // From then on there are events again.
        let next = realm.join()
        #expect(realm.leave(next).events(to: caller).count == 1)
    }

    @Test("A killed callee's callers are told, and a killed caller's callee is interrupted")
    func killDuringCalls() {
        let admin = realm.join()
        let (caller, callee) = (realm.join(.callCanceling), realm.join(.callCanceling))
        realm.register(callee, "t.x")
        realm.register(caller, "t.y")
        realm.call(caller, "t.x")
        realm.call(callee, "t.y")
        let effects = realm.call(admin, "wamp.session.kill", [Value(callee.id)])
        #expect(effects.contains(caller.getsError(2, .canceled, ["callee left"])))
        #expect(effects.contains(caller.getsInterrupt(1, .killnowait)))
        #expect(realm.realm.pendingCallCount == 0)
    }

    // MARK: Permissions

    @Test("Roles decide who may read and who may kill; both are refused alike, known or unknown")
    func permissions() {
        var settings = RealmSettings()
        settings.permissions = Permissions(
            roles: [
                "reader": RolePermissions(mayReadMeta: true),
                "killer": RolePermissions(mayKill: true), "other": RolePermissions(),
            ])
        let realm = TestRealm(settings)
        let victim = realm.join("other")
        for (role, read, kill) in [
            ("reader", nil, .notAuthorized), ("killer", .notAuthorized, nil),
            ("other", .notAuthorized, .notAuthorized), ("none", .notAuthorized, .notAuthorized),
        ] as [(String, ErrorURI?, ErrorURI?)] {
            let peer = realm.join(role)
            #expect(realm.call(peer, "wamp.session.list").refusal == read, "\(role)")
            #expect(realm.call(peer, "wamp.subscription.list").refusal == read, "\(role)")
            #expect(realm.call(peer, "wampctl.router.stats").refusal == read, "\(role)")
            #expect(
                realm.call(peer, "wamp.session.get", [4711]).refusal
                    == (read == nil ? .noSuchSession : read), "\(role)")
            #expect(
                realm.call(peer, "wamp.session.kill", [4711]).refusal
                    == (kill == nil ? .noSuchSession : kill), "\(role)")
            #expect(realm.call(peer, "wamp.session.flush_testaments").refusal == nil, "\(role)")
        }
        let killer = realm.join("killer")
        #expect(realm.call(killer, "wamp.session.kill", [Value(victim.id)]).refusal == nil)
    }

    @Test("Without roles everybody may read, and killing can be switched off")
    func permissionsWithoutRoles() {
        var settings = RealmSettings()
        settings.permissions.isKillAllowed = false
        let realm = TestRealm(settings)
        let (a, b) = (realm.join(), realm.join())
        #expect(realm.meta("wamp.session.count", from: a) == 2)
        for (name, args) in [
            ("session.kill", [Value(b.id)]), ("session.kill_all", []),
            ("session.kill_by_authid", ["x"]), ("session.kill_by_authrole", ["x"]),
            ("subscription.remove_subscriber", [1, 2]),
        ] as [(String, [Value])] {
            #expect(
                realm.call(a, URI("wamp.\(name)"), args).refusal == .notAuthorized,
                "\(name) \(args)")
        }
    }
}
