// How much a callee takes at the same time, and when it has a place again: SR-56 … SR-59, SR-84.

import NIOCore
import Testing
import WAMP

@testable import WAMPRouter

@Suite("Concurrency limits")
struct ConcurrencyTests {
    static let busy: Value.Dictionary = ["reason": "max_concurrency_reached"]

    @Test(
        "SR-56 a callee has at most `concurrency` invocations of a registration in flight",
        arguments: ["single", "roundrobin", "random", "first", "last"])
    func limit(rule: String) {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", rule, concurrency: 2)[0]
        #expect(realm.invoked(in: realm.call(caller)) == a)
        #expect(realm.invoked(in: realm.call(caller)) == a)
        #expect(
            realm.call(caller) == [caller.getsError(3, .noAvailableCallee, kwargs: Self.busy)])
        realm.yield(a, 1)
        #expect(realm.invoked(in: realm.call(caller)) == a)
    }

    @Test("SR-56 the limit is of one registration: another of the same callee is free")
    func perRegistration() {
        let realm = TestRealm()
        let (caller, a) = (realm.join(), realm.join())
        for uri in ["t.x", "t.y"] as [URI] {
            realm.register(a, uri, "first", options: ["concurrency": 1])
        }
        realm.call(caller, "t.x")
        #expect(realm.invoked(in: realm.call(caller, "t.y")) == a)
        #expect(realm.call(caller, "t.x").refusal == .noAvailableCallee)
    }

    @Test("SR-56 absent and 0 are no limit; a negative one is invalid_argument")
    func noLimit() {
        for options in [[:], ["concurrency": 0]] as [Value.Dictionary] {
            let realm = TestRealm()
            let (caller, a) = (realm.join(), realm.join())
            realm.register(a, "t.x", "roundrobin", options: options)
            for round in 0..<100 {
                #expect(realm.invoked(in: realm.call(caller)) == a, "\(options) \(round)")
            }
        }
        let realm = TestRealm()
        let a = realm.join()
        #expect(realm.register(a, options: ["concurrency": -1]).refusal == .invalidArgument)
        #expect(realm.realm.registrationCount == 0)
    }

    @Test("SR-56 a limit of a wrong type is a protocol violation")
    func wrongType() {
        for text in ["\"2\"", "1.5", "true", "[]", "null"] {
            let json = "[64,1,{\"concurrency\":\(text)},\"t.x\"]"
            #expect(throws: ProtocolViolation.self, "\(text)") {
                try MessageCoder.decode(.init(string: json), as: .json)
            }
        }
    }

    @Test("SR-57 C4 roundrobin and random choose among those that have a place")
    func amongOthers() {
        for rule in ["roundrobin", "random"] {
            let realm = TestRealm()
            let (caller, a, b) = (realm.join(), realm.join(), realm.join())
            realm.register(a, "t.x", rule, options: ["concurrency": 1])
            realm.register(b, "t.x", rule)
            while realm.invoked(in: realm.call(caller)) != a {}
            for round in 0..<20 {
                #expect(realm.invoked(in: realm.call(caller)) == b, "\(rule) \(round)")
            }
        }
    }

    @Test("SR-58 a call that finds everybody busy leaves the turn where it is")
    func turnStays() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "roundrobin", concurrency: 1)
        for callee in p { #expect(realm.invoked(in: realm.call(caller)) == callee, "\(callee)") }
        for round in 0..<2 { #expect(realm.call(caller).refusal == .noAvailableCallee, "\(round)") }
        for callee in p.reversed() { realm.yield(callee, 1) }
        for callee in p { #expect(realm.invoked(in: realm.call(caller)) == callee, "\(callee)") }
    }

    @Test("SR-58 the switch for Crossbar.io's URI changes the URI only")
    func crossbarURI() {
        var settings = RealmSettings()
        settings.crossbarMaxConcurrencyURI = true
        let realm = TestRealm(settings)
        let caller = realm.join()
        _ = realm.callees(1, "t.x", "roundrobin", concurrency: 1)
        realm.call(caller)
        #expect(
            realm.call(caller) == [
                caller.getsError(2, .maxConcurrencyReached, kwargs: Self.busy)
            ])
    }

    @Test("SR-53 first and last do not spill over to the next when theirs is busy")
    func noSpillOver() {
        for (rule, place) in [("first", 0), ("last", 1)] {
            let realm = TestRealm()
            let caller = realm.join()
            let p = realm.callees(2, "t.x", rule, concurrency: 1)
            #expect(realm.invoked(in: realm.call(caller)) == p[place], "\(rule)")
            #expect(
                realm.call(caller) == [
                    caller.getsError(2, .noAvailableCallee, kwargs: Self.busy)
                ], "\(rule)")
        }
    }

    /// What may end a call at a callee with one place.
    enum End: CaseIterable, Sendable {
        case result, error, killnowait, timeout, callerLeft, skip, skipUnable, timeoutUnable
        case callerLeftUnable

        var features: Features {
            switch self {
            case .skipUnable, .timeoutUnable, .callerLeftUnable: []
            default: .callCanceling
            }
        }

        /// Whether the callee is still busy with it.
        var keepsPlace: Bool {
            switch self {
            case .skip, .skipUnable, .timeoutUnable, .callerLeftUnable: true
            default: false
            }
        }
    }

    static func end(_ end: End, _ caller: Peer, _ callee: Peer, in realm: TestRealm) {
        switch end {
        case .result: realm.yield(callee, 1)
        case .error: realm.fail(callee, 1, "t.error")
        case .killnowait: realm.cancel(caller, 1, .killnowait)
        case .skip, .skipUnable: realm.cancel(caller, 1, .skip)
        case .timeout, .timeoutUnable: realm.advance(milliseconds: 100)
        case .callerLeft, .callerLeftUnable: realm.leave(caller)
        }
    }

    @Test(
        "SR-59 C5 a place is free again at once, or when a callee that cannot stop has answered",
        arguments: End.allCases, ["roundrobin", "_leastbusy"])
    func freed(end: End, rule: String) {
        let realm = TestRealm()
        let (caller, other) = (realm.join(), realm.join())
        let a = realm.callees(1, "t.x", rule, concurrency: 1, end.features)[0]
        let id = realm.registration(a, "t.x", rule)
        realm.call(caller, timeout: 100)
        #expect(realm.figures("in_flight", id, from: other) == [1])
        Self.end(end, caller, a, in: realm)
        let count: Value = end.keepsPlace ? 1 : 0
        #expect(realm.figures("in_flight", id, from: other) == [count])
        #expect((realm.invoked(in: realm.call(other)) == nil) == end.keepsPlace)
        if end.keepsPlace {
            #expect(realm.yield(a, 1).isEmpty)
            #expect(realm.figures("in_flight", id, from: other) == [0])
            #expect(realm.invoked(in: realm.call(other)) == a)
        }
        // Late answers, and second ones, free nothing.
        #expect(realm.yield(a, 1).isEmpty)
        #expect(realm.fail(a, 1).isEmpty)
        #expect(realm.figures("in_flight", id, from: other) == [1])
        #expect(realm.leaveAll([caller, other, a]))
    }

    @Test("SR-59 a callee that leaves takes the places it kept with it")
    func keptAndLost() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "first", concurrency: 1)
        realm.call(caller)
        realm.cancel(caller, 1, .skip)
        #expect(realm.leave(p[0]).isEmpty)
        #expect(realm.invoked(in: realm.call(caller)) == p[1])
        #expect(realm.leaveAll([caller, p[1]]))
    }

    @Test("SR-59 once it is asked to stop its late results, a callee has its place again")
    func stoppedLate() {
        let features: Features = [.callCanceling, .progressiveCallResults]
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "first", concurrency: 1, features)[0]
        realm.call(caller, receiveProgress: true)
        realm.cancel(caller, 1, .skip)
        #expect(realm.call(caller).refusal == .noAvailableCallee)
        #expect(realm.progress(a, 1) == [a.getsInterrupt(1, .killnowait)])
        #expect(realm.invoked(in: realm.call(caller)) == a)
    }

    @Test("SR-59 who left the list and comes back begins anew, and late answers harm nobody")
    func comesBack() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "last", concurrency: 1)
        let id = realm.registration(p[0], "t.x", "last")
        realm.call(caller)
        realm.unregister(p[1], id)
        realm.register(p[1], "t.x", "last", options: ["concurrency": 1])
        #expect(realm.figures("in_flight", id, from: caller) == [0, 0])
        #expect(realm.invoked(in: realm.call(caller)) == p[1])
        realm.yield(p[1], 1)
        #expect(realm.figures("in_flight", id, from: caller) == [0, 1])
        realm.yield(p[1], 2)
        #expect(realm.figures("in_flight", id, from: caller) == [0, 0])
        #expect(realm.leaveAll([caller] + p))
    }

    @Test("SR-59 a callee that is still busy while the realm is drained keeps nobody")
    func keptWhileDraining() {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "first", concurrency: 1)[0]
        realm.call(caller)
        realm.cancel(caller, 1, .skip)
        realm.drain()
        #expect(realm.isEmpty)
        #expect(!realm.isPresent(a))
    }

    @Test("SR-63 progressive results hold one place until the last of them")
    func progressiveResults() {
        let features: Features = [.callCanceling, .progressiveCallResults]
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "roundrobin", concurrency: 1, features)[0]
        realm.call(caller, receiveProgress: true)
        for number in 1...3 as ClosedRange<Int64> {
            #expect(realm.progress(a, 1, [.int(number)]).count == 1, "\(number)")
            #expect(realm.call(caller).refusal == .noAvailableCallee, "\(number)")
        }
        realm.yield(a, 1)
        #expect(realm.invoked(in: realm.call(caller)) == a)
    }

    @Test("SR-46 SR-57 a re-route passes over busy callees, and ends if only those are left")
    func rerouted() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "roundrobin", concurrency: 1, .callReroute)
        realm.call(caller)
        realm.call(caller)
        #expect(realm.fail(p[0], 1) == [p[2].getsInvocation(1, realm.id())])
        #expect(realm.invoked(in: realm.call(caller)) == p[0])
        #expect(
            realm.fail(p[2], 1) == [caller.getsError(1, .noAvailableCallee, kwargs: Self.busy)])
        #expect(realm.figures("in_flight", realm.id(), from: caller) == [1, 1, 0])
    }

    @Test("SR-84 the figures of each callee, the cursor and the queue, are no business of wamp.")
    func stats() {
        let realm = TestRealm()
        let caller = realm.join()
        let (a, b) = (realm.join(.callReroute), realm.join(.callReroute))
        let id = realm.registration(a, "t.x", "roundrobin")
        realm.register(b, "t.x", "roundrobin", options: ["concurrency": 7])
        realm.call(caller)
        realm.fail(a, 1)
        realm.fail(b, 1, "t.error")
        realm.call(caller)
        realm.call(caller)
        let stats = realm.meta("wampctl.registration.stats", [Value(id)], from: caller)
        #expect(
            stats?.dictionary == [
                "callees": [
                    [
                        "session": Value(a.id), "in_flight": 1, "concurrency": nil, "calls": 2,
                        "errors": 1, "rerouted": 1,
                    ],
                    [
                        "session": Value(b.id), "in_flight": 1, "concurrency": 7, "calls": 2,
                        "errors": 1, "rerouted": 0,
                    ],
                ],
                "cursor": 2, "queue": 0,
            ])
        let unknown = realm.call(caller, "wampctl.registration.stats", [1])
        #expect(unknown.refusal == .noSuchRegistration)
        #expect(realm.call(caller, "wamp.registration.stats", [Value(id)]).refusal != nil)
    }
}
