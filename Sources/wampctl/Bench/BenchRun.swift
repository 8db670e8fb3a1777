// `wampctl bench`: the routers, the cells in their order, signals, and what is made of the results.

import Glibc
import NIOPosix
import UnixSignals
import WAMP
import WAMPClient
import WAMPTransport

struct BenchRun: Sendable {
    let command: BenchCommand
    let context: CommandContext
    let control = BenchControl()

    /// How long the whole may take after the first signal.
    private static let patience = Duration.seconds(8)

    private static let redrawPeriod = Duration.milliseconds(200)

    /// One run of a cell on a router.
    private struct Step {
        var cell: BenchCell
        var target: Int
        var run: Int
    }

    private enum Event {
        /// A signal that wants the process to end.
        case signal(Int32)
        /// Somebody asks how far it is.
        case progressAsked
        /// The process goes on after it was stopped.
        case continued
        /// The reader of stdout went away.
        case outputBroken
        /// All cells are measured, or could not be.
        case finished
        /// The time after a signal is over.
        case patienceOver
    }

    func run() async throws(CommandFailure) -> Int32 {
        let earlier = try command.compare.map { path throws(CommandFailure) in
            try readEarlier(path)
        }
        // What the environment says is for all commands, and no contradiction.
        if command.spawn, let url = command.connection.url,
            url != context.environment["WAMPCTL_URL"]
        {
            throw CommandFailure(
                .usage, "--spawn measures a router of its own, and --url another: leave out one")
        }
        for path in [command.save, command.hdr, command.plot].compactMap({ $0 }) {
            try checkWritable(path)
        }
        let events = await RunEvents<Event>(
            trapping: [.sigint, .sigterm, .sighup], beside: [.sigusr1, .sigcont],
            onSignal: { signal in
                switch signal {
                case SIGUSR1: .progressAsked
                case SIGCONT: .continued
                default: .signal(signal)
                }
            }, onBrokenOutput: .outputBroken)
        let work = Task { () async -> Swift.Result<BenchReport, CommandFailure> in
            defer { events.send(.finished) }
            do throws(CommandFailure) {
                return .success(try await measure())
            } catch {
                return .failure(error)
            }
        }
        var stoppedBy: Int32?
        follow: for await event in events.stream {
            switch event {
            case .finished: break follow
            case .progressAsked: Streams.shared.say(control.progress)
            case .continued: control.pause()
            case .signal(let signal):
                guard stoppedBy == nil else { return ExitCode.ended(by: signal) }
                stoppedBy = signal
                control.interrupt()
                Task {
                    try await Task.sleep(for: Self.patience)
                    events.send(.patienceOver)
                }
            case .patienceOver: return ExitCode.ended(by: stoppedBy ?? SIGTERM)
            case .outputBroken:
                control.interrupt()
                return (Streams.shared.failure ?? .brokenPipe).rawValue
            }
        }
        let report = try await work.value.get()
        let code = try conclude(report, earlier)
        if let failure = Streams.shared.failure { return failure.rawValue }
        return stoppedBy.map(ExitCode.ended(by:)) ?? code.rawValue
    }

    // MARK: Measuring

    private func measure() async throws(CommandFailure) -> BenchReport {
        let system = SystemFacts.now()
        let began = WallMoment.now()
        let connection = command.connection
        let spawned =
            command.spawns ? try SpawnedRouter(realm: connection.realm ?? "realm1") : nil
        defer { spawned?.stop() }
        let ownURL = spawned?.url ?? connection.url ?? ConnectionOptions.defaultURL
        var targets: [BenchTarget] = []
        for url in [ownURL] + command.against {
            targets.append(BenchTarget(endpoint: try Endpoint.written(url), url: url))
        }
        if let id = command.routerPID, ProcessSample.of(pid_t(id)) == nil {
            throw CommandFailure(.usage, "--router-pid: there is no process \(id)")
        }
        targets[0].process = spawned?.id ?? command.routerPID.map { pid_t($0) }
        let client = try Client(
            connection.options(url: ownURL), output: command.output,
            environment: context.environment)
        let settings = command.settings(
            of: client, isSpawned: spawned != nil, loops: Self.loops(system.cores))
        let group = MultiThreadedEventLoopGroup(numberOfThreads: settings.loops)
        var report = BenchReport(
            commandLine: [ProgramWords.programName ?? "wampctl"] + ProgramWords.own.texts,
            targets: targets.map { BenchReport.Target(url: $0.url) },
            percentiles: command.percentiles ?? [50, 90, 99, 99.9],
            arrivals: command.load.arrivals ?? .constant, setting: command.setting, system: system,
            began: began)

        let steps = plan(targets.count)
        var outcomes: [[Int]: [BenchOutcome]] = [:]
        let cells = command.cells
        for (index, step) in steps.enumerated()
        where !control.isInterrupted && report.failure == nil {
            do throws(CommandFailure) {
                let outcome = try await measure(
                    step, targets[step.target], settings, group, place: (index + 1, steps.count))
                let place = [cells.firstIndex(of: step.cell) ?? 0, step.target]
                outcomes[place, default: []].append(outcome)
                report.targets[step.target].agent = outcome.agent
                report.failure = outcome.loss
            } catch {
                // What was measured until here is not lost.
                guard !outcomes.isEmpty else { throw error }
                report.failure = error
                guard error.code == .connect, report.targets[step.target].agent != nil else {
                    continue
                }
                report.failure = CommandFailure(
                    .connectionLost, "the router was there before, and is gone",
                    subject: targets[step.target].url)
            }
        }
        for (number, cell) in cells.enumerated() {
            for target in targets.indices {
                guard
                    var result = BenchResult(
                        cell: cell, target: target, outcomes: outcomes[[number, target]] ?? [])
                else { continue }
                result.isInterrupted = result.outcomes.contains(where: \.isInterrupted)
                report.results.append(result)
            }
        }
        report.isInterrupted = control.isInterrupted || report.failure != nil
        report.wasPaused = control.wasPaused
        return report
    }

    /// Many sessions share a loop; half of the machine is the router's.
    private static func loops(_ cores: Int) -> Int { max(1, min(4, cores / 2)) }

    /// The runs in their order: routers one after the other, and each pair of runs the other way
    /// round than the one before.
    private func plan(_ targetCount: Int) -> [Step] {
        command.cells.flatMap { cell in
            (0..<command.runCount).flatMap { run in
                let order = Array(0..<targetCount)
                return (run % 2 == 0 ? order : order.reversed()).map {
                    Step(cell: cell, target: $0, run: run)
                }
            }
        }
    }

    private func measure(
        _ step: Step, _ target: BenchTarget, _ settings: BenchSettings,
        _ group: MultiThreadedEventLoopGroup, place: (number: Int, total: Int)
    ) async throws(CommandFailure) -> BenchOutcome {
        let label = step.cell.label(command.cells.varied)
        let display = BenchDisplay(
            BenchProgress(label: label, number: place.number, total: place.total),
            terminal: context.terminal, isShown: !command.output.quiet)
        defer { display.clear() }
        let isStream = command.output.format == .jsonl
        let control = control
        if command.output.verbose > 0 {
            Streams.shared.say("measuring \(step.cell.scenario.rawValue) \(label) at \(target.url)")
        }
        let cellRun = BenchCellRun(
            cell: step.cell, target: target, settings: settings, group: group,
            step: display.isLive ? Self.redrawPeriod : settings.interval,
            progress: { sample, isInterval in
                let length = (settings.warmup + settings.duration).seconds
                let elapsed = sample.second + settings.warmup.seconds
                let line = display.add(
                    sample, share: settings.count == nil ? elapsed / max(length, 1e-9) : nil)
                control.report(line)
                guard isStream, isInterval else { return }
                let record = BenchDocument.interval(
                    sample, of: step.cell, target: step.target, run: step.run, at: .now())
                Streams.shared.append(JSONText.text(.dictionary(record)))
            }, control: control)
        return try await cellRun.run()
    }

    // MARK: The end

    private func conclude(
        _ measured: BenchReport, _ earlier: [Value]?
    ) throws(CommandFailure) -> ExitCode {
        var report = measured
        report.judge(by: command.threshold)
        report.comparison = earlier.map {
            BenchComparison(report.results, with: $0, tolerance: command.tolerance ?? 0.05)
        }
        let document = BenchDocument(report: report)
        print(document)
        try write(report, document)
        if let failure = report.failure { throw failure }
        guard !report.results.isEmpty else { return .failure }
        let isQuiet = command.output.quiet
        if !isQuiet { report.warnings.forEach { Streams.shared.say($0) } }
        var code = ExitCode.ok
        for judged in report.judged where !judged.holds {
            code = .checkFailed
            Streams.shared.say(
                "threshold not met: \(judged.threshold) (\(judged.cell): \(judged.figure))")
        }
        if let comparison = report.comparison {
            say(comparison)
            if !comparison.holds { code = .checkFailed }
        }
        if code == .ok, report.results.allSatisfy({ $0.succeeded == 0 && $0.failures > 0 }) {
            return try told(failure(of: report), document)
        }
        if code == .ok, !report.isInterrupted,
            report.results.allSatisfy({ $0.succeeded == 0 && $0.failures == 0 })
        {
            throw CommandFailure(
                .failure, "nothing was measured: no operation ended in the measured time",
                hints: ["give it a longer --duration"])
        }
        let judgesErrors = command.threshold.contains { threshold in
            if case .errors = threshold.metric { true } else { false }
        }
        if code == .ok, !judgesErrors, report.results.contains(where: { $0.failures > 0 }) {
            return try told(.partial, document)
        }
        return code
    }

    /// Says on stderr what failed, where no table for people has said it.
    private func told(
        _ code: ExitCode, _ document: BenchDocument
    ) throws(CommandFailure) -> ExitCode {
        let isData = [.json, .jsonl].contains(command.output.format)
        guard isData || command.output.quiet else { return code }
        let table = BenchTable(report: document.report, isUTF8: context.terminal.isUTF8)
        throw CommandFailure(code, table.failures.joined(separator: "; "))
    }

    /// The code of a run in which nothing succeeded.
    private func failure(of report: BenchReport) -> ExitCode {
        var codes: [ExitCode: Int] = [:]
        for result in report.results {
            for (uri, count) in result.record.errors { codes[ExitCode(uri), default: 0] += count }
            if result.unanswered > 0 { codes[.timeout, default: 0] += result.unanswered }
        }
        return .ofRun(succeeded: 0, failures: codes)
    }

    private func print(_ document: BenchDocument) {
        let streams = Streams.shared
        switch command.output.format {
        case .json: streams.print(JSONText.text(.dictionary(document.object)))
        case .jsonl:
            streams.print(JSONText.text(.dictionary(document.record(at: .now()))))
        case .tsv:
            streams.write(Array(document.rows.map { "\($0)\n" }.joined().utf8))
            guard !command.output.quiet else { return }
            let table = BenchTable(report: document.report, isUTF8: context.terminal.isUTF8)
            table.failures.forEach { streams.say($0) }
        default:
            let table = BenchTable(report: document.report, isUTF8: context.terminal.isUTF8)
            streams.print(table.lines.joined(separator: "\n"))
        }
    }

    private func write(
        _ report: BenchReport, _ document: BenchDocument
    ) throws(CommandFailure) {
        if let path = command.save {
            try write(JSONText.text(.dictionary(document.object)) + "\n", to: path)
        }
        if let path = command.plot { try write(BenchPlot(report: report).svg, to: path) }
        guard let path = command.hdr else { return }
        let entries = report.results.map { result in
            HistogramLog.Entry(
                tag: "\(result.target)_"
                    + BenchDocument.key(of: result.cell).replacing(" ", with: "_"),
                start: Double(report.began.milliseconds) / 1000, seconds: result.seconds,
                histogram: result.response)
        }
        try write(HistogramLog.text(entries, began: report.began), to: path)
    }

    private func write(_ text: String, to path: String) throws(CommandFailure) {
        guard File.replace(path, with: text) else {
            throw CommandFailure(.failure, "cannot write '\(path)': \(File.reason())")
        }
    }

    /// So that a run of minutes does not end with nowhere to put its result.
    private func checkWritable(_ path: String) throws(CommandFailure) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let folder = parts.isEmpty ? "." : parts.joined(separator: "/") + "/"
        guard access(folder, W_OK) == 0 else {
            throw CommandFailure(.usage, "cannot write '\(path)': \(File.reason())")
        }
    }

    // MARK: An earlier result

    /// The cells of an earlier result.
    private func readEarlier(_ path: String) throws(CommandFailure) -> [Value] {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try File.contents(path)
        } catch {
            throw CommandFailure(.usage, error.description)
        }
        guard let cells = (try? JSONText.parse(bytes))?.dictionary?["cells"]?.list else {
            throw CommandFailure(.usage, "'\(path)' holds no result of wampctl bench --save")
        }
        return cells
    }

    /// Says what became of the figures.
    private func say(_ comparison: BenchComparison) {
        if !command.output.quiet {
            for row in comparison.rows where !row.isRegression {
                Streams.shared.say(row.text)
            }
        }
        for cell in comparison.unmatched {
            Streams.shared.say("warning: \(cell): not in the earlier result, so not compared")
        }
        let tolerance = BenchText.percent(command.tolerance ?? 0.05)
        for row in comparison.regressions {
            Streams.shared.say("regression: \(row.text), tolerance \(tolerance)")
        }
        if comparison.rows.isEmpty { Streams.shared.say("nothing could be compared") }
    }
}

extension BenchComparison.Row {
    var text: String {
        let change = loss * 100
        return "\(cell) \(metric): \(Figures.fixed(before, 3)) -> \(Figures.fixed(now, 3)), "
            + "\(Figures.fixed(abs(change), 1)) % \(change > 0 ? "worse" : "better")"
    }
}
