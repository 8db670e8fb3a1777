// What a run must reach: `p99<5ms`, `rate>20000`, `errors<0.1%`. Pure.

import Histogram

struct BenchThreshold: Equatable {
    enum Metric: Equatable {
        case percentile(Double)
        case min, mean, max
        case rate
        /// A share of all operations, or a number of them.
        case errors(isShare: Bool)
    }

    enum Relation: String, CaseIterable {
        // The longer first: one is the beginning of the other.
        case atMost = "<=", atLeast = ">=", below = "<", above = ">"

        func holds(_ value: Double, _ bound: Double) -> Bool {
            switch self {
            case .below: value < bound
            case .above: value > bound
            case .atMost: value <= bound
            case .atLeast: value >= bound
            }
        }
    }

    let text: String
    let metric: Metric
    let relation: Relation
    /// Milliseconds, a rate, a share or a number.
    let bound: Double

    init(_ text: String) throws(NotationError) {
        let words = text.filter { $0 != " " }
        let hint = NotationError("a threshold is such as p99<5ms, rate>20000 or errors<0.1%")
        guard let relation = Relation.allCases.first(where: { words.contains($0.rawValue) }),
            let range = words.firstRange(of: relation.rawValue)
        else { throw hint }
        let name = words[..<range.lowerBound], value = String(words[range.upperBound...])
        self.text = words
        self.relation = relation
        switch name {
        case "rate":
            metric = .rate
            bound = try Notation.rate(value)
        case "errors":
            if value.hasSuffix("%") {
                guard let percent = Double(value.dropLast()), percent >= 0 else { throw hint }
                metric = .errors(isShare: true)
                bound = percent / 100
            } else {
                metric = .errors(isShare: false)
                bound = Double(try Notation.count(value))
            }
        case "min", "mean", "max":
            metric = name == "min" ? .min : name == "mean" ? .mean : .max
            bound = try Notation.duration(value).milliseconds
        default:
            guard name.first == "p", let percentile = Double(name.dropFirst()),
                percentile > 0, percentile < 100
            else { throw hint }
            metric = .percentile(percentile)
            bound = try Notation.duration(value).milliseconds
        }
    }

    private var isLatency: Bool {
        switch metric {
        case .percentile, .min, .mean, .max: true
        case .rate, .errors: false
        }
    }

    /// Whether a cell reached it. Of a cell that is saturated the latencies are lower bounds, which
    /// show no latency to be short.
    func holds(for result: BenchResult) -> Bool {
        if isLatency, result.response.totalCount == 0 { return false }
        if isLatency, result.isSaturated, relation == .below || relation == .atMost {
            return false
        }
        return relation.holds(value(in: result), bound)
    }

    /// What a cell came to, with its unit.
    func figure(of result: BenchResult) -> String {
        let value = value(in: result)
        switch metric {
        case .percentile, .min, .mean, .max:
            guard result.response.totalCount > 0 else { return "no operation succeeded" }
            return BenchText.milliseconds(value) + " ms" + (result.isSaturated ? ", saturated" : "")
        case .rate: return BenchText.count(value) + " /s"
        case .errors(let isShare):
            return isShare ? Figures.fixed(value * 100, 2) + " %" : Figures.grouped(Int(value))
        }
    }

    private func value(in result: BenchResult) -> Double {
        switch metric {
        case .percentile(let percentile): result.milliseconds(percentile)
        case .min: result.minimum
        case .mean: result.mean
        case .max: result.maximum
        case .rate: result.rate
        case .errors(let isShare):
            isShare ? result.failureShare : Double(result.failures)
        }
    }
}
