// `wampctl meta`: its options. MetaRun and MetaWatch do the work.

import ArgumentParser
import WAMP

struct MetaCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "meta", abstract: page.summary, usage: page.usage[0],
        discussion: page.discussion)

    static let page = HelpPage(
        summary: "Query and control through the WAMP meta API.",
        description: [
            "Asks the router about its sessions, registrations and subscriptions, ends sessions, "
                + "takes callees out of a registration, and watches who comes and goes. All of it "
                + "goes through the meta API of WAMP, so it works with any router that has one; "
                + "where a part is missing the command ends with 15.",
            "What does harm is asked about on a terminal, and needs --yes elsewhere.",
        ],
        usage: ["wampctl meta SUBJECT ACTION [ARG…] [options]"],
        examples: [
            "wampctl meta session list",
            "wampctl meta registration callees com.example.hello -o json",
            "wampctl meta subscription list --uri com.example.",
            "wampctl meta watch session",
        ],
        notes: [
            .init(
                title: "SUBCOMMANDS",
                lines: MetaQuery.forms.map { "\(Columns.left($0.form, 36))\($0.meaning)" }),
            .init(
                title: "OUTPUT FORMATS",
                lines: [
                    "table  aligned columns with a header; for lists on a terminal",
                    "tsv    the same columns without header, with tabs; for lists elsewhere",
                    "text   what is not a list: the bare value, or JSON; events of watch as lines",
                    "json   one document: a list of objects, or an object",
                    "jsonl  an object per line with type and time",
                    HelpPage.Note.errors,
                    HelpPage.Note.errorObject,
                ]), .quantities,
            .init(
                title: "STATISTICS",
                lines: [
                    "A wampctl router has two procedures of its own, for 'wampctl call'.",
                    "wampctl.router.stats tells of the realm; subscribers of the topic",
                    "wampctl.router.on_stats are told the same once a second:",
                    "  uptime_ms         since the router started",
                    "  sessions, registrations, subscriptions, calls_in_flight",
                    "                    how many there are now",
                    "  calls, errors     CALLs so far, and ERRORs that callers got",
                    "  stray_answers     answers of callees to calls that they never got",
                    "  events_published  accepted PUBLISHes and testaments so far",
                    "  events_delivered  EVENTs sent, one for each receiver",
                    "  events_undeliverable",
                    "                    EVENTs that their receivers could not be sent",
                    "wampctl.registration.stats takes the id of a registration, or its URI and",
                    "perhaps {\"match\": \"prefix\"}:",
                    "  callees           in the order of registering, each with session,",
                    "                    in_flight, concurrency (its limit, or null), calls,",
                    "                    errors, and rerouted: calls that others got because",
                    "                    it was unavailable",
                    "  cursor            how many callees stand before the next one in turn",
                    "  queue             calls that wait for a callee",
                ]),
        ],
        environment: EnvironmentVariable.table(variables),
        exitCodes: [
            .ok, .failure, .usage, .connect, .joinRefused, .notAuthorized, .noSuchProcedure,
            .timeout, .canceled, .application, .connectionLost, .protocolFault, .hangup,
            .interrupted,
            .brokenPipe, .terminated,
        ],
        seeAlso: "wampctl call, wampctl subscribe, wampctl help exit-codes")

    static let variables =
        ConnectionOptions.variables + OutputOptions.variables
        + EnvironmentVariable.named(after: ["--match", "--limit", "--keepalive"], of: "meta")

    @Argument(
        help: ArgumentHelp("What is asked for: see SUBCOMMANDS below.", valueName: "word"))
    var words: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "exact, prefix or wildcard: which are listed, or how a URI was registered.",
            valueName: "match"),
        transform: Notation.match)
    var match: MatchPolicy?

    @Option(
        name: .long,
        help: ArgumentHelp("List only URIs that begin with this.", valueName: "prefix"))
    var uri: String?

    @Option(
        name: .long, help: ArgumentHelp("At most so many events.", valueName: "n"),
        transform: Notation.positiveCount)
    var limit: Int?

    @Option(
        name: .customLong("of-authid"),
        help: ArgumentHelp("Kill all sessions of this authid.", valueName: "id"))
    var ofAuthid: String?

    @Option(
        name: .customLong("of-authrole"),
        help: ArgumentHelp("Kill all sessions of this role.", valueName: "role"))
    var ofAuthrole: String?

    @Flag(name: .long, help: "Kill all other sessions.")
    var all = false

    @Option(
        name: .long,
        help: ArgumentHelp("The reason that those concerned are told.", valueName: "uri"))
    var reason: String?

    @Option(
        name: .long, help: ArgumentHelp("A text for them, with kill.", valueName: "text"))
    var message: String?

    @Flag(name: [.customShort("y"), .long], help: "Do not ask.")
    var yes = false

    @OptionGroup(title: "Connection")
    var connection: ConnectionOptions

    @OptionGroup(title: "Output")
    var output: OutputOptions

    func query() throws(NotationError) -> MetaQuery {
        let targets: [MetaQuery.MetaTarget] =
            [ofAuthid.map { .authid($0) }, ofAuthrole.map { .authrole($0) }, all ? .all : nil]
            .compactMap { $0 }
        guard targets.count <= 1 else {
            throw NotationError("--of-authid, --of-authrole and --all exclude each other")
        }
        return try MetaQuery(words, target: targets.first)
    }

    func validate() throws {
        let query: MetaQuery
        do throws(NotationError) {
            query = try self.query()
        } catch {
            throw ValidationError(error.description)
        }
        if let reason, !URI(reason).isValid(.loose) {
            throw ValidationError("--reason '\(reason)' is not a URI")
        }
        if case .watch = query {
            try output.require([.text, .jsonl], for: "meta watch")
        } else {
            try output.require(
                query.isList ? [.table, .tsv, .json, .jsonl, .text] : [.text, .json, .jsonl],
                for: "this question")
        }
    }

    func execute(in context: CommandContext) async throws(CommandFailure) -> Int32 {
        let query: MetaQuery
        do throws(NotationError) {
            query = try self.query()
        } catch {
            throw CommandFailure(.usage, error.description)
        }
        if case .watch(let subject) = query {
            return try await MetaWatch(command: self, context: context, subject: subject).run()
        }
        return try await MetaRun(command: self, context: context, query: query).run()
    }
}
