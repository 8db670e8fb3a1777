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
    /// How many lines fit, for callees and events to share; nil without a limit.
    var height: Int?

    /// The most lines of events, and the lengths of a bar in columns.
    private static let eventLimit = 10
    private static let shortestBar = 5
    private static let longestBar = 40
    private static let eighths: [Character] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"]

    private var tally: Tally { report.tally }

    var lines: [String] {
        let head = header + [""]
        let steps = [expectation].compactMap { $0 } + recentLine
        var rows = min(tally.listing.count, rowLimit)
        var events = min(tally.events.count, Self.eventLimit)
        if let height {
            // What is left out takes a line to say so.
            let rowLines = rows < tally.listing.count ? rows + 1 : rows
            let eventLines = events < tally.events.count ? events + 1 : events
            let room = height - head.count - steps.count
            let fitting = min(rowLines, max(room - eventLines, room * 2 / 3))
            if fitting < rowLines { rows = max(0, fitting - 1) }
            if room - fitting < eventLines { events = max(0, room - fitting - 1) }
        }
        var lines = head + bars(rows) + steps + eventLines(events)
        if !isLive { lines += [""] + interruption + verdictLines(within: columns) }
        return lines
    }

    /// What is said on stderr when the rows go elsewhere: who came and went, and the verdict.
    var talk: [String] { eventLines(Self.eventLimit) + interruption + verdictLines }

    private var interruption: [String] {
        report.wasInterrupted
            ? ["interrupted after \(Figures.counted(tally.calls, "call"))"] : []
    }

    /// What may be filled: a character in the last column makes some terminals go to the next line.
    private var columns: Int { width - 1 }

    private var header: [String] {
        let goalText = goal.map { " / \(Figures.grouped($0))" } ?? ""
        let what = [
            tally.procedure, "rule: \(tally.rule ?? "unknown")",
            "callees: \(tally.present.count)",
        ].map { Terminal.sanitized($0) }
        var figures = [
            "calls: \(Figures.grouped(tally.calls))\(goalText)",
            "\(Figures.grouped(Int(report.rate.rounded())))/s",
            "errors: \(Figures.grouped(tally.errors))",
        ]
        if tally.unanswered > 0 {
            figures.append("unanswered: \(Figures.grouped(tally.unanswered))")
        }
        let whole = Columns.filled(what + figures, separator: "   ", within: columns)
        if whole.count == 1 { return whole }
        return Columns.filled(what, separator: "   ", within: columns)
            + Columns.filled(figures, separator: "   ", within: columns)
    }

    // MARK: Bars

    private func bars(_ limit: Int) -> [String] {
        let listing = tally.isAllUnknown ? [] : tally.listing
        let shown = listing.prefix(limit)
        let most = shown.map { tally.callees[$0].answers }.max() ?? 0
        let countWidth = max(5, Figures.grouped(most).count + 2)
        let labelLimit = max(8, columns - Self.shortestBar - countWidth - 10)
        let labels = shown.map { label($0, limit: labelLimit) }
        let labelWidth = labels.map(\.columnCount).max() ?? 0
        let errorTexts = shown.map { errors(of: tally.callees[$0]) }
        let timeTexts = shown.map { times(of: tally.callees[$0]) }
        let room = columns - labelWidth - countWidth - 10 - (errorTexts.map(\.count).max() ?? 0)
        let timesWidth = timeTexts.map(\.count).max() ?? 0
        let hasTimes = room - timesWidth >= 2 * Self.shortestBar
        let barWidth = max(
            Self.shortestBar, min(Self.longestBar, hasTimes ? room - timesWidth : room))
        var lines = shown.enumerated().map { row, index in
            let callee = tally.callees[index]
            let bar = bar(callee.answers, of: most, width: barWidth)
            let share = Figures.fixed(tally.share(index) * 100, 1)
            let blank = String(repeating: " ", count: barWidth - bar.count)
            let figures =
                Columns.right(Figures.grouped(callee.answers), countWidth)
                + Columns.right(share, 6) + " %"
            let rest = (hasTimes ? timeTexts[row] : "") + errorTexts[row]
            return Columns.left(labels[row], labelWidth) + "  "
                + Style.number.applied(to: bar, if: isColored) + blank + figures + rest
        }
        if listing.count > shown.count {
            lines.append(
                "\(ellipsis) and \(Figures.grouped(listing.count - shown.count)) more")
        }
        if tally.unknown > 0 {
            let share = Figures.fixed(tally.unknownShare * 100, 1)
            lines.append("unknown  \(Figures.grouped(tally.unknown))  \(share) %")
        }
        return lines
    }

    private var ellipsis: String { isUTF8 ? "…" : "..." }

    private func label(_ index: Int, limit: Int) -> String {
        let label = plain(tally.label(of: index))
        return label.columnCount <= limit
            ? label : label.prefixOfColumns(limit - ellipsis.count) + ellipsis
    }

    /// A text with names in it, as the terminal may show it.
    private func plain(_ text: String) -> String {
        let text = isUTF8 ? text : text.replacing("·", with: "-").replacing("…", with: "...")
        return Terminal.sanitized(text)
    }

    private func times(of callee: Tally.Callee) -> String {
        guard let half = TallyReport.milliseconds(callee, 50),
            let most = TallyReport.milliseconds(callee, 99)
        else { return "" }
        return "   p50 \(Figures.short(half))  p99 \(Figures.short(most)) ms"
    }

    private func errors(of callee: Tally.Callee) -> String {
        callee.errors > 0 ? "   errors \(Figures.grouped(callee.errors))" : ""
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
        return String(repeating: " ", count: min(40, max(0, columns - text.count))) + text
    }

    // MARK: Steps and events

    private var recentLine: [String] {
        let positions = Dictionary(
            tally.listing.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { $1 })
        let fitting = 10 * max(1, min(3, (columns - 12) / 11))
        let symbols = tally.recent.suffix(fitting).map { step in
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

    private func eventLines(_ limit: Int) -> [String] {
        let hidden = tally.events.count - min(limit, tally.events.count)
        let note =
            hidden > 0
            ? [
                "  \(ellipsis) \(Figures.counted(hidden, "earlier join or leave", "earlier joins and leaves"))"
            ]
            : []
        return note
            + tally.events.suffix(limit).map { event in
                let name = plain(tally.label(of: event.callee))
                return "  \(event.time.timeOfDay)  \(name) \(event.hasJoined ? "joined" : "left")"
            }
    }

    // MARK: Verdict

    /// The verdict as text, one sentence and its tests.
    var verdictLines: [String] { verdictLines(within: .max) }

    private func verdictLines(within columns: Int) -> [String] {
        let verdict = report.verdict
        let indent = String(repeating: " ", count: 9)
        func filled(_ text: String) -> [String] {
            Columns.filled(
                plain(text).split(separator: " ").map(String.init), separator: " ",
                within: columns - indent.count)
        }
        // Failed calls are no part of the verdict, and nothing to shine about.
        let hasFailures = tally.errors + tally.unanswered > 0
        let style: Style? = verdict.isOK ? hasFailures ? nil : .good : .bad
        var lines = filled(verdict.reason).enumerated().map { index, text in
            (index == 0 ? "verdict: " : indent) + (style?.applied(to: text, if: isColored) ?? text)
        }
        let told = Self.told(verdict.tests)
        for (index, test) in told.enumerated()
        where index == 0 || told[index - 1].stretch != test.stretch {
            let pair = told[index...].prefix { $0.stretch == test.stretch }
            let label = test.stretch.map { ["stretch \($0)"] } ?? []
            lines += Columns.filled(
                label + pair.map(Self.text), separator: label.isEmpty ? "      " : "   ",
                within: columns - indent.count
            ).map { indent + $0 }
        }
        if told.count < verdict.tests.count {
            let others = Figures.counted(verdict.tests.count - told.count, "test")
            lines.append("\(indent)\(ellipsis) and \(others) with a higher p")
        }
        var others = verdict.silent.filter { $0 != verdict.reason }
        let errors = errorList { !Tally.meansNoAnswer($0) }
        if !errors.isEmpty { others.append("errors: \(errors)") }
        if tally.unanswered > 0 {
            let reasons = errorList(where: Tally.meansNoAnswer)
            others.append(
                "\(Figures.counted(tally.unanswered, "call")) unanswered"
                    + (reasons.isEmpty ? "" : ": \(reasons)"))
        }
        return lines
            + others.flatMap(filled).map { indent + Style.bad.applied(to: $0, if: isColored) }
    }

    /// Errors of one kind and how many there were of each, the most frequent first.
    private func errorList(where isMeant: (ErrorURI) -> Bool) -> String {
        tally.errorCounts.filter { isMeant($0.key) }.sorted {
            ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue)
        }.map { "\(Figures.grouped($0.value)) \($0.key)" }.joined(separator: ", ")
    }

    /// The tests worth a line: all, or of many those that speak most against the rule.
    private static func told(_ tests: [StatisticalTest]) -> [StatisticalTest] {
        guard tests.count > 8 else { return tests }
        let lowest = tests.indices.sorted { tests[$0].probability < tests[$1].probability }
        return lowest.prefix(6).sorted().map { tests[$0] }
    }

    private static func text(_ test: StatisticalTest) -> String {
        "\(test.name): chi-square \(Figures.fixed(test.statistic, 2)), \(test.degrees) df, "
            + "p = \(Figures.fixed(test.probability, 3))"
    }
}
