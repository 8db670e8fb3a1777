// Help: summary, usage, examples, options in groups, environment, exit codes, see also; in this
// order. The options come from the commands themselves, so that help cannot lie about them.

import ArgumentParser

struct HelpPage: Sendable {
    let summary: String
    /// Paragraphs for the manual page; help is for those who know what the command is for.
    var description: [String] = []
    let usage: [String]
    let examples: [String]
    /// What the options alone do not tell, by title. ASCII, because manual pages hold nothing else.
    var notes: [Note] = []
    let environment: [(name: String, meaning: String)]
    var exitCodes: [ExitCode] = []
    let seeAlso: String

    struct Note: Sendable {
        /// In capitals.
        let title: String
        /// Paragraphs, or entries of a table, of any length: they are broken where they are shown.
        let lines: [String]
    }

    /// The columns of text that stands in a manual page as it is.
    private static let manualColumns = 77

    /// What a manual page says beyond the options.
    var discussion: String {
        var parts = description.isEmpty ? [] : ["PROSE:\n" + description.joined(separator: "\n")]
        let rest = ["EXAMPLES:\n" + examples.map { "  \($0)" }.joined(separator: "\n")] + closing
        parts.append(
            Columns.wrapped(rest.joined(separator: "\n\n"), within: Self.manualColumns))
        return parts.joined(separator: "\n\n")
    }

    /// The whole help text around the options of a command.
    func text(options: String, columns: Int) -> String {
        let margin = "       "
        let usageText = Columns.wrapped(
            usage.map { margin + $0 }.joined(separator: "\n"), within: columns)
        let parts =
            [
                summary, "Usage: " + usageText.dropFirst(margin.count),
                "EXAMPLES:\n" + examples.map { "  \($0)" }.joined(separator: "\n"), options,
            ] + closing
        return Columns.wrapped(
            parts.filter { !$0.isEmpty }.joined(separator: "\n\n"), within: columns)
    }

    private var closing: [String] {
        var parts = notes.map { note in
            "\(note.title):\n" + note.lines.map { "  \($0)" }.joined(separator: "\n")
        }
        if !environment.isEmpty {
            let width = (environment.map(\.name.count).max() ?? 0) + 2
            parts.append(
                "ENVIRONMENT:\n"
                    + environment.map { "  \(Columns.left($0.name, width))\($0.meaning)" }
                    .joined(separator: "\n")
                    + "\n  The line goes before the environment; other options have no variable.")
        }
        if !exitCodes.isEmpty {
            parts.append(
                "EXIT CODES:\n"
                    + exitCodes.map {
                        "  \(Columns.right(String($0.rawValue), 3))  \(Columns.left($0.kind, 19))"
                            + $0.meaning
                    }.joined(separator: "\n"))
        }
        parts.append("SEE ALSO:\n  \(seeAlso)")
        return parts
    }
}

extension Command {
    /// The help text of the command.
    static func helpText(columns: Int) -> String {
        let generated = Wampctl.helpMessage(for: Self.self, columns: columns)
        // Paragraphs behind the usage: arguments, groups in the order declared, and last what is in
        // no group, which belongs to the command itself and goes first.
        let paragraphs = generated.replacing("\n\n", with: "\u{0}").split(separator: "\u{0}")
        var sections = paragraphs.drop { !$0.hasPrefix("USAGE:") }.dropFirst().map {
            String($0).trimmingSuffixNewlines
        }
        if let own = sections.lastIndex(where: { $0.hasPrefix("OPTIONS:") }) {
            let section = sections.remove(at: own)
            let place = sections.firstIndex { !$0.hasPrefix("ARGUMENTS:") } ?? sections.endIndex
            sections.insert(section, at: place)
        }
        return page.text(options: sections.joined(separator: "\n\n"), columns: columns)
    }
}

extension String {
    fileprivate var trimmingSuffixNewlines: String {
        var text = self
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }
}

extension HelpPage.Note {
    /// How durations, sizes and rates are written in every command.
    static let quantities = HelpPage.Note(
        title: "QUANTITIES",
        lines: [
            "duration  a number with its unit: 250us, 20ms, 1.5s, 2m, 1h; or 0",
            "size      bytes, in powers of 1024: 512, 64k, 16m",
            "rate      calls per second: 1000, 5k",
        ])

    /// What becomes of lines that nobody reads.
    /// - Parameter lines: why they wait and how long.
    static func unreadOutput(_ lines: String...) -> HelpPage.Note {
        HelpPage.Note(
            title: "UNREAD OUTPUT",
            lines: lines + [
                "What finds no room is dropped, and so is what waits when nothing was read for 2 "
                    + "seconds after a first signal. stderr counts it, and the exit code is not 0, "
                    + "but 1, or 128 + signal."
            ])
    }

    /// How failures are told in every command.
    static let errors =
        "On a failure stderr has one line, and hints; with json and jsonl it is an object:"

    static let errorObject =
        #"  {"error":{"code","kind","uri","args","kwargs","message","hint"}}"#
}
