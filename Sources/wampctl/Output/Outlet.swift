// A stream that nobody waits for who does not want to: what is written waits in memory for a thread
// of its own, which alone is held up by a reader that does not read.

import Dispatch
import Glibc
import Synchronization

final class Outlet: Sendable {
    /// What becomes of a record that finds no room.
    enum Overflow {
        /// Whoever adds it waits.
        case wait
        /// It is dropped and counted.
        case drop
    }

    /// What is to be done once a record is taken in.
    private enum Step { case none, write, wait, tell }

    private struct State {
        var queue: OutputQueue
        var overflow: Overflow
        var isWriting = false
        /// Why the stream cannot be written to, as a code of errno.
        var failure: Int32?
        /// Its reader is not waited for any more.
        var isGivenUp = false
        /// Who wants to know of each step.
        var watchers: [DispatchSemaphore] = []

        var isOver: Bool { failure != nil || isGivenUp }
    }

    private let descriptor: Int32
    private let state: Mutex<State>
    private let writer = DispatchQueue(label: "wampctl.outlet")
    private let isDropping: @Sendable () -> Void
    private let broke: @Sendable (Int32) -> Void

    /// A pipe that takes anything takes so much at once.
    private static let pieceLimit = Int(PIPE_BUF)

    /// - Parameters:
    ///   - isDropping: told once, when the first record finds no room.
    ///   - broke: told once, with a code of errno, when the stream cannot be written to.
    init(
        _ descriptor: Int32, overflow: Overflow, bound: Int = 1 << 20,
        isDropping: @escaping @Sendable () -> Void = {},
        broke: @escaping @Sendable (Int32) -> Void = { _ in }
    ) {
        self.descriptor = descriptor
        self.isDropping = isDropping
        self.broke = broke
        state = Mutex(State(queue: OutputQueue(bound: bound), overflow: overflow))
    }

    /// From now on no one waits: beyond so many bytes records are dropped.
    func drop(beyond bound: Int) {
        state.withLock { state in
            state.overflow = .drop
            state.queue.bound = bound
        }
    }

    /// Adds a record, to be written soon, together with the next ones if they come fast.
    /// - Parameter isUrgent: written right now, as far as nobody has to be waited for.
    func add(_ bytes: some Collection<UInt8>, isUrgent: Bool = false) {
        let step = state.withLock { state -> Step in
            guard state.failure == nil else { return .none }
            if state.isGivenUp || state.queue.isFull && state.overflow == .drop {
                state.queue.drop()
                return state.queue.dropped == 1 && !state.isGivenUp ? .tell : .none
            }
            state.queue.add(bytes)
            if state.isWriting { return state.queue.isFull ? .wait : .none }
            state.isWriting = true
            return .write
        }
        switch step {
        case .none: break
        case .write where isUrgent: writeReady()
        case .write: writer.async { self.writeAll() }
        case .tell: isDropping()
        case .wait: wait { !$0.queue.isFull || $0.overflow == .drop }
        }
    }

    /// Waits until all that was added before is written.
    /// - Returns: whether it is; not if the stream broke or was given up, or the patience ended.
    @discardableResult
    func flush(within patience: Duration? = nil) -> Bool {
        let goal = state.withLock { $0.queue.totals.added }
        return wait(within: patience) { $0.queue.totals.written >= goal }
    }

    /// Waits for the reader no more: what is not written stays so.
    func giveUp() {
        state.withLock { state in
            state.isGivenUp = true
            Self.wake(&state)
        }
    }

    /// Gives the reader up as soon as nothing moves for so long.
    func giveUp(after patience: Duration) {
        let before = state.withLock { $0.queue.totals.written }
        DispatchQueue(label: "wampctl.patience").asyncAfter(
            deadline: .now() + .nanoseconds(Int(patience.nanoseconds))
        ) { [self] in
            let isStuck = state.withLock { !$0.queue.isEmpty && $0.queue.totals.written == before }
            if isStuck { giveUp() } else { giveUp(after: patience) }
        }
    }

    /// Records that were dropped since this was asked before; 0 as long as more would be.
    func takeDropped() -> Int { state.withLock { $0.queue.takeDropped() } }

    /// Whether all is written.
    var isIdle: Bool { state.withLock { $0.queue.isEmpty } }

    /// Records that did not get out; 0 where that is the fault of the stream.
    var unwritten: Int { state.withLock { $0.failure == nil ? $0.queue.unwritten : 0 } }

    /// - Parameter isDone: looked at after each step of the writer.
    @discardableResult
    private func wait(
        within patience: Duration? = nil, until isDone: (inout State) -> Bool
    ) -> Bool {
        let deadline = patience.map { DispatchTime.now() + .nanoseconds(Int($0.nanoseconds)) }
        let semaphore = DispatchSemaphore(value: 0)
        while true {
            let answer = state.withLock { state -> Bool? in
                if isDone(&state) { return true }
                if state.isOver { return false }
                state.watchers.append(semaphore)
                return nil
            }
            if let answer { return answer }
            guard semaphore.wait(timeout: deadline ?? .distantFuture) == .success else {
                return false
            }
        }
    }

    private static func wake(_ state: inout State) {
        for watcher in state.watchers { watcher.signal() }
        state.watchers.removeAll()
    }

    // MARK: The writer

    private func writeAll() {
        while let piece = nextPiece(), write(piece) {}
    }

    /// Writes what needs no waiting, and leaves the rest to the thread.
    private func writeReady() {
        var slot = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        while poll(&slot, 1, 0) > 0 {
            guard let piece = nextPiece(), write(piece) else { return }
        }
        writer.async { self.writeAll() }
    }

    private func write(_ piece: ArraySlice<UInt8>) -> Bool {
        let count = File.writeSome(piece, to: descriptor)
        guard count >= 0 else {
            fail(errno)
            return false
        }
        state.withLock { state in
            state.queue.wrote(count)
            Self.wake(&state)
        }
        return true
    }

    private func nextPiece() -> ArraySlice<UInt8>? {
        state.withLock { state in
            let piece = state.queue.piece(limit: Self.pieceLimit)
            state.isWriting = piece != nil
            return piece
        }
    }

    private func fail(_ code: Int32) {
        // Told before anybody who waits goes on.
        broke(code)
        state.withLock { state in
            state.failure = code
            Self.wake(&state)
        }
    }
}
