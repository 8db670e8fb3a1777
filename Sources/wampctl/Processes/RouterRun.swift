// A running router: from options to listeners, readiness, a command to serve, and the end.

import Glibc
import Logging
import UnixSignals
import WAMP
import WAMPServer
import WAMPTransport

struct RouterRun {
    let command: RouterCommand
    let context: CommandContext

    /// How long sessions may finish when the command that the router served has ended.
    private static let farewell = Duration.milliseconds(500)

    func run() async throws(CommandFailure) -> Int32 {
        let configuration = try configuration()
        if command.readiness.detach {
            guard !command.printPort, !command.printURL else {
                throw CommandFailure(
                    .usage, "--detach prints the PID; for the port use --port-file or --ready-fd")
            }
            return try Detachment.run(command, readiness: command.readiness)
        }
        try Readiness.check(command.readiness)
        // Asked before any program is started from here, which must not take itself for one.
        _ = Detachment.isChild
        let events = await RunEvents(trapping: [.sigint, .sigterm, .sighup, .sigusr1])
        let server = RouterServer(configuration: configuration, logger: logger)
        let listeners = try await start(server)
        try announce(listeners)
        let code: Int32
        if command.command.isEmpty {
            code = await serve(server, events)
        } else {
            code = try await serve(server, events, to: command.command, at: listeners)
        }
        return Streams.shared.failure?.rawValue ?? code
    }

    // MARK: Start

    private func configuration() throws(CommandFailure) -> Configuration {
        var endpoints: [Endpoint] = []
        for url in command.listen { endpoints.append(try Endpoint.written(url)) }
        if endpoints.isEmpty {
            let host = command.host ?? "127.0.0.1"
            let bracketed = host.contains(":") ? "[\(host)]" : host
            let scheme = command.tlsCert == nil ? "ws" : "wss"
            endpoints = [
                try Endpoint.written("\(scheme)://\(bracketed):\(command.port ?? 8080)/ws")
            ]
        }
        var configuration = Configuration(listeners: endpoints, realms: realms)
        if let certificate = command.tlsCert, let key = command.tlsKey {
            configuration.tls = ServerTLS(certificate: certificate, key: key)
        }
        if let size = command.maxMessage { configuration.maxMessageBytes = size }
        if let size = command.outboundQueue { configuration.outboundQueueBytes = size }
        if let keepalive = command.keepalive { configuration.keepalive = keepalive }
        if case .exactly(let count) = command.threads { configuration.threads = count }
        configuration.seed = command.seed
        if command.noAnonymous {
            for index in configuration.realms.indices {
                configuration.realms[index].allowsAnonymous = false
            }
        }
        return configuration
    }

    private var logger: Logger {
        let isJSON = saysJSON, isColored = context.terminal.stderrHasColor
        var logger = Logger(label: "wampctl.router") { _ in
            LogLines(logLevel: .info, isJSON: isJSON, isColored: isColored)
        }
        let fallback: RouterCommand.LogLevel =
            !command.command.isEmpty || command.output.quiet
            ? .warning : command.output.verbose > 0 ? .debug : .info
        logger.logLevel = Logger.Level(rawValue: (command.logLevel ?? fallback).rawValue) ?? .info
        return logger
    }

    /// Whether stderr is for programs: as `--log-format` says, else as `--output`.
    private var saysJSON: Bool {
        command.logFormat.map { $0 == .json } ?? (command.output.format != .text)
    }

    /// Says something on stderr beside the log: to people as `text`, to programs as the log does.
    private func say(
        _ text: String, _ message: String, _ metadata: Logger.Metadata,
        level: Logger.Level = .info
    ) {
        Streams.shared.say(
            saysJSON
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

    private func announce(_ listeners: [Endpoint]) throws(CommandFailure) {
        let port = listeners.lazy.compactMap(\.port).first
        if let file = command.portFile, !File.replace(file, with: "\(port ?? 0)\n") {
            throw CommandFailure(.failure, "cannot write '\(file)': \(File.reason())")
        }
        if !command.output.quiet { sayStart(listeners) }
        if command.printPort { Streams.shared.print("\(port ?? 0)") }
        if command.printURL { Streams.shared.print(listeners.first?.description ?? "") }
        let urls = listeners.flatMap(\.urls)
        Readiness.announce(
            [
                "pid": .int(Int64(getpid())),
                "listeners": .list(urls.map { ["url": .string($0)] }),
                "realms": .list(realms.map { .string($0) }),
            ], command.readiness)
    }

    private var realms: [String] { command.realm.isEmpty ? ["realm1"] : command.realm }

    private func sayStart(_ listeners: [Endpoint]) {
        let isServing = command.command.isEmpty && !Detachment.isChild
        if command.command.isEmpty {
            let urls = listeners.flatMap(\.urls)
            say(
                """
                wampctl \(Wampctl.version) router, \
                \(realms.count == 1 ? "realm" : "realms") \(realms.joined(separator: ", "))
                  \(urls.joined(separator: "   "))
                  anonymous access: \(command.noAnonymous ? "off" : "on ")    meta API: on\(isServing ? "          press Ctrl-C to stop" : "")
                """, "listening",
                [
                    "version": "\(Wampctl.version)", "realms": "\(realms.joined(separator: " "))",
                    "urls": "\(urls.joined(separator: " "))",
                ])
        }
        for listener in listeners where !listener.isLoopback && !command.noAnonymous {
            let missing = listener.isSecure ? "authentication" : "TLS and authentication"
            let danger = "is open to the network, without \(missing)"
            say(
                "warning: \(listener) \(danger)", "a listener \(danger)",
                ["url": "\(listener)"], level: .warning)
        }
    }

    // MARK: Serving

    private func serve(_ server: RouterServer, _ events: RunEvents) async -> Int32 {
        var isDraining = false
        for await event in events.stream {
            switch event {
            case .signal(SIGHUP): logger.notice("SIGHUP: there is no configuration file to reload")
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
                Task {
                    await server.drain(timeout: command.drainTimeout ?? .seconds(10))
                    events.send(.finished)
                }
            case .finished: return ExitCode.ok.rawValue
            default: continue
            }
        }
        return ExitCode.ok.rawValue
    }

    private func sayDraining(_ outstanding: Int) {
        guard !command.output.quiet else { return }
        say(
            Figures.stopping(outstanding, "call"), "stopping", ["pending_calls": "\(outstanding)"])
    }

    /// Runs a command against the router and ends with it.
    private func serve(
        _ server: RouterServer, _ events: RunEvents, to words: [String], at listeners: [Endpoint]
    ) async throws(CommandFailure) -> Int32 {
        var environment = ChildProcess.inheritedEnvironment()
        environment["WAMPCTL_URL"] = listeners.first?.connectable.description
        environment["WAMPCTL_REALM"] = realms.first
        // A context would lead away from this router.
        environment["WAMPCTL_CONTEXT"] = nil
        let child: ChildProcess
        do throws(SpawnError) {
            child = try ChildProcess(
                words[0], arguments: Array(words.dropFirst()), environment: environment)
        } catch {
            await server.stop()
            let what = error.exitCode == .commandNotFound ? "not found" : "cannot be run"
            throw CommandFailure(
                error.exitCode, "'\(words[0])' \(what): \(File.reason(error.code))")
        }
        child.whenEnded { events.send(.childEnded($0)) }
        for await event in events.stream {
            switch event {
            case .signal(let signal):
                // The terminal has sent Ctrl-C to the command as well.
                if signal == SIGINT, tcgetpgrp(STDIN_FILENO) == getpgrp() { continue }
                kill(child.id, signal)
            case .childEnded(let code):
                await server.drain(timeout: Self.farewell)
                return code
            default: continue
            }
        }
        return ExitCode.failure.rawValue
    }
}

extension ServerError {
    /// Whether no other state of the machine could help: the line itself must change.
    fileprivate var isWrongOption: Bool {
        switch self {
        case .notSupported, .unknownHost, .tls: true
        case .addressInUse, .cannotListen: false
        }
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

    fileprivate var isLoopback: Bool {
        switch address {
        case .unix: true
        case .tcp(let host, _): host == "localhost" || host == "::1" || host.hasPrefix("127.")
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
