// How many events have come to a `subscribe`, of those that it wants, and when the last one did.

import Synchronization

final class EventCount: Sendable {
    private struct State {
        var count = 0
        var unreadable = 0
        var last = ContinuousClock.now
    }

    /// How many are wanted; 0 = any number.
    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    enum Admission {
        case taken, takenAsLast, declined
    }

    func admit() -> Admission {
        state.withLock { state in
            guard limit == 0 || state.count < limit else { return .declined }
            state.count += 1
            state.last = .now
            return state.count == limit ? .takenAsLast : .taken
        }
    }

    var count: Int { state.withLock { $0.count } }

    /// One has come that cannot be shown.
    func addUnreadable() { state.withLock { $0.unreadable += 1 } }

    var unreadable: Int { state.withLock { $0.unreadable } }

    /// Counts the silence from now on.
    func begin() { state.withLock { $0.last = .now } }

    /// Waits until nothing has come for so long.
    func silence(of duration: Duration) async throws {
        while true {
            let end = state.withLock { $0.last } + duration
            if end <= .now { return }
            try await Task.sleep(until: end)
        }
    }
}
