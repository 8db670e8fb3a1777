// A result for people: a table, what has to be said of it, and the comparison of routers.

import Histogram
import WAMP

/// How quantities of a benchmark are written.
enum BenchText {
    /// `16 B`, `4 KiB`.
    static func size(_ bytes: Int) -> String {
        for (unit, shift) in [("MiB", 20), ("KiB", 10)] where bytes >= 1 << shift {
            let whole = bytes % (1 << shift) == 0
            return Figures.fixed(Double(bytes) / Double(1 << shift), whole ? 0 : 1) + " \(unit)"
        }
        return "\(bytes) B"
    }

    /// Milliseconds with about three digits that count.
    static func milliseconds(_ value: Double) -> String {
        Figures.fixed(value, value < 0.0995 ? 3 : value < 99.5 ? 2 : 0)
    }

    /// `p50`, `p99.9`.
    static func percentile(_ percentile: Double) -> String {
        let text = "\(percentile)"
        return "p" + (text.hasSuffix(".0") ? String(text.dropLast(2)) : text)
    }

    static func count(_ value: Double) -> String { Figures.grouped(Int(value.rounded())) }

    static func percent(_ share: Double, _ decimals: Int = 0) -> String {
        Figures.fixed(share * 100, decimals) + " %"
    }

    /// Bars of the values' heights, from the lowest to the highest.
    static func sparkline(_ values: [Double], isUTF8: Bool) -> String {
        let blocks = Array(isUTF8 ? "▁▂▃▄▅▆▇█" : "_.-=+*%#")
        guard let top = values.max(), top > 0 else { return "" }
        return String(
            values.map { blocks[min(blocks.count - 1, Int($0 / top * Double(blocks.count)))] })
    }
}

struct BenchTable {
    let report: BenchReport
    var isUTF8 = true

    private var results: [BenchResult] { report.results }
    private var varied: Set<BenchDimension> { report.results.map(\.cell).varied }

    /// Everything that goes to stdout in `text`.
    var lines: [String] {
        var lines: [String] = []
        for target in report.targets.indices {
            let own = results.filter { $0.target == target }
            guard !own.isEmpty else { continue }
            if !lines.isEmpty { lines.append("") }
            lines.append(title(target, own))
            lines.append("")
            lines += table(own)
            lines += notes(own)
        }
        let comparisons = report.comparisons
        if !comparisons.isEmpty { lines += [""] + versus(comparisons) }
        lines.append("environment: \(environment)")
        return lines
    }

    private var environment: String {
        let facts = report.system
        let times = isUTF8 ? "×" : "x"
        return "\(facts.cores) \(times) \(facts.processor), \(facts.kernel), "
            + "load \(Figures.fixed(facts.load, 1))"
    }

    private func title(_ target: Int, _ results: [BenchResult]) -> String {
        let cell = results[0].cell
        var parts = [cell.scenario.rawValue, report.targets[target].url]
        if let agent = results.lazy.compactMap({ $0.outcomes.last?.agent }).first {
            parts.append(agent)
        }
        if !varied.contains(.serializer) { parts.append(cell.serializer.name) }
        if cell.hasPayload, !varied.contains(.size) { parts.append(BenchText.size(cell.size)) }
        if !varied.contains(.sessions) {
            parts.append(Figures.counted(cell.sessions, "session"))
        }
        parts += report.setting
        switch cell.pace {
        case .open: parts.append("open loop, \(report.arrivals.rawValue) arrivals")
        case .closed(let inFlight):
            parts.append(
                varied.contains(.pace) ? "closed loop" : "closed loop, \(inFlight) in flight")
        }
        if results.contains(where: { $0.outcomes.count > 1 }) {
            parts.append("\(results[0].outcomes.count) runs: median rate, all latencies together")
        }
        if results.contains(where: \.isInterrupted) { parts.append("interrupted") }
        return Terminal.sanitized(parts.joined(separator: "   "))
    }

    // MARK: The table

    private struct Column {
        var title: String
        var isLeft = false
        var cell: (BenchResult) -> String
    }

    private func columns(_ results: [BenchResult]) -> [Column] {
        let isOpen = results[0].cell.pace.isOpen
        let isPubSub = results[0].cell.scenario == .pubsub
        var columns: [Column] = []
        if varied.contains(.serializer) {
            columns.append(Column(title: "serializer", isLeft: true) { $0.cell.serializer.name })
        }
        if varied.contains(.size) {
            columns.append(Column(title: "size") { BenchText.size($0.cell.size) })
        }
        if varied.contains(.sessions) {
            columns.append(Column(title: "sessions") { String($0.cell.sessions) })
        }
        if !isOpen, varied.contains(.pace) {
            columns.append(Column(title: "in flight") { String($0.cell.pace.inFlight ?? 0) })
        }
        if isOpen {
            columns.append(
                Column(title: "target/s") { BenchText.count($0.cell.pace.rate ?? 0) })
        }
        let rate = isPubSub ? "in/s" : isOpen ? "achieved/s" : "\(results[0].cell.scenario.noun)s/s"
        columns.append(Column(title: rate) { BenchText.count($0.rate) })
        if isPubSub {
            columns.append(Column(title: "out/s") { BenchText.count($0.deliveredRate) })
            columns.append(Column(title: "lost") { Figures.grouped($0.lost) })
        }
        columns.append(Column(title: "errors") { Figures.grouped($0.errors) })
        columns.append(Column(title: "min") { time($0, $0.minimum, isBound: false) })
        for percentile in report.percentiles {
            columns.append(
                Column(title: BenchText.percentile(percentile)) {
                    time($0, $0.milliseconds(percentile))
                })
        }
        columns.append(Column(title: "max") { time($0, $0.maximum) })
        columns.append(Column(title: "mean") { time($0, $0.mean) })
        if isOpen {
            columns.append(
                Column(title: "service p99") {
                    $0.response.totalCount == 0
                        ? "-" : BenchText.milliseconds($0.service.milliseconds(at: 99))
                })
        }
        if results.contains(where: { $0.routerMicroseconds != nil }) {
            columns.append(
                Column(title: isUTF8 ? "CPU µs" : "CPU us") {
                    $0.routerMicroseconds.map { Figures.fixed($0, $0 < 100 ? 2 : 0) } ?? "-"
                })
            columns.append(
                Column(title: "MiB") {
                    $0.routerMemory.map { Figures.fixed(Double($0) / 1_048_576, 1) } ?? "-"
                })
        }
        return columns
    }

    private func time(_ result: BenchResult, _ value: Double, isBound: Bool = true) -> String {
        guard result.response.totalCount > 0 else { return "-" }
        return (result.isSaturated && isBound ? ">" : "") + BenchText.milliseconds(value)
    }

    private func table(_ results: [BenchResult]) -> [String] {
        let columns = columns(results)
        let rows = results.map { result in columns.map { $0.cell(result) } }
        let widths = columns.indices.map { index in
            max(columns[index].title.count, rows.map { $0[index].count }.max() ?? 0)
        }
        func line(_ cells: [String]) -> String {
            cells.indices.map { index in
                columns[index].isLeft
                    ? Columns.left(cells[index], widths[index])
                    : Columns.right(cells[index], widths[index])
            }.joined(separator: "  ")
        }
        let isOpen = results[0].cell.pace.isOpen
        var lines = [
            " " + line(columns.map(\.title))
                + (isOpen ? "   ms, response time" : "   ms, service time")
        ]
        for (result, row) in zip(results, rows) {
            lines.append(
                " " + line(row) + (result.isSaturated ? "   saturated" : "")
                    + (result.isInterrupted ? "   interrupted" : ""))
        }
        return lines
    }

    // MARK: What has to be said

    private func notes(_ results: [BenchResult]) -> [String] {
        var notes: [String] = []
        if case .closed(let inFlight) = results[0].cell.pace {
            let many = varied.contains(.pace) ? "" : ", \(inFlight) in flight"
            notes.append(
                "closed loop\(many): latency is service time; use --rate for response time")
        } else if Set(results.map(\.cell.pace)).count > 1, varied == [.pace] {
            let line = BenchText.sparkline(results.map { $0.milliseconds(99) }, isUTF8: isUTF8)
            notes.append("p99 by rate   \(line)")
        }
        if results.contains(where: \.isSaturated) {
            notes.append(
                "saturated: less than 98 % of the schedule was achieved; "
                    + "latencies are lower bounds")
        }
        notes += failures(of: results)
        let shares = results.map(\.ownShare)
        let delay = results.map { $0.record.loopDelay.milliseconds(at: 99) }.max() ?? 0
        let isMeasured = results.contains { $0.record.loopDelay.totalCount > 0 }
        if let share = shares.max() {
            notes.append(
                "generator: at most \(BenchText.percent(share)) of "
                    + "\(Figures.counted(results[0].outcomes[0].facts.cores, "core"))"
                    + (isMeasured
                        ? ", event-loop delay p99 \(BenchText.milliseconds(delay)) ms" : ""))
        }
        return notes
    }

    /// Of every cell on every router, what failed.
    var failures: [String] { failures(of: report.results) }

    private func failures(of results: [BenchResult]) -> [String] {
        results.filter { $0.failures > 0 }.map { "\($0.cell.label(varied)): \(failures($0))" }
    }

    private func failures(_ result: BenchResult) -> String {
        var parts: [String] = []
        let errors = result.record.errors.sorted {
            ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue)
        }
        parts += errors.map {
            "\(Figures.grouped($0.value)) \(Terminal.sanitized($0.key.rawValue))"
        }
        if result.unanswered > 0 {
            parts.append("\(Figures.grouped(result.unanswered)) unanswered")
        }
        if result.lost > 0 { parts.append("\(Figures.counted(result.lost, "event")) lost") }
        return parts.joined(separator: ", ") + ", not among the latencies"
    }

    // MARK: Beside other routers

    private func versus(_ comparisons: [BenchVersus]) -> [String] {
        var rows = [["cell", "this router", "other router", "ratio (95 %)", "verdict"]]
        for comparison in comparisons {
            let ratio = comparison.ratio
            let range = isUTF8 ? "…" : ".."
            let figures =
                ratio.map { ratio in
                    let decimals = ratio.lower < 0.1 ? 4 : 2
                    let middle = Figures.fixed(ratio.ratio, decimals)
                    guard comparison.isJudged else { return middle }
                    return "\(middle) (\(Figures.fixed(ratio.lower, decimals)) \(range) "
                        + "\(Figures.fixed(ratio.upper, decimals)))"
                } ?? "-"
            rows.append([
                "\(Columns.left(comparison.metric.name, 5)) \(comparison.label)",
                comparison.text(comparison.own), comparison.text(comparison.other), figures,
                comparison.verdict
                    + (report.targets.count > 2
                        ? "  (\(report.targets[comparison.target].url))" : ""),
            ])
        }
        let widths = rows[0].indices.map { index in rows.map { $0[index].count }.max() ?? 0 }
        return rows.map { row in
            var line = " " + zip(row, widths).map { Columns.left($0, $1) }.joined(separator: "   ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}

/// One metric of a cell on this router and on another.
struct BenchVersus {
    let label: String
    let metric: BenchMetric
    /// The other router's place.
    let target: Int
    /// Medians of the runs.
    let own: Double
    let other: Double
    let ratio: BenchRatio?
    /// How many runs there were of each, at least.
    let runs: Int

    /// Two runs say next to nothing of how much a third would differ.
    var isJudged: Bool { runs >= 3 }

    var verdict: String {
        guard let ratio else { return "not comparable" }
        return isJudged ? ratio.verdict(higherIsBetter: metric.higherIsBetter) : "too few runs"
    }

    func text(_ value: Double) -> String {
        metric == .rate
            ? "\(BenchText.count(value)) /s" : "\(BenchText.milliseconds(value)) ms"
    }
}
