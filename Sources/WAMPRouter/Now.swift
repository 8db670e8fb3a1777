// Time as an argument. The core has no clock: the shell says what time it is.

/// A point on the monotonic clock, in nanoseconds since an arbitrary origin.
package struct Moment: Comparable, Hashable, Sendable {
    package let nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    package static func < (left: Moment, right: Moment) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The moment this many milliseconds later; the end of time if that lies beyond it.
    package func advanced(milliseconds: UInt64) -> Moment {
        let (span, tooLong) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, overflow) = nanoseconds.addingReportingOverflow(span)
        return Moment(nanoseconds: tooLong || overflow ? .max : sum)
    }
}

/// The present: a moment for deadlines, a wall clock for what people read.
package struct Now: Sendable {
    package let moment: Moment
    /// Milliseconds since 1970-01-01 UTC.
    package let unixMilliseconds: Int64

    package init(moment: Moment, unixMilliseconds: Int64) {
        self.moment = moment
        self.unixMilliseconds = unixMilliseconds
    }
}

/// A wall-clock time as the meta API writes it: ISO 8601, UTC, milliseconds, `Z`.
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
