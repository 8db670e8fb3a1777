// JSON, compact. Floats are written as the shortest digits that give the same double, always with a
// fraction or an exponent, so that a reader can tell 1.0 from 1.

import CScan

enum JSONWriter: ItemWriter {
    static var hasTextKeysOnly: Bool { true }

    @inline(__always)
    static func flaw(_ value: Double) -> StaticString? {
        if value.isFinite { return nil }
        return value.isNaN
            ? "is NaN, which JSON cannot hold" : "is infinite, which JSON cannot hold"
    }

    /// A text may look as binary does in JSON.
    @inline(__always)
    static func flaw(_ text: UnsafeBufferPointer<UInt8>) -> StaticString? {
        guard text.first == 0, Base64.decode(Array(text.dropFirst())[...]) != nil else {
            return nil
        }
        return "is a text that would be binary in JSON"
    }

    @inline(__always)
    static func open(isDictionary: Bool, count: Int?, into writer: inout ByteWriter) -> Int {
        writer.append(isDictionary ? UInt8(ascii: "{") : UInt8(ascii: "["))
        return 0
    }

    @inline(__always)
    static func close(
        isDictionary: Bool, mark: Int, announced: Int?, count: Int, into writer: inout ByteWriter
    ) {
        writer.append(isDictionary ? UInt8(ascii: "}") : UInt8(ascii: "]"))
    }

    @inline(__always)
    static func separate(into writer: inout ByteWriter) { writer.append(UInt8(ascii: ",")) }

    @inline(__always)
    static func afterKey(into writer: inout ByteWriter) { writer.append(UInt8(ascii: ":")) }

    static func null(into writer: inout ByteWriter) { writer.append("null") }

    static func bool(_ value: Bool, into writer: inout ByteWriter) {
        writer.append(value ? "true" : "false")
    }

    @inline(__always)
    static func unsigned(_ value: UInt64, into writer: inout ByteWriter) {
        writer.append(decimal: value)
    }

    static func negative(_ value: Int64, into writer: inout ByteWriter) {
        writer.append(UInt8(ascii: "-"))
        writer.append(decimal: value.magnitude)
    }

    static func single(_ value: Float, into writer: inout ByteWriter) {
        double(Double(value), into: &writer)
    }

    static func big(_ value: BigInteger, into writer: inout ByteWriter) {
        append(value.description, into: &writer)
    }

    /// NaN and the infinities, which are no JSON, become null, as `JSON.stringify` does it.
    static func double(_ value: Double, into writer: inout ByteWriter) {
        guard value.isFinite else { return null(into: &writer) }
        append(value.description, into: &writer)
    }

    private static func append(_ digits: String, into writer: inout ByteWriter) {
        var digits = digits
        digits.withUTF8 { writer.append(UnsafeRawBufferPointer($0)) }
    }

    @inline(__always)
    static func word(_ word: StaticString, into writer: inout ByteWriter) {
        writer.append(UInt8(ascii: "\""))
        writer.append(word)
        writer.append(UInt8(ascii: "\""))
    }

    @inline(__always)
    static func text(_ bytes: UnsafeBufferPointer<UInt8>, into writer: inout ByteWriter) {
        writer.append(UInt8(ascii: "\""))
        if let start = bytes.baseAddress {
            var cursor = start
            let end = start + bytes.count
            var isHigh = false
            while true {
                let stop = cscan_json_plain(cursor, end, &isHigh)
                writer.append(cursor, count: stop - cursor)
                if stop == end { break }
                escape(stop.pointee, into: &writer)
                cursor = stop + 1
            }
        }
        writer.append(UInt8(ascii: "\""))
    }

    private static func escape(_ byte: UInt8, into writer: inout ByteWriter) {
        switch byte {
        case UInt8(ascii: "\""): writer.append("\\\"")
        case UInt8(ascii: "\\"): writer.append("\\\\")
        case 0x08: writer.append("\\b")
        case 0x09: writer.append("\\t")
        case 0x0a: writer.append("\\n")
        case 0x0c: writer.append("\\f")
        case 0x0d: writer.append("\\r")
        default:
            let low = byte & 0x0f
            writer.append(byte < 0x10 ? "\\u000" : "\\u001")
            writer.append(low < 10 ? 0x30 + low : 0x57 + low)
        }
    }

    /// Spec: Basic Profile, Binary conversion of JSON strings.
    static func binary(_ bytes: UnsafeBufferPointer<UInt8>, into writer: inout ByteWriter) {
        writer.append("\"\\u0000")
        Base64.encode(bytes, into: &writer)
        writer.append(UInt8(ascii: "\""))
    }
}
