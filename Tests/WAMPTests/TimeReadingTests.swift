// Times that come as text: RFC 3339, as the event history is asked with.

import Testing
import WAMP

@Suite("Reading times")
struct TimeReadingTests {
    @Test("What is written is read back", arguments: [0, 1_700_000_000_123, -1, 951_782_400_000])
    func roundTrip(milliseconds: Int64) {
        let text = timestamp(unixMilliseconds: milliseconds)
        #expect(unixMicroseconds(rfc3339: text) == milliseconds * 1000)
    }

    @Test(
        "Fractions of any length, offsets, and small letters are understood",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01t00:00:01z", 1_000_000),
            ("1970-01-01T00:00:00.5Z", 500_000), ("1970-01-01T00:00:00.1234567Z", 123_456),
            ("1970-01-01T01:00:00+01:00", 0), ("1969-12-31T23:30:00-00:30", 0),
            ("2000-02-29T00:00:00Z", 951_782_400_000_000),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000_000),
        ] as [(String, Int64)])
    func forms(text: String, microseconds: Int64) {
        #expect(unixMicroseconds(rfc3339: text) == microseconds)
    }

    @Test(
        "What is no time is not taken for one",
        arguments: [
            "", "now", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z",
            "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z",
            "2026-01-32T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00Zz",
            "26-01-01T00:00:00Z", "-026-01-01T00:00:00Z", "2026-01-01T00:00:00Z ",
        ])
    func refused(text: String) {
        #expect(unixMicroseconds(rfc3339: text) == nil)
    }
}
