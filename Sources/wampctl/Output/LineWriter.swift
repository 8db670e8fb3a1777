// Lines that are written by a thread of their own: whoever has one to write never waits, however
// slow the other end is, and not even where nobody reads at all.

import Dispatch
import Glibc
import Synchronization

/// Writes lines to a descriptor in their order. Those for which there is no room are dropped, and
/// a line in their place says how many there were.
final class LineWriter: Sendable {
    private struct State {
        var descriptor: Int32
        var waiting: [UInt8] = []
        /// How many lines would have come behind those that wait.
        var dropped = 0
        /// How many were given up because they could not be written.
        var lost = 0
        /// Where in `waiting` another descriptor is to be opened.
        var change: (offset: Int, open: @Sendable () -> Int32?)?
        var isWriting = false
        /// The last line was written in part.
        var isTorn = false
    }

    private struct Work {
        var bytes: [UInt8]
        var change: (offset: Int, open: @Sendable () -> Int32?)?
    }

    private let state: Mutex<State>
    private let bound: Int
    private let notice: @Sendable (Int) -> String
    private let queue = DispatchQueue(label: "wampctl.lines")

    /// - Parameters:
    ///   - bound: how many bytes may wait; as many may be with the thread that writes.
    ///   - notice: the line that says that so many lines are missing.
    init(
        _ descriptor: Int32, bound: Int = 1 << 20, notice: @escaping @Sendable (Int) -> String
    ) {
        state = Mutex(State(descriptor: descriptor))
        self.bound = bound
        self.notice = notice
    }

    /// Writes a line soon.
    func append(_ line: String) {
        schedule { state in
            // Once a line is missing, those that follow are, until there is room for the notice.
            guard state.dropped == 0, state.waiting.count + line.utf8.count < bound else {
                state.dropped += 1
                return
            }
            state.waiting.append(contentsOf: line.utf8)
            state.waiting.append(UInt8(ascii: "\n"))
        }
    }

    /// Writes what comes from now on to the descriptor that `open` returns, and closes the present
    /// one; nil = goes on with that.
    func change(to open: @escaping @Sendable () -> Int32?) {
        schedule { state in
            if state.change == nil { state.change = (state.waiting.count, open) }
        }
    }

    /// Waits until all that there is has been written, but not for longer than this.
    /// - Returns: whether it has been.
    @discardableResult
    func flush(within patience: Duration) -> Bool {
        let done = DispatchSemaphore(value: 0)
        queue.async { done.signal() }
        return done.wait(timeout: .now() + patience.seconds) == .success
    }

    private func schedule(_ body: (inout State) -> Void) {
        let starts = state.withLock { state in
            body(&state)
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if starts { queue.async { self.writeWaiting() } }
    }

    private func writeWaiting() {
        while let work = takeWork() {
            let offset = work.change?.offset ?? work.bytes.count
            write(work.bytes[..<offset])
            guard let change = work.change else { continue }
            if let new = change.open() {
                close(state.withLock { $0.descriptor })
                state.withLock { $0.descriptor = new }
            }
            write(work.bytes[offset...])
        }
    }

    private func takeWork() -> Work? {
        state.withLock { state in
            guard !state.waiting.isEmpty || state.dropped > 0 || state.change != nil else {
                state.isWriting = false
                return nil
            }
            var work = Work(bytes: state.waiting, change: state.change)
            if state.dropped > 0 { work.bytes += Array("\(notice(state.dropped))\n".utf8) }
            state.waiting = []
            state.dropped = 0
            state.change = nil
            return work
        }
    }

    /// Writes lines in pieces that a pipe takes as a whole, so that those of other processes come
    /// between lines and not into them.
    private func write(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        let descriptor = state.withLock { $0.descriptor }
        var (lost, isTorn) = state.withLock { ($0.lost, $0.isTorn) }
        var rest = bytes
        if lost > 0 {
            let text = Array("\(isTorn ? "\n" : "")\(notice(lost))\n".utf8)
            let count = File.writeAsFarAsPossible(text[...], to: descriptor)
            if count == text.count { lost = 0 }
            isTorn = count == 0 ? isTorn : count < text.count
        }
        while !rest.isEmpty {
            let piece = Self.piece(of: rest)
            let count = lost > 0 ? 0 : File.writeAsFarAsPossible(piece, to: descriptor)
            if count < piece.count {
                isTorn = count > 0 || isTorn
                lost += piece.dropFirst(count).count { $0 == UInt8(ascii: "\n") }
            }
            rest = rest.dropFirst(piece.count)
        }
        state.withLock { [lost, isTorn] state in
            state.lost = lost
            state.isTorn = isTorn
        }
    }

    /// The lines at the beginning that fit into what a pipe takes as a whole; one at least.
    private static func piece(of bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let newline = UInt8(ascii: "\n"), most = Int(PIPE_BUF)
        if bytes.count <= most { return bytes }
        let end = bytes.prefix(most).lastIndex(of: newline) ?? bytes.firstIndex(of: newline)
        return end.map { bytes[...$0] } ?? bytes
    }
}
