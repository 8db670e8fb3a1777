// Who is told who calls: SR-17; protocol.md §7.8.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Caller identification")
struct DisclosureTests {
    static func realm(_ disclosure: Disclosure) -> TestRealm {
        var settings = RealmSettings()
        settings.callerDisclosure = disclosure
        return TestRealm(settings)
    }

    static func identity(_ peer: Peer) -> Value.Dictionary {
        [
            "caller": Value(peer.id), "caller_authid": .string(peer.identity.authid ?? ""),
            "caller_authrole": .string(peer.identity.authrole ?? ""),
        ]
    }

    static let modes: [Disclosure] = [.never, .onRequest, .always]

    @Test(
        "§7.8 nobody asks: the callee is told only where the realm always tells", arguments: modes)
    func nobodyAsks(disclosure: Disclosure) {
        let realm = Self.realm(disclosure)
        let (caller, a) = (realm.join(authid: "joe"), realm.join())
        realm.register(a)
        for round in 1...2 {
            let details = realm.call(caller).invocationDetails
            #expect(details == (disclosure == .always ? Self.identity(caller) : [:]), "\(round)")
        }
    }

    @Test("§7.8 disclose_me: told, or refused where the realm never tells", arguments: modes)
    func callerAsks(disclosure: Disclosure) {
        let realm = Self.realm(disclosure)
        let (caller, a) = (realm.join(authid: "joe"), realm.join())
        realm.register(a)
        let effects = realm.call(caller, custom: ["disclose_me": true])
        if disclosure == .never {
            #expect(effects == [caller.getsError(1, .discloseMeNotAllowed)])
        } else {
            #expect(effects.invocationDetails == Self.identity(caller))
        }
        let off = realm.call(caller, custom: ["disclose_me": false]).invocationDetails
        #expect(off == (disclosure == .always ? Self.identity(caller) : [:]))
    }

    @Test("§7.8 disclose_caller: told, or REGISTER is refused", arguments: modes)
    func calleeAsks(disclosure: Disclosure) {
        let realm = Self.realm(disclosure)
        let (caller, a) = (realm.join(authid: "joe"), realm.join())
        let effects = realm.register(a, options: ["disclose_caller": true])
        if disclosure == .never {
            #expect(effects == [a.getsError(.register, 1, .discloseMeNotAllowed)])
            #expect(realm.realm.registrationCount == 0)
        } else {
            #expect(realm.call(caller).invocationDetails == Self.identity(caller))
        }
    }

    @Test("SR-17 disclose_caller is each callee's own, not that of the first")
    func perCallee() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.join(3, .callReroute)
        realm.register(p[0], "t.x", "roundrobin")
        realm.register(p[1], "t.x", "roundrobin", options: ["disclose_caller": true])
        realm.register(p[2], "t.x", "roundrobin")
        let told = (0..<6).map { _ in realm.call(caller).invocationDetails?["caller"] != nil }
        #expect(told == [false, true, false, false, true, false])
        // By re-routing, too.
        let again = realm.fail(p[0], 1).invocations(to: p[1])
        #expect(again.map(\.details) == [Self.identity(caller)])
    }

    @Test("§7.8 a rule of the caller's role decides before the realm's setting")
    func ruleOfRole() {
        func rule(_ disclosure: Disclosure?) -> RolePermissions {
            RolePermissions(rules: [
                PermissionRule(
                    URIPattern("", match: .prefix), actions: Action.all,
                    callerDisclosure: disclosure)
            ])
        }
        var settings = RealmSettings()
        settings.callerDisclosure = .onRequest
        settings.permissions = Permissions(roles: [
            "shy": rule(.never), "known": rule(.always), "plain": rule(nil),
        ])
        let realm = TestRealm(settings)
        let a = realm.join(callee: [], role: "plain")
        realm.register(a)
        let peers = ["shy", "known", "plain"].map { realm.join(callee: [], role: $0) }
        for (peer, isTold) in zip(peers, [false, true, false]) {
            let details = realm.call(peer).invocationDetails
            #expect(details == (isTold ? Self.identity(peer) : [:]), "\(peer)")
        }
        let asked = peers.map { realm.call($0, custom: ["disclose_me": true]).refusal }
        #expect(asked == [.discloseMeNotAllowed, nil, nil])
        let shy = realm.register(peers[0], "t.y", options: ["disclose_caller": true])
        #expect(shy.refusal == .discloseMeNotAllowed)
        #expect(realm.register(peers[2], "t.y", options: ["disclose_caller": true]).refusal == nil)
    }

    @Test("§7.8 trustlevel: as it is configured for the procedure, for every kind of match")
    func trustlevel() {
        var settings = RealmSettings()
        settings.procedures = [
            ProcedureSettings(URIPattern("t.", match: .prefix), trustlevel: 1),
            ProcedureSettings(URIPattern("t.high"), trustlevel: 7),
        ]
        let realm = TestRealm(settings)
        let (caller, a) = (realm.join(), realm.join())
        for uri in ["t.high", "t.x", "u.x"] as [URI] { realm.register(a, uri) }
        realm.register(a, "t.p.", match: .prefix)
        for round in 1...2 {
            #expect(realm.call(caller, "t.high").invocationDetails == ["trustlevel": 7], "\(round)")
            #expect(realm.call(caller, "t.x").invocationDetails == ["trustlevel": 1], "\(round)")
            #expect(realm.call(caller, "u.x").invocationDetails == [:], "\(round)")
            #expect(realm.call(caller, "t.p.q").invocationDetails?["trustlevel"] == 1, "\(round)")
        }
        settings.procedures = []
        realm.update(settings)
        for round in 1...2 {
            #expect(realm.call(caller, "t.x").invocationDetails == [:], "\(round)")
        }
    }
}
