// Base64 with padding, RFC 4648 section 4: how WAMP writes binary in JSON.

package enum Base64 {
    private static let alphabet: StaticString =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    static func encode(_ bytes: UnsafeBufferPointer<UInt8>, into writer: inout ByteWriter) {
        let digits = alphabet.utf8Start
        var index = 0
        while index + 2 < bytes.count {
            let group =
                UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8
                | UInt32(bytes[index + 2])
            writer.append(digits[Int(group >> 18)])
            writer.append(digits[Int(group >> 12 & 63)])
            writer.append(digits[Int(group >> 6 & 63)])
            writer.append(digits[Int(group & 63)])
            index += 3
        }
        guard index < bytes.count else { return }
        let hasTwo = index + 1 < bytes.count
        let group = UInt32(bytes[index]) << 16 | (hasTwo ? UInt32(bytes[index + 1]) << 8 : 0)
        writer.append(digits[Int(group >> 18)])
        writer.append(digits[Int(group >> 12 & 63)])
        writer.append(hasTwo ? digits[Int(group >> 6 & 63)] : UInt8(ascii: "="))
        writer.append(UInt8(ascii: "="))
    }

    /// The bytes as text.
    package static func text(_ bytes: [UInt8]) -> String {
        var writer = ByteWriter(capacity: (bytes.count + 2) / 3 * 4)
        bytes.withUnsafeBufferPointer { encode($0, into: &writer) }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// The bytes of a text; nil as below.
    package static func decode(_ text: String) -> [UInt8]? { decode(Array(text.utf8)[...]) }

    /// The bytes; nil if the text is not base64 with full padding and no stray bits.
    package static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var index = text.startIndex
        while index < text.endIndex {
            let isLast = index + 4 == text.endIndex
            let padding =
                isLast && text[index + 3] == UInt8(ascii: "=")
                ? (text[index + 2] == UInt8(ascii: "=") ? 2 : 1) : 0
            var group: UInt32 = 0
            for offset in 0..<4 - padding {
                guard let digit = digit(text[index + offset]) else { return nil }
                group = group << 6 | digit
            }
            switch padding {
            case 0:
                bytes.append(UInt8(group >> 16))
                bytes.append(UInt8(group >> 8 & 255))
                bytes.append(UInt8(group & 255))
            case 1:
                guard group & 3 == 0 else { return nil }
                bytes.append(UInt8(group >> 10))
                bytes.append(UInt8(group >> 2 & 255))
            default:
                guard group & 15 == 0 else { return nil }
                bytes.append(UInt8(group >> 4))
            }
            index += 4
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
