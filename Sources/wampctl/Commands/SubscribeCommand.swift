// `wampctl subscribe`: its options. SubscribeRunner does the work.

import ArgumentParser
import WAMP

struct SubscribeCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "subscribe", abstract: page.summary, usage: page.usage[0],
        discussion: page.discussion, aliases: ["sub"])

    static let page = HelpPage(
        summary: "Receive events.",
        description: [
            "Joins a realm, subscribes to the topics and prints a line for each event. It goes on "
                + "until a signal comes, or --count, --timeout or --idle ends it; with --count it "
                + "is a job of that size, and a signal before its end is a failure.",
            "With --match prefix or wildcard each topic is a pattern; an event comes once for each "
                + "pattern that it matches.",
        ],
        usage: ["wampctl subscribe TOPIC... [options]"],
        examples: [
            "wampctl subscribe com.example.topic",
            "wampctl subscribe com.example. --match prefix -o jsonl",
            "wampctl subscribe com.example.topic --count 1 --timeout 10s",
            "wampctl subscribe com.example.state --get-retained --idle 1s -o raw",
        ],
        notes: [
            .init(
                title: "OUTPUT FORMATS",
                lines: [
                    "text   a line per event: time, topic, arguments, keyword arguments if any",
                    "jsonl  an object per line: type, time, topic, publication, args, "
                        + "kwargs, details",
                    "raw    the first argument of each event: a string without quotes, "
                        + "bytes as they are",
                    HelpPage.Note.errors,
                    HelpPage.Note.errorObject,
                ]),
            .init(
                title: "SIGNALS",
                lines: [
                    "The first SIGINT, SIGTERM or SIGHUP leaves and ends with 0, before "
                        + "--count is reached with 128 + signal; the second ends at once."
                ]),
            .unreadOutput(
                "Events wait for whoever reads stdout, after the end of the subscription too, up to "
                    + "64 MiB."), .quantities,
        ],
        environment: EnvironmentVariable.table(variables),
        exitCodes: [
            .ok, .failure, .usage, .connect, .joinRefused, .notAuthorized, .timeout, .application,
            .connectionLost, .protocolFault, .hangup, .interrupted, .brokenPipe, .terminated,
        ],
        seeAlso: "wampctl publish, wampctl meta, wampctl help exit-codes")

    static let variables =
        ConnectionOptions.variables + OutputOptions.variables
        + EnvironmentVariable.named(
            after: ["--match", "--count", "--timeout", "--idle", "--keepalive"], of: "subscribe")
        + EnvironmentVariable.named(after: ["--get-retained"], of: "subscribe", kind: .flag)

    @Argument(help: ArgumentHelp("Topics to subscribe to.", valueName: "topic"))
    var topics: [String]

    @Option(
        name: .long,
        help: ArgumentHelp(
            "For all topics: exact, prefix (com.example. matches what begins so) or wildcard "
                + "(com..news: an empty component matches any one) (default: exact).",
            valueName: "match"),
        transform: Notation.match)
    var match: MatchPolicy?

    @Option(
        name: [.customShort("n", allowingJoined: true), .long],
        help: ArgumentHelp("End after so many events (default: 0, never).", valueName: "n"),
        transform: Notation.count)
    var count: Int?

    @Option(
        name: [.customShort("t", allowingJoined: true), .long],
        help: ArgumentHelp(
            "Fail if the events, one without --count, have not come by then (default: 0, never).",
            valueName: "d"),
        transform: Notation.duration)
    var timeout: Duration?

    @Option(
        name: .long,
        help: ArgumentHelp("End after so long without an event (default: 0).", valueName: "d"),
        transform: Notation.duration)
    var idle: Duration?

    @Flag(name: .customLong("get-retained"), help: "Ask for the events that the router kept.")
    var getRetained = false

    @Option(
        name: [.customShort("O", allowingJoined: true), .long],
        help: ArgumentHelp("Further SUBSCRIBE option, key=text or key:=JSON; repeatable."))
    var option: [String] = []

    @OptionGroup(title: "Readiness")
    var readiness: ReadinessOptions

    @OptionGroup(title: "Connection")
    var connection: ConnectionOptions

    @OptionGroup(title: "Output")
    var output: OutputOptions

    func validate() throws {
        try output.require([.text, .jsonl, .raw], for: "wampctl subscribe")
        try connection.authentication.validate(with: readiness)
        // What -O says of it is for the router to judge.
        guard !option.contains(where: { $0.hasPrefix("match=") }) else { return }
        for topic in topics { try URIArgument.topic.check(topic, as: match ?? .exact) }
    }

    /// What the named options put into SUBSCRIBE.Options.
    var namedOptions: Value.Dictionary {
        var options = Value.Dictionary()
        if let match { options.append("match", .string(match.rawValue)) }
        if getRetained { options.append("get_retained", true) }
        return options
    }

    func execute(in context: CommandContext) async throws(CommandFailure) -> Int32 {
        try await SubscribeRunner(command: self, context: context).run()
    }
}
