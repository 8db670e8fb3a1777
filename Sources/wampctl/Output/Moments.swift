// Times and durations as text.

import Glibc
import WAMP

/// A moment of the wall clock, in milliseconds since 1970 (UTC).
struct WallMoment: Hashable {
    let milliseconds: Int64

    static func now() -> WallMoment {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallMoment(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// RFC 3339, UTC, with milliseconds: `2026-11-22T12:00:01.204Z`.
    var timestamp: String { WAMP.timestamp(unixMilliseconds: milliseconds) }

    /// The local time of day for people: `12:00:01.204`.
    var timeOfDay: String { String(local.dropFirst("2026-11-22T".count)) }

    /// The local date: `2026-11-22`.
    var localDate: String { String(local.prefix("2026-11-22".count)) }

    private var local: Substring {
        var seconds = time_t(milliseconds / 1000), parts = tm()
        localtime_r(&seconds, &parts)
        let local = WallMoment(milliseconds: milliseconds + Int64(parts.tm_gmtoff) * 1000)
        return local.timestamp.dropLast()
    }
}

extension Duration {
    var milliseconds: Double {
        Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15
    }

    var seconds: Double { milliseconds / 1e3 }

    var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}

/// Numbers for people and for scripts.
enum Figures {
    /// With a space between thousands: `2 431`.
    static func grouped(_ number: Int) -> String {
        var digits = Array(String(number.magnitude))
        var index = digits.count - 3
        while index > 0 {
            digits.insert(" ", at: index)
            index -= 3
        }
        return (number < 0 ? "-" : "") + String(digits)
    }

    /// A number and what it counts: `1 call`, `2 431 calls`.
    static func counted(_ number: Int, _ noun: String, _ plural: String? = nil) -> String {
        "\(grouped(number)) \(number == 1 ? noun : plural ?? "\(noun)s")"
    }

    /// What a first signal is answered with, while something is still to be finished.
    static func stopping(_ outstanding: Int, _ noun: String) -> String {
        "stopping: \(counted(outstanding, noun)) outstanding; a second signal ends at once"
    }

    /// With so many decimals: `0.763`.
    static func fixed(_ number: Double, _ decimals: Int) -> String {
        guard number.isFinite, abs(number) < 1e15 else { return "\(number)" }
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = Int64((abs(number) * scale).rounded())
        let sign = number < 0 && scaled != 0 ? "-" : ""
        guard decimals > 0 else { return sign + String(scaled) }
        var digits = String(scaled)
        if digits.count <= decimals {
            digits = String(repeating: "0", count: decimals + 1 - digits.count) + digits
        }
        return sign + digits.dropLast(decimals) + "." + digits.suffix(decimals)
    }

    /// With about two digits that count: `0.038`, `0.38`, `1.2`, `12`.
    static func short(_ number: Double) -> String {
        fixed(number, number < 0.0995 ? 3 : number < 0.995 ? 2 : number < 9.95 ? 1 : 0)
    }

    /// In the notation of the command line: `100ms`, `30s`, `1.5s`.
    static func duration(_ duration: Duration) -> String {
        let milliseconds = duration.milliseconds
        if milliseconds < 1 { return "\(Int(milliseconds * 1000))us" }
        if milliseconds < 1000 { return "\(Int(milliseconds))ms" }
        let seconds = duration.seconds
        return seconds == seconds.rounded() ? "\(Int(seconds))s" : "\(fixed(seconds, 1))s"
    }

    /// Rounded to so many decimals, for a number in JSON.
    static func rounded(_ number: Double, _ decimals: Int) -> Double {
        Double(fixed(number, decimals)) ?? number
    }
}
