// One answered invocation as a line on stdout.

import WAMP

struct InvocationLine {
    var instance: Int
    var name: String
    var session: UInt64
    var count: Int
    var procedure: String
    var args: [Value]
    var kwargs: Value.Dictionary
    /// The value it was answered with; nil after an error.
    var result: (args: [Value], kwargs: Value.Dictionary)?
    var error: ErrorURI?
    var duration: Duration
    var time: WallMoment

    /// For people: `12:00:01.204  callee-2  #17  com.example.hello  ["x"]  →  ["callee-2"]  0.3
    /// ms`.
    func text(isUTF8: Bool, isColored: Bool = false) -> String {
        let answer = Terminal.sanitized(result.map(Self.arguments) ?? error?.rawValue ?? "")
        let style = error == nil ? Style.string : .bad
        let before = Terminal.sanitized(
            [
                name, "#\(count)", procedure, Self.arguments((args, kwargs)),
                isUTF8 ? "→" : "->",
            ].joined(separator: "  "))
        return [
            Style.faint.applied(to: time.timeOfDay, if: isColored), before,
            style.applied(to: answer, if: isColored),
            "\(Figures.short(duration.milliseconds)) ms",
        ].joined(separator: "  ")
    }

    /// The record of `-o jsonl`.
    var record: Value.Dictionary {
        [
            "type": "invocation", "time": .string(time.timestamp),
            "instance": .int(Int64(instance)), "name": .string(name), "session": Value(session),
            "n": .int(Int64(count)), "procedure": .string(procedure), "args": .list(args),
            "kwargs": .dictionary(kwargs), "outcome": error == nil ? "ok" : "error",
            "uri": error.map { .string($0.rawValue) } ?? .null,
            "duration_ms": .double(Figures.rounded(duration.milliseconds, 3)),
        ]
    }

    private static func arguments(_ payload: (args: [Value], kwargs: Value.Dictionary)) -> String {
        let args = ResultText.text(.list(payload.args), pretty: false, colored: false)
        return payload.kwargs.isEmpty
            ? args
            : args + "  "
                + ResultText.text(.dictionary(payload.kwargs), pretty: false, colored: false)
    }
}
