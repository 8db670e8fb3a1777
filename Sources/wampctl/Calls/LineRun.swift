// One call per line of stdin: `--stdin lines`, `--stdin jsonl`, and the batch of `call -`.

import Glibc
import Synchronization
import UnixSignals
import WAMP
import WAMPClient

struct LineRun: Sendable {
    let command: CallCommand
    let context: CommandContext
    let client: Client
    let options: Value.Dictionary

    /// How long outstanding calls may take when the run is interrupted.
    private static let patience = Duration.seconds(5)

    /// Failures that are told one by one; the rest only in the summary.
    private static let toldFailures = 10

    private final class Progress: Sendable {
        struct State {
            var figures = RunFigures()
            var outstanding = 0
            var isStopped = false
            /// Calls were lost with the session.
            var isLost = false
        }

        let state = Mutex(State())
        let events: RunEvents

        init(events: RunEvents) { self.events = events }

        var figures: RunFigures { state.withLock { $0.figures } }
        var isStopped: Bool { state.withLock { $0.isStopped } }
        var isLost: Bool { state.withLock { $0.isLost } }

        /// The session is gone, and with it what was under way.
        func lose() {
            state.withLock { state in
                state.isStopped = true
                state.isLost = true
            }
        }

        /// One more is under way; false if no more are wanted.
        func begin() -> Bool {
            state.withLock { state in
                if !state.isStopped { state.outstanding += 1 }
                return !state.isStopped
            }
        }

        func end(_ count: (inout RunFigures) -> Void) {
            let isLast = state.withLock { state in
                count(&state.figures)
                state.outstanding -= 1
                return state.isStopped && state.outstanding == 0
            }
            if isLast { events.send(.idle) }
        }

        /// Takes no more lines.
        /// - Returns: how many calls are still outstanding.
        func stop() -> Int {
            state.withLock { state in
                state.isStopped = true
                return state.outstanding
            }
        }
    }

    private struct Item {
        var number: Int
        var id: Value?
        var procedure: String
        var payload: WrittenPayload
        var options: Value.Dictionary
    }

    func run() async throws(CommandFailure) -> Int32 {
        let events = await RunEvents(trapping: [.sigint, .sigterm, .sighup])
        let joining = Task { () async -> Swift.Result<Session, CommandFailure> in
            defer { events.send(.started) }
            do throws(CommandFailure) {
                return .success(try await client.join())
            } catch {
                return .failure(error)
            }
        }
        let progress = Progress(events: events)
        let start = ContinuousClock.now
        var session: Session?
        var stoppedBy: Int32?
        for await event in events.stream {
            switch event {
            case .started:
                let joined = try await joining.value.get()
                session = joined
                Task { events.send(.sessionEnded(0, await joined.ended)) }
                Task {
                    await work(joined, progress)
                    events.send(.finished)
                }
            // Once no more lines are taken, idle is the end, whatever may still come from stdin.
            case .finished, .idle, .drainExpired:
                return try await finish(session, progress, start, stoppedBy)
            case .sessionEnded:
                progress.lose()
                return try await finish(session, progress, start, stoppedBy)
            case .outputBroken: return (Streams.shared.failure ?? .brokenPipe).rawValue
            case .signal(let signal):
                guard stoppedBy == nil else { return ExitCode.ended(by: signal) }
                stoppedBy = signal
                let outstanding = progress.stop()
                guard outstanding > 0 else {
                    return try await finish(session, progress, start, signal)
                }
                if !command.output.quiet {
                    Streams.shared.say(Figures.stopping(outstanding, "call"))
                }
                Task {
                    try await Task.sleep(for: Self.patience)
                    events.send(.drainExpired)
                }
            default: continue
            }
        }
        return ExitCode.failure.rawValue
    }

    private func finish(
        _ session: Session?, _ progress: Progress, _ start: ContinuousClock.Instant,
        _ stoppedBy: Int32?
    ) async throws(CommandFailure) -> Int32 {
        Streams.shared.flush()
        if let failure = Streams.shared.failure { return failure.rawValue }
        report(progress, start, isInterrupted: stoppedBy != nil)
        if progress.isLost, let end = session?.end { throw CommandFailure(end) }
        await session?.leave(patience: Client.farewell)
        if let stoppedBy { return ExitCode.ended(by: stoppedBy) }
        return progress.figures.exitCode.rawValue
    }

    private func report(
        _ progress: Progress, _ start: ContinuousClock.Instant, isInterrupted: Bool
    ) {
        guard !command.output.quiet else { return }
        Streams.shared.say(
            progress.figures.summary(
                in: start.duration(to: .now), isInterrupted: isInterrupted))
    }

    /// Reads line after line, with as many calls under way as allowed, and waits for the last.
    private func work(_ session: Session, _ progress: Progress) async {
        let lines = InputLines()
        let places = command.load.concurrency ?? 1
        let holdsText = !command.isBatch && command.arguments.stdin == .lines
        await withTaskGroup(of: Void.self) { tasks in
            var running = 0
            while !progress.isStopped {
                if running == places {
                    await tasks.next()
                    running -= 1
                    continue
                }
                guard let (number, bytes) = await lines.next() else { break }
                // A blank line is a text, but no record.
                if !holdsText, bytes.allSatisfy(Self.isBlank) { continue }
                guard progress.begin() else { break }
                running += 1
                tasks.addTask { await handle(bytes, number, session, progress) }
            }
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    private func handle(
        _ bytes: [UInt8], _ number: Int, _ session: Session, _ progress: Progress
    ) async {
        do throws(NotationError) {
            await call(try item(bytes, number), session, progress)
        } catch {
            let failure = CommandFailure(.usage, error.description, subject: "line \(number)")
            fail(
                failure,
                Item(number: number, procedure: command.uri, payload: .init(), options: [:]),
                latency: .zero, progress)
        }
    }

    private func item(_ bytes: [UInt8], _ number: Int) throws(NotationError) -> Item {
        if command.isBatch {
            let record = try BatchRecord(line: bytes)
            var options = options
            for (key, value) in record.options.entries { options[key] = value }
            return Item(
                number: number, id: record.id, procedure: record.procedure, payload: record.payload,
                options: options)
        }
        let mode = command.arguments.stdin ?? .lines
        return Item(
            number: number, procedure: command.uri, payload: try mode.payload(bytes),
            options: options)
    }

    private func call(_ item: Item, _ session: Session, _ progress: Progress) async {
        let start = ContinuousClock.now
        do throws(ClientError) {
            let result = try await session.call(
                URI(item.procedure), args: item.payload.args, kwargs: item.payload.kwargs,
                options: item.options, timeout: command.limit(with: item.options))
            let outcome = AnsweredCall(
                procedure: item.procedure, args: result.args, kwargs: result.kwargs,
                details: result.details, callee: result.callee?.rawValue,
                calleeName: result.details["callee_authid"]?.string,
                latency: start.duration(to: .now))
            print(outcome, item)
            progress.end { $0.succeed() }
        } catch {
            let subject = command.isBatch ? item.procedure : "line \(item.number)"
            if let end = session.end, error == end.error { progress.lose() }
            fail(
                CommandFailure(error, subject: subject), item, latency: start.duration(to: .now),
                progress)
        }
    }

    private var printsRecords: Bool { command.isBatch || command.output.format == .jsonl }

    private func print(_ outcome: AnsweredCall, _ item: Item) {
        if printsRecords {
            let id = item.id ?? .int(Int64(item.number))
            Streams.shared.append(
                JSONText.text(.dictionary(ResultText.record(outcome, id: id, at: .now()))))
        } else if command.output.format == .raw {
            Streams.shared.write(ResultText.raw(args: outcome.args))
        } else if let text = ResultText.text(
            args: outcome.args, kwargs: outcome.kwargs, pretty: false,
            colored: context.terminal.stdoutHasColor)
        {
            Streams.shared.append(text)
        }
    }

    private func fail(
        _ failure: CommandFailure, _ item: Item, latency: Duration, _ progress: Progress
    ) {
        if printsRecords {
            var outcome = AnsweredCall(
                procedure: item.procedure, args: failure.args, kwargs: failure.kwargs,
                latency: latency)
            outcome.error = failure.recordURI
            if failure.uri == nil { outcome.args = [.string(failure.message)] }
            print(outcome, item)
        } else if !progress.isLost, progress.figures.failed < Self.toldFailures {
            Streams.shared.say(failure.text(command: CallCommand.fullName))
        }
        if command.load.failFast { _ = progress.stop() }
        progress.end { $0.fail(failure.code, failure.uri?.rawValue ?? failure.code.kind) }
    }
}
