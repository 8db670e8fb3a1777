// The two streams. stdout is data, stderr is talk; every line is written whole and at once.

import Glibc
import Synchronization

/// Writes to stdout and stderr. A reader of stdout that went away ends the process with 141, silently.
final class Streams: Sendable {
    private struct State {
        var outputBuffer: [UInt8] = []
        var isBroken = false
    }

    private let state = Mutex(State())
    /// Runs once when the reader of stdout is gone, on the thread that noticed.
    private let onBrokenPipe: Mutex<(@Sendable () -> Void)?> = Mutex(nil)

    static let shared = Streams()

    /// What to do instead of ending at once when the reader of stdout goes away.
    func whenOutputBreaks(_ action: @escaping @Sendable () -> Void) {
        onBrokenPipe.withLock { $0 = action }
    }

    /// Writes a line of data at once.
    func print(_ line: String) { write(Array("\(line)\n".utf8)) }

    /// Writes data at once.
    func write(_ bytes: [UInt8]) {
        let isNowBroken = state.withLock { state in
            if state.isBroken { return false }
            state.isBroken = !File.write(bytes, to: STDOUT_FILENO)
            return state.isBroken
        }
        guard isNowBroken else { return }
        if let action = onBrokenPipe.withLock({ $0 }) {
            action()
        } else {
            exit(ExitCode.brokenPipe.rawValue)
        }
    }

    /// Adds lines of data that may wait for `flush`, for the output of many calls a second.
    func append(_ line: String) {
        let isFull = state.withLock { state in
            state.outputBuffer.append(contentsOf: line.utf8)
            state.outputBuffer.append(UInt8(ascii: "\n"))
            return state.outputBuffer.count >= 32 * 1024
        }
        if isFull { flush() }
    }

    /// Writes what waits.
    func flush() {
        let bytes = state.withLock { state in
            defer { state.outputBuffer.removeAll(keepingCapacity: true) }
            return state.outputBuffer
        }
        if !bytes.isEmpty { write(bytes) }
    }

    /// Whether the reader of stdout is gone.
    var outputIsBroken: Bool { state.withLock { $0.isBroken } }

    /// Writes a line of talk; nobody reading it is no fault.
    func say(_ line: String) { _ = File.write(Array("\(line)\n".utf8), to: STDERR_FILENO) }
}
