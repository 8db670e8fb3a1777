// A result as data: the object of `-o json` and `--save`, the records of `-o jsonl`, rows of `tsv`.

import Histogram
import WAMP

struct BenchDocument {
    let report: BenchReport

    var object: Value.Dictionary {
        var object: Value.Dictionary = [
            "scenario": .string(report.results.first?.cell.scenario.rawValue ?? ""),
            "command": .list(report.commandLine.map { .string($0) }),
            "version": .string(Wampctl.version), "date": .string(report.began.timestamp),
            "interrupted": .bool(report.isInterrupted), "paused": .bool(report.wasPaused),
        ]
        object.append(
            "targets",
            .list(
                report.targets.map { target in
                    [
                        "url": .string(target.url),
                        "transport": .string(Self.transport(target.url)),
                        "agent": target.agent.map { .string($0) } ?? .null,
                    ]
                }))
        object.append(
            "environment",
            [
                "cpu": .string(report.system.processor), "cores": .int(Int64(report.system.cores)),
                "kernel": .string(report.system.kernel), "load": .double(report.system.load),
            ])
        object.append("cells", .list(report.results.map { .dictionary(cell($0)) }))
        object.append("comparisons", .list(report.comparisons.map(comparison)))
        object.append("thresholds", .list(report.judged.map(threshold)))
        object.append(
            "compared", report.comparison.map { .list($0.rows.map(compared)) } ?? .null)
        object.append("warnings", .list(report.warnings.map { .string($0) }))
        return object
    }

    private func threshold(_ judged: BenchReport.Judged) -> Value {
        [
            "threshold": .string(judged.threshold), "cell": .string(judged.cell),
            "figure": .string(judged.figure), "ok": .bool(judged.holds),
        ]
    }

    private func compared(_ row: BenchComparison.Row) -> Value {
        [
            "cell": .string(row.cell), "metric": .string(row.metric),
            "before": Self.number(row.before, 3), "now": Self.number(row.now, 3),
            "loss": Self.number(row.loss, 4), "ok": .bool(!row.isRegression),
        ]
    }

    static func transport(_ url: String) -> String {
        url.hasPrefix("ws") ? "websocket" : "rawsocket"
    }

    /// What tells a cell from others in a saved result.
    static func key(of cell: BenchCell) -> String {
        var parts = [cell.scenario.rawValue, cell.serializer.name]
        if cell.hasPayload { parts.append("\(cell.size)B") }
        parts.append("s=\(cell.sessions)")
        switch cell.pace {
        case .closed(let inFlight): parts.append("c=\(inFlight)")
        case .open(let rate): parts.append("r=\(Figures.rounded(rate, 3))")
        }
        return parts.joined(separator: " ")
    }

    private func cell(_ result: BenchResult) -> Value.Dictionary {
        let cell = result.cell
        var object: Value.Dictionary = [
            "key": .string(Self.key(of: cell)), "target": .int(Int64(result.target)),
            "serializer": .string(cell.serializer.name), "size": .int(Int64(cell.size)),
            "sessions": .int(Int64(cell.sessions)),
            "loop": cell.pace.isOpen ? "open" : "closed",
            "concurrency": cell.pace.inFlight.map { .int(Int64($0)) } ?? .null,
            "target_rate": cell.pace.rate.map { .double($0) } ?? .null,
            "arrivals": cell.pace.isOpen ? .string(report.arrivals.rawValue) : .null,
            "runs": .int(Int64(result.outcomes.count)),
            "duration_s": Self.number(result.seconds, 3), "rate": Self.number(result.rate, 1),
            "rates": .list(result.outcomes.map { Self.number($0.rate, 1) }),
        ]
        object.append(
            "delivered_rate",
            cell.scenario == .pubsub ? Self.number(result.deliveredRate, 1) : .null)
        object.append("ok", .int(Int64(result.succeeded)))
        object.append("errors", .int(Int64(result.errors)))
        object.append(
            "errors_by_uri",
            .dictionary(
                Value.Dictionary(
                    result.record.errors.sorted { $0.key.rawValue < $1.key.rawValue }
                        .map { ($0.key.rawValue, .int(Int64($0.value))) })))
        object.append("unanswered", .int(Int64(result.unanswered)))
        object.append("unsent", .int(Int64(result.record.unsent)))
        object.append("lost", cell.scenario == .pubsub ? .int(Int64(result.lost)) : .null)
        object.append("failure_share", .double(result.failureShare))
        object.append("saturated", .bool(result.isSaturated))
        object.append("interrupted", .bool(result.isInterrupted))
        object.append(
            "latency_kind", cell.pace.isOpen ? "response time" : "service time")
        object.append("latency_ms", .dictionary(latencies(result.response)))
        object.append("service_ms", .dictionary(latencies(result.service)))
        object.append(
            "router",
            [
                "cpu_us_per_operation": Self.optional(result.routerMicroseconds, 3),
                "memory_bytes": result.routerMemory.map { .int(Int64($0)) } ?? .null,
                "peak_memory_bytes": result.routerPeak.map { .int(Int64($0)) } ?? .null,
            ])
        object.append(
            "generator",
            [
                "cpu_us_per_operation": Self.optional(result.ownMicroseconds, 3),
                "cpu_share": Self.number(result.ownShare, 3),
                "cores": .int(Int64(result.outcomes[0].facts.cores)),
                "loop_delay_p99_ms": Self.number(
                    result.record.loopDelay.milliseconds(at: 99), 3),
                "loop_delay_max_ms": Self.number(Double(result.record.loopDelay.max) / 1e6, 3),
                "is_limit": .bool(result.isGeneratorLimited),
            ])
        object.append(
            "series",
            .list(
                result.outcomes.map { outcome in
                    .list(outcome.series.map { .dictionary(Self.figures(of: $0)) })
                }))
        return object
    }

    private func latencies(_ histogram: LatencyHistogram) -> Value.Dictionary {
        let isEmpty = histogram.totalCount == 0
        var object: Value.Dictionary = [
            "count": .int(Int64(histogram.totalCount)),
            "min": isEmpty ? .null : Self.number(Double(histogram.min) / 1e6, 4),
            "mean": isEmpty ? .null : Self.number(histogram.mean / 1e6, 4),
            "max": isEmpty ? .null : Self.number(Double(histogram.max) / 1e6, 4),
        ]
        for percentile in Set(report.percentiles + [50, 99]).sorted() {
            object.append(
                BenchText.percentile(percentile),
                isEmpty ? .null : Self.number(histogram.milliseconds(at: percentile), 4))
        }
        return object
    }

    private func comparison(_ versus: BenchVersus) -> Value {
        let interval = versus.isJudged ? versus.ratio : nil
        return [
            "cell": .string(versus.label), "metric": .string(versus.metric.name),
            "target": .int(Int64(versus.target)), "this": Self.number(versus.own, 4),
            "other": Self.number(versus.other, 4),
            "ratio": Self.optional(versus.ratio?.ratio, 4),
            "lower": Self.optional(interval?.lower, 4), "upper": Self.optional(interval?.upper, 4),
            "verdict": .string(versus.verdict),
        ]
    }

    /// One line per cell: target, key, rate, errors, failures, min, percentiles, max, mean,
    /// saturated.
    var rows: [String] {
        report.results.map { result in
            var cells = [
                String(result.target), Self.key(of: result.cell), Figures.fixed(result.rate, 1),
                String(result.errors), String(result.unanswered + result.lost),
            ]
            let times =
                [result.minimum] + report.percentiles.map { result.milliseconds($0) }
                + [result.maximum, result.mean]
            cells += times.map { result.response.totalCount == 0 ? "" : Figures.fixed($0, 4) }
            cells.append(result.isSaturated ? "saturated" : "")
            return cells.joined(separator: "\t")
        }
    }

    /// A stretch of the run, for `-o jsonl`.
    static func interval(
        _ sample: BenchSample, of cell: BenchCell, target: Int, run: Int, at time: WallMoment
    ) -> Value.Dictionary {
        var record: Value.Dictionary = [
            "type": "interval", "time": .string(time.timestamp), "target": .int(Int64(target)),
            "key": .string(key(of: cell)), "run": .int(Int64(run)),
        ]
        for (key, value) in figures(of: sample).entries { record.append(key, value) }
        return record
    }

    /// An element of a run's `series`.
    private static func figures(of sample: BenchSample) -> Value.Dictionary {
        [
            "second": number(sample.second, 3), "warmup": .bool(sample.second <= 0),
            "rate": number(sample.rate, 1), "delivered_rate": number(sample.delivered, 1),
            "errors": .int(Int64(sample.errors)), "p50_ms": optional(sample.p50, 4),
            "p99_ms": optional(sample.p99, 4),
        ]
    }

    /// The last record of `-o jsonl`.
    func record(at time: WallMoment) -> Value.Dictionary {
        var record: Value.Dictionary = ["type": "result", "time": .string(time.timestamp)]
        for (key, value) in object.entries { record.append(key, value) }
        return record
    }

    private static func number(_ value: Double, _ decimals: Int) -> Value {
        .double(Figures.rounded(value, decimals))
    }

    private static func optional(_ value: Double?, _ decimals: Int) -> Value {
        value.map { number($0, decimals) } ?? .null
    }
}
