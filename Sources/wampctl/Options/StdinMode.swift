// How what comes on stdin becomes the arguments of calls.

import WAMP

enum StdinMode: String, CaseIterable {
    case json, text, bytes, jsonl, lines

    /// One call per line, instead of one for everything.
    var isLines: Bool { self == .jsonl || self == .lines }

    /// The payload in all of stdin, or in one of its lines.
    func payload(_ bytes: [UInt8]) throws(NotationError) -> WrittenPayload {
        switch self {
        case .bytes: return WrittenPayload(args: [.binary(bytes)])
        case .text:
            return WrittenPayload(args: [.string(try Self.string(Self.withoutNewline(bytes)))])
        case .lines: return WrittenPayload(args: [.string(try Self.string(bytes[...]))])
        case .json, .jsonl:
            let text = try Self.string(bytes[...])
            let value: Value
            do throws(JSONTextError) {
                value = try JSONText.parse(text)
            } catch {
                let line = self == .json ? "line \(Self.line(of: error.offset, in: bytes)) is " : ""
                throw NotationError("\(line)not JSON (\(error))")
            }
            switch value {
            case .list(let list): return WrittenPayload(args: list)
            case .dictionary(let dictionary): return WrittenPayload(kwargs: dictionary)
            default: return WrittenPayload(args: [value])
            }
        }
    }

    private static func withoutNewline(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...]
    }

    private static func string(_ bytes: ArraySlice<UInt8>) throws(NotationError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw NotationError("stdin is not UTF-8 text; use --stdin bytes")
        }
        return text
    }

    private static func line(of offset: Int, in bytes: [UInt8]) -> Int {
        1 + bytes.prefix(offset).count { $0 == UInt8(ascii: "\n") }
    }
}

/// One record of a batch: which procedure or topic, with what.
struct BatchRecord: Equatable {
    /// The procedure or topic.
    var target: String
    var payload = WrittenPayload()
    var options: Value.Dictionary = [:]
    /// The record's own `id`; answers carry it, or the line number.
    var id: Value?

    /// Reads a line such as `{"procedure": "com.example.add2", "args": [2, 3], "id": "a1"}`.
    ///
    /// - Parameter key: of the URI: `procedure` or `topic`.
    init(line bytes: [UInt8], key: String = "procedure") throws(NotationError) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw NotationError("the line is not UTF-8 text")
        }
        let value: Value
        do throws(JSONTextError) {
            value = try JSONText.parse(text)
        } catch {
            throw NotationError("the line is not JSON (\(error))")
        }
        guard let object = value.dictionary else {
            throw NotationError("a record is an object with the key '\(key)'")
        }
        id = object["id"]
        guard let target = object[key]?.string, URI(target).isValid(.loose) else {
            throw NotationError("the record has no '\(key)' that is a URI")
        }
        self.target = target
        guard let args = (object["args"] ?? []).list else {
            throw NotationError("'args' must be a list")
        }
        guard let kwargs = (object["kwargs"] ?? [:]).dictionary,
            let options = (object["options"] ?? [:]).dictionary
        else { throw NotationError("'kwargs' and 'options' must be objects") }
        let known = [key, "args", "kwargs", "options", "id"]
        if let stranger = object.keys.first(where: { !known.contains($0) }) {
            throw NotationError("unknown key '\(stranger)' in the record")
        }
        payload = WrittenPayload(args: args, kwargs: kwargs)
        self.options = options
    }
}
