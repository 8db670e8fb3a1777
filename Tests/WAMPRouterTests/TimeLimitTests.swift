// Who keeps the time of a call, and how much it gets: SR-17, SR-68; protocol.md §7.6.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Time limits by setting and by the callee")
struct TimeLimitTests {
    static func realm(default limit: UInt64 = 0, longest: UInt64 = 0) -> TestRealm {
        var settings = RealmSettings()
        settings.callTimeoutDefault = limit
        settings.callTimeoutMax = longest
        return TestRealm(settings)
    }

    @Test(
        "§7.6 forward_timeout and call_timeout: the callee is told, and the dealer waits 5 s more")
    func forwarded() {
        let realm = Self.realm()
        let (caller, a) = (realm.join(), realm.join([.callTimeout, .callCanceling]))
        realm.register(a, options: ["forward_timeout": true])
        #expect(realm.call(caller, timeout: 200).invocationDetails == ["timeout": 200])
        #expect(realm.advance(milliseconds: 5199).isEmpty)
        #expect(
            realm.advance(milliseconds: 1) == [
                a.getsInterrupt(1, .killnowait), caller.getsError(1, .timeout),
            ])
        // The callee's own answer in time is passed on as it is.
        realm.call(caller, timeout: 200)
        realm.advance(milliseconds: 201)
        #expect(realm.fail(a, 2, .timeout) == [caller.getsError(2, .timeout)])
        #expect(realm.realm.nextDeadline == nil)
    }

    @Test("§7.6 without either of the two, or without a limit, nothing is forwarded")
    func notForwarded() {
        for (features, options, timeout) in [
            (.callTimeout, [:], 50), ([], ["forward_timeout": true], 50),
            (.callTimeout, ["forward_timeout": true], 0),
        ] as [(Features, Value.Dictionary, UInt64)] {
            let realm = Self.realm()
            let (caller, a) = (realm.join(), realm.join(features))
            realm.register(a, options: options)
            #expect(
                realm.call(caller, timeout: timeout).invocationDetails == [:],
                "\(features) \(options)")
            let effects = realm.advance(milliseconds: 50)
            #expect(
                effects == (timeout == 0 ? [] : [caller.getsError(1, .timeout)]),
                "\(features) \(options)")
        }
    }

    @Test("SR-17 each callee keeps the time as it asked, after a re-route too")
    func perCallee() {
        let features: Features = [.callTimeout, .callReroute]
        let realm = Self.realm()
        let caller = realm.join()
        let (a, b) = (realm.join(features), realm.join(features))
        realm.register(a, "t.x", "roundrobin", options: ["forward_timeout": true])
        realm.register(b, "t.x", "roundrobin")
        #expect(realm.call(caller, timeout: 100).invocationDetails == ["timeout": 100])
        #expect(realm.fail(a, 1).invocations(to: b).map(\.details) == [[:]])
        #expect(realm.advance(milliseconds: 100) == [caller.getsError(1, .timeout)])
        realm.call(caller, timeout: 100)
        #expect(realm.call(caller, timeout: 100).invocationDetails == [:])
        let again = realm.fail(b, 2).invocations(to: a)
        #expect(again.map(\.details) == [["timeout": 100]])
        #expect(realm.advance(milliseconds: 5099).isEmpty)
        #expect(realm.advance(milliseconds: 1).count == 2)
    }

    @Test("SR-68 what is forwarded after waiting or a re-route is what is left of the time")
    func remaining() {
        let realm = TestRealm(QueueTests.settings(limit: 5))
        let caller = realm.join()
        let a = realm.join([.callTimeout, .callReroute])
        realm.register(
            a, "t.x", "roundrobin", options: ["forward_timeout": true, "concurrency": 1])
        realm.call(caller)
        #expect(realm.call(caller, timeout: 2000).isEmpty)
        realm.advance(milliseconds: 1900)
        #expect(
            realm.yield(a, 1).invocations(to: a).map(\.details) == [["timeout": 100]])
    }

    @Test("§7.3 §7.6 the gap between results of a callee that keeps the time has 5 s more, too")
    func forwardedGap() {
        let features: Features = [.callTimeout, .callCanceling, .progressiveCallResults]
        let realm = Self.realm()
        let (caller, a) = (realm.join(), realm.join(features))
        realm.register(a, options: ["forward_timeout": true])
        realm.call(caller, receiveProgress: true, timeout: 100)
        realm.advance(milliseconds: 5099)
        #expect(realm.progress(a, 1).count == 1)
        #expect(realm.advance(milliseconds: 5099).isEmpty)
        #expect(realm.advance(milliseconds: 1).refusal == .timeout)
    }

    @Test(
        "§7.6 call_timeout_default is for calls that ask for none, call_timeout_max bounds all",
        arguments: [
            (0, 0, 0, 0), (0, 0, 70, 70), (30, 0, 0, 30), (30, 0, 70, 70), (0, 40, 70, 40),
            (0, 40, 20, 20), (0, 40, 0, 40), (30, 40, 0, 30), (60, 40, 0, 40), (30, 40, 35, 35),
        ] as [(UInt64, UInt64, UInt64, UInt64)])
    func settings(limit: UInt64, longest: UInt64, asked: UInt64, expected: UInt64) {
        // Two calls: one of them comes by the short way, if it is a plain one.
        let realm = Self.realm(default: limit, longest: longest)
        let (caller, a) = (realm.join(), realm.join(.callTimeout))
        realm.register(a)
        realm.call(caller, timeout: asked)
        realm.call(caller, timeout: asked)
        guard expected > 0 else {
            #expect(realm.realm.nextDeadline == nil)
            return
        }
        #expect(realm.advance(milliseconds: expected - 1).isEmpty)
        #expect(
            realm.advance(milliseconds: 1) == [
                caller.getsError(1, .timeout), caller.getsError(2, .timeout),
            ])
    }

    @Test("§7.6 what is forwarded is the limit that holds, not the one asked for")
    func forwardedBounded() {
        let realm = Self.realm(default: 30, longest: 40)
        let (caller, a) = (realm.join(), realm.join(.callTimeout))
        realm.register(a, options: ["forward_timeout": true])
        #expect(realm.call(caller, timeout: 70).invocationDetails == ["timeout": 40])
        #expect(realm.call(caller).invocationDetails == ["timeout": 30])
    }

    @Test("C9 SR-68 the unit is the millisecond, the answer wamp.error.timeout, for every caller")
    func unit() {
        let realm = Self.realm()
        let (caller, a) = (realm.join(), realm.join())
        realm.register(a)
        realm.call(caller, timeout: 2)
        let start = realm.moment
        #expect(realm.realm.nextDeadline == start.advanced(milliseconds: 2))
        #expect(realm.realm.nextDeadline?.nanoseconds == start.nanoseconds + 2_000_000)
        #expect(realm.advance(milliseconds: 2) == [caller.getsError(1, .timeout)])
    }

    @Test("SR-68 C8 a call that was cancelled has no time limit any more")
    func cancelled() {
        for mode in [CancelMode.skip, .killnowait] {
            let realm = Self.realm()
            let (caller, a) = (realm.join(), realm.join(.callCanceling))
            realm.register(a, options: ["concurrency": 1])
            realm.call(caller, timeout: 10)
            #expect(realm.cancel(caller, 1, mode).refusal == .canceled, "\(mode)")
            #expect(realm.realm.nextDeadline == nil, "\(mode)")
            #expect(realm.advance(milliseconds: 20).isEmpty, "\(mode)")
        }
    }
}
