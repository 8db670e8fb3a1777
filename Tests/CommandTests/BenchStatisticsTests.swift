// Statistics, schedules and thresholds of `bench` against known values.

import Histogram
import Testing
import WAMP
import WAMPClient

@testable import wampctl

@Suite struct BenchStatisticsTests {
    @Test("The median of an odd number is the middle one, of an even number the mean of two")
    func median() {
        #expect(BenchStatistics.median([3, 1, 2]) == 2)
        #expect(BenchStatistics.median([4, 1, 3, 2]) == 2.5)
        #expect(BenchStatistics.median([]) == 0)
    }

    @Test("Quantiles are those of type 7, as R and NumPy have them")
    func quantiles() {
        let values = [1.0, 2, 4, 8, 16]
        #expect(BenchStatistics.quantile(values, 0.5) == 4)
        #expect(abs(BenchStatistics.quantile(values, 0.9) - 12.8) < 1e-12)
        #expect(abs(BenchStatistics.quantile(values, 0.025) - 1.1) < 1e-12)
        #expect(BenchStatistics.quantile(values, 1) == 16)
    }

    @Test("A ratio of runs that never differ has no width")
    func exactRatio() throws {
        let ratio = try #require(BenchStatistics.ratio([20, 20, 20], [10, 10]))
        #expect(ratio == BenchRatio(ratio: 2, lower: 2, upper: 2))
        #expect(ratio.verdict(higherIsBetter: true) == "faster")
        #expect(ratio.verdict(higherIsBetter: false) == "slower")
    }

    @Test("The bootstrap finds the interval that counting all resamples gives")
    func bootstrap() throws {
        // The median of three draws from 1, 2, 3 is 1, 2, 3 in 7, 13 and 7 of 27 cases.
        let ratio = try #require(BenchStatistics.ratio([1, 2, 3], [1]))
        #expect(ratio == BenchRatio(ratio: 2, lower: 1, upper: 3))
        #expect(ratio.verdict(higherIsBetter: true) == "no difference shown")
        // All 3125 × 3125 resamples of these: these are the bounds.
        let own = [118.0, 120, 121, 125, 119], other = [100.0, 104, 101, 112, 99]
        let spread = try #require(BenchStatistics.ratio(own, other))
        #expect(abs(spread.ratio - 120.0 / 101) < 1e-12)
        #expect(abs(spread.lower - 1.071429) < 0.011)
        #expect(abs(spread.upper - 1.237624) < 0.011)
        #expect(BenchStatistics.ratio([], [1]) == nil)
    }

    @Test("The generator of resamples is SplitMix64")
    func splitMix() {
        var random = SplitMix64(seed: 1_234_567)
        #expect(random.next() == 6_457_827_717_110_365_317)
        #expect(random.next() == 3_203_168_211_198_807_973)
    }

    @Test("Percentiles of known latencies are exact to three digits")
    func percentiles() {
        var histogram = LatencyHistogram.ofLatencies
        for value in 1...10_000 { histogram.record(nanoseconds: Int64(value) * 10_000) }
        for (percentile, expected) in [(50.0, 50.0), (90, 90), (99, 99), (99.9, 99.9)] {
            #expect(
                abs(histogram.milliseconds(at: percentile) / expected - 1) < 0.001, "\(percentile)")
        }
        #expect(abs(histogram.mean / 1e6 - 50.005) < 0.05)
        histogram.record(nanoseconds: 90_000_000_000)
        #expect(histogram.milliseconds(at: 100) >= 59_900)
    }

    @Test(
        "Thresholds are read with their units",
        arguments: [
            ("p99<5ms", BenchThreshold.Metric.percentile(99), BenchThreshold.Relation.below, 5.0),
            ("p99.9 <= 1s", .percentile(99.9), .atMost, 1000),
            ("rate>20000", .rate, .above, 20_000), ("rate>=20k", .rate, .atLeast, 20_000),
            ("errors<0.1%", .errors(isShare: true), .below, 0.001),
            ("errors<=0", .errors(isShare: false), .atMost, 0), ("max<1m", .max, .below, 60_000),
        ])
    func thresholds(
        text: String, metric: BenchThreshold.Metric, relation: BenchThreshold.Relation,
        bound: Double
    ) throws {
        let threshold = try BenchThreshold(text)
        #expect(threshold.metric == metric)
        #expect(threshold.relation == relation)
        #expect(abs(threshold.bound - bound) < 1e-12)
    }

    @Test(
        "What is no threshold is refused",
        arguments: ["", "p99", "p99<5", "p0<1ms", "p100<1ms", "rate>fast", "speed>1", "errors<x%"])
    func noThresholds(text: String) {
        #expect(throws: NotationError.self) { try BenchThreshold(text) }
    }

    @Test("A number of constant arrivals is a second of their rate, shared between loops")
    func constantArrivals() {
        var whole = ArrivalSchedule(perSecond: 1000, arrivals: .constant)
        let moments = (0..<1001).map { _ in whole.next() }
        #expect(moments[0] == 0)
        #expect(moments[1] == 1_000_000)
        #expect(moments[1000] == 1_000_000_000)
        var first = ArrivalSchedule(perSecond: 1000, arrivals: .constant, share: (0, 2))
        var second = ArrivalSchedule(perSecond: 1000, arrivals: .constant, share: (1, 2))
        let dealt = (0..<100).flatMap { _ in [first.next(), second.next()] }
        #expect(dealt == Array(moments[..<200]))
    }

    @Test("Poisson arrivals keep the rate, and gaps as uneven as chance makes them")
    func poissonArrivals() {
        var schedule = ArrivalSchedule(perSecond: 1000, arrivals: .poisson, seed: 7)
        let moments = (0..<20_000).map { _ in Double(schedule.next()) / 1e6 }
        let gaps = zip(moments.dropFirst(), moments).map { $0 - $1 }
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        let variance = gaps.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(gaps.count)
        #expect(abs(mean - 1) < 0.05)
        // An exponential distribution's deviation is its mean.
        #expect(abs(variance.squareRoot() - 1) < 0.05)
        #expect(moments == moments.sorted())
    }
}
