// The arithmetic behind a verdict. Pure; the tests compare it with published tables.

import Glibc

/// The outcome of one statistical test.
struct StatisticalTest: Equatable {
    let name: String
    let statistic: Double
    let degrees: Int
    /// How likely a correct router gives a statistic at least as large.
    let probability: Double
    /// Which stretch of the run it is about, from 1; nil where there is one alone.
    var stretch: Int?
}

enum Statistics {
    /// Pearson's test of counts against equal shares; nil for fewer than two counts or no calls.
    static func shares(_ counts: [Int]) -> StatisticalTest? {
        let total = counts.reduce(0, +)
        guard counts.count > 1, total > 0 else { return nil }
        let expected = Double(total) / Double(counts.count)
        let statistic = counts.reduce(0.0) { sum, count in
            let difference = Double(count) - expected
            return sum + difference * difference / expected
        }
        return test("shares", statistic, degrees: counts.count - 1)
    }

    /// The test of successive pairs against independence.
    ///
    /// `pairs[from][to]` is how often a call answered by `from` was followed by one answered by
    /// `to`. Rows and columns without any pair say nothing and are left out of the degrees of
    /// freedom.
    static func order(_ pairs: [[Int]]) -> StatisticalTest? {
        let rows = pairs.map { Double($0.reduce(0, +)) }
        let columns = pairs.indices.map { to in Double(pairs.reduce(0) { $0 + $1[to] }) }
        let total = rows.reduce(0, +)
        let degrees =
            (rows.count { $0 > 0 } - 1) * (columns.count { $0 > 0 } - 1)
        guard total > 0, degrees > 0 else { return nil }
        var statistic = 0.0
        for (from, row) in pairs.enumerated() {
            for (to, count) in row.enumerated() where rows[from] > 0 && columns[to] > 0 {
                let expected = rows[from] * columns[to] / total
                let difference = Double(count) - expected
                statistic += difference * difference / expected
            }
        }
        return test("order", statistic, degrees: degrees)
    }

    /// How far a count may lie from its expectation in 99.9 % of runs, for equal shares among
    /// `calleeCount`.
    static func spread(calls: Int, calleeCount: Int) -> Int {
        guard calleeCount > 1 else { return 0 }
        let share = 1 / Double(calleeCount)
        let twoSidedQuantile = 3.290_526_731_491_896
        return Int(
            (twoSidedQuantile * (Double(calls) * share * (1 - share)).squareRoot()).rounded())
    }

    /// How likely fair picks leave one callee or more without any of the calls: the sum over the
    /// callees, which is above the truth by what two silent ones would add.
    static func silence(calls: Int, calleeCount: Int) -> Double {
        let count = Double(calleeCount)
        return count * pow(1 - 1 / count, Double(calls))
    }

    /// The probability that chi-square with `degrees` degrees of freedom is at least `statistic`.
    static func upperTail(chiSquare statistic: Double, degrees: Int) -> Double {
        upperGamma(Double(degrees) / 2, max(0, statistic) / 2)
    }

    private static func test(_ name: String, _ statistic: Double, degrees: Int) -> StatisticalTest {
        StatisticalTest(
            name: name, statistic: statistic, degrees: degrees,
            probability: upperTail(chiSquare: statistic, degrees: degrees))
    }

    /// The regularised upper incomplete gamma function Q(a, x): by series below a + 1, by Lentz's
    /// continued fraction above, where each converges fast.
    private static func upperGamma(_ a: Double, _ x: Double) -> Double {
        if x <= 0 { return 1 }
        let scale = exp(a * log(x) - x - lgamma(a))
        let isSmall = x < a + 1
        return min(1, max(0, isSmall ? 1 - scale * series(a, x) : scale * fraction(a, x)))
    }

    private static func series(_ a: Double, _ x: Double) -> Double {
        var term = 1 / a
        var sum = term
        var divisor = a
        for _ in 0..<10_000 where term > sum * 1e-16 {
            divisor += 1
            term *= x / divisor
            sum += term
        }
        return sum
    }

    private static func fraction(_ a: Double, _ x: Double) -> Double {
        let tiny = 1e-300
        var b = x + 1 - a
        var c = 1 / tiny
        var d = 1 / b
        var product = d
        for step in 1..<10_000 {
            let numerator = -Double(step) * (Double(step) - a)
            b += 2
            d = numerator * d + b
            if abs(d) < tiny { d = tiny }
            c = b + numerator / c
            if abs(c) < tiny { c = tiny }
            d = 1 / d
            product *= d * c
            if abs(d * c - 1) < 1e-16 { break }
        }
        return product
    }
}
