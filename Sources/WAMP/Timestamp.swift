// A wall-clock time as text. Arithmetic alone: no clock, no locale.

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

extension Int64 {
    /// Quotient and remainder for a positive divisor, with a remainder that is never negative:
    /// times before 1970 count upwards too.
    fileprivate func dividedRoundingDown(by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
