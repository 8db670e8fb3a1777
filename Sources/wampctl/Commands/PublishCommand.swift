// `wampctl publish`: its options. PublishRun does the work.

import ArgumentParser
import WAMP

struct PublishCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: page.summary, usage: page.usage[0],
        discussion: page.discussion, aliases: ["pub"])

    static let page = HelpPage(
        summary: "Publish events.",
        description: [
            "Joins a realm and publishes an event to the topic. The router acknowledges it, so that "
                + "the exit code tells whether it was taken; with --no-ack nothing is known. That "
                + "somebody received it is never known: --require-subscribers looks before.",
            "Arguments are written as in 'wampctl call'. With -n, --duration or --rate there are "
                + "many events, and with --stdin lines or jsonl, or - in place of the topic, each "
                + "line of standard input is one.",
        ],
        usage: [
            "wampctl publish TOPIC [ARG…] [options]",
            "wampctl publish - [options]",
        ],
        examples: [
            "wampctl publish com.example.topic hello",
            "wampctl publish com.example.topic ':=1' 'unit=celsius' --retain",
            "wampctl publish com.example.topic tick -n 100 --rate 10",
            "printf 'a\\nb\\n' | wampctl publish com.example.topic --stdin lines",
        ],
        notes: [
            .init(
                title: "OUTPUT FORMATS",
                lines: [
                    "text   nothing; stderr says 'published', with -v the publication's ID",
                    "json   (one event) an object: topic, publication (null without "
                        + "acknowledgement), acknowledged",
                    "jsonl  the same, a line per event: type (published or error), time, id "
                        + "(of many) and uri (of an error, else null) come first",
                    "The lines read with - are objects with the keys topic, args, kwargs, "
                        + "options and id; their answers are always jsonl.",
                    HelpPage.Note.errors,
                    HelpPage.Note.errorObject,
                ]), .quantities,
        ],
        environment: EnvironmentVariable.table(variables),
        exitCodes: [
            .ok, .failure, .usage, .connect, .joinRefused, .notAuthorized, .timeout, .application,
            .partial, .checkFailed, .connectionLost, .protocolFault, .hangup, .interrupted,
            .brokenPipe,
            .terminated,
        ],
        seeAlso: "wampctl subscribe, wampctl call, wampctl help exit-codes")

    static let variables =
        ConnectionOptions.variables + OutputOptions.variables
        + EnvironmentVariable.named(
            after: [
                "--repeat", "--duration", "--concurrency", "--rate", "--require-subscribers",
                "--wait", "--keepalive",
            ], of: "publish")
        + EnvironmentVariable.named(
            after: ["--fail-fast", "--json-args", "--retain", "--disclose-me", "--no-ack"],
            of: "publish", kind: .flag)

    @Argument(
        help: ArgumentHelp(
            "Topic to publish to; - reads one record per line from stdin.", valueName: "topic"))
    var topic: String

    @Argument(
        help: ArgumentHelp(
            "word (a string), :=JSON, key=text, key:=JSON and more: see 'wampctl call --help'.",
            valueName: "arg"))
    var words: [String] = []

    @OptionGroup(title: "Payload")
    var arguments: PayloadOptions

    @OptionGroup(title: "Repeating")
    var load: LoadOptions

    @OptionGroup(title: "Receivers")
    var receivers: ReceiverOptions

    @Flag(exclusivity: .chooseLast)
    var acknowledgement: Acknowledgement?

    @Flag(name: .long, help: "The router keeps the event for later subscribers.")
    var retain = false

    @Flag(name: .customLong("disclose-me"), help: "Let the subscribers know who publishes.")
    var discloseMe = false

    @Option(
        name: .customLong("require-subscribers"),
        help: ArgumentHelp(
            "Publish only if the topic has so many subscribers, else exit 13; after --wait, 8 "
                + "(default: 0).", valueName: "n"),
        transform: Notation.count)
    var requiredSubscribers: Int?

    @Option(
        name: .long,
        help: ArgumentHelp("Wait so long for them (default: 0).", valueName: "d"),
        transform: Notation.duration)
    var wait: Duration?

    @OptionGroup(title: "Connection")
    var connection: ConnectionOptions

    @OptionGroup(title: "Output")
    var output: OutputOptions

    var isBatch: Bool { topic == "-" }

    /// Whether the router is asked to say that it took an event.
    enum Acknowledgement: EnumerableFlag {
        case ack, noAck

        static func help(for value: Acknowledgement) -> ArgumentHelp? {
            switch value {
            case .ack: "Ask the router to acknowledge each event (default)."
            case .noAck: "Do not ask: whether an event was taken is not known."
            }
        }
    }

    /// Whether many events may be published, so that one failure does not decide alone.
    var isRun: Bool { isBatch || load.isRepeated || arguments.stdin?.isLines == true }

    func validate() throws {
        guard isBatch || URI(topic).isValid(.loose) else {
            throw ValidationError("'\(topic)' is not a topic: a URI such as com.example.topic")
        }
        try arguments.validate(
            isBatch: isBatch, words: words, isRepeated: load.isRepeated,
            repeating: "-n, --duration and --rate")
        if isRun, output.format == .json {
            throw ValidationError(
                "many results are not one JSON document; use -o jsonl, one object per line")
        }
        try output.require(
            isRun ? [.text, .jsonl] : [.text, .json, .jsonl], for: "wampctl publish")
        if isBatch, requiredSubscribers != nil {
            throw ValidationError("--require-subscribers is about one topic, not about a batch")
        }
    }

    /// What the named options put into PUBLISH.Options.
    var namedOptions: Value.Dictionary {
        var options = receivers.options
        if acknowledgement != .noAck { options.append("acknowledge", true) }
        if retain { options.append("retain", true) }
        if discloseMe { options.append("disclose_me", true) }
        return options
    }

    func execute(in context: CommandContext) async throws(CommandFailure) -> Int32 {
        try await PublishRun(command: self, context: context).run()
    }
}

/// Who of the subscribers receives an event.
struct ReceiverOptions: ParsableArguments {
    @Flag(name: .customLong("no-exclude-me"), help: "Deliver to this session too.")
    var noExcludeMe = false

    @Option(
        name: .long, help: ArgumentHelp("Not to this session; repeatable.", valueName: "id"),
        transform: Notation.id)
    var exclude: [UInt64] = []

    @Option(
        name: .customLong("exclude-authid"),
        help: ArgumentHelp("Not to sessions of this authid; repeatable.", valueName: "authid"))
    var excludeAuthid: [String] = []

    @Option(
        name: .customLong("exclude-authrole"),
        help: ArgumentHelp("Not to sessions of this role; repeatable.", valueName: "role"))
    var excludeAuthrole: [String] = []

    @Option(
        name: .long, help: ArgumentHelp("Only to this session; repeatable.", valueName: "id"),
        transform: Notation.id)
    var eligible: [UInt64] = []

    @Option(
        name: .customLong("eligible-authid"),
        help: ArgumentHelp("Only to sessions of this authid; repeatable.", valueName: "authid"))
    var eligibleAuthid: [String] = []

    @Option(
        name: .customLong("eligible-authrole"),
        help: ArgumentHelp("Only to sessions of this role; repeatable.", valueName: "role"))
    var eligibleAuthrole: [String] = []

    var options: Value.Dictionary {
        var options = Value.Dictionary()
        if noExcludeMe { options.append("exclude_me", false) }
        for (key, ids) in [("exclude", exclude), ("eligible", eligible)] where !ids.isEmpty {
            options.append(key, .list(ids.map { Value($0) }))
        }
        let names = [
            ("exclude_authid", excludeAuthid), ("exclude_authrole", excludeAuthrole),
            ("eligible_authid", eligibleAuthid), ("eligible_authrole", eligibleAuthrole),
        ]
        for (key, list) in names where !list.isEmpty {
            options.append(key, .list(list.map { .string($0) }))
        }
        return options
    }
}
