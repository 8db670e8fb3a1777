// What the router asks of a procedure in its own name: protocol.md §10, §11.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Questions of the router")
struct QuestionTests {
    static let procedure: URI = "t.ask"

    func ask(_ realm: TestRealm, token: UInt64 = 7) -> [Effect] {
        realm.run { $0.ask(Self.procedure, ["who", 5], token: token, at: realm.now, into: &$1) }
    }

    @Test("Realm.ask: the callee gets the arguments and no caller; the answer has the token")
    func answered() {
        let realm = TestRealm()
        let a = realm.join()
        let id = realm.registration(a, Self.procedure)
        #expect(ask(realm, token: 9) == [a.getsInvocation(1, id, ["who", 5])])
        #expect(realm.yield(a, 1, ["role"]) == [.answered(9, .values(["role"], [:]))])
        #expect(realm.yield(a, 1).isEmpty)
        #expect(ask(realm, token: 10).count == 1)
        #expect(
            realm.fail(a, 2, "t.no", ["why"]) == [.answered(10, .failed("t.no", ["why"]))])
        #expect(realm.leaveAll([a]))
    }

    @Test("Realm.ask: nobody to ask, nobody who is free, no answer within 5 s, nobody left")
    func failed() {
        let realm = TestRealm()
        #expect(ask(realm) == [.answered(7, .failed(.noSuchProcedure, []))])
        let a = realm.join(.callCanceling)
        realm.register(a, Self.procedure, options: ["concurrency": 1])
        #expect(ask(realm).count == 1)
        #expect(ask(realm) == [.answered(7, .failed(.noAvailableCallee, []))])
        #expect(realm.advance(milliseconds: 4999).isEmpty)
        #expect(
            realm.advance(milliseconds: 1) == [
                a.getsInterrupt(1, .killnowait), .answered(7, .failed(.timeout, [])),
            ])
        #expect(ask(realm).count == 1)
        #expect(realm.leave(a) == [.answered(7, .failed(.canceled, ["callee left"]))])
        #expect(realm.isEmpty)
    }

    /// What a callee does instead of answering.
    enum Failure: CaseIterable, Sendable { case unavailable, leaves, saysGoodbye }

    func fail(_ peer: Peer, _ failure: Failure, in realm: TestRealm) -> [Effect] {
        switch failure {
        case .unavailable: realm.fail(peer, 1)
        case .leaves: realm.leave(peer)
        case .saysGoodbye: realm.goodbye(peer)
        }
    }

    @Test(
        "SR-46 SR-51 Realm.ask: whoever cannot answer is passed over, until all were asked",
        arguments: Failure.allCases, ["roundrobin", "random", "first", "last", "_sticky"])
    func passedOver(failure: Failure, rule: String) throws {
        let realm = TestRealm()
        let p = realm.callees(3, Self.procedure, rule, .callReroute, retryOnLoss: true)
        var effects = ask(realm)
        var asked: [Peer] = []
        for turn in p.indices {
            let callee = try #require(realm.invoked(in: effects), "\(turn)")
            #expect(!asked.contains(callee), "\(turn)")
            #expect(effects.invocations(to: callee).map(\.args) == [["who", 5]], "\(turn)")
            asked.append(callee)
            if asked.count < 3 { effects = fail(callee, failure, in: realm) }
        }
        #expect(realm.yield(asked[2], 1, ["yes"]) == [.answered(7, .values(["yes"], [:]))])
        #expect(realm.leaveAll(p))
        let others = realm.callees(2, Self.procedure, rule, .callReroute, retryOnLoss: true)
        let first = try #require(realm.invoked(in: ask(realm)))
        let second = try #require(realm.invoked(in: fail(first, failure, in: realm)))
        let last = fail(second, failure, in: realm)
        #expect(last.contains(.answered(7, .failed(.noAvailableCallee, []))))
        #expect(realm.leaveAll(others))
    }

    @Test("SR-68 Realm.ask: one limit of five seconds for all who are asked")
    func oneLimit() {
        let realm = TestRealm()
        let p = realm.callees(2, Self.procedure, "first", [.callReroute, .callCanceling])
        _ = ask(realm)
        realm.advance(milliseconds: 3000)
        #expect(realm.invoked(in: realm.fail(p[0], 1)) == p[1])
        #expect(realm.advance(milliseconds: 1999).isEmpty)
        #expect(
            realm.advance(milliseconds: 1) == [
                p[1].getsInterrupt(1, .killnowait), .answered(7, .failed(.timeout, [])),
            ])
        #expect(realm.leaveAll(p))
    }

    @Test("SR-60 Realm.ask: where calls wait for a callee, the router's own do, and in their order")
    func waits() {
        let realm = TestRealm(QueueTests.settings(limit: 2))
        let caller = realm.join()
        let a = realm.callees(1, Self.procedure, "first", concurrency: 1, .callCanceling)[0]
        let id = realm.id(of: Self.procedure)
        realm.call(caller, Self.procedure)
        #expect(ask(realm).isEmpty)
        realm.call(caller, Self.procedure, [2])
        #expect(ask(realm, token: 8) == [.answered(8, .failed(.noAvailableCallee, []))])
        #expect(
            realm.yield(a, 1) == [
                caller.getsResult(1, from: a), a.getsInvocation(2, id, ["who", 5]),
            ])
        #expect(
            realm.yield(a, 2, ["role"]) == [
                a.getsInvocation(3, id, [2]), .answered(7, .values(["role"], [:])),
            ])
        #expect(ask(realm, token: 9).isEmpty)
        #expect(realm.advance(milliseconds: 5000) == [.answered(9, .failed(.timeout, []))])
        #expect(ask(realm, token: 10).isEmpty)
        #expect(realm.leave(a).contains(.answered(10, .failed(.noSuchProcedure, []))))
        #expect(realm.leaveAll([caller]))
    }

    @Test("Realm.ask: what is configured and what callees ask for holds as for any call")
    func inFull() {
        var settings = RealmSettings()
        settings.procedures = [ProcedureSettings(URIPattern(Self.procedure), trustlevel: 4)]
        settings.callerDisclosure = .always
        let realm = TestRealm(settings)
        let a = realm.join([.callTimeout, .callCanceling])
        realm.register(
            a, Self.procedure, options: ["forward_timeout": true, "disclose_caller": true])
        #expect(
            ask(realm).invocations(to: a).map(\.details) == [["trustlevel": 4, "timeout": 5000]])
        #expect(realm.advance(milliseconds: 5000).isEmpty)
        #expect(realm.advance(milliseconds: 5000).last == .answered(7, .failed(.timeout, [])))
        #expect(realm.leaveAll([a]))
    }

    @Test("Realm.ask: a pattern is told what was called; progress is not an answer")
    func pattern() {
        let realm = TestRealm()
        let a = realm.join([.progressiveCallResults, .callCanceling])
        realm.register(a, "t.", match: .prefix)
        #expect(ask(realm).invocations(to: a).map(\.details) == [["procedure": "t.ask"]])
        #expect(realm.progress(a, 1).isEmpty)
        #expect(realm.yield(a, 1) == [.answered(7, .values([], [:]))])
    }
}
