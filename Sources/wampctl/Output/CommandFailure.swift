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
        let lines = [line] + (further.map { ["  \($0)"] } ?? [])
        return (lines + hints.map { "hint: \(oneLine($0))" }).joined(separator: "\n")
    }

    /// The arguments of an ERROR, as those of a result are shown, where they are more than the text
    /// that the sentence has.
    private var further: String? {
        let isText = args.count <= 1 && args.allSatisfy { $0.string != nil }
        guard uri != nil, !isText || !kwargs.isEmpty else { return nil }
        if let fault = Unprintable(args: args, kwargs: kwargs, asJSON: false) {
            return oneLine("its arguments \(fault.reason)")
        }
        return ResultText.text(args: args, kwargs: kwargs, pretty: false, colored: false)
    }

    /// Why JSON has the error without its arguments; nil if it has them.
    var gap: String? {
        Unprintable(args: args, kwargs: kwargs, asJSON: true).map {
            "the arguments of the error \($0.reason)"
        }
    }

    /// The same as one line of JSON.
    var json: String {
        let gap = gap
        let hints = hints + (gap.map { [$0] } ?? [])
        let error: Value.Dictionary = [
            "code": .int(Int64(code.rawValue)), "kind": .string(code.kind),
            "uri": uri.map { .string($0.rawValue) } ?? .null, "args": .list(gap == nil ? args : []),
            "kwargs": .dictionary(gap == nil ? kwargs : [:]),
            "message": .string(subject.isEmpty ? message : "\(subject): \(message)"),
            "hint": hints.isEmpty ? .null : .string(hints.joined(separator: "; ")),
        ]
        return JSONText.text(["error": .dictionary(error)])
    }

    /// The same with long words of the line cut wherever they are repeated.
    func shortened(_ words: [String]) -> CommandFailure {
        var failure = self
        for word in words where word.utf8.count > 200 {
            // Also the value alone, of an option or a keyword argument.
            let value = word.firstIndex(of: "=").map { String(word[word.index(after: $0)...]) }
            for text in [word] + (value.map { [$0] } ?? []) where text.utf8.count > 200 {
                failure.message = failure.message.replacing(text, with: text.excerpt)
                failure.subject = failure.subject.replacing(text, with: text.excerpt)
                failure.hints = failure.hints.map { $0.replacing(text, with: text.excerpt) }
            }
        }
        return failure
    }

    /// Peers write these texts: a line break or an escape of theirs must not forge lines of ours.
    private func oneLine(_ text: String) -> String { Terminal.sanitized(text) }
}
