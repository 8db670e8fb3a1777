// Messages that are too large for their receiver, or that it cannot be sent for another reason.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("What cannot be delivered")
struct UndeliverableTests {
    @Test("§4.3 a session ends if its peer cannot take even the shortest WELCOME")
    func undeliverableWelcome() {
        let realm = TestRealm()
        let (key, welcome) = realm.welcome(Newcomer(roles: Roles([.caller: []])))
        let abort = Abort(reason: .payloadSizeExceeded)
        #expect(
            realm.run { $0.undeliverable(.welcome(welcome), to: key, at: realm.now, into: &$1) }
                == [.send(.abort(abort), to: key), .ended(key, .abortSent(abort))])
        #expect(realm.isEmpty)
    }

    @Test("An INVOCATION that cannot be delivered ends the call")
    func undeliverableInvocation() {
        let realm = TestRealm()
        let (caller, a) = (realm.join(), realm.join())
        realm.register(a)
        guard case .send(let invocation, _) = realm.call(caller).first else { return }
        #expect(
            realm.undeliverable(invocation, to: a) == [
                caller.getsError(1, .payloadSizeExceeded)
            ])
        #expect(realm.undeliverable(invocation, to: a).isEmpty)
        #expect(realm.pick(from: caller) == a)
    }

    @Test("§4.3 §7.4 a part that is too large ends the call; the callee is not left waiting for it")
    func undeliverablePart() throws {
        let realm = TestRealm()
        let features: Features = [.progressiveCallInvocations, .callCanceling]
        let caller = realm.join(caller: .progressiveCallInvocations, callee: [])
        let a = realm.join(features)
        realm.register(a)
        func part(_ args: [Value], of request: RequestID) throws -> Message {
            let effects = realm.call(caller, "t.x", args, request: request, progress: true)
            guard case .send(let invocation, a.key) = try #require(effects.first) else {
                throw ProtocolViolation("no INVOCATION: \(effects)")
            }
            return invocation
        }
        let first = realm.request(of: caller)
        #expect(
            realm.undeliverable(try part([1], of: first), to: a) == [
                caller.getsError(first, .payloadSizeExceeded)
            ])
        let second = realm.request(of: caller)
        _ = try part([1], of: second)
        #expect(
            realm.undeliverable(try part([2], of: second), to: a) == [
                a.getsInterrupt(2, .killnowait), caller.getsError(second, .payloadSizeExceeded),
            ])
        #expect(realm.call(caller, "t.x", [3], request: second).isEmpty)
        #expect(realm.realm.pendingCallCount == 0)
    }

    @Test("A RESULT or ERROR that cannot be delivered becomes one without payload, once")
    func undeliverableAnswer() {
        let realm = TestRealm()
        let (caller, a) = (realm.join(), realm.join())
        realm.register(a)
        realm.call(caller)
        realm.call(caller)
        let answers = realm.yield(a, 1, [1]) + realm.fail(a, 2, "t.error", [1])
        for (index, answer) in answers.enumerated() {
            guard case .send(let message, _) = answer else { continue }
            let effects = realm.undeliverable(message, to: caller)
            #expect(
                effects == [caller.getsError(RequestID(UInt64(index + 1)), .payloadSizeExceeded)],
                "\(answer)")
            if case .send(let again, _) = effects.first {
                let effects = realm.run {
                    $0.undeliverable(again, to: caller.key, at: realm.now, into: &$1)
                }
                #expect(effects.isEmpty, "\(answer)")
            }
        }
    }

    @Test("An ERROR of a callee that cannot be delivered has a shorter one in its place, always")
    func undeliverableError() {
        let realm = TestRealm()
        let (caller, a) = (realm.join(), realm.join())
        realm.register(a)
        realm.call(caller)
        let error = ErrorMessage(
            .invocation, request: 1,
            details: OutcomeDetails(custom: ["_x": .string(String(repeating: "x", count: 600))]),
            error: .payloadSizeExceeded)
        guard case .send(let message, _) = realm.send(.error(error), from: a).first else { return }
        #expect(
            realm.undeliverable(message, to: caller) == [
                caller.getsError(1, .payloadSizeExceeded)
            ])
    }

    @Test("What could not be delivered to a session that has left since is forgotten")
    func undeliverableToDeparted() {
        let realm = TestRealm()
        let (caller, a) = (realm.join(), realm.join())
        realm.register(a)
        realm.call(caller)
        guard case .send(let result, _) = realm.yield(a, 1, [1]).first else { return }
        realm.leave(caller)
        let effects = realm.run {
            $0.undeliverable(result, to: caller.key, at: realm.now, into: &$1)
        }
        #expect(effects.isEmpty)
    }
}
