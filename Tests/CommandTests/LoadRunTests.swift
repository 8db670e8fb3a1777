// The course of many calls as a value: what stops them, and what the end may look like.

import Testing

@testable import wampctl

@Suite struct LoadRunTests {
    private typealias Action = LoadRun.Action

    private func actions(_ run: inout LoadRun, _ events: LoadRun.Event...) -> [Action] {
        events.flatMap { run.handle($0) }
    }

    @Test("the run is over when the last session has made its calls")
    func finished() {
        var run = LoadRun(sessions: 2)
        #expect(run.handle(.sessionFinished) == [])
        #expect(
            run.handle(.sessionFinished) == [.conclude(stoppedBy: nil, mayBeShort: false)])
    }

    @Test("after the duration no more calls are issued, and those under way may end")
    func durationOver() {
        var run = LoadRun(sessions: 1)
        #expect(run.handle(.durationOver) == [.stop])
        #expect(run.handle(.sessionFinished) == [.conclude(stoppedBy: nil, mayBeShort: true)])
    }

    @Test("a failure that ends the run issues no more calls")
    func callFailed() {
        var run = LoadRun(sessions: 1)
        #expect(run.handle(.callFailed) == [.stop])
        #expect(run.handle(.sessionFinished) == [.conclude(stoppedBy: nil, mayBeShort: true)])
    }

    @Test("a lost session stops all, and what was lost is counted before the end")
    func sessionEnded() {
        var run = LoadRun(sessions: 2)
        #expect(run.handle(.sessionEnded) == [.stop, .countLosses])
        #expect(run.handle(.sessionFinished) == [])
        #expect(
            run.handle(.lossesCounted) == [.conclude(stoppedBy: nil, mayBeShort: false)])
    }

    @Test("after a signal what is under way has a limited time")
    func signal() {
        var run = LoadRun(sessions: 1)
        #expect(run.handle(.signal(2)) == [.sayStopping, .stop, .limitPatience])
        #expect(run.handle(.patienceOver) == [.conclude(stoppedBy: 2, mayBeShort: true)])
    }

    @Test("a run that ends in time after a signal was interrupted all the same")
    func signalAndEnd() {
        var run = LoadRun(sessions: 1)
        _ = run.handle(.signal(15))
        #expect(run.handle(.sessionFinished) == [.conclude(stoppedBy: 15, mayBeShort: true)])
    }

    @Test("a second signal ends at once")
    func secondSignal() {
        var run = LoadRun(sessions: 1)
        _ = run.handle(.signal(2))
        #expect(run.handle(.signal(15)) == [.endAtOnce(signal: 15)])
    }

    @Test("the reader of stdout going away cancels what is under way")
    func outputBroken() {
        var run = LoadRun(sessions: 1)
        #expect(run.handle(.outputBroken) == [.abandon])
        var stopping = LoadRun(sessions: 1)
        #expect(
            actions(&stopping, .signal(2), .outputBroken)
                == [.sayStopping, .stop, .limitPatience, .abandon])
    }

    @Test("pictures and figures go on while calls are under way, after a signal too")
    func redraws() {
        var run = LoadRun(sessions: 1)
        #expect(actions(&run, .redrawDue, .figuresAsked) == [.redraw, .sayFigures])
        _ = run.handle(.signal(2))
        #expect(actions(&run, .redrawDue, .figuresAsked) == [.redraw, .sayFigures])
    }
}
