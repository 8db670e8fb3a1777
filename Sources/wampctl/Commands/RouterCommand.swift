// `wampctl router`: its options. RouterRun does the work.

import ArgumentParser
import WAMP

struct RouterCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "router", abstract: page.summary, usage: page.usage[0],
        discussion: page.discussion)

    static let page = HelpPage(
        summary: "Start a WAMP router.",
        description: [
            "The router takes sessions into its realms, routes calls from callers to callees and "
                + "events from publishers to subscribers. One port speaks WebSocket and RawSocket, "
                + "with JSON, MessagePack and CBOR; a payload is translated where the two ends of "
                + "a call use different serializers.",
            "A payload arrives as it was sent, or not at all. In JSON, keys that are integers or "
                + "bools become their text; an extension of MessagePack becomes binary, and tags "
                + "of CBOR, but for bignums, are dropped. What the receiver's serializer cannot "
                + "hold (in JSON NaN, infinities, other keys and two keys that become the same; in "
                + "MessagePack integers beyond 64 bits), or what is broken inside an intact "
                + "message, costs that message and no session: a call ends with "
                + "wamp.error.invalid_payload and a sentence that names the place; an event does "
                + "not reach that subscriber, and wampctl.router.stats counts it as "
                + "events_undeliverable; wamp.subscription.get_events has an error in its place.",
            "Several callees may share a procedure under one of the rules roundrobin, random, "
                + "first and last; the first registration sets the rule, and another rule is "
                + "refused. A callee that leaves is out of the choice at once. A call that its "
                + "callee answers with wamp.error.unavailable goes to another one.",
            "With a command behind -- the router serves that command: it listens, runs it with "
                + "WAMPCTL_URL and WAMPCTL_REALM set, and ends with it and its exit code. That, "
                + "with --port 0 for a free port, is the way to test programs against a router of "
                + "their own.",
            "Without a configuration file whoever reaches the port may do everything. The router "
                + "therefore listens on the loopback address unless told otherwise. --config names "
                + "a YAML file with realms, users, roles and limits, described in "
                + "wampctl-router.yaml(5); options and the environment win over it.",
        ],
        usage: ["wampctl router [options] [-- COMMAND ARG…]"],
        examples: [
            "wampctl router",
            "wampctl router --port 0 --print-url",
            "wampctl router --listen unix:///tmp/wamp.sock --realm com.example.main --detach",
            "wampctl router --config router.yaml --check",
            "wampctl router -p 0 -- sh -c 'wampctl register my.test --detach && "
                + "wampctl call my.test'",
        ],
        notes: [
            .init(
                title: "OUTPUT FORMATS",
                lines: [
                    "stdout has what --print-port, --print-url and --detach ask for, a line each, and",
                    "nothing else in any format. stderr has the log and what is said beside it: lines of",
                    "text, or objects with time, level and message under --log-format json or -o json.",
                    HelpPage.Note.errors, HelpPage.Note.errorObject,
                ]),
            .init(
                title: "SIGNALS",
                lines: [
                    "The first SIGINT or SIGTERM lets running calls finish and ends with 0; the second",
                    "ends at once. SIGUSR1 writes statistics to the log. SIGHUP opens the log file anew",
                    "and reads the configuration file again: realms are added, users, permissions, TLS",
                    "files, log level and limits change, sessions stay; a file with an error changes",
                    "nothing. Without such a file, the TLS files are read again. With a command, signals",
                    "are passed on to it.",
                ]), .quantities,
        ],
        environment: EnvironmentVariable.table(variables) + OutputOptions.colors,
        exitCodes: [
            .ok, .failure, .usage, .conflict, .cannotRun, .commandNotFound, .interrupted,
            .brokenPipe, .terminated,
        ],
        seeAlso: "wampctl register, wampctl call, wampctl keygen, wampctl-router.yaml(5), "
            + "wampctl help exit-codes")

    static let variables =
        [
            EnvironmentVariable(
                name: "WAMPCTL_REALM", option: "--realm", letter: "-r", isRepeatable: true),
            EnvironmentVariable(name: "WAMPCTL_LOG_LEVEL", option: "--log-level"),
            EnvironmentVariable(name: "WAMPCTL_LOG_FORMAT", option: "--log-format"),
            EnvironmentVariable(name: "WAMPCTL_THREADS", option: "--threads"),
        ] + OutputOptions.variables
        + EnvironmentVariable.named(
            after: [
                "--config", "--port", "--host", "--tls-cert", "--tls-key", "--max-message",
                "--outbound-queue", "--keepalive",
                "--drain-timeout", "--seed", "--pid-file", "--log-file",
            ], of: "router")
        + EnvironmentVariable.named(
            after: ["--auto-realms", "--no-anonymous", "--no-disclose-callee"], of: "router",
            kind: .flag)

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Configuration in YAML; options on the line win.", valueName: "file"))
    var config: String?

    @Flag(name: .long, help: "Only say whether the configuration is right: exit 0 or 2.")
    var check = false

    @Flag(
        name: .customLong("print-config"),
        help: "Only print the configuration in force as YAML, without secrets.")
    var printConfig = false

    @Option(
        name: [.customShort("p", allowingJoined: true), .long],
        help: ArgumentHelp("Port; 0 = chosen by the system (default: 8080).", valueName: "n"),
        transform: Self.port)
    var port: Int?

    @Option(
        name: .long,
        help: ArgumentHelp("Address to bind (default: 127.0.0.1).", valueName: "addr"))
    var host: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Listen here instead of host and port: ws://, tcp://, wss://, tls:// (both with TLS) "
                + "or unix://PATH; repeatable.",
            valueName: "url"))
    var listen: [String] = []

    @Option(
        name: [.customShort("r", allowingJoined: true), .long],
        help: ArgumentHelp("Realm; repeatable (default: realm1).", valueName: "uri"))
    var realm: [String] = []

    @Flag(name: .customLong("auto-realms"), help: "Create any realm that a client asks for.")
    var autoRealms = false

    @Flag(name: .customLong("no-anonymous"), help: "Let nobody in without credentials.")
    var noAnonymous = false

    @Flag(
        name: .customLong("no-disclose-callee"),
        help: "Do not tell callers which callee answered.")
    var noDiscloseCallee = false

    @Option(
        name: .customLong("tls-cert"),
        help: ArgumentHelp(
            "Certificate and its chain, PEM: --port speaks TLS, and so do wss:// and tls://.",
            valueName: "file"))
    var tlsCert: String?

    @Option(
        name: .customLong("tls-key"),
        help: ArgumentHelp("Private key of the certificate, PEM.", valueName: "file"))
    var tlsKey: String?

    @Option(
        name: .customLong("max-message"),
        help: ArgumentHelp("Longest message accepted (default: 16m).", valueName: "size"),
        transform: Notation.size)
    var maxMessage: Int?

    @Option(
        name: .customLong("outbound-queue"),
        help: ArgumentHelp(
            "Bytes that may wait for one session (default: 16m).", valueName: "size"),
        transform: Notation.size)
    var outboundQueue: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Ping a client after so much silence; 0 = off (default: 10s).", valueName: "d"),
        transform: Notation.duration)
    var keepalive: Duration?

    @Option(
        name: .customLong("log-level"),
        help: ArgumentHelp(
            "error, warning, notice, info, debug or trace (default: info).", valueName: "level"),
        transform: Self.logLevel)
    var logLevel: LogLevel?

    @Option(
        name: .customLong("log-format"),
        help: ArgumentHelp(
            "text or json, on stderr (default: text; json with -o json).", valueName: "format"),
        transform: Self.logFormat)
    var logFormat: LogFormat?

    @Option(
        name: .customLong("log-file"),
        help: ArgumentHelp(
            "Log to a file instead of stderr; opened anew on SIGHUP.", valueName: "file"))
    var logFile: String?

    @Option(
        name: .customLong("drain-timeout"),
        help: ArgumentHelp("How long running calls may finish (default: 10s).", valueName: "d"),
        transform: Notation.duration)
    var drainTimeout: Duration?

    @Option(
        name: .long,
        help: ArgumentHelp("Seed of the random rule, to repeat a run exactly.", valueName: "n"),
        transform: Self.seed)
    var seed: UInt64?

    @Option(
        name: .long,
        help: ArgumentHelp("Event loops: a number, or auto (default: auto).", valueName: "n"),
        transform: Self.threads)
    var threads: ThreadCount?

    @OptionGroup(title: "Readiness")
    var readiness: ReadinessOptions

    @Flag(name: .customLong("print-port"), help: "When listening: the port on stdout.")
    var printPort = false

    @Flag(name: .customLong("print-url"), help: "When listening: the URL on stdout.")
    var printURL = false

    @Option(
        name: .customLong("port-file"),
        help: ArgumentHelp("When listening: write the port to a file.", valueName: "file"))
    var portFile: String?

    @Option(
        name: .customLong("pid-file"),
        help: ArgumentHelp("When listening: write the PID to a file.", valueName: "file"))
    var pidFile: String?

    @OptionGroup(title: "Output")
    var output: OutputOptions

    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp(
            "Run this command with WAMPCTL_URL and WAMPCTL_REALM set, and end with it.",
            valueName: "command"))
    var command: [String] = []

    func validate() throws {
        try output.require([.text, .json, .jsonl], for: "wampctl router")
        for name in realm where !URI(name).isValid(.loose) {
            throw ValidationError("'\(name)' is not a realm: a URI such as com.example.realm")
        }
        if !listen.isEmpty, port != nil || host != nil {
            throw ValidationError("--listen replaces --host and --port; give one or the other")
        }
        if (tlsCert == nil) != (tlsKey == nil) {
            throw ValidationError("--tls-cert and --tls-key go together")
        }
        if readiness.detach, !command.isEmpty {
            throw ValidationError("--detach and a command exclude each other")
        }
        if check, printConfig {
            throw ValidationError("--check and --print-config exclude each other")
        }
        if printConfig, output.format != .text {
            throw ValidationError("--print-config prints YAML; it has no other --output format")
        }
        if outboundQueue == 0 { throw ValidationError("--outbound-queue must be at least 1") }
        if let maxMessage, maxMessage < RouterLimits.shortestMessageSize {
            throw ValidationError(
                "--max-message must be at least \(RouterLimits.shortestMessageSize): "
                    + "the messages that open a session would not fit")
        }
        if let maxMessage, maxMessage > RouterLimits.largestMessageSize {
            throw ValidationError(
                "--max-message must be at most \(RouterLimits.largestMessageSize)")
        }
    }

    func execute(in context: CommandContext) async throws(CommandFailure) -> Int32 {
        var plan: RouterPlan
        do throws(PlanFailure) {
            plan = try RouterPlan(for: self)
        } catch {
            if output.format == .text {
                for problem in error.problems { Streams.shared.say("\(problem)") }
            }
            throw error.failure(listed: output.format == .text)
        }
        if printConfig {
            for warning in plan.doubts { Streams.shared.say("\(warning)") }
            plan.log = plan.log.inForce(for: self)
            Streams.shared.print(YAMLText.text(plan))
            return ExitCode.ok.rawValue
        }
        if check { return sayChecked(plan) }
        return try await RouterRun(command: self, context: context, plan: plan).run()
    }

    /// Says that nothing is wrong, beside what is worth a word.
    private func sayChecked(_ plan: RouterPlan) -> Int32 {
        if output.format == .text {
            for warning in plan.doubts { Streams.shared.say("\(warning)") }
            Streams.shared.print("\(config ?? "the configuration"): OK")
        } else {
            Streams.shared.print(
                JSONText.text([
                    "ok": true, "file": config.map { .string($0) } ?? .null,
                    "warnings": .list(plan.doubts.map { .string("\($0)") }),
                ]))
        }
        return ExitCode.ok.rawValue
    }

    // MARK: Notation of its own

    enum ThreadCount: Equatable {
        case auto
        case exactly(Int)
    }

    enum LogLevel: String, CaseIterable {
        case error, warning, notice, info, debug, trace
    }

    enum LogFormat: String, CaseIterable {
        case text, json
    }

    private static func port(_ text: String) throws -> Int {
        guard let port = UInt16(text) else {
            throw NotationError("a port is a number from 0 to 65535")
        }
        return Int(port)
    }

    private static func seed(_ text: String) throws -> UInt64 {
        guard let seed = UInt64(text) else { throw NotationError("a seed is a whole number") }
        return seed
    }

    private static func threads(_ text: String) throws -> ThreadCount {
        if text == "auto" { return .auto }
        guard let count = Int(text), (1...1024).contains(count) else {
            throw NotationError("use auto, or a number from 1")
        }
        return .exactly(count)
    }

    private static func logLevel(_ text: String) throws -> LogLevel {
        guard let level = LogLevel(rawValue: text) else {
            throw NotationError(OutputOptions.choices(LogLevel.allCases.map(\.rawValue)))
        }
        return level
    }

    private static func logFormat(_ text: String) throws -> LogFormat {
        guard let format = LogFormat(rawValue: text) else {
            throw NotationError(OutputOptions.choices(LogFormat.allCases.map(\.rawValue)))
        }
        return format
    }
}

/// How a command says that it is ready.
struct ReadinessOptions: ParsableArguments {
    @Option(
        name: .customLong("ready-fd"),
        help: ArgumentHelp("When ready: one JSON line to this descriptor.", valueName: "n"),
        transform: Self.descriptor)
    var readyDescriptor: Int32?

    @Flag(
        name: .long,
        help: "Go on in the background, without a log; return when ready, the PID on stdout.")
    var detach = false

    private static func descriptor(_ text: String) throws -> Int32 {
        guard let number = Int32(text), number >= 0 else {
            throw NotationError("a descriptor is a number such as 3")
        }
        return number
    }
}
