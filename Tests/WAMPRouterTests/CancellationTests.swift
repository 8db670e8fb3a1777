// Calls that end before their answer: SR-55, SR-66 … SR-68; protocol.md §7.5, §7.6.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("CANCEL, time limits and callers that leave")
struct CancellationTests {
    /// A call in flight at a callee with these features, and one at another that must not notice
    /// anything.
    struct Scene {
        let realm = TestRealm()
        let caller: Peer
        let callee: Peer

        init(_ features: Features, timeout: UInt64 = 0) {
            caller = realm.join()
            callee = realm.callees(1, "t.x", "roundrobin", features)[0]
            _ = realm.callees(1, "t.x", "roundrobin", features)
            realm.call(caller, timeout: timeout)
            realm.call(caller)
        }
    }

    @Test("SR-66 skip: the caller is answered, the callee is not told, its answer is dropped")
    func skip() {
        let scene = Scene(.callCanceling)
        #expect(
            scene.realm.cancel(scene.caller, 1, .skip) == [scene.caller.getsError(1, .canceled)])
        #expect(scene.realm.yield(scene.callee, 1).isEmpty)
        #expect(scene.realm.realm.pendingCallCount == 1)
    }

    @Test("SR-66 kill: the callee is interrupted, and its answer ends the call, whatever it is")
    func kill() {
        for answersWithResult in [true, false] {
            let scene = Scene(.callCanceling)
            let (caller, callee) = (scene.caller, scene.callee)
            #expect(
                scene.realm.cancel(caller, 1, .kill) == [callee.getsInterrupt(1, .kill)],
                "\(answersWithResult)")
            if answersWithResult {
                #expect(
                    scene.realm.yield(callee, 1, [1]) == [caller.getsResult(1, from: callee, [1])],
                    "\(answersWithResult)")
            } else {
                #expect(
                    scene.realm.fail(callee, 1, .canceled) == [
                        caller.getsError(1, .canceled)
                    ], "\(answersWithResult)")
            }
        }
    }

    @Test("SR-66 killnowait is the default: both are told, the late answer is dropped")
    func killnowait() {
        for mode in [nil, CancelMode.killnowait] {
            let scene = Scene(.callCanceling)
            #expect(
                scene.realm.cancel(scene.caller, 1, mode) == [
                    scene.callee.getsInterrupt(1, .killnowait),
                    scene.caller.getsError(1, .canceled),
                ], "\(mode)")
            #expect(
                scene.realm.fail(scene.callee, 1, .canceled).isEmpty, "\(mode)")
            #expect(scene.realm.yield(scene.callee, 1).isEmpty, "\(mode)")
        }
    }

    @Test(
        "SR-66 every mode is skip for a callee that did not announce call_canceling",
        arguments: CancelMode.allCases)
    func notAnnounced(mode: CancelMode) {
        let scene = Scene([])
        #expect(
            scene.realm.cancel(scene.caller, 1, mode) == [scene.caller.getsError(1, .canceled)])
    }

    @Test("CANCEL of an unknown or finished call, or of another's, is ignored")
    func nothingToCancel() {
        let scene = Scene(.callCanceling)
        scene.realm.yield(scene.callee, 1)
        #expect(scene.realm.cancel(scene.caller, 1, .killnowait).isEmpty)
        #expect(scene.realm.cancel(scene.caller, 99, .kill).isEmpty)
        #expect(scene.realm.cancel(scene.callee, 2, .skip).isEmpty)
        #expect(scene.realm.realm.pendingCallCount == 1)
    }

    @Test("After kill only killnowait is heard: it gives up a callee that ignores kill")
    func killThenKillnowait() {
        let scene = Scene(.callCanceling)
        scene.realm.cancel(scene.caller, 1, .kill)
        #expect(scene.realm.cancel(scene.caller, 1, .kill).isEmpty)
        #expect(scene.realm.cancel(scene.caller, 1, .skip).isEmpty)
        #expect(
            scene.realm.cancel(scene.caller, 1) == [
                scene.callee.getsInterrupt(1, .killnowait), scene.caller.getsError(1, .canceled),
            ])
    }

    @Test(
        "SR-67 kill, then the callee leaves: canceled at once", arguments: LeavingTests.End.allCases
    )
    func killThenLoss(end: LeavingTests.End) {
        let scene = Scene(.callCanceling)
        scene.realm.cancel(scene.caller, 1, .kill)
        #expect(
            LeavingTests.end(scene.callee, by: end, in: scene.realm) == [
                scene.caller.getsError(1, .canceled, ["callee left"])
            ])
    }

    @Test("SR-68 at its time limit a call ends, not before; the callee stays on the list")
    func timeout() throws {
        let scene = Scene(.callCanceling, timeout: 250)
        let (realm, caller, callee) = (scene.realm, scene.caller, scene.callee)
        #expect(realm.realm.nextDeadline == realm.moment.advanced(milliseconds: 250))
        #expect(realm.advance(milliseconds: 249).isEmpty)
        #expect(
            realm.advance(milliseconds: 1) == [
                callee.getsInterrupt(1, .killnowait), caller.getsError(1, .timeout),
            ])
        #expect(realm.realm.nextDeadline == nil)
        #expect(realm.yield(callee, 1).isEmpty)
        #expect(realm.pick(from: caller) == callee)
    }

    @Test("SR-68 a callee that did not announce call_canceling is not interrupted at the limit")
    func timeoutNotAnnounced() {
        let scene = Scene([], timeout: 1)
        #expect(
            scene.realm.advance(milliseconds: 1) == [scene.caller.getsError(1, .timeout)])
    }

    @Test("SR-68 a call that is answered in time has no deadline any more")
    func answeredInTime() {
        let scene = Scene(.callCanceling, timeout: 10)
        scene.realm.yield(scene.callee, 1)
        #expect(scene.realm.realm.nextDeadline == nil)
        #expect(scene.realm.advance(milliseconds: 20).isEmpty)
    }

    @Test("SR-68 kill does not disarm the time limit")
    func timeoutAfterKill() {
        let scene = Scene(.callCanceling, timeout: 10)
        scene.realm.cancel(scene.caller, 1, .kill)
        #expect(
            scene.realm.advance(milliseconds: 10) == [
                scene.callee.getsInterrupt(1, .killnowait), scene.caller.getsError(1, .timeout),
            ])
    }

    @Test("SR-68 several limits that have passed end their calls in the order of the limits")
    func manyTimeouts() {
        let realm = TestRealm()
        let caller = realm.join()
        _ = realm.callees(1, "t.x", "first")
        let limits: [UInt64] = [70, 10, 40, 20, 60, 30, 50]
        for limit in limits { realm.call(caller, timeout: limit) }
        let order = limits.indices.sorted { limits[$0] < limits[$1] }
        let expected = order.map { caller.getsError(RequestID(UInt64($0 + 1)), .timeout) }
        #expect(realm.advance(milliseconds: 45) == Array(expected.prefix(4)))
        #expect(realm.advance(milliseconds: 1000) == Array(expected.dropFirst(4)))
    }

    @Test("SR-68 a time limit beyond the end of time is none")
    func endlessTimeout() {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "first")[0]
        realm.call(caller, timeout: .max)
        #expect(realm.realm.nextDeadline == nil)
        #expect(realm.yield(a, 1) == [caller.getsResult(1, from: a)])
    }

    @Test("SR-55 a caller leaves: callees that can cancel are interrupted, late answers dropped")
    func callerLeaves() {
        let realm = TestRealm()
        let (caller, other) = (realm.join(), realm.join())
        let able = realm.callees(1, "t.able", "first", [.callCanceling, .callReroute])[0]
        let unable = realm.callees(1, "t.unable", "first")[0]
        realm.call(caller, "t.able", timeout: 5)
        realm.call(caller, "t.unable", timeout: 5)
        realm.call(other, "t.able")
        realm.call(caller, "t.able")
        #expect(
            realm.leave(caller) == [
                able.getsInterrupt(1, .killnowait), able.getsInterrupt(3, .killnowait),
            ])
        #expect(realm.yield(able, 1).isEmpty)
        #expect(realm.fail(able, 3).isEmpty)
        #expect(realm.yield(unable, 1).isEmpty)
        #expect(realm.advance(milliseconds: 10).isEmpty)
        #expect(realm.yield(able, 2) == [other.getsResult(1, from: able)])
    }
}
