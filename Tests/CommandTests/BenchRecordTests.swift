// What a run records, from moments that are given, and what is made of it.

import Histogram
import Testing
import WAMP
import WAMPLoad

@testable import wampctl

/// A router of one server with a fixed time per call, that stalls for a while, and what a generator
/// records of it.
private struct SimulatedRouter {
    var serviceTime: Int64 = 1_000_000
    var stall: Range<Int64> = 4_000_000_000..<5_000_000_000

    func answer(_ sent: Int64) -> Int64 {
        stall.contains(sent) ? stall.upperBound + serviceTime : sent + serviceTime
    }
}

@Suite struct BenchRecordTests {
    private let second: Int64 = 1_000_000_000

    private func result(
        _ record: BenchRecord, pace: BenchPace, seconds: Double = 10, fanOut: Int = 0,
        scenario: BenchScenario = .rpc
    ) throws -> BenchResult {
        let cell = BenchCell(
            scenario: scenario, serializer: .json, size: 16, sessions: 1, pace: pace)
        let outcome = BenchOutcome(
            record: record, seconds: seconds, facts: BenchLoadFacts(), series: [], fanOut: fanOut)
        return try #require(BenchResult(cell: cell, target: 0, outcomes: [outcome]))
    }

    @Test("An open loop shows a stall of a second in p99; a closed loop hides it")
    func coordinatedOmission() throws {
        let router = SimulatedRouter()
        var open = BenchRecord(window: BenchWindow(start: 0, end: 10 * second, isByDue: true))
        var schedule = ArrivalSchedule(perSecond: 1000, arrivals: .constant)
        for _ in 0..<10_000 {
            let due = schedule.next()
            open.record(due: due, sent: due, at: router.answer(due), .done)
        }
        let measured = try result(open, pace: .open(perSecond: 1000))
        #expect(measured.milliseconds(99) >= 850)
        #expect(measured.milliseconds(50) < 2)
        #expect(!measured.isSaturated)

        var closed = BenchRecord(window: BenchWindow(start: 0, end: 10 * second, isByDue: false))
        var now: Int64 = 0
        while now < 10 * second {
            let end = router.answer(now)
            closed.record(due: now, sent: now, at: end, .done)
            now = end
        }
        #expect(try result(closed, pace: .closed(inFlight: 1)).milliseconds(99) < 2)
    }

    @Test("Latency counts from the moment an operation was due, service time from the sending")
    func dueAndSent() throws {
        var record = BenchRecord(window: BenchWindow(start: 0, end: second, isByDue: true))
        record.record(due: 1_000_000, sent: 5_000_000, at: 6_000_000, .done)
        let measured = try result(record, pace: .open(perSecond: 1))
        #expect(abs(measured.milliseconds(50) - 5) < 0.01)
        #expect(abs(measured.service.milliseconds(at: 50) - 1) < 0.01)
    }

    @Test("Errors are counted by their URI and enter no latency")
    func errors() throws {
        var record = BenchRecord(window: BenchWindow(start: 0, end: second, isByDue: true))
        record.record(due: 0, sent: 0, at: 1_000_000, .done)
        record.record(due: 0, sent: 0, at: 900_000_000, .error(.unavailable))
        record.unanswered = 2
        let measured = try result(record, pace: .open(perSecond: 2))
        #expect(measured.response.totalCount == 1)
        #expect(measured.record.errors == [.unavailable: 1])
        #expect(measured.failures == 3)
        #expect(measured.failureShare == 0.75)
    }

    @Test("What was due outside the window does not count, however late it ends")
    func window() {
        let window = BenchWindow(start: 100, end: 200, isByDue: true)
        #expect(!window.holds(due: 99, ended: 150))
        #expect(window.holds(due: 199, ended: 9999))
        #expect(!window.holds(due: 200, ended: 201))
        let byEnd = BenchWindow(start: 100, end: 200, isByDue: false)
        #expect(byEnd.holds(due: 0, ended: 100))
        #expect(!byEnd.holds(due: 150, ended: 200))
    }

    @Test("A schedule of which 3 % is left over is saturated, and its latencies hold no threshold")
    func saturation() throws {
        var record = BenchRecord(window: BenchWindow(start: 0, end: second, isByDue: true))
        for index in 0..<970 {
            let due = Int64(index) * 1_000_000
            record.record(due: due, sent: due, at: due + 1000, .done)
        }
        record.unsent = 30
        let measured = try result(record, pace: .open(perSecond: 1000), seconds: 1)
        #expect(measured.isSaturated)
        #expect(try !BenchThreshold("p99<1s").holds(for: measured))
        #expect(try BenchThreshold("p99<1s").figure(of: measured) == "0.001 ms, saturated")
        #expect(try BenchThreshold("rate>900").holds(for: measured))
        #expect(try BenchThreshold("rate>900").figure(of: measured) == "970 /s")
        record.unsent = 10
        #expect(
            try !result(record, pace: .open(perSecond: 980), seconds: 1).isSaturated)
    }

    @Test("What was asked for in a closed window and failed after it counts as an error")
    func lateErrors() {
        var record = BenchRecord(window: BenchWindow(start: 0, end: second, isByDue: false))
        record.record(due: 500, sent: 500, at: 2 * second, .error(.timeout))
        record.record(due: 500, sent: 500, at: 2 * second, .done)
        record.record(due: second + 1, sent: second + 1, at: 2 * second, .error(.timeout))
        #expect(record.errorCount == 1)
        #expect(record.succeeded == 0)
    }

    @Test("Of a cell without a success, no latency and every error is told")
    func nothingSucceeded() throws {
        var record = BenchRecord(window: BenchWindow(start: 0, end: second, isByDue: true))
        record.record(due: 0, sent: 0, at: 1000, .error(.unavailable))
        let measured = try result(record, pace: .closed(inFlight: 1), seconds: 1)
        let latency = try BenchThreshold("p99<1s")
        #expect(!latency.holds(for: measured))
        #expect(latency.figure(of: measured) == "no operation succeeded")
        #expect(try BenchThreshold("errors<1%").figure(of: measured) == "100.00 %")
        #expect(try BenchThreshold("errors<1").figure(of: measured) == "1")
    }

    @Test("Events that never arrived are lost")
    func losses() throws {
        var record = BenchRecord(
            window: BenchWindow(start: 0, end: second, isByDue: true), measuresDelivery: true)
        for due in 0..<10 {
            record.record(due: Int64(due), sent: Int64(due), at: 50, .done)
            for _ in 0..<(due == 3 ? 1 : 2) {
                record.recordDelivery(due: Int64(due), sent: Int64(due), at: 1000)
            }
        }
        let measured = try result(
            record, pace: .open(perSecond: 10), seconds: 1, fanOut: 2, scenario: .pubsub)
        #expect(measured.lost == 1)
        #expect(measured.response.totalCount == 19)
    }

    @Test("Several records are merged, not averaged")
    func merging() {
        let window = BenchWindow(start: 0, end: second, isByDue: true)
        var fast = BenchRecord(window: window), slow = BenchRecord(window: window)
        for _ in 0..<99 { fast.record(due: 0, sent: 0, at: 1_000_000, .done) }
        slow.record(due: 0, sent: 0, at: 500_000_000, .done)
        fast.add(slow)
        #expect(fast.succeeded == 100)
        #expect(abs(fast.response.milliseconds(at: 50) - 1) < 0.01)
        #expect(abs(fast.response.milliseconds(at: 100) - 500) < 1)
    }

    @Test("Above 80 % of its cores the generator says that it is the limit")
    func generatorLimit() throws {
        var record = BenchRecord(window: BenchWindow(start: 0, end: second, isByDue: false))
        record.record(due: 0, sent: 0, at: 1000, .done)
        let cell = BenchCell(
            scenario: .rpc, serializer: .json, size: 16, sessions: 1, pace: .closed(inFlight: 1))
        for (cpu, isLimit) in [(0.7, false), (0.9, true)] {
            let outcome = BenchOutcome(
                record: record, seconds: 1, facts: BenchLoadFacts(ownCPU: cpu), series: [])
            let measured = try #require(
                BenchResult(cell: cell, target: 0, outcomes: [outcome]), "\(cpu)")
            #expect(measured.isGeneratorLimited == isLimit, "\(cpu)")
        }
    }

    @Test("A generator that waits for a core says that it is the limit, however little it uses")
    func starvedGenerator() throws {
        let cell = BenchCell(
            scenario: .rpc, serializer: .json, size: 16, sessions: 1, pace: .closed(inFlight: 1))
        for (milliseconds, isLimit) in [(2, false), (40, true)] {
            var record = BenchRecord(window: BenchWindow(start: 0, end: second, isByDue: false))
            record.record(due: 0, sent: 0, at: 1000, .done)
            for _ in 0..<100 { record.recordLoopDelay(Int64(milliseconds) * 1_000_000) }
            let outcome = BenchOutcome(
                record: record, seconds: 1, facts: BenchLoadFacts(ownCPU: 0.1), series: [])
            let measured = try #require(
                BenchResult(cell: cell, target: 0, outcomes: [outcome]), "\(milliseconds)")
            #expect(
                (measured.generatorLimit == "it waits 40 ms for a core") == isLimit,
                "\(milliseconds)")
        }
    }

    @Test("A comparison names what became worse beyond the tolerance, and nothing else")
    func comparison() throws {
        var record = BenchRecord(window: BenchWindow(start: 0, end: second, isByDue: false))
        for _ in 0..<1000 { record.record(due: 0, sent: 0, at: 1_000_000, .done) }
        let now = try result(record, pace: .closed(inFlight: 16), seconds: 1)
        func earlier(rate: Double, p99: Double) -> Value.Dictionary {
            [
                "cells": [
                    [
                        "key": .string(BenchDocument.key(of: now.cell)), "target": 0,
                        "rate": .double(rate), "failure_share": 0,
                        "latency_ms": ["p50": 1.0, "p99": .double(p99)],
                    ]
                ]
            ]
        }
        func regressions(_ earlier: Value.Dictionary) throws -> [String] {
            let cells = try #require(earlier["cells"]?.list)
            return BenchComparison([now], with: cells, tolerance: 0.05).regressions.map(\.metric)
        }
        #expect(try regressions(earlier(rate: 1040, p99: 0.97)) == [])
        #expect(try regressions(earlier(rate: 1100, p99: 1)) == ["rate"])
        #expect(try regressions(earlier(rate: 900, p99: 0.9)) == ["p99"])
        let other = BenchComparison([now], with: [], tolerance: 0)
        #expect(other.unmatched == ["c=16 16 B"] && !other.holds)
    }

    @Test("A histogram log has the encoding that HdrHistogram reads")
    func histogramLog() {
        #expect(HistogramLog.adler32(Array("Wikipedia".utf8)) == 0x11e6_0398)
        #expect(
            HistogramLog.zlib([1, 2]) == [0x78, 1, 1, 2, 0, 0xfd, 0xff, 1, 2, 0, 6, 0, 4])
        var histogram = LatencyHistogram.ofLatencies
        histogram.record(nanoseconds: 64 * 3)
        let bytes = HistogramLog.encoded(histogram)
        #expect(Array(bytes[..<4]) == [0x1c, 0x84, 0x93, 0x13])
        // Three empty places (zigzag of -3), then a count of one.
        #expect(Array(bytes[40...]) == [5, 2])
    }

    @Test("A plot is one well-formed SVG with axes, units and a line for each cell")
    func plot() throws {
        var report = BenchReport(
            commandLine: [], targets: [.init(url: "ws://a/<b>")], percentiles: [50],
            arrivals: .constant, setting: [],
            system: SystemFacts(processor: "CPU", cores: 2, kernel: "Linux 6", load: 0),
            began: WallMoment(milliseconds: 0))
        for rate in [1000.0, 2000] {
            var record = BenchRecord(window: BenchWindow(start: 0, end: second, isByDue: true))
            for index in 0..<1000 {
                record.record(due: 0, sent: 0, at: Int64(index + 1) * 10_000, .done)
            }
            report.results.append(try result(record, pace: .open(perSecond: rate), seconds: 1))
        }
        let svg = BenchPlot(report: report).svg
        #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n"))
        #expect(svg.ranges(of: "<polyline").count == 4)
        for text in ["99.9 %", "response time, ms", "Latency by achieved rate", "1 000/s"] {
            #expect(svg.contains(text), "\(text)")
        }
        // However many lines there are, no two look alike.
        for rate in 3...40 {
            report.results.append(
                try result(
                    report.results[0].record, pace: .open(perSecond: Double(rate * 1000)),
                    seconds: 1))
        }
        let lines = BenchPlot(report: report).svg.split(separator: "\n")
            .filter { $0.hasPrefix("<polyline") }.dropLast(2)
        let looks = lines.compactMap { $0.split(separator: " points=").first }
        #expect(looks.count == 40 && Set(looks).count == 40)
        #expect(svg.contains("ws://a/&lt;b&gt;"))
        #expect(!svg.contains("http://") || svg.ranges(of: "http://").count == 1)
    }
}
