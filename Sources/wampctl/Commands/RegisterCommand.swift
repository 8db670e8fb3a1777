// `wampctl register`: its options. RegisterRunner does the work.

import ArgumentParser
import WAMP

struct RegisterCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "register", abstract: page.summary, usage: page.usage[0],
        discussion: page.discussion, aliases: ["reg"])

    static let page = HelpPage(
        summary: "Register a procedure and serve calls.",
        description: [
            "Joins a realm, registers the procedure and answers its calls: with the name of the "
                + "instance, so that callers see who served them, with the call's own arguments, "
                + "or with a fixed value. Delays and failures can be ordered, to see how callers "
                + "take them.",
            "With --instances there are several callees, each with a session of its own. They, "
                + "and those of other register commands, share the procedure if all ask for the "
                + "same rule: roundrobin goes through the callees in turn, random chooses each "
                + "with the same chance, first and last prefer the one that registered first or "
                + "last. single, the default, allows one callee. Where another rule is in force "
                + "the command ends with 11 and names it.",
            "A line is printed for each answered invocation. The command serves until a signal "
                + "comes or --count is reached; then it unregisters first, and answers what it "
                + "was given before it leaves. When the router goes away it ends with 14.",
        ],
        usage: ["wampctl register URI [options]"],
        examples: [
            "wampctl register com.example.hello",
            "wampctl register com.example.hello --invoke random --instances 3",
            "wampctl register com.example.add2 --invoke random --echo --delay 10ms..50ms",
            "wampctl register com.example.pi --static 3.14159 --detach",
            "wampctl register com.example. --match prefix --progress --echo",
        ],
        notes: [
            .init(
                title: "OUTPUT FORMATS",
                lines: [
                    "text   a line per answered invocation: time, instance, its count, "
                        + "procedure, arguments, answer, duration",
                    "jsonl  an object per line: type, time, instance, name, session, n, "
                        + "procedure, args, kwargs, outcome (ok or error), uri, duration_ms",
                    "Nothing is written if stdout is /dev/null.",
                    HelpPage.Note.errors,
                    HelpPage.Note.errorObject,
                ]),
            .init(
                title: "SIGNALS",
                lines: [
                    "The first SIGINT, SIGTERM or SIGHUP unregisters, answers what is "
                        + "running and ends with 0, before --count is reached with 128 + signal; "
                        + "the second ends at once. SIGUSR1 prints the figures of each instance "
                        + "on stderr."
                ]),
            .init(
                title: "LIMITS",
                lines: [
                    "--concurrency and --queue hold calls back inside the callee. The queue of a "
                        + "procedure in the router's configuration, and the choice of another "
                        + "callee, need a limit that the router knows: -O concurrency:=N."
                ]),
            .init(
                title: "LOST INSTANCES",
                lines: [
                    "When the router ends the session of one instance, or takes its "
                        + "registration away, stderr says so and the others go on. Without any "
                        + "left, the command ends."
                ]),
            .unreadOutput(
                "Calls are answered whether anybody reads stdout or not. Lines wait up to 1 MiB."),
            .quantities,
        ],
        environment: EnvironmentVariable.table(variables),
        exitCodes: [
            .ok, .failure, .usage, .connect, .joinRefused, .notAuthorized, .application,
            .conflict, .connectionLost, .protocolFault, .hangup, .interrupted, .brokenPipe,
            .terminated,
        ],
        seeAlso: "wampctl call, wampctl router, wampctl help exit-codes")

    static let variables =
        ConnectionOptions.variables
        + [EnvironmentVariable(name: "WAMPCTL_INVOKE", option: "--invoke")]
        + OutputOptions.variables
        + EnvironmentVariable.named(
            after: [
                "--instances", "--name", "--delay", "--fail-rate", "--fail-error", "--hang-rate",
                "--concurrency", "--queue", "--count", "--drain-timeout", "--match", "--keepalive",
            ], of: "register")
        + EnvironmentVariable.named(
            after: ["--progress", "--disclose-caller"], of: "register", kind: .flag)

    @Argument(help: ArgumentHelp("Procedure to register.", valueName: "uri"))
    var uri: String

    @Option(
        name: .long,
        help: ArgumentHelp(
            "single, roundrobin, random, first or last (default: single); of the router wampctl also "
                + "_leastbusy and _sticky.", valueName: "rule"),
        transform: Self.rule)
    var invoke: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "exact, prefix (com.example. matches what begins so) or wildcard (com..hello: an empty "
                + "component matches any one) (default: exact).", valueName: "match"),
        transform: Notation.match)
    var match: MatchPolicy?

    @Flag(
        name: .customLong("force-reregister"),
        help: "Take the procedure from those who have it, where the router allows that.")
    var forceReregister = false

    @Flag(name: .customLong("disclose-caller"), help: "Ask the router who calls.")
    var discloseCaller = false

    @Option(
        name: [.customShort("O", allowingJoined: true), .long],
        help: ArgumentHelp("Further REGISTER option, key=text or key:=JSON; repeatable."))
    var option: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("Callees, each in its own session (default: 1).", valueName: "n"),
        transform: Notation.positiveCount)
    var instances: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Instances are named PREFIX-1, PREFIX-2, ... (default: PID.1, PID.2, ...).",
            valueName: "prefix"))
    var name: String?

    @Flag(help: "What answers a call (default: --whoami).")
    var handler: Handler?

    @Option(
        name: .customLong("static"),
        help: ArgumentHelp("Answer always with this value.", valueName: "json"))
    var staticValue: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Wait before answering: a duration or a range such as 10ms..50ms (default: 0).",
            valueName: "d"),
        transform: Notation.durationRange)
    var delay: ClosedRange<Duration>?

    @Option(
        name: .customLong("fail-rate"),
        help: ArgumentHelp(
            "Share of invocations answered with an error, 0 to 1 (default: 0).", valueName: "p"),
        transform: Notation.share)
    var failRate: Double?

    @Option(
        name: .customLong("fail-error"),
        help: ArgumentHelp(
            "What --fail-rate answers with (default: wampctl.error.injected).", valueName: "uri"))
    var failError: String?

    @Option(
        name: .customLong("hang-rate"),
        help: ArgumentHelp(
            "Share of invocations that are never answered, 0 to 1 (default: 0).", valueName: "p"),
        transform: Notation.share)
    var hangRate: Double?

    @Flag(
        name: .long,
        help: "Give each value of an answer ahead of it too, to callers that take progress.")
    var progress = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Invocations at once per instance (default: 0, no limit).", valueName: "n"),
        transform: Notation.count)
    var concurrency: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Invocations that may wait beyond that; more are declined (default: 1024).",
            valueName: "n"),
        transform: Notation.count)
    var queue: Int?

    @Option(
        name: .customLong("drain-timeout"),
        help: ArgumentHelp(
            "At the end, wait so long for what is running (default: 10s).", valueName: "d"),
        transform: Notation.duration)
    var drainTimeout: Duration?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Leave after so many invocations in all (default: 0, never).", valueName: "n"),
        transform: Notation.count)
    var count: Int?

    @OptionGroup(title: "Readiness")
    var readiness: ReadinessOptions

    @OptionGroup(title: "Connection")
    var connection: ConnectionOptions

    @OptionGroup(title: "Output")
    var output: OutputOptions

    /// The built-in handlers without a value.
    enum Handler: String, EnumerableFlag {
        case whoami, echo

        static func help(for value: Handler) -> ArgumentHelp? {
            switch value {
            case .whoami: "Answer with the instance's name (the default)."
            case .echo: "Answer with the call's own arguments."
            }
        }
    }

    /// What the named options put into REGISTER.Options.
    var namedOptions: Value.Dictionary {
        var options = Value.Dictionary()
        if let invoke { options.append("invoke", .string(invoke)) }
        if let match { options.append("match", .string(match.rawValue)) }
        if forceReregister { options.append("force_reregister", true) }
        if discloseCaller { options.append("disclose_caller", true) }
        return options
    }

    static let sharedRules = ["roundrobin", "random", "first", "last"]

    /// REGISTER.Options: the named ones, and over them those of -O.
    func options() throws(CommandFailure) -> Value.Dictionary {
        try ArgumentSyntax.options(option, beside: namedOptions)
    }

    var askedRule: String? { asked("invoke") }
    var rule: String { askedRule ?? "single" }
    var matching: MatchPolicy { asked("match").flatMap(MatchPolicy.init(rawValue:)) ?? .exact }

    private func asked(_ name: String) -> String? { (try? options())?[name]?.string }

    var instanceCount: Int { instances ?? 1 }

    func validate() throws {
        try output.require([.text, .jsonl], for: "wampctl register")
        try connection.authentication.validate(with: readiness)
        try URIArgument.procedure.check(uri, as: matching)
        if let failError, !URI(failError).isValid(.loose) {
            throw ValidationError("--fail-error '\(failError)' is not a URI")
        }
        if rule == "single", instanceCount > 1 {
            throw ValidationError(
                "--instances \(instanceCount) needs a shared rule: --invoke roundrobin, random, "
                    + "first or last")
        }
        if handler != nil, staticValue != nil {
            throw ValidationError("--static and --\(handler?.rawValue ?? "") exclude each other")
        }
        _ = try staticAnswer()
    }

    /// The answer of `--static`: an object with only `args` and `kwargs` sets both, other values
    /// are the result.
    func staticAnswer() throws -> (args: [Value], kwargs: Value.Dictionary)? {
        guard let staticValue else { return nil }
        let value: Value
        do throws(JSONTextError) {
            value = try JSONText.parse(staticValue)
        } catch {
            throw ValidationError(
                "--static is not JSON (\(error)); a string is written '\"text\"'")
        }
        guard let object = value.dictionary, !object.isEmpty,
            object.keys.allSatisfy({ $0 == "args" || $0 == "kwargs" })
        else { return ([value], [:]) }
        guard let args = (object["args"] ?? []).list,
            let kwargs = (object["kwargs"] ?? [:]).dictionary
        else { throw ValidationError("--static: args must be a list and kwargs an object") }
        return (args, kwargs)
    }

    func execute(in context: CommandContext) async throws(CommandFailure) -> Int32 {
        try await RegisterRunner(command: self, context: context).run()
    }

    private static func rule(_ text: String) throws -> String {
        let rules = ["single"] + sharedRules
        if rules.contains(text) || text.count > 1 && text.hasPrefix("_") { return text }
        let nearest = Similarity.nearest(to: text.lowercased(), among: rules)
            .map { " (did you mean '\($0)'?)" }
        throw NotationError(
            OutputOptions.choices(rules) + "; of the router wampctl also _leastbusy and _sticky"
                + (nearest ?? ""))
    }
}
