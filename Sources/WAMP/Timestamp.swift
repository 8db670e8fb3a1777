// A wall-clock time as text, and back. Arithmetic alone: no clock, no locale.

/// A wall-clock time as RFC 3339 writes it, UTC, with milliseconds:
/// `2026-11-22T12:00:01.204Z`.
package func timestamp(unixMilliseconds: Int64) -> String {
    let (seconds, milliseconds) = unixMilliseconds.dividedRoundingDown(by: 1000)
    let (days, secondOfDay) = seconds.dividedRoundingDown(by: 86_400)

    // Civil date from a day count, with years that begin in March so that the leap day comes last.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)

    func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2) + "T"
        + padded(secondOfDay / 3600, 2) + ":" + padded(secondOfDay / 60 % 60, 2) + ":"
        + padded(secondOfDay % 60, 2) + "." + padded(milliseconds, 3) + "Z"
}

/// Reads a time as RFC 3339 writes it, with any fraction of a second and any offset from UTC.
/// - Returns: microseconds since 1970-01-01 UTC, what is finer cut off; nil if it is no such time.
package func unixMicroseconds(rfc3339 text: String) -> Int64? {
    var reader = DigitReader(text: Array(text.utf8))
    guard let year = reader.number(4), reader.skip("-"), let month = reader.number(2),
        reader.skip("-"), let day = reader.number(2), reader.skip("T") || reader.skip("t"),
        let hour = reader.number(2), reader.skip(":"), let minute = reader.number(2),
        reader.skip(":"), let second = reader.number(2),
        let fraction = reader.fraction(), let offset = reader.offset(), reader.isAtEnd
    else { return nil }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let february: Int64 = isLeap ? 29 : 28
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard (1...12).contains(month), day >= 1, day <= lengths[Int(month) - 1], hour < 24,
        minute < 60, second <= 60
    else { return nil }

    // Days from the civil date, with years that begin in March so that the leap day comes last.
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = era * 146_097 + dayOfEra - 719_468
    let minutes = days * 1440 + hour * 60 + minute - offset
    return (minutes * 60 + second) * 1_000_000 + fraction
}

/// Takes a time apart from left to right.
private struct DigitReader {
    let text: [UInt8]
    private var index = 0

    init(text: [UInt8]) { self.text = text }

    var isAtEnd: Bool { index == text.count }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard index < text.count, text[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    /// The next digit.
    private mutating func digit() -> Int64? {
        guard index < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[index])
        else { return nil }
        index += 1
        return Int64(text[index - 1] - UInt8(ascii: "0"))
    }

    /// A number of just so many digits.
    mutating func number(_ digits: Int) -> Int64? {
        var number: Int64 = 0
        for _ in 0..<digits {
            guard let digit = digit() else { return nil }
            number = number * 10 + digit
        }
        return number
    }

    /// The fraction of a second in microseconds; 0 if there is none.
    mutating func fraction() -> Int64? {
        guard skip(".") else { return 0 }
        guard var value = digit() else { return nil }
        var count = 1
        while let digit = digit() {
            if count < 6 { value = value * 10 + digit }
            count += 1
        }
        while count < 6 {
            value *= 10
            count += 1
        }
        return value
    }

    /// The offset from UTC in minutes.
    mutating func offset() -> Int64? {
        if skip("Z") || skip("z") { return 0 }
        let sign: Int64
        if skip("+") {
            sign = 1
        } else if skip("-") {
            sign = -1
        } else {
            return nil
        }
        guard let hours = number(2), skip(":"), let minutes = number(2), hours < 24, minutes < 60
        else { return nil }
        return sign * (hours * 60 + minutes)
    }
}

extension Int64 {
    /// Quotient and remainder for a positive divisor, with a remainder that is never negative:
    /// times before 1970 count upwards too.
    fileprivate func dividedRoundingDown(by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
