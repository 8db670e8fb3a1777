// Options about what is written and how, shared by every command.

import ArgumentParser

struct OutputOptions: ParsableArguments {
    @Option(
        name: [.customShort("o", allowingJoined: true), .long],
        help: ArgumentHelp("Output format, see below (default: text).", valueName: "format"))
    var output: String?

    @Flag(name: .shortAndLong, help: "No status lines on stderr; errors still print.")
    var quiet = false

    @Flag(
        name: .shortAndLong,
        help: "More on stderr: how it joined, the time of one call, debug logs of a router.")
    var verbose: Int

    @Option(
        name: .long,
        help: ArgumentHelp("auto, always or never (default: auto).", valueName: "when"),
        transform: Self.color)
    var color: ColorChoice?

    @Flag(name: .customLong("no-live"), help: "No redraw, even on a terminal.")
    var noLive = false

    /// What was asked for, once `require` has let it pass.
    var format: OutputFormat { output.flatMap(OutputFormat.init) ?? .text }
    var colorChoice: ColorChoice { color ?? .auto }

    static let variables = [
        EnvironmentVariable(
            name: "WAMPCTL_OUTPUT", option: "--output",
            note: ", or the nearest format that there is")
    ]

    /// What other programs know too.
    static let terminal = [
        (name: "NO_COLOR", meaning: "no colour and no redraw: not one escape"),
        (name: "CLICOLOR_FORCE", meaning: "colour in a pipe too"),
        (name: "TERM", meaning: "dumb: no colour on a terminal, no redraw"),
        (name: "COLUMNS", meaning: "columns of help (default: those of the terminal, else 80)"),
        (name: "LC_ALL", meaning: "UTF-8: more than ASCII in pictures; LC_CTYPE and LANG, too"),
    ]

    private static func color(_ text: String) throws -> ColorChoice {
        guard let choice = ColorChoice(rawValue: text) else {
            throw NotationError(Self.choices(ColorChoice.allCases.map(\.rawValue)))
        }
        return choice
    }

    /// `use a, b or c`.
    static func choices(_ names: [String]) -> String {
        "use \(names.dropLast().joined(separator: ", ")) or \(names.last ?? "")"
    }

    /// Refuses formats that the command does not have.
    func require(_ formats: [OutputFormat], for what: String) throws {
        guard let output, OutputFormat(rawValue: output).map(formats.contains) != true else {
            return
        }
        throw ValidationError(
            "\(what) has no --output format '\(output)'; "
                + Self.choices(formats.map(\.rawValue)))
    }
}
