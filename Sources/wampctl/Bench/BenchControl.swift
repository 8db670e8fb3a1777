// How a signal reaches the cell that is being measured.

import Synchronization

final class BenchControl: Sendable {
    struct State: Sendable {
        var isInterrupted = false
        var wasPaused = false
        var next = 0
        var watchers: [Int: @Sendable () -> Void] = [:]
        var progress = ""
    }

    private let state = Mutex(State())

    var isInterrupted: Bool { state.withLock { $0.isInterrupted } }

    /// The process was stopped for a while, and with it the clock of the load was not.
    var wasPaused: Bool { state.withLock { $0.wasPaused } }

    /// One line about the cell under way.
    var progress: String { state.withLock { $0.progress } }

    func report(_ progress: String) { state.withLock { $0.progress = progress } }

    func pause() { state.withLock { $0.wasPaused = true } }

    /// Ends the cell under way; those after it are not begun.
    func interrupt() {
        let watchers = state.withLock { state in
            state.isInterrupted = true
            return Array(state.watchers.values)
        }
        for watcher in watchers { watcher() }
    }

    /// - Returns: a token for `unwatch`.
    func watch(_ watcher: @escaping @Sendable () -> Void) -> Int {
        let (token, isLate) = state.withLock { state in
            state.next += 1
            state.watchers[state.next] = watcher
            return (state.next, state.isInterrupted)
        }
        if isLate { watcher() }
        return token
    }

    func unwatch(_ token: Int) { state.withLock { $0.watchers[token] = nil } }
}
