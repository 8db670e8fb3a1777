// How quantities are written on the command line: durations, ranges, sizes, rates, counts, shares.
// Pure text in, a value or a sentence that tells the cure out.

import WAMP

/// Why something written on the line, or in stdin, could not be read: what is wrong with it and how
/// it is written right.
struct NotationError: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

enum Notation {
    private static let nanosecondsPerUnit: [(unit: String, nanoseconds: Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ]

    /// The longest duration, a year; what is meant to last longer is written as 0, no limit.
    private static let longestNanoseconds = 8760 * 3600e9

    /// A duration: a number with a unit (`250us`, `20ms`, `1.5s`, `2m`, `1h`), or `0`.
    static func duration(_ text: String) throws(NotationError) -> Duration {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text.dropFirst(digits.count)
        guard let number = decimal(digits) else {
            throw NotationError("a duration is a number with a unit, such as 20ms, 1.5s or 2m")
        }
        if unit.isEmpty {
            if number == 0 { return .zero }
            throw NotationError("a duration needs a unit: \(text)s or \(text)ms?")
        }
        guard let scale = nanosecondsPerUnit.first(where: { $0.unit == unit }) else {
            throw NotationError("'\(unit)' is no unit of time; use us, ms, s, m or h")
        }
        let nanoseconds = number * scale.nanoseconds
        guard nanoseconds <= longestNanoseconds else {
            throw NotationError("the longest duration is 8760h; 0 means no limit")
        }
        return .nanoseconds(Int64(nanoseconds.rounded()))
    }

    /// A duration, or a range of them written `10ms..50ms`.
    static func durationRange(_ text: String) throws(NotationError) -> ClosedRange<Duration> {
        guard let dots = firstRange(of: "..", in: text) else {
            let fixed = try duration(text)
            return fixed...fixed
        }
        let lower = try duration(String(text[..<dots.lowerBound]))
        let upper = try duration(String(text[dots.upperBound...]))
        guard lower <= upper else {
            throw NotationError("a range goes from the shorter to the longer duration")
        }
        return lower...upper
    }

    /// A size in bytes: `512`, `64k`, `1m`, `1g`, in powers of 1024.
    static func size(_ text: String) throws(NotationError) -> Int {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let shift: Int? =
            switch text.dropFirst(digits.count).lowercased() {
            case "": 0
            case "k": 10
            case "m": 20
            case "g": 30
            default: nil
            }
        guard let shift, let number = Int(digits), number <= Int.max >> (shift + 8) else {
            throw NotationError("a size is a whole number of bytes, or with k, m or g: 64k, 16m")
        }
        return number << shift
    }

    /// A rate per second: `1000`, `5k`, `2.5k`, `1m`.
    static func rate(_ text: String) throws(NotationError) -> Double {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let factor: Double? =
            switch text.dropFirst(digits.count).lowercased() {
            case "": 1
            case "k": 1000
            case "m": 1_000_000
            default: nil
            }
        guard let factor, let number = decimal(digits), number > 0, number * factor <= 1e9 else {
            throw NotationError("a rate is a number per second above 0, such as 1000 or 5k")
        }
        return number * factor
    }

    /// A count: a whole number; `0` where the option says it means no limit.
    static func count(_ text: String) throws(NotationError) -> Int {
        guard text.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(text) else {
            throw NotationError("a whole number is needed, such as 100")
        }
        return number
    }

    /// A whole number from 1.
    static func positiveCount(_ text: String) throws(NotationError) -> Int {
        let number = try count(text)
        guard number > 0 else { throw NotationError("at least 1 is needed") }
        return number
    }

    /// A share from 0 to 1.
    static func share(_ text: String) throws(NotationError) -> Double {
        guard let number = decimal(text[...]), number <= 1 else {
            throw NotationError("a share is a number from 0 to 1, such as 0.1")
        }
        return number
    }

    /// How a URI is matched: `exact`, `prefix` or `wildcard`.
    static func match(_ text: String) throws(NotationError) -> MatchPolicy {
        guard let match = MatchPolicy(rawValue: text) else {
            throw NotationError("use exact, prefix or wildcard")
        }
        return match
    }

    /// An id of WAMP: a whole number from 1.
    static func id(_ text: String) throws(NotationError) -> UInt64 {
        guard let id = UInt64(text), id > 0, id <= SessionID.largest else {
            throw NotationError("an ID is a whole number, such as 8126371")
        }
        return id
    }

    /// A decimal without sign or exponent.
    private static func decimal(_ text: Substring) -> Double? {
        guard text.contains(where: \.isNumber),
            text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
            text.count(where: { $0 == "." }) <= 1
        else { return nil }
        return Double(text)
    }

    private static func firstRange(of needle: String, in text: String) -> Range<String.Index>? {
        var index = text.startIndex
        while index < text.endIndex {
            if text[index...].hasPrefix(needle) {
                return index..<text.index(index, offsetBy: needle.count)
            }
            index = text.index(after: index)
        }
        return nil
    }
}
