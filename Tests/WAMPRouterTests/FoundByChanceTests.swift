// What the simulator found, told as short as it can be.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Found by chance")
struct FoundByChanceTests {
    @Test("SR-28, §7.6 a callee that keeps the time of its calls keeps it after UNREGISTER, too")
    func timeAfterUnregister() {
        let realm = TestRealm()
        let callee = realm.join([.callTimeout, .callCanceling, .progressiveCallResults])
        let caller = realm.join()
        let id = realm.register(callee, options: ["forward_timeout": true]).registration
        realm.call(caller, receiveProgress: true, timeout: 40)
        realm.unregister(callee, id)
        realm.progress(callee, 1)
        #expect(realm.advance(milliseconds: 41) == [])
        #expect(
            realm.advance(milliseconds: 5000) == [
                callee.getsInterrupt(1, .killnowait), caller.getsError(1, .timeout),
            ])
    }

    @Test("SR-28, SR-62 the caller stays disclosed to a callee that has unregistered meanwhile")
    func disclosureAfterUnregister() {
        let realm = TestRealm()
        let callee = realm.join([.progressiveCallInvocations, .callCanceling])
        let caller = realm.join(caller: .progressiveCallInvocations, callee: [])
        let id = realm.register(callee, options: ["disclose_caller": true]).registration
        let first = realm.call(caller, progress: true).invocationDetails
        realm.unregister(callee, id)
        let last = realm.call(caller, request: 1).invocationDetails
        #expect(first?["caller"] == Value(caller.id))
        #expect(last?["caller"] == Value(caller.id))
    }

    @Test("SR-59, §9 a callee whose first result the caller cannot read is told to stop")
    func unreadableProgress() {
        let realm = TestRealm()
        let callee = realm.join([.callCanceling, .progressiveCallResults, .payloadPassthruMode])
        let caller = realm.join()
        realm.register(callee)
        realm.call(caller, receiveProgress: true)
        let options = OutcomeDetails(progress: true, custom: ["ppt_scheme": "x_test"])
        #expect(
            realm.send(.yield(Yield(request: 1, options: options)), from: callee) == [
                callee.getsInterrupt(1, .killnowait), caller.getsError(1, .featureNotSupported),
            ])
    }

    @Test("SR-59 an authorizer that cannot be stopped keeps its place after its time is over")
    func busyAuthorizer() {
        let realm = TestRealm(AuthorizerTests.settings())
        let judge = realm.join(callee: [], role: "judge")
        realm.register(judge, AuthorizerTests.authorizer, options: ["concurrency": 1])
        let user = realm.join(callee: [], role: "user")
        realm.subscribe(user, "t.topic")
        #expect(
            realm.advance(milliseconds: 5001) == [
                user.getsError(.subscribe, 1, .authorizationFailed)
            ])
        #expect(realm.call(judge, AuthorizerTests.authorizer).refusal == .noAvailableCallee)
        realm.yield(judge, 1, [true])
        #expect(realm.call(judge, AuthorizerTests.authorizer).refusal == nil)
    }

    @Test("SR-25 messages that waited for an authorizer that left find it gone")
    func waitedForTheDeparted() {
        let realm = TestRealm(AuthorizerTests.settings())
        let judge = realm.join(callee: [], role: "judge")
        realm.register(judge, AuthorizerTests.authorizer)
        realm.register(judge, "t.own")
        let guest = realm.join(callee: [], role: "guest")
        realm.subscribe(guest, "z.topic")
        #expect(realm.call(guest, "t.own") == [])
        #expect(
            realm.leave(judge) == [
                guest.getsError(.subscribe, 1, .authorizationFailed),
                guest.getsError(2, .noSuchProcedure),
            ])
    }
}

extension [Effect] {
    /// The id in the first REGISTERED; one that nobody has if there is none.
    fileprivate var registration: RegistrationID {
        for case .send(.registered(let answer), _) in self { return answer.registration }
        return RegistrationID(0)
    }
}
