// The manual pages beside the help of the commands: what the one says of an option the other says,
// too, and nothing that people may write is in no page.

import Glibc
import Testing

@testable import wampctl

@Suite struct ManualTests {
    private static let root =
        "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    private static let names = Wampctl.commands.map { $0.name }

    private func page(_ name: String) throws -> [String] {
        let bytes = try File.contents("\(Self.root)/man/\(name)")
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// An option or an argument, and what is said of it.
    private struct Entry: Equatable, CustomStringConvertible {
        var names: [String]
        var text = ""

        var description: String { "\(names.joined(separator: ", ")): \(text)" }
    }

    /// The entries of help, from its arguments to its last group of options.
    private func helped(_ command: any Command.Type) throws -> [Entry] {
        let text = command.helpText(columns: 100_000)
        let start = try #require(
            (text.firstRange(of: "\nARGUMENTS:\n") ?? text.firstRange(of: "\nOPTIONS:\n"))?
                .upperBound)
        let title = command.page.notes.first?.title ?? "ENVIRONMENT"
        let end = try #require(text.firstRange(of: "\n\(title):\n")?.lowerBound)
        var entries: [Entry] = []
        for line in text[start..<end].split(separator: "\n") where line.hasPrefix("  ") {
            let row = line.dropFirst(2)
            guard let first = row.first, first != " " else {
                entries[entries.count - 1].text += row.trimmingPrefix { $0 == " " }
                continue
            }
            // A label that fills its column has but one blank behind it.
            let gap = row.firstRange(of: "  ")?.lowerBound ?? row.endIndex
            let value = row.firstRange(of: "> ").map { row.index(after: $0.lowerBound) }
            let label = row[..<min(gap, value ?? gap)]
            let names = label.split(separator: ", ").map { name in
                String(name.prefix { $0 != " " }.filter { !"<>".contains($0) })
                    .replacing("...", with: "")
            }
            let rest = row.dropFirst(label.count).trimmingPrefix { $0 == " " }
            entries.append(Entry(names: names, text: String(rest)))
        }
        return entries
    }

    /// The entries of the list in a page's description.
    private func described(_ page: [String]) -> [Entry] {
        var entries: [Entry] = []
        for line in page.drop(while: { $0 != ".Sh DESCRIPTION" }).prefix(while: { $0 != ".El" }) {
            if line.hasPrefix(".It ") {
                entries.append(Entry(names: Self.names(in: line.dropFirst(4))))
            } else if !entries.isEmpty {
                let gap = entries[entries.count - 1].text.isEmpty ? "" : " "
                entries[entries.count - 1].text += gap + Self.plain(line)
            }
        }
        return entries
    }

    /// `Fl n , -repeat Ar n` is -n and --repeat, `Ar arg...` an argument.
    private static func names(in item: Substring) -> [String] {
        if item.hasPrefix("Ar ") { return [String(item.dropFirst(3)).replacing("...", with: "")] }
        return item.replacing("Fl ", with: "").split(separator: " , ").map { part in
            "-" + part.prefix { $0 != " " }
        }
    }

    private static func plain(_ text: String) -> String {
        text.replacing("\\&", with: "").replacing("\\e", with: "\\").replacing("\\-", with: "-")
    }

    @Test("A page has each option and argument of help, with the same words", arguments: names)
    func options(name: String) throws {
        let command = try #require(CommandLineReader.command(named: name))
        let helped = try helped(command)
        let described = described(try page("wampctl-\(name).1"))
        #expect(helped.count > 5)
        let key = { (entry: Entry) in entry.names.joined(separator: " ") }
        #expect(helped.map(key).sorted() == described.map(key).sorted())
        for entry in helped {
            let other = described.first { $0.names == entry.names }
            #expect(other == entry, "\(entry)")
            #expect(described.count { $0.text == entry.text } == 1, "\(entry) and another")
        }
    }

    @Test("A page has the other sections of help, word for word", arguments: names)
    func sections(name: String) throws {
        let command = try #require(CommandLineReader.command(named: name))
        let lines = try page("wampctl-\(name).1")
        let words = Self.plain(lines.joined(separator: " ")).split(separator: " ")
            .joined(separator: " ")
        let page = command.page
        var texts = page.description + page.examples + page.notes.flatMap(\.lines)
        texts += page.environment.map { "\($0.name) \($0.meaning)" }
        texts += page.exitCodes.map { "\($0.rawValue) \($0.kind) \($0.meaning)" }
        for text in texts {
            let wanted = text.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
            #expect(words.contains(wanted), "\(wanted)")
        }
        for title in page.notes.map(\.title) + ["ENVIRONMENT", "EXIT STATUS"] {
            #expect(
                lines.contains { $0 == ".Sh \"\(title)\"" || $0 == ".Sh \(title)" }, "\(title)")
        }
        // What is not filled must fit beside the margin of a page.
        var isLiteral = false
        for line in lines {
            if line.hasPrefix(".Bd -literal") { isLiteral = true }
            if line == ".Ed" { isLiteral = false }
            #expect(!isLiteral || Self.plain(line).columnCount <= 75, "\(line)")
        }
    }

    @Test("The page of the program names every command, that of meta every subcommand")
    func commands() throws {
        let program = try page("wampctl.1")
        for name in Self.names { #expect(program.contains(".It Xr wampctl-\(name) 1"), "\(name)") }
        let meta = try page("wampctl-meta.1")
        for (form, meaning) in MetaQuery.forms {
            #expect(
                meta.contains { $0.hasPrefix(form) && $0.contains(meaning.prefix(20)) }, "\(form)")
            // And each of them is read as a question.
            let words = form.split(separator: " ").map(String.init).map { word in
                [
                    "ID": "7", "SESSION": "8", "URI": "a.b", "TOPIC": "a.b", "URI|ID": "a.b",
                    "TOPIC|ID": "a.b", "[SUBJECT]": "session",
                ][word] ?? word
            }
            #expect(throws: Never.self, "\(form)") { try MetaQuery(words, target: nil) }
        }
    }

    @Test("Every variable of the environment that the sources know is in a page")
    func variables() throws {
        var pages = ""
        for name in Self.names { pages += try page("wampctl-\(name).1").joined(separator: "\n") }
        let search = try #require(
            popen("grep -rhoE '\"WAMPCTL_[A-Z_]+\"' \(Self.root)/Sources", "r"))
        defer { pclose(search) }
        var names: Set<String> = []
        var line = [CChar](repeating: 0, count: 200)
        while fgets(&line, Int32(line.count), search) != nil {
            let text = line.prefix { $0 != 0 }.map {
                Character(UnicodeScalar(UInt8(bitPattern: $0)))
            }
            names.insert(String(text.filter { $0 != "\"" && $0 != "\n" }))
        }
        for command in Wampctl.commands { names.formUnion(command.variables.map(\.name)) }
        // By which a process that goes on in the background knows itself, a prefix, and what is
        // kept from a router's command for the sake of other versions.
        let others: Set = ["WAMPCTL_DETACHED", "WAMPCTL_", "WAMPCTL_CONTEXT"]
        for name in names.subtracting(others) {
            #expect(pages.contains(name), "\(name)")
        }
        #expect(names.contains("WAMPCTL_SECRET") && names.contains("WAMPCTL_KEY"))
    }
}
