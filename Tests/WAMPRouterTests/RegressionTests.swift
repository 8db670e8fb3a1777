// Section L of shared-registrations.md: a defect of another router each, in the order of the list.
// What is tested in depth elsewhere is tested here once more, by the example that showed it.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Defects found in other routers")
struct RegressionTests {
    @Test("C1 SR-30 SR-32 the turn does not jump when a callee leaves")
    func c1() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "roundrobin")
        #expect(realm.picks(4, from: caller) == [p[0], p[1], p[2], p[0]])
        realm.leave(p[2])
        #expect(realm.pick(from: caller) == p[1])
    }

    @Test("C2 SR-87 force_reregister works with two callees, and says so to everybody")
    func c2() {
        let realm = TestRealm()
        let listener = Listener(realm.join(), in: realm)
        let p = realm.callees(2, "t.x", "first", .registrationRevocation)
        let newcomer = realm.join()
        let effects = realm.register(newcomer, "t.x", options: ["force_reregister": true])
        for callee in p { #expect(effects.revocations(of: callee).count == 1, "\(callee)") }
        #expect(
            listener.events(in: effects).map(\.name) == [
                "on_unregister", "on_unregister", "on_delete", "on_create", "on_register",
            ])
        #expect(realm.pick(from: newcomer) == newcomer)
    }

    @Test("C3 SR-85 remove_callee removes, notifies, publishes and answers")
    func c3() {
        let realm = TestRealm()
        let listener = Listener(realm.join(), in: realm)
        let a = realm.callees(1, "t.x", "first", .registrationRevocation)[0]
        let id = realm.id()
        let effects = realm.call(
            listener.peer, "wamp.registration.remove_callee", [Value(id), Value(a.id)])
        #expect(effects.result != nil)
        #expect(effects.revocations(of: a).count == 1)
        #expect(listener.events(in: effects).map(\.name) == ["on_unregister", "on_delete"])
    }

    @Test("C4 SR-57 random honours concurrency, and no counter goes below zero")
    func c4() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "random", concurrency: 2)
        let id = realm.id()
        let picks = (1...6).map { _ in realm.invoked(in: realm.call(caller)) }
        for callee in p { #expect(picks.count { $0 == callee } == 2, "\(callee)") }
        #expect(realm.call(caller).refusal == .noAvailableCallee)
        for callee in p {
            for request in [1, 2, 1, 2] as [RequestID] { realm.yield(callee, request) }
        }
        #expect(realm.figures("in_flight", id, from: caller) == [0, 0, 0])
    }

    @Test("C5 SR-59 time limits and lost callers leak no slots")
    func c5() {
        let realm = TestRealm()
        let a = realm.callees(1, "t.x", "first", concurrency: 1, .callCanceling)[0]
        for number in 0..<10 {
            let caller = realm.join()
            #expect(realm.invoked(in: realm.call(caller, timeout: 5)) == a, "\(number)")
            if number % 2 == 0 { realm.advance(milliseconds: 5) }
            realm.leave(caller)
        }
        #expect(realm.leaveAll([a]))
    }

    @Test("C6 SR-60 the queue is bounded, and every call in it is answered")
    func c6() {
        let realm = TestRealm(QueueTests.settings(limit: 2))
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "first", concurrency: 1)[0]
        let refused = (1...4).map { _ in realm.call(caller).refusal }
        #expect(refused == [nil, nil, nil, .noAvailableCallee])
        #expect(realm.fail(a, 1, "t.error").invocations(to: a).count == 1)
        #expect(realm.leave(a).count == 2)
        #expect(realm.auditor.openCallCount == 0)
    }

    @Test("C7 SR-16 a session that may not register cannot probe what is registered")
    func c7() {
        let realm = TestRealm(AuthorizerTests.settings(asks: false))
        realm.register(realm.join(callee: [], role: "judge"), "t.taken", "first")
        let guest = realm.join(callee: [], role: "guest")
        let answers = (["t.taken", "t.free"] as [URI]).map {
            realm.register(guest, $0, "last").refusal
        }
        #expect(answers == [.notAuthorized, .notAuthorized])
    }

    @Test("C8 SR-66 skip answers the caller, whatever the callee can")
    func c8() {
        for features in [[], .callCanceling] as [Features] {
            let realm = TestRealm()
            let caller = realm.join()
            _ = realm.callees(1, "t.x", "first", features)
            realm.call(caller)
            #expect(
                realm.cancel(caller, 1, .skip) == [caller.getsError(1, .canceled)], "\(features)")
        }
    }

    @Test("C9 SR-68 a timeout of 1500 is one and a half seconds")
    func c9() {
        let realm = TestRealm()
        let caller = realm.join()
        _ = realm.callees(1, "t.x", "first")
        realm.call(caller, timeout: 1500)
        #expect(realm.advance(milliseconds: 1499).isEmpty)
        #expect(realm.advance(milliseconds: 1) == [caller.getsError(1, .timeout)])
    }

    @Test("N1 SR-08 an unknown rule is refused to everybody, and calls harm nobody")
    func n1() {
        let realm = TestRealm()
        let (a, b) = (realm.join(), realm.join())
        for peer in [a, b] {
            #expect(realm.register(peer, "t.x", "fairest").refusal == .invalidArgument, "\(peer)")
        }
        #expect(realm.call(a).refusal == .noSuchProcedure)
    }

    @Test("N2 SR-10 a callee that registers twice is there once, and one UNREGISTER removes it")
    func n2() {
        let realm = TestRealm()
        let (a, b) = (realm.join(), realm.join())
        let id = realm.registration(a, "t.x", "roundrobin")
        realm.register(b, "t.x", "roundrobin")
        #expect(realm.registration(a, "t.x", "roundrobin") == id)
        #expect(realm.picks(4, from: b) == [a, b, a, b])
        realm.unregister(a, id)
        #expect(realm.picks(2, from: b) == [b, b])
    }

    @Test("N3 SR-24 a stranger's UNREGISTER is refused, and nobody hears of it")
    func n3() {
        let realm = TestRealm()
        let listener = Listener(realm.join(), in: realm)
        let (a, stranger) = (realm.join(), realm.join())
        let id = realm.registration(a, "t.x", "first")
        let effects = realm.unregister(stranger, id)
        #expect(effects == [stranger.getsError(.unregister, 1, .noSuchRegistration)])
        #expect(listener.events(in: effects).isEmpty)
        #expect(realm.pick(from: stranger) == a)
    }

    @Test("N4 SR-30 SR-33 who leaves before or at the turn makes nobody be skipped")
    func n4() {
        for leaver in [0, 1] {
            let realm = TestRealm()
            let caller = realm.join()
            let p = realm.callees(3, "t.x", "roundrobin")
            #expect(realm.picks(2, from: caller) == [p[0], p[1]], "\(leaver)")
            realm.leave(p[leaver])
            #expect(realm.pick(from: caller) == p[2], "\(leaver)")
        }
    }

    @Test("N5 SR-67 kill, then the callee is lost: the caller is told")
    func n5() {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "first", .callCanceling)[0]
        realm.call(caller)
        realm.cancel(caller, 1, .kill)
        #expect(realm.leave(a) == [caller.getsError(1, .canceled, ["callee left"])])
    }

    @Test("X1 SR-23 who unregistered gets no more calls while others remain")
    func x1() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "roundrobin")
        realm.unregister(p[0], realm.id())
        #expect(realm.picks(3, from: caller) == [p[1], p[1], p[1]])
    }

    @Test("X2 SR-51 callers of a lost callee do not hang")
    func x2() {
        let realm = TestRealm()
        let callers = realm.join(3)
        let a = realm.callees(1, "t.x", "first")[0]
        for caller in callers { realm.call(caller) }
        #expect(realm.leave(a) == callers.map { $0.getsError(1, .canceled, ["callee left"]) })
    }

    @Test("X3 SR-62 all parts of a call go to one callee")
    func x3() {
        let realm = TestRealm()
        let caller = realm.join(caller: .progressiveCallInvocations, callee: [])
        let p = realm.callees(
            3, "t.x", "roundrobin", [.progressiveCallInvocations, .callCanceling])
        var invoked = realm.call(caller, progress: true).invocations(to: p[0])
        invoked += realm.call(caller, request: 1, progress: true).invocations(to: p[0])
        invoked += realm.call(caller, request: 1).invocations(to: p[0])
        #expect(invoked.map(\.request) == [1, 1, 1])
    }

    @Test("X4 SR-13 a pattern of the same name does not join an exact registration")
    func x4() {
        let realm = TestRealm()
        let (a, b) = (realm.join(), realm.join())
        let exact = realm.registration(a, "t.x", "roundrobin")
        let wildcard = realm.registration(b, "t.x", "roundrobin", match: .wildcard)
        #expect(exact != wildcard)
        #expect(realm.picks(2, from: b) == [a, a])
    }

    @Test("X5 SR-25 the loss of one callee of a wildcard leaves the others their pattern")
    func x5() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.join(2)
        for peer in p { realm.register(peer, "t..x", "roundrobin", match: .wildcard) }
        realm.leave(p[0])
        #expect(realm.picks(2, from: caller, "t.any.x") == [p[1], p[1]])
    }
}
