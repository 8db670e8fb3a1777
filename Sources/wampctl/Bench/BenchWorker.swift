// One event loop of the load generator: issues the operations of its sources by the clock or by the
// answers, records how they end, and watches how late the loop itself is.

import NIOCore
import WAMP
import WAMPClient
import WAMPLoad

/// Something that can issue operations. Used on its loop.
protocol LoadSource: AnyObject, Sendable {
    /// Operations under way.
    var inFlight: Int { get }
    /// Whether any of them may still end: not where the connection is gone.
    var isWaiting: Bool { get }
    /// When those under way were due.
    var pendingDues: [Int64] { get }
    func issue(due: Int64, at now: Int64)
    /// Keeps so many under way; 0 = issues none by itself.
    func keep(inFlight: Int)
}

extension LoadSession: LoadSource {}

/// The course of a run, in nanoseconds of the load's clock.
struct BenchCourse: Sendable {
    /// From when the moments in marks count.
    var epoch: Int64
    /// From when the schedule counts.
    var begin: Int64
    var windowStart: Int64
    /// nil if a number of operations ends the run.
    var windowEnd: Int64?
    /// This worker's share of that number.
    var count: Int?
    /// How long operations of the window may take after its end, in nanoseconds.
    var patience: Int64 = 5_000_000_000
}

// Unchecked: everything but `init` happens on the loop.
final class BenchWorker: OperationObserver, @unchecked Sendable {
    let eventLoop: any EventLoop
    let tick: LoadTick
    private var sources: [any LoadSource] = []
    private var pace: BenchPace
    private var schedule: ArrivalSchedule?
    private var course = BenchCourse(epoch: 0, begin: 0, windowStart: 0)
    private var phase = Phase.idle
    private(set) var record: BenchRecord
    /// The most operations under way under an open load.
    private let limit: Int
    /// How many events follow each operation; nil where none do.
    private let fanOut: Int?
    /// There is no other worker.
    private let isAlone: Bool
    private var lastDelivery: Int64 = 0

    private var nextDue: Int64 = .max
    private var cursor = 0
    /// Operations of the window that were issued, where a number of them ends the run.
    private var issued = 0
    private var pulse: Scheduled<Void>?
    private var closing: [Scheduled<Void>] = []
    private var onEvent: (@Sendable (Event) -> Void)?

    enum Event { case windowOpened, windowClosed, finished }

    private enum Phase { case idle, warmup, measuring, draining, done }

    /// After so many nanoseconds without an event there will be none.
    private static let silence: Int64 = 1_000_000_000
    /// The shortest time between two looks at the schedule, in nanoseconds.
    private static let shortestPause: Int64 = 50_000
    /// Nanoseconds between two checks of how late the loop is, and of whether all has ended.
    private static let heartbeat: Int64 = 5_000_000

    init(
        _ eventLoop: any EventLoop, pace: BenchPace, schedule: ArrivalSchedule?, limit: Int,
        fanOut: Int?, isAlone: Bool
    ) {
        self.fanOut = fanOut
        self.isAlone = isAlone
        self.eventLoop = eventLoop
        tick = LoadTick(eventLoop)
        self.pace = pace
        self.schedule = schedule
        self.limit = limit
        record = BenchRecord(
            window: BenchWindow(start: .max, end: .max, isByDue: true),
            measuresDelivery: fanOut != nil)
    }

    /// Before `start`.
    func add(_ source: any LoadSource) { eventLoop.execute { self.sources.append(source) } }

    func start(_ course: BenchCourse, _ onEvent: @escaping @Sendable (Event) -> Void) {
        eventLoop.execute { self.begin(course, onEvent) }
    }

    /// Ends the run before its time: the window closes now.
    func stop() { eventLoop.execute { self.closeWindow(at: LoadTick.now) } }

    /// What has been recorded so far, or since the last interval.
    func read<T: Sendable>(
        _ body: @escaping @Sendable (inout BenchRecord) -> T
    ) async -> T {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<T, Never>) in
            eventLoop.execute { continuation.resume(returning: body(&self.record)) }
        }
    }

    // MARK: The course

    private func begin(_ course: BenchCourse, _ onEvent: @escaping @Sendable (Event) -> Void) {
        self.course = course
        self.onEvent = onEvent
        record.window = BenchWindow(
            start: course.windowStart, end: course.windowEnd ?? .max,
            isByDue: pace.isOpen || course.count != nil)
        phase = .warmup
        at(course.windowStart) { $0.openWindow() }
        if let end = course.windowEnd { at(end) { $0.closeWindow(at: end) } }
        switch pace {
        case .closed(let inFlight): for source in sources { source.keep(inFlight: inFlight) }
        case .open:
            nextDue = course.begin + (schedule?.next() ?? 0)
            pump(LoadTick.now)
        }
        schedulePulse()
    }

    private func at(_ moment: Int64, _ body: @escaping @Sendable (BenchWorker) -> Void) {
        closing.append(
            eventLoop.scheduleTask(deadline: .uptimeNanoseconds(UInt64(max(0, moment)))) {
                body(self)
            })
    }

    private func openWindow() {
        guard phase == .warmup else { return }
        phase = .measuring
        // Where a number is to be reached, only what is counted may belong to the window.
        if course.count != nil, !pace.isOpen { record.window.start = LoadTick.now }
        onEvent?(.windowOpened)
    }

    private func closeWindow(at moment: Int64) {
        guard phase == .warmup || phase == .measuring else { return }
        phase = .draining
        record.window.end = min(record.window.end, moment)
        record.window.start = min(record.window.start, record.window.end)
        for source in sources { source.keep(inFlight: 0) }
        onEvent?(.windowClosed)
        lastDelivery = max(lastDelivery, LoadTick.now)
        let deadline = LoadTick.now + course.patience
        at(deadline) { $0.finish() }
        checkFinished()
    }

    private func checkFinished() {
        guard phase == .draining, nextDue >= record.window.end || !pace.isOpen else { return }
        if sources.allSatisfy({ !$0.isWaiting }), hasAllEvents { finish() }
    }

    /// Whether no event is on its way any more. Publisher and subscriber may belong to different
    /// workers: then it is silence that tells.
    private var hasAllEvents: Bool {
        guard let fanOut else { return true }
        if isAlone, record.allDelivered >= record.allSucceeded * fanOut { return true }
        return LoadTick.now - lastDelivery > BenchWorker.silence
    }

    private func finish() {
        guard phase == .draining else { return }
        phase = .done
        pulse?.cancel()
        for scheduled in closing { scheduled.cancel() }
        let window = record.window
        for source in sources {
            record.unanswered +=
                source.pendingDues.count { !window.isByDue || window.holds(due: $0, ended: 0) }
        }
        while pace.isOpen, nextDue < window.end {
            record.unsent += 1
            guard let schedule = self.schedule?.next() else { break }
            nextDue = course.begin + schedule
        }
        onEvent?(.finished)
        onEvent = nil
    }

    // MARK: The clock

    /// Looks at the schedule and at the loop's own delay.
    private func schedulePulse() {
        let now = LoadTick.now
        var moment = now + BenchWorker.heartbeat
        if nextDue < moment { moment = max(nextDue, now + BenchWorker.shortestPause) }
        if inFlight >= limit { moment = now + 1_000_000 }
        let planned = moment
        pulse = eventLoop.scheduleTask(deadline: .uptimeNanoseconds(UInt64(planned))) {
            guard self.phase != .done else { return }
            let now = LoadTick.now
            if self.phase == .measuring { self.record.recordLoopDelay(now - planned) }
            self.pump(now)
            self.checkFinished()
            if self.phase != .done { self.schedulePulse() }
        }
    }

    private var inFlight: Int { sources.reduce(0) { $0 + $1.inFlight } }

    private func pump(_ now: Int64) {
        guard pace.isOpen, phase != .done, !sources.isEmpty else { return }
        let stop = phase == .draining ? record.window.end : .max
        var room = limit - inFlight
        while nextDue <= now, nextDue < stop, room > 0 {
            if let count = course.count, nextDue >= record.window.start {
                issued += 1
                if issued > count {
                    closeWindow(at: nextDue)
                    return
                }
            }
            sources[cursor].issue(due: nextDue, at: now)
            cursor = cursor + 1 == sources.count ? 0 : cursor + 1
            room -= 1
            guard let next = schedule?.next() else { return }
            nextDue = course.begin + next
        }
    }

    // MARK: What the sources tell

    func mayIssue() -> Bool {
        switch phase {
        case .warmup: return true
        case .measuring:
            guard let count = course.count else { return true }
            guard issued < count else { return false }
            issued += 1
            return true
        case .idle, .draining, .done: return false
        }
    }

    func ended(due: Int64, sent: Int64, at now: Int64, _ end: OperationEnd) {
        guard phase != .done else { return }
        record.record(due: due, sent: sent, at: now, end)
        if phase == .measuring, let count = course.count, record.ended >= count, !pace.isOpen {
            closeWindow(at: now + 1)
        }
    }

    func delivered(_ mark: LoadMark, at now: Int64) {
        guard phase != .done else { return }
        lastDelivery = now
        record.recordDelivery(
            due: course.epoch + Int64(mark.due), sent: course.epoch + Int64(mark.sent), at: now)
    }
}
