// How a command fails: one line on stderr, then hints; as one JSON line when the output is JSON.

import WAMP

/// Why a command ended without doing its work.
struct CommandFailure: Error {
    var code: ExitCode
    /// What it was about: a procedure, a URL; empty if the message says it.
    var subject = ""
    /// One sentence without a final stop.
    var message: String
    /// The error URI, if a WAMP peer sent one.
    var uri: ErrorURI?
    var args: [Value] = []
    var kwargs: Value.Dictionary = [:]
    var hints: [String] = []

    init(_ code: ExitCode, _ message: String, subject: String = "", hints: [String] = []) {
        self.code = code
        self.message = message
        self.subject = subject
        self.hints = hints
    }

    /// The failure of a request that was answered with an ERROR.
    init(
        error uri: ErrorURI, args: [Value], kwargs: Value.Dictionary, subject: String,
        hints: [String] = []
    ) {
        code = ExitCode(uri)
        self.subject = subject
        self.uri = uri
        self.args = args
        self.kwargs = kwargs
        self.hints = hints
        message = Self.sentence(for: uri, args: args, kwargs: kwargs)
    }

    /// What an error says to people: the peer's own text, else the name of the URI in words.
    static func sentence(
        for uri: ErrorURI, args: [Value], kwargs: Value.Dictionary
    ) -> String {
        if !uri.rawValue.hasPrefix("wamp.error.") || uri == .invalidArgument {
            if let text = args.first?.string, !text.isEmpty { return text }
        }
        let name = uri.rawValue.split(separator: ".").last.map(String.init) ?? uri.rawValue
        let words = name.replacing("_", with: " ")
        guard uri.rawValue.hasPrefix("wamp.error."), let text = args.first?.string, !text.isEmpty
        else { return words }
        return "\(words): \(text)"
    }

    /// The error of a record in a stream, where no peer sent one: ours, named by the kind.
    var recordURI: ErrorURI { uri ?? ErrorURI("wampctl.error.\(code.kind)") }

    /// The text for people: the error line and the hint lines.
    func text(command: String) -> String {
        var line = command
        if !subject.isEmpty { line += ": \(subject)" }
        line += ": \(oneLine(message))"
        if let uri { line += " (\(uri))" }
        return ([line] + hints.map { "hint: \(oneLine($0))" }).joined(separator: "\n")
    }

    /// The same as one line of JSON.
    var json: String {
        let error: Value.Dictionary = [
            "code": .int(Int64(code.rawValue)), "kind": .string(code.kind),
            "uri": uri.map { .string($0.rawValue) } ?? .null, "args": .list(args),
            "kwargs": .dictionary(kwargs),
            "message": .string(subject.isEmpty ? message : "\(subject): \(message)"),
            "hint": hints.isEmpty ? .null : .string(hints.joined(separator: "; ")),
        ]
        return JSONText.text(["error": .dictionary(error)])
    }

    /// Peers write these texts: a line break or an escape of theirs must not forge lines of ours.
    private func oneLine(_ text: String) -> String { Terminal.sanitized(text) }
}
