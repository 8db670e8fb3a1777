// A running `subscribe`: joined and subscribed, events printed, and the end.

import Glibc
import UnixSignals
import WAMP
import WAMPClient

struct SubscribeRun {
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
        let events = await RunEvents(trapping: [.sigint, .sigterm, .sighup])
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
        _ client: Client, _ options: Value.Dictionary, _ events: RunEvents
    ) async throws(CommandFailure) -> Session {
        let session = try await client.join()
        Task { events.send(.sessionEnded(0, await session.ended)) }
        let format = command.output.format, isColored = context.terminal.stdoutHasColor
        let count = count
        for (number, topic) in topics.enumerated() {
            do throws(ClientError) {
                _ = try await session.subscribe(
                    URI(topic), options: options,
                    onRevoked: { events.send(.revoked(number, $0)) }
                ) { event in
                    guard let line = line(of: event, topic) else { return }
                    let admission = count.admit()
                    guard admission != .declined else { return }
                    line.print(as: format, isColored: isColored)
                    events.send(admission == .takenAsLast ? .countReached : .tick)
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
        do throws(ProtocolViolation) {
            return try EventLine(event, topic: topic)
        } catch {
            count.addUnreadable()
            Streams.shared.say(
                CommandFailure(
                    .protocolFault, "an event cannot be shown: \(error)", subject: topic
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
        _ session: Session, _ events: RunEvents
    ) async throws(CommandFailure) -> Int32 {
        let clocks = startClocks(events)
        defer { clocks.forEach { $0.cancel() } }
        var stoppedBy: Int32?
        var code = ExitCode.ok.rawValue
        var revoked: Set<Int> = []
        for await event in events.stream {
            switch event {
            case .countReached, .idle: return await leave(session, ExitCode.ok.rawValue)
            case .durationOver:
                guard count.count < max(1, command.count ?? 1) else { continue }
                _ = await leave(session, ExitCode.timeout.rawValue)
                throw late
            case .signal(let signal):
                if stoppedBy != nil { exit(ExitCode.ended(by: signal)) }
                stoppedBy = signal
                let isUnfinished = (command.count ?? 0) > 0
                code = isUnfinished ? ExitCode.ended(by: signal) : ExitCode.ok.rawValue
                Task {
                    await session.leave(patience: Client.farewell)
                    events.send(.finished)
                }
            case .finished:
                Streams.shared.settle()
                return Streams.shared.failure?.rawValue ?? complete(code)
            case .outputBroken:
                return await leave(session, (Streams.shared.failure ?? .brokenPipe).rawValue)
            case .revoked(let number, let revocation):
                sayRevoked(topics[number], revocation)
                revoked.insert(number)
                guard revoked.count == topics.count else { continue }
                _ = await leave(session, ExitCode.connectionLost.rawValue)
                throw CommandFailure(
                    .connectionLost, "the router took the subscription away",
                    subject: topics.joined(separator: ", "))
            case .sessionEnded(_, let end) where stoppedBy == nil:
                Streams.shared.settle()
                throw CommandFailure(end)
            default: continue
            }
        }
        return ExitCode.failure.rawValue
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
    private func startClocks(_ events: RunEvents) -> [Task<Void, any Error>] {
        var clocks: [Task<Void, any Error>] = []
        let count = count
        if let timeout = command.timeout, timeout > .zero {
            clocks.append(
                Task {
                    try await Task.sleep(for: timeout)
                    events.send(.durationOver)
                })
        }
        if let idle = command.idle, idle > .zero {
            count.begin()
            clocks.append(
                Task {
                    try await count.silence(of: idle)
                    events.send(.idle)
                })
        }
        return clocks
    }

    private func leave(_ session: Session, _ code: Int32) async -> Int32 {
        await session.leave(patience: Client.farewell)
        Streams.shared.settle()
        return (Streams.shared.failure.map(\.rawValue)) ?? complete(code)
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
