// A tally as a picture: bars, figures, the last steps, events and the verdict.

import WAMP

struct TallyPicture {
    let report: TallyReport
    /// The calls that were asked for; nil without a limit.
    var goal: Int?
    var width = 80
    var isUTF8 = true
    var isColored = false
    /// The run goes on: there is no verdict yet.
    var isLive = false
    /// How many callees fit; the others are counted in one line.
    var rowLimit = Int.max

    private static let longestBar = 40
    private static let eighths: [Character] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"]

    private var tally: Tally { report.tally }

    var lines: [String] {
        var lines = [header, ""]
        lines += bars
        if let expectation { lines.append(expectation) }
        lines.append(contentsOf: recentLine)
        lines += eventLines
        if !isLive { lines += [""] + interruption + verdictLines }
        return lines
    }

    /// What is said on stderr when the rows go elsewhere: who came and went, and the verdict.
    var talk: [String] { eventLines + interruption + verdictLines }

    private var interruption: [String] {
        report.wasInterrupted
            ? ["interrupted after \(Figures.counted(tally.calls, "call"))"] : []
    }

    private var header: String {
        let goalText = goal.map { " / \(Figures.grouped($0))" } ?? ""
        let unanswered =
            tally.unanswered > 0 ? "   unanswered: \(Figures.grouped(tally.unanswered))" : ""
        return [
            tally.procedure, "rule: \(tally.rule ?? "unknown")",
            "callees: \(tally.present.count)",
            "calls: \(Figures.grouped(tally.calls))\(goalText)",
            "\(Figures.grouped(Int(report.rate.rounded())))/s",
            "errors: \(Figures.grouped(tally.errors))",
        ].joined(separator: "   ") + unanswered
    }

    // MARK: Bars

    private var bars: [String] {
        let listing = tally.listing
        let shown = listing.prefix(rowLimit)
        let labels = shown.map { Terminal.sanitized(tally.callees[$0].label) }
        let labelWidth = labels.map(\.count).max() ?? 0
        let most = shown.map { tally.callees[$0].answers }.max() ?? 0
        let countWidth = max(5, Figures.grouped(most).count + 2)
        let barWidth = barWidth(labelWidth: labelWidth, countWidth: countWidth)
        var lines = zip(shown, labels).map { index, label in
            let callee = tally.callees[index]
            let bar = bar(callee.answers, of: most, width: barWidth)
            let share = Figures.fixed(tally.share(index) * 100, 1)
            return Columns.left(label, labelWidth) + "  "
                + Style.number.applied(to: bar, if: isColored)
                + String(repeating: " ", count: barWidth - bar.count)
                + Columns.right(Figures.grouped(callee.answers), countWidth)
                + Columns.right(share, 6) + " %" + times(of: callee)
        }
        if listing.count > shown.count {
            lines.append("… and \(Figures.grouped(listing.count - shown.count)) more")
        }
        return lines
    }

    private func times(of callee: Tally.Callee) -> String {
        guard let half = TallyReport.milliseconds(callee, 50),
            let most = TallyReport.milliseconds(callee, 99)
        else { return "" }
        let errors = callee.errors > 0 ? "   errors \(Figures.grouped(callee.errors))" : ""
        return "   p50 \(Figures.short(half))  p99 \(Figures.short(most)) ms\(errors)"
    }

    private func barWidth(labelWidth: Int, countWidth: Int) -> Int {
        let figuresWidth = countWidth + 8 + "   p50 0.38  p99 1.2 ms".count
        return max(5, min(Self.longestBar, width - labelWidth - 2 - figuresWidth))
    }

    private func bar(_ count: Int, of most: Int, width: Int) -> String {
        guard most > 0 else { return "" }
        let eighths = Int(Double(count) / Double(most) * Double(width) * 8)
        guard isUTF8 else { return String(repeating: "#", count: (eighths + 4) / 8) }
        let full = String(repeating: "█", count: eighths / 8)
        return eighths % 8 == 0 ? full : full + String(Self.eighths[eighths % 8 - 1])
    }

    private var expectation: String? {
        let members = tally.present.count
        guard tally.rule == "random" || tally.rule == "roundrobin", members > 1,
            tally.segments.count == 1, tally.calls > 0
        else { return nil }
        let each = Figures.grouped((tally.calls + members / 2) / members)
        let spread =
            tally.rule == "random"
            ? Statistics.spread(calls: tally.calls, calleeCount: members)
            : tally.calls % members == 0 ? 0 : 1
        let sign = isUTF8 ? "±" : "+-"
        let text =
            "expected \(each) each, \(sign)\(Figures.grouped(spread))"
            + (tally.rule == "random" ? " at 99.9 %" : "")
        return String(repeating: " ", count: min(40, max(0, width - text.count))) + text
    }

    // MARK: Steps and events

    private var recentLine: [String] {
        let positions = Dictionary(
            tally.listing.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { $1 })
        let symbols = tally.recent.suffix(30).map { step in
            step.flatMap { positions[$0] }.map(Self.symbol) ?? "."
        }
        guard !symbols.isEmpty else { return [] }
        var groups: [String] = []
        for start in stride(from: 0, to: symbols.count, by: 10) {
            groups.append(String(symbols[start..<min(start + 10, symbols.count)]))
        }
        return ["  last \(symbols.count): \(groups.joined(separator: " "))"]
    }

    private static func symbol(_ position: Int) -> Character {
        let symbols = Array("123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
        return position < symbols.count ? symbols[position] : "*"
    }

    private var eventLines: [String] {
        tally.events.suffix(10).map { event in
            let name = Terminal.sanitized(tally.callees[event.callee].label)
            return "  \(event.time.timeOfDay)  \(name) \(event.hasJoined ? "joined" : "left")"
        }
    }

    // MARK: Verdict

    /// The verdict as text, one sentence and its tests.
    var verdictLines: [String] {
        let verdict = report.verdict
        let reason = Terminal.sanitized(verdict.reason)
        var lines = [
            "verdict: "
                + (verdict.isOK ? Style.good : Style.bad).applied(to: reason, if: isColored)
        ]
        let tests = verdict.tests.map { test in
            "\(test.name): chi-square \(Figures.fixed(test.statistic, 2)), \(test.degrees) df, "
                + "p = \(Figures.fixed(test.probability, 3))"
        }
        for start in stride(from: 0, to: tests.count, by: 2) {
            let pair = tests[start..<min(start + 2, tests.count)]
            lines.append("         " + pair.joined(separator: "      "))
        }
        for sentence in verdict.silent where sentence != verdict.reason {
            lines.append("         \(Terminal.sanitized(sentence))")
        }
        if tally.errors > 0 {
            let list = tally.errorCounts.sorted {
                ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue)
            }
            .map { "\(Figures.grouped($0.value)) \($0.key)" }
            lines.append(Terminal.sanitized("         errors: \(list.joined(separator: ", "))"))
        }
        if tally.unanswered > 0 {
            lines.append("         \(Figures.grouped(tally.unanswered)) calls unanswered")
        }
        return lines
    }
}
