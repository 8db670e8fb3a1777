// Quantities as they are written on the command line.

import Testing

@testable import wampctl

@Suite struct NotationTests {
    @Test(
        "A duration is a number with a unit",
        arguments: [
            ("250us", Duration.microseconds(250)), ("20ms", .milliseconds(20)),
            ("1.5s", .milliseconds(1500)), ("2m", .seconds(120)), ("1h", .seconds(3600)),
            ("0", .zero), ("0s", .zero),
        ])
    func duration(text: String, expected: Duration) throws {
        #expect(try Notation.duration(text) == expected)
    }

    @Test("A bare number is no duration, and the error asks which unit was meant")
    func bareNumber() {
        #expect(throws: NotationError("a duration needs a unit: 30s or 30ms?")) {
            try Notation.duration("30")
        }
    }

    @Test(
        "What is no duration is refused",
        arguments: ["", "s", "-1s", "1d", "1 s", "1.2.3s", ".s", "1e3s", "99999999h", "٣s"])
    func noDuration(text: String) {
        #expect(throws: NotationError.self) { try Notation.duration(text) }
    }

    @Test("A range goes upwards, and a single duration is a range of itself")
    func ranges() throws {
        #expect(
            try Notation.durationRange("10ms..50ms") == .milliseconds(10) ... .milliseconds(50))
        #expect(try Notation.durationRange("10ms") == .milliseconds(10) ... .milliseconds(10))
        #expect(throws: NotationError.self) { try Notation.durationRange("50ms..10ms") }
        #expect(throws: NotationError.self) { try Notation.durationRange("10..50ms") }
    }

    @Test(
        "Sizes are in powers of 1024",
        arguments: [("512", 512), ("64k", 65_536), ("1m", 1_048_576), ("2G", 2_147_483_648)])
    func sizes(text: String, expected: Int) throws {
        #expect(try Notation.size(text) == expected)
    }

    @Test(
        "What is no size is refused", arguments: ["", "k", "1.5m", "1t", "-1", "99999999999999g"])
    func noSize(text: String) {
        #expect(throws: NotationError.self) { try Notation.size(text) }
    }

    @Test(
        "Rates are per second and above 0",
        arguments: [("1000", 1000.0), ("5k", 5000), ("0.5", 0.5)])
    func rates(text: String, expected: Double) throws {
        #expect(try Notation.rate(text) == expected)
        #expect(throws: NotationError.self) { try Notation.rate("0") }
        #expect(throws: NotationError.self) { try Notation.rate("fast") }
    }

    @Test("Counts are whole numbers, shares lie between 0 and 1")
    func countsAndShares() throws {
        #expect(try Notation.count("0") == 0)
        #expect(throws: NotationError.self) { try Notation.count("1k") }
        #expect(throws: NotationError.self) { try Notation.count("-1") }
        #expect(throws: NotationError.self) { try Notation.positiveCount("0") }
        #expect(try Notation.share("0.25") == 0.25)
        #expect(throws: NotationError.self) { try Notation.share("1.1") }
    }

    @Test("The nearest word is suggested, but only if it is near")
    func similarity() {
        let commands = ["router", "register", "call"]
        #expect(Similarity.nearest(to: "regster", among: commands) == "register")
        #expect(Similarity.nearest(to: "clal", among: commands) == "call")
        #expect(Similarity.nearest(to: "bench", among: commands) == nil)
        #expect(Similarity.distance("ab", "ba") == 1)
        #expect(Similarity.distance("", "abc") == 3)
    }
}
