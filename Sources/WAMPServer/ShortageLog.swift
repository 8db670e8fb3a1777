// What the log is told when there is no descriptor left for a connection: one line a second at
// most, whichever sockets of the router cannot accept, until every client that was turned away is
// counted.

import Glibc
import Logging
import NIOCore
import Synchronization

/// One for all sockets of a router.
final class ShortageLog: Sendable {
    private let logger: Logger
    private let state = Mutex(State())
    /// Between two lines.
    private static let pause = TimeAmount.seconds(1)

    // Not private: Swift 6.3 emits a broken reference to the layout of a private struct inside a
    // Mutex.
    struct State {
        /// Why the last connection could not be accepted.
        var cause: Int32 = 0
        /// Clients turned away since the last line.
        var turnedAway = 0
        var lastSaid: NIODeadline?
        /// The next line has its time.
        var isScheduled = false
    }

    init(logger: Logger) { self.logger = logger }

    /// A socket cannot accept, for a reason that is an `errno`.
    func cannotAccept(_ cause: Int32) {
        let now = NIODeadline.now()
        let line = state.withLock { state -> State? in
            state.cause = cause
            if let last = state.lastSaid, now - last < Self.pause { return nil }
            return state.takeLine(now)
        }
        if let line { say(line) }
    }

    /// A client is being told so. If there is no shortage any more when the next line has its time,
    /// it is the last one.
    func turnedAway(on eventLoop: any EventLoop) {
        let due = state.withLock { state -> NIODeadline? in
            state.turnedAway += 1
            guard !state.isScheduled else { return nil }
            state.isScheduled = true
            return (state.lastSaid ?? .now()) + Self.pause
        }
        guard let due else { return }
        eventLoop.scheduleTask(deadline: due) { self.tellRest() }
    }

    private func tellRest() {
        let line = state.withLock { state -> State? in
            state.isScheduled = false
            return state.turnedAway > 0 ? state.takeLine(.now()) : nil
        }
        if let line { say(line) }
    }

    private func say(_ line: State) {
        let cause = String(cString: strerror(line.cause)).lowercased()
        logger.warning(
            "cannot accept connections",
            metadata: ["cause": "\(cause)", "turned_away": "\(line.turnedAway)"])
    }
}

extension ShortageLog.State {
    /// What is to be said now.
    fileprivate mutating func takeLine(_ now: NIODeadline) -> ShortageLog.State {
        defer { turnedAway = 0 }
        lastSaid = now
        return self
    }
}
