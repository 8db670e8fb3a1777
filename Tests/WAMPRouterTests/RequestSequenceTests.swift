// The ids of requests where they must be sequential: protocol.md §1.3, §7.4.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("request_ids: strict")
struct RequestSequenceTests {
    static func settings() -> RealmSettings {
        var settings = RealmSettings()
        settings.requestIDs = .strict
        return settings
    }

    static func requests(_ id: RequestID) -> [Message] {
        [
            .call(Call(request: id, procedure: "t.x")),
            .publish(Publish(request: id, topic: "t.x")),
            .subscribe(Subscribe(request: id, topic: "t.x")),
            .unsubscribe(Unsubscribe(request: id, subscription: SubscriptionID(1))),
            .register(Register(request: id, procedure: "t.x")),
            .unregister(Unregister(request: id, registration: RegistrationID(1))),
        ]
    }

    @Test("§1.3 all requests of a session share one sequence, which begins at 1")
    func oneSequence() {
        let realm = TestRealm(Self.settings())
        let a = realm.join()
        for kind in 0..<6 {
            let message = Self.requests(RequestID(UInt64(kind + 1)))[kind]
            #expect(realm.send(message, from: a).abortReason == nil, "\(kind)")
        }
        let other = realm.join()
        #expect(realm.send(Self.requests(1)[0], from: other).abortReason == nil)
    }

    @Test("§1.3 a gap, a repeat, and another beginning end the session", arguments: 0..<6)
    func violation(kind: Int) {
        for ids in [[2], [1, 1], [1, 3], [1, 2, 1], [0]] as [[UInt64]] {
            let realm = TestRealm(Self.settings())
            let a = realm.join()
            var aborted: [Bool] = []
            for id in ids {
                let effects = realm.send(Self.requests(RequestID(id))[kind], from: a)
                aborted.append(effects.abortReason == .protocolViolation)
            }
            #expect(aborted == [Bool](repeating: false, count: ids.count - 1) + [true], "\(ids)")
            #expect(!realm.isPresent(a), "\(ids)")
        }
    }

    @Test("§1.3 lenient: any id that is not in use")
    func lenient() {
        let realm = TestRealm()
        let (a, b) = (realm.join(), realm.join())
        realm.register(b, "t.y")
        for id in [77, 5, 5, 9_007_199_254_740_992] as [UInt64] {
            let call = Call(request: RequestID(id), procedure: "t.none")
            #expect(realm.send(.call(call), from: a).refusal == .noSuchProcedure, "\(id)")
        }
    }

    @Test("§1.3 after 2^53 comes 1")
    func wraps() {
        let realm = TestRealm(Self.settings())
        let caller = realm.join(caller: .progressiveCallInvocations, callee: [])
        let a = realm.join([.progressiveCallInvocations, .callCanceling])
        realm.register(a)
        realm.realm.sessions.setLastRequest(RequestID.largest - 1, caller.key)
        let last = RequestID(RequestID.largest)
        #expect(realm.call(caller, request: last, progress: true).abortReason == nil)
        #expect(realm.call(caller, request: 1).abortReason == nil)
        // The call before is still the same one.
        let next = realm.call(caller, "t.x", ["more"], request: last, progress: true)
        #expect(next.invocations(to: a).map(\.args) == [["more"]])
        #expect(realm.call(caller, request: 3).abortReason == .protocolViolation)
    }

    @Test("§7.4 further parts of a call draw no id")
    func continuations() {
        let realm = TestRealm(Self.settings())
        let caller = realm.join(caller: .progressiveCallInvocations, callee: [])
        let a = realm.join([.progressiveCallInvocations, .callCanceling])
        realm.register(a)
        for round in 1...3 {
            #expect(realm.call(caller, request: 1, progress: true).abortReason == nil, "\(round)")
        }
        #expect(realm.call(caller, request: 2).abortReason == nil)
        #expect(realm.call(caller, request: 1).abortReason == nil)
        #expect(realm.call(caller, request: 3).abortReason == nil)
        // Its last part was sent.
        #expect(realm.call(caller, request: 1).abortReason == .protocolViolation)
    }

    @Test("§7.4 parts of a call that has ended are dropped for 30 s, then they are a violation")
    func late() {
        for milliseconds in [29_999, 30_000] as [UInt64] {
            let realm = TestRealm(Self.settings())
            let caller = realm.join(caller: .progressiveCallInvocations, callee: [])
            let a = realm.join([.progressiveCallInvocations, .callCanceling])
            realm.register(a)
            realm.call(caller, request: 1, progress: true)
            realm.yield(a, 1)
            realm.advance(milliseconds: milliseconds)
            let effects = realm.call(caller, request: 1, progress: true)
            #expect(effects.isEmpty == (milliseconds < 30_000), "\(milliseconds)")
            #expect(
                effects.abortReason == (milliseconds < 30_000 ? nil : .protocolViolation),
                "\(milliseconds)")
        }
    }

    @Test("§7.4 a plain call that has ended cannot be gone on with")
    func repeated() {
        let realm = TestRealm(Self.settings())
        let (caller, a) = (realm.join(), realm.join())
        realm.register(a)
        realm.call(caller, request: 1)
        realm.yield(a, 1)
        #expect(realm.call(caller, request: 1).abortReason == .protocolViolation)
    }

    @Test("§1.3 CANCEL, YIELD, ERROR and GOODBYE draw no id")
    func others() {
        let realm = TestRealm(Self.settings())
        let (caller, a) = (realm.join(), realm.join(.callCanceling))
        realm.register(a)
        realm.call(caller)
        realm.cancel(caller, 1, .kill)
        realm.fail(a, 1, .canceled)
        realm.call(caller)
        realm.yield(a, 2)
        #expect(realm.call(caller).abortReason == nil)
        #expect(realm.goodbye(caller).abortReason == nil)
    }

    @Test("§1.3 §11 ids are checked as they come, also of what waits for the authorizer")
    func whileDeciding() {
        var settings = AuthorizerTests.settings()
        settings.requestIDs = .strict
        let realm = TestRealm(settings)
        let judge = realm.join(callee: [], role: "judge")
        realm.register(judge, AuthorizerTests.authorizer)
        let features: Features = [.progressiveCallInvocations, .callCanceling]
        let a = realm.join(callee: features, role: "judge")
        realm.register(a, "t.x")
        let caller = realm.join(caller: features, callee: [], role: "user")
        // In parts, the rest of which comes while the first is not decided; then another.
        #expect(realm.call(caller, request: 1, progress: true).invocations(to: judge).count == 1)
        #expect(realm.call(caller, request: 1, progress: true).isEmpty)
        #expect(realm.call(caller, request: 1).isEmpty)
        #expect(realm.call(caller, request: 2).isEmpty)
        #expect(realm.yield(judge, 1, [true]).invocations(to: a).count == 3)
        #expect(realm.yield(judge, 2, [true]).invocations(to: a).count == 1)
        #expect(realm.call(caller, request: 3).abortReason == nil)
        #expect(realm.call(caller, request: 5).abortReason == .protocolViolation)
        #expect(realm.leaveAll([judge, a]))
    }

    @Test(
        "§1.3 when ids begin to be checked, the sequence of who is there begins with its next one")
    func checkedLater() {
        let realm = TestRealm()
        let features: Features = [.progressiveCallInvocations, .callCanceling]
        let a = realm.join(features)
        realm.register(a)
        let caller = realm.join(caller: features, callee: [])
        for request in [7, 3, 9] as [RequestID] { realm.call(caller, request: request) }
        realm.call(caller, request: 5, progress: true)
        var settings = RealmSettings()
        settings.requestIDs = .strict
        realm.update(settings)
        // What goes on is no beginning.
        #expect(realm.call(caller, request: 5).invocations(to: a).count == 1)
        #expect(realm.call(caller, request: 12).invocations(to: a).count == 1)
        // A reload that changes nothing about it forgets nothing.
        realm.update(settings)
        #expect(realm.call(caller, request: 13).invocations(to: a).count == 1)
        #expect(realm.call(caller, request: 15).abortReason == .protocolViolation)
        let late = realm.join()
        #expect(realm.call(late, request: 2).abortReason == .protocolViolation)
        #expect(realm.leaveAll([a]))
    }
}
