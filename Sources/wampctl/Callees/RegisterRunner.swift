// A running `register`: instances joined and registered, invocations served. RegisterRun decides
// about the end.

import Glibc
import NIOCore
import UnixSignals
import WAMP
import WAMPClient

struct RegisterRunner {
    private typealias Events = RunEvents<RegisterRun.Event>

    let command: RegisterCommand
    let context: CommandContext
    private let admission: InvocationCount

    /// How many bytes of lines may wait for a reader of stdout: calls are answered without one.
    private static let outputBound = 1 << 20

    init(command: RegisterCommand, context: CommandContext) {
        self.command = command
        self.context = context
        admission = InvocationCount(limit: command.count ?? 0)
    }

    private struct Instance: Sendable {
        let callee: Callee
        let session: Session
        let registration: Registration
    }

    func run() async throws(CommandFailure) -> Int32 {
        let client = try Client(
            command.connection, output: command.output, environment: context.environment)
        if command.readiness.detach {
            return try Detachment.run(command, readiness: command.readiness)
        }
        try Readiness.check(command.readiness)
        // Asked before any program is started from here, which must not take itself for one.
        _ = Detachment.isChild
        Streams.shared.dropOutput(beyond: Self.outputBound)
        let events = await Events(
            trapping: [.sigint, .sigterm, .sighup], beside: [.sigusr1],
            onSignal: { $0 == SIGUSR1 ? .figuresAsked : .signal($0) }, onBrokenOutput: .outputBroken
        )
        return try await events.run { () async throws(CommandFailure) in
            try await start(client, events)
        } then: { instances async throws(CommandFailure) in
            announce(instances)
            return try await serve(instances, events)
        }
    }

    // MARK: Start

    private var prefix: String { command.name.map { "\($0)-" } ?? "\(getpid())." }

    private func start(
        _ client: Client, _ events: Events
    ) async throws(CommandFailure) -> [Instance] {
        let behaviour = behaviour(for: client.serializer)
        let printer = printer
        var joined: [Session] = []
        do throws(CommandFailure) {
            let options = try command.options()
            let sessions = try await joinAll(client)
            joined = sessions.map { $0.1 }
            for (number, session) in sessions {
                Task { events.send(.sessionEnded(instance: number, await session.ended)) }
            }
            var instances: [Instance] = []
            for (number, session) in sessions {
                let callee = Callee(
                    number: number, name: "\(prefix)\(number)", behaviour: behaviour,
                    serializer: client.serializer
                ) { callee, event in
                    switch event {
                    case .idle: events.send(.idle(instance: callee.number))
                    case .answered(let invocation): printer?(callee, invocation, session.id)
                    }
                }
                let respond = responder(of: callee, events)
                let registration = try await register(
                    respond, options, in: session, number: number, events)
                instances.append(
                    Instance(callee: callee, session: session, registration: registration))
            }
            return instances
        } catch {
            for session in joined { await session.leave(patience: Client.farewell) }
            throw error
        }
    }

    /// Passes invocations to the callee, as many as `--count` allows to all of them.
    private func responder(
        of callee: Callee, _ events: Events
    ) -> @Sendable (InvocationRequest) -> Void {
        let admission = admission
        return { request in
            switch admission.admit(request) {
            case .taken: callee.received(request)
            case .takenAsLast:
                callee.received(request)
                events.send(.countReached)
            case .kept: break
            case .declined: request.fail(.unavailable)
            }
        }
    }

    private func behaviour(for serializer: Serializer) -> CalleeBehaviour {
        var behaviour = CalleeBehaviour()
        if let fixed = try? command.staticAnswer() {
            behaviour.answer = .fixed(
                Payload(args: fixed.args, kwargs: fixed.kwargs, as: serializer))
        } else if command.handler == .echo {
            behaviour.answer = .echo
        }
        behaviour.delay = command.delay ?? .zero ... .zero
        behaviour.failRate = command.failRate ?? 0
        behaviour.concurrency = command.concurrency ?? 0
        behaviour.queueLimit = command.queue ?? behaviour.queueLimit
        behaviour.hangRate = command.hangRate ?? 0
        behaviour.isProgressive = command.progress
        if let failError = command.failError { behaviour.failError = ErrorURI(failError) }
        return behaviour
    }

    /// Joins all instances at once, and returns them in their order.
    private func joinAll(_ client: Client) async throws(CommandFailure) -> [(Int, Session)] {
        let prefix = prefix
        let outcomes = await withTaskGroup(
            of: (Int, Swift.Result<Session, CommandFailure>).self
        ) { tasks in
            for number in 1...command.instanceCount {
                tasks.addTask {
                    do throws(CommandFailure) {
                        return (
                            number, .success(try await client.join(as: "\(prefix)\(number)"))
                        )
                    } catch {
                        return (number, .failure(error))
                    }
                }
            }
            return await tasks.reduce(into: []) { $0.append($1) }
        }
        var sessions: [(Int, Session)] = []
        for (number, outcome) in outcomes.sorted(by: { $0.0 < $1.0 }) {
            sessions.append((number, try outcome.get()))
        }
        return sessions
    }

    private func register(
        _ respond: @escaping @Sendable (InvocationRequest) -> Void, _ options: Value.Dictionary,
        in session: Session, number: Int, _ events: Events
    ) async throws(CommandFailure) -> Registration {
        do throws(ClientError) {
            return try await session.register(
                URI(command.uri), options: options,
                onRevoked: { events.send(.revoked(instance: number, $0)) }, respond: respond)
        } catch {
            var failure = CommandFailure(error, subject: command.uri, in: session)
            failure.hintAtReserved(command.uri)
            guard failure.code == .conflict else { throw failure }
            throw await explained(failure, through: session)
        }
    }

    /// Names the rule in force and who holds the procedure.
    private func explained(
        _ failure: CommandFailure, through session: Session
    ) async -> CommandFailure {
        let found = try? await RegistrationFacts.of(
            command.uri, as: command.matching, through: session)
        guard let facts = found else { return failure }
        let callees = facts.callees ?? []
        var failure = failure
        let rule = facts.rule ?? "single"
        let names = Self.names(of: callees.prefix(5))
        let others = max(0, callees.count - 5)
        failure.message =
            "already registered with the rule '\(rule)'"
            + (names.isEmpty ? "" : " by \(names.joined(separator: ", "))")
            + (others > 0 ? " and \(others) more" : "")
            + (command.askedRule.map { $0 == rule ? "" : "; '\($0)' was asked for" } ?? "")
        failure.hints = Hints.conflict(rule: rule, requested: command.rule)
        return failure
    }

    /// Each name once, with how many of the callees have it.
    private static func names(
        of callees: ArraySlice<(session: UInt64, name: String?)>
    ) -> [String] {
        var counts: [(name: String, count: Int)] = []
        for callee in callees {
            let name = callee.name ?? String(callee.session)
            if let index = counts.firstIndex(where: { $0.name == name }) {
                counts[index].count += 1
            } else {
                counts.append((name, 1))
            }
        }
        return counts.map { $0.count == 1 ? $0.name : "\($0.name) (\($0.count) sessions)" }
    }

    private func announce(_ instances: [Instance]) {
        if !command.output.quiet {
            let match = command.matching == .exact ? "" : "\(command.matching.rawValue), "
            Streams.shared.say(
                "registered \(command.uri) (\(match)\(command.rule), "
                    + "\(Figures.counted(instances.count, "instance")))")
        }
        Readiness.announce(
            [
                "pid": .int(Int64(getpid())), "procedure": .string(command.uri),
                "invoke": .string(command.rule),
                "instances": .list(
                    instances.map {
                        ["name": .string($0.callee.name), "session": Value($0.session.id)]
                    }),
            ], command.readiness)
    }

    /// Prints an answered invocation; nil if nobody would see it.
    private var printer: (@Sendable (Callee, Callee.Invocation, SessionID) -> Void)? {
        guard !Streams.shared.outputIsDiscarded else { return nil }
        let isJSON = command.output.format == .jsonl
        let isUTF8 = context.terminal.isUTF8, isColored = context.terminal.stdoutHasColor
        let procedure = command.uri
        return { callee, invocation, session in
            let values: (args: [Value], kwargs: Value.Dictionary)
            var result: (args: [Value], kwargs: Value.Dictionary)?
            do throws(Unprintable) {
                values = try invocation.request.payload.printable(asJSON: isJSON)
                // A record does not hold it.
                if !isJSON, invocation.error == nil {
                    result = try invocation.payload.printable(asJSON: false)
                }
            } catch {
                return Streams.shared.leaveOut(
                    "\(RegisterCommand.fullName): \(procedure): an invocation \(error.reason)")
            }
            let line = InvocationLine(
                instance: callee.number, name: callee.name, session: session.rawValue,
                count: invocation.count,
                procedure: invocation.request.procedure?.description ?? procedure,
                args: values.args, kwargs: values.kwargs,
                result: result, error: invocation.error, duration: invocation.duration, time: .now()
            )
            Streams.shared.append(
                isJSON
                    ? JSONText.text(.dictionary(line.record))
                    : line.text(isUTF8: isUTF8, isColored: isColored))
        }
    }

    // MARK: Serving

    private func serve(
        _ instances: [Instance], _ events: Events
    ) async throws(CommandFailure) -> Int32 {
        let run = RegisterRun(
            instances: Set(instances.map(\.callee.number)), hasGoal: (command.count ?? 0) > 0)
        return try await events.follow(run) { action async throws(CommandFailure) in
            switch action {
            case .sayFigures: sayFigures(instances)
            case .sayEnded(let number, let end):
                say(of: number, Terminal.sanitized(CommandFailure(end).sentence), instances)
            case .sayRevoked(let number, let revocation):
                let reason = revocation.reason.map { ": \(Terminal.sanitized($0))" } ?? ""
                say(of: number, "the router took the registration away\(reason)", instances)
            case .awaitLosses: awaitLosses(events)
            case .drain: drain(instances, events)
            case .askWhoServes:
                let serving = instances.map(\.callee).filter { !$0.isIdle }.map(\.number)
                return .heard(.serving(instances: Set(serving)))
            case .leave(let end):
                await leave(instances)
                return .ended(try code(of: end))
            case .endAtOnce(let signal): exit(ExitCode.ended(by: signal))
            }
            return .done
        }
    }

    private func code(of end: RegisterRun.End) throws(CommandFailure) -> Int32 {
        switch end {
        case .done: return ExitCode.ok.rawValue
        case .interrupted(let signal): return ExitCode.ended(by: signal)
        case .outputBroken: return (Streams.shared.failure ?? .brokenPipe).rawValue
        case .sessionEnded(let end): throw CommandFailure(end)
        case .revoked:
            throw CommandFailure(
                .connectionLost, "the router took the registration away", subject: command.uri)
        }
    }

    private func drain(_ instances: [Instance], _ events: Events) {
        Task {
            // Behind what the loop is taking in at the moment, so that it is counted too.
            try? await instances.last?.session.eventLoop.submit {}.get()
            sayDraining(instances)
            await unregisterAll(instances)
            // Another callee of the registration may serve them.
            for request in admission.end() { request.fail(.unavailable) }
            events.send(.unregistered)
        }
        // Not behind the router's answers: it may not give any.
        Task {
            try await Task.sleep(for: command.drainTimeout ?? .seconds(10))
            events.send(.drainExpired)
        }
    }

    private func unregisterAll(_ instances: [Instance]) async {
        await withTaskGroup(of: Void.self) { tasks in
            for instance in instances {
                tasks.addTask { try? await instance.session.unregister(instance.registration) }
            }
        }
    }

    /// An end that only one instance has leaves the others at work. Where the connection to the
    /// router breaks, or the router ends, all learn of it within moments.
    private func awaitLosses(_ events: Events) {
        Task {
            try await Task.sleep(for: .milliseconds(100))
            events.send(.lossesSettled)
        }
    }

    private func leave(_ instances: [Instance]) async {
        await withTaskGroup(of: Void.self) { tasks in
            for instance in instances {
                tasks.addTask { await instance.session.leave(patience: Client.farewell) }
            }
        }
        sayFigures(instances)
    }

    private func sayDraining(_ instances: [Instance]) {
        let outstanding = instances.reduce(0) { $0 + $1.callee.outstanding }
        guard outstanding > 0, !command.output.quiet, Streams.shared.failure == nil else { return }
        Streams.shared.say(Figures.stopping(outstanding, "invocation"))
    }

    private func say(of number: Int, _ sentence: String, _ instances: [Instance]) {
        guard !command.output.quiet else { return }
        let name = instances.first { $0.callee.number == number }?.callee.name ?? "\(number)"
        Streams.shared.say("\(name)  \(sentence)")
    }

    private func sayFigures(_ instances: [Instance]) {
        Streams.shared.settle()
        guard !command.output.quiet, Streams.shared.failure == nil else { return }
        for instance in instances {
            let figures = instance.callee.figures
            Streams.shared.say(
                "\(instance.callee.name)  \(Figures.counted(figures.invocations, "invocation")), "
                    + "\(Figures.counted(figures.errors, "error")), "
                    + "mean \(Figures.short(figures.meanMilliseconds)) ms")
        }
    }
}
