// JSON for people: what a command line holds, what a command prints.

/// Why a text is not JSON.
public struct JSONTextError: Error, Equatable, CustomStringConvertible {
    /// Where it ceases to be JSON, in bytes from the beginning.
    public let offset: Int
    /// One sentence.
    public let description: String

    /// An error at an offset in bytes, with one sentence.
    public init(offset: Int, description: String) {
        self.offset = offset
        self.description = description
    }
}

/// JSON texts and values. Both ways, a string of U+0000 and base64 is binary.
public enum JSONText {
    /// - Throws: the first place that is not RFC 8259 (NaN and the infinities, too, are no JSON),
    ///   or that holds what no value can: a number larger than any double, half a surrogate pair.
    public static func parse(_ text: String) throws(JSONTextError) -> Value {
        try parse(Array(text.utf8))
    }

    /// The value of a text in bytes.
    /// - Parameter bytes: UTF-8, perhaps behind a byte order mark.
    /// - Throws: as for a string.
    public static func parse(_ bytes: [UInt8]) throws(JSONTextError) -> Value {
        let text = withoutByteOrderMark(bytes)
        let result = text.withUnsafeBufferPointer { text -> Swift.Result<Value, JSONTextError> in
            do throws(JSONTextError) { return .success(try parse(text)) } catch {
                return .failure(
                    JSONTextError(
                        offset: error.offset + bytes.count - text.count,
                        description: error.description))
            }
        }
        return try result.get()
    }

    /// What follows the mark with which some editors let a file begin.
    package static func withoutByteOrderMark(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]
    }

    private static func parse(
        _ bytes: UnsafeBufferPointer<UInt8>
    ) throws(JSONTextError) -> Value {
        guard let start = bytes.baseAddress, bytes.count > 0 else {
            throw JSONTextError(offset: 0, description: "the text is empty")
        }
        var reader = JSONReader(start: start, count: bytes.count, depth: 0)
        var budget = maximumElements
        do throws(Malformed) {
            let value = try reader.value(isOption: false, budget: &budget)
            guard reader.isAtEnd() else {
                throw .syntax("something follows after the value", offset: reader.offset)
            }
            return value
        } catch {
            var fault = error
            while case .inside(_, let inner) = fault { fault = inner }
            guard case .syntax(let sentence, let offset) = fault else {
                throw JSONTextError(offset: reader.offset, description: fault.sentence(.json))
            }
            throw JSONTextError(offset: offset, description: "\(sentence)")
        }
    }

    /// The value as compact JSON, safe to show: characters that steer a terminal are escaped. NaN
    /// and the infinities, which JSON cannot hold, become null.
    public static func text(_ value: Value) -> String {
        var writer = ByteWriter()
        JSONWriter.value(value, into: &writer)
        return shown(String(decoding: writer.bytes, as: UTF8.self))
    }

    /// The same over several lines.
    /// - Parameter indent: spaces per level.
    public static func text(_ value: Value, indent: Int) -> String {
        var writer = ByteWriter()
        pretty(value, indent: indent, level: 0, into: &writer)
        return shown(String(decoding: writer.bytes, as: UTF8.self))
    }

    /// Escapes what JSON may hold as it is, in strings alone: what stands between them is ASCII.
    private static func shown(_ text: String) -> String {
        let mayStand: UInt8 = 0x7f
        guard text.utf8.contains(where: { $0 >= mayStand }) else { return text }
        var shown = ""
        for scalar in text.unicodeScalars {
            if scalar.value >= mayStand, scalar.isSteering {
                let digits = String(scalar.value, radix: 16)
                shown += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    private static func pretty(
        _ value: Value, indent: Int, level: Int, into writer: inout ByteWriter
    ) {
        switch value {
        case .list(let list) where !list.isEmpty:
            writer.append(UInt8(ascii: "["))
            for (index, member) in list.enumerated() {
                if index > 0 { writer.append(UInt8(ascii: ",")) }
                newLine(indent * (level + 1), into: &writer)
                pretty(member, indent: indent, level: level + 1, into: &writer)
            }
            newLine(indent * level, into: &writer)
            writer.append(UInt8(ascii: "]"))
        case .dictionary(let dictionary) where !dictionary.isEmpty:
            writer.append(UInt8(ascii: "{"))
            for (index, entry) in dictionary.entries.enumerated() {
                if index > 0 { writer.append(UInt8(ascii: ",")) }
                newLine(indent * (level + 1), into: &writer)
                JSONWriter.text(entry.key, into: &writer)
                writer.append(": ")
                pretty(entry.value, indent: indent, level: level + 1, into: &writer)
            }
            newLine(indent * level, into: &writer)
            writer.append(UInt8(ascii: "}"))
        default: JSONWriter.value(value, into: &writer)
        }
    }

    private static func newLine(_ spaces: Int, into writer: inout ByteWriter) {
        writer.append(UInt8(ascii: "\n"))
        for _ in 0..<spaces { writer.append(UInt8(ascii: " ")) }
    }
}
