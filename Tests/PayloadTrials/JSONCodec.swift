// JSON of the trials. What it has not, NaN and the infinities, is written as Python writes it.

import WAMP

struct JSONSpecimenWriter {
    var bytes: [UInt8] = []

    mutating func write(_ specimen: Specimen, _ chance: inout SplitMix64) throws {
        switch specimen {
        case .null: put("null")
        case .bool(let value): put(value ? "true" : "false")
        case .integer(let digits): put(digits)
        case .float(let bits):
            put(JSONSpecimenWriter.digits(Double(bitPattern: bits)))
        case .text(let text):
            // It would be binary.
            guard text.first != 0 || Base.bytes(Array(text.dropFirst())) == nil else {
                throw Unwritable()
            }
            string(text, &chance)
        case .halfPair: put(#""\ud83d""#)
        case .binary(let binary): string([0] + Base.text(binary), &chance)
        case .list(let list):
            put("[")
            for (index, member) in list.enumerated() {
                if index > 0 { put(",") }
                blank(&chance)
                try write(member, &chance)
            }
            put("]")
        case .map(let pairs):
            put("{")
            for (index, pair) in pairs.enumerated() {
                guard case .text(let key) = pair.key else { throw Unwritable() }
                if index > 0 { put(",") }
                string(key, &chance)
                blank(&chance)
                put(":")
                try write(pair.value, &chance)
            }
            put("}")
        case .undefined, .foreign, .tagged: throw Unwritable()
        }
    }

    private static func digits(_ double: Double) -> String {
        if double.isNaN { return "NaN" }
        if double.isInfinite { return double < 0 ? "-Infinity" : "Infinity" }
        return "\(double)"
    }

    private mutating func put(_ text: String) { bytes += Array(text.utf8) }

    private mutating func blank(_ chance: inout SplitMix64) {
        if chance.once(in: 20) { put([" ", "\n", "\t"][chance.below(3)]) }
    }

    private mutating func string(_ text: [UInt8], _ chance: inout SplitMix64) {
        put("\"")
        for byte in text {
            let isPlain = byte >= 0x20 && byte != 0x22 && byte != 0x5c
            if isPlain, byte > 0x7f || !chance.once(in: 40) {
                bytes.append(byte)
            } else {
                let digits = String(byte, radix: 16)
                put("\\u00" + (digits.count == 1 ? "0" : "") + digits)
            }
        }
        put("\"")
    }
}

extension Cursor {
    mutating func json() throws -> Specimen {
        skipBlanks()
        switch try peek() {
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "\""): return try jsonString()
        case UInt8(ascii: "["):
            return .list(try members("]") { try $0.json() })
        case UInt8(ascii: "{"):
            return .map(
                try members("}") { cursor in
                    cursor.skipBlanks()
                    let key = try cursor.jsonText()
                    try cursor.expect(":")
                    return Specimen.Pair(key: .text(key), value: try cursor.json())
                })
        default: return try jsonNumber()
        }
    }

    private mutating func skipBlanks() {
        while index < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[index]) { index += 1 }
    }

    private mutating func word(_ word: String, _ specimen: Specimen) throws -> Specimen {
        guard try take(word.utf8.count) == Array(word.utf8) else { throw Unreadable() }
        return specimen
    }

    private mutating func expect(_ character: Unicode.Scalar) throws {
        skipBlanks()
        guard try byte() == UInt8(ascii: character) else { throw Unreadable() }
    }

    private mutating func members<T>(
        _ end: Unicode.Scalar, _ member: (inout Cursor) throws -> T
    ) throws -> [T] {
        index += 1
        skipBlanks()
        var members: [T] = []
        if try peek() == UInt8(ascii: end) {
            index += 1
            return members
        }
        while true {
            members.append(try member(&self))
            skipBlanks()
            switch try byte() {
            case UInt8(ascii: ","): continue
            case UInt8(ascii: end): return members
            default: throw Unreadable()
            }
        }
    }

    private mutating func jsonNumber() throws -> Specimen {
        let start = index
        while index < bytes.count, Array("+-.0123456789eE".utf8).contains(bytes[index]) {
            index += 1
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if text.allSatisfy({ "-0123456789".contains($0) }), !text.isEmpty { return .integer(text) }
        guard let double = Double(text) else { throw Unreadable() }
        return .double(double)
    }

    private mutating func jsonString() throws -> Specimen {
        let half = Array(#""\ud83d""#.utf8)
        if bytes[index...].starts(with: half) {
            index += half.count
            return .halfPair
        }
        let text = try jsonText()
        if text.first == 0, let binary = Base.bytes(Array(text.dropFirst())) {
            return .binary(binary)
        }
        return .text(text)
    }

    /// The text of a string. The escapes are those that anybody here writes: no pairs.
    private mutating func jsonText() throws -> [UInt8] {
        guard try byte() == UInt8(ascii: "\"") else { throw Unreadable() }
        var text: [UInt8] = []
        while true {
            let byte = try byte()
            if byte == UInt8(ascii: "\"") { return text }
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            let escape = try self.byte()
            switch escape {
            case UInt8(ascii: "b"): text.append(8)
            case UInt8(ascii: "f"): text.append(12)
            case UInt8(ascii: "n"): text.append(10)
            case UInt8(ascii: "r"): text.append(13)
            case UInt8(ascii: "t"): text.append(9)
            case UInt8(ascii: "u"):
                let digits = String(decoding: try take(4), as: UTF8.self)
                guard let unit = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(unit)
                else { throw Unreadable() }
                text += Array(String(Character(scalar)).utf8)
            default: text.append(escape)
            }
        }
    }
}
