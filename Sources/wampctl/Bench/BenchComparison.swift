// A result beside an earlier one: what became worse beyond the tolerance. Pure.

import WAMP

struct BenchComparison: Equatable {
    struct Row: Equatable {
        var cell: String
        var metric: String
        var before: Double
        var now: Double
        /// How much worse, as a share of what it was; negative if it became better.
        var loss: Double
        var isRegression: Bool
    }

    private(set) var rows: [Row] = []
    /// Cells that the earlier result does not have.
    private(set) var unmatched: [String] = []

    var regressions: [Row] { rows.filter(\.isRegression) }

    /// Whether something was compared, and nothing became worse beyond the tolerance.
    var holds: Bool { !rows.isEmpty && regressions.isEmpty }

    /// - Parameters:
    ///   - cells: those of the object that `--save` wrote.
    ///   - tolerance: the share by which a figure may become worse.
    init(_ results: [BenchResult], with cells: [Value], tolerance: Double) {
        let varied = results.map(\.cell).varied
        for result in results where result.target == 0 {
            let key = BenchDocument.key(of: result.cell)
            let label = result.cell.label(varied)
            let found = cells.lazy.compactMap(\.dictionary).first {
                ($0["target"]?.unsigned ?? 0) == 0 && $0["key"]?.string == key
            }
            guard let found else {
                unmatched.append(label)
                continue
            }
            compare(result, found, label, tolerance)
        }
    }

    private mutating func compare(
        _ result: BenchResult, _ earlier: Value.Dictionary, _ label: String, _ tolerance: Double
    ) {
        func add(_ metric: String, _ before: Double?, _ now: Double, higherIsBetter: Bool) {
            guard let before, before > 0 else { return }
            let loss = (higherIsBetter ? before - now : now - before) / before
            rows.append(
                Row(
                    cell: label, metric: metric, before: before, now: now, loss: loss,
                    isRegression: loss > tolerance))
        }
        add("rate", earlier["rate"]?.number, result.rate, higherIsBetter: true)
        let latency = earlier["latency_ms"]?.dictionary
        for percentile in [50.0, 99.0] {
            let name = BenchText.percentile(percentile)
            add(
                name, latency?[name]?.number, result.milliseconds(percentile),
                higherIsBetter: false)
        }
        let before = earlier["failure_share"]?.number ?? 0
        if result.failureShare > before {
            rows.append(
                Row(
                    cell: label, metric: "failures", before: before, now: result.failureShare,
                    loss: result.failureShare - before, isRegression: true))
        }
    }
}

extension Value {
    /// The number, whichever case holds it.
    var number: Double? {
        switch self {
        case .int(let value): Double(value)
        case .uint(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
}
