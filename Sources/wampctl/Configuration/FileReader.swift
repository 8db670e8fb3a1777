// A YAML file as values that know where they stand, so that every fault is told with its place.

import Yams

/// Something that is wrong with a file, or worth a word.
struct FileProblem: Equatable, CustomStringConvertible {
    let file: String
    /// From 1; nil for the file as a whole.
    var line: Int?
    var column: Int?
    /// What is wrong and how it is put right, in one sentence.
    var text: String
    /// The file can be used nevertheless.
    var isWarning = false

    /// As compilers write it, so that editors find the place.
    var description: String {
        var place = file
        if let line { place += ":\(line)" }
        if line != nil, let column { place += ":\(column)" }
        return place + ": " + (isWarning ? "warning: " : "") + text
    }
}

/// Reads one file and collects all that is wrong with it.
final class FileReader {
    let path: String
    private var found: [FileProblem] = []

    init(path: String) { self.path = path }

    /// What is wrong, as it stands in the file from top to bottom.
    var problems: [FileProblem] {
        found.sorted { ($0.line ?? 0, $0.column ?? 0) < ($1.line ?? 0, $1.column ?? 0) }
    }

    var hasErrors: Bool { found.contains { !$0.isWarning } }

    func report(_ text: String, at mark: Mark?, isWarning: Bool = false) {
        found.append(problem(text, at: mark, isWarning: isWarning))
    }

    func problem(_ text: String, at mark: Mark?, isWarning: Bool = false) -> FileProblem {
        FileProblem(
            file: path, line: mark?.line, column: mark?.column, text: text, isWarning: isWarning)
    }

    /// The file as a mapping; nil if there is nothing in it, or what is there is reported.
    func root() -> FileSection? {
        do throws(FileError) {
            let bytes = try File.contents(path)
            guard let text = String(validating: bytes, as: UTF8.self) else {
                reportEncoding(of: bytes)
                return nil
            }
            return root(of: text)
        } catch {
            found.append(FileProblem(file: path, text: error.description))
            return nil
        }
    }

    /// Reports the first place that is not UTF-8.
    private func reportEncoding(of bytes: [UInt8]) {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard
            let number = lines.firstIndex(where: { String(validating: $0, as: UTF8.self) == nil })
        else { return }
        var decoder = UTF8(), rest = lines[number].makeIterator(), column = 1
        while case .scalarValue = decoder.decode(&rest) { column += 1 }
        found.append(
            FileProblem(
                file: path, line: number + 1, column: column,
                text: "not UTF-8: the file must be written in that encoding"))
    }

    private func root(of text: String) -> FileSection? {
        do {
            guard let node = try Yams.compose(yaml: text) else { return nil }
            return FileValue(node, key: "the file", reader: self).settings()
        } catch let error as YamlError {
            report(error)
        } catch {
            report("\(error)", at: nil)
        }
        return nil
    }

    private func report(_ error: YamlError) {
        switch error {
        case .scanner(let context, let problem, let mark, _),
            .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let cure =
                problem.contains("cannot start any token")
                ? "indent with blanks, not with tabs, and put texts that begin with @ in quotes"
                : "look at indentation, quotes and brackets"
            let start = context.map {
                ", \($0.text) that begins in line \($0.mark.line), column \($0.mark.column)"
            }
            report("not YAML: \(problem)\(start ?? ""); \(cure)", at: mark)
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.map { "'\($0)'" }.joined(separator: ", ")
            report("\(names) is there more than once; keep one", at: context.mark)
        case .reader(let problem, let offset, _, let text):
            let before = text.utf8.prefix(offset ?? 0)
            let line = before.count { $0 == UInt8(ascii: "\n") } + 1
            found.append(
                FileProblem(
                    file: path, line: line, text: "not YAML: \(problem); the file must be UTF-8"))
        default: report("not YAML: \(error)", at: nil)
        }
    }
}

/// A mapping whose keys are taken one by one; what is left over in the end is unknown.
final class FileSection {
    let value: FileValue
    private let pairs: [(key: Node, value: Node)]
    private var known: [String] = []

    init(_ value: FileValue, _ mapping: Node.Mapping) {
        self.value = value
        pairs = mapping.map { ($0.key, $0.value) }
    }

    /// The value of a key. Asking makes the key a known one.
    subscript(key: String) -> FileValue? {
        known.append(key)
        guard let pair = pairs.first(where: { $0.key.scalar?.string == key }) else { return nil }
        return FileValue(pair.value, key: key, reader: value.reader, keyMark: pair.key.mark)
    }

    /// The value of a key that must be there.
    func required(_ key: String) -> FileValue? {
        if let value = self[key] { return value }
        value.fail("'\(key)' is missing")
        return nil
    }

    /// Reports every key that nobody asked for, with the one that may have been meant.
    /// - Parameter elsewhere: keys that belong in a section here, by the section.
    func finish(elsewhere: [String: Set<String>] = [:]) {
        for (key, _) in pairs {
            guard let name = key.scalar?.string else {
                value.reader.report("a key must be a word", at: key.mark)
                continue
            }
            if known.contains(name) { continue }
            if let section = elsewhere.first(where: { $0.value.contains(name) })?.key {
                let place = section == "realms" ? "an entry of 'realms'" : "'\(section)'"
                value.reader.report(
                    "unknown key '\(name)'; it belongs in \(place)", at: key.mark)
                continue
            }
            let near =
                Similarity.nearest(to: name, among: known)
                ?? known.first { $0.hasPrefix("\(name)_") || name.hasPrefix("\($0)_") }
            let cure =
                near.map { "did you mean '\($0)'?" }
                ?? "known here: " + known.joined(separator: ", ")
            value.reader.report("unknown key '\(name)'; \(cure)", at: key.mark)
        }
    }
}

/// One value of a file with its key and place. What cannot be read as asked for is reported, and
/// nil.
struct FileValue {
    let node: Node
    let key: String
    let reader: FileReader
    private let keyMark: Mark?
    /// Whether it stands in the list that the key has.
    private let isEntry: Bool

    init(
        _ node: Node, key: String, reader: FileReader, keyMark: Mark? = nil, isEntry: Bool = false
    ) {
        self.node = node
        self.key = key
        self.reader = reader
        self.keyMark = keyMark
        self.isEntry = isEntry
    }

    /// Where it stands, with its key if it has no place of its own.
    var mark: Mark? { node.mark ?? keyMark }

    /// Its line, from 1.
    var line: Int { mark?.line ?? 0 }

    /// What is written, if it is one word or text and not a list or mapping.
    var raw: String? { node.scalar?.string }

    var isMapping: Bool { node.mapping != nil }

    var isList: Bool { node.sequence != nil }

    var isEmptyList: Bool { node.sequence?.isEmpty == true }

    /// Whether it is a mapping with an empty list under this key.
    func hasEmptyList(of key: String) -> Bool { node.mapping?[key]?.sequence?.isEmpty == true }

    func fail(_ text: String) { reader.report(text, at: mark) }

    /// What may turn out to be wrong once the line is read as well.
    func problem(_ text: String) -> FileProblem { reader.problem(text, at: mark) }

    func warn(_ text: String) { reader.report(text, at: mark, isWarning: true) }

    /// The text of a scalar that was not put in quotes.
    private var plain: String? {
        guard let scalar = node.scalar, scalar.style == .plain || scalar.style == .any else {
            return nil
        }
        return scalar.string
    }

    private static let switches = [
        "true": true, "yes": true, "on": true, "false": false, "no": false, "off": false,
    ]

    /// Whether it is `true` or `false` in one of YAML's spellings.
    var isSwitch: Bool { plain.map { Self.switches[$0.lowercased()] != nil } ?? false }

    func bool() -> Bool? {
        if let plain, let value = Self.switches[plain.lowercased()] { return value }
        fail("'\(key)' must be true or false")
        return nil
    }

    func string() -> String? {
        guard let text = node.scalar?.string, plain != "", plain != "~", plain != "null" else {
            fail("'\(key)' must be a text")
            return nil
        }
        if isSwitch {
            fail("'\(key)' must be a text; if '\(text)' is one, put it in quotes")
            return nil
        }
        return text
    }

    func number(in range: ClosedRange<Int>) -> Int? {
        guard let plain, let number = Int(plain) else {
            fail("'\(key)' must be a whole number")
            return nil
        }
        guard range.contains(number) else {
            let bounds =
                range.upperBound == .max
                ? "at least \(range.lowerBound)"
                : "from \(range.lowerBound) to \(range.upperBound)"
            fail("'\(key)' must be \(bounds), not \(number)")
            return nil
        }
        return number
    }

    /// Reads a duration, size or the like.
    func notation<T>(_ read: (String) throws(NotationError) -> T) -> T? {
        guard let text = string() else { return nil }
        do throws(NotationError) {
            return try read(text)
        } catch {
            fail("'\(key)': \(error)")
            return nil
        }
    }

    func duration() -> Duration? { notation(Notation.duration) }

    func choice<T: RawRepresentable & CaseIterable>(of type: T.Type) -> T?
    where T.RawValue == String {
        choice(among: T.allCases.map(\.rawValue)).flatMap(T.init)
    }

    func choice(among names: [String]) -> String? {
        guard let text = node.scalar?.string else {
            fail("'\(key)': \(OutputOptions.choices(names))")
            return nil
        }
        if names.contains(text) { return text }
        let near = Similarity.nearest(to: text, among: names).map { "; did you mean '\($0)'?" }
        fail("'\(key)' cannot be '\(text)': \(OutputOptions.choices(names))\(near ?? "")")
        return nil
    }

    /// A file that must be readable, by its path: one that is not absolute is looked for beside
    /// the configuration file, and `~` is the home directory.
    func file() -> String? {
        guard let name = string() else { return nil }
        let path = File.path(name, beside: reader.path)
        do throws(FileError) {
            _ = try File.contents(path)
            return path
        } catch {
            fail("'\(key)': \(error)")
            return nil
        }
    }

    /// A path of a file that need not be there.
    func path() -> String? { string().map { File.path($0, beside: reader.path) } }

    /// The path of a file that is going to be written.
    func place() -> String? {
        guard let path = path() else { return nil }
        if let fault = File.fault(ofPlace: path) { warn("'\(key)': \(fault)") }
        return path
    }

    func list() -> [FileValue]? {
        guard let sequence = node.sequence else {
            fail("'\(key)' must be a list: [ … ], or lines that begin with -")
            return nil
        }
        return sequence.map {
            FileValue($0, key: key, reader: reader, keyMark: mark, isEntry: true)
        }
    }

    /// A section of settings that have defaults: one with nothing in it is like none.
    func settings() -> FileSection? {
        ["", "~", "null"].contains(plain) ? nil : section()
    }

    func section() -> FileSection? {
        guard let mapping = node.mapping else {
            fail(
                key == "the file"
                    ? "the file must hold keys with values, such as 'auto_realms: true'"
                    : "\(isEntry ? "an entry of " : "")'\(key)' must hold keys with values: "
                        + "{ key: value, … }")
            return nil
        }
        return FileSection(self, mapping)
    }
}

extension File {
    /// The path of a file that another file names.
    static func path(_ name: String, beside file: String) -> String {
        if name.hasPrefix("/") { return name }
        if name.hasPrefix("~/"), let home = Environment.process["HOME"] {
            return home + name.dropFirst()
        }
        guard let slash = file.lastIndex(of: "/") else { return name }
        return String(file[...slash]) + name
    }
}

/// Takes over what a file has, and leaves what it does not.
func set<T>(_ target: inout T, _ value: T?) {
    if let value { target = value }
}

/// The same for what may be nil: a missing value must not become one.
func set<T>(_ target: inout T?, _ value: T?) {
    if let value { target = value }
}
