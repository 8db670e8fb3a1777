// What the router asks of a procedure in its own name: wamp-protocol.md §10, §11.

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

    @Test("Realm.ask: `unavailable` of a callee that can be re-routed is a failure, not a hang")
    func unavailable() {
        let realm = TestRealm()
        let p = realm.callees(2, Self.procedure, "roundrobin", .callReroute)
        #expect(ask(realm).count == 1)
        #expect(realm.fail(p[0], 1) == [.answered(7, .failed(.noAvailableCallee, []))])
        #expect(realm.leaveAll(p))
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
