// Values as the three serializers have them. The trials share nothing with what they judge: value,
// encoders and decoders are their own.

/// What a peer may send.
indirect enum Specimen: Hashable, Sendable {
    case null
    /// Of CBOR.
    case undefined
    case bool(Bool)
    /// Decimal digits, perhaps behind a minus.
    case integer(String)
    /// The bits of a double.
    case float(UInt64)
    /// UTF-8.
    case text([UInt8])
    /// A text that is half a surrogate pair, which JSON can write.
    case halfPair
    case binary([UInt8])
    case list([Specimen])
    case map([Pair])
    /// Of MessagePack.
    case foreign(UInt8, [UInt8])
    /// Of CBOR, but no bignum.
    case tagged(UInt64, Specimen)

    struct Pair: Hashable, Sendable {
        var key: Specimen
        var value: Specimen
    }

    static func text(_ string: String) -> Specimen { .text(Array(string.utf8)) }
    static func number(_ number: Int) -> Specimen { .integer(String(number)) }

    /// All NaN are one.
    static func double(_ double: Double) -> Specimen {
        .float(double.isNaN ? Double.nan.bitPattern : double.bitPattern)
    }

    /// A dictionary of options.
    static func options(_ entries: [(String, Specimen)]) -> Specimen {
        .map(entries.map { Pair(key: .text($0.0), value: $0.1) })
    }
}

/// Arguments of a message.
struct Arguments: Hashable, Sendable {
    var args: [Specimen] = []
    var kwargs: [Specimen.Pair] = []
}

/// The serializers, by their number in RawSocket.
enum Wire: UInt8, CaseIterable {
    case json = 1
    case msgpack = 2
    case cbor = 3

    var name: String { "\(self)" }
}

/// Decimal digits and bytes, as one does it on paper.
enum Digits {
    /// - Parameter bytes: the highest first.
    static func decimal(_ bytes: [UInt8]) -> String {
        // The lowest digit first.
        var digits = [0]
        for byte in bytes {
            var carry = Int(byte)
            for place in digits.indices {
                let sum = digits[place] * 256 + carry
                digits[place] = sum % 10
                carry = sum / 10
            }
            while carry > 0 {
                digits.append(carry % 10)
                carry /= 10
            }
        }
        return digits.reversed().map(String.init).joined()
    }

    /// The bytes of a number without a sign, the highest first.
    static func bytes(_ decimal: some StringProtocol) -> [UInt8] {
        var bytes: [Int] = []
        for digit in decimal.utf8 {
            var carry = Int(digit) - 48
            for place in bytes.indices {
                let sum = bytes[place] * 10 + carry
                bytes[place] = sum % 256
                carry = sum / 256
            }
            if carry > 0 { bytes.append(carry) }
        }
        return bytes.reversed().map { UInt8($0) }
    }

    static func next(_ decimal: some StringProtocol) -> String {
        var digits = Array(decimal.utf8)
        var place = digits.count - 1
        while place >= 0, digits[place] == 57 {
            digits[place] = 48
            place -= 1
        }
        if place >= 0 { digits[place] += 1 } else { digits.insert(49, at: 0) }
        return String(decoding: digits, as: UTF8.self)
    }

    static func previous(_ decimal: some StringProtocol) -> String {
        var digits = Array(decimal.utf8)
        var place = digits.count - 1
        while place > 0, digits[place] == 48 {
            digits[place] = 57
            place -= 1
        }
        digits[place] -= 1
        if digits.count > 1, digits[0] == 48 { digits.removeFirst() }
        return String(decoding: digits, as: UTF8.self)
    }
}

/// Base64 as JSON has it behind U+0000.
enum Base {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        var bits = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | Int(byte)
            count += 8
            while count >= 6 {
                text.append(alphabet[bits >> (count - 6) & 63])
                count -= 6
            }
            bits &= 0xff
        }
        if count > 0 { text.append(alphabet[bits << (6 - count) & 63]) }
        while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
        return text
    }

    /// Nil if it is not what `text` gives.
    static func bytes(_ text: [UInt8]) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits = 0
        var count = 0
        for character in text where character != UInt8(ascii: "=") {
            guard let digit = alphabet.firstIndex(of: character) else { return nil }
            bits = (bits << 6 | digit) & 0xfff
            count += 6
            if count >= 8 {
                bytes.append(UInt8(bits >> (count - 8) & 255))
                count -= 8
            }
        }
        return self.text(bytes) == text ? bytes : nil
    }
}
