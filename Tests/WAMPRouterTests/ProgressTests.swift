// Results and arguments that come in parts: protocol.md §7.3, §7.4; SR-62 … SR-65.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Progressive results")
struct ProgressiveResultTests {
    static let able: Features = [.progressiveCallResults, .callCanceling]

    /// A call that asks for progressive results.
    struct Scene {
        let realm: TestRealm
        let caller: Peer
        let callee: Peer
        let invocation: Value.Dictionary?

        init(
            _ features: Features = ProgressiveResultTests.able,
            _ settings: RealmSettings = RealmSettings(), timeout: UInt64 = 0
        ) {
            realm = TestRealm(settings)
            caller = realm.join()
            callee =
                realm.callees(
                    1, "t.x", "roundrobin", features.union(.sharedRegistration))[0]
            invocation =
                realm.call(caller, receiveProgress: true, timeout: timeout).invocationDetails
        }
    }

    @Test("§7.3 every result is passed on at once, the one without progress ends the call")
    func passedOn() {
        let scene = Scene()
        let (realm, caller, callee) = (scene.realm, scene.caller, scene.callee)
        #expect(scene.invocation == ["receive_progress": true])
        for number in 1...3 as ClosedRange<Int64> {
            #expect(
                realm.progress(callee, 1, [.int(number)]) == [
                    caller.getsProgress(1, from: callee, [.int(number)])
                ], "\(number)")
        }
        #expect(realm.yield(callee, 1, ["end"]) == [caller.getsResult(1, from: callee, ["end"])])
        #expect(realm.yield(callee, 1).isEmpty)
        #expect(realm.leaveAll([caller, callee]))
    }

    @Test("§7.3 an error ends the call like a result")
    func error() {
        let scene = Scene()
        scene.realm.progress(scene.callee, 1)
        #expect(
            scene.realm.fail(scene.callee, 1, "t.error") == [
                scene.caller.getsError(1, "t.error")
            ])
        #expect(scene.realm.realm.pendingCallCount == 0)
    }

    static var strict: RealmSettings {
        var settings = RealmSettings()
        settings.requiresAnnouncedFeatures = true
        settings.requestIDs = .strict
        return settings
    }

    @Test(
        "SR-65 §7.3 where features are checked, only to who announced results and canceling",
        arguments: [[], .progressiveCallResults, .callCanceling, able] as [Features])
    func announced(features: Features) {
        let scene = Scene(features, Self.strict)
        let isAble = features == Self.able
        #expect(scene.invocation == (isAble ? ["receive_progress": true] : [:]))
        #expect(scene.realm.progress(scene.callee, 1).isEmpty != isAble)
        #expect(
            scene.realm.yield(scene.callee, 1) == [
                scene.caller.getsResult(1, from: scene.callee)
            ])
    }

    @Test("SR-65 a mixed list: each call is as its callee can, and so after a re-route")
    func mixed() {
        let realm = TestRealm(Self.strict)
        let caller = realm.join()
        let shared: Features = [.callReroute, .sharedRegistration]
        let able = realm.callees(1, "t.x", "roundrobin", Self.able.union(shared))[0]
        let unable = realm.callees(1, "t.x", "roundrobin", shared)[0]
        let first = realm.call(caller, receiveProgress: true)
        #expect(first.invocations(to: able).map(\.details) == [["receive_progress": true]])
        let second = realm.fail(able, 1)
        #expect(second.invocations(to: unable).map(\.details) == [[:]])
        #expect(realm.progress(unable, 1).isEmpty)
        let third = realm.call(caller, receiveProgress: true)
        #expect(third.invocations(to: able).map(\.details) == [["receive_progress": true]])
        realm.call(caller, receiveProgress: true)
        #expect(
            realm.fail(unable, 2).invocations(to: able).map(\.details) == [
                ["receive_progress": true]
            ])
        #expect(realm.progress(able, 3) == [caller.getsProgress(3, from: able)])
    }

    @Test("§7.3 progress that the caller did not ask for is dropped, and the call stays open")
    func notAskedFor() {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "roundrobin", Self.able)[0]
        #expect(realm.call(caller).invocationDetails == [:])
        #expect(realm.progress(a, 1, [1]).isEmpty)
        #expect(realm.progress(a, 1, [2]).isEmpty)
        #expect(realm.yield(a, 1, [3]) == [caller.getsResult(1, from: a, [3])])
    }

    @Test("§7.3 the time limit is that between two results")
    func gap() {
        let scene = Scene(timeout: 100)
        let (realm, caller, callee) = (scene.realm, scene.caller, scene.callee)
        for round in 1...5 {
            #expect(realm.advance(milliseconds: 99).isEmpty, "\(round)")
            #expect(realm.progress(callee, 1).count == 1, "\(round)")
        }
        #expect(realm.advance(milliseconds: 99).isEmpty)
        #expect(
            realm.advance(milliseconds: 1) == [
                callee.getsInterrupt(1, .killnowait), caller.getsError(1, .timeout),
            ])
    }

    @Test("§7.3 progress that is dropped does not stop the clock")
    func gapNotAskedFor() {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "roundrobin", Self.able)[0]
        realm.call(caller, timeout: 100)
        realm.advance(milliseconds: 60)
        #expect(realm.progress(a, 1).isEmpty)
        #expect(realm.advance(milliseconds: 40).refusal == .timeout)
    }

    @Test("§3.2 late progress is answered with INTERRUPT killnowait, once per invocation")
    func late() {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "roundrobin", Self.able)[0]
        for _ in 1...2 { realm.call(caller, receiveProgress: true) }
        realm.yield(a, 1)
        realm.cancel(caller, 2, .skip)
        for id in [1, 2] as [RequestID] {
            #expect(realm.progress(a, id) == [a.getsInterrupt(id, .killnowait)], "\(id)")
            #expect(realm.progress(a, id).isEmpty, "\(id)")
            #expect(realm.yield(a, id).isEmpty, "\(id)")
        }
    }

    @Test("§3.2 a callee that did not announce call_canceling is not asked to stop")
    func lateUnable() {
        let realm = TestRealm()
        let caller = realm.join()
        let a = realm.callees(1, "t.x", "roundrobin")[0]
        realm.call(caller)
        realm.yield(a, 1)
        #expect(realm.progress(a, 1).isEmpty)
        #expect(realm.progress(a, 2).isEmpty)
    }

    @Test("SR-46 §7.7 after a progressive result `unavailable` is the answer")
    func notRerouted() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "first", [Self.able, .callReroute])
        realm.call(caller, receiveProgress: true)
        realm.progress(p[0], 1)
        #expect(realm.fail(p[0], 1) == [caller.getsError(1, .unavailable)])
    }

    @Test("§7.5 after kill progress goes on to the caller, until the callee ends the call")
    func killed() {
        let scene = Scene()
        let (realm, caller, callee) = (scene.realm, scene.caller, scene.callee)
        realm.cancel(caller, 1, .kill)
        #expect(realm.progress(callee, 1, [1]) == [caller.getsProgress(1, from: callee, [1])])
        #expect(realm.fail(callee, 1, .canceled).refusal == .canceled)
    }

    @Test(
        "SR-51 §7.3 the callee of a progressive result leaves: canceled, even if it may be retried")
    func calleeLeaves() {
        let realm = TestRealm()
        let caller = realm.join()
        let p = realm.callees(2, "t.x", "first", Self.able, retryOnLoss: true)
        realm.call(caller, receiveProgress: true)
        realm.progress(p[0], 1)
        #expect(realm.leave(p[0]) == [caller.getsError(1, .canceled, ["callee left"])])
    }
}

@Suite("Progressive calls")
struct ProgressiveCallTests {
    static let able: Features = [.progressiveCallInvocations, .callCanceling]
    static let part: Value.Dictionary = ["progress": true]

    struct Scene {
        let realm: TestRealm
        let caller: Peer
        let callees: [Peer]
        let id: RegistrationID

        init(
            _ rule: String = "roundrobin", _ features: Features = ProgressiveCallTests.able,
            _ settings: RealmSettings = RealmSettings()
        ) {
            realm = TestRealm(settings)
            caller = realm.join(caller: .progressiveCallInvocations, callee: [])
            callees = realm.callees(3, "t.x", rule, features)
            id = realm.id()
        }
    }

    @Test(
        "SR-62 X3 all parts go to one callee under one invocation, and the turn moves once",
        arguments: ["roundrobin", "random", "first", "last", "_leastbusy", "_sticky"])
    func oneCallee(rule: String) throws {
        let scene = Scene(rule)
        let (realm, caller) = (scene.realm, scene.caller)
        let first = realm.call(caller, "t.x", [0], progress: true)
        let callee = try #require(realm.invoked(in: first))
        #expect(first == [callee.getsInvocation(1, scene.id, [0], custom: Self.part)])
        for number in 1...4 as ClosedRange<Int64> {
            #expect(
                realm.call(caller, "t.x", [.int(number)], request: 1, progress: true) == [
                    callee.getsInvocation(1, scene.id, [.int(number)], custom: Self.part)
                ], "\(number)")
        }
        #expect(
            realm.call(caller, "t.x", ["end"], request: 1) == [
                callee.getsInvocation(1, scene.id, ["end"])
            ])
        #expect(realm.yield(callee, 1) == [caller.getsResult(1, from: callee)])
        if rule == "roundrobin" { #expect(realm.pick(from: caller) == scene.callees[1]) }
        #expect(realm.leaveAll([caller] + scene.callees))
    }

    @Test("§7.4 what the first part asks for holds for all: later options are not heard")
    func frozen() {
        let realm = TestRealm()
        let caller = realm.join(
            caller: [.progressiveCallInvocations, .payloadPassthruMode], callee: [])
        let features: Features = [
            Self.able, .progressiveCallResults, .payloadPassthruMode, .callTimeout,
        ]
        let a = realm.join(features)
        realm.register(a, "t.x", "first", options: ["forward_timeout": true])
        let first = realm.call(
            caller, progress: true, receiveProgress: true, timeout: 700,
            custom: ["_a": 1, "ppt_scheme": "x_a", "disclose_me": true])
        let details = first.invocationDetails
        #expect(
            details == [
                "_a": 1, "ppt_scheme": "x_a", "receive_progress": true, "progress": true,
                "timeout": 700, "caller": Value(caller.id),
                "caller_authid": .string(caller.identity.authid ?? ""),
                "caller_authrole": "anonymous",
            ])
        let second = realm.call(
            caller, request: 1, progress: true, timeout: 5, custom: ["_a": 2, "_b": 1])
        #expect(second.invocationDetails == details)
        var last = details
        last?["progress"] = nil
        #expect(realm.call(caller, request: 1).invocationDetails == last)
    }

    @Test("§7.4 the first part's timeout counts for the whole call, later ones do not restart it")
    func frozenTimeout() {
        let scene = Scene()
        let (realm, caller, callee) = (scene.realm, scene.caller, scene.callees[0])
        realm.call(caller, progress: true, timeout: 50)
        realm.advance(milliseconds: 40)
        realm.call(caller, request: 1, progress: true, timeout: 500)
        #expect(
            realm.advance(milliseconds: 10) == [
                callee.getsInterrupt(1, .killnowait), caller.getsError(1, .timeout),
            ])
        #expect(realm.call(caller, request: 1).isEmpty)
    }

    /// What a caller must not do with a call in flight.
    enum Violation: CaseIterable, Sendable {
        case otherProcedure, afterTheLast, plainCallAgain, notAnnounced
    }

    @Test("§7.4 violations", arguments: Violation.allCases)
    func violation(_ violation: Violation) {
        let scene = Scene()
        let realm = scene.realm
        let caller = violation == .notAnnounced ? realm.join() : scene.caller
        let effects: [Effect]
        switch violation {
        case .otherProcedure:
            realm.call(caller, "t.x", progress: true)
            effects = realm.call(caller, "t.y", request: 1, progress: true)
        case .afterTheLast:
            realm.call(caller, progress: true)
            realm.call(caller, request: 1)
            effects = realm.call(caller, request: 1, progress: true)
        case .plainCallAgain:
            realm.call(caller)
            effects = realm.call(caller, request: 1)
        case .notAnnounced:
            effects = realm.call(caller, progress: true)
        }
        #expect(effects.abortReason == .protocolViolation)
        #expect(!realm.isPresent(caller))
        #expect(realm.realm.pendingCallCount == 0)
    }

    @Test(
        "SR-64 §7.4 a callee that lacks a feature for it is not passed over, and the turn moves",
        arguments: [[], .progressiveCallInvocations, .callCanceling] as [Features])
    func unfitCallee(features: Features) {
        let realm = TestRealm()
        let caller = realm.join(caller: .progressiveCallInvocations, callee: [])
        let unfit = realm.callees(1, "t.x", "roundrobin", features)[0]
        let fit = realm.callees(1, "t.x", "roundrobin", Self.able)[0]
        #expect(
            realm.call(caller, progress: true) == [caller.getsError(1, .featureNotSupported)])
        #expect(realm.invoked(in: realm.call(caller, progress: true)) == fit)
        #expect(realm.invoked(in: realm.call(caller)) == unfit)
    }

    /// Why a call may end with its first part.
    enum Refusal: CaseIterable, Sendable {
        case noSuchProcedure, invalidURI, featureNotSupported, busy, meta, disclosure
    }

    @Test(
        "§7.4 a call that is refused with its first part is answered once: the others are dropped",
        arguments: Refusal.allCases, [RequestIDRule.lenient, .strict])
    func refusedAtOnce(_ refusal: Refusal, rule: RequestIDRule) {
        var settings = RealmSettings()
        settings.callerDisclosure = .never
        settings.requestIDs = rule
        let realm = TestRealm(settings)
        let caller = realm.join(caller: .progressiveCallInvocations, callee: [])
        let unfit = realm.join()
        realm.register(unfit, "t.unfit")
        let busy = realm.join(Self.able)
        realm.register(busy, "t.busy", options: ["concurrency": 1])
        realm.call(unfit, "t.busy")
        var uri: URI = "t.nobody"
        var custom: Value.Dictionary = [:]
        switch refusal {
        case .noSuchProcedure: break
        case .invalidURI: uri = "t..x"
        case .featureNotSupported: uri = "t.unfit"
        case .busy: uri = "t.busy"
        case .meta: uri = "wamp.session.count"
        case .disclosure: custom = ["disclose_me": true]
        }
        let first = realm.call(caller, uri, progress: true, custom: custom)
        #expect(first.count == 1)
        #expect((first.refusal == nil) == (refusal == .meta))
        // Even if it would be accepted by now.
        realm.yield(busy, 1)
        for round in 1...3 {
            #expect(realm.call(caller, uri, request: 1, progress: true).isEmpty, "\(round)")
        }
        #expect(realm.call(caller, uri, request: 1).isEmpty)
        #expect(realm.isPresent(caller))
        #expect(realm.invoked(in: realm.call(caller, "t.unfit")) == unfit)
    }

    @Test(
        "§7.4 the callee may end the call early: what still comes is dropped, up to the last part")
    func early() {
        let scene = Scene()
        let (realm, caller, callee) = (scene.realm, scene.caller, scene.callees[0])
        for ends in [true, false] {
            let request = realm.request(of: caller)
            realm.call(caller, request: request, progress: true)
            let server = ends ? callee : scene.callees[1]
            let effects = ends ? realm.yield(server, 1) : realm.fail(server, 1, "t.error")
            #expect(effects.count == 1, "\(ends)")
            #expect(realm.call(caller, request: request, progress: true).isEmpty, "\(ends)")
            #expect(realm.call(caller, request: request).isEmpty, "\(ends)")
            #expect(realm.realm.lateChunks.isEmpty, "\(ends)")
        }
    }

    @Test("§7.4 late parts are dropped for 30 s; then the id is free")
    func grace() {
        let scene = Scene()
        let (realm, caller) = (scene.realm, scene.caller)
        realm.call(caller, progress: true)
        realm.cancel(caller, 1)
        realm.advance(milliseconds: 29_999)
        #expect(realm.call(caller, request: 1, progress: true).isEmpty)
        realm.advance(milliseconds: 1)
        #expect(realm.invoked(in: realm.call(caller, request: 1)) == scene.callees[1])
    }

    @Test("§7.4 of 1,024 calls that ended early the last are remembered")
    func graceTable() {
        let scene = Scene()
        let (realm, caller) = (scene.realm, scene.caller)
        for _ in 0...LateChunks.capacity {
            realm.call(caller, "t.nobody", progress: true)
        }
        #expect(realm.call(caller, "t.nobody", request: 2).isEmpty)
        #expect(realm.invoked(in: realm.call(caller, request: 1)) == scene.callees[0])
    }

    @Test("§7.4 late parts of one session do not concern another")
    func graceOfOthers() {
        let scene = Scene()
        let (realm, caller) = (scene.realm, scene.caller)
        let other = realm.join()
        realm.call(caller, progress: true)
        realm.cancel(caller, 1)
        #expect(realm.invoked(in: realm.call(other)) == scene.callees[1])
        #expect(realm.call(caller, request: 1).isEmpty)
    }

    @Test("SR-46 `unavailable` for a call in parts is its answer")
    func notRerouted() {
        let scene = Scene("first", [Self.able, .callReroute])
        let (realm, caller, callee) = (scene.realm, scene.caller, scene.callees[0])
        realm.call(caller, progress: true)
        realm.call(caller, request: 1)
        #expect(realm.fail(callee, 1) == [caller.getsError(1, .unavailable)])
    }

    @Test("SR-28 SR-62 a callee that left the list gets the rest of what it began")
    func unregistered() {
        let realm = TestRealm()
        let caller = realm.join(caller: .progressiveCallInvocations, callee: [])
        let a = realm.join(Self.able)
        let id = realm.registration(a, "t.", "first", match: .prefix)
        realm.call(caller, "t.x", progress: true)
        realm.unregister(a, id)
        let rest = realm.call(caller, "t.x", ["rest"], request: 1).invocations(to: a)
        #expect(rest.map(\.args) == [["rest"]])
        #expect(rest.map(\.request) == [1])
        #expect(rest.map(\.details) == [["procedure": "t.x"]])
        #expect(realm.yield(a, 1) == [caller.getsResult(1, from: a)])
        #expect(realm.leaveAll([caller, a]))
    }

    @Test(
        "§7.4 CANCEL ends it in every mode; parts after it are dropped",
        arguments: CancelMode.allCases)
    func cancel(mode: CancelMode) {
        let scene = Scene()
        let (realm, caller, callee) = (scene.realm, scene.caller, scene.callees[0])
        realm.call(caller, progress: true)
        realm.cancel(caller, 1, mode)
        if mode == .kill {
            #expect(realm.call(caller, request: 1, progress: true).count == 1)
            #expect(realm.fail(callee, 1, .canceled).refusal == .canceled)
        }
        #expect(realm.call(caller, request: 1, progress: true).isEmpty)
        #expect(realm.call(caller, request: 1).isEmpty)
        #expect(realm.leaveAll([caller] + scene.callees))
    }

    @Test("§7.3 §7.4 parts in both directions at once")
    func bothWays() {
        let scene = Scene("first", [Self.able, .progressiveCallResults])
        let (realm, caller, callee) = (scene.realm, scene.caller, scene.callees[0])
        realm.call(caller, progress: true, receiveProgress: true)
        #expect(realm.progress(callee, 1, [1]) == [caller.getsProgress(1, from: callee, [1])])
        #expect(
            realm.call(caller, "t.x", [2], request: 1) == [
                callee.getsInvocation(1, scene.id, [2], custom: ["receive_progress": true])
            ])
        #expect(realm.progress(callee, 1, [3]).count == 1)
        #expect(realm.yield(callee, 1) == [caller.getsResult(1, from: callee)])
    }

    @Test("§7.4 SR-59 a callee that waits for more of a call is told, however it is cancelled")
    func canceledInParts() {
        for mode in CancelMode.allCases {
            let realm = TestRealm()
            let caller = realm.join(caller: .progressiveCallInvocations, callee: [])
            let a = realm.callees(1, "t.x", "roundrobin", concurrency: 1, Self.able)[0]
            realm.call(caller, request: 1, progress: true)
            #expect(
                realm.cancel(caller, 1, mode).contains { effect in
                    guard case .send(.interrupt, a.key) = effect else { return false }
                    return true
                }, "\(mode)")
            realm.fail(a, 1, .canceled)
            #expect(realm.call(caller, request: 2).invocations(to: a).count == 1, "\(mode)")
        }
    }
}
