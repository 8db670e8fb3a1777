// Which callee a call goes to: shared-registrations.md, section C.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Choosing a callee")
struct SelectionTests {
    @Test("SR-29 roundrobin takes everybody in turn, in the order of registering")
    func roundrobin() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "roundrobin")
        #expect(realm.picks(7, from: caller) == [p[0], p[1], p[2], p[0], p[1], p[2], p[0]])
    }

    /// One line of the table: a list, the number of calls made, what happens to the list, who comes
    /// next.
    struct Turn: Sendable, CustomTestStringConvertible {
        let row: String
        let start: Int
        let calls: Int
        var leaves: [Int] = []
        var joins = 0
        let next: [Int]

        var testDescription: String { row }
    }

    static let turns = [
        Turn(
            row: "SR-30 [A,B,C], last → B, A leaves: C", start: 3, calls: 2, leaves: [0],
            next: [2, 1, 2]),
        Turn(
            row: "SR-31 [A,B,C], last → A, B leaves: C", start: 3, calls: 1, leaves: [1],
            next: [2, 0, 2]),
        Turn(
            row: "SR-32 [A,B,C], calls A,B,C,A, C leaves: B", start: 3, calls: 4, leaves: [2],
            next: [1, 0, 1]),
        Turn(
            row: "SR-33 [A,B,C], last → B, B leaves: C", start: 3, calls: 2, leaves: [1],
            next: [2, 0, 2]),
        Turn(
            row: "SR-33 [A,B,C], last → C, C leaves: A", start: 3, calls: 3, leaves: [2],
            next: [0, 1, 0]),
        Turn(
            row: "SR-34 [A,B,C], last → C, D joins: D, then A", start: 3, calls: 3, joins: 1,
            next: [3, 0, 1, 2, 3]),
        Turn(
            row: "SR-34 [A,B,C], last → C in the second lap, D joins: D", start: 3, calls: 6,
            joins: 1, next: [3, 0, 1]),
        Turn(
            row: "SR-34 [A,B,C], last → B, D joins: C, D, A", start: 3, calls: 2, joins: 1,
            next: [2, 3, 0]),
        Turn(
            row: "SR-35 [A], A called, B joins: B", start: 1, calls: 1, joins: 1, next: [1, 0, 1]),
        Turn(
            row: "SR-35 [A], A called thrice, B joins: B", start: 1, calls: 3, joins: 1,
            next: [1, 0]),
        Turn(
            row: "SR-35 [A], nobody called, B joins: A", start: 1, calls: 0, joins: 1,
            next: [0, 1]),
        Turn(
            row: "SR-33 SR-34 [A,B,C], last → C, C leaves, D joins: D", start: 3, calls: 3,
            leaves: [2], joins: 1, next: [3, 0, 1]),
        Turn(
            row: "SR-30 SR-31 [A,B,C], last → B, A and C leave: B", start: 3, calls: 2,
            leaves: [0, 2], next: [1, 1]),
        Turn(
            row: "SR-30 SR-33 [A,B,C,D], last → C, C, B and A leave: D", start: 4, calls: 3,
            leaves: [2, 1, 0], next: [3, 3]),
    ]

    @Test(
        "SR-30 … SR-35 who is next when somebody left or joined", arguments: turns, [true, false])
    func next(turn: Turn, byLoss: Bool) {
        let realm = TestRealm()
        let caller = realm.join()
        var p = realm.callees(turn.start, "t.x", "roundrobin")
        let id = realm.registration(p[0], "t.x", "roundrobin")
        #expect(
            realm.picks(turn.calls, from: caller)
                == (0..<turn.calls).map { p[$0 % turn.start] })
        for index in turn.leaves {
            if byLoss { realm.leave(p[index]) } else { realm.unregister(p[index], id) }
        }
        p += realm.callees(turn.joins, "t.x", "roundrobin")
        #expect(realm.picks(turn.next.count, from: caller) == turn.next.map { p[$0] })
    }

    @Test(
        "SR-30 … SR-33 of four callees any one leaves: nobody is skipped, nobody is called twice",
        arguments: [0, 1, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8])
    func fourCallees(leaver: Int, calls: Int) {
        for byLoss in [true, false] {
            let realm = TestRealm()
            let caller = realm.join()
            let p = realm.callees(4, "t.x", "roundrobin")
            let id = realm.registration(p[0], "t.x", "roundrobin")
            let before = realm.picks(calls, from: caller)
            if byLoss { realm.leave(p[leaver]) } else { realm.unregister(p[leaver], id) }
            // Round the circle from where the last call went, as if the leaver had never stood
            // there.
            let circle = (calls..<calls + 12).map { $0 % 4 }.filter { $0 != leaver }.map { p[$0] }
            let after = realm.picks(circle.count, from: caller)
            #expect(after == circle, "\(byLoss)")
            let all = before + after
            for (one, next) in zip(all, all.dropFirst()) {
                #expect(one != next, "\(byLoss) \(one)")
            }
        }
    }

    @Test(
        "SR-30 … SR-33 of four callees any one leaves while its calls and others' are in flight",
        arguments: [0, 1, 2, 3], [1, 2, 3])
    func fourBusyCallees(leaver: Int, calls: Int) {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(4, "t.x", "roundrobin")
        for call in 0..<calls {
            #expect(realm.invoked(in: realm.call(caller)) == p[call], "\(call)")
        }
        realm.leave(p[leaver])
        let circle = (calls..<calls + 8).map { $0 % 4 }.filter { $0 != leaver }.map { p[$0] }
        for callee in circle {
            #expect(realm.invoked(in: realm.call(caller)) == callee, "\(callee)")
        }
    }

    @Test(
        "SR-34 SR-35 newcomers come after the tail, wherever the turn is",
        arguments: [1, 2, 3, 4], [0, 1, 2, 3, 4, 5, 8])
    func joins(start: Int, calls: Int) {
        for newcomers in 1...3 {
            let realm = TestRealm()
            let caller = realm.join()
            var p = realm.callees(start, "t.x", "roundrobin")
            _ = realm.picks(calls, from: caller)
            p += realm.callees(newcomers, "t.x", "roundrobin")
            let first = calls == 0 ? 0 : (calls - 1) % start + 1
            let expected = (first..<first + 2 * p.count).map { p[$0 % p.count] }
            #expect(realm.picks(expected.count, from: caller) == expected, "\(newcomers)")
        }
    }

    @Test("SR-36 the turn is the procedure's, not the caller's")
    func manyCallers() {
        let realm = TestRealm()
        let callers = realm.join(3)
        let p = realm.callees(2, "t.x", "roundrobin")
        let picks = (0..<6).map { realm.pick(from: callers[$0 % 3]) }
        #expect(picks == [p[0], p[1], p[0], p[1], p[0], p[1]])
    }

    @Test("SR-36 each procedure has a turn of its own")
    func manyProcedures() {
        let realm = TestRealm()
        let caller = realm.join()
        let (x, y) = (realm.callees(2, "t.x", "roundrobin"), realm.callees(2, "t.y", "roundrobin"))
        #expect(realm.pick(from: caller, "t.x") == x[0])
        #expect(realm.pick(from: caller, "t.y") == y[0])
        #expect(realm.pick(from: caller, "t.x") == x[1])
        #expect(realm.pick(from: caller, "t.y") == y[1])
    }

    @Test("SR-37 a call that is refused before the choice does not move the turn")
    func refusedCalls() {
        var limits = Limits()
        limits.pendingCallsPerSession = 1
        let realm = TestRealm(limits: limits)
        let (caller, busy) = (realm.join(), realm.join())
        let p = realm.callees(3, "t.x", "roundrobin")
        #expect(realm.invoked(in: realm.call(busy)) == p[0])
        #expect(
            realm.call(busy) == [
                busy.getsError(2, .unavailable, kwargs: ["reason": "overload"])
            ])
        #expect(realm.call(caller, "t..x").refusal == .invalidURI)
        #expect(realm.call(caller, "t.y").refusal == .noSuchProcedure)
        for peer in p { realm.block(peer) }
        #expect(realm.call(caller).refusal == .noAvailableCallee)
        for peer in p { realm.block(peer, false) }
        #expect(realm.picks(2, from: caller) == [p[1], p[2]])
    }

    @Test("SR-34 SR-37 a choice that fails at the end of the list leaves the turn at the end")
    func failedChoiceAtTheEnd() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "roundrobin")
        _ = realm.picks(2, from: caller)
        for peer in p { realm.block(peer) }
        #expect(realm.call(caller).refusal == .noAvailableCallee)
        for peer in p { realm.block(peer, false) }
        let newcomer = realm.callees(1, "t.x", "roundrobin")[0]
        #expect(realm.picks(3, from: caller) == [newcomer, p[0], p[1]])
    }

    @Test("SR-35 SR-48 a callee that was unavailable is not called again before the newcomer")
    func failedReroutingAtTheEnd() {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "roundrobin", .callReroute)[0]
        realm.call(caller)
        #expect(realm.fail(a, 1).refusal == .noAvailableCallee)
        let b = realm.callees(1, "t.x", "roundrobin")[0]
        #expect(realm.picks(2, from: caller) == [b, a])
    }

    @Test("SR-38 SR-39 random knows the list of the moment: no leaver, and newcomers at once")
    func randomList() {
        let realm = TestRealm(seed: 7)
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "random")
        #expect(Set(realm.picks(60, from: caller)) == Set(p))
        realm.leave(p[1])
        #expect(Set(realm.picks(60, from: caller)) == [p[0], p[2]])
        let newcomer = realm.callees(1, "t.x", "random")[0]
        #expect(Set(realm.picks(60, from: caller)) == [p[0], p[2], newcomer])
    }

    @Test("SR-38 the same seed makes the same choices, another seed makes others")
    func randomSeed() {
        func choices(_ seed: UInt64) -> [String?] {
            let realm = TestRealm(seed: seed)
            let caller = realm.join()
            _ = realm.callees(4, "t.x", "random")
            return realm.picks(40, from: caller).map { $0?.name }
        }
        #expect(choices(3) == choices(3))
        #expect(choices(3) != choices(4))
    }

    @Test("SR-40 first: the head answers all calls until it leaves, then the next one")
    func first() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "first")
        #expect(realm.picks(3, from: caller) == [p[0], p[0], p[0]])
        realm.leave(p[1])
        #expect(realm.pick(from: caller) == p[0])
        realm.leave(p[0])
        #expect(realm.picks(2, from: caller) == [p[2], p[2]])
    }

    @Test("SR-41 last: a newcomer takes over with the next call and gives back as it leaves")
    func last() {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "last")[0]
        realm.call(caller)
        let b = realm.callees(1, "t.x", "last")[0]
        #expect(realm.picks(2, from: caller) == [b, b])
        #expect(realm.yield(a, 1) == [caller.getsResult(1, from: a)])
        realm.leave(b)
        #expect(realm.pick(from: caller) == a)
    }

    @Test("SR-42 single: the only callee")
    func single() {
        let realm = TestRealm()
        let (caller, a) = (realm.join(), realm.join())
        realm.register(a)
        #expect(realm.picks(3, from: caller) == [a, a, a])
    }

    @Test("SR-43 a caller may be its own callee", arguments: RegisteringTests.shared)
    func selfCall(rule: String) {
        let realm = TestRealm()
        let a = realm.callees(1, "t.x", rule)[0]
        #expect(realm.picks(2, from: a) == [a, a])
    }

    @Test("SR-43 roundrobin does not pass over the caller")
    func callerInTurn() {
        let realm = TestRealm()
        let p = realm.callees(2, "t.x", "roundrobin")
        #expect(realm.picks(4, from: p[0]) == [p[0], p[1], p[0], p[1]])
    }

    @Test("SR-44 the calls of one caller to one callee arrive in order, results in any")
    func order() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "roundrobin")
        let id = realm.registration(p[0], "t.x", "roundrobin")
        var invocations: [Effect] = []
        for call in 1...4 { invocations += realm.call(caller, "t.x", [.int(Int64(call))]) }
        #expect(
            invocations == [
                p[0].getsInvocation(1, id, [1]), p[1].getsInvocation(1, id, [2]),
                p[0].getsInvocation(2, id, [3]), p[1].getsInvocation(2, id, [4]),
            ])
        #expect(realm.yield(p[1], 2) == [caller.getsResult(4, from: p[1])])
        #expect(realm.yield(p[0], 1) == [caller.getsResult(1, from: p[0])])
    }

    // MARK: Callees that cannot be written to

    @Test("SR-52 roundrobin passes over a callee that is write-blocked")
    func blockedRoundrobin() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "roundrobin")
        realm.block(p[1])
        #expect(realm.picks(4, from: caller) == [p[0], p[2], p[0], p[2]])
        realm.block(p[1], false)
        #expect(realm.picks(3, from: caller) == [p[0], p[1], p[2]])
    }

    @Test("SR-52 random chooses among those that are not write-blocked")
    func blockedRandom() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(3, "t.x", "random")
        realm.block(p[0])
        #expect(Set(realm.picks(60, from: caller)) == [p[1], p[2]])
    }

    @Test("SR-52 all write-blocked: no_available_callee", arguments: ["roundrobin", "random"])
    func allBlocked(rule: String) {
        let realm = TestRealm()
        let caller = realm.join()
        for peer in realm.callees(2, "t.x", rule) { realm.block(peer) }
        #expect(
            realm.call(caller) == [
                caller.getsError(
                    1, .noAvailableCallee, kwargs: ["reason": "max_concurrency_reached"])
            ])
    }

    @Test(
        "SR-52 SR-53 single, first and last do not spill over: network_failure",
        arguments: [("single", 1, 0), ("first", 2, 0), ("last", 2, 1)])
    func designatedBlocked(rule: String, count: Int, designated: Int) {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(count, "t.x", rule)
        realm.block(p[designated])
        #expect(realm.call(caller) == [caller.getsError(1, .networkFailure)])
        realm.block(p[designated], false)
        #expect(realm.pick(from: caller) == p[designated])
    }

    @Test("SR-52 a write-blocked session that leaves blocks nobody after it")
    func blockedLeaves() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "first")
        realm.block(p[0])
        realm.block(p[0])
        realm.leave(p[0])
        realm.block(p[0])
        #expect(realm.realm.sessions.blocked.isEmpty)
        let next = realm.callees(1, "t.x", "first")[0]
        realm.leave(p[1])
        #expect(realm.pick(from: caller) == next)
    }
}
