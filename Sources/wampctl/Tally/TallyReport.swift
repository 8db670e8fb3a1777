// A tally as data: rows for a pipe, an object for scripts.

import Histogram
import WAMP

struct TallyReport {
    let tally: Tally
    let verdict: Verdict
    let duration: Duration
    /// The run was stopped by a signal before its end.
    var wasInterrupted = false

    var rate: Double { duration.seconds > 0 ? Double(tally.calls) / duration.seconds : 0 }

    /// Tab-separated: callee, name, count, share, errors, p50_ms, p99_ms. The last one may be of
    /// answers that name no callee.
    var rows: [String] {
        let rows = tally.isAllUnknown ? [] : tally.listing.map(row)
        guard tally.unknown > 0 else { return rows }
        let share = Figures.fixed(tally.unknownShare, 4)
        return rows + ["\tunknown\t\(tally.unknown)\t\(share)\t0\t\t"]
    }

    private func row(of index: Int) -> String {
        let callee = tally.callees[index]
        return [
            callee.session.map { String($0) } ?? "", Self.cell(tally.label(of: index)),
            String(callee.answers), Figures.fixed(tally.share(index), 4), String(callee.errors),
            Self.milliseconds(callee, 50).map { Figures.fixed($0, 3) } ?? "",
            Self.milliseconds(callee, 99).map { Figures.fixed($0, 3) } ?? "",
        ].joined(separator: "\t")
    }

    /// The object of `-o json`.
    var document: Value.Dictionary {
        var document: Value.Dictionary = [
            "procedure": .string(tally.procedure), "rule": tally.rule.map { .string($0) } ?? .null,
            "calls": .int(Int64(tally.calls)), "ok": .int(Int64(tally.succeeded)),
            "errors": .int(Int64(tally.errors)), "unanswered": .int(Int64(tally.unanswered)),
            "unknown": .int(Int64(tally.unknown)),
            "duration_s": .double(Figures.rounded(duration.seconds, 3)),
            "rate": .double(Figures.rounded(rate, 1)), "interrupted": .bool(wasInterrupted),
        ]
        document.append(
            "errors_by_uri",
            .dictionary(
                Value.Dictionary(
                    tally.errorCounts.sorted { $0.key.rawValue < $1.key.rawValue }
                        .map { ($0.key.rawValue, .int(Int64($0.value))) })))
        document.append("callees", .list(tally.listing.map { .dictionary(callee($0)) }))
        document.append("events", .list(tally.events.map { .dictionary(event($0)) }))
        document.append("verdict", .dictionary(verdictObject))
        return document
    }

    /// The final record of `-o jsonl`.
    func record(at time: WallMoment) -> Value.Dictionary {
        var record: Value.Dictionary = ["type": "tally", "time": .string(time.timestamp)]
        for (key, value) in document.entries { record.append(key, value) }
        return record
    }

    /// The record of `-o jsonl` for one call.
    static func record(
        of answer: Tally.Answer, name: String?, at time: WallMoment
    ) -> Value.Dictionary {
        var callee: Value = .null
        if case .session(let id) = answer.callee { callee = Value(id) }
        var label = name.map { Value.string($0) } ?? .null
        if case .name(let name) = answer.callee { label = .string(name) }
        return [
            "type": answer.error == nil ? "result" : "error", "time": .string(time.timestamp),
            "id": Value(answer.request),
            "uri": answer.error.map { .string($0.rawValue) } ?? .null,
            "caller": .int(Int64(answer.caller) + 1), "callee": callee, "callee_authid": label,
            "latency_ms": .double(Figures.rounded(Double(answer.ended - answer.sent) / 1e6, 3)),
        ]
    }

    private func callee(_ index: Int) -> Value.Dictionary {
        let callee = tally.callees[index]
        return [
            "callee": callee.session.map { Value($0) } ?? .null,
            "name": .string(callee.label), "count": .int(Int64(callee.answers)),
            "share": .double(Figures.rounded(tally.share(index), 6)),
            "errors": .int(Int64(callee.errors)),
            "p50_ms": Self.milliseconds(callee, 50).map { .double($0) } ?? .null,
            "p99_ms": Self.milliseconds(callee, 99).map { .double($0) } ?? .null,
            "registered": .bool(tally.present.contains(index)),
        ]
    }

    private func event(_ event: Tally.Event) -> Value.Dictionary {
        let callee = tally.callees[event.callee]
        return [
            "type": event.hasJoined ? "joined" : "left", "time": .string(event.time.timestamp),
            "callee": callee.session.map { Value($0) } ?? .null, "name": .string(callee.label),
        ]
    }

    private var verdictObject: Value.Dictionary {
        [
            "ok": .bool(verdict.isOK), "rule": verdict.rule.map { .string($0) } ?? .null,
            "tests": .list(
                verdict.tests.map { test in
                    [
                        "name": .string(test.name),
                        "statistic": .double(Figures.rounded(test.statistic, 4)),
                        "df": .int(Int64(test.degrees)),
                        "p": .double(Figures.rounded(test.probability, 6)),
                        "stretch": test.stretch.map { .int(Int64($0)) } ?? .null,
                    ]
                }),
            "reason": .string(verdict.reason),
            "silent": .list(verdict.silent.map { .string($0) }),
        ]
    }

    static func milliseconds(_ callee: Tally.Callee, _ percentile: Double) -> Double? {
        callee.latencies.map {
            Figures.rounded(Double($0.valueAtPercentile(percentile)) / 1000, 3)
        }
    }

    private static func cell(_ text: String) -> String { Terminal.sanitized(text) }
}
