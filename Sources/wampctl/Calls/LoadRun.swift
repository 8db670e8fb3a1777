// The course of many calls of one procedure, from the first call to the figures. Pure.
//
// It ends when all sessions have made their calls. What ends it before lets no more calls be
// issued, and those under way go on for a while.

struct LoadRun: Run {
    enum Event: Equatable {
        /// A signal that wants the process to end.
        case signal(Int32)
        /// Somebody asks how far it is.
        case figuresAsked
        /// The reader of stdout went away.
        case outputBroken
        /// A session has made all its calls, and all have ended.
        case sessionFinished
        /// A call has failed, and a failure ends the run.
        case callFailed
        /// The run has lasted as long as it should.
        case durationOver
        case sessionEnded
        /// All that was lost with a session has been counted.
        case lossesCounted
        /// The time for calls that were under way at a signal is over.
        case patienceOver
        case redrawDue
    }

    enum Action: Equatable {
        case redraw
        case sayFigures
        case sayStopping
        /// Issue no more calls.
        case stop
        /// Tell `lossesCounted`, behind what has happened already.
        case countLosses
        /// Tell `patienceOver` when it is.
        case limitPatience
        /// Tell what came of it, and end.
        /// - Parameters:
        ///   - stoppedBy: the signal that ended the run.
        ///   - mayBeShort: fewer calls than asked for are no sign of a loss.
        case conclude(stoppedBy: Int32?, mayBeShort: Bool)
        /// Cancel what is under way, and end: nobody reads the results.
        case abandon
        /// End without waiting for anything.
        case endAtOnce(signal: Int32)
    }

    /// The sessions that have calls to make.
    private var unfinished: Int
    private var stoppedBy: Int32?
    private var mayBeShort = false

    init(sessions: Int) { unfinished = sessions }

    mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .signal(let signal):
            guard stoppedBy == nil else { return [.endAtOnce(signal: signal)] }
            stoppedBy = signal
            mayBeShort = true
            return [.sayStopping, .stop, .limitPatience]
        case .figuresAsked: return [.sayFigures]
        case .outputBroken: return [.abandon]
        case .sessionFinished:
            unfinished -= 1
            return unfinished <= 0 ? conclusion : []
        case .callFailed, .durationOver:
            mayBeShort = true
            return [.stop]
        case .sessionEnded: return [.stop, .countLosses]
        case .lossesCounted, .patienceOver: return conclusion
        case .redrawDue: return [.redraw]
        }
    }

    private var conclusion: [Action] {
        [.conclude(stoppedBy: stoppedBy, mayBeShort: mayBeShort)]
    }
}
