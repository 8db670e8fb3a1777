// What a realm keeps beyond the message it came in: copies, and no more bytes than the limits say,
// whichever part of the message they are in.

import NIOCore
import Testing
import WAMP

@testable import WAMPRouter

@Suite("What is kept of messages")
struct KeptBytesTests {
    static let large = Value.string(String(repeating: "x", count: 3000))

    /// A URI as it arrives: a slice of a buffer that holds much else.
    private func slice(_ text: String) throws -> URI {
        var buffer = ByteBuffer(repeating: 0x20, count: 100_000)
        let length = buffer.setString(text, at: 500)
        return URI(try #require(buffer.getSlice(at: 500, length: length)))
    }

    @Test("A remembered decision of the authorizer does not keep the buffer of the message")
    func decisions() throws {
        let scene = AuthorizerTests.Scene()
        scene.realm.call(scene.user, try slice("t.kept"))
        scene.realm.yield(scene.judge, 1, [true])
        let inquiry = try #require(scene.realm.realm.decisions.keys.first)
        #expect(inquiry.uri == "t.kept")
        #expect(inquiry.uri.bytes.storageCapacity < 1000)
    }

    @Test("A call that may have to be sent again does not keep the buffer of the message")
    func retainedCalls() throws {
        let realm = TestRealm()
        let (caller, callee) = (realm.join(), realm.join(.callReroute))
        realm.register(callee, "t.x", "roundrobin")
        realm.call(caller, try slice("t.x"))
        let found = realm.realm.calls.find(madeBy: caller.key, 1)
        let slot = try #require(found)
        let retained = realm.realm.calls.retained(slot)
        let record = try #require(retained)
        #expect(record.terms.procedure == "t.x")
        #expect(record.terms.procedure.bytes.storageCapacity < 1000)
    }

    @Test(
        "§6 the bound on what is retained counts options and lists, too",
        arguments: [
            ["_note": KeptBytesTests.large], ["eligible_authid": [KeptBytesTests.large, "late"]],
        ] as [Value.Dictionary])
    func retention(options: Value.Dictionary) {
        var limits = Limits()
        limits.retainedBytes = 2000
        let realm = TestRealm(limits: limits)
        let (publisher, late) = (realm.join(), realm.join("user", authid: "late"))
        var options = options
        options.append("retain", true)
        realm.publish(publisher, "t.topic", ["kept"], options)
        #expect(realm.trySubscribe(late, "t.topic", getRetained: true).events(to: late).isEmpty)
    }

    @Test("§6 the bound on testaments counts their options, too")
    func testaments() {
        var limits = Limits()
        limits.testamentBytesPerSession = 2000
        let realm = TestRealm(limits: limits)
        let effects = realm.call(
            realm.join(), "wamp.session.add_testament", ["t.will", [], [:]],
            kwargs: ["publish_options": ["_note": KeptBytesTests.large]])
        #expect(effects.refusal == .unavailable)
    }

    @Test("§11 messages that wait for the authorizer are bounded in bytes, too")
    func postponed() {
        var limits = Limits()
        limits.postponedBytes = 5000
        let scene = AuthorizerTests.Scene(limits: limits)
        let (realm, judge, user) = (scene.realm, scene.judge, scene.user)
        for _ in 1...2 { realm.call(user, "t.x", [KeptBytesTests.large]) }
        #expect(
            realm.call(user, "t.x") == [
                user.getsError(3, .unavailable, kwargs: ["reason": "overload"])
            ])
        for id in [1, 2] as [RequestID] { realm.yield(judge, id, [true]) }
        #expect(realm.call(user, "t.x").invocations(to: judge).count == 1)
        scene.end()
    }

    @Test("§11 a URI counts, too, among the messages that wait for the authorizer")
    func postponedURI() {
        var limits = Limits()
        limits.postponedBytes = 5000
        let scene = AuthorizerTests.Scene(limits: limits)
        let (realm, user) = (scene.realm, scene.user)
        realm.call(user, "t.x")
        realm.call(user, URI("t." + String(repeating: "x", count: 6000)))
        #expect(
            realm.call(user, "t.x") == [
                user.getsError(3, .unavailable, kwargs: ["reason": "overload"])
            ])
        scene.end()
    }

    @Test("§11 what a client must not send does not wait for the authorizer")
    func postponedViolation() {
        let scene = AuthorizerTests.Scene()
        let (realm, user) = (scene.realm, scene.user)
        realm.call(user, "t.x")
        let hello = Message.hello(Hello(realm: "realm1", roles: Roles([.caller: []])))
        let effects = realm.send(hello, from: user)
        #expect(effects.abort.map { effects.contains(user.ends(.abortSent($0))) } == true)
        #expect(realm.leaveAll([scene.callee, scene.judge]))
    }

    @Test("§6 §11 a PUBLISH too many that is not to be acknowledged is dropped in silence")
    func droppedPublication() {
        var limits = Limits()
        limits.postponedMessages = 1
        let scene = AuthorizerTests.Scene(limits: limits)
        let (realm, user) = (scene.realm, scene.user)
        realm.call(user, "t.x")
        #expect(realm.publish(user, "t.topic").isEmpty)
        #expect(
            realm.publish(user, "t.topic", acknowledge: true) == [
                user.getsError(.publish, 3, .unavailable, kwargs: ["reason": "overload"])
            ])
        scene.end()
    }

    @Test("What is kept of a session's calls is bounded in bytes, and free again as they end")
    func keptCalls() {
        var limits = Limits()
        limits.keptBytesPerSession = 5000
        let realm = TestRealm(limits: limits)
        let (caller, other) = (realm.join(), realm.join())
        let p = realm.callees(2, "t.x", "roundrobin", [.callReroute])
        for _ in 1...2 { realm.call(caller, "t.x", [KeptBytesTests.large]) }
        #expect(
            realm.call(caller, "t.x") == [
                caller.getsError(3, .unavailable, kwargs: ["reason": "overload"])
            ])
        #expect(realm.call(other, "t.x", [KeptBytesTests.large]).invocations(to: p[0]).count == 1)
        realm.yield(p[0], 1)
        #expect(realm.call(caller, "t.x").invocations(to: p[1]).count == 1)
        #expect(realm.leaveAll([caller, other] + p))
    }

    @Test("SR-60 parts that come while the call waits are bounded in bytes, too")
    func parts() {
        var limits = Limits()
        limits.waitingChunkBytes = 5000
        let realm = TestRealm(QueueTests.settings(limit: 5), limits: limits)
        let caller = realm.join(caller: .progressiveCallInvocations, callee: [])
        let callee = realm.callees(
            1, "t.x", "first", concurrency: 1, [.progressiveCallInvocations, .callCanceling])[0]
        realm.call(caller)
        for round in 1...3 {
            #expect(
                realm.call(caller, "t.x", [KeptBytesTests.large], request: 2, progress: true)
                    .isEmpty, "\(round)")
        }
        #expect(realm.call(caller, request: 2).refusal == .unavailable)
        #expect(realm.leaveAll([caller, callee]))
    }
}
