// All results of a run, with what is recorded of every one.

import WAMP

struct BenchReport {
    struct Target {
        var url: String
        var agent: String?
    }

    var commandLine: [String]
    var targets: [Target]
    var results: [BenchResult] = []
    var percentiles: [Double]
    var arrivals: BenchArrivals
    /// Such as `4 callees, roundrobin`, for the title.
    var setting: [String]
    var system: SystemFacts
    var began: WallMoment
    var isInterrupted = false
    /// What ended the run before its time; the results are those until then.
    var failure: CommandFailure?
    /// The process was stopped and continued, which the schedule did not notice.
    var wasPaused = false
    /// What came of each threshold in each cell of this router.
    private(set) var judged: [Judged] = []
    /// This router beside an earlier result, if one was given.
    var comparison: BenchComparison?

    struct Judged {
        var threshold: String
        var cell: String
        var figure: String
        var holds: Bool
    }

    mutating func judge(by thresholds: [BenchThreshold]) {
        let varied = results.map(\.cell).varied
        judged = results.filter { $0.target == 0 }.flatMap { result in
            thresholds.map { threshold in
                Judged(
                    threshold: threshold.text, cell: result.cell.label(varied),
                    figure: threshold.figure(of: result), holds: threshold.holds(for: result))
            }
        }
    }

    /// Each cell beside the same cell on the other routers.
    var comparisons: [BenchVersus] {
        let varied = results.map(\.cell).varied
        var rows: [BenchVersus] = []
        for own in results where own.target == 0 {
            for other in results where other.target > 0 && other.cell == own.cell {
                for metric in BenchMetric.compared {
                    let values = own.values(metric), others = other.values(metric)
                    rows.append(
                        BenchVersus(
                            label: own.cell.label(varied), metric: metric, target: other.target,
                            own: BenchStatistics.median(values),
                            other: BenchStatistics.median(others),
                            ratio: BenchStatistics.ratio(values, others),
                            runs: min(values.count, others.count)))
                }
            }
        }
        return rows
    }

    /// What stderr says of the run as a whole.
    var warnings: [String] {
        var warnings: [String] = []
        let varied = results.map(\.cell).varied
        for result in results {
            guard let limit = result.generatorLimit else { continue }
            warnings.append(
                "warning: the load generator is the limit "
                    + "(\(result.cell.label(varied)): \(limit))")
        }
        if wasPaused {
            warnings.append("warning: the process was stopped in the run; its clock was not")
        }
        return warnings
    }
}
