// Where the log of a process goes, and how much of it.

import Glibc
import Logging
import Synchronization

/// stderr or a file, which can be opened anew after it was moved away. Whoever logs never waits.
final class LogTarget: Sendable {
    private struct State {
        var level = Logger.Level.info
        /// Nil: stderr.
        var file: (path: String, writer: LineWriter)?
    }

    private let state = Mutex(State())

    /// How long the end waits for a file that takes its time.
    private static let patience = Duration.seconds(1)

    let isJSON: Bool
    let isColored: Bool

    init(isJSON: Bool, isColored: Bool = false) {
        self.isJSON = isJSON
        self.isColored = isColored
    }

    var level: Logger.Level {
        get { state.withLock { $0.level } }
        set { state.withLock { $0.level = newValue } }
    }

    var isFile: Bool { state.withLock { $0.file != nil } }

    /// Logs to a file from now on; false, and to where it went before, if that cannot be opened.
    func open(_ path: String) -> Bool {
        guard let descriptor = Self.descriptor(of: path) else { return false }
        let writer = LineWriter(descriptor) { [isJSON] in
            LogLines.missing($0, isJSON: isJSON)
        }
        state.withLock { $0.file = (path, writer) }
        return true
    }

    /// Opens the file again by its name; without a file there is nothing to do.
    func reopen() {
        guard let (path, writer) = state.withLock({ $0.file }) else { return }
        writer.change { [isJSON] in
            if let new = Self.descriptor(of: path) { return new }
            writer.append(
                LogLines.line(
                    .error, "the log file cannot be opened anew, the one in use stays",
                    ["file": "\(path)", "cause": "\(File.reason())"], at: .now(), isJSON: isJSON))
            return nil
        }
    }

    private static func descriptor(of path: String) -> Int32? {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        return descriptor >= 0 ? descriptor : nil
    }

    /// Writes a line soon; nobody reading it is no fault.
    func write(_ line: String) {
        guard let writer = state.withLock({ $0.file?.writer }) else {
            return Streams.shared.say(line)
        }
        writer.append(line)
    }

    /// Waits until what was logged is in the file, but not for ever.
    func flush() { state.withLock { $0.file?.writer }?.flush(within: Self.patience) }
}
