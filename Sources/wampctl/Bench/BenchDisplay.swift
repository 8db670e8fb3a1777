// The progress bar on stderr, where that is a terminal.

import Glibc
import Synchronization

final class BenchDisplay: Sendable {
    struct State: Sendable {
        var progress: BenchProgress
        var display: LiveDisplay?
    }

    private let state: Mutex<State>
    private let isUTF8: Bool
    /// Whether anybody sees it.
    let isLive: Bool

    init(_ progress: BenchProgress, terminal: Terminal, isShown: Bool) {
        isUTF8 = terminal.isUTF8
        let draws = isShown && terminal.stderrIsTerminal && terminal.canRedraw
        isLive = draws
        state = Mutex(
            State(
                progress: progress,
                display: draws ? LiveDisplay(descriptor: STDERR_FILENO) : nil))
    }

    /// - Returns: the line.
    func add(_ sample: BenchSample, share: Double?) -> String {
        let isUTF8 = isUTF8
        return state.withLock { state in
            state.progress.add(sample, share: share)
            let line = state.progress.line(isUTF8: isUTF8)
            state.display?.draw([line])
            return line
        }
    }

    func clear() { state.withLock { $0.display?.clear() } }
}
