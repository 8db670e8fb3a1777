// GOODBYE while the dynamic authorizer decides: what came before it counts. SR-19;
// protocol.md §11.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("GOODBYE behind what waits for the authorizer")
struct GoodbyeTests {
    let scene = AuthorizerTests.Scene()
    var realm: TestRealm { scene.realm }
    var judge: Peer { scene.judge }
    var user: Peer { scene.user }

    /// What a session gets that says GOODBYE, in order.
    private func farewell(_ peer: Peer) -> [Effect] {
        [peer.getsGoodbye(.goodbyeAndOut), peer.ends(.goodbyeAnswered)]
    }

    @Test("§11 an event that waits is published before the session is gone, acknowledged or not")
    func publish() {
        for isAcknowledged in [false, true] {
            let scene = AuthorizerTests.Scene()
            let (realm, judge, user) = (scene.realm, scene.judge, scene.user)
            realm.subscribe(judge, "t.topic")
            realm.publish(user, "t.topic", ["last"], acknowledge: isAcknowledged)
            #expect(realm.goodbye(user).isEmpty, "\(isAcknowledged)")
            let effects = realm.yield(judge, 1, [true])
            #expect(effects.events(to: judge).map(\.args) == [["last"]], "\(isAcknowledged)")
            #expect(Array(effects.suffix(2)) == farewell(user), "\(isAcknowledged)")
            #expect(effects.count == (isAcknowledged ? 4 : 3), "\(isAcknowledged)")
            #expect(realm.leaveAll([scene.callee, judge]), "\(isAcknowledged)")
        }
    }

    @Test("§11 all that waits is decided, one after the other; then comes the GOODBYE")
    func several() {
        realm.subscribe(judge, "t.topic")
        for number in 1...3 as ClosedRange<Int64> { realm.publish(user, "t.topic", [.int(number)]) }
        realm.call(user, "t.x", ["late"])
        realm.goodbye(user)
        for (id, isAllowed) in zip(1...3 as ClosedRange<UInt64>, [true, false, true]) {
            let effects = realm.yield(judge, RequestID(id), [.bool(isAllowed)])
            #expect(effects.events(to: judge).count == (isAllowed ? 1 : 0), "\(id)")
            #expect(effects.invocations(to: judge).count == 1, "\(id)")
        }
        // The call is made, and its caller leaves at once.
        let effects = realm.yield(judge, 4, [true])
        #expect(effects.invocations(to: scene.callee).map(\.args) == [["late"]])
        #expect(Array(effects.suffix(2)) == farewell(user))
        #expect(realm.leaveAll([scene.callee, judge]))
    }

    @Test("SR-19 a REGISTER that waits is decided, and its callee leaves behind it")
    func register() {
        let listener = Listener(realm.join(callee: [], role: "judge"), in: realm)
        realm.register(user, "t.y")
        #expect(realm.goodbye(user).isEmpty)
        let effects = realm.yield(judge, 1, [true])
        #expect(
            listener.events(in: effects).map(\.name) == [
                "on_create", "on_register", "on_unregister", "on_delete",
            ])
        #expect(effects.last == user.ends(.goodbyeAnswered))
        #expect(realm.leaveAll([listener.peer, scene.callee, judge]))
    }

    @Test("§11 an authorizer that is silent holds the GOODBYE up for its own time limit only")
    func silence() {
        realm.publish(user)
        realm.goodbye(user)
        #expect(realm.advance(milliseconds: 4999).isEmpty)
        #expect(
            realm.advance(milliseconds: 1) == [judge.getsInterrupt(1, .killnowait)]
                + farewell(user))
        #expect(realm.leaveAll([scene.callee, judge]))
    }

    @Test("§11 what waits is dropped if the connection is lost, before or after GOODBYE")
    func lost() {
        realm.subscribe(judge, "t.topic")
        realm.publish(user)
        realm.goodbye(user)
        #expect(realm.leave(user).isEmpty)
        #expect(realm.yield(judge, 1, [true]).isEmpty)
        #expect(realm.leaveAll([scene.callee, judge]))
    }

    @Test("§11 what comes behind a GOODBYE that waits means nothing, a second one included")
    func behind() {
        realm.subscribe(judge, "t.topic")
        realm.publish(user, "t.topic", [1])
        realm.goodbye(user)
        realm.publish(user, "t.topic", [2])
        realm.goodbye(user)
        let isLeaving = realm.realm.hasSaidGoodbye(user.key)
        #expect(isLeaving)
        let effects = realm.yield(judge, 1, [true])
        #expect(effects.events(to: judge).map(\.args) == [[1]])
        #expect(Array(effects.suffix(2)) == farewell(user))
        #expect(realm.leaveAll([scene.callee, judge]))
    }

    @Test("§11 there is always room for the GOODBYE")
    func full() {
        var limits = Limits()
        limits.postponedMessages = 1
        let scene = AuthorizerTests.Scene(limits: limits)
        let (realm, judge, user) = (scene.realm, scene.judge, scene.user)
        for _ in 1...3 { realm.publish(user) }
        #expect(realm.goodbye(user).isEmpty)
        #expect(Array(realm.yield(judge, 1, [true]).suffix(2)) == farewell(user))
        #expect(realm.leaveAll([scene.callee, judge]))
    }

    @Test("§11 the router's own GOODBYE does not wait, and answers the one that does")
    func sentAway() {
        realm.publish(user)
        realm.goodbye(user)
        let effects = realm.call(judge, "wamp.session.kill", [Value(user.id)])
        #expect(effects.goodbye(to: user)?.reason == .killed)
        #expect(effects.contains(user.ends(.goodbyeAnswered)))
        #expect(realm.yield(judge, 1, [true]).isEmpty)
        #expect(realm.leaveAll([scene.callee, judge]))
    }

    @Test("While draining, a session that has said GOODBYE leaves once all is decided")
    func drain() {
        realm.publish(user)
        realm.goodbye(user)
        #expect(realm.drain().goodbye(to: user) == nil)
        let effects = realm.yield(judge, 1, [true])
        #expect(effects.prefix(2) == farewell(user)[...])
        #expect(realm.isEmpty)
    }
}
