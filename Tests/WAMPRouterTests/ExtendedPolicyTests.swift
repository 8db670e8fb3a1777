// The rules beyond the five, and sharded calls: SR-91 … SR-94.

import NIOCore
import Testing
import WAMP

@testable import WAMPRouter

@Suite("Rules of our own, and sharded calls")
struct ExtendedPolicyTests {
    @Test("SR-91 SR-94 `all` and unknown names are refused, with or without an underscore")
    func unknown() {
        let realm = TestRealm()
        let a = realm.join()
        for name in ["all", "_all", "_LeastBusy", "leastbusy", "sticky", "_", "_random"] {
            #expect(realm.register(a, "t.x", name).refusal == .invalidArgument, "\(name)")
        }
        #expect(realm.realm.registrationCount == 0)
    }

    @Test(
        "SR-94 SR-04 SR-05 the matching of rules holds for ours, too",
        arguments: ["_leastbusy", "_sticky"])
    func matching(rule: String) {
        let realm = TestRealm()
        let (a, b) = (realm.join(), realm.join())
        let id = realm.registration(a, "t.x", rule)
        #expect(realm.registration(b, "t.x", rule) == id)
        for other in ["roundrobin", "_leastbusy", "_sticky", nil] where other != rule {
            #expect(
                realm.register(realm.join(), "t.x", other).refusal == .procedureAlreadyExists,
                "\(other)")
        }
        let details = realm.meta("wamp.registration.get", [Value(id)], from: a)?.dictionary
        #expect(details?["invoke"] == .string(rule))
    }

    @Test("SR-94 _leastbusy: fewest invocations in flight; in turn among equals")
    func leastBusy() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "_leastbusy", .callCanceling)
        // All idle: in turn.
        for callee in p { #expect(realm.invoked(in: realm.call(caller)) == callee, "\(callee)") }
        realm.yield(p[1], 1)
        #expect(realm.invoked(in: realm.call(caller)) == p[1])
        // All have one again; the turn goes on after the last.
        #expect(realm.invoked(in: realm.call(caller)) == p[2])
        realm.yield(p[0], 1)
        #expect(realm.invoked(in: realm.call(caller)) == p[0])
        // Cancelled with INTERRUPT: relieved at once.
        realm.cancel(caller, 4)
        #expect(realm.invoked(in: realm.call(caller)) == p[1])
        realm.leave(p[0])
        #expect(realm.invoked(in: realm.call(caller)) == p[1])
    }

    @Test("SR-94 SR-59 a callee that cannot stop counts as busy until it has answered")
    func leastBusyKept() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "_leastbusy")
        realm.call(caller)
        realm.cancel(caller, 1)
        for round in 1...3 { #expect(realm.pick(from: caller) == p[1], "\(round)") }
        #expect(realm.yield(p[0], 1).isEmpty)
        #expect(realm.pick(from: caller) == p[0])
        #expect(realm.leaveAll([caller] + p))
    }

    /// The figure for `_leastbusy`: every call goes to one of those that have the fewest in flight,
    /// so that callees which are twice as fast serve twice as many calls, give or take a tenth.
    @Test("SR-94 fairness of _leastbusy: nobody has fewer in flight, and load follows speed")
    func leastBusyFairness() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(4, "t.x", "_leastbusy")
        let periods = [1, 1, 2, 2]
        var inFlight: [Peer: [RequestID]] = [:]
        var served: [Peer: Int] = [:]
        var worst = 0
        for tick in 1...4000 {
            // Fast callees end a call in each tick, slow ones in every other; 8 calls keep them
            // all busy at all times.
            for (callee, period) in zip(p, periods) where tick % period == 0 {
                guard let id = inFlight[callee]?.first else { continue }
                inFlight[callee]?.removeFirst()
                realm.yield(callee, id)
            }
            while inFlight.values.reduce(0, { $0 + $1.count }) < 8 {
                let counts = p.map { inFlight[$0]?.count ?? 0 }
                let effects = realm.call(caller)
                guard let callee = realm.invoked(in: effects) else { break }
                worst = max(worst, (inFlight[callee]?.count ?? 0) - (counts.min() ?? 0))
                let ids = effects.invocations(to: callee).map(\.request)
                inFlight[callee, default: []] += ids
                served[callee, default: 0] += 1
            }
        }
        #expect(worst == 0)
        let counts = p.map { Double(served[$0] ?? 0) }
        for fast in counts[..<2] {
            for slow in counts[2...] { #expect(abs(fast / slow - 2) < 0.2, "\(fast) \(slow)") }
        }
    }

    @Test("SR-94 _leastbusy passes over those that are full, blocked or tried")
    func leastBusyExcluded() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "_leastbusy", concurrency: 2, .callReroute)
        realm.block(p[0])
        for round in 1...4 { #expect(realm.invoked(in: realm.call(caller)) != p[0], "\(round)") }
        #expect(realm.call(caller).refusal == .noAvailableCallee)
        realm.block(p[0], false)
        let tried = realm.call(caller)
        #expect(realm.invoked(in: tried) == p[0])
        #expect(realm.fail(p[0], 1).refusalReason == "max_concurrency_reached")
    }

    @Test("SR-94 _sticky: one caller, one callee; another key may be another's")
    func sticky() throws {
        let realm = TestRealm()
        let p = realm.callees(5, "t.x", "_sticky")
        let callers = realm.join(20)
        var homes: [Peer: Peer] = [:]
        for caller in callers {
            let home = try #require(realm.pick(from: caller), "\(caller)")
            homes[caller] = home
            for round in 1...3 { #expect(realm.pick(from: caller) == home, "\(caller) \(round)") }
        }
        #expect(Set(homes.values).count > 1)
        // By key, whoever calls.
        for key in ["a", "b", "c"] {
            let custom: Value.Dictionary = ["rkey": .string(key)]
            let picks = callers.map { realm.invoked(in: realm.call($0, custom: custom)) }
            #expect(Set(picks).count == 1, "\(key)")
        }
        // Only those whose callee leaves move, and a newcomer takes only for itself.
        realm.leave(p[2])
        for caller in callers {
            let pick = realm.pick(from: caller)
            if homes[caller] == p[2] {
                #expect(pick != nil, "\(caller)")
            } else {
                #expect(pick == homes[caller], "\(caller)")
            }
            homes[caller] = pick
        }
        let newcomer = realm.callees(1, "t.x", "_sticky")[0]
        for caller in callers {
            let pick = realm.pick(from: caller)
            #expect(pick == homes[caller] || pick == newcomer, "\(caller)")
        }
    }

    /// The figure for `_sticky`: 10,000 keys over 5 callees; X² below the 0.999 quantile for four
    /// degrees of freedom, 18.47. When one of them leaves, a fifth of the keys moves, all its own.
    @Test("SR-94 fairness of _sticky and of sharded calls: keys are uniform over the callees")
    func stickyFairness() {
        for isSharded in [false, true] {
            var settings = RealmSettings()
            settings.shardedRegistration = true
            let realm = TestRealm(settings, seed: 7)
            let caller = realm.join()
            let p = realm.callees(5, "t.x", isSharded ? "roundrobin" : "_sticky")
            func home(_ number: Int) -> Peer? {
                var custom: Value.Dictionary = ["rkey": .string("key-\(number)")]
                if isSharded { custom["runmode"] = "partition" }
                let effects = realm.call(caller, custom: custom)
                guard let callee = realm.invoked(in: effects) else { return nil }
                for invoked in effects.invocations(to: callee) {
                    realm.yield(callee, invoked.request)
                }
                return callee
            }
            let count = 10_000
            let before = (0..<count).map(home)
            let expected = Double(count) / 5
            let deviation = p.reduce(0.0) { sum, callee in
                let seen = Double(before.count { $0 == callee })
                return sum + (seen - expected) * (seen - expected) / expected
            }
            #expect(deviation < 18.47, "\(isSharded)")
            realm.leave(p[3])
            let after = (0..<count).map(home)
            let moved = zip(before, after).count { $0 != $1 }
            #expect(moved == before.count { $0 == p[3] }, "\(isSharded)")
            #expect(abs(Double(moved) / Double(count) - 0.2) < 0.02, "\(isSharded)")
        }
    }

    @Test("SR-94 _sticky keeps to its callee: busy or blocked is no reason for another")
    func stickyKeeps() {
        let realm = TestRealm()
        let caller = realm.join()
        _ = realm.callees(3, "t.x", "_sticky", concurrency: 1)
        let home = realm.invoked(in: realm.call(caller))
        #expect(home != nil)
        #expect(realm.call(caller).refusal == .noAvailableCallee)
        if let home { realm.block(home) }
        #expect(realm.call(caller).refusal == .networkFailure)
    }

    @Test("SR-94 SR-46 _sticky re-routes to the next best, the same for the same key")
    func stickyRerouted() throws {
        let realm = TestRealm()
        let caller = realm.join()
        _ = realm.callees(3, "t.x", "_sticky", .callReroute)
        var orders: [[Peer]] = []
        for number in 1...2 {
            var order: [Peer] = []
            var effects = realm.call(caller)
            while let callee = realm.invoked(in: effects) {
                order.append(callee)
                effects = realm.fail(callee, RequestID(UInt64(number)))
            }
            #expect(effects.refusal == .noAvailableCallee, "\(number)")
            orders.append(order)
        }
        #expect(orders[0] == orders[1] && Set(orders[0]).count == 3)
    }

    /// A realm with sharded registrations switched on.
    static var sharded: TestRealm {
        var settings = RealmSettings()
        settings.shardedRegistration = true
        return TestRealm(settings)
    }

    static func partition(_ key: String) -> Value.Dictionary {
        ["runmode": "partition", "rkey": .string(key)]
    }

    @Test(
        "SR-92 partition: the key decides, whatever the rule, and the turn stays",
        arguments: RegisteringTests.shared)
    func partition(rule: String) {
        let realm = Self.sharded
        let caller = realm.join()
        let p = realm.callees(4, "t.x", rule)
        var picks: Set<Peer?> = []
        for number in 0..<30 {
            let custom = Self.partition("k\(number)")
            let pick = realm.invoked(in: realm.call(caller, custom: custom))
            for round in 1...2 {
                #expect(
                    realm.invoked(in: realm.call(caller, custom: custom)) == pick,
                    "\(number) \(round)")
            }
            picks.insert(pick)
        }
        #expect(picks == Set(p))
        if rule == "roundrobin" { #expect(realm.pick(from: caller) == p[0]) }
    }

    @Test("SR-92 partition without rkey is invalid_argument, of a wrong type a violation")
    func noKey() {
        let realm = Self.sharded
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "roundrobin")
        let effects = realm.call(caller, custom: ["runmode": "partition"])
        #expect(effects.refusal == .invalidArgument)
        #expect(realm.pick(from: caller) == p[0])
        for options in ["{\"rkey\":1}", "{\"runmode\":true}"] {
            #expect(throws: ProtocolViolation.self, "\(options)") {
                try MessageCoder.decode(.init(string: "[48,1,\(options),\"t.x\"]"), as: .json)
            }
        }
    }

    @Test("SR-92 switched off, the option is ignored; the feature is announced only if it is on")
    func off() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "roundrobin")
        for callee in p + p {
            let custom = Self.partition("k")
            #expect(realm.invoked(in: realm.call(caller, custom: custom)) == callee, "\(callee)")
        }
        #expect(realm.invoked(in: realm.call(caller, custom: ["runmode": "partition"])) == p[0])
        for (realm, isOn) in [(TestRealm(), false), (Self.sharded, true)] {
            #expect(
                realm.realm.announcement[.dealer]?.contains(.shardedRegistration) == isOn, "\(isOn)"
            )
        }
    }

    @Test("SR-93 rkey alone, other run modes and runon are ignored and not passed on")
    func ignored() {
        let realm = Self.sharded
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "roundrobin")
        let options: [Value.Dictionary] = [
            ["rkey": "k"], ["runmode": "gather", "rkey": "k"], ["runmode": "progressive"],
            ["runon": "all", "rkey": "k"],
        ]
        for (custom, callee) in zip(options, p + p) {
            let effects = realm.call(caller, custom: custom)
            #expect(effects.invocations(to: callee).map(\.details) == [[:]], "\(custom)")
        }
    }

    @Test("SR-92 SR-46 a sharded call is re-routed by its key, and the turn stays")
    func shardedReroute() {
        let realm = Self.sharded
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "roundrobin", .callReroute)
        var effects = realm.call(caller, custom: Self.partition("k"))
        var order: [Peer] = []
        while let callee = realm.invoked(in: effects) {
            order.append(callee)
            effects = realm.fail(callee, 1)
        }
        #expect(Set(order) == Set(p) && order.count == 3)
        #expect(realm.pick(from: caller) == p[0])
    }
}
