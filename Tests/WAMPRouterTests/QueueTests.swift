// Calls that wait until a callee may take them: SR-60, SR-61.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Queues of calls")
struct QueueTests {
    /// A caller, and callees that take one call at a time.
    struct Scene {
        let realm: TestRealm
        let caller: Peer
        let callees: [Peer]
        let id: RegistrationID

        init(
            _ count: Int = 1, _ rule: String = "roundrobin", limit: Int = 10, maxWait: UInt64 = 0,
            _ features: Features = [.callCanceling, .callReroute]
        ) {
            realm = TestRealm(QueueTests.settings(limit: limit, maxWait: maxWait))
            caller = realm.join()
            callees = realm.callees(count, "t.x", rule, concurrency: 1, features)
            id = realm.id()
        }

        /// Everybody leaves, and nothing is left behind.
        func end() { #expect(realm.leaveAll([caller] + callees)) }
    }

    static func settings(
        _ uri: URI = "t.", _ match: MatchPolicy = .prefix, limit: Int, maxWait: UInt64 = 0
    ) -> RealmSettings {
        var settings = RealmSettings()
        settings.procedures = [
            ProcedureSettings(
                URIPattern(uri, match: match),
                queue: CallQueueSettings(limit: limit, maxWait: maxWait))
        ]
        return settings
    }

    static let busy: Value.Dictionary = ["reason": "max_concurrency_reached"]

    @Test("SR-60 C6 calls wait in their order, up to the limit; those beyond are refused")
    func waits() {
        let scene = Scene(limit: 2)
        let (realm, caller, a) = (scene.realm, scene.caller, scene.callees[0])
        realm.call(caller, "t.x", [1])
        #expect(realm.call(caller, "t.x", [2]).isEmpty)
        #expect(realm.call(caller, "t.x", [3]).isEmpty)
        #expect(
            realm.call(caller, "t.x", [4]) == [
                caller.getsError(4, .noAvailableCallee, kwargs: Self.busy)
            ])
        #expect(realm.waiting(scene.id, from: caller) == 2)
        #expect(
            realm.yield(a, 1) == [
                caller.getsResult(1, from: a), a.getsInvocation(2, scene.id, [2]),
            ])
        #expect(
            realm.yield(a, 2) == [
                caller.getsResult(2, from: a), a.getsInvocation(3, scene.id, [3]),
            ])
        #expect(realm.yield(a, 3) == [caller.getsResult(3, from: a)])
        #expect(realm.waiting(scene.id, from: caller) == 0)
        scene.end()
    }

    @Test("SR-60 without a queue nobody waits, nor for a procedure of another pattern")
    func off() {
        for settings in [RealmSettings(), Self.settings("t.other", limit: 5)] {
            let realm = TestRealm(settings)
            let caller = realm.join()
            _ = realm.callees(1, "t.x", "first", concurrency: 1)
            realm.call(caller)
            #expect(realm.call(caller).refusal == .noAvailableCallee, "\(settings)")
        }
    }

    /// What may let a call that waits go on.
    enum Release: CaseIterable, Sendable {
        case result, error, killnowait, timeout, callerLeft, join, unblock, lateAnswer
    }

    @Test("SR-60 C6 whatever frees a place lets the next call go on", arguments: Release.allCases)
    func released(by release: Release) {
        let scene = Scene()
        let (realm, caller, a) = (scene.realm, scene.caller, scene.callees[0])
        let first = realm.join()
        var others: [Peer] = [first]
        realm.call(first, "t.x", [1], timeout: 50)
        #expect(realm.call(caller, "t.x", [2]).isEmpty)
        var effects: [Effect]
        var server = a
        switch release {
        case .result: effects = realm.yield(a, 1)
        case .error: effects = realm.fail(a, 1, "t.error")
        case .killnowait: effects = realm.cancel(first, 1, .killnowait)
        case .timeout: effects = realm.advance(milliseconds: 50)
        case .callerLeft: effects = realm.leave(first)
        case .join:
            server = realm.join()
            others.append(server)
            effects = realm.register(server, "t.x", "roundrobin")
        case .unblock:
            realm.block(a)
            #expect(!realm.yield(a, 1).contains { $0 == a.getsInvocation(2, scene.id, [2]) })
            effects = realm.block(a, false)
        case .lateAnswer:
            #expect(realm.cancel(first, 1, .skip).count == 1)
            effects = realm.yield(a, 1)
        }
        #expect(effects.invocations(to: server).map(\.args) == [[2]])
        let id = effects.invocations(to: server).first?.request ?? 0
        #expect(realm.yield(server, id) == [caller.getsResult(1, from: server)])
        #expect(realm.leaveAll([caller, a] + others))
    }

    @Test("SR-60 after a plain result, passed on the short way, the next call goes on")
    func plainResult() {
        let scene = Scene()
        let (realm, caller, a) = (scene.realm, scene.caller, scene.callees[0])
        for number in 1...8 as ClosedRange<Int64> { realm.call(caller, "t.x", [.int(number)]) }
        for number in 1...7 as ClosedRange<UInt64> {
            let effects = realm.yield(a, RequestID(number), ["plain"])
            #expect(
                effects.first == caller.getsResult(RequestID(number), from: a, ["plain"]),
                "\(number)")
            #expect(
                effects.invocations(to: a).map(\.args) == [[.int(Int64(number) + 1)]], "\(number)")
        }
        scene.end()
    }

    @Test("SR-60 SR-68 the time limit of the call runs while it waits")
    func timeout() {
        let scene = Scene()
        let (realm, caller) = (scene.realm, scene.caller)
        realm.call(caller)
        realm.call(caller, timeout: 30)
        #expect(realm.advance(milliseconds: 29).isEmpty)
        #expect(realm.advance(milliseconds: 1) == [caller.getsError(2, .timeout)])
        #expect(realm.waiting(scene.id, from: caller) == 0)
        scene.end()
    }

    @Test("SR-60 SR-68 what the call waited is not added to its time")
    func timeSpentWaiting() {
        let scene = Scene()
        let (realm, caller, a) = (scene.realm, scene.caller, scene.callees[0])
        realm.call(caller)
        realm.call(caller, timeout: 30)
        realm.advance(milliseconds: 20)
        realm.yield(a, 1)
        #expect(realm.advance(milliseconds: 9).isEmpty)
        #expect(
            realm.advance(milliseconds: 1) == [
                a.getsInterrupt(2, .killnowait), caller.getsError(2, .timeout),
            ])
        scene.end()
    }

    @Test("SR-60 who waited for max_wait is refused as if there were no queue")
    func maxWait() {
        let scene = Scene(maxWait: 40)
        let (realm, caller, a) = (scene.realm, scene.caller, scene.callees[0])
        realm.call(caller)
        realm.call(caller, timeout: 1000)
        #expect(
            realm.advance(milliseconds: 40) == [
                caller.getsError(2, .noAvailableCallee, kwargs: Self.busy)
            ])
        // One that is served in time has its own limit only.
        realm.call(caller, timeout: 1000)
        realm.advance(milliseconds: 39)
        #expect(realm.yield(a, 1).invocations(to: a).count == 1)
        #expect(realm.advance(milliseconds: 500).isEmpty)
        #expect(realm.advance(milliseconds: 461).refusal == .timeout)
        scene.end()
    }

    @Test("SR-60 CANCEL in any mode takes a call that waits away", arguments: CancelMode.allCases)
    func cancel(mode: CancelMode) {
        let scene = Scene()
        let (realm, caller, a) = (scene.realm, scene.caller, scene.callees[0])
        realm.call(caller)
        realm.call(caller)
        realm.call(caller, "t.x", [3])
        #expect(realm.cancel(caller, 2, mode) == [caller.getsError(2, .canceled)])
        #expect(realm.yield(a, 1).invocations(to: a).map(\.args) == [[3]])
        scene.end()
    }

    @Test("SR-60 a caller that leaves waits no more")
    func callerLeaves() {
        let scene = Scene()
        let (realm, caller, a) = (scene.realm, scene.caller, scene.callees[0])
        let other = realm.join()
        realm.call(caller)
        for _ in 0..<3 { realm.call(other) }
        realm.call(caller, "t.x", ["mine"])
        #expect(realm.leave(other).isEmpty)
        #expect(realm.yield(a, 1).invocations(to: a).map(\.args) == [["mine"]])
        scene.end()
    }

    @Test("SR-60 a caller that leaves with calls in flight and waiting sends none of them on")
    func callerLeavesWithAll() {
        let scene = Scene()
        let (realm, a) = (scene.realm, scene.callees[0])
        let other = realm.join()
        for _ in 0..<4 { realm.call(other) }
        #expect(realm.leave(other) == [a.getsInterrupt(1, .killnowait)])
        scene.end()
    }

    @Test("SR-60 with the registration goes the queue: no_such_procedure for all, in order")
    func deleted() {
        for unregisters in [true, false] {
            let scene = Scene()
            let (realm, caller, a) = (scene.realm, scene.caller, scene.callees[0])
            for _ in 0..<3 { realm.call(caller) }
            let effects = unregisters ? realm.unregister(a, scene.id) : realm.leave(a)
            let rest = [
                caller.getsError(2, .noSuchProcedure), caller.getsError(3, .noSuchProcedure),
            ]
            #expect(
                effects == [
                    unregisters
                        ? a.getsUnregistered(2)
                        : caller.getsError(1, .canceled, ["callee left"])
                ] + rest, "\(unregisters)")
            scene.end()
        }
    }

    @Test("SR-60 SR-46 a re-routed call whose other callees are busy goes to the head")
    func rerouteToHead() {
        let scene = Scene(2, "first")
        let (realm, caller, p) = (scene.realm, scene.caller, scene.callees)
        // `first` sends every call to the head of the list, so the second callee is busy only with
        // what the first refused.
        realm.call(caller, "t.x", [1])
        realm.fail(p[0], 1)
        realm.call(caller, "t.x", [2])
        realm.call(caller, "t.x", [3])
        realm.call(caller, "t.x", [4])
        // 2 waits for the second callee; 3 does not wait behind it, since its own is free.
        #expect(realm.fail(p[0], 2).invocations(to: p[0]).map(\.args) == [[3]])
        #expect(realm.fail(p[0], 3).invocations(to: p[0]).map(\.args) == [[4]])
        // The one that was re-routed last is at the head.
        #expect(realm.waiting(scene.id, from: caller) == 2)
        #expect(realm.yield(p[1], 1).invocations(to: p[1]).map(\.args) == [[3]])
        #expect(realm.yield(p[1], 2).invocations(to: p[1]).map(\.args) == [[2]])
        scene.end()
    }

    @Test("SR-60 SR-68 a re-routed call that waits has its own time limit, and max_wait")
    func rerouteDeadline() {
        for (maxWait, error) in [(0, ErrorURI.timeout), (20, .noAvailableCallee)] {
            let scene = Scene(2, "first", maxWait: UInt64(maxWait))
            let (realm, caller, p) = (scene.realm, scene.caller, scene.callees)
            realm.call(caller)
            realm.fail(p[0], 1)
            realm.call(caller, timeout: 50)
            #expect(realm.fail(p[0], 2).isEmpty, "\(maxWait)")
            #expect(realm.advance(milliseconds: 19).isEmpty, "\(maxWait)")
            #expect(
                realm.advance(milliseconds: maxWait == 0 ? 31 : 1).refusal == error, "\(maxWait)")
            scene.end()
        }
    }

    @Test("SR-60 when the head of the queue gives up, those behind it keep their turns")
    func headGivesUp() {
        let scene = Scene(2, "first")
        let (realm, caller, p) = (scene.realm, scene.caller, scene.callees)
        realm.call(caller)
        realm.fail(p[0], 1)
        for number in 2...4 as ClosedRange<Int64> { realm.call(caller, "t.x", [.int(number)]) }
        #expect(realm.fail(p[0], 2).invocations(to: p[0]).map(\.args) == [[3]])
        #expect(realm.cancel(caller, 2) == [caller.getsError(2, .canceled)])
        #expect(realm.yield(p[1], 1) == [caller.getsResult(1, from: p[1])])
        #expect(realm.yield(p[0], 3).invocations(to: p[0]).map(\.args) == [[4]])
        scene.end()
    }

    @Test("SR-61 a new call does not overtake those that wait")
    func fairness() {
        let scene = Scene(2, "roundrobin")
        let (realm, caller, p) = (scene.realm, scene.caller, scene.callees)
        for number in 1...4 as ClosedRange<Int64> { realm.call(caller, "t.x", [.int(number)]) }
        realm.block(p[0])
        #expect(realm.yield(p[0], 1).invocations(to: p[0]).isEmpty)
        // Somebody has a place now, but may not be written to; then a new call comes.
        realm.call(caller, "t.x", [5])
        #expect(realm.block(p[0], false).invocations(to: p[0]).map(\.args) == [[3]])
        #expect(realm.yield(p[0], 2).invocations(to: p[0]).map(\.args) == [[4]])
        #expect(realm.yield(p[1], 1).invocations(to: p[1]).map(\.args) == [[5]])
        scene.end()
    }

    @Test("SR-60 what waits is chosen for by the rule, in the order of the queue")
    func ruleHolds() {
        let scene = Scene(3, "roundrobin")
        let (realm, caller, p) = (scene.realm, scene.caller, scene.callees)
        for number in 1...6 as ClosedRange<Int64> { realm.call(caller, "t.x", [.int(number)]) }
        #expect(realm.yield(p[2], 1).invocations(to: p[2]).map(\.args) == [[4]])
        #expect(realm.yield(p[0], 1).invocations(to: p[0]).map(\.args) == [[5]])
        #expect(realm.yield(p[1], 1).invocations(to: p[1]).map(\.args) == [[6]])
        scene.end()
    }

    @Test("SR-60 SR-64 one that waited for a callee that lacks what it needs is refused")
    func unfitCallee() {
        let realm = TestRealm(Self.settings(limit: 5))
        let caller = realm.join(caller: .progressiveCallInvocations, callee: [])
        let a = realm.callees(1, "t.x", "first", concurrency: 1)[0]
        realm.call(caller)
        #expect(realm.call(caller, progress: true).isEmpty)
        #expect(
            realm.yield(a, 1) == [
                caller.getsResult(1, from: a), caller.getsError(2, .featureNotSupported),
            ])
        #expect(realm.call(caller, request: 2, progress: true).isEmpty)
        #expect(realm.call(caller, request: 2).isEmpty)
        #expect(realm.leaveAll([caller, a]))
    }

    @Test("SR-60 SR-62 parts that come while the call waits go with it, within a bound")
    func partsWait() {
        let features: Features = [.progressiveCallInvocations, .callCanceling]
        var limits = Limits()
        limits.waitingChunks = 2
        let realm = TestRealm(Self.settings(limit: 5), limits: limits)
        let caller = realm.join(caller: .progressiveCallInvocations, callee: [])
        let a = realm.callees(1, "t.x", "first", concurrency: 1, features)[0]
        let id = realm.id()
        realm.call(caller)
        let request = realm.request(of: caller)
        for number in 1...2 as ClosedRange<Int64> {
            realm.call(caller, "t.x", [.int(number)], request: request, progress: true)
        }
        realm.call(caller, "t.x", [3], request: request)
        let effects = realm.yield(a, 1)
        #expect(
            effects.dropFirst() == [
                a.getsInvocation(2, id, [1], custom: ["progress": true]),
                a.getsInvocation(2, id, [2], custom: ["progress": true]),
                a.getsInvocation(2, id, [3]),
            ])
        let next = realm.request(of: caller)
        for _ in 1...3 { realm.call(caller, request: next, progress: true) }
        #expect(
            realm.call(caller, request: next, progress: true) == [
                caller.getsError(next, .unavailable, kwargs: ["reason": "overload"])
            ])
        #expect(realm.call(caller, request: next).isEmpty)
        #expect(realm.leaveAll([caller, a]))
    }

    @Test("SR-60 a wildcard registration has the queue of its own pattern")
    func wildcard() {
        let realm = TestRealm(Self.settings("t..x", .wildcard, limit: 1))
        let (caller, a) = (realm.join(), realm.join())
        realm.register(a, "t..x", "first", match: .wildcard, options: ["concurrency": 1])
        realm.call(caller, "t.1.x")
        #expect(realm.call(caller, "t.2.x").isEmpty)
        #expect(realm.call(caller, "t.3.x").refusal == .noAvailableCallee)
        #expect(
            realm.yield(a, 1).invocations(to: a).map(\.details) == [["procedure": "t.2.x"]])
    }

    @Test("SR-60 a queue that is configured while the router runs holds for what is registered")
    func configuredLater() {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "first", concurrency: 1)[0]
        realm.call(caller)
        #expect(realm.call(caller).refusal == .noAvailableCallee)
        realm.update(Self.settings(limit: 1))
        #expect(realm.call(caller, "t.x", ["waits"]).isEmpty)
        realm.update(RealmSettings())
        #expect(realm.call(caller).refusal == .noAvailableCallee)
        #expect(realm.yield(a, 1).invocations(to: a).map(\.args) == [["waits"]])
        #expect(realm.leaveAll([caller, a]))
    }

    @Test("SR-51 SR-60 a lost call that may be retried waits for those that are busy")
    func retriedWaits() {
        let realm = TestRealm(Self.settings(limit: 5))
        let (caller, a, b) = (realm.join(), realm.join(), realm.join())
        for peer in [a, b] {
            var options = RegisterOptions(invoke: "roundrobin", retryOnLoss: true)
            options.custom = ["concurrency": 1]
            realm.send(
                .register(
                    Register(request: realm.request(of: peer), options: options, procedure: "t.x")),
                from: peer)
        }
        realm.call(caller, "t.x", [1])
        realm.call(caller, "t.x", [2])
        realm.call(caller, "t.x", [3])
        #expect(realm.leave(a).isEmpty)
        #expect(realm.yield(b, 1).invocations(to: b).map(\.args) == [[1]])
        #expect(realm.yield(b, 2).invocations(to: b).map(\.args) == [[3]])
        #expect(realm.leaveAll([caller, b]))
    }
}
