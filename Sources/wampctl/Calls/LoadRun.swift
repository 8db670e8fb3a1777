// Many calls of one procedure: `-n`, `--duration`, `--rate`, `--sessions`, with or without a tally.

import Glibc
import NIOCore
import UnixSignals
import WAMP
import WAMPClient
import WAMPLoad

struct LoadRun: Sendable {
    let command: CallCommand
    let context: CommandContext
    let client: Client
    let options: Value.Dictionary
    let payload: WrittenPayload

    /// How long outstanding calls may take when the run is interrupted.
    private static let patience = Duration.seconds(5)
    private static let redrawPeriod = Duration.milliseconds(100)

    /// Calls in flight per session on a schedule, where -c does not say.
    private static let scheduledLimit = 10_000

    private typealias Driver = CallDriver<LoadObserver>

    private struct Running {
        var sessions: [Session]
        var drivers: [Driver]
        var record: LoadRecord
    }

    func run() async throws(CommandFailure) -> Int32 {
        let events = await RunEvents(
            trapping: [.sigint, .sigterm, .sighup], beside: [.sigusr1])
        return try await events.run { () async throws(CommandFailure) in
            try await start(events)
        } then: { running async throws(CommandFailure) in
            try await follow(running, events)
        }
    }

    // MARK: Start

    private func start(_ events: RunEvents) async throws(CommandFailure) -> Running {
        var sessions: [Session] = []
        // A session that has no call to make is not needed.
        for number in 0..<max(1, min(command.sessions ?? 1, command.load.goal ?? .max)) {
            let session = try await client.join()
            sessions.append(session)
            Task { events.send(.sessionEnded(number, await session.ended)) }
        }
        try await waitForProcedure(sessions[0])
        let record = LoadRecord(
            command: command, terminal: context.terminal, callerCount: sessions.count,
            role: sessions[0].authrole)
        if command.tallies { await record.observe(sessions[0], rule: command.distribution.rule) }
        let encoded = Payload(args: payload.args, kwargs: payload.kwargs, as: client.serializer)
        if let flaw = encoded.flaw { throw CommandFailure(.usage, flaw) }
        var drivers: [Driver] = []
        for (number, session) in sessions.enumerated() {
            let observer = LoadObserver(
                caller: number, payload: encoded, record: record,
                stopsAtFailure: command.load.failFast, events: events)
            drivers.append(
                Driver(
                    session, procedure: URI(command.uri), options: options,
                    timeout: command.limit(with: options), load: load(over: sessions.count),
                    count: share(number, of: sessions.count),
                    stopsAtError: command.load.failFast, observer: observer))
        }
        return Running(sessions: sessions, drivers: drivers, record: record)
    }

    private func waitForProcedure(_ session: Session) async throws(CommandFailure) {
        guard let patience = command.wait, patience > .zero else { return }
        let deadline = ContinuousClock.now + patience
        let watch = await RegistrationWatch(of: command.uri, in: session, before: deadline)
        do throws(RegistrationFacts.Refusal) {
            while try await RegistrationFacts.of(command.uri, through: session, before: deadline)
                == nil
            {
                guard await watch.registered(before: deadline) else { return }
            }
        } catch {
            // Calls that try would count as calls of the run.
            Streams.shared.say(
                "warning: --wait cannot see who is registered: "
                    + "\(error.sentence(role: session.authrole)); calling at once")
        }
    }

    private func load(over sessionCount: Int) -> CallLoad {
        guard let rate = command.load.rate else {
            return .closed(inFlight: command.load.concurrency ?? 1)
        }
        return .open(
            perSecond: rate / Double(sessionCount),
            limit: command.load.concurrency ?? Self.scheduledLimit)
    }

    /// How many of all calls one session makes; nil without a limit.
    private func share(_ number: Int, of sessionCount: Int) -> Int? {
        command.load.goal.map { $0 / sessionCount + (number < $0 % sessionCount ? 1 : 0) }
    }

    // MARK: Following

    private func follow(
        _ running: Running, _ events: RunEvents
    ) async throws(CommandFailure) -> Int32 {
        let record = running.record
        var display = liveDisplay
        let ticker = Task {
            while true {
                try await Task.sleep(for: Self.redrawPeriod)
                events.send(.tick)
            }
        }
        defer { ticker.cancel() }
        if let duration = command.load.duration {
            Task {
                try await Task.sleep(for: duration)
                events.send(.durationOver)
            }
        }
        record.begin(goals: running.drivers.count)
        running.drivers.forEach { $0.run() }

        var stoppedBy: Int32?
        var mayEndEarly = false
        follow: for await event in events.stream {
            switch event {
            case .finished:
                if record.sessionFinished() { break follow }
            case .idle, .durationOver:
                mayEndEarly = true
                running.drivers.forEach { $0.stop() }
            case .sessionEnded:
                running.drivers.forEach { $0.stop() }
                events.send(.drainExpired)
            case .drainExpired: break follow
            case .outputBroken:
                // What is canceled now is nobody's business any more.
                record.end()
                display?.clear()
                running.drivers.forEach { $0.cancel() }
                await leave(running.sessions)
                return (Streams.shared.failure ?? .brokenPipe).rawValue
            case .signal(SIGUSR1): Streams.shared.say(record.summary(isInterrupted: false))
            case .signal(let signal):
                guard stoppedBy == nil else { return ExitCode.ended(by: signal) }
                stoppedBy = signal
                mayEndEarly = true
                display?.clear()
                if !command.output.quiet { sayStopping(record.outstanding) }
                running.drivers.forEach { $0.stop() }
                Task {
                    try await Task.sleep(for: Self.patience)
                    events.send(.drainExpired)
                }
            case .tick:
                if let (width, height) = display.map({ ($0.width, $0.height) }) {
                    let picture = record.picture(
                        width: width, height: height, isColored: hasLiveColor)
                    display?.draw(picture.lines)
                }
            default: continue
            }
        }
        record.end()
        display?.clear()
        var lostEnd: SessionEnd?
        if record.lostCalls || !mayEndEarly && record.figures.calls < command.load.goal ?? .max {
            lostEnd = running.sessions.lazy.compactMap(\.end).first
        }
        if command.tallies, lostEnd == nil { await record.learnNames(through: running.sessions[0]) }
        let code = try conclude(record, stoppedBy: stoppedBy, lostEnd: lostEnd)
        await leave(running.sessions)
        return code
    }

    private func sayStopping(_ outstanding: Int) {
        guard outstanding > 0 else { return }
        Streams.shared.say(Figures.stopping(outstanding, "call"))
    }

    private func leave(_ sessions: [Session]) async {
        await withTaskGroup(of: Void.self) { tasks in
            for session in sessions {
                tasks.addTask { await session.leave(patience: Client.farewell) }
            }
        }
    }

    // MARK: Display and end

    /// The picture is drawn where a terminal is: on stderr if stdout goes elsewhere.
    private var liveDisplay: LiveDisplay? {
        let terminal = context.terminal
        guard command.tallies, terminal.canRedraw, !command.output.quiet else {
            return nil
        }
        if terminal.stdoutIsTerminal {
            let isData = command.output.format != .text
            return isData ? nil : LiveDisplay(descriptor: STDOUT_FILENO)
        }
        return terminal.stderrIsTerminal ? LiveDisplay(descriptor: STDERR_FILENO) : nil
    }

    private var hasLiveColor: Bool {
        context.terminal.stdoutIsTerminal
            ? context.terminal.stdoutHasColor : context.terminal.stderrHasColor
    }

    private func conclude(
        _ record: LoadRecord, stoppedBy: Int32?, lostEnd: SessionEnd?
    ) throws(CommandFailure) -> Int32 {
        let figures = record.figures
        var verdict: Verdict?
        if command.tallies {
            let report = record.report(isInterrupted: stoppedBy != nil)
            verdict = report.verdict
            print(report)
            if !command.output.quiet { hint(report.tally) }
        } else {
            Streams.shared.settle()
            if !command.output.quiet, Streams.shared.failure == nil {
                Streams.shared.say(record.summary(isInterrupted: stoppedBy != nil))
            }
        }
        if let lostEnd { throw CommandFailure(lostEnd) }
        if let failure = Streams.shared.failure { return failure.rawValue }
        if let stoppedBy { return ExitCode.ended(by: stoppedBy) }
        guard let reason = failure(figures, verdict) else { return ExitCode.ok.rawValue }
        guard isUntold(record) else { return reason.code.rawValue }
        throw reason
    }

    /// Why the run does not end with 0; nil if it does.
    private func failure(_ figures: RunFigures, _ verdict: Verdict?) -> CommandFailure? {
        var failure = figures.failure(of: "call")
        if command.distribution.verify, let verdict, !verdict.isOK,
            figures.succeeded > 0 || figures.failed == 0
        {
            failure = CommandFailure(.checkFailed, "verdict: \(verdict.reason)")
        }
        failure?.subject = command.uri
        return failure
    }

    /// Whether nothing that people read has told yet how the run ended.
    private func isUntold(_ record: LoadRecord) -> Bool {
        if command.output.quiet { return command.tallies || !record.hasToldFailures }
        return command.tallies && [.json, .jsonl].contains(command.output.format)
    }

    private func print(_ report: TallyReport) {
        let terminal = context.terminal
        switch command.output.format {
        case .json: Streams.shared.print(JSONText.text(.dictionary(report.document)))
        case .jsonl:
            Streams.shared.print(JSONText.text(.dictionary(report.record(at: .now()))))
        case .text where terminal.stdoutIsTerminal:
            var picture = TallyPicture(report: report, goal: command.load.goal)
            picture.width = Terminal.size(of: STDOUT_FILENO).columns
            picture.isUTF8 = terminal.isUTF8
            picture.isColored = terminal.stdoutHasColor
            Streams.shared.print(picture.lines.joined(separator: "\n"))
        default:
            Streams.shared.write(Array(report.rows.map { "\($0)\n" }.joined().utf8))
            guard !command.output.quiet, Streams.shared.failure == nil else { return }
            let picture = TallyPicture(
                report: report, isUTF8: terminal.isUTF8, isColored: terminal.stderrHasColor)
            Streams.shared.say(styled: picture.talk.joined(separator: "\n"))
        }
    }

    private func hint(_ tally: Tally) {
        guard tally.unknown > 0 else { return }
        Streams.shared.say(
            "hint: the answers do not tell who gave them; callees that answer with their name "
                + "(--whoami), or --tally-by args.0.KEY or kwargs.NAME, do")
    }
}
