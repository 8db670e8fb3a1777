// What a run of many calls came to. Pure.

import WAMP

struct RunFigures {
    private(set) var calls = 0
    private(set) var succeeded = 0
    /// By error URI, or by the kind of a failure that has none.
    private(set) var errors: [String: Int] = [:]
    private var codes: [ExitCode: Int] = [:]

    mutating func succeed() {
        calls += 1
        succeeded += 1
    }

    mutating func fail(_ code: ExitCode, _ name: String) {
        calls += 1
        errors[name, default: 0] += 1
        codes[code, default: 0] += 1
    }

    mutating func fail(_ uri: ErrorURI) { fail(ExitCode(uri), uri.rawValue) }

    var failed: Int { calls - succeeded }

    /// The code that the run asks for.
    var exitCode: ExitCode { .ofRun(succeeded: succeeded, failures: codes) }

    /// Why the run did not end with 0, as one sentence; nil if it does.
    func failure(of noun: String) -> CommandFailure? {
        guard exitCode != .ok else { return nil }
        let all = calls == 1 ? "1 \(noun)" : "\(calls) \(noun)s"
        return CommandFailure(exitCode, "\(failed) of \(all) failed: \(list)")
    }

    /// Kinds of errors and how many there were of each, the most frequent first.
    private var list: String {
        errors.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { "\($0.value) \(Terminal.sanitized($0.key))" }.joined(separator: ", ")
    }

    /// `1000 calls, 998 ok, 2 errors (1 com.example.bad, 1 wamp.error.timeout), 1.9 s, 526/s`.
    func summary(
        in duration: Duration, of noun: String = "call", isInterrupted: Bool = false
    ) -> String {
        var parts = [
            "\(calls) \(calls == 1 ? noun : "\(noun)s")", "\(succeeded) ok",
            "\(failed) \(failed == 1 ? "error" : "errors")",
        ]
        if failed > 0 { parts[2] += " (\(list))" }
        let seconds = duration.seconds
        parts.append("\(Figures.fixed(seconds, seconds < 0.1 ? 3 : 1)) s")
        if seconds > 0 { parts.append("\(Int((Double(calls) / seconds).rounded()))/s") }
        return parts.joined(separator: ", ") + (isInterrupted ? ", interrupted" : "")
    }
}
