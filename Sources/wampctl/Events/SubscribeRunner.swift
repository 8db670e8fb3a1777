// A running `subscribe`: joined and subscribed, events printed. SubscribeRun decides about the end.

import Glibc
import UnixSignals
import WAMP
import WAMPClient

struct SubscribeRunner {
    private typealias Events = RunEvents<SubscribeRun.Event>

    let command: SubscribeCommand
    let context: CommandContext
    private let count: EventCount

    init(command: SubscribeCommand, context: CommandContext) {
        self.command = command
        self.context = context
        count = EventCount(limit: command.count ?? 0)
    }

    func run() async throws(CommandFailure) -> Int32 {
        let client = try Client(
            command.connection, output: command.output, environment: context.environment)
        let options = try ArgumentSyntax.options(command.option, beside: command.namedOptions)
        if command.readiness.detach {
            return try Detachment.run(command, readiness: command.readiness)
        }
        try Readiness.check(command.readiness)
        // Asked before any program is started from here, which must not take itself for one.
        _ = Detachment.isChild
        Streams.shared.dropOutput(beyond: EventLine.bound)
        let events = await Events(
            trapping: [.sigint, .sigterm, .sighup], onSignal: { .signal($0) },
            onBrokenOutput: .outputBroken)
        return try await events.run { () async throws(CommandFailure) in
            try await start(client, options, events)
        } then: { session async throws(CommandFailure) in
            announce()
            return try await serve(session, events)
        }
    }

    private var topics: [String] {
        var seen: Set<Name> = []
        return command.topics.filter { seen.insert(Name($0)).inserted }
    }

    private func start(
        _ client: Client, _ options: Value.Dictionary, _ events: Events
    ) async throws(CommandFailure) -> Session {
        let session = try await client.join()
        Task { events.send(.sessionEnded(await session.ended)) }
        let format = command.output.format, isColored = context.terminal.stdoutHasColor
        let count = count
        for (number, topic) in topics.enumerated() {
            do throws(ClientError) {
                _ = try await session.subscribe(
                    URI(topic), options: options,
                    onRevoked: { events.send(.revoked(topic: number, $0)) }
                ) { event in
                    guard let line = line(of: event, topic) else { return }
                    let admission = count.admit()
                    guard admission != .declined else { return }
                    line.print(as: format, isColored: isColored)
                    if admission == .takenAsLast { events.send(.countReached) }
                }
            } catch {
                await session.leave(patience: Client.farewell)
                var failure = CommandFailure(error, subject: topic, in: session)
                failure.hintAtReserved(topic)
                throw failure
            }
        }
        return session
    }

    /// Nil, with a word about it, if the event cannot be shown.
    private func line(of event: EventMessage, _ topic: String) -> EventLine? {
        do throws(Unprintable) {
            return try EventLine(
                event, topic: topic, asJSON: command.output.format.isJSON)
        } catch {
            count.addUnreadable()
            Streams.shared.say(
                CommandFailure(
                    .protocolFault, "an event \(error.reason)", subject: topic
                ).text(command: SubscribeCommand.fullName))
            return nil
        }
    }

    private func announce() {
        if !command.output.quiet {
            let pattern = command.match.map { $0 == .exact ? "" : " (\($0.rawValue))" } ?? ""
            for topic in topics { Streams.shared.say("subscribed to \(topic)\(pattern)") }
            for hint in silentTopics { Streams.shared.say("hint: \(hint)") }
        }
        Readiness.announce(
            [
                "pid": .int(Int64(getpid())), "topics": .list(topics.map { .string($0) }),
                "match": .string((command.match ?? .exact).rawValue),
            ], command.readiness)
    }

    private var silentTopics: [String] {
        command.match ?? .exact == .exact ? topics.flatMap(Hints.silent) : []
    }

    private func serve(
        _ session: Session, _ events: Events
    ) async throws(CommandFailure) -> Int32 {
        let clocks = startClocks(events)
        defer { clocks.forEach { $0.cancel() } }
        let goal = command.count ?? 0
        let run = SubscribeRun(topicCount: topics.count, goal: goal > 0 ? goal : nil)
        return try await events.follow(run) { action async throws(CommandFailure) in
            switch action {
            case .sayRevoked(let number, let revocation): sayRevoked(topics[number], revocation)
            case .sayGoodbye:
                Task {
                    await session.leave(patience: Client.farewell)
                    events.send(.left)
                }
            case .leave(let end):
                await session.leave(patience: Client.farewell)
                Streams.shared.settle()
                let code = try code(of: end)
                return .ended(Streams.shared.failure?.rawValue ?? complete(code))
            case .endAtOnce(let signal): exit(ExitCode.ended(by: signal))
            }
            return .done
        }
    }

    private func code(of end: SubscribeRun.End) throws(CommandFailure) -> Int32 {
        switch end {
        case .done: return ExitCode.ok.rawValue
        case .interrupted(let signal): return ExitCode.ended(by: signal)
        case .outputBroken: return ExitCode.brokenPipe.rawValue
        case .late: throw late
        case .sessionEnded(let end): throw CommandFailure(end)
        case .revoked:
            throw CommandFailure(
                .connectionLost, "the router took the subscription away",
                subject: topics.joined(separator: ", "))
        }
    }

    private var late: CommandFailure {
        let limit = Figures.duration(command.timeout ?? .zero)
        let wanted = max(1, command.count ?? 1)
        return CommandFailure(
            .timeout,
            wanted == 1
                ? "no event within \(limit)" : "\(count.count) of \(wanted) events within \(limit)",
            subject: topics.joined(separator: ", "))
    }

    /// What ends the command by the clock.
    private func startClocks(_ events: Events) -> [Task<Void, any Error>] {
        var clocks: [Task<Void, any Error>] = []
        let count = count
        if let timeout = command.timeout, timeout > .zero {
            clocks.append(
                Task {
                    try await Task.sleep(for: timeout)
                    events.send(.timeLimitReached(count: count.count))
                })
        }
        if let idle = command.idle, idle > .zero {
            count.begin()
            clocks.append(
                Task {
                    try await count.silence(of: idle)
                    events.send(.idleLimitReached)
                })
        }
        return clocks
    }

    /// The exit code, but not 0 where an event is missing in the output.
    private func complete(_ code: Int32) -> Int32 {
        code == ExitCode.ok.rawValue && count.unreadable > 0
            ? ExitCode.protocolFault.rawValue : code
    }

    private func sayRevoked(_ topic: String, _ revocation: Revocation) {
        guard !command.output.quiet else { return }
        let reason = revocation.reason.map { ": \(Terminal.sanitized($0))" } ?? ""
        Streams.shared.say("\(topic): the router took the subscription away\(reason)")
    }
}
