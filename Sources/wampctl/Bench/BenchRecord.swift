// What is recorded of a run, from moments that are given: no clock is read here. Histograms hold
// nanoseconds from 100 ns to 60 s at three significant digits, in constant memory.

import Histogram
import WAMP
import WAMPClient
import WAMPLoad

typealias LatencyHistogram = Histogram<UInt64>

extension Histogram where Count == UInt64 {
    static var ofLatencies: LatencyHistogram {
        LatencyHistogram(
            lowestDiscernibleValue: 100, highestTrackableValue: 60_000_000_000,
            numberOfSignificantValueDigits: .three)
    }

    /// Records what lies beyond 60 s as 60 s.
    mutating func record(nanoseconds: Int64) {
        record(UInt64(clamping: Swift.min(nanoseconds, 60_000_000_000)))
    }

    func milliseconds(at percentile: Double) -> Double {
        Double(valueAtPercentile(percentile)) / 1e6
    }
}

/// Which operations are measured.
struct BenchWindow: Equatable {
    /// In nanoseconds of the load's clock.
    var start: Int64
    /// `.max` as long as it is not known.
    var end: Int64
    /// Whether operations belong by the moment they were due, so that none that is slow is left
    /// out; else by the moment they ended.
    var isByDue: Bool

    func holds(due: Int64, ended: Int64) -> Bool {
        let moment = isByDue ? due : ended
        return moment >= start && moment < end
    }
}

/// The figures of one run on one event loop; those of several are added.
struct BenchRecord {
    var window: BenchWindow
    /// From the moment an operation was due.
    private(set) var response = LatencyHistogram.ofLatencies
    /// From the moment it was sent.
    private(set) var service = LatencyHistogram.ofLatencies
    /// Since the last `takeInterval`.
    private var recent = LatencyHistogram.ofLatencies
    private var recentCounts = BenchInterval()

    /// Operations of the window that succeeded.
    private(set) var succeeded = 0
    /// Operations that succeeded while the window was open.
    private(set) var succeededInTime = 0
    private(set) var errors: [ErrorURI: Int] = [:]
    /// Events of the window's publications that reached a subscriber.
    private(set) var delivered = 0
    private(set) var deliveredInTime = 0
    /// All operations that succeeded and all events that arrived, inside the window or not: what
    /// was lost is the difference, once all has come that will come.
    private(set) var allSucceeded = 0
    private(set) var allDelivered = 0
    /// When the last operation of the window ended.
    private(set) var lastEnd: Int64 = 0
    /// Sent in the window, without an answer to the end.
    var unanswered = 0
    /// Due in the window, never sent.
    var unsent = 0
    /// How late the loop was for its own timers.
    private(set) var loopDelay = LatencyHistogram.ofLatencies

    /// Latencies are those of deliveries, not of acknowledgements.
    private let measuresDelivery: Bool

    init(window: BenchWindow, measuresDelivery: Bool = false) {
        self.window = window
        self.measuresDelivery = measuresDelivery
    }

    var errorCount: Int { errors.values.reduce(0, +) }

    /// Operations of the window that have ended.
    var ended: Int { succeeded + errorCount }

    mutating func record(due: Int64, sent: Int64, at now: Int64, _ end: OperationEnd) {
        let isInWindow = window.holds(due: due, ended: now)
        switch end {
        case .done:
            recentCounts.succeeded += 1
            allSucceeded += 1
            if now >= window.start, now < window.end { succeededInTime += 1 }
            if isInWindow { succeeded += 1 }
            if !measuresDelivery { add(due: due, sent: sent, at: now, isInWindow) }
        case .error(let uri):
            recentCounts.errors += 1
            // Errors are in no latency: one that was only told after the window belongs to it, too.
            if isInWindow || window.holds(due: due, ended: due) { errors[uri, default: 0] += 1 }
        }
        if isInWindow { lastEnd = max(lastEnd, now) }
    }

    mutating func recordDelivery(due: Int64, sent: Int64, at now: Int64) {
        let isInWindow = window.holds(due: due, ended: now)
        recentCounts.delivered += 1
        allDelivered += 1
        if now >= window.start, now < window.end { deliveredInTime += 1 }
        if isInWindow {
            delivered += 1
            lastEnd = max(lastEnd, now)
        }
        add(due: due, sent: sent, at: now, isInWindow)
    }

    private mutating func add(due: Int64, sent: Int64, at now: Int64, _ isInWindow: Bool) {
        recent.record(nanoseconds: now - due)
        guard isInWindow else { return }
        response.record(nanoseconds: now - due)
        if window.isByDue { service.record(nanoseconds: now - sent) }
    }

    mutating func recordLoopDelay(_ nanoseconds: Int64) {
        loopDelay.record(nanoseconds: nanoseconds)
    }

    /// In a closed loop operations are sent the moment they are due, and are in `response` alone.
    var isServiceResponse: Bool { service.totalCount == 0 }

    /// What happened since this was asked last.
    mutating func takeInterval() -> BenchStretch {
        defer {
            recentCounts = BenchInterval()
            recent.reset()
        }
        return BenchStretch(from: 0, counts: recentCounts, latencies: recent)
    }

    mutating func add(_ other: BenchRecord) {
        response.add(other.response)
        service.add(other.service)
        loopDelay.add(other.loopDelay)
        succeeded += other.succeeded
        succeededInTime += other.succeededInTime
        errors.merge(other.errors, uniquingKeysWith: +)
        delivered += other.delivered
        allSucceeded += other.allSucceeded
        allDelivered += other.allDelivered
        deliveredInTime += other.deliveredInTime
        lastEnd = max(lastEnd, other.lastEnd)
        unanswered += other.unanswered
        unsent += other.unsent
        window.start = min(window.start, other.window.start)
        window.end = max(window.end, other.window.end)
    }
}

/// Counts of a stretch of the run, warm-up included.
struct BenchInterval: Equatable, Sendable {
    var succeeded = 0
    var errors = 0
    var delivered = 0

    static func += (left: inout BenchInterval, right: BenchInterval) {
        left.succeeded += right.succeeded
        left.errors += right.errors
        left.delivered += right.delivered
    }
}

/// A stretch of the run and what happened in it.
struct BenchStretch: Sendable {
    let start: Int64
    private var counts: BenchInterval
    private var latencies: LatencyHistogram

    init(
        from start: Int64, counts: BenchInterval = BenchInterval(),
        latencies: LatencyHistogram = .ofLatencies
    ) {
        self.start = start
        self.counts = counts
        self.latencies = latencies
    }

    mutating func add(_ other: BenchStretch) {
        counts += other.counts
        latencies.add(other.latencies)
    }

    func sample(at end: Int64, _ windowStart: Int64) -> BenchSample {
        let seconds = max(1e-9, Double(end - start) / 1e9)
        let isEmpty = latencies.totalCount == 0
        return BenchSample(
            second: Double(end - windowStart) / 1e9, rate: Double(counts.succeeded) / seconds,
            delivered: Double(counts.delivered) / seconds, errors: counts.errors,
            p50: isEmpty ? nil : latencies.milliseconds(at: 50),
            p99: isEmpty ? nil : latencies.milliseconds(at: 99))
    }
}
