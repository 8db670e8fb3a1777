// Specimens by chance: all that the serializers can hold, the unusual now and then.

import WAMP

/// Draws specimens from a seed.
struct Specimens {
    private var chance: SplitMix64
    /// Of the unusual there is one in so many values.
    private let rarity: UInt64

    init(seed: UInt64) {
        chance = SplitMix64(seed: seed)
        rarity = [4, 30, 200, 1_000_000][Int(chance.next() % 4)]
    }

    mutating func arguments() -> Arguments {
        var arguments = Arguments()
        if !chance.once(in: 6) { arguments.args = (0..<size()).map { _ in value(depth: 4) } }
        if chance.once(in: 12) { arguments.args.append(tower()) }
        if chance.once(in: 3) {
            arguments.kwargs = (0..<size()).map { index in
                Specimen.Pair(key: .text("k\(index)" + word()), value: value(depth: 3))
            }
        }
        return arguments
    }

    /// As deep as a message may be: 64 levels, of which it has two without this.
    private mutating func tower() -> Specimen {
        let levels = chance.once(in: 2) ? 62 : 1 + chance.below(62)
        var tower = scalar()
        for level in 0..<levels {
            let isList = chance.once(in: 2)
            if level == 0, chance.once(in: 3) {
                tower = isList ? .list([]) : .map([])
            } else {
                tower =
                    isList ? .list([tower]) : .map([Specimen.Pair(key: .text("t"), value: tower)])
            }
        }
        return tower
    }

    private mutating func value(depth: Int) -> Specimen {
        if chance.once(in: rarity) { return unusual(depth: depth) }
        guard depth > 0, chance.once(in: 3) else { return scalar() }
        if chance.once(in: 2) { return .list((0..<size()).map { _ in value(depth: depth - 1) }) }
        return .map(
            (0..<size()).map { index in
                Specimen.Pair(key: .text("\(index)" + word()), value: value(depth: depth - 1))
            })
    }

    private mutating func scalar() -> Specimen {
        switch chance.below(8) {
        case 0: return .null
        case 1: return .bool(chance.once(in: 2))
        case 2: return .integer("\(Int64(bitPattern: chance.next()) >> Int64(chance.below(64)))")
        case 3: return .integer("\(chance.next() >> UInt64(chance.below(64)))")
        case 4: return .double(finite())
        case 5: return .text(word())
        case 6: return .binary((0..<size()).map { _ in UInt8(chance.below(256)) })
        default: return .number(chance.below(100))
        }
    }

    private mutating func unusual(depth: Int) -> Specimen {
        switch chance.below(11) {
        case 0: return .double(.nan)
        case 1: return .double(chance.once(in: 2) ? .infinity : -.infinity)
        case 2, 3: return .integer(bigInteger())
        case 4: return .text([0] + Array(["", "AQI=", "A*", "é", "AQI"][chance.below(5)].utf8))
        case 5: return .halfPair
        case 6: return .undefined
        case 7:
            let content = (0..<(chance.once(in: 2) ? 1 << chance.below(5) : size())).map { _ in
                UInt8(chance.below(256))
            }
            return .foreign(UInt8(chance.below(256)), content)
        case 8:
            // No bignums, and nothing that tells how to read what it stands before.
            return .tagged(UInt64([0, 1, 32, 258, 55799, 1_000_000][chance.below(6)]), scalar())
        default: return map(depth: depth)
        }
    }

    /// A map whose keys may be anything.
    private mutating func map(depth: Int) -> Specimen {
        .map(
            (0..<size()).map { index in
                let key: Specimen =
                    switch chance.below(9) {
                    case 0...3: .number(index - 2)
                    case 4: .bool(chance.once(in: 2))
                    case 5: .text(chance.once(in: 2) ? "\(index - 2)" : word())
                    case 6: .integer(bigInteger())
                    case 7: [.null, .binary([UInt8(index & 255)]), .double(1.5)][chance.below(3)]
                    default: .text("k\(index)")
                    }
                return Specimen.Pair(key: key, value: value(depth: min(depth, 1)))
            })
    }

    /// At the edges of 64 bits, just beyond them, and far away.
    private mutating func bigInteger() -> String {
        let sign = chance.once(in: 2) ? "-" : ""
        switch chance.below(6) {
        case 0: return "18446744073709551615"
        case 1: return sign + "18446744073709551616"
        case 2: return "-9223372036854775808"
        case 3: return "-9223372036854775809"
        case 4: return sign + "18446744073709551617"
        default:
            let count = 20 + chance.below(chance.once(in: 20) ? 1500 : 60)
            return sign + "7" + (1..<count).map { _ in "\(chance.below(10))" }.joined()
        }
    }

    private mutating func finite() -> Double {
        switch chance.below(6) {
        case 0: return Double(chance.below(1000)) / 8
        case 1: return Half.double(UInt16(chance.below(0x7c00)))
        case 2: return chance.once(in: 2) ? -0.0 : 0.0
        case 3:
            let single = Float(bitPattern: UInt32(truncatingIfNeeded: chance.next()))
            return single.isFinite ? Double(single) : 0.5
        default:
            let double = Double(bitPattern: chance.next())
            return double.isFinite ? double : 1e300
        }
    }

    private mutating func word() -> String {
        let alphabet: [Character] = [
            "a", "b", " ", "\"", "\\", "/", "\n", "\t", "\u{1}", "\u{7f}", "ä", "€", "漢", "🙂",
            "e\u{301}", "\u{10ffff}",
        ]
        return String((0..<size()).map { _ in alphabet[chance.below(alphabet.count)] })
    }

    /// Small as a rule, now and then large enough for a longer header.
    private mutating func size() -> Int {
        chance.once(in: 60) ? chance.below(300) : chance.below(5)
    }
}
