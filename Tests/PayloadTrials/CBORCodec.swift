// CBOR of the trials: any width, definite and indefinite lengths, floats of three widths, bignums.

import WAMP

struct CBORSpecimenWriter {
    var bytes: [UInt8] = []

    mutating func write(_ specimen: Specimen, _ chance: inout SplitMix64) throws {
        switch specimen {
        case .null: bytes.append(0xf6)
        case .undefined: bytes.append(0xf7)
        case .bool(let value): bytes.append(value ? 0xf5 : 0xf4)
        case .integer(let digits): integer(digits, &chance)
        case .float(let bits): float(bits, &chance)
        case .text(let text): string(3, text, &chance)
        case .binary(let binary): string(2, binary, &chance)
        case .list(let list):
            let isIndefinite = open(4, list.count, &chance)
            for member in list { try write(member, &chance) }
            if isIndefinite { bytes.append(0xff) }
        case .map(let pairs):
            let isIndefinite = open(5, pairs.count, &chance)
            for pair in pairs {
                try write(pair.key, &chance)
                try write(pair.value, &chance)
            }
            if isIndefinite { bytes.append(0xff) }
        case .tagged(let tag, let inner):
            head(6, tag, &chance)
            try write(inner, &chance)
        case .halfPair, .foreign: throw Unwritable()
        }
    }

    private mutating func head(_ major: UInt8, _ argument: UInt64, _ chance: inout SplitMix64) {
        let isWide = chance.once(in: 5)
        switch argument {
        case ..<24 where !isWide: bytes.append(major << 5 | UInt8(argument))
        case ..<256 where !isWide: put(major, 24, argument, 1)
        case ..<65536 where !isWide: put(major, 25, argument, 2)
        case ..<(1 << 32): put(major, 26, argument, 4)
        default: put(major, 27, argument, 8)
        }
    }

    private mutating func put(_ major: UInt8, _ code: UInt8, _ argument: UInt64, _ width: Int) {
        bytes.append(major << 5 | code)
        bytes.append(argument, in: width)
    }

    private mutating func open(_ major: UInt8, _ count: Int, _ chance: inout SplitMix64) -> Bool {
        guard chance.once(in: 4) else {
            head(major, UInt64(count), &chance)
            return false
        }
        bytes.append(major << 5 | 31)
        return true
    }

    /// Half of a text may be no UTF-8, so only binary comes in chunks of any size.
    private mutating func string(_ major: UInt8, _ content: [UInt8], _ chance: inout SplitMix64) {
        guard chance.once(in: 6) else {
            head(major, UInt64(content.count), &chance)
            bytes += content
            return
        }
        bytes.append(major << 5 | 31)
        let half = major == 2 ? content.count / 2 : content.count
        for chunk in [content[..<half], content[half...]] {
            head(major, UInt64(chunk.count), &chance)
            bytes += chunk
        }
        bytes.append(0xff)
    }

    private mutating func integer(_ digits: String, _ chance: inout SplitMix64) {
        let isNegative = digits.hasPrefix("-")
        let magnitude = isNegative ? Digits.previous(digits.dropFirst()) : digits
        let major: UInt8 = isNegative ? 1 : 0
        if let argument = UInt64(magnitude), !chance.once(in: 12) {
            return head(major, argument, &chance)
        }
        bytes.append(0xc2 + major)
        string(2, (chance.once(in: 8) ? [0] : []) + Digits.bytes(magnitude), &chance)
    }

    private mutating func float(_ bits: UInt64, _ chance: inout SplitMix64) {
        let double = Double(bitPattern: bits)
        if let half = Half.bits(of: double), chance.once(in: 2) {
            bytes.append(0xf9)
            return bytes.append(UInt64(half), in: 2)
        }
        let single = Float(double)
        if Double(single).bitPattern == bits, chance.once(in: 2) {
            bytes.append(0xfa)
            return bytes.append(UInt64(single.bitPattern), in: 4)
        }
        bytes.append(0xfb)
        bytes.append(bits, in: 8)
    }
}

/// Floats of 16 bits, by trying.
enum Half {
    static func double(_ bits: UInt16) -> Double {
        let exponent = Int(bits >> 10 & 31), fraction = Double(bits & 1023)
        let sign: Double = bits & 0x8000 == 0 ? 1 : -1
        if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
        if exponent == 0 { return sign * fraction * 0x1p-24 }
        let power = Double(sign: .plus, exponent: exponent - 15, significand: 1)
        return sign * (1 + fraction / 1024) * power
    }

    /// The half that is exactly this; nil if there is none.
    static func bits(of double: Double) -> UInt16? {
        if double.isNaN { return 0x7e00 }
        let magnitude = abs(double)
        let sign: UInt16 = double.sign == .minus ? 0x8000 : 0
        if magnitude == .infinity { return sign | 0x7c00 }
        guard magnitude <= 65504 else { return nil }
        // They grow with their bits.
        var range = 0..<0x7c00
        while range.count > 1 {
            let middle = range.lowerBound + range.count / 2
            range =
                self.double(UInt16(middle)) <= magnitude
                ? middle..<range.upperBound : range.lowerBound..<middle
        }
        let found = UInt16(range.lowerBound)
        return self.double(found) == magnitude ? sign | found : nil
    }
}

extension Cursor {
    mutating func cbor() throws -> Specimen {
        let first = try byte()
        let (major, code) = (first >> 5, first & 31)
        if major == 7 { return try simple(code) }
        let argument: UInt64? =
            switch code {
            case ..<24: UInt64(code)
            case 24...27: try number(1 << Int(code - 24))
            case 31: nil
            default: throw Unreadable()
            }
        switch (major, argument) {
        case (0, let number?): return .integer(String(number))
        case (1, let number?): return .integer("-" + Digits.next(String(number)))
        case (2, _): return .binary(try string(2, argument))
        case (3, _): return .text(try string(3, argument))
        case (4, _):
            var list: [Specimen] = []
            while try !isAtEnd(after: list.count, of: argument) { list.append(try cbor()) }
            return .list(list)
        case (5, _):
            var pairs: [Specimen.Pair] = []
            while try !isAtEnd(after: pairs.count, of: argument) {
                pairs.append(Specimen.Pair(key: try cbor(), value: try cbor()))
            }
            return .map(pairs)
        case (6, let tag?): return try tagged(tag, try cbor())
        default: throw Unreadable()
        }
    }

    private mutating func isAtEnd(after count: Int, of expected: UInt64?) throws -> Bool {
        if let expected { return UInt64(count) == expected }
        guard try peek() == 0xff else { return false }
        index += 1
        return true
    }

    private mutating func string(_ major: UInt8, _ count: UInt64?) throws -> [UInt8] {
        if let count { return try take(Int(count)) }
        var bytes: [UInt8] = []
        while try peek() != 0xff {
            switch try cbor() {
            case .binary(let chunk) where major == 2: bytes += chunk
            case .text(let chunk) where major == 3: bytes += chunk
            default: throw Unreadable()
            }
        }
        index += 1
        return bytes
    }

    private func tagged(_ tag: UInt64, _ inner: Specimen) throws -> Specimen {
        guard case .binary(let bytes) = inner, tag == 2 || tag == 3 else {
            return .tagged(tag, inner)
        }
        let digits = Digits.decimal(bytes)
        return .integer(tag == 2 ? digits : "-" + Digits.next(digits))
    }

    private mutating func simple(_ code: UInt8) throws -> Specimen {
        switch code {
        case 20, 21: return .bool(code == 21)
        case 22: return .null
        case 23: return .undefined
        case 25: return .double(Half.double(UInt16(try number(2))))
        case 26: return .double(Double(Float(bitPattern: UInt32(try number(4)))))
        case 27: return .double(Double(bitPattern: try number(8)))
        default: throw Unreadable()
        }
    }
}
