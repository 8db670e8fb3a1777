// The two streams. stdout is data, stderr is talk; every line is written whole.

import Dispatch
import Glibc
import Synchronization

/// Writes to stdout and stderr. A reader of stdout that went away ends the process with 141,
/// silently.
final class Streams: Sendable {
    private struct State {
        /// Lines that wait for the next write, while one is under way.
        var waiting: [UInt8] = []
        var isFlushing = false
        /// Set once stdout cannot be written to.
        var failure: ExitCode?
        var onFailure: (@Sendable () -> Void)?
        /// Where talk goes in a command that serves others.
        var talk: LineWriter?
    }

    private let state = Mutex(State())
    private let writer = DispatchQueue(label: "wampctl.stdout")

    /// stdout was closed from the start: nothing is wrong until something is to be written.
    private let isClosed: Bool

    /// Nobody sees stdout: what would be costly to print need not be made.
    let outputIsDiscarded: Bool

    static let shared = Streams()

    /// How many bytes may wait before whoever adds to them has to wait too.
    private static let bound = 1 << 20

    /// How long a command that serves others waits for readers at its end.
    private static let patience = Duration.seconds(1)

    private init() {
        // A closed stdout must not become the descriptor of the next socket.
        isClosed = fcntl(STDOUT_FILENO, F_GETFD) < 0
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
        where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", O_RDWR)
        }
        var output = stat(), null = stat()
        outputIsDiscarded =
            !isClosed && fstat(STDOUT_FILENO, &output) == 0 && stat("/dev/null", &null) == 0
            && output.st_rdev == null.st_rdev && output.st_mode & S_IFMT == S_IFCHR
    }

    /// What to do, instead of ending at once, when stdout cannot be written to.
    func whenOutputBreaks(_ action: @escaping @Sendable () -> Void) {
        state.withLock { $0.onFailure = action }
    }

    /// The exit code that a failed stdout asks for; nil as long as it works.
    var failure: ExitCode? { state.withLock { $0.failure } }

    /// Writes a line of data at once.
    func print(_ line: String) { write(Array("\(line)\n".utf8)) }

    /// Writes data at once, behind all that waits.
    func write(_ bytes: [UInt8]) {
        writer.sync {
            flushWaiting()
            writeNow(bytes)
        }
    }

    /// Writes a line of data soon: with the next lines in one go, if they come fast.
    func append(_ line: String) {
        let (startsFlush, isFull) = state.withLock { state in
            state.waiting.append(contentsOf: line.utf8)
            state.waiting.append(UInt8(ascii: "\n"))
            defer { state.isFlushing = true }
            return (!state.isFlushing, state.waiting.count > Self.bound)
        }
        if isFull {
            flush()
        } else if startsFlush {
            writer.async { self.flushWaiting() }
        }
    }

    /// From now on nobody waits for the reader of stderr: a command that serves others must not
    /// stand still because of it.
    /// - Parameter notice: the line that says that so many lines are missing.
    func serve(_ notice: @escaping @Sendable (Int) -> String) {
        state.withLock { state in
            if state.talk == nil { state.talk = LineWriter(STDERR_FILENO, notice: notice) }
        }
    }

    /// Writes what waits. A command that serves others gives up where nobody reads.
    func flush() {
        guard let talk = state.withLock({ $0.talk }) else {
            return writer.sync { flushWaiting() }
        }
        let done = DispatchSemaphore(value: 0)
        writer.async {
            self.flushWaiting()
            done.signal()
        }
        _ = done.wait(timeout: .now() + Self.patience.seconds)
        talk.flush(within: Self.patience)
    }

    /// Waits until the talk so far is written, but not for ever.
    func flushTalk() { state.withLock { $0.talk }?.flush(within: Self.patience) }

    /// Writes a line of talk; nobody reading it is no fault.
    func say(_ line: String) {
        if let talk = state.withLock({ $0.talk }) { return talk.append(line) }
        _ = File.write(Array("\(line)\n".utf8), to: STDERR_FILENO)
    }

    private func flushWaiting() {
        let bytes = state.withLock { state in
            state.isFlushing = false
            defer { state.waiting.removeAll(keepingCapacity: true) }
            return state.waiting
        }
        if !bytes.isEmpty { writeNow(bytes) }
    }

    private func writeNow(_ bytes: [UInt8]) {
        guard failure == nil else { return }
        if !isClosed, File.write(bytes, to: STDOUT_FILENO) { return }
        let code = isClosed ? EBADF : errno
        let isGone = code == EPIPE || code == EBADF
        if !isGone { say("wampctl: cannot write to stdout: \(File.reason(code))") }
        let action = state.withLock { state in
            state.failure = isGone ? .brokenPipe : .failure
            return state.onFailure
        }
        guard let action else { exit((isGone ? ExitCode.brokenPipe : .failure).rawValue) }
        action()
    }
}
