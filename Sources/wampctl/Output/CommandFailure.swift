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
    /// - Parameter role: of the session that asked: who is not allowed to learns as whom.
    init(
        error uri: ErrorURI, args: [Value], kwargs: Value.Dictionary, subject: String,
        role: String? = nil, hints: [String] = []
    ) {
        code = ExitCode(uri)
        self.subject = subject
        self.uri = uri
        self.args = args
        self.kwargs = kwargs
        self.hints = hints
        let asWhom = code == .notAuthorized ? role.map { " as role '\($0)'" } : nil
        message = Self.sentence(for: uri, args: args, subject: subject, asWhom ?? "")
    }

    /// What an error says to people: the peer's own text, behind the name of a URI of WAMP in
    /// words. A text that says no more than that name and the subject is left out.
    /// - Parameter addition: what is said behind the name.
    private static func sentence(
        for uri: ErrorURI, args: [Value], subject: String, _ addition: String
    ) -> String {
        let words = uri.words + addition
        guard let text = args.first?.string, !text.isEmpty else { return words }
        guard uri.rawValue.hasPrefix("wamp.error."), uri != .invalidArgument else { return text }
        return uri.isPlain(text, about: subject) ? words : "\(words): \(text)"
    }

    /// The error of a record in a stream, where no peer sent one: ours, named by the kind.
    var recordURI: ErrorURI { uri ?? ErrorURI("wampctl.error.\(code.kind)") }

    /// The message, and the URI that a peer gave.
    var sentence: String { uri.map { "\(message) (\($0))" } ?? message }

    /// The text for people: the error line and the hint lines.
    func text(command: String) -> String {
        var line = command
        if !subject.isEmpty { line += ": \(oneLine(subject))" }
        line += ": \(oneLine(sentence))"
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
