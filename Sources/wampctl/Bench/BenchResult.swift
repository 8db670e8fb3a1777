// What one cell came to on one router. Pure.

import Histogram
import WAMP

/// What was seen of processes while a cell was measured.
struct BenchLoadFacts: Equatable {
    /// CPU seconds of the router; nil where its process is not known.
    var routerCPU: Double?
    /// Resident bytes of the router at the end, and the most there ever were.
    var routerMemory: Int?
    var routerPeak: Int?
    /// CPU seconds of this process.
    var ownCPU = 0.0
    /// Cores that this process may use: its event loops.
    var cores = 1
}

/// A stretch of the run.
struct BenchSample: Equatable {
    /// Its end, in seconds since the window opened; negative in the warm-up.
    var second: Double
    var rate: Double
    var delivered: Double
    var errors: Int
    /// In milliseconds; nil if nothing ended.
    var p50: Double?
    var p99: Double?
}

/// One run of a cell.
struct BenchOutcome {
    var record: BenchRecord
    /// Of the window, in seconds.
    var seconds: Double
    var facts: BenchLoadFacts
    var series: [BenchSample]
    /// How many subscribers each publication goes to.
    var fanOut = 0
    /// A number of operations ended the run, not the clock.
    var isCounted = false
    var isInterrupted = false
    /// The connection was lost, which ended the run.
    var loss: CommandFailure?
    var agent: String?

    /// Operations of the window that succeeded, or under way at its edges as many.
    var succeededInTime: Int { isCounted ? record.succeeded : record.succeededInTime }

    /// Operations per second.
    var rate: Double { seconds > 0 ? Double(succeededInTime) / seconds : 0 }
}

/// A cell on one router, of one run or several.
struct BenchResult {
    let cell: BenchCell
    /// The router's place among those measured.
    let target: Int
    let outcomes: [BenchOutcome]
    /// The runs' histograms together: merged, never averaged.
    let record: BenchRecord
    var isInterrupted = false

    init?(cell: BenchCell, target: Int, outcomes: [BenchOutcome]) {
        guard let first = outcomes.first else { return nil }
        self.cell = cell
        self.target = target
        self.outcomes = outcomes
        var record = first.record
        for outcome in outcomes.dropFirst() { record.add(outcome.record) }
        self.record = record
    }

    var response: LatencyHistogram { record.response }
    var service: LatencyHistogram { record.isServiceResponse ? record.response : record.service }

    /// Operations per second, the median of the runs.
    var rate: Double { BenchStatistics.median(outcomes.map(\.rate)) }

    /// Events per second that reached subscribers, the median of the runs.
    var deliveredRate: Double {
        BenchStatistics.median(
            outcomes.map { $0.seconds > 0 ? Double($0.record.deliveredInTime) / $0.seconds : 0 })
    }

    var seconds: Double { outcomes.map(\.seconds).reduce(0, +) }
    var succeeded: Int { record.succeeded }
    var errors: Int { record.errorCount }
    var unanswered: Int { record.unanswered }
    /// Everything that was asked for and did not succeed.
    var failures: Int { errors + unanswered + lost }

    var failureShare: Double {
        let all = succeeded + errors + unanswered
        return all + lost > 0 ? Double(failures) / Double(all + lost) : 0
    }

    /// Events that were published, be it in the warm-up, and never arrived.
    var lost: Int {
        guard cell.scenario == .pubsub else { return 0 }
        return outcomes.reduce(0) {
            $0 + max(0, $1.record.allSucceeded * $1.fanOut - $1.record.allDelivered)
        }
    }

    func milliseconds(_ percentile: Double) -> Double { response.milliseconds(at: percentile) }
    var minimum: Double { response.totalCount == 0 ? 0 : Double(response.min) / 1e6 }
    var maximum: Double { response.totalCount == 0 ? 0 : Double(response.max) / 1e6 }
    var mean: Double { response.totalCount == 0 ? 0 : response.mean / 1e6 }

    /// The scheduled rate was not achieved: what was due in the window did not end in it, be it
    /// that the router is too slow or that what waits for it grows.
    var isSaturated: Bool {
        guard cell.pace.isOpen, !isInterrupted else { return false }
        return outcomes.contains { outcome in
            let record = outcome.record
            let due = record.ended + record.unanswered + record.unsent
            let ended = record.succeededInTime + record.errorCount
            return due - ended > max(2, due / 50)
        }
    }

    /// The router's CPU in microseconds per operation: per event that is delivered in `pubsub`.
    ///
    /// Nil below a tenth of a second: the system counts in hundredths.
    var routerMicroseconds: Double? {
        let seconds = outcomes.compactMap(\.facts.routerCPU)
        return seconds.reduce(0, +) < 0.1 ? nil : perOperation(seconds)
    }

    /// The same of this process.
    var ownMicroseconds: Double? { perOperation(outcomes.map(\.facts.ownCPU)) }

    private func perOperation(_ seconds: [Double]) -> Double? {
        let operations =
            cell.scenario == .pubsub
            ? record.deliveredInTime : outcomes.reduce(0) { $0 + $1.succeededInTime }
        guard seconds.count == outcomes.count, operations > 0 else { return nil }
        return seconds.reduce(0, +) * 1e6 / Double(operations)
    }

    var routerMemory: Int? { outcomes.last?.facts.routerMemory }
    var routerPeak: Int? { outcomes.compactMap(\.facts.routerPeak).max() }

    /// This process's share of the cores it may use, from 0 to 1.
    var ownShare: Double {
        let time = outcomes.reduce(0) { $0 + $1.seconds * Double($1.facts.cores) }
        return time > 0 ? outcomes.map(\.facts.ownCPU).reduce(0, +) / time : 0
    }

    /// Above it the figures are the generator's.
    static let ownLimit = 0.8

    /// How long this process waits for a core when it has something to do, in milliseconds.
    var loopDelay: Double { record.loopDelay.milliseconds(at: 95) }

    /// Above so many milliseconds others take the cores from the generator.
    static let delayLimit = 10.0

    /// Why the figures are the generator's, if they are.
    var generatorLimit: String? {
        if ownShare > Self.ownLimit {
            return "\(BenchText.percent(ownShare)) of the cores it may use"
        }
        guard loopDelay > Self.delayLimit else { return nil }
        return "it waits \(Figures.short(loopDelay)) ms for a core"
    }

    var isGeneratorLimited: Bool { generatorLimit != nil }

    /// The runs' values of a metric, for ratios.
    func values(_ metric: BenchMetric) -> [Double] {
        outcomes.map { outcome in
            switch metric {
            case .rate: outcome.rate
            case .percentile(let percentile):
                outcome.record.response.milliseconds(at: percentile)
            }
        }
    }
}

/// What results are compared by.
enum BenchMetric: Hashable {
    case rate
    case percentile(Double)

    var name: String {
        switch self {
        case .rate: "rate"
        case .percentile(let percentile): BenchText.percentile(percentile)
        }
    }

    var higherIsBetter: Bool { self == .rate }

    static let compared: [BenchMetric] = [.rate, .percentile(50), .percentile(99)]
}
