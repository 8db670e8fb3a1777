// A running router: from options to listeners, readiness, a command to serve, and the end.

import Glibc
import Logging
import NIOCore
import UnixSignals
import WAMP
import WAMPServer
import WAMPTransport

struct RouterRun {
    let command: RouterCommand
    let context: CommandContext
    let plan: RouterPlan
    private let log: LogTarget
    private let logger: Logger

    /// How long sessions may finish when the command that the router served has ended.
    private static let farewell = Duration.milliseconds(500)

    private enum Event {
        case signal(Int32)
        /// The reader of stdout went away.
        case outputBroken
        /// All sessions have ended, or the time for that is over.
        case drained
        /// The command that the router serves has ended, with this exit code.
        case childEnded(Int32)
    }

    init(command: RouterCommand, context: CommandContext, plan: RouterPlan) {
        self.command = command
        self.context = context
        self.plan = plan
        let isJSON = plan.log.isJSON(for: command)
        let log = LogTarget(
            isJSON: isJSON, isColored: context.terminal.stderrHasColor && plan.log.file == nil)
        self.log = log
        logger = Logger(label: "wampctl.router") { _ in LogLines(target: log) }
        log.level = plan.log.level(for: command)
        Streams.shared.serve { LogLines.missing($0, isJSON: isJSON) }
    }

    func run() async throws(CommandFailure) -> Int32 {
        defer { log.flush() }
        if command.readiness.detach {
            guard !command.printPort, !command.printURL else {
                throw CommandFailure(
                    .usage, "--detach prints the PID; for the port use --port-file or --ready-fd")
            }
            return try Detachment.run(command, readiness: command.readiness)
        }
        try Readiness.check(command.readiness)
        if let file = plan.log.file, !log.open(file) {
            throw CommandFailure(.failure, "cannot write to '\(file)': \(File.reason())")
        }
        // Asked before any program is started from here, which must not take itself for one.
        _ = Detachment.isChild
        // The first process of a container inherits the orphans of others, and starts none itself.
        if getpid() == 1, command.command.isEmpty { signal(SIGCHLD, SIG_IGN) }
        let events = await RunEvents<Event>(
            trapping: [.sigint, .sigterm], beside: [.sighup, .sigusr1],
            onSignal: { .signal($0) }, onBrokenOutput: .outputBroken)
        for warning in plan.warnings { logger.warning("\(warning.logged)") }
        let pidFile = plan.pidFile.map(PIDFile.init)
        try pidFile?.check()
        // One loop beside the router's own is enough.
        NIOSingletons.groupLoopCountSuggestion = 1
        let server = RouterServer(configuration: plan.configuration, logger: logger)
        let listeners = try await start(server)
        defer { pidFile?.remove() }
        try announce(listeners, pidFile)
        let code: Int32
        if command.command.isEmpty {
            code = await serve(server, events)
        } else {
            code = try await serve(server, events, to: command.command, at: listeners)
        }
        return Streams.shared.failure?.rawValue ?? code
    }

    // MARK: Start

    /// Tells people what the log tells: on stderr as `text`, or as an object where stderr is for
    /// programs. A log that goes to stderr has it there.
    private func say(
        _ text: String, _ message: String, _ metadata: Logger.Metadata,
        level: Logger.Level = .info
    ) {
        if log.isFile { logger.log(level: level, "\(message)", metadata: metadata) }
        guard !command.output.quiet else { return }
        Streams.shared.say(
            log.isJSON
                ? LogLines.line(level, message, metadata, at: .now(), isJSON: true) : text)
    }

    private func start(_ server: RouterServer) async throws(CommandFailure) -> [Endpoint] {
        do {
            return try await server.start()
        } catch let error as ServerError {
            guard case .addressInUse(let address) = error else {
                throw CommandFailure(error.isWrongOption ? .usage : .failure, "\(error)")
            }
            let isRouter = await RouterProbe.answers(at: address)
            throw CommandFailure(
                .conflict,
                isRouter
                    ? "\(address) is already in use, by a WAMP router" : "\(error)",
                hints: address.hasPrefix("unix:") ? [] : ["another port: \(anywhere)"])
        } catch {
            throw CommandFailure(.failure, "cannot start: \(error)")
        }
    }

    /// The line that finds a free port.
    private var anywhere: String {
        guard let program = command.command.first else {
            return "wampctl router --port 0 --print-url"
        }
        let isLonger = command.command.count > 1
        return "wampctl router --port 0 -- \(program)\(isLonger ? " ..." : "")"
    }

    // MARK: Readiness

    private func announce(
        _ listeners: [Endpoint], _ pidFile: PIDFile?
    ) throws(CommandFailure) {
        let port = listeners.lazy.compactMap(\.port).first
        if let file = command.portFile, !File.replace(file, with: "\(port ?? 0)\n") {
            throw CommandFailure(.failure, "cannot write '\(file)': \(File.reason())")
        }
        try pidFile?.write()
        sayStart(listeners)
        if command.printPort { Streams.shared.append("\(port ?? 0)") }
        if command.printURL { Streams.shared.append(listeners.first?.description ?? "") }
        Streams.shared.settle()
        let urls = listeners.urls
        Readiness.announce(
            [
                "pid": .int(Int64(getpid())),
                "listeners": .list(urls.map { ["url": .string($0)] }),
                "realms": .list(realms.map { .string($0) }),
            ], command.readiness)
    }

    private var realms: [String] { plan.realms.map(\.name) }

    private func sayStart(_ listeners: [Endpoint]) {
        let isServing = command.command.isEmpty && !Detachment.isChild
        let urls = listeners.urls
        let facts: Logger.Metadata = [
            "version": "\(Wampctl.version)", "realms": .array(realms.map { "\($0)" }),
            "urls": .array(urls.map { "\($0)" }),
        ]
        if command.command.isEmpty {
            say(
                """
                wampctl \(Wampctl.version) router, \
                \(realms.count == 1 ? "realm" : "realms") \(realms.joined(separator: ", "))
                  \(urls.joined(separator: "   "))
                  anonymous access: \(plan.isAnonymous ? "on " : "off")    meta API: on\(isServing ? "          press Ctrl-C to stop" : "")
                """, "listening", facts)
        } else if log.isFile {
            logger.info("listening", metadata: facts)
        }
        for listener in listeners where !listener.isLoopback && plan.isAnonymous {
            let danger = RouterPlan.danger(of: listener)
            say(
                "warning: \(listener) \(danger)", "a listener \(danger)",
                ["url": "\(listener)"], level: .warning)
        }
    }

    // MARK: Serving

    private func serve(_ server: RouterServer, _ events: RunEvents<Event>) async -> Int32 {
        var isDraining = false
        var drainTimeout = plan.drainTimeout
        for await event in events.stream {
            switch event {
            case .signal(SIGHUP): drainTimeout = reload(server) ?? drainTimeout
            case .signal(SIGUSR1):
                logger.notice(
                    "statistics", metadata: ["pending_calls": "\(server.pendingCallCount)"])
            case .outputBroken where !isDraining:
                await server.drain(timeout: Self.farewell)
                return Streams.shared.failure?.rawValue ?? ExitCode.brokenPipe.rawValue
            case .signal(let signal):
                // The second one does not wait for anything.
                if isDraining { return ExitCode.ended(by: signal) }
                isDraining = true
                sayDraining(server.pendingCallCount)
                Task { [drainTimeout] in
                    await server.drain(timeout: drainTimeout)
                    events.send(.drained)
                }
            case .drained: return ExitCode.ok.rawValue
            case .outputBroken, .childEnded: continue
            }
        }
        return ExitCode.ok.rawValue
    }

    /// Opens the log anew and reads the configuration again. One with an error changes nothing.
    /// - Returns: the time that a drain may take from now on.
    private func reload(_ server: RouterServer) -> Duration? {
        log.reopen()
        guard let file = command.config else {
            reloadTLS(server)
            return nil
        }
        do throws(PlanFailure) {
            let new = try RouterPlan(for: command)
            let notes = try reload(server, with: new)
            log.level = new.log.level(for: command)
            if new.log.file != plan.log.file { logger.notice("log.file changes with a restart") }
            for warning in new.warnings { logger.warning("\(warning.logged)") }
            for note in notes { logger.notice("\(note)") }
            logger.notice("configuration reloaded", metadata: ["file": "\(file)"])
            return new.drainTimeout
        } catch {
            for problem in error.problems { logger.error("\(problem)") }
            logger.error(
                "configuration not reloaded, the one in force stays",
                metadata: ["cause": "\(error.failure(listed: true).message)"])
            return nil
        }
    }

    /// Without a configuration file only the files of TLS can have changed.
    private func reloadTLS(_ server: RouterServer) {
        guard plan.tls != nil else {
            logger.notice("SIGHUP: there is no configuration file to reload")
            return
        }
        do throws(ServerError) {
            try server.reloadTLS()
            logger.notice("certificate and key read again")
        } catch {
            logger.error(
                "certificate and key not read again, those in force stay",
                metadata: ["cause": "\(error)"])
        }
    }

    private func reload(
        _ server: RouterServer, with plan: RouterPlan
    ) throws(PlanFailure) -> [String] {
        do throws(ServerError) {
            var configuration = plan.configuration
            // The listeners stay: what was open to the network still is.
            if !self.plan.isLocal { configuration.forbidKilling() }
            return try server.reload(configuration)
        } catch {
            throw PlanFailure(CommandFailure(.usage, error.description))
        }
    }

    private func sayDraining(_ outstanding: Int) {
        say(
            Figures.stopping(outstanding, "call"), "stopping", ["pending_calls": "\(outstanding)"])
    }

    /// Runs a command against the router and ends with it.
    private func serve(
        _ server: RouterServer, _ events: RunEvents<Event>, to words: [String],
        at listeners: [Endpoint]
    ) async throws(CommandFailure) -> Int32 {
        var environment = ProgramEnvironment.inherited
        environment["WAMPCTL_URL"] = listeners.first?.connectable.description
        environment["WAMPCTL_REALM"] = realms.first
        // A context would lead away from this router.
        environment["WAMPCTL_CONTEXT"] = nil
        let child: ChildProcess
        do throws(SpawnError) {
            child = try ChildProcess(
                words[0], arguments: ProgramWords.own.last(words.count - 1),
                environment: environment)
        } catch {
            await server.stop()
            let what = error.exitCode == .commandNotFound ? "not found" : "cannot be run"
            throw CommandFailure(
                error.exitCode, "'\(words[0])' \(what): \(File.reason(error.code))")
        }
        child.whenEnded(reapsOrphans: true) { events.send(.childEnded($0)) }
        for await event in events.stream {
            switch event {
            case .signal(let signal):
                // The terminal has sent Ctrl-C to the command as well.
                if signal == SIGINT, tcgetpgrp(STDIN_FILENO) == getpgrp() { continue }
                kill(child.id, signal)
            case .childEnded(let code):
                if log.isFile { logger.info("stopping", metadata: ["exit_code": "\(code)"]) }
                await server.drain(timeout: Self.farewell)
                return code
            case .outputBroken, .drained: continue
            }
        }
        return ExitCode.failure.rawValue
    }
}

extension ServerError {
    /// Whether no other state of the machine could help: the line itself must change.
    fileprivate var isWrongOption: Bool {
        switch self {
        case .notSupported, .contradiction, .unknownHost, .tls: true
        case .addressInUse, .cannotListen: false
        }
    }
}

extension [Endpoint] {
    /// The ways to reach them. Those that share a port share some.
    fileprivate var urls: [String] {
        flatMap(\.urls).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
}

extension Endpoint {
    fileprivate var port: Int? { if case .tcp(_, let port) = address { port } else { nil } }

    /// The ways to reach a listener: a TCP port speaks WebSocket and RawSocket alike.
    fileprivate var urls: [String] {
        switch address {
        case .unix: return [description]
        case .tcp(let host, let port):
            let authority = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            let webSocket = isSecure ? "wss" : "ws"
            let rawSocket = isSecure ? "tls" : "tcp"
            return [
                "\(webSocket)://\(authority)\(path == "/" ? "/ws" : path)",
                "\(rawSocket)://\(authority)",
            ]
        }
    }

    /// The endpoint for a client on this machine: an address that stands for all is none to connect
    /// to.
    fileprivate var connectable: Endpoint {
        guard case .tcp(let host, _) = address, host == "0.0.0.0" || host == "::" else {
            return self
        }
        let local = description.replacing("0.0.0.0", with: "127.0.0.1")
            .replacing("[::]", with: "[::1]")
        return (try? Endpoint(local)) ?? self
    }
}
