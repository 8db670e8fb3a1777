// The course of a `subscribe` as a value: its goals, its limits, and how it ends.

import Testing
import WAMP

@testable import WAMPClient
@testable import wampctl

@Suite struct SubscribeRunTests {
    private let cut = SessionEnd.connectionLost("cut")
    private let revocation = Revocation(["reason": "com.example.reason"])

    @Test("a reached count is the end, and so is the silence that was waited for")
    func done() {
        for event in [SubscribeRun.Event.countReached, .idleLimitReached] {
            var run = SubscribeRun(topicCount: 1, goal: 3)
            #expect(run.handle(event) == [.leave(.done)], "after \(event)")
        }
    }

    @Test("the time limit is for the first event, or for as many as are wanted")
    func late() {
        let rows: [(goal: Int?, count: Int, isLate: Bool)] = [
            (nil, 0, true), (nil, 1, false), (3, 0, true), (3, 2, true), (3, 3, false),
        ]
        for row in rows {
            var run = SubscribeRun(topicCount: 1, goal: row.goal)
            #expect(
                run.handle(.timeLimitReached(count: row.count))
                    == (row.isLate ? [.leave(.late)] : []), "\(row)")
        }
    }

    @Test("a signal says GOODBYE, and ends well where no count is wanted")
    func signal() {
        var run = SubscribeRun(topicCount: 1, goal: nil)
        #expect(run.handle(.signal(2)) == [.sayGoodbye])
        #expect(run.handle(.left) == [.leave(.done)])
    }

    @Test("a signal before the count is reached is an interruption")
    func interrupted() {
        var run = SubscribeRun(topicCount: 1, goal: 5)
        _ = run.handle(.signal(15))
        #expect(run.handle(.left) == [.leave(.interrupted(signal: 15))])
    }

    @Test("a second signal ends at once")
    func secondSignal() {
        var run = SubscribeRun(topicCount: 1, goal: nil)
        _ = run.handle(.signal(2))
        #expect(run.handle(.signal(15)) == [.endAtOnce(signal: 15)])
    }

    @Test("a lost session is a failure, but not while GOODBYE is being said")
    func sessionEnded() {
        var run = SubscribeRun(topicCount: 1, goal: nil)
        #expect(run.handle(.sessionEnded(cut)) == [.leave(.sessionEnded(cut))])
        var leaving = SubscribeRun(topicCount: 1, goal: nil)
        _ = leaving.handle(.signal(2))
        #expect(leaving.handle(.sessionEnded(.left)) == [])
        #expect(leaving.handle(.left) == [.leave(.done)])
    }

    @Test("each revocation is told; that of the last topic is the end")
    func revoked() {
        var run = SubscribeRun(topicCount: 2, goal: nil)
        #expect(
            run.handle(.revoked(topic: 1, revocation)) == [.sayRevoked(topic: 1, revocation)])
        #expect(
            run.handle(.revoked(topic: 0, revocation))
                == [.sayRevoked(topic: 0, revocation), .leave(.revoked)])
    }

    @Test("the reader of stdout going away is the end")
    func outputBroken() {
        var run = SubscribeRun(topicCount: 1, goal: nil)
        #expect(run.handle(.outputBroken) == [.leave(.outputBroken)])
    }
}
