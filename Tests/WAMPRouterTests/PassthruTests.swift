// Payloads that the router does not read: the table of protocol.md §9, row by row.

import NIOCore
import Testing
import WAMP

@testable import WAMPRouter

@Suite("Payload passthru mode of calls")
struct PassthruTests {
    static let ppt: Value.Dictionary = [
        "ppt_scheme": "x_mine", "ppt_serializer": "cbor", "ppt_cipher": "aes256gcm",
        "ppt_keyid": "key",
    ]
    static let payload: [Value] = [.binary([1, 2, 3])]

    struct Scene {
        let realm = TestRealm()
        let caller: Peer
        let callee: Peer

        init(
            caller callerFeatures: Features = .payloadPassthruMode,
            callee features: Features = .payloadPassthruMode
        ) {
            caller = realm.join(caller: callerFeatures, callee: [])
            callee = realm.join(features)
            realm.register(callee, "t.x", "roundrobin")
        }

        func yield(progress: Bool = false) -> [Effect] {
            let options = OutcomeDetails(progress: progress, custom: PassthruTests.ppt)
            return realm.send(
                .yield(
                    Yield(
                        request: 1, options: options,
                        payload: Payload(args: PassthruTests.payload))), from: callee)
        }

        func fail() -> [Effect] {
            realm.send(
                .error(
                    ErrorMessage(
                        .invocation, request: 1, details: OutcomeDetails(custom: PassthruTests.ppt),
                        error: "t.error", payload: Payload(args: PassthruTests.payload))),
                from: callee)
        }
    }

    @Test("§9 all four keys go along unchanged: CALL, YIELD and ERROR, with their binary payload")
    func unchanged() throws {
        for isError in [false, true] {
            let scene = Scene()
            let call = scene.realm.call(scene.caller, "t.x", Self.payload, custom: Self.ppt)
            let invoked = try #require(call.invocations(to: scene.callee).first, "\(isError)")
            #expect(invoked.details == Self.ppt, "\(isError)")
            #expect(invoked.args == Self.payload, "\(isError)")
            let answer = isError ? scene.fail() : scene.yield()
            #expect(answer.count == 1, "\(isError)")
            switch answer.first {
            case .send(.result(let result), scene.caller.key):
                #expect(!isError && result.details.custom == Self.ppt, "\(isError)")
                #expect(try result.payload.values().args == Self.payload, "\(isError)")
            case .send(.error(let error), scene.caller.key):
                #expect(isError && error.details.custom == Self.ppt, "\(isError)")
                #expect(try error.payload.values().args == Self.payload, "\(isError)")
            default: Issue.record("no answer: \(answer)")
            }
        }
    }

    @Test("§9 a caller that did not announce it: ABORT protocol_violation")
    func callerNotAnnounced() {
        let scene = Scene(caller: [])
        let effects = scene.realm.call(scene.caller, "t.x", Self.payload, custom: Self.ppt)
        #expect(effects.abortReason == .protocolViolation)
        #expect(effects.invocations(to: scene.callee).isEmpty)
    }

    @Test("§9 a callee that did not announce it: ABORT protocol_violation, the caller is answered")
    func calleeNotAnnounced() {
        for isError in [false, true] {
            let scene = Scene(callee: [])
            scene.realm.call(scene.caller)
            let effects = isError ? scene.fail() : scene.yield()
            #expect(effects.abortReason == .protocolViolation, "\(isError)")
            #expect(
                effects.contains(scene.caller.getsError(1, .canceled, ["callee left"])),
                "\(isError)")
        }
    }

    @Test("§9 SR-64 the chosen callee lacks it: feature_not_supported, and the turn has moved")
    func calleeLacks() {
        let scene = Scene(callee: [])
        let able = scene.realm.join(.payloadPassthruMode)
        scene.realm.register(able, "t.x", "roundrobin")
        let first = scene.realm.call(scene.caller, "t.x", Self.payload, custom: Self.ppt)
        #expect(first == [scene.caller.getsError(1, .featureNotSupported)])
        let second = scene.realm.call(scene.caller, "t.x", Self.payload, custom: Self.ppt)
        #expect(second.invocations(to: able).count == 1)
    }

    @Test("§9 the caller lacks it: it gets feature_not_supported in place of the result")
    func callerLacks() {
        for isError in [false, true] {
            let scene = Scene(caller: [])
            scene.realm.call(scene.caller)
            let effects = isError ? scene.fail() : scene.yield()
            #expect(effects == [scene.caller.getsError(1, .featureNotSupported)], "\(isError)")
            #expect(scene.yield().isEmpty, "\(isError)")
            #expect(scene.realm.realm.pendingCallCount == 0, "\(isError)")
        }
    }

    @Test("§9 a progressive result in the mode ends the call of a caller that lacks it, once")
    func progressive() {
        let features: Features = [
            .payloadPassthruMode, .progressiveCallResults, .callCanceling,
        ]
        let scene = Scene(caller: [], callee: features)
        scene.realm.call(scene.caller, receiveProgress: true)
        #expect(
            scene.yield(progress: true) == [
                scene.callee.getsInterrupt(1, .killnowait),
                scene.caller.getsError(1, .featureNotSupported),
            ])
        #expect(scene.yield().isEmpty)
    }

    @Test("§9 an empty scheme is none, and a scheme that is no string is a violation")
    func noScheme() {
        let scene = Scene(caller: [], callee: [])
        let effects = scene.realm.call(scene.caller, custom: ["ppt_scheme": ""])
        #expect(effects.invocations(to: scene.callee).count == 1)
        #expect(throws: ProtocolViolation.self) {
            let text = "[48,1,{\"ppt_scheme\":1},\"t.x\"]"
            return try MessageCoder.decode(ByteBuffer(string: text), as: .json)
        }
    }

    @Test("§9 SR-46 a re-routed call keeps the mode, and the next callee needs it, too")
    func rerouted() {
        let features: Features = [.payloadPassthruMode, .callReroute]
        for isAble in [true, false] {
            let scene = Scene(callee: features)
            let next = scene.realm.join(isAble ? .payloadPassthruMode : [])
            scene.realm.register(next, "t.x", "roundrobin")
            scene.realm.call(scene.caller, "t.x", Self.payload, custom: Self.ppt)
            let effects = scene.realm.fail(scene.callee, 1)
            if isAble {
                let invoked = effects.invocations(to: next)
                #expect(invoked.map(\.details) == [Self.ppt], "\(isAble)")
                #expect(invoked.map(\.args) == [Self.payload], "\(isAble)")
            } else {
                #expect(effects == [scene.caller.getsError(1, .featureNotSupported)], "\(isAble)")
                #expect(scene.realm.realm.pendingCallCount == 0, "\(isAble)")
            }
        }
    }
}
