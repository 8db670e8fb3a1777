// The course of a `register` as a value: who is told what, when it drains, and how it ends.

import Testing
import WAMP

@testable import WAMPClient
@testable import wampctl

@Suite struct RegisterRunTests {
    private typealias Action = RegisterRun.Action

    private let cut = SessionEnd.connectionLost("cut")
    private let revocation = Revocation(["reason": "com.example.reason"])

    private func run(_ instances: Int = 2, hasGoal: Bool = false) -> RegisterRun {
        RegisterRun(instances: Set(1...instances), hasGoal: hasGoal)
    }

    /// What comes of events in their order.
    private func actions(
        _ run: inout RegisterRun, _ events: RegisterRun.Event...
    ) -> [Action] {
        events.flatMap { run.handle($0) }
    }

    @Test("a signal drains, and the run ends well once all are idle")
    func signal() {
        var run = run()
        #expect(run.handle(.signal(2)) == [.drain])
        #expect(run.handle(.unregistered) == [.askWhoServes])
        #expect(run.handle(.serving(instances: [1, 2])) == [])
        #expect(run.handle(.idle(instance: 2)) == [])
        #expect(run.handle(.idle(instance: 1)) == [.leave(.done)])
    }

    @Test("a signal before the count is reached is an interruption")
    func interrupted() {
        var run = run(hasGoal: true)
        #expect(
            actions(&run, .signal(15), .unregistered, .serving(instances: []))
                == [.drain, .askWhoServes, .leave(.interrupted(signal: 15))])
    }

    @Test("a second signal ends at once, whatever made it drain")
    func secondSignal() {
        for first in [RegisterRun.Event.signal(2), .countReached, .outputBroken] {
            var run = run()
            _ = run.handle(first)
            #expect(run.handle(.signal(15)) == [.endAtOnce(signal: 15)], "after \(first)")
        }
    }

    @Test("a reached count drains once, and ends well even if a signal would not have")
    func countReached() {
        var run = run(hasGoal: true)
        #expect(actions(&run, .countReached, .countReached) == [.drain])
        #expect(
            actions(&run, .unregistered, .serving(instances: [])) == [.askWhoServes, .leave(.done)])
    }

    @Test("the reader of stdout going away drains, but says nothing new while draining")
    func outputBroken() {
        var run = run()
        #expect(run.handle(.outputBroken) == [.drain])
        #expect(
            actions(&run, .unregistered, .serving(instances: []))
                == [.askWhoServes, .leave(.outputBroken)])
        var draining = self.run()
        #expect(actions(&draining, .signal(2), .outputBroken) == [.drain])
    }

    @Test("an instance that is idle before the router has let go may be asked again")
    func idleTooEarly() {
        var run = run(1)
        #expect(actions(&run, .idle(instance: 1), .signal(2), .idle(instance: 1)) == [.drain])
        #expect(
            actions(&run, .unregistered, .serving(instances: [1]), .idle(instance: 1))
                == [.askWhoServes, .leave(.done)])
    }

    @Test("the end of the time for draining is the end, with the code it would have had")
    func drainExpired() {
        var run = run(hasGoal: true)
        #expect(
            actions(&run, .signal(2), .drainExpired)
                == [.drain, .leave(.interrupted(signal: 2))])
        var serving = self.run()
        _ = actions(&serving, .countReached, .unregistered, .serving(instances: [2]))
        #expect(serving.handle(.drainExpired) == [.leave(.done)])
    }

    @Test("the loss of one session of several is told a moment later, and once")
    func lossOfOne() {
        var run = run(3)
        #expect(run.handle(.sessionEnded(instance: 1, cut)) == [.awaitLosses])
        #expect(run.handle(.sessionEnded(instance: 2, .left)) == [])
        #expect(
            run.handle(.lossesSettled)
                == [.sayEnded(instance: 1, cut), .sayEnded(instance: 2, .left)])
        #expect(run.handle(.lossesSettled) == [])
    }

    @Test("the loss of all sessions is told once, as the end of the command")
    func lossOfAll() {
        var run = run()
        #expect(
            actions(&run, .sessionEnded(instance: 1, cut), .sessionEnded(instance: 2, cut))
                == [.awaitLosses, .leave(.sessionEnded(cut))])
    }

    @Test("a loss that was not told of yet is told before the run drains")
    func untoldLoss() {
        var run = run()
        _ = run.handle(.sessionEnded(instance: 1, cut))
        #expect(run.handle(.signal(2)) == [.sayEnded(instance: 1, cut), .drain])
        #expect(run.handle(.lossesSettled) == [])
    }

    @Test("a draining run waits for no invocation whose session has ended")
    func lossWhileDraining() {
        var run = run()
        _ = actions(&run, .signal(2), .sessionEnded(instance: 1, cut), .unregistered)
        #expect(run.handle(.serving(instances: [1, 2])) == [])
        #expect(run.handle(.sessionEnded(instance: 2, cut)) == [.leave(.done)])
    }

    @Test("a revocation leaves the others at work; that of the last is the end")
    func revoked() {
        var run = run()
        #expect(
            run.handle(.revoked(instance: 2, revocation))
                == [.sayRevoked(instance: 2, revocation)])
        #expect(
            run.handle(.revoked(instance: 1, revocation))
                == [.sayRevoked(instance: 1, revocation), .leave(.revoked)])
    }

    @Test("lost and revoked instances together leave nobody, and the last of them says why")
    func lostAndRevoked() {
        var run = run()
        _ = run.handle(.sessionEnded(instance: 1, cut))
        #expect(
            run.handle(.revoked(instance: 2, revocation))
                == [.sayRevoked(instance: 2, revocation), .leave(.revoked)])
        var other = self.run()
        _ = other.handle(.revoked(instance: 1, revocation))
        #expect(other.handle(.sessionEnded(instance: 2, cut)) == [.leave(.sessionEnded(cut))])
    }

    @Test("a revocation while draining is what was asked for")
    func revokedWhileDraining() {
        var run = run(1)
        #expect(actions(&run, .signal(2), .revoked(instance: 1, revocation)) == [.drain])
    }

    @Test("the figures are told whenever somebody asks, and nothing else comes of it")
    func figures() {
        var run = run()
        #expect(actions(&run, .figuresAsked, .figuresAsked) == [.sayFigures, .sayFigures])
        #expect(actions(&run, .signal(2), .figuresAsked) == [.drain, .sayFigures])
    }
}
