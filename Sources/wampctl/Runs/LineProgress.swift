// How far a run of many calls or events has come, for those who send and for those who wait.

import Synchronization

final class LineProgress: Sendable {
    struct State {
        var figures = RunFigures()
        var outstanding = 0
        /// How many were ever under way.
        var begun = 0
        /// Why stdin could not be read to its end.
        var inputFailure: CommandFailure?
        var isStopped = false
        /// Calls were lost with the session.
        var isLost = false
    }

    let state = Mutex(State())
    let events: RunEvents<LineEvent>

    init(events: RunEvents<LineEvent>) { self.events = events }

    var figures: RunFigures { state.withLock { $0.figures } }
    var isStopped: Bool { state.withLock { $0.isStopped } }
    var isLost: Bool { state.withLock { $0.isLost } }
    var begun: Int { state.withLock { $0.begun } }

    var inputFailure: CommandFailure? {
        get { state.withLock { $0.inputFailure } }
        set { state.withLock { $0.inputFailure = newValue } }
    }

    /// The session is gone, and with it what was under way.
    func lose() {
        state.withLock { state in
            state.isStopped = true
            state.isLost = true
        }
    }

    /// One more is under way; false if no more are wanted.
    func begin() -> Bool {
        state.withLock { state in
            guard !state.isStopped else { return false }
            state.outstanding += 1
            state.begun += 1
            return true
        }
    }

    func end(_ count: (inout RunFigures) -> Void) {
        let isLast = state.withLock { state in
            count(&state.figures)
            state.outstanding -= 1
            return state.isStopped && state.outstanding == 0
        }
        if isLast { events.send(.drained) }
    }

    /// Takes no more lines.
    /// - Returns: how many calls are still outstanding.
    func stop() -> Int {
        state.withLock { state in
            state.isStopped = true
            return state.outstanding
        }
    }
}
