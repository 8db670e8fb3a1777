// How many invocations the instances of a `register --count` still take, all together.

import Synchronization
import WAMPClient

final class InvocationCount: Sendable {
    /// What becomes of an invocation.
    enum Admission: Equatable {
        case taken, takenAsLast
        /// It is too many, and is declined when nothing more can come: a router that hears of it
        /// before UNREGISTER may choose us again.
        case kept
        case declined
    }

    private struct State {
        var count = 0
        var isOver = false
        var kept: [InvocationRequest] = []
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: 0 = none.
    init(limit: Int) { self.limit = limit }

    func admit(_ request: InvocationRequest) -> Admission {
        guard limit > 0 else { return .taken }
        return state.withLock { state in
            state.count += 1
            if state.count <= limit { return state.count == limit ? .takenAsLast : .taken }
            if state.isOver { return .declined }
            state.kept.append(request)
            return .kept
        }
    }

    /// Nothing is registered any more.
    /// - Returns: the invocations that were too many.
    func end() -> [InvocationRequest] {
        state.withLock { state in
            state.isOver = true
            defer { state.kept = [] }
            return state.kept
        }
    }
}
