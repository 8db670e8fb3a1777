// Clients that are not as the specification has them, and that nobody is to suffer from: those that
// announce less than they do, that answer for a former session, that trip over what is unusual.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Peers as they are")
struct PeersAsTheyAreTests {
    @Test(
        "SR-65 §7.3 receive_progress goes to every callee, and its progress to who asked for it",
        arguments: [[], .progressiveCallResults, .callCanceling, ProgressiveResultTests.able]
            as [Features])
    func lenient(features: Features) {
        let scene = ProgressiveResultTests.Scene(features)
        let (realm, caller, callee) = (scene.realm, scene.caller, scene.callee)
        #expect(scene.invocation == ["receive_progress": true])
        #expect(realm.progress(callee, 1, [1]) == [caller.getsProgress(1, from: callee, [1])])
        #expect(realm.yield(callee, 1) == [caller.getsResult(1, from: callee)])
    }

    /// What ends a call whose callee goes on sending.
    enum Ending: CaseIterable, Sendable {
        case timeout, callerLeft, tooLarge, skip, killnowait, kill, unreadable
    }

    @Test(
        "SR-65 SR-66 a callee that cannot be interrupted is let run, and what comes late is dropped",
        arguments: Ending.allCases, [0, 1])
    func letRun(ending: Ending, concurrency: Int64) {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(
            1, "t.x", "roundrobin", concurrency: concurrency, .payloadPassthruMode)[0]
        realm.call(caller, receiveProgress: true, timeout: 50)
        let part = realm.progress(a, 1, [1])
        #expect(part == [caller.getsProgress(1, from: a, [1])])
        let ppt = OutcomeDetails(progress: true, custom: ["ppt_scheme": "x_test"])
        let (effects, error): ([Effect], ErrorURI?) =
            switch ending {
            case .timeout: (realm.advance(milliseconds: 50), .timeout)
            case .callerLeft: (realm.leave(caller), nil)
            case .tooLarge: (realm.undeliverable(part.message, to: caller), .payloadSizeExceeded)
            case .skip: (realm.cancel(caller, 1, .skip), .canceled)
            case .killnowait: (realm.cancel(caller, 1, .killnowait), .canceled)
            case .kill: (realm.cancel(caller, 1, .kill), .canceled)
            case .unreadable:
                (
                    realm.send(.yield(Yield(request: 1, options: ppt)), from: a),
                    .featureNotSupported
                )
            }
        #expect(effects == (error.map { [caller.getsError(1, $0)] } ?? []))
        #expect(realm.progress(a, 1, [2]).isEmpty)
        #expect(realm.yield(a, 1, [3]).isEmpty)
        #expect(realm.realm.pendingCallCount == 0)
        #expect(realm.leaveAll([caller, a]))
    }

    @Test("An answer to what this session was never asked is dropped and counted, or ends it")
    func strayAnswer() {
        for rule in [RequestIDRule.lenient, .strict] {
            var settings = RealmSettings()
            settings.requestIDs = rule
            let answers: [(TestRealm, Peer) -> [Effect]] = [
                { $0.yield($1, 2) }, { $0.fail($1, 3) }, { $0.fail($1, 4, "t.error") },
                { $0.progress($1, 5) }, { $0.yield($1, RequestID(RequestID.largest)) },
            ]
            for (count, answer) in answers.enumerated() {
                let realm = TestRealm(settings)
                let (caller, a) = (realm.join(), realm.join([.callCanceling, .callReroute]))
                realm.register(a)
                // By turns as bytes and in full.
                for _ in 0...count % 2 { realm.call(caller) }
                let effects = answer(realm, a)
                guard rule == .lenient else {
                    #expect(effects.abortReason == .protocolViolation, "\(rule) \(answer)")
                    continue
                }
                #expect(effects.isEmpty, "\(rule) \(answer)")
                let stats = realm.meta("wampctl.router.stats", from: caller)
                #expect(stats?.dictionary?["stray_answers"] == 1, "\(rule) \(answer)")
                #expect(realm.yield(a, 1) == [caller.getsResult(1, from: a)], "\(rule) \(answer)")
            }
        }
    }

    @Test("An ERROR names its callee only to callers that ask for it, and never the router's own")
    func namedErrors() {
        for isTold in [true, false] {
            var settings = RealmSettings()
            settings.disclosesCallee = isTold
            let realm = TestRealm(settings)
            let (caller, a) = (realm.join(), realm.join(.callReroute))
            realm.register(a, "t.x", "roundrobin")
            for asked in [true, false, nil] as [Bool?] {
                let custom: Value.Dictionary = asked.map { ["_disclose_callee": .bool($0)] } ?? [:]
                let invocation = realm.call(caller, custom: custom).invocations(to: a)[0]
                #expect(invocation.details == [:], "\(isTold) \(asked)")
                let named = isTold && asked == true ? a.identity : nil
                let error = ErrorMessage(
                    .call, request: realm.lastRequest(of: caller),
                    details: OutcomeDetails(callee: named), error: "t.error")
                #expect(
                    realm.fail(a, invocation.request, "t.error") == [caller.gets(.error(error))],
                    "\(isTold) \(asked)")
            }
            realm.call(caller, custom: ["_disclose_callee": true])
            let request = realm.lastRequest(of: caller)
            #expect(
                realm.fail(a, 4) == [caller.getsError(request, .noAvailableCallee)], "\(isTold)")
        }
    }
}

extension [Effect] {
    /// The first message that is sent.
    fileprivate var message: Message {
        for case .send(let message, _) in self { return message }
        return .abort(Abort(reason: .canceled))
    }
}
