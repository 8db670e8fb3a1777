// Integers beyond 64 bits: JSON has them as digits, CBOR as bytes behind tag 2 or 3, and Python,
// for one, sends either without a word. They are passed on and printed, never calculated with.

/// An integer that neither `Int64` nor `UInt64` holds.
///
/// Its length is bounded, since bringing bytes into digits takes time by the square of it.
public struct BigInteger: Hashable, Sendable, CustomStringConvertible {
    /// Whether it is below zero.
    public let isNegative: Bool
    /// The absolute value in digits of 64 bits, the lowest first; the highest is not zero.
    private let limbs: [UInt64]

    /// The longest in the bytes of CBOR, and in as many decimal digits as those may need.
    static let maximumBytes = 16_384
    static let maximumDigits = 39_457

    /// How many digits go into 64 bits for sure.
    private static let chunk = 18

    /// About how much memory it takes.
    package var byteCount: Int { limbs.count * 8 }

    /// How many elements of a payload it is worth, by the time it takes.
    var cost: Int { limbs.count * limbs.count / 8 }

    private init(isNegative: Bool, limbs: [UInt64]) {
        self.isNegative = isNegative
        self.limbs = limbs
    }

    /// Reads decimal digits, more than 64 bits of them.
    @inline(never)
    static func item(
        decimal digits: UnsafeBufferPointer<UInt8>, isNegative: Bool
    ) throws(Malformed) -> Item {
        guard digits.count <= BigInteger.maximumDigits else { throw tooLong }
        var limbs: [UInt64] = []
        var index = 0
        while index < digits.count {
            var factor: UInt64 = 1
            var carry: UInt64 = 0
            while index < digits.count, factor < 1_000_000_000_000_000_000 {
                factor *= 10
                carry = carry * 10 + UInt64(digits[index] &- 0x30)
                index += 1
            }
            for place in limbs.indices {
                let (high, low) = limbs[place].multipliedFullWidth(by: factor)
                let (sum, overflow) = low.addingReportingOverflow(carry)
                limbs[place] = sum
                carry = high + (overflow ? 1 : 0)
            }
            if carry > 0 { limbs.append(carry) }
        }
        let value = BigInteger(isNegative: isNegative, limbs: limbs)
        // So many digits may be more than the bytes hold.
        guard limbs.count <= maximumBytes / 8 || value.cborNumber.bytes.count <= maximumBytes
        else { throw tooLong }
        return .big(value)
    }

    /// It is not worth a router's time.
    private static var tooLong: Malformed { .unrepresentable("is an integer too long to be read") }

    /// What CBOR's tags 2 and 3 mean; an integer of 64 bits where it is one.
    /// - Parameters:
    ///   - bytes: the highest first.
    ///   - isNegative: whether the integer is -1 minus that number.
    static func item(
        _ bytes: UnsafeBufferPointer<UInt8>, isNegative: Bool
    ) throws(Malformed) -> Item {
        let significant = bytes.drop { $0 == 0 }
        guard significant.count <= maximumBytes else { throw tooLong }
        var limbs: [UInt64] = []
        for (index, byte) in significant.reversed().enumerated() {
            if index % 8 == 0 { limbs.append(0) }
            limbs[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8)
        }
        if isNegative { increment(&limbs) }
        return item(isNegative: isNegative, limbs)
    }

    /// -1 minus a number, which CBOR writes without a tag.
    static func item(minusOneMinus number: UInt64) -> Item {
        var limbs = [number]
        increment(&limbs)
        return item(isNegative: true, limbs)
    }

    private static func item(isNegative: Bool, _ limbs: [UInt64]) -> Item {
        guard limbs.count <= 1 else {
            return .big(BigInteger(isNegative: isNegative, limbs: limbs))
        }
        let magnitude = limbs.first ?? 0
        if !isNegative { return .unsigned(magnitude) }
        guard magnitude <= 1 << 63 else {
            return .big(BigInteger(isNegative: true, limbs: limbs))
        }
        return .negative(Int64(truncatingIfNeeded: 0 &- magnitude))
    }

    private static func increment(_ limbs: inout [UInt64]) {
        for place in limbs.indices {
            let (sum, overflow) = limbs[place].addingReportingOverflow(1)
            limbs[place] = sum
            if !overflow { return }
        }
        limbs.append(1)
    }

    /// The number that CBOR writes: the absolute value, less one of a negative integer.
    var cborNumber: (small: UInt64?, bytes: [UInt8]) {
        var limbs = limbs
        if isNegative {
            for place in limbs.indices {
                limbs[place] &-= 1
                if limbs[place] != .max { break }
            }
        }
        while limbs.last == 0 { limbs.removeLast() }
        let bytes = limbs.reversed().flatMap { limb in
            (0..<8).map { UInt8(truncatingIfNeeded: limb >> UInt64(56 - 8 * $0)) }
        }
        return (limbs.count <= 1 ? limbs.first ?? 0 : nil, Array(bytes.drop { $0 == 0 }))
    }

    /// The decimal digits.
    public var description: String {
        var rest = limbs
        var chunks: [UInt64] = []
        while !rest.isEmpty {
            var remainder: UInt64 = 0
            for place in rest.indices.reversed() {
                (rest[place], remainder) = UInt64(1_000_000_000_000_000_000).dividingFullWidth(
                    (remainder, rest[place]))
            }
            chunks.append(remainder)
            while rest.last == 0 { rest.removeLast() }
        }
        var text = isNegative ? "-" : ""
        for (index, chunk) in chunks.reversed().enumerated() {
            let digits = String(chunk)
            if index > 0 {
                text += String(repeating: "0", count: BigInteger.chunk - digits.count)
            }
            text += digits
        }
        return text
    }

    /// The nearest float; infinite beyond the largest.
    public var double: Double { Double(description) ?? (isNegative ? -.infinity : .infinity) }
}
