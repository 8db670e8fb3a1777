// Many calls of one procedure: `-n`, `--duration`, `--rate`, `--sessions`, with or without a tally.
// LoadRun decides about the end.

import Glibc
import NIOCore
import UnixSignals
import WAMP
import WAMPClient
import WAMPLoad

struct LoadRunner: Sendable {
    private typealias Events = RunEvents<LoadRun.Event>

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
        let events = await Events(
            trapping: [.sigint, .sigterm, .sighup], beside: [.sigusr1],
            onSignal: { $0 == SIGUSR1 ? .figuresAsked : .signal($0) }, onBrokenOutput: .outputBroken
        )
        return try await events.run { () async throws(CommandFailure) in
            try await start(events)
        } then: { running async throws(CommandFailure) in
            try await follow(running, events)
        }
    }

    // MARK: Start

    private func start(_ events: Events) async throws(CommandFailure) -> Running {
        var sessions: [Session] = []
        // A session that has no call to make is not needed.
        for _ in 0..<max(1, min(command.sessions ?? 1, command.load.goal ?? .max)) {
            let session = try await client.join()
            sessions.append(session)
            Task {
                _ = await session.ended
                events.send(.sessionEnded)
            }
        }
        try await waitForProcedure(sessions[0])
        let record = LoadRecord(
            command: command, terminal: context.terminal, callerCount: sessions.count,
            role: sessions[0].authrole)
        if command.tallies { await record.observe(sessions[0], rule: command.distribution.rule) }
        if command.distribution.verify, let rule = record.rule,
            !Verdict.testedRules.contains(rule)
        {
            Streams.shared.say(
                "warning: --verify: \(Verdict.sentence(untested: rule)), so the verdict will not hold"
            )
        }
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
        _ running: Running, _ events: Events
    ) async throws(CommandFailure) -> Int32 {
        let record = running.record
        var display = liveDisplay
        let ticker = Task {
            while true {
                try await Task.sleep(for: Self.redrawPeriod)
                events.send(.redrawDue)
            }
        }
        defer { ticker.cancel() }
        if let duration = command.load.duration {
            Task {
                try await Task.sleep(for: duration)
                events.send(.durationOver)
            }
        }
        record.begin()
        running.drivers.forEach { $0.run() }
        let run = LoadRun(sessions: running.drivers.count)
        return try await events.follow(run) { action async throws(CommandFailure) in
            switch action {
            case .redraw:
                if let picture = picture(of: record, on: display) { display?.draw(picture) }
            case .sayFigures: Streams.shared.say(record.summary(isInterrupted: false))
            case .sayStopping:
                display?.clear()
                if !command.output.quiet { sayStopping(record.outstanding) }
            case .stop: running.drivers.forEach { $0.stop() }
            case .countLosses: events.send(.lossesCounted)
            case .limitPatience:
                Task {
                    try await Task.sleep(for: Self.patience)
                    events.send(.patienceOver)
                }
            case .conclude(let signal, let mayBeShort):
                record.end()
                display?.clear()
                return .ended(
                    try await conclude(running, stoppedBy: signal, mayBeShort: mayBeShort))
            case .abandon:
                // What is canceled now is nobody's business any more.
                record.end()
                display?.clear()
                running.drivers.forEach { $0.cancel() }
                await leave(running.sessions)
                return .ended((Streams.shared.failure ?? .brokenPipe).rawValue)
            case .endAtOnce(let signal): return .ended(ExitCode.ended(by: signal))
            }
            return .done
        }
    }

    private func conclude(
        _ running: Running, stoppedBy: Int32?, mayBeShort: Bool
    ) async throws(CommandFailure) -> Int32 {
        let record = running.record
        var lostEnd: SessionEnd?
        if record.lostCalls || !mayBeShort && record.figures.calls < command.load.goal ?? .max {
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

    private func picture(of record: LoadRecord, on display: LiveDisplay?) -> [String]? {
        guard let display else { return nil }
        return record.picture(
            width: display.width, height: display.height, isColored: hasLiveColor
        ).lines
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
