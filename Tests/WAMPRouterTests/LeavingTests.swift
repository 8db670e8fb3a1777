// How callees leave: shared-registrations.md, section B and SR-51.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Leaving a registration")
struct LeavingTests {
    /// The ways in which a session can end, and the effect on itself.
    enum End: CaseIterable { case loss, goodbye, abort, violation, shutDown }

    /// - Returns: the effects that go to others.
    static func end(_ peer: Peer, by end: End, in realm: TestRealm) -> [Effect] {
        let effects =
            switch end {
            case .loss: realm.leave(peer)
            case .goodbye: realm.goodbye(peer)
            case .abort: realm.send(.abort(Abort(reason: .closeNormal)), from: peer)
            case .violation:
                realm.run {
                    $0.abort(peer.key, ProtocolViolation("broken"), at: realm.now, into: &$1)
                }
            case .shutDown: realm.run { $0.dismiss(peer.key, at: realm.now, into: &$1) }
            }
        return effects.filter { effect in
            switch effect {
            case .send(_, let key), .ended(let key, _): key != peer.key
            case .broadcast, .answered: true
            }
        }
    }

    @Test("SR-22 the list is in the order of acceptance, and leaving keeps the order of the rest")
    func order() {
        let realm = TestRealm()
        let p = realm.callees(5, "t.x", "first")
        let id = realm.registration(p[4], "t.x", "first")
        #expect(realm.list(id, from: p[0]) == p)
        realm.unregister(p[2], id)
        #expect(realm.list(id, from: p[0]) == [p[0], p[1], p[3], p[4]])
        realm.unregister(p[0], id)
        #expect(realm.list(id, from: p[0]) == [p[1], p[3], p[4]])
        realm.register(p[2], "t.x", "first")
        #expect(realm.list(id, from: p[0]) == [p[1], p[3], p[4], p[2]])
    }

    @Test("SR-23 after UNREGISTERED nobody is invoked any more", arguments: RegisteringTests.shared)
    func unregister(rule: String) {
        let realm = TestRealm()
        let p = realm.callees(3, "t.x", rule)
        let id = realm.registration(p[0], "t.x", rule)
        for gone in [p[1], p[0]] {
            let effects = realm.unregister(gone, id)
            #expect(effects == [gone.getsUnregistered(realm.lastRequest(of: gone))], "\(gone)")
            for pick in realm.picks(20, from: gone) {
                #expect(pick != gone && pick != nil, "\(gone) \(pick)")
            }
        }
        #expect(realm.list(id, from: p[0]) == [p[2]])
    }

    @Test("SR-24 UNREGISTER by a stranger, a second one, or of an unknown id removes nobody")
    func foreignUnregister() {
        let realm = TestRealm()
        let listener = Listener(realm.join(), in: realm)
        let (a, b, stranger) = (realm.join(), realm.join(), realm.join())
        let id = realm.registration(a, "t.x", "roundrobin")
        realm.register(b, "t.x", "roundrobin")
        for (peer, which) in [(stranger, id), (a, RegistrationID(4711))] {
            let effects = realm.unregister(peer, which)
            #expect(
                effects == [
                    peer.getsError(
                        .unregister, realm.lastRequest(of: peer), .noSuchRegistration)
                ], "\(peer)")
            #expect(listener.events(in: effects).isEmpty, "\(peer)")
        }
        #expect(realm.list(id, from: a) == [a, b])
        realm.unregister(a, id)
        #expect(realm.unregister(a, id).refusal == .noSuchRegistration)
        #expect(realm.list(id, from: a) == [b])
    }

    @Test("SR-25 a session that ends in any way is off all its lists", arguments: End.allCases)
    func ending(end: End) {
        let realm = TestRealm()
        let (a, b) = (realm.join(), realm.join())
        let shared = realm.registration(a, "t.x", "roundrobin")
        realm.register(b, "t.x", "roundrobin")
        realm.register(a, "t.own")
        _ = LeavingTests.end(a, by: end, in: realm)
        #expect(realm.list(shared, from: b) == [b])
        #expect(realm.picks(3, from: b) == [b, b, b])
        #expect(realm.call(b, "t.own").refusal == .noSuchProcedure)
    }

    @Test("SR-25 a later session in the same place inherits nothing")
    func reusedSlot() {
        let realm = TestRealm()
        let (old, other) = (realm.join(.callCanceling), realm.join())
        let id = realm.registration(old, "t.x", "first")
        realm.register(other, "t.x", "first")
        realm.call(other)
        realm.call(old)
        realm.leave(old)
        let new = realm.join()
        #expect(new.key.slot == old.key.slot)
        #expect(realm.unregister(new, id).refusal == .noSuchRegistration)
        #expect(realm.list(id, from: new) == [other])
        #expect(realm.call(new) == [other.getsInvocation(1, id)])
        #expect(realm.yield(new, 1).isEmpty)
        #expect(realm.send(.call(Call(request: 9, procedure: "t.x")), from: old).isEmpty)
    }

    @Test("SR-28 after UNREGISTER the calls in flight go on: answer, error and CANCEL")
    func inFlight() {
        let realm = TestRealm()
        let (caller, a) = (realm.join(), realm.join(.callCanceling))
        let id = realm.registration(a, "t.x", "first")
        for _ in 1...3 { realm.call(caller) }
        #expect(realm.unregister(a, id) == [a.getsUnregistered(2)])
        #expect(realm.yield(a, 1, ["done"]) == [caller.getsResult(1, from: a, ["done"])])
        #expect(
            realm.fail(a, 2, "t.error", [1]) == [caller.getsError(2, "t.error", [1])])
        #expect(
            realm.cancel(caller, 3) == [
                a.getsInterrupt(3, .killnowait), caller.getsError(3, .canceled),
            ])
    }

    @Test("SR-51 every caller of a lost callee is told at once, in order", arguments: End.allCases)
    func callersAreTold(end: End) {
        let realm = TestRealm()
        let (x, y, a, b) = (realm.join(), realm.join(), realm.join(.callReroute), realm.join())
        realm.register(a, "t.x", "first")
        realm.register(b, "t.x", "first")
        realm.call(x)
        realm.call(y)
        realm.call(x)
        #expect(
            LeavingTests.end(a, by: end, in: realm) == [
                x.getsError(1, .canceled, ["callee left"]),
                y.getsError(1, .canceled, ["callee left"]),
                x.getsError(2, .canceled, ["callee left"]),
            ])
        #expect(realm.realm.pendingCallCount == 0)
        #expect(realm.pick(from: x) == b)
    }

    @Test("SR-51 who leaves while it calls itself is told nothing")
    func selfCall() {
        let realm = TestRealm()
        let a = realm.join(.callCanceling)
        realm.register(a, "t.x", "first", retryOnLoss: true)
        realm.call(a)
        #expect(realm.leave(a).isEmpty)
        #expect(realm.isEmpty)
    }

    @Test("SR-45 without a callee there is no procedure")
    func nobodyLeft() {
        let realm = TestRealm()
        let (caller, a) = (realm.join(), realm.join())
        realm.register(a, "t.x", "random")
        realm.leave(a)
        #expect(realm.call(caller) == [caller.getsError(1, .noSuchProcedure)])
    }
}
