// One result in the output formats: for people, for scripts, for a pipe.

import WAMP

/// The formats of `--output`.
enum OutputFormat: String, CaseIterable {
    case text, json, jsonl, table, tsv, raw

    /// Whether programs read it as JSON.
    var isJSON: Bool { self == .json || self == .jsonl }

    /// What serves for it, best first, where a command lacks it. Text is everywhere the default.
    var nearest: [OutputFormat] {
        switch self {
        case .json: [.json, .jsonl]
        case .jsonl: [.jsonl, .json]
        default: [self]
        }
    }
}

/// What a call brought back.
struct AnsweredCall {
    var procedure: String
    var args: [Value] = []
    var kwargs: Value.Dictionary = [:]
    var details: Value.Dictionary = [:]
    var callee: UInt64?
    var calleeName: String?
    var latency: Duration
    /// The results ahead of the last one, if they were asked for and belong to the document.
    var progress: [Value]?
    /// Set when the call ended with an error.
    var error: ErrorURI?
}

enum ResultText {
    /// For people: nothing for an empty result, the bare value for one argument, else both parts.
    static func text(args: [Value], kwargs: Value.Dictionary, pretty: Bool, colored: Bool)
        -> String?
    {
        if kwargs.isEmpty, args.isEmpty { return nil }
        let value: Value =
            kwargs.isEmpty && args.count == 1
            ? args[0] : ["args": .list(args), "kwargs": .dictionary(kwargs)]
        return self.text(value, pretty: pretty, colored: colored)
    }

    /// A value as JSON: on one line, or indented and coloured. Numbers that JSON lacks are words.
    static func text(_ value: Value, pretty: Bool, colored: Bool) -> String {
        if !pretty, !colored, !value.holdsUnwritableNumber { return JSONText.text(value) }
        var text = ""
        write(value, indent: pretty ? 0 : nil, colored: colored, to: &text)
        return text
    }

    /// The first positional argument as bytes: strings without quotes and with a newline, binary
    /// verbatim.
    static func raw(args: [Value]) -> [UInt8] {
        switch args.first {
        case nil: []
        case .binary(let bytes): bytes
        case .string(let text): Array("\(text)\n".utf8)
        case .some(let value):
            Array("\(text(value, pretty: false, colored: false))\n".utf8)
        }
    }

    /// The document of `-o json` for one call.
    static func document(_ outcome: AnsweredCall) -> Value.Dictionary {
        var document: Value.Dictionary = ["procedure": .string(outcome.procedure)]
        if let progress = outcome.progress { document.append("progress", .list(progress)) }
        document.append("args", .list(outcome.args))
        document.append("kwargs", .dictionary(outcome.kwargs))
        document.append("details", .dictionary(outcome.details))
        document.append("callee", outcome.callee.map { Value($0) } ?? .null)
        document.append("callee_authid", outcome.calleeName.map { .string($0) } ?? .null)
        document.append("latency_ms", .double(Figures.rounded(outcome.latency.milliseconds, 3)))
        return document
    }

    /// The record of `-o jsonl` for one of many calls. `id` is a batch record's own, if it has one.
    static func record(
        _ outcome: AnsweredCall, id: Value?, isLast: Bool = true, at time: WallMoment
    ) -> Value.Dictionary {
        let type = outcome.error != nil ? "error" : isLast ? "result" : "progress"
        var record: Value.Dictionary = [
            "type": .string(type), "time": .string(time.timestamp),
        ]
        if let id { record.append("id", id) }
        record.append("uri", outcome.error.map { .string($0.rawValue) } ?? .null)
        for (key, value) in document(outcome).entries { record.append(key, value) }
        return record
    }

    private static func write(
        _ value: Value, indent: Int?, colored: Bool, to text: inout String
    ) {
        switch value {
        case .list(let list) where !list.isEmpty:
            text += "["
            for (index, element) in list.enumerated() {
                if index > 0 { text += "," }
                breakLine(indent.map { $0 + 1 }, to: &text)
                write(element, indent: indent.map { $0 + 1 }, colored: colored, to: &text)
            }
            breakLine(indent, to: &text)
            text += "]"
        case .dictionary(let dictionary) where !dictionary.isEmpty:
            text += "{"
            for (index, entry) in dictionary.entries.enumerated() {
                if index > 0 { text += "," }
                breakLine(indent.map { $0 + 1 }, to: &text)
                text += Style.key.applied(
                    to: JSONText.text(.string(entry.key)), if: colored)
                text += indent == nil ? ":" : ": "
                write(entry.value, indent: indent.map { $0 + 1 }, colored: colored, to: &text)
            }
            breakLine(indent, to: &text)
            text += "}"
        case .map(let entries):
            let texts = entries.map { ($0.key.keyText ?? "?", $0.value) }
            write(
                .dictionary(Value.Dictionary(texts)), indent: indent, colored: colored, to: &text)
        default:
            text += style(of: value).applied(
                to: value.unwritableNumber ?? JSONText.text(value), if: colored)
        }
    }

    private static func breakLine(_ indent: Int?, to text: inout String) {
        guard let indent else { return }
        text += "\n" + String(repeating: "  ", count: indent)
    }

    private static func style(of value: Value) -> Style {
        switch value {
        case .string, .binary: .string
        case .int, .uint, .big, .double: .number
        case .null, .bool: .literal
        case .list, .dictionary, .map: .faint
        }
    }
}
