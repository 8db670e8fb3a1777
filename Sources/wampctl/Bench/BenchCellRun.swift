// One run of one cell on one router: sessions, warm-up, window, drain, figures.

import Glibc
import Histogram
import NIOCore
import NIOPosix
import WAMP
import WAMPClient
import WAMPLoad
import WAMPTransport

/// A router that is measured.
struct BenchTarget: Sendable {
    /// As people know it: `this router` or a URL.
    var endpoint: Endpoint
    var url: String
    /// Its process, if it is known.
    var process: pid_t?
}

/// What stays the same through all cells.
struct BenchSettings: Sendable {
    var options: SessionOptions
    var duration: Duration
    var warmup: Duration
    var count: Int?
    var interval: Duration
    var arrivals: BenchArrivals
    var callees: Int
    var invoke: String?
    var subscribers: Int
    var topics: Int
    /// A procedure served by someone else.
    var procedure: String?
    /// Event loops.
    var loops: Int
    /// Told of each session of the load, as long as none of them has anything to do.
    var onJoined: @Sendable (Session) -> Void = { _ in }
}

struct BenchCellRun: Sendable {
    let cell: BenchCell
    let target: BenchTarget
    let settings: BenchSettings
    let group: MultiThreadedEventLoopGroup
    /// How often `progress` is told, at least; intervals end with one of these.
    let step: Duration
    /// Of stretches of the run, as they end; whether one is a whole interval.
    let progress: @Sendable (BenchSample, _ isInterval: Bool) -> Void
    let control: BenchControl

    private struct Setup: Sendable {
        var workers: [BenchWorker] = []
        var sessions: [Session] = []
    }

    /// What the URIs of procedures and topics begin with.
    private static let prefix = "com.wampctl.bench"

    /// The most operations under way per session of an open load: routers refuse more. What is due
    /// beyond that is sent late, which its latency shows.
    private static let sessionLimit = 4000

    /// The most bytes under way in all sessions of an open load.
    private static let bytesInFlight = 256 << 20

    func run() async throws(CommandFailure) -> BenchOutcome {
        let loops = Array(group.makeIterator())
        var setup = Setup()
        let limit = max(
            64, min(cell.sessions * Self.sessionLimit, Self.bytesInFlight / max(64, cell.size)))
        for (index, loop) in loops.enumerated() {
            let schedule = cell.pace.rate.map {
                ArrivalSchedule(
                    perSecond: $0, arrivals: settings.arrivals, share: (index, loops.count))
            }
            setup.workers.append(
                BenchWorker(
                    loop, pace: cell.pace, schedule: schedule, limit: limit / loops.count,
                    fanOut: cell.scenario == .pubsub ? fanOut : nil, isAlone: loops.count == 1))
        }
        let epoch = LoadTick.now
        do throws(CommandFailure) {
            try await prepare(&setup, epoch: epoch)
        } catch {
            await leave(setup.sessions)
            throw error
        }
        var outcome = await measure(setup, epoch: epoch)
        let lost = control.isInterrupted ? nil : setup.sessions.lazy.compactMap(\.end).first
        await leave(setup.sessions)
        if let lost {
            var failure = CommandFailure(lost)
            failure.subject = target.url
            if cell.size >= 64 << 10 {
                failure.hints.append(
                    "a router cuts off a peer for which too much waits: try less in flight (-c), "
                        + "fewer subscribers, or a router with a larger --outbound-queue")
            }
            outcome.loss = failure
            outcome.isInterrupted = true
        }
        return outcome
    }

    private func leave(_ sessions: [Session]) async {
        await withTaskGroup(of: Void.self) { tasks in
            for session in sessions {
                tasks.addTask { await session.leave(patience: Client.farewell) }
            }
        }
    }

    // MARK: Set-up

    private func prepare(_ setup: inout Setup, epoch: Int64) async throws(CommandFailure) {
        let name = "\(Self.prefix).p\(getpid()).n\(UInt32(truncatingIfNeeded: epoch >> 10))"
        switch cell.scenario {
        case .rpc: try await prepareCalls(&setup, name, epoch)
        case .pubsub: try await prepareEvents(&setup, name, epoch)
        case .join: try await prepareJoins(&setup)
        case .register:
            try await addActive(&setup, cell.sessions, epoch) {
                .registerAndUnregister("\(name).s\($0)")
            }
        }
    }

    /// How many subscribers each topic has.
    private var fanOut: Int { settings.subscribers / settings.topics }

    private var payload: Payload {
        var text = cell.scenario == .pubsub ? LoadMark.blank : ""
        text += String(repeating: "x", count: max(0, cell.size - text.utf8.count))
        return Payload(args: [.string(text)], kwargs: [:], as: cell.serializer)
    }

    private func prepareCalls(
        _ setup: inout Setup, _ name: String, _ epoch: Int64
    ) async throws(CommandFailure) {
        let procedure = settings.procedure ?? name
        let payload = payload
        if settings.procedure == nil {
            var options = Value.Dictionary()
            let rule = settings.invoke ?? (settings.callees > 1 ? "roundrobin" : nil)
            if let rule, rule != "single" { options["invoke"] = .string(rule) }
            for session in try await join(settings.callees, &setup) {
                try await registering(session, procedure, options)
                try await attach(
                    LoadCallee(payload, as: cell.serializer), to: session, setup)
            }
        }
        try await addActive(&setup, cell.sessions, epoch) { _ in .call(URI(procedure), payload) }
    }

    private func registering(
        _ session: Session, _ procedure: String, _ options: Value.Dictionary
    ) async throws(CommandFailure) {
        do throws(ClientError) {
            _ = try await session.register(URI(procedure), options: options) { request in
                request.fail(.unavailable)
            }
        } catch {
            throw CommandFailure(error, subject: procedure, in: session)
        }
    }

    private func prepareEvents(
        _ setup: inout Setup, _ name: String, _ epoch: Int64
    ) async throws(CommandFailure) {
        for (index, session) in try await join(settings.subscribers, &setup).enumerated() {
            let topic = "\(name).t\(index % settings.topics)"
            do throws(ClientError) {
                _ = try await session.subscribe(URI(topic)) { _ in }
            } catch {
                throw CommandFailure(error, subject: topic, in: session)
            }
            let subscriber = LoadSubscriber(
                size: max(cell.size, LoadMark.length), as: cell.serializer,
                observer: worker(of: session, setup))
            try await attach(subscriber, to: session, setup)
        }
        let payload = payload, topics = settings.topics
        try await addActive(&setup, cell.sessions, epoch) { _ in
            .publish((0..<topics).map { URI("\(name).t\($0)") }, payload)
        }
    }

    private func prepareJoins(_ setup: inout Setup) async throws(CommandFailure) {
        // The first join tells whether there will be any.
        _ = try await join(1, &setup)
        let endpoint = target.endpoint, options = self.options
        for index in 0..<cell.sessions {
            let worker = setup.workers[index % setup.workers.count]
            worker.add(
                JoinSource(worker.eventLoop, observer: worker) {
                    (group: any EventLoopGroup) async throws(ClientError) -> Session in
                    try await Session.join(endpoint, options: options, on: group)
                })
        }
    }

    private func addActive(
        _ setup: inout Setup, _ count: Int, _ epoch: Int64,
        _ operation: (Int) -> LoadOperation
    ) async throws(CommandFailure) {
        for (index, session) in try await join(count, &setup).enumerated() {
            let worker = worker(of: session, setup)
            let source = LoadSession(
                operation(index), as: cell.serializer, epoch: epoch,
                inFlight: cell.pace.inFlight ?? 1024, observer: worker)
            try await attach(source, to: session, setup)
            worker.add(source)
        }
    }

    private func worker(of session: Session, _ setup: Setup) -> BenchWorker {
        setup.workers.first { $0.eventLoop === session.eventLoop } ?? setup.workers[0]
    }

    private func attach(
        _ taker: any FrameTaker & Sendable, to session: Session, _ setup: Setup
    ) async throws(CommandFailure) {
        do throws(ClientError) {
            try await session.attach(taker, tick: worker(of: session, setup).tick)
        } catch {
            throw CommandFailure(error, subject: target.url, in: session)
        }
    }

    private var options: SessionOptions {
        var options = settings.options
        options.serializer = cell.serializer
        return options
    }

    /// Joins so many sessions, dealt to the loops in turn.
    private func join(
        _ count: Int, _ setup: inout Setup
    ) async throws(CommandFailure) -> [Session] {
        var joined: [Session] = []
        while joined.count < count {
            let batch = min(32, count - joined.count)
            let endpoint = target.endpoint, options = options
            let offset = setup.sessions.count
            let loops = setup.workers.map(\.eventLoop)
            let outcomes = await withTaskGroup(
                of: (Int, Swift.Result<Session, ClientError>).self
            ) { tasks in
                for index in 0..<batch {
                    let loop = loops[(offset + index) % loops.count]
                    tasks.addTask {
                        do throws(ClientError) {
                            return (
                                index,
                                .success(
                                    try await Session.join(endpoint, options: options, on: loop))
                            )
                        } catch {
                            return (index, .failure(error))
                        }
                    }
                }
                return await tasks.reduce(into: []) { $0.append($1) }
            }
            for (_, outcome) in outcomes.sorted(by: { $0.0 < $1.0 }) {
                switch outcome {
                case .success(let session):
                    settings.onJoined(session)
                    joined.append(session)
                    setup.sessions.append(session)
                case .failure(let error): throw Client.failure(error, at: endpoint)
                }
            }
        }
        return joined
    }

    // MARK: Measuring

    private enum Step: Sendable { case event(BenchWorker.Event), tick }

    private func measure(_ setup: Setup, epoch: Int64) async -> BenchOutcome {
        let (steps, sender) = AsyncStream.makeStream(of: Step.self)
        let warmStart = LoadTick.now + 5_000_000
        let windowStart = warmStart + settings.warmup.nanoseconds
        let workers = setup.workers
        for (index, worker) in workers.enumerated() {
            let count = settings.count.map {
                $0 / workers.count + (index < $0 % workers.count ? 1 : 0)
            }
            let course = BenchCourse(
                epoch: epoch, begin: warmStart, windowStart: windowStart,
                windowEnd: count == nil ? windowStart + settings.duration.nanoseconds : nil,
                count: count)
            worker.start(course) { sender.yield(.event($0)) }
        }
        let watch = control.watch { for worker in workers { worker.stop() } }
        for session in setup.sessions {
            Task {
                _ = await session.ended
                for worker in workers { worker.stop() }
            }
        }
        let step = min(step, settings.interval)
        let ticker = Task {
            var next = ContinuousClock.now
            while true {
                next += step
                try await Task.sleep(until: next, clock: .continuous)
                sender.yield(.tick)
            }
        }
        defer {
            ticker.cancel()
            control.unwatch(watch)
        }

        var meter = BenchMeter(process: target.process)
        var series: [BenchSample] = []
        var opened = 0, closed = 0, finished = 0
        var lastTick = LoadTick.now
        var interval = BenchStretch(from: lastTick)
        for await step in steps {
            switch step {
            case .event(.windowOpened):
                opened += 1
                if opened == workers.count { meter.open() }
            case .event(.windowClosed):
                closed += 1
                if closed == workers.count { meter.close() }
            case .event(.finished): finished += 1
            case .tick:
                let now = LoadTick.now
                let stretch = await stretch(workers, from: lastTick)
                lastTick = now
                interval.add(stretch)
                let isWhole =
                    Double(now - interval.start) > 0.99
                    * Double(
                        settings.interval.nanoseconds)
                let sample = (isWhole ? interval : stretch).sample(at: now, windowStart)
                if isWhole {
                    if closed == 0 { series.append(sample) }
                    interval = BenchStretch(from: now)
                }
                if closed == 0 { progress(sample, isWhole) }
            }
            if finished == workers.count { break }
        }
        var facts = meter.facts
        facts.cores = workers.count
        return await outcome(setup, facts, series)
    }

    private func stretch(_ workers: [BenchWorker], from start: Int64) async -> BenchStretch {
        var stretch = BenchStretch(from: start)
        for worker in workers { stretch.add(await worker.read { $0.takeInterval() }) }
        return stretch
    }

    private func outcome(
        _ setup: Setup, _ facts: BenchLoadFacts, _ series: [BenchSample]
    ) async -> BenchOutcome {
        var record: BenchRecord?
        for worker in setup.workers {
            let part = await worker.read { $0 }
            if record == nil { record = part } else { record?.add(part) }
        }
        let whole =
            record ?? BenchRecord(window: BenchWindow(start: 0, end: 0, isByDue: false))
        let window = whole.window
        let end = settings.count == nil ? window.end : max(window.start, whole.lastEnd)
        return BenchOutcome(
            record: whole, seconds: Double(end - window.start) / 1e9, facts: facts, series: series,
            fanOut: fanOut, isCounted: settings.count != nil,
            isInterrupted: control.isInterrupted,
            agent: setup.sessions.first?.welcome["agent"]?.string)
    }
}

/// Reads the CPU time of router and generator when the window opens and closes.
private struct BenchMeter {
    let process: pid_t?
    private var ownStart = 0.0
    private var routerStart: ProcessSample?
    private(set) var facts = BenchLoadFacts()

    init(process: pid_t?) { self.process = process }

    mutating func open() {
        routerStart = process.flatMap(ProcessSample.of)
        ownStart = ProcessSample.own
    }

    mutating func close() {
        facts.ownCPU = ProcessSample.own - ownStart
        guard let process, let end = ProcessSample.of(process) else { return }
        facts.routerMemory = end.memory
        facts.routerPeak = end.peak
        if let routerStart { facts.routerCPU = end.cpu - routerStart.cpu }
    }
}
