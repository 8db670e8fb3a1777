// Options about the arguments of calls and events, shared by the commands that send them.

import ArgumentParser
import Glibc
import WAMP

/// How the arguments of a call or an event are written.
struct PayloadOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("All positional arguments: a JSON list, or @FILE.", valueName: "json"))
    var args: String?

    @Option(
        name: .long,
        help: ArgumentHelp("All keyword arguments: a JSON object, or @FILE.", valueName: "json"))
    var kwargs: String?

    @Flag(name: [.customShort("j"), .customLong("json-args")], help: "Bare words are JSON.")
    var jsonArgs = false

    @Option(
        name: [.customShort("O", allowingJoined: true), .long],
        help: ArgumentHelp("Further WAMP option, key=text or key:=JSON; repeatable."))
    var option: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Arguments from stdin: json, text, bytes; or one message per line: jsonl, lines.",
            valueName: "mode"),
        transform: Self.mode)
    var stdin: StdinMode?

    private static func mode(_ text: String) throws -> StdinMode {
        guard let mode = StdinMode(rawValue: text) else {
            throw NotationError(OutputOptions.choices(StdinMode.allCases.map(\.rawValue)))
        }
        return mode
    }

    /// The options of `-O`, behind those that have a name of their own.
    func options(beside named: Value.Dictionary = [:]) throws(CommandFailure) -> Value.Dictionary {
        try ArgumentSyntax.options(option, beside: named)
    }

    /// The arguments: from the words, or from all of stdin.
    func payload(words: [String]) throws(CommandFailure) -> WrittenPayload {
        var input: [UInt8] = []
        if stdin != nil, !File.readAll(STDIN_FILENO, into: &input) {
            throw File.unreadableInput()
        }
        do throws(NotationError) {
            if let stdin { return try stdin.payload(input) }
            return try ArgumentSyntax(wordsAreJSON: jsonArgs).payload(
                words: words, args: args, kwargs: kwargs)
        } catch {
            throw CommandFailure(.usage, error.description)
        }
    }

    /// Refuses what stdin and the line would say twice.
    func validate(isBatch: Bool, words: [String], isRepeated: Bool, repeating: String) throws {
        if isBatch, stdin != nil {
            throw ValidationError("'-' reads records from stdin; leave out --stdin")
        }
        if isBatch || stdin != nil, !words.isEmpty || args != nil || kwargs != nil {
            let first = words.first ?? (args != nil ? "--args" : "--kwargs")
            throw ValidationError("the arguments come from stdin; leave out '\(first)'")
        }
        if isBatch || stdin?.isLines == true, isRepeated {
            throw ValidationError(
                "the lines of stdin say how many there are; leave out \(repeating)")
        }
    }
}

extension ArgumentSyntax {
    /// WAMP options written as `-O key=text` and `-O key:=JSON`.
    static func options(
        _ words: [String], beside named: Value.Dictionary = [:]
    ) throws(CommandFailure) -> Value.Dictionary {
        var options = named
        for word in words {
            do throws(NotationError) {
                let (key, value) = try ArgumentSyntax().option(word)
                options[key] = value
            } catch {
                throw CommandFailure(.usage, error.description)
            }
        }
        return options
    }
}
