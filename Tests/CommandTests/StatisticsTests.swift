// The arithmetic of verdicts against published values.

import Testing

@testable import wampctl

@Suite struct StatisticsTests {
    @Test(
        "Chi-square tails equal the tables",
        arguments: [
            (1.16, 3, 0.7626), (0.708, 3, 0.8713), (6.85, 9, 0.6528), (10.828, 1, 0.001),
            (13.816, 2, 0.001), (27.877, 9, 0.001), (37.697, 15, 0.001), (0.002, 2, 0.999),
            (3.841, 1, 0.05), (124.342, 100, 0.05),
        ])
    func tails(statistic: Double, degrees: Int, probability: Double) {
        let tail = Statistics.upperTail(chiSquare: statistic, degrees: degrees)
        #expect(abs(tail - probability) < 0.0005)
    }

    @Test("The tail is 1 at nothing and 0 far out")
    func extremes() {
        #expect(Statistics.upperTail(chiSquare: 0, degrees: 3) == 1)
        #expect(Statistics.upperTail(chiSquare: 100_000, degrees: 3) == 0)
        #expect(Statistics.upperTail(chiSquare: 3000, degrees: 3000).isFinite)
    }

    @Test("Shares: 251, 238, 262, 249 of 1000 give 1.16 with 3 degrees of freedom")
    func shares() throws {
        let test = try #require(Statistics.shares([251, 238, 262, 249]))
        #expect(abs(test.statistic - 1.16) < 1e-9)
        #expect(test.degrees == 3)
        #expect(abs(test.probability - 0.7626) < 0.0005)
        #expect(Statistics.shares([5]) == nil)
        #expect(Statistics.shares([0, 0]) == nil)
    }

    @Test("Order: an even table is independent, a rotation is not")
    func order() throws {
        let even = try #require(Statistics.order([[10, 10], [10, 10]]))
        #expect(even.statistic == 0)
        #expect(even.degrees == 1)
        // Rows 20 and 20, expected 10 each, every cell 10 away: 4 times 100/10.
        let rotation = try #require(Statistics.order([[0, 20], [20, 0]]))
        #expect(rotation.statistic == 40)
        #expect(rotation.probability < 1e-9)
    }

    @Test("Order: rows and columns without pairs do not count as freedom")
    func emptyRows() throws {
        let test = try #require(Statistics.order([[5, 5, 0], [5, 5, 0], [0, 0, 0]]))
        #expect(test.degrees == 1)
        #expect(Statistics.order([[5, 0], [0, 0]]) == nil)
    }

    @Test("The spread at 99.9 % of 1000 calls over 4 callees is 45")
    func spread() {
        #expect(Statistics.spread(calls: 1000, calleeCount: 4) == 45)
        #expect(Statistics.spread(calls: 1000, calleeCount: 1) == 0)
    }
}
