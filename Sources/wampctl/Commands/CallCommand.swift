// `wampctl call`: its options. CallRun does the work.

import ArgumentParser
import WAMP

struct CallCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "call", abstract: page.summary, usage: page.usage[0],
        discussion: page.discussion)

    static let page = HelpPage(
        summary: "Call a procedure, once or many times.",
        description: [
            "Joins a realm, calls the procedure and prints the result. Arguments are strings "
                + "unless they are written as values, so that the type of an argument never "
                + "depends on what is in it. The exit code tells how the call ended: each kind "
                + "of error has its own.",
            "With -n or --duration there are many calls, with --concurrency several at a time, "
                + "with --sessions from several sessions, with --rate on a schedule. Their results "
                + "are printed as they come, and a summary follows. With --stdin lines or jsonl, "
                + "or - in place of the URI, each line of standard input is a call.",
            "A tally counts which callee answered, as the router tells it or as the answers do. "
                + "It learns the rule and the callees of the registration from the router, shows "
                + "who joins and who leaves, and ends with a verdict: whether the choices follow "
                + "the rule. With --verify a verdict that does not hold is exit code 13, so that a "
                + "script can test a router.",
        ],
        usage: [
            "wampctl call URI [ARG…] [options]",
            "wampctl call URI -n N [ARG…] [options]",
            "wampctl call - [options]",
        ],
        examples: [
            "wampctl call com.example.hello",
            "wampctl call com.example.add2 ':=2' ':=3'",
            "wampctl call com.example.hello -n 1000 --tally",
            "wampctl call com.example.hello --duration 10s --rate 500 --verify",
            "wampctl call com.example.count ':=10' --progress",
            "printf 'a\\nb\\n' | wampctl call com.example.upper --stdin lines",
        ],
        notes: CallNotes.all,
        environment: EnvironmentVariable.table(variables),
        exitCodes: ExitCode.allCases.filter { $0 != .cannotRun && $0 != .commandNotFound },
        seeAlso: "wampctl register, wampctl router, wampctl help exit-codes")

    static let variables =
        ConnectionOptions.variables
        + [
            EnvironmentVariable(name: "WAMPCTL_TIMEOUT", option: "--timeout")
        ] + OutputOptions.variables
        + EnvironmentVariable.named(
            after: [
                "--wait", "--repeat", "--duration", "--concurrency", "--sessions", "--rate",
                "--tally-by", "--rule", "--keepalive", "--cancel-mode",
            ], of: "call")
        + EnvironmentVariable.named(
            after: [
                "--fail-fast", "--tally", "--verify", "--json-args", "--progress", "--disclose-me",
                "--time",
            ], of: "call", kind: .flag)

    @Argument(
        help: ArgumentHelp(
            "Procedure to call; - reads one record per line from stdin, see below.",
            valueName: "uri"))
    var uri: String

    @Argument(
        help: ArgumentHelp(
            "word (a string), :=JSON, key=text, key:=JSON and more: see below.",
            valueName: "arg"))
    var words: [String] = []

    @OptionGroup(title: "Payload")
    var arguments: PayloadOptions

    @OptionGroup(title: "Repeating")
    var load: LoadOptions

    @Option(
        name: .long, help: ArgumentHelp("Caller sessions (default: 1).", valueName: "n"),
        transform: Notation.positiveCount)
    var sessions: Int?

    @OptionGroup(title: "Distribution")
    var distribution: DistributionOptions

    @Option(
        name: [.customShort("t", allowingJoined: true), .long],
        help: ArgumentHelp("Limit per call; 0 = none (default: 30s).", valueName: "d"),
        transform: Notation.duration)
    var timeout: Duration?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Wait so long for the procedure to be registered (default: 0).", valueName: "d"),
        transform: Notation.duration)
    var wait: Duration?

    @Option(
        name: .customLong("cancel-mode"),
        help: ArgumentHelp(
            "How a signal cancels a call: skip, kill or killnowait (default: kill).",
            valueName: "mode"),
        transform: Self.cancelMode)
    var cancelMode: CancelMode?

    @Flag(name: .long, help: "Ask for results ahead of the last one, and print each as it comes.")
    var progress = false

    @Flag(name: .customLong("disclose-me"), help: "Let the callee know who calls.")
    var discloseMe = false

    @Flag(name: .long, help: "The time that a call took, on stderr.")
    var time = false

    @OptionGroup(title: "Connection")
    var connection: ConnectionOptions

    @OptionGroup(title: "Output")
    var output: OutputOptions

    var isBatch: Bool { uri == "-" }

    /// Whether many calls may be made, so that one failure does not decide alone.
    var isRun: Bool { isBatch || isRepeated || arguments.stdin?.isLines == true || tallies }

    private var isRepeated: Bool { load.isRepeated || sessions != nil }

    var tallies: Bool { distribution.tally || distribution.verify }

    func validate() throws {
        guard isBatch || URI(uri).isValid(.loose) else {
            throw ValidationError("'\(uri)' is not a procedure: a URI such as com.example.hello")
        }
        try arguments.validate(
            isBatch: isBatch, words: words, isRepeated: isRepeated || tallies,
            repeating: "-n, --duration, --rate, --sessions and --tally")
        if progress, isRepeated || tallies {
            throw ValidationError(
                "--progress prints what comes of one call; leave out -n, --duration, --rate, "
                    + "--sessions and --tally")
        }
        let run = tallies ? "a tally" : isRun ? "a run of many calls" : "a call"
        if isRun, !tallies, output.format == .json {
            throw ValidationError(
                "many results are not one JSON document; use -o jsonl, one object per line")
        }
        try output.require(
            tallies
                ? [.text, .tsv, .json, .jsonl]
                : isRun ? [.text, .jsonl, .raw] : [.text, .json, .jsonl, .raw], for: run)
        if distribution.tallyBy != nil || distribution.rule != nil, !tallies {
            throw ValidationError("--tally-by and --rule belong to --tally or --verify")
        }
    }

    /// What the named options put into CALL.Options.
    var namedOptions: Value.Dictionary {
        var options = Value.Dictionary()
        if discloseMe { options.append("disclose_me", true) }
        if tallies { options.append(Value.Dictionary.discloseCallee, true) }
        return options
    }

    private static func cancelMode(_ text: String) throws -> CancelMode {
        guard let mode = CancelMode(rawValue: text) else {
            throw NotationError(OutputOptions.choices(CancelMode.allCases.map(\.rawValue)))
        }
        return mode
    }

    func execute(in context: CommandContext) async throws(CommandFailure) -> Int32 {
        try await CallRun(command: self, context: context).run()
    }
}

/// Who answered, and whether that agrees with the rule.
struct DistributionOptions: ParsableArguments {
    @Flag(name: .long, help: "Count who answered.")
    var tally = false

    @Option(
        name: .customLong("tally-by"),
        help: ArgumentHelp(
            "What tells callees apart: \(TallySelector.forms) (default: auto).",
            valueName: "selector"),
        transform: TallySelector.init(written:))
    var tallyBy: TallySelector?

    @Flag(name: .long, help: "Exit 13 unless the distribution agrees with the rule.")
    var verify = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Rule to verify against (default: what the router's meta API says).", valueName: "rule"),
        transform: Self.rule)
    var rule: String?

    private static func rule(_ text: String) throws -> String {
        let rules = ["single"] + RegisterCommand.sharedRules
        guard rules.contains(text) else { throw NotationError(OutputOptions.choices(rules)) }
        return text
    }
}
