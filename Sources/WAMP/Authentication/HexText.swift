// Bytes as hexadecimal digits: how cryptosign writes keys, challenges and signatures.

package enum HexText {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Lower case.
    package static func text(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes; nil if the text is anything but digits of either case, two for each byte.
    /// - Parameter count: how many bytes it must be; nil = any.
    package static func decode(_ text: String, count: Int? = nil) -> [UInt8]? {
        let text = Array(text.utf8)
        guard text.count % 2 == 0, count.map({ text.count == $0 * 2 }) ?? true else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        for index in stride(from: 0, to: text.count, by: 2) {
            guard let high = value(text[index]), let low = value(text[index + 1]) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
