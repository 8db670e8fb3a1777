// Time as an argument. The core has no clock: the shell says what time it is.

/// A point on the monotonic clock, in nanoseconds since an arbitrary origin.
package struct Moment: Comparable, Hashable, Sendable {
    package let nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// The end of time.
    package static var never: Moment { Moment(nanoseconds: .max) }

    package static func < (left: Moment, right: Moment) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The moment this many milliseconds later; the end of time if that lies beyond it.
    package func advanced(milliseconds: UInt64) -> Moment {
        let (span, tooLong) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, overflow) = nanoseconds.addingReportingOverflow(span)
        return Moment(nanoseconds: tooLong || overflow ? .max : sum)
    }

    /// The milliseconds from another moment to this one, the last of them begun; 0 if that is the
    /// later one.
    package func milliseconds(since other: Moment) -> UInt64 {
        self <= other ? 0 : (nanoseconds - other.nanoseconds - 1) / 1_000_000 + 1
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
