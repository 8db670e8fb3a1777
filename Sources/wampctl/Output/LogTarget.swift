// Where the log of a process goes, and how much of it.

import Glibc
import Logging
import Synchronization

/// stderr or a file, which can be opened anew after it was moved away.
final class LogTarget: Sendable {
    private struct State {
        var level = Logger.Level.info
        var path: String?
        /// Of the file; nil = stderr.
        var descriptor: Int32?
    }

    private let state = Mutex(State())

    deinit { _ = state.withLock { $0.descriptor.map { close($0) } } }

    var level: Logger.Level {
        get { state.withLock { $0.level } }
        set { state.withLock { $0.level = newValue } }
    }

    /// Logs to a file from now on; false, and to where it went before, if that cannot be opened.
    @discardableResult
    func open(_ path: String) -> Bool {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { return false }
        state.withLock { state in
            if let old = state.descriptor { close(old) }
            state.path = path
            state.descriptor = descriptor
        }
        return true
    }

    /// Opens the file again by its name; without a file there is nothing to do.
    func reopen() {
        if let path = state.withLock({ $0.path }) { open(path) }
    }

    /// Writes a line; nobody reading it is no fault.
    func write(_ line: String) {
        state.withLock { state in
            guard let descriptor = state.descriptor else { return Streams.shared.say(styled: line) }
            _ = File.write(Array("\(line)\n".utf8), to: descriptor)
        }
    }
}
