// How a payload is written on the command line: the one grammar of every command that sends
// arguments. Types never depend on data: a bare word is a string, a typed value is written with
// `:=`.

import WAMP

/// A payload written as words, with what a hint about it needs to know.
struct WrittenPayload: Equatable {
    var args: [Value] = []
    var kwargs: Value.Dictionary = [:]
    /// The words that became strings because nothing said otherwise.
    var bareWords: [String] = []
}

struct ArgumentSyntax {
    /// Bare words are JSON (`-j`).
    var wordsAreJSON = false
    /// Reads a whole file.
    var readFile: (String) throws(FileError) -> [UInt8] = File.contents

    /// Reads `--args` and `--kwargs`, then the words in the order written.
    func payload(
        words: [String], args: String? = nil, kwargs: String? = nil
    ) throws(NotationError) -> WrittenPayload {
        var payload = WrittenPayload()
        if let args {
            guard case .list(let list) = try wholeValue(args, of: "--args") else {
                throw NotationError("--args must be a JSON list, such as '[2, 3]'")
            }
            payload.args = list
        }
        if let kwargs {
            guard case .dictionary(let dictionary) = try wholeValue(kwargs, of: "--kwargs") else {
                throw NotationError("--kwargs must be a JSON object, such as '{\"a\": 1}'")
            }
            payload.kwargs = dictionary
        }
        for (index, word) in words.enumerated() {
            try add(word, named: "argument \(index + 1) '\(word.excerpt)'", to: &payload)
        }
        return payload
    }

    /// Reads one `-O key:=JSON` or `-O key=text`.
    func option(_ word: String) throws(NotationError) -> (key: String, value: Value) {
        guard let (key, form, text) = split(word), !key.isEmpty else {
            throw NotationError(
                "option '\(word.excerpt)' must be written key=text or key:=JSON")
        }
        return (key, try value(form, text, of: "option '\(word)'"))
    }

    /// How the text behind an operator is read.
    private enum Form { case text, json, binary }

    private func add(
        _ word: String, named name: String, to payload: inout WrittenPayload
    ) throws(NotationError) {
        guard let (key, form, text) = split(word) else {
            if wordsAreJSON {
                payload.args.append(
                    try json(word, of: name, cure: "with -j a string is written '\"…\"' or =…"))
            } else {
                try refuseStrayOperator(in: word, of: name)
                payload.args.append(.string(word))
                payload.bareWords.append(word)
            }
            return
        }
        let value = try value(form, text, of: name)
        if key.isEmpty {
            payload.args.append(value)
        } else if payload.kwargs[key] != nil {
            throw NotationError("\(name): the key '\(key)' is given twice")
        } else {
            payload.kwargs.append(key, value)
        }
    }

    /// Key, operator and rest of a word; nil if it is a bare one. The key of a positional value is
    /// empty.
    private func split(_ word: String) -> (key: String, form: Form, text: String)? {
        let letters = word.unicodeScalars
        var end = letters.startIndex
        if let first = letters.first, Self.opensKey(first) {
            end = letters.firstIndex { !Self.continuesKey($0) } ?? letters.endIndex
        }
        let key = String(word[..<end]), rest = word[end...]
        if rest.hasPrefix(":=") { return (key, .json, String(rest.dropFirst(2))) }
        if rest.hasPrefix("%=") { return (key, .binary, String(rest.dropFirst(2))) }
        if rest.hasPrefix("=") { return (key, .text, String(rest.dropFirst())) }
        return nil
    }

    /// A value of JSON behind what is no key would be a string that nobody meant.
    private func refuseStrayOperator(
        in word: String, of name: String
    ) throws(NotationError) {
        guard let place = word.firstRange(of: ":=") else { return }
        throw NotationError(
            "\(name): '\(String(word[..<place.lowerBound]).excerpt)' in front of := is no key: "
                + "\(Self.keyGrammar); the word as a string is written =…")
    }

    private static let keyGrammar = "a letter or _, then letters, digits, _, . and -"

    /// Letters of any script.
    private static func opensKey(_ letter: Unicode.Scalar) -> Bool {
        letter == "_" || letter.properties.isAlphabetic
    }

    private static func continuesKey(_ letter: Unicode.Scalar) -> Bool {
        if opensKey(letter) || letter == "." || letter == "-" { return true }
        return switch letter.properties.generalCategory {
        // Accents may be characters of their own.
        case .decimalNumber, .nonspacingMark, .spacingMark: true
        default: false
        }
    }

    private func value(
        _ form: Form, _ text: String, of name: String
    ) throws(NotationError) -> Value {
        switch form {
        case .text:
            if text.hasPrefix("@@") { return .string(String(text.dropFirst())) }
            guard text.hasPrefix("@") else { return .string(text) }
            return .string(try self.text(of: text.dropFirst(), for: name))
        case .json:
            guard text.hasPrefix("@") else {
                return try json(text, of: name, cure: "a string is written =…, or as a bare word")
            }
            return try json(
                try self.text(of: text.dropFirst(), for: name), of: name, cure: nil)
        case .binary:
            if text.hasPrefix("@") { return .binary(try contents(text.dropFirst(), for: name)) }
            guard let bytes = Base64.decode(text) else {
                throw NotationError(
                    "\(name) is not base64; the bytes of a file are written %=@FILE")
            }
            return .binary(bytes)
        }
    }

    private func wholeValue(
        _ text: String, of name: String
    ) throws(NotationError) -> Value {
        guard text.hasPrefix("@") else { return try json(text, of: name, cure: nil) }
        return try json(try self.text(of: text.dropFirst(), for: name), of: name, cure: nil)
    }

    private func json(
        _ text: String, of name: String, cure: String?
    ) throws(NotationError) -> Value {
        let value: Value
        do throws(JSONTextError) {
            value = try JSONText.parse(text)
        } catch {
            throw NotationError(
                "\(name) is not JSON (\(error))" + (cure.map { "; \($0)" } ?? ""))
        }
        if let key = value.repeatedKey {
            throw NotationError("\(name): the key '\(key.excerpt)' is given twice")
        }
        return value
    }

    private func text(of file: Substring, for name: String) throws(NotationError) -> String {
        guard let text = String(validating: try contents(file, for: name), as: UTF8.self) else {
            throw NotationError(
                "\(name): the file is not UTF-8 text; its bytes are written %=@\(file)")
        }
        return text
    }

    private func contents(
        _ file: Substring, for name: String
    ) throws(NotationError) -> [UInt8] {
        do throws(FileError) {
            return try readFile(String(file))
        } catch {
            throw NotationError("\(name): \(error)")
        }
    }
}

extension Value {
    /// A key that an object has twice, at whatever depth.
    fileprivate var repeatedKey: String? {
        switch self {
        case .list(let list): return list.lazy.compactMap(\.repeatedKey).first
        case .dictionary(let dictionary):
            var seen: Set<Name> = []
            let twin = dictionary.entries.first { !seen.insert(Name($0.key)).inserted }
            return twin?.key ?? dictionary.entries.lazy.compactMap { $0.value.repeatedKey }.first
        default: return nil
        }
    }
}
