// From the words of the line to a command that is ready to run, or to one sentence that says why
// not.

import ArgumentParser
import Glibc
import WAMP

struct CommandLineReader {
    let arguments: [String]
    let environment: Environment

    enum Reading {
        case command(any Command)
        case help(String)
        /// Nothing was written at all.
        case overview
        case version(OutputFormat?)
        case fault(CommandFailure, of: (any Command.Type)?)
    }

    func read() -> Reading {
        guard let first = arguments.first else { return .overview }
        if first == "help" { return help(on: arguments.dropFirst().first) }
        let command = Self.command(named: first)
        if options.contains("--help") || options.contains("-h") {
            return .help(command?.helpText(columns: columns) ?? overview)
        }
        if command == nil, options.contains("--version") { return .version(outputFormat) }
        if command == nil, !first.hasPrefix("-") { return unknownCommand(first) }
        return parse(as: command)
    }

    /// The output format asked for, as far as the line can be read; a fault is reported in it too.
    var outputFormat: OutputFormat? {
        (writtenFormat ?? environment[Self.outputVariable]).flatMap(OutputFormat.init)
    }

    private static let outputVariable = "WAMPCTL_OUTPUT"

    /// What the line says of it.
    private var writtenFormat: String? {
        var written: String?
        for (index, word) in options.enumerated() {
            if word == "-o" || word == "--output" {
                written = options.dropFirst(index + 1).first
            } else if word.hasPrefix("--output=") {
                written = String(word.dropFirst("--output=".count))
            } else if word.hasPrefix("-o"), !word.hasPrefix("--") {
                written = String(word.dropFirst(2))
            }
        }
        return written
    }

    /// How wide help may be.
    private var columns: Int { Terminal.columns(environment) }

    private var overview: String { Columns.wrapped(Wampctl.overview, within: columns) }

    /// The words before `--`.
    private var options: ArraySlice<String> { arguments.prefix { $0 != "--" } }

    static func command(named name: String) -> (any Command.Type)? {
        Wampctl.commands.first {
            $0.name == name || $0.configuration.aliases.contains(name)
        }
    }

    private static var names: [String] { Wampctl.commands.map { $0.name } }

    private func help(on topic: String?) -> Reading {
        guard let topic, topic != "--help", topic != "-h" else { return .help(overview) }
        if topic == "exit-codes" {
            return .help(Columns.wrapped(ExitCode.table, within: columns))
        }
        guard let command = Self.command(named: topic) else {
            return unknownCommand(topic, others: ["exit-codes"])
        }
        return .help(command.helpText(columns: columns))
    }

    private func unknownCommand(_ word: String, others: [String] = []) -> Reading {
        if word == "version" {
            return .fault(
                CommandFailure(
                    .usage, "unknown command 'version' (did you mean '--version'?)"), of: nil)
        }
        let suggestion = Similarity.nearest(to: word, among: Self.names + others)
            .map { " (did you mean '\($0)'?)" }
        return .fault(
            CommandFailure(.usage, "unknown command '\(word)'\(suggestion ?? "")"), of: nil)
    }

    /// The format of the environment is for all commands: each takes the nearest that it has.
    private func parse(as command: (any Command.Type)?) -> Reading {
        if let fault = command.flatMap(faultOfSwitch) { return .fault(fault, of: command) }
        let inherited = command.map { inheritedWords(for: $0) } ?? []
        guard let format = environment[Self.outputVariable].flatMap(OutputFormat.init),
            writtenFormat == nil
        else { return parse(as: command, with: inherited) }
        let others = inherited.filter { $0.variable != Self.outputVariable }
        for candidate in format.nearest {
            let word = "--output=\(candidate.rawValue)"
            let reading = parse(as: command, with: others + [(word, Self.outputVariable)])
            if case .command = reading { return reading }
        }
        return parse(as: command, with: others)
    }

    private func parse(
        as command: (any Command.Type)?, with inherited: [(word: String, variable: String)]
    ) -> Reading {
        var words = arguments
        if command != nil { words.insert(contentsOf: inherited.map(\.word), at: 1) }
        do {
            let parsed = try Wampctl.parseAsRoot(words)
            guard let command = parsed as? any Command else { return .overview }
            return .command(command)
        } catch {
            if Wampctl.exitCode(for: error).isSuccess {
                return .help(Wampctl.fullMessage(for: error))
            }
            if let option = AuthenticationOptions.forbidden(among: options) {
                return .fault(AuthenticationOptions.failure(for: option), of: command)
            }
            var sentence = withoutJargon(Self.sentence(Wampctl.message(for: error)))
            // The parser may stumble over its value first.
            if let command, let unknown = unknownOption(of: command) { sentence = unknown }
            if command == RouterCommand.self, isBeforeCommand(sentence) {
                sentence += "; a command for the router to run goes behind --"
            }
            for (word, variable) in inherited {
                let parts = word.split(separator: "=", maxSplits: 1)
                if parts.count == 1, sentence.contains(word), !options.contains(word) {
                    sentence += " (from \(variable))"
                }
                if parts.count == 2, sentence.contains("'\(parts[1])'"),
                    sentence.contains("\(parts[0]) ")
                {
                    sentence += " (from \(variable))"
                }
            }
            return .fault(
                CommandFailure(.usage, sentence, hints: hints(after: sentence, of: command)),
                of: command)
        }
    }

    /// How a negative number is written that was taken for an option.
    private func hints(after fault: String, of command: (any Command.Type)?) -> [String] {
        guard fault.hasPrefix("unknown option '-"),
            command == CallCommand.self
                || command == PublishCommand.self,
            let number = options.first(where: { $0.hasPrefix("-") && Double($0) != nil })
        else { return [] }
        return [
            "as a number write ':=\(number)'; behind -- a word is an argument even if it begins "
                + "with -"
        ]
    }

    /// What is wrong with the first long option that the command does not have, if there is one.
    private func unknownOption(of command: any Command.Type) -> String? {
        let isPart = { (character: Character) in
            character.isLetter || character.isNumber || character == "-"
        }
        // Wide enough for no name to be broken.
        let known = command.helpText(columns: 200).split { !isPart($0) }.filter {
            $0.hasPrefix("--")
        }
        let names = options.lazy.filter { $0.hasPrefix("--") }.map { $0.prefix { $0 != "=" } }
        guard let name = names.first(where: { !known.contains($0) }) else { return nil }
        let nearest = Similarity.nearest(
            to: String(name.dropFirst(2)), among: known.map { String($0.dropFirst(2)) })
        return "unknown option '\(name)'"
            + (nearest.map { " (did you mean '--\($0)'?)" } ?? "")
    }

    /// What the parser says of itself, in terms of the line.
    private func withoutJargon(_ text: String) -> String {
        let quoted = text.split(separator: "'", omittingEmptySubsequences: false)
        if text.hasPrefix("value to be set with"), quoted.count == 5 {
            return "\(quoted[3]) and \(quoted[1]) exclude each other"
        }
        // It takes a negative number for an option, and misses the value.
        if text.hasPrefix("missing value for '"), quoted.count == 3,
            let name = quoted[1].split(separator: " ").first,
            let place = options.firstIndex(of: String(name)),
            let value = options.dropFirst(place + 1).first, value.hasPrefix("-"),
            value.dropFirst().first?.isNumber == true
        {
            let joined = "\(name)=\(value)"
            return name.hasPrefix("--") && isRead(with: joined, inPlaceOf: place...(place + 1))
                ? "the value of \(name) begins with -: write \(joined)"
                : "'\(value)' is no value for \(name): it must not be negative"
        }
        return text
    }

    /// Whether the line is in order with another word in place of some of its own.
    private func isRead(with word: String, inPlaceOf places: ClosedRange<Int>) -> Bool {
        var words = arguments
        words.replaceSubrange(places, with: [word])
        let other = CommandLineReader(arguments: words, environment: environment).read()
        if case .command = other { return true } else { return false }
    }

    /// Whether a fault of a `router` line comes from the words of a command that it should run,
    /// written without `--`: an argument, or an option behind one.
    private func isBeforeCommand(_ fault: String) -> Bool {
        guard options.count == arguments.count else { return false }
        if fault.hasPrefix("unexpected argument") { return true }
        guard fault.hasPrefix("unknown option"),
            let option = fault.split(separator: "'").dropFirst().first,
            let place = arguments.firstIndex(where: { $0.hasPrefix(option) }), place > 1
        else { return false }
        let words = CommandLineReader(
            arguments: Array(arguments[..<place]), environment: environment)
        guard case .fault(let failure, _) = words.read() else { return false }
        return failure.message.hasPrefix("unexpected argument")
    }

    /// Options that the environment sets, written as words. They go in front, so that what is on
    /// the line wins.
    private func inheritedWords(
        for command: any Command.Type
    ) -> [(word: String, variable: String)] {
        command.variables.compactMap { variable in
            guard let value = environment[variable.name], !value.isEmpty,
                !(variable.isRepeatable && options.contains(where: variable.isWritten))
            else { return nil }
            switch variable.kind {
            case .value: return ("\(variable.option)=\(value)", variable.name)
            case .flag:
                return Self.switches[value.lowercased()] == true
                    ? (variable.option, variable.name) : nil
            }
        }
    }

    private static let switches = [
        "1": true, "true": true, "yes": true, "on": true,
        "0": false, "false": false, "no": false, "off": false,
    ]

    /// What is wrong with the first variable that is to switch an option on or off.
    private func faultOfSwitch(of command: any Command.Type) -> CommandFailure? {
        for variable in command.variables where variable.kind == .flag {
            guard let value = environment[variable.name], !value.isEmpty,
                Self.switches[value.lowercased()] == nil
            else { continue }
            return CommandFailure(
                .usage,
                "\(variable.name) cannot be '\(value)': use 1, true, yes or on, or 0, false, no or "
                    + "off")
        }
        return nil
    }

    /// A parser's message as one sentence in our manner: on one line, without capital and full
    /// stop.
    private static func sentence(_ message: String) -> String {
        let lines = message.split(whereSeparator: \.isNewline).map {
            $0.trimmingPrefix { $0 == " " }
        }
        var text = lines.joined(separator: "; ")
        text = withNearSuggestion(text)
        if text.hasSuffix(".") { text.removeLast() }
        guard let first = text.first else { return "cannot read the line" }
        return first.lowercased() + text.dropFirst()
    }
}

extension CommandLineReader {
    /// The parser's suggestion in our manner, if it is near enough to be meant; else without it.
    fileprivate static func withNearSuggestion(_ text: String) -> String {
        guard let question = text.firstRange(of: ". Did you mean ") else { return text }
        let sentence = String(text[..<question.lowerBound])
        let quoted = { (part: Substring) in
            part.split(separator: "'", omittingEmptySubsequences: false).dropFirst().first
                .map { String($0.drop { $0 == "-" }) }
        }
        guard let written = quoted(text[..<question.lowerBound]),
            let offered = quoted(text[question.upperBound...]),
            Similarity.nearest(to: written, among: [offered]) != nil
        else { return sentence }
        return sentence + " (did you mean " + text[question.upperBound...] + ")"
    }
}

/// A variable of the environment that stands for an option.
struct EnvironmentVariable: Equatable {
    enum Kind { case value, flag }

    let name: String
    /// Such as `--realm`.
    let option: String
    /// Such as `-r`.
    var letter: String?
    var kind = Kind.value
    /// The option may be repeated: then the line replaces the variable instead of adding to it.
    var isRepeatable = false

    /// Variables named by the rule: option `--foo-bar` of command `call` is `WAMPCTL_CALL_FOO_BAR`.
    static func named(
        after options: [String], of command: String, kind: Kind = .value
    ) -> [EnvironmentVariable] {
        options.map { option in
            let words = option.drop { $0 == "-" }.replacing("-", with: "_").uppercased()
            return EnvironmentVariable(
                name: "WAMPCTL_\(command.uppercased())_\(words)", option: option, kind: kind)
        }
    }

    /// More than the option, for help.
    var note = ""

    /// The variables and their options, for help; and those that are not for options.
    static func table(
        _ variables: [EnvironmentVariable]
    ) -> [(name: String, meaning: String)] {
        let joins = variables.contains { $0.option == "--secret-file" }
        let options = variables.map { (name: $0.name, meaning: $0.option + $0.note) }
        return options + (joins ? AuthenticationOptions.environment : []) + OutputOptions.terminal
    }

    func isWritten(_ word: String) -> Bool {
        word == option || word.hasPrefix("\(option)=")
            || letter.map { word.hasPrefix($0) && !word.hasPrefix("--") } == true
    }
}
