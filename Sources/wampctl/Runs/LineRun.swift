// Many calls or events on one session: one per line of stdin (`--stdin lines`, `--stdin jsonl`, the
// batch of `call -`), or the same again and again.

import Glibc
import UnixSignals
import WAMP
import WAMPClient

/// One call or event of a run.
struct LineItem: Sendable {
    var number: Int
    /// A batch record's own id.
    var id: Value?
    /// The procedure or topic.
    var target: String
    var payload: WrittenPayload
    var options: Value.Dictionary

    /// What tells its answer from others: its own id, else its number.
    var identity: Value { id ?? .int(Int64(number)) }
}

/// What a run writes to stdout.
enum LineOutput {
    case record(Value.Dictionary)
    case line(String)
    case bytes([UInt8])
    case nothing
}

/// What is done with each item.
protocol LineAction: Sendable {
    /// `call` or `event`.
    var noun: String { get }
    /// The key of the URI in the records of a batch.
    var key: String { get }
    var commandName: String { get }
    /// Whether the output is a record for each item, errors included.
    var printsRecords: Bool { get }

    /// Sends the item and returns what is to be printed of its answer.
    func perform(_ item: LineItem, in session: Session) async throws(ClientError) -> LineOutput
    func record(
        _ failure: CommandFailure, of item: LineItem, latency: Duration
    ) -> Value.Dictionary
}

/// Where the items of a run come from.
enum LineSource: Sendable {
    /// A record in each line of stdin.
    case batch
    /// The arguments in each line of stdin.
    case lines(StdinMode, target: String)
    /// Always the same.
    case repetition(LineItem)
}

/// What happens to a run of many lines.
enum LineEvent {
    case signal(Int32)
    /// The reader of stdout went away.
    case outputBroken
    /// The session is joined, or could not be.
    case joined
    case sessionEnded
    /// All items have been taken and dealt with.
    case finished
    /// No more are taken, and none is under way.
    case drained
    /// The time for those that were under way at a signal is over.
    case patienceOver
}

struct LineRun<Action: LineAction>: Sendable {
    let action: Action
    let source: LineSource
    let client: Client
    let options: Value.Dictionary
    let load: LoadOptions
    let isQuiet: Bool
    /// How long the router may take to answer GOODBYE when all has been sent.
    var farewell = Client.farewell
    /// Done once before the first item.
    var prepare: @Sendable (Session) async throws(CommandFailure) -> Void = { _ in }

    /// How long outstanding calls may take when the run is interrupted.
    private var patience: Duration { .seconds(5) }

    /// Failures that are told one by one; the rest only in the summary.
    private var toldFailures: Int { 10 }

    func run() async throws(CommandFailure) -> Int32 {
        let events = await RunEvents<LineEvent>(
            trapping: [.sigint, .sigterm, .sighup], onSignal: { .signal($0) },
            onBrokenOutput: .outputBroken)
        let joining = events.starting(telling: .joined) { () async throws(CommandFailure) in
            let session = try await client.join()
            try await prepare(session)
            return session
        }
        let progress = LineProgress(events: events)
        let items = LineItems(source: source, load: load)
        var start = ContinuousClock.now
        var session: Session?
        var stoppedBy: Int32?
        for await event in events.stream {
            switch event {
            case .joined:
                let joined = try await joining.value.get()
                session = joined
                // Joining is no part of the rate.
                start = .now
                Task {
                    _ = await joined.ended
                    events.send(.sessionEnded)
                }
                Task {
                    await work(items, joined, progress)
                    events.send(.finished)
                }
            // Drained is the end, whatever may still come from stdin.
            case .finished, .drained, .patienceOver:
                return try await finish(session, items, progress, start, stoppedBy)
            case .sessionEnded:
                progress.lose()
                return try await finish(session, items, progress, start, stoppedBy)
            case .outputBroken: return (Streams.shared.failure ?? .brokenPipe).rawValue
            case .signal(let signal):
                guard stoppedBy == nil else { return ExitCode.ended(by: signal) }
                stoppedBy = signal
                let outstanding = progress.stop()
                guard outstanding > 0 else {
                    return try await finish(session, items, progress, start, signal)
                }
                if !isQuiet {
                    Streams.shared.say(Figures.stopping(outstanding, action.noun))
                }
                Task {
                    try await Task.sleep(for: patience)
                    events.send(.patienceOver)
                }
            }
        }
        return ExitCode.failure.rawValue
    }

    private func finish(
        _ session: Session?, _ items: LineItems, _ progress: LineProgress,
        _ start: ContinuousClock.Instant, _ stoppedBy: Int32?
    ) async throws(CommandFailure) -> Int32 {
        Streams.shared.settle()
        if let failure = Streams.shared.failure { return failure.rawValue }
        report(progress, start, isInterrupted: stoppedBy != nil)
        if progress.isLost, let end = session?.end {
            var failure = CommandFailure(end)
            if let unsent = await items.unsent(begun: progress.begun, noun: action.noun) {
                failure.message += "; \(unsent)"
            }
            throw failure
        }
        await session?.leave(patience: stoppedBy == nil ? farewell : Client.farewell)
        if let stoppedBy { return ExitCode.ended(by: stoppedBy) }
        if let failure = progress.inputFailure { throw failure }
        // Records are for programs; without a summary a person would hear nothing.
        if isQuiet, action.printsRecords, let failure = progress.figures.failure(of: action.noun) {
            throw failure
        }
        return progress.figures.exitCode.rawValue
    }

    private func report(
        _ progress: LineProgress, _ start: ContinuousClock.Instant, isInterrupted: Bool
    ) {
        guard !isQuiet else { return }
        Streams.shared.say(
            progress.figures.summary(
                in: start.duration(to: .now), of: action.noun, isInterrupted: isInterrupted))
    }

    /// Takes item after item, with as many under way as allowed, and waits for the last.
    private func work(
        _ items: LineItems, _ session: Session, _ progress: LineProgress
    ) async {
        let places = load.concurrency ?? 1
        await withTaskGroup(of: Void.self) { tasks in
            var running = 0
            while !progress.isStopped {
                if running == places {
                    await tasks.next()
                    running -= 1
                    continue
                }
                guard let (number, bytes) = await items.next(), progress.begin() else { break }
                running += 1
                tasks.addTask { await handle(bytes, number, session, progress) }
            }
        }
        progress.inputFailure = await items.inputFailure
    }

    private func handle(
        _ bytes: [UInt8], _ number: Int, _ session: Session, _ progress: LineProgress
    ) async {
        do throws(NotationError) {
            await perform(try item(bytes, number), session, progress)
        } catch {
            let failure = CommandFailure(.usage, error.description, subject: "line \(number)")
            var item = LineItem(number: number, target: "-", payload: .init(), options: [:])
            if case .lines(_, let target) = source { item.target = target }
            fail(failure, item, latency: .zero, progress)
        }
    }

    private func item(_ bytes: [UInt8], _ number: Int) throws(NotationError) -> LineItem {
        switch source {
        case .batch:
            let record = try BatchRecord(line: bytes, key: action.key)
            var options = options
            for (key, value) in record.options.entries { options[key] = value }
            return LineItem(
                number: number, id: record.id, target: record.target, payload: record.payload,
                options: options)
        case .lines(let mode, let target):
            return LineItem(
                number: number, target: target, payload: try mode.payload(bytes), options: options)
        case .repetition(var item):
            item.number = number
            return item
        }
    }

    private func perform(
        _ item: LineItem, _ session: Session, _ progress: LineProgress
    ) async {
        let start = ContinuousClock.now
        do throws(ClientError) {
            try await action.perform(item, in: session).print()
            progress.end { $0.succeed() }
        } catch {
            let subject =
                switch source {
                case .batch, .repetition: item.target
                case .lines: "line \(item.number)"
                }
            if let end = session.end, error == end.error { progress.lose() }
            var failure = CommandFailure(error, subject: subject, role: session.authrole)
            failure.hintAtReserved(item.target)
            fail(failure, item, latency: start.duration(to: .now), progress)
        }
    }

    private func fail(
        _ failure: CommandFailure, _ item: LineItem, latency: Duration, _ progress: LineProgress
    ) {
        if action.printsRecords {
            LineOutput.record(action.record(failure, of: item, latency: latency)).print()
        } else if !progress.isLost, progress.figures.failed < toldFailures {
            Streams.shared.say(failure.text(command: action.commandName))
        }
        if load.failFast { _ = progress.stop() }
        progress.end { $0.fail(failure.code, failure.uri?.rawValue ?? failure.code.kind) }
    }
}

extension LineOutput {
    func print() {
        switch self {
        case .record(let record): Streams.shared.append(JSONText.text(.dictionary(record)))
        case .line(let line): Streams.shared.append(line)
        case .bytes(let bytes): Streams.shared.append(bytes)
        case .nothing: break
        }
    }
}
