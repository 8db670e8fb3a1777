// Calls that are given to another callee: SR-46 … SR-51, SR-54.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Re-routing")
struct ReroutingTests {
    @Test("SR-46 the next callee gets the same arguments and options under an id of its own")
    func sameCall() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "first", .callReroute)
        let id = realm.registration(p[0], "t.x", "first")
        realm.call(realm.join())
        let custom: Value.Dictionary = ["_key": 7, "plain": 1]
        let kept: Value.Dictionary = ["_key": 7]
        #expect(
            realm.call(caller, "t.x", ["hello"], custom: custom) == [
                p[0].getsInvocation(2, id, ["hello"], custom: kept)
            ])
        #expect(realm.fail(p[0], 2) == [p[1].getsInvocation(1, id, ["hello"], custom: kept)])
        #expect(realm.yield(p[1], 1, [1]) == [caller.getsResult(1, from: p[1], [1])])
        #expect(realm.yield(p[0], 2).isEmpty)
    }

    @Test(
        "SR-46 whatever a call brings along reaches the second callee as it came",
        arguments: Serializer.allCases)
    func payloads(serializer: Serializer) {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "first", .callReroute)
        let id = realm.registration(p[0], "t.x", "first")
        realm.call(realm.join())
        let long = Value.string(String(repeating: "long ", count: 1000))
        let payloads = [
            Payload(), Payload(args: ["short"], kwargs: [:], as: serializer),
            Payload(args: [], kwargs: ["a": 1], as: serializer),
            Payload(args: [long, 1], kwargs: ["b": long], as: serializer),
            Payload(args: [1], kwargs: ["c": true], as: serializer),
        ]
        // In full and as bytes, by turns; what is kept of one call must not show in another.
        for (count, payload) in (payloads + payloads + payloads).enumerated() {
            let (first, second) = (RequestID(UInt64(count + 2)), RequestID(UInt64(count + 1)))
            realm.send(
                .call(Call(request: second, procedure: "t.x", payload: payload)), from: caller)
            let again = Message.invocation(
                Invocation(request: second, registration: id, payload: payload))
            #expect(realm.fail(p[0], first) == [p[1].gets(again)], "\(count)")
            realm.yield(p[1], second)
        }
    }

    @Test("SR-46 first goes on from the head, last from the tail")
    func firstAndLast() {
        for (rule, order) in [("first", [0, 1, 2]), ("last", [2, 1, 0])] {
            let realm = TestRealm()
            let caller = realm.join()
            let p = realm.callees(3, "t.x", rule, .callReroute)
            #expect(realm.invoked(in: realm.call(caller)) == p[order[0]], "\(rule)")
            #expect(realm.invoked(in: realm.fail(p[order[0]], 1)) == p[order[1]], "\(rule)")
            #expect(realm.invoked(in: realm.fail(p[order[1]], 1)) == p[order[2]], "\(rule)")
            #expect(
                realm.fail(p[order[2]], 1) == [caller.getsError(1, .noAvailableCallee)], "\(rule)")
        }
    }

    @Test("SR-46 SR-49 last tries a newcomer before the one below the callee that failed")
    func lastAndNewcomer() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "last", .callReroute)
        realm.call(caller)
        let newcomer = realm.callees(1, "t.x", "last", .callReroute)[0]
        #expect(realm.invoked(in: realm.fail(p[1], 1)) == newcomer)
        #expect(realm.invoked(in: realm.fail(newcomer, 1)) == p[0])
    }

    @Test("SR-46 random tries each callee once")
    func random() {
        for seed in 1...20 as ClosedRange<UInt64> {
            let realm = TestRealm(seed: seed)
            let caller = realm.join()
            let p = realm.callees(4, "t.x", "random", .callReroute)
            var tried: [Peer] = []
            var effects = realm.call(caller)
            while let callee = realm.invoked(in: effects) {
                tried.append(callee)
                effects = realm.fail(callee, 1)
            }
            #expect(tried.count == 4 && Set(tried) == Set(p), "\(seed)")
            #expect(effects == [caller.getsError(1, .noAvailableCallee)], "\(seed)")
        }
    }

    @Test("SR-47 roundrobin re-routes by the shared turn: an unavailable callee burdens all alike")
    func sharedTurn() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "roundrobin", .callReroute)
        var served: [Peer] = []
        for _ in 1...4 {
            var effects = realm.call(caller)
            while let callee = realm.invoked(in: effects) {
                guard case .send(.invocation(let invocation), _) = effects[0] else { return }
                if callee == p[0] {
                    effects = realm.fail(callee, invocation.request)
                } else {
                    served.append(callee)
                    effects = realm.yield(callee, invocation.request)
                }
            }
        }
        #expect(served == [p[1], p[2], p[1], p[2]])
    }

    @Test("SR-48 single ends at once", arguments: [true, false])
    func single(retryOnLoss: Bool) {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "single", .callReroute, retryOnLoss: retryOnLoss)[0]
        realm.call(caller)
        #expect(realm.fail(a, 1) == [caller.getsError(1, .noAvailableCallee)])
    }

    @Test("SR-48 a registration that is gone has no available callee")
    func registrationGone() {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "first", .callReroute)[0]
        let id = realm.registration(a, "t.x", "first")
        realm.call(caller)
        realm.unregister(a, id)
        // In the same place, but not the registration that the call was for.
        _ = realm.callees(1, "t.y", "first")
        #expect(realm.fail(a, 1) == [caller.getsError(1, .noAvailableCallee)])
    }

    @Test("SR-49 a newcomer is eligible while a call is re-routed")
    func newcomer() {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "roundrobin", .callReroute)[0]
        realm.call(caller)
        let b = realm.callees(1, "t.x", "roundrobin", .callReroute)[0]
        #expect(realm.invoked(in: realm.fail(a, 1)) == b)
    }

    @Test("SR-49 at most max(8, callees + 4) are tried", arguments: [(1, 8), (4, 8), (6, 10)])
    func bound(callees: Int, bound: Int) {
        let realm = TestRealm()
        let caller = realm.join()
        var current = realm.callees(callees, "t.x", "last", .callReroute)[callees - 1]
        var attempts = 1
        realm.call(caller)
        while attempts < 50 {
            let next = realm.callees(1, "t.x", "last", .callReroute)[0]
            let effects = realm.fail(current, 1)
            guard realm.invoked(in: effects) == next else {
                #expect(effects == [caller.getsError(1, .noAvailableCallee)])
                break
            }
            current = next
            attempts += 1
        }
        #expect(attempts == bound)
    }

    @Test("SR-50 `unavailable` of a callee that did not announce call_reroute is its answer")
    func notAnnounced() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "first")
        realm.call(caller)
        #expect(
            realm.fail(p[0], 1, .unavailable, ["full"]) == [
                caller.getsError(1, .unavailable, ["full"])
            ])
    }

    @Test("SR-46 SR-50 each callee on the way is asked for its own announcement")
    func mixedAnnouncements() {
        let realm = TestRealm()
        let (caller, a, b) = (realm.join(), realm.join(.callReroute), realm.join())
        realm.register(a, "t.x", "first")
        realm.register(b, "t.x", "first")
        realm.call(caller)
        #expect(realm.invoked(in: realm.fail(a, 1)) == b)
        #expect(realm.fail(b, 1) == [caller.getsError(1, .unavailable)])
    }

    @Test("SR-50 SR-66 a call that was cancelled with kill is not re-routed")
    func cancelled() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(
            2, "t.x", "first", [.callReroute, .callCanceling], retryOnLoss: true)
        realm.call(caller)
        realm.call(caller)
        realm.cancel(caller, 1, .kill)
        realm.cancel(caller, 2, .kill)
        #expect(realm.fail(p[0], 1) == [caller.getsError(1, .unavailable)])
        #expect(realm.leave(p[0]) == [caller.getsError(2, .canceled, ["callee left"])])
    }

    @Test("SR-51 without `_retry_on_loss` a lost call is not given to another")
    func lostCall() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "first", .callReroute)
        realm.call(caller)
        #expect(realm.leave(p[0]) == [caller.getsError(1, .canceled, ["callee left"])])
    }

    @Test("SR-51 with `_retry_on_loss` calls go to the next callee, in order, before the events")
    func retried() {
        let realm = TestRealm()
        let listener = Listener(realm.join(), in: realm)
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "first", retryOnLoss: true)
        let id = realm.registration(p[0], "t.x", "first")
        realm.call(caller, "t.x", [1])
        realm.call(caller, "t.x", [2])
        let effects = realm.leave(p[0])
        #expect(
            effects.prefix(2) == [
                p[1].getsInvocation(1, id, [1]), p[1].getsInvocation(2, id, [2]),
            ])
        #expect(listener.events(in: effects) == [MetaEvent("on_unregister", p[0], id)])
        #expect(effects.count == 3)
        realm.leave(p[1])
        #expect(realm.yield(p[2], 2) == [caller.getsResult(2, from: p[2])])
        #expect(
            Array(realm.leave(p[2]).prefix(1)) == [caller.getsError(1, .noAvailableCallee)])
    }

    @Test("SR-51 SR-47 retried calls of a lost callee take the turns of roundrobin")
    func retriedRoundrobin() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "roundrobin", retryOnLoss: true)
        for _ in 1...6 { realm.call(caller) }
        let effects = realm.leave(p[1])
        let receivers = effects.compactMap { realm.invoked(in: [$0]) }
        #expect(receivers == [p[0], p[2]])
        #expect(realm.pick(from: caller) == p[0])
    }

    @Test("SR-51 SR-48 a lost call that may be retried has nobody to go to under single")
    func retriedSingle() {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "single", retryOnLoss: true)[0]
        realm.call(caller)
        #expect(realm.leave(a) == [caller.getsError(1, .noAvailableCallee)])
    }

    @Test("SR-52 a re-route passes over blocked callees, and ends if only those are left")
    func blocked() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "roundrobin", .callReroute)
        realm.block(p[1])
        realm.call(caller)
        #expect(realm.invoked(in: realm.fail(p[0], 1)) == p[2])
        #expect(
            realm.fail(p[2], 1) == [
                caller.getsError(
                    1, .noAvailableCallee, kwargs: ["reason": "max_concurrency_reached"])
            ])
    }

    @Test("SR-53 a re-route under first does not spill over a blocked callee")
    func blockedFirst() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "first", .callReroute)
        realm.block(p[1])
        realm.call(caller)
        #expect(realm.fail(p[0], 1) == [caller.getsError(1, .networkFailure)])
    }

    @Test("SR-54 an ordinary error is forwarded, and the callee stays on the list")
    func ordinaryError() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "first", .callReroute)
        realm.call(caller)
        #expect(
            realm.fail(p[0], 1, "t.error.broken", ["why"]) == [
                caller.getsError(1, "t.error.broken", ["why"])
            ])
        #expect(realm.pick(from: caller) == p[0])
    }

    @Test("SR-68 the time limit covers all attempts together")
    func timeout() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "first", [.callReroute, .callCanceling])
        realm.call(caller, timeout: 100)
        realm.advance(milliseconds: 60)
        realm.fail(p[0], 1)
        #expect(realm.advance(milliseconds: 39).isEmpty)
        #expect(
            realm.advance(milliseconds: 1) == [
                p[1].getsInterrupt(1, .killnowait), caller.getsError(1, .timeout),
            ])
    }
}
