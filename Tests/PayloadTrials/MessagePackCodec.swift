// MessagePack of the trials, in any width that there is.

import WAMP

struct MessagePackSpecimenWriter {
    var bytes: [UInt8] = []

    mutating func write(_ specimen: Specimen, _ chance: inout SplitMix64) throws {
        switch specimen {
        case .null: bytes.append(0xc0)
        case .bool(let value): bytes.append(value ? 0xc3 : 0xc2)
        case .integer(let digits): try integer(digits, &chance)
        case .float(let bits):
            let double = Double(bitPattern: bits)
            if Double(Float(double)).bitPattern == bits, chance.once(in: 2) {
                bytes.append(0xca)
                bytes.append(UInt64(Float(double).bitPattern), in: 4)
            } else {
                bytes.append(0xcb)
                bytes.append(bits, in: 8)
            }
        case .text(let text):
            head(text.count, small: 0xa0, below: 32, codes: [0xd9, 0xda, 0xdb], &chance)
            bytes += text
        case .binary(let binary):
            head(binary.count, small: nil, below: 0, codes: [0xc4, 0xc5, 0xc6], &chance)
            bytes += binary
        case .list(let list):
            head(list.count, small: 0x90, below: 16, codes: [nil, 0xdc, 0xdd], &chance)
            for member in list { try write(member, &chance) }
        case .map(let pairs):
            head(pairs.count, small: 0x80, below: 16, codes: [nil, 0xde, 0xdf], &chance)
            for pair in pairs {
                try write(pair.key, &chance)
                try write(pair.value, &chance)
            }
        case .foreign(let type, let content):
            if let place = [1, 2, 4, 8, 16].firstIndex(of: content.count) {
                bytes.append(0xd4 + UInt8(place))
            } else {
                head(content.count, small: nil, below: 0, codes: [0xc7, 0xc8, 0xc9], &chance)
            }
            bytes.append(type)
            bytes += content
        case .undefined, .halfPair, .tagged: throw Unwritable()
        }
    }

    private mutating func integer(_ digits: String, _ chance: inout SplitMix64) throws {
        guard let (isNegative, bits) = Specimen.bits(digits) else { throw Unwritable() }
        if isNegative {
            let value = Int64(bitPattern: bits)
            if value >= -32, chance.once(in: 2) {
                return bytes.append(UInt8(truncatingIfNeeded: bits))
            }
            let least = value >= -128 ? 0 : value >= -32768 ? 1 : value >= -(1 << 31) ? 2 : 3
            let width = least + chance.below(4 - least)
            bytes.append(0xd0 + UInt8(width))
            return bytes.append(bits, in: 1 << width)
        }
        if bits < 128, chance.once(in: 2) { return bytes.append(UInt8(bits)) }
        let least = bits < 256 ? 0 : bits < 65536 ? 1 : bits < 1 << 32 ? 2 : 3
        let width = least + chance.below(4 - least)
        bytes.append(0xcc + UInt8(width))
        bytes.append(bits, in: 1 << width)
    }

    /// - Parameter codes: of lengths in one, two and four bytes.
    private mutating func head(
        _ count: Int, small: UInt8?, below limit: Int, codes: [UInt8?], _ chance: inout SplitMix64
    ) {
        if let small, count < limit, !chance.once(in: 4) {
            return bytes.append(small | UInt8(count))
        }
        let least = codes[0] != nil && count < 256 ? 0 : count < 65536 ? 1 : 2
        let width = least + chance.below(3 - least)
        bytes.append(codes[width] ?? 0)
        bytes.append(UInt64(count), in: 1 << width)
    }
}

extension Cursor {
    mutating func messagePack() throws -> Specimen {
        let first = try byte()
        switch first {
        case 0x00...0x7f: return .number(Int(first))
        case 0x80...0x8f: return try messagePackMap(Int(first & 15))
        case 0x90...0x9f: return try messagePackList(Int(first & 15))
        case 0xa0...0xbf: return .text(try take(Int(first & 31)))
        case 0xc0: return .null
        case 0xc2, 0xc3: return .bool(first == 0xc3)
        case 0xc4...0xc6: return .binary(try take(Int(try number(1 << Int(first - 0xc4)))))
        case 0xc7...0xc9:
            let count = Int(try number(1 << Int(first - 0xc7)))
            return .foreign(try byte(), try take(count))
        case 0xca: return .double(Double(Float(bitPattern: UInt32(try number(4)))))
        case 0xcb: return .double(Double(bitPattern: try number(8)))
        case 0xcc...0xcf: return .integer(String(try number(1 << Int(first - 0xcc))))
        case 0xd0...0xd3:
            let width = 1 << Int(first - 0xd0)
            let shift = UInt64(64 - 8 * width)
            return .number(Int(Int64(bitPattern: try number(width) << shift) >> Int64(shift)))
        case 0xd4...0xd8: return .foreign(try byte(), try take(1 << Int(first - 0xd4)))
        case 0xd9...0xdb: return .text(try take(Int(try number(1 << Int(first - 0xd9)))))
        case 0xdc, 0xdd: return try messagePackList(Int(try number(first == 0xdc ? 2 : 4)))
        case 0xde, 0xdf: return try messagePackMap(Int(try number(first == 0xde ? 2 : 4)))
        case 0xe0...0xff: return .number(Int(Int8(bitPattern: first)))
        default: throw Unreadable()
        }
    }

    private mutating func messagePackList(_ count: Int) throws -> Specimen {
        var list: [Specimen] = []
        for _ in 0..<count { list.append(try messagePack()) }
        return .list(list)
    }

    private mutating func messagePackMap(_ count: Int) throws -> Specimen {
        var pairs: [Specimen.Pair] = []
        for _ in 0..<count {
            pairs.append(Specimen.Pair(key: try messagePack(), value: try messagePack()))
        }
        return .map(pairs)
    }
}
