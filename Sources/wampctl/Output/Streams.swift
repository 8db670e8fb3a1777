// The two streams. stdout is data, stderr is talk; every line is written whole.

import Dispatch
import Glibc
import Synchronization

/// Writes to stdout and stderr. A reader of stdout that went away ends the process with 141,
/// silently; one that does not read is waited for, unless a signal wants the process to end.
final class Streams: Sendable {
    private struct State {
        /// Set once stdout cannot be written to.
        var failure: ExitCode?
        var onFailure: (@Sendable () -> Void)?
        /// The first signal that wanted the process to end.
        var signal: Int32?
        /// stderr has not taken the last lines in time.
        var isTalkStuck = false
        /// Where talk goes in a command that serves others.
        var log: LineWriter?
        /// Whether something was left out of the output.
        var hasGaps = false
    }

    private let state = Mutex(State())
    private let output: Outlet
    private let talk = Outlet(STDERR_FILENO, overflow: .drop)

    /// Which streams were closed from the start. Nothing is wrong until they are needed.
    private let closed: Set<Int32>

    /// Nobody sees stdout: what would be costly to print need not be made.
    let outputIsDiscarded: Bool

    static let shared = Streams()

    /// After a signal, a reader that takes nothing for so long is given up.
    private static let patience = Duration.seconds(2)

    /// How long one stream is waited for, so that the other does not overtake it.
    private static let briefly = Duration.milliseconds(100)

    /// How long a command that serves others waits for the reader of stderr at its end.
    private static let farewell = Duration.seconds(1)

    private init() {
        // A closed stream must not become the descriptor of the next socket.
        let closed = Set(
            [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO].filter { fcntl($0, F_GETFD) < 0 })
        for _ in closed { _ = open("/dev/null", O_RDWR) }
        self.closed = closed
        var output = stat(), null = stat()
        outputIsDiscarded =
            !closed.contains(STDOUT_FILENO) && fstat(STDOUT_FILENO, &output) == 0
            && stat("/dev/null", &null) == 0
            && output.st_rdev == null.st_rdev && output.st_mode & S_IFMT == S_IFCHR
        self.output = Outlet(
            STDOUT_FILENO, overflow: .wait,
            isDropping: {
                Streams.shared.say("wampctl: stdout is not read: lines are dropped from here on")
            }, broke: { Streams.shared.outputBroke($0) })
    }

    /// What to do, instead of ending at once, when stdout cannot be written to.
    func whenOutputBreaks(_ action: @escaping @Sendable () -> Void) {
        state.withLock { $0.onFailure = action }
    }

    /// Output must keep nobody from working: beyond so many bytes that wait for a reader, lines are
    /// dropped, counted and told of, and the program does not end with 0.
    func dropOutput(beyond bound: Int) { output.drop(beyond: bound) }

    /// The exit code that a failed stdout asks for; nil as long as it works.
    var failure: ExitCode? { state.withLock { $0.failure } }

    var inputIsClosed: Bool { closed.contains(STDIN_FILENO) }

    /// Writes a line of data at once.
    func print(_ line: String) { write(Array("\(line)\n".utf8)) }

    /// Writes data at once, behind all that waits.
    func write(_ bytes: [UInt8]) {
        // Who waits for its writing waits for room as well.
        output.flush()
        append(bytes, isUrgent: true)
        output.flush()
    }

    /// Writes a line of data soon.
    func append(_ line: String) { append(Array("\(line)\n".utf8)) }

    /// Writes data soon.
    func append(_ bytes: [UInt8], isUrgent: Bool = false) {
        if closed.contains(STDOUT_FILENO) {
            outputBroke(EBADF)
        } else {
            output.add(bytes, isUrgent: isUrgent)
        }
    }

    /// Says that a record cannot be printed. The program does not end with 0.
    func leaveOut(_ sentence: String) {
        state.withLock { $0.hasGaps = true }
        say(Terminal.sanitized(sentence))
    }

    /// Lets the data out before something is said about it, unless its reader takes long.
    func settle() { output.flush(within: Self.briefly) }

    /// Writes talk, a line or several; nobody reading it is no fault.
    func say(_ text: String) { say(styled: Terminal.sanitized(text, keepsLines: true)) }

    /// Writes talk that holds colours of ours, and nothing of a peer's that could pass for them.
    func say(styled line: String) {
        if let log = state.withLock({ $0.log }) { return log.append(line) }
        let dropped = talk.takeDropped()
        let note =
            dropped > 0
            ? "wampctl: \(Figures.counted(dropped, "line")) dropped: stderr was not read\n" : ""
        talk.add(Array("\(note)\(line)\n".utf8), isUrgent: true)
        // Only the first line waits for a reader that does not read.
        let isStuck = state.withLock { $0.isTalkStuck }
        if isStuck, !talk.isIdle { return }
        let isWritten = talk.flush(within: Self.briefly)
        state.withLock { $0.isTalkStuck = !isWritten }
    }

    /// Draws on the terminal behind one of the streams.
    /// - Returns: false, with nothing drawn, if it has not taken all that came before.
    func draw(_ text: String, on descriptor: Int32) -> Bool {
        let outlet = descriptor == STDOUT_FILENO ? output : talk
        guard outlet.isIdle else { return false }
        outlet.add(Array(text.utf8), isUrgent: true)
        return true
    }

    /// From now on nobody waits for the reader of stderr: a command that serves others must not
    /// stand still because of it.
    /// - Parameter notice: the line that says that so many lines are missing.
    func serve(_ notice: @escaping @Sendable (Int) -> String) {
        state.withLock { state in
            if state.log == nil { state.log = LineWriter(STDERR_FILENO, notice: notice) }
        }
    }

    /// Waits until the talk so far is written, but not for ever.
    func flushTalk() {
        if let log = state.withLock({ $0.log }) {
            log.flush(within: Self.farewell)
        } else {
            talk.flush(within: Self.briefly)
        }
    }

    private func outputBroke(_ code: Int32) {
        let isGone = code == EPIPE || code == EBADF
        let (isFirst, action) = state.withLock { state in
            defer { state.failure = state.failure ?? (isGone ? .brokenPipe : .failure) }
            return (state.failure == nil, state.onFailure)
        }
        guard isFirst else { return }
        if !isGone { say("wampctl: cannot write to stdout: \(File.reason(code))") }
        guard let action else { exit((isGone ? ExitCode.brokenPipe : .failure).rawValue) }
        action()
    }

    // MARK: The end

    /// After the first of these signals a reader of stdout is waited for only as long as it reads;
    /// after the second no more. Heard on a thread of its own: all others may wait for the reader.
    func hurry(at signals: [Int32]) {
        let listener = DispatchQueue(label: "wampctl.signals")
        for signal in signals {
            let source = DispatchSource.makeSignalSource(signal: signal, queue: listener)
            source.setEventHandler { [self] in
                // It listens for as long as the process lives.
                withExtendedLifetime(source) { hurry(because: signal) }
            }
            source.resume()
        }
    }

    private func hurry(because signal: Int32) {
        let isFirst = state.withLock { state in
            defer { state.signal = state.signal ?? signal }
            return state.signal == nil
        }
        if isFirst { output.giveUp(after: Self.patience) } else { output.giveUp() }
    }

    /// Waits until all is written, and says what is not.
    /// - Returns: the exit code: never 0 with output missing.
    func finish(_ code: Int32) -> Int32 {
        defer { flushTalk() }
        output.flush()
        let unwritten = output.unwritten
        if unwritten > 0 {
            say("wampctl: \(Figures.counted(unwritten, "line")) dropped: stdout was not read")
        }
        guard code == ExitCode.ok.rawValue else { return code }
        if let failure { return failure.rawValue }
        guard unwritten > 0 else {
            return state.withLock { $0.hasGaps } ? ExitCode.protocolFault.rawValue : code
        }
        return state.withLock { $0.signal }.map(ExitCode.ended(by:)) ?? ExitCode.failure.rawValue
    }
}
