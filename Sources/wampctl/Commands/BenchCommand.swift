// `wampctl bench`: its options. BenchRun does the work.

import ArgumentParser
import WAMP
import WAMPClient

struct BenchCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: page.summary, usage: page.usage[0],
        discussion: page.discussion)

    static let page = HelpPage(
        summary: "Measure throughput and latency.",
        description: [
            "Makes load and measures it: calls, events, joins or registrations, on a private router "
                + "that it starts, or on the one named by --url. Lists of rates, sizes, sessions and "
                + "serializers make a row of each combination.",
            "Without --rate each session keeps a number of operations in flight, and its latency "
                + "is service time. With --rate the moments of sending are fixed in advance and "
                + "latency counts from them, so that a router that stalls cannot hide it.",
            "What failed is counted apart and is in no latency. When the load generator and not the "
                + "router was the limit, it says so.",
        ],
        usage: ["wampctl bench [SCENARIO] [options]"],
        examples: [
            "wampctl bench",
            "wampctl bench rpc --rate 1k,2k,5k --duration 5s --plot curve.svg",
            "wampctl bench pubsub --subscribers 100 --serializer json,msgpack,cbor",
            "wampctl bench --threshold 'p99<5ms' --threshold 'errors<1%' --save now.json",
        ],
        notes: BenchNotes.all,
        environment: EnvironmentVariable.table(variables),
        exitCodes: [
            .ok, .failure, .usage, .connect, .joinRefused, .notAuthorized, .noSuchProcedure,
            .unavailable, .timeout, .canceled, .application, .conflict, .partial, .checkFailed,
            .connectionLost, .protocolFault, .hangup, .interrupted, .brokenPipe, .terminated,
        ],
        seeAlso: "wampctl router, wampctl call, wampctl help exit-codes")

    static let variables =
        ConnectionOptions.variables + OutputOptions.variables
        + EnvironmentVariable.named(
            after: [
                "--duration", "--warmup", "--rate", "--arrivals", "--sessions", "--concurrency",
                "--callees", "--invoke", "--publishers", "--subscribers", "--topics", "--size",
                "--procedure", "--router-pid", "--runs", "--percentiles", "--tolerance",
                "--interval",
            ], of: "bench")

    @Argument(
        help: ArgumentHelp(
            "rpc, pubsub, join or register (default: rpc).", valueName: "scenario"),
        transform: Self.scenario)
    var scenario: BenchScenario?

    @OptionGroup(title: "Load")
    var load: BenchLoadOptions

    @Flag(
        name: .long,
        help: "Start a private router and measure that; the default without --url.")
    var spawn = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Run the same on another router, interleaved; repeatable.", valueName: "url"))
    var against: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Runs of each cell (default: 1; 5 with --against).", valueName: "n"),
        transform: Notation.positiveCount)
    var runs: Int?

    @Option(
        name: .customLong("router-pid"),
        help: ArgumentHelp(
            "Report CPU and memory of this process, too (default: the private router).",
            valueName: "pid"),
        transform: Notation.positiveCount)
    var routerPID: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Percentiles to report (default: 50,90,99,99.9).", valueName: "list"),
        transform: BenchList.percentiles)
    var percentiles: [Double]?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Exit 13 unless it holds: p99<5ms, rate>20000, errors<0.1%; repeatable.",
            valueName: "expr"),
        transform: BenchThreshold.init)
    var threshold: [BenchThreshold] = []

    @Option(
        name: .long, help: ArgumentHelp("Write the result as JSON.", valueName: "file"))
    var save: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Compare with a saved result; exit 13 on a regression.", valueName: "file"))
    var compare: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "By how much a figure may be worse than the saved one (default: 5%).",
            valueName: "share"),
        transform: BenchList.tolerance)
    var tolerance: Double?

    @Option(
        name: .long, help: ArgumentHelp("Write an HDR histogram log.", valueName: "file"))
    var hdr: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Draw latency by percentile as .svg.", valueName: "file"))
    var plot: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Spacing of interval records and of progress (default: 1s).", valueName: "d"),
        transform: Notation.duration)
    var interval: Duration?

    @OptionGroup(title: "Connection")
    var connection: BenchConnectionOptions

    @OptionGroup(title: "Output")
    var output: OutputOptions

    private static func scenario(_ text: String) throws -> BenchScenario {
        guard let scenario = BenchScenario(rawValue: text) else {
            let names = BenchScenario.allCases.map(\.rawValue)
            let near = Similarity.nearest(to: text, among: names).map {
                " (did you mean '\($0)'?)"
            }
            throw NotationError(OutputOptions.choices(names) + (near ?? ""))
        }
        return scenario
    }

    func execute(in context: CommandContext) async throws(CommandFailure) -> Int32 {
        try await BenchRun(command: self, context: context).run()
    }
}
