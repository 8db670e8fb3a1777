// JSON as RFC 8259 has it, and nothing beyond: UTF-8, no comments, no trailing commas, no NaN.
//
// WAMP's rule for binary: a string that begins with U+0000 and goes on in base64 is binary, as a
// value, not as a key.

import CScan

struct JSONReader: ItemReader {
    let start: UnsafePointer<UInt8>
    private var cursor: UnsafePointer<UInt8>
    private let end: UnsafePointer<UInt8>
    private var depth: Int
    /// Whether a number beyond the range of doubles and half a surrogate pair are faults. In
    /// options they are taken as what comes nearest.
    private var isExact = true

    static var hasTextKeysOnly: Bool { true }

    @inline(__always)
    init(start: UnsafePointer<UInt8>, count: Int) {
        self.init(start: start, count: count, depth: 0)
        isExact = false
    }

    @inline(__always)
    init(start: UnsafePointer<UInt8>, count: Int, depth: Int) {
        self.start = start
        cursor = start
        end = start + count
        self.depth = depth
    }

    @inline(__always)
    var offset: Int { cursor - start }

    @inline(__always)
    private func fault(_ sentence: StaticString) -> Malformed { .syntax(sentence, offset: offset) }

    @inline(__always)
    private mutating func skipSpace() {
        while cursor < end {
            switch cursor.pointee {
            case 0x20, 0x09, 0x0a, 0x0d: cursor += 1
            default: return
            }
        }
    }

    /// The next byte that is not white space.
    @inline(__always)
    private mutating func peek() throws(Malformed) -> UInt8 {
        skipSpace()
        guard cursor < end else { throw fault("the text ends too early") }
        return cursor.pointee
    }

    mutating func isAtEnd() -> Bool {
        skipSpace()
        return cursor == end
    }

    @inline(__always)
    mutating func settle() { skipSpace() }

    mutating func kind() throws(Malformed) -> ItemKind {
        switch try peek() {
        case UInt8(ascii: "["): .list
        case UInt8(ascii: "{"): .dictionary
        case UInt8(ascii: "\""): .text
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
        case UInt8(ascii: "n"): .null
        default: throw noValue()
        }
    }

    /// Python, for one, writes floats that are not in JSON.
    private func noValue() -> Malformed {
        guard cursor < end, "NI".utf8.contains(cursor.pointee) else {
            return fault("no JSON value begins so")
        }
        return fault("NaN and Infinity are not in JSON")
    }

    mutating func item() throws(Malformed) -> Item {
        switch try kind() {
        case .list, .dictionary:
            if let members = try open(isDictionary: false) { return .list(members) }
            guard let members = try open(isDictionary: true) else {
                throw fault("a value was expected")
            }
            return .dictionary(members)
        case .text, .binary:
            let text = try string()
            if let decoded = text.decoded, decoded.first == 0,
                let binary = Base64.decode(decoded.dropFirst())
            {
                return .binary(Text(start: text.start, count: text.count, decoded: binary))
            }
            return .text(text)
        case .number:
            return try number()
        case .bool:
            if cursor.pointee == UInt8(ascii: "t") {
                try literal("true")
                return .bool(true)
            }
            try literal("false")
            return .bool(false)
        case .null:
            try literal("null")
            return .null
        }
    }

    @inline(__always)
    mutating func open(isDictionary: Bool) throws(Malformed) -> Members? {
        guard try peek() == (isDictionary ? UInt8(ascii: "{") : UInt8(ascii: "[")) else {
            return nil
        }
        try enter()
        return Members(remaining: -1, isDictionary: isDictionary)
    }

    @inline(__always)
    mutating func skip(isDictionary: Bool) throws(Malformed) -> Bool? {
        guard try peek() == (isDictionary ? UInt8(ascii: "{") : UInt8(ascii: "[")) else {
            return nil
        }
        var probe = self
        probe.cursor += 1
        probe.skipSpace()
        if probe.cursor < end,
            probe.cursor.pointee == (isDictionary ? UInt8(ascii: "}") : UInt8(ascii: "]"))
        {
            cursor = probe.cursor + 1
            return true
        }
        try skip()
        return false
    }

    @inline(__always)
    private mutating func enter() throws(Malformed) {
        depth += 1
        guard depth <= maximumDepth else { throw fault("nested deeper than 64") }
        cursor += 1
    }

    @inline(__always)
    mutating func next(_ members: inout Members) throws(Malformed) -> Bool {
        let byte = try peek()
        if byte == (members.isDictionary ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
            cursor += 1
            depth -= 1
            return false
        }
        if members.isFirst {
            members.isFirst = false
            return true
        }
        try passSeparator()
        return true
    }

    @inline(__always)
    mutating func passSeparator() throws(Malformed) {
        guard try peek() == UInt8(ascii: ",") else { throw fault("a comma was expected") }
        cursor += 1
    }

    @inline(__always)
    mutating func key() throws(Malformed) -> Text {
        guard try peek() == UInt8(ascii: "\"") else { throw fault("a key was expected") }
        let key = try string()
        try passColon()
        return key
    }

    @inline(__always)
    private mutating func passColon() throws(Malformed) {
        guard try peek() == UInt8(ascii: ":") else { throw fault("a colon was expected") }
        cursor += 1
    }

    @inline(__always)
    mutating func text() throws(Malformed) -> Text? {
        guard try peek() == UInt8(ascii: "\"") else { return nil }
        return try string()
    }

    @inline(__always)
    mutating func unsigned() throws(Malformed) -> UInt64? {
        let first = try peek()
        guard first >= UInt8(ascii: "0"), first <= UInt8(ascii: "9") else { return nil }
        guard case .unsigned(let value) = try number() else { return nil }
        return value
    }

    mutating func skip() throws(Malformed) {
        // One bit for each open container, the innermost lowest: set for a dictionary.
        var dictionaries: UInt64 = 0
        let outside = depth
        while true {
            switch try peek() {
            case UInt8(ascii: "\""):
                _ = try passString()
            case UInt8(ascii: "["):
                try enter()
                dictionaries <<= 1
                if try peek() != UInt8(ascii: "]") { continue }
            case UInt8(ascii: "{"):
                try enter()
                dictionaries = dictionaries << 1 | 1
                if try peek() != UInt8(ascii: "}") {
                    try passKey()
                    continue
                }
            case UInt8(ascii: "t"): try literal("true")
            case UInt8(ascii: "f"): try literal("false")
            case UInt8(ascii: "n"): try literal("null")
            default: _ = try passNumber()
            }
            // A value is complete, or an empty container is to be closed: close what ends here.
            while true {
                if depth == outside { return }
                let byte = try peek()
                if byte == UInt8(ascii: ",") {
                    cursor += 1
                    if dictionaries & 1 == 1 { try passKey() }
                    break
                }
                let close = dictionaries & 1 == 1 ? UInt8(ascii: "}") : UInt8(ascii: "]")
                guard byte == close else { throw fault("a comma or the end was expected") }
                cursor += 1
                depth -= 1
                dictionaries >>= 1
            }
        }
    }

    mutating func skipRoughly() throws(Malformed) {
        var open = 0
        repeat {
            guard cursor < end else { throw fault("the text ends too early") }
            switch cursor.pointee {
            case UInt8(ascii: "["), UInt8(ascii: "{"): open += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): open -= 1
            case UInt8(ascii: "\""):
                cursor += 1
                while cursor < end, cursor.pointee != UInt8(ascii: "\"") {
                    cursor += cursor.pointee == UInt8(ascii: "\\") ? 2 : 1
                }
            default: break
            }
            cursor += 1
        } while open > 0
    }

    private mutating func passKey() throws(Malformed) {
        guard try peek() == UInt8(ascii: "\"") else { throw fault("a key was expected") }
        _ = try passString()
        try passColon()
    }

    private mutating func literal(_ word: StaticString) throws(Malformed) {
        let length = word.utf8CodeUnitCount
        guard end - cursor >= length, cscan_equal(cursor, word.utf8Start, length) else {
            throw fault("no JSON value begins so")
        }
        cursor += length
    }
}

// Strings.
extension JSONReader {
    /// Passes a string from its opening quotation mark on, checking escapes and UTF-8.
    /// - Returns: whether it holds escapes.
    @inline(__always)
    private mutating func passString() throws(Malformed) -> Bool {
        cursor += 1
        let first = cursor
        var hasEscapes = false
        var isHigh = false
        while true {
            cursor = cscan_json_plain(cursor, end, &isHigh)
            guard cursor < end else { throw fault("a string does not end") }
            if cursor.pointee == UInt8(ascii: "\"") { break }
            guard cursor.pointee == UInt8(ascii: "\\") else {
                throw fault("a control character must be escaped")
            }
            hasEscapes = true
            try passEscape()
        }
        if isHigh, !cscan_is_utf8(first, cursor) { throw fault("a string is not UTF-8") }
        cursor += 1
        return hasEscapes
    }

    private mutating func passEscape() throws(Malformed) {
        guard end - cursor >= 2 else { throw fault("a string does not end") }
        switch cursor[1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            cursor += 2
        case UInt8(ascii: "u"):
            guard end - cursor >= 6 else { throw fault("a string does not end") }
            for index in 2..<6 where Hex.digit(cursor[index]) == nil {
                throw fault("\\u takes four hexadecimal digits")
            }
            cursor += 6
        default:
            throw fault("unknown escape")
        }
    }

    /// Reads a string from its opening quotation mark on.
    @inline(__always)
    private mutating func string() throws(Malformed) -> Text {
        let first = cursor + 1
        let hasEscapes = try passString()
        let count = cursor - 1 - first
        if !hasEscapes { return Text(start: first, count: count) }
        return Text(start: first, count: count, decoded: try unescape(first, count: count))
    }

    /// The text of a checked string. A surrogate without its partner becomes U+FFFD, or is a fault.
    @inline(never)
    private func unescape(
        _ start: UnsafePointer<UInt8>, count: Int
    ) throws(Malformed) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(count)
        var index = 0
        while index < count {
            let byte = start[index]
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                index += 1
                continue
            }
            let escape = start[index + 1]
            index += 2
            switch escape {
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0c)
            case UInt8(ascii: "n"): text.append(0x0a)
            case UInt8(ascii: "r"): text.append(0x0d)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "u"):
                var scalar = JSONReader.codeUnit(start + index)
                index += 4
                if scalar & 0xfc00 == 0xd800, count - index >= 6,
                    start[index] == UInt8(ascii: "\\"), start[index + 1] == UInt8(ascii: "u")
                {
                    let low = JSONReader.codeUnit(start + index + 2)
                    if low & 0xfc00 == 0xdc00 {
                        scalar = 0x10000 + (scalar & 0x3ff) << 10 + (low & 0x3ff)
                        index += 6
                    }
                }
                if isExact, scalar & 0xfffff800 == 0xd800 {
                    throw .unrepresentable("has half a surrogate pair, which is no text")
                }
                let character = Unicode.Scalar(scalar) ?? "\u{fffd}"
                text.append(contentsOf: UTF8.encode(character) ?? UTF8.encodedReplacementCharacter)
            default: text.append(escape)
            }
        }
        return text
    }

    /// The four hexadecimal digits at `start`, which were checked.
    private static func codeUnit(_ start: UnsafePointer<UInt8>) -> UInt32 {
        var unit: UInt32 = 0
        for index in 0..<4 { unit = unit << 4 | UInt32(Hex.digit(start[index]) ?? 0) }
        return unit
    }
}

// Numbers.
extension JSONReader {
    /// What a number looks like.
    private struct Number {
        var isNegative = false
        /// Whether it has neither a fraction nor an exponent.
        var isInteger = true
        /// The digits before the fraction; nil if they exceed 64 bits.
        var magnitude: UInt64? = 0
    }

    @inline(__always)
    private mutating func passNumber() throws(Malformed) -> Number {
        var number = Number()
        if cursor < end, cursor.pointee == UInt8(ascii: "-") {
            number.isNegative = true
            cursor += 1
        }
        guard cursor < end, JSONReader.isDigit(cursor.pointee) else { throw noValue() }
        if cursor.pointee == UInt8(ascii: "0") {
            cursor += 1
            if cursor < end, JSONReader.isDigit(cursor.pointee) {
                throw fault("a number begins with 0")
            }
        } else {
            let first = cursor
            var value: UInt64 = 0
            while cursor < end, JSONReader.isDigit(cursor.pointee), cursor - first < 19 {
                value = value &* 10 &+ UInt64(cursor.pointee &- 0x30)
                cursor += 1
            }
            number.magnitude = value
            while cursor < end, JSONReader.isDigit(cursor.pointee) {
                number.magnitude = JSONReader.shift(number.magnitude, cursor.pointee)
                cursor += 1
            }
        }
        if cursor < end, cursor.pointee == UInt8(ascii: ".") {
            number.isInteger = false
            cursor += 1
            try passDigits()
        }
        if cursor < end, cursor.pointee | 0x20 == UInt8(ascii: "e") {
            number.isInteger = false
            cursor += 1
            if cursor < end,
                cursor.pointee == UInt8(ascii: "+") || cursor.pointee == UInt8(ascii: "-")
            {
                cursor += 1
            }
            try passDigits()
        }
        return number
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    private static func shift(_ value: UInt64?, _ digit: UInt8) -> UInt64? {
        guard let value else { return nil }
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(digit &- 0x30))
        return overflow || carry ? nil : sum
    }

    private mutating func passDigits() throws(Malformed) {
        guard cursor < end, JSONReader.isDigit(cursor.pointee) else {
            throw fault("a digit was expected")
        }
        while cursor < end, JSONReader.isDigit(cursor.pointee) { cursor += 1 }
    }

    /// Reads a number: an integer if it is written as one, a double otherwise.
    @inline(__always)
    private mutating func number() throws(Malformed) -> Item {
        let first = cursor
        let number = try passNumber()
        if number.isInteger, let magnitude = number.magnitude {
            if !number.isNegative || magnitude == 0 { return .unsigned(magnitude) }
            if magnitude <= 1 << 63 { return .negative(Int64(truncatingIfNeeded: 0 &- magnitude)) }
        }
        if number.isInteger {
            let sign = number.isNegative ? 1 : 0
            let digits = UnsafeBufferPointer(start: first + sign, count: cursor - first - sign)
            return try BigInteger.item(decimal: digits, isNegative: number.isNegative)
        }
        let double = JSONReader.double(first, count: cursor - first)
        guard double.isFinite || !isExact else {
            throw .unrepresentable("is a number larger than any double")
        }
        return .double(double)
    }

    /// The double nearest to a number whose grammar was checked; infinite beyond the largest
    /// double.
    @inline(never)
    private static func double(_ start: UnsafePointer<UInt8>, count: Int) -> Double {
        let digits = String(
            decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
        return Double(digits) ?? .infinity
    }
}

/// Hexadecimal digits.
enum Hex {
    @inline(__always)
    static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
