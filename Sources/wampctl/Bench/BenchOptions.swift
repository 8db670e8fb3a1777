// How much load `wampctl bench` makes, and where. What the options mean together is checked here.

import ArgumentParser
import WAMP
import WAMPClient
import WAMPLoad

struct BenchLoadOptions: ParsableArguments {
    @Option(
        name: .long, help: ArgumentHelp("Measured time (default: 10s).", valueName: "d"),
        transform: Notation.duration)
    var duration: Duration?

    @Option(
        name: [.customShort("n", allowingJoined: true), .customLong("count")],
        help: ArgumentHelp("A fixed number of operations instead.", valueName: "n"),
        transform: Notation.positiveCount)
    var count: Int?

    @Option(
        name: .long, help: ArgumentHelp("Run, but do not count (default: 2s).", valueName: "d"),
        transform: Notation.duration)
    var warmup: Duration?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Operations per second over all sessions: open loop (default: closed loop).",
            valueName: "list"),
        transform: BenchList.rates)
    var rate: [Double]?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "constant or poisson, with --rate (default: constant).",
            valueName: "name"),
        transform: BenchList.arrivals)
    var arrivals: BenchArrivals?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Connections that issue operations (default: 1).", valueName: "list"),
        transform: BenchList.counts)
    var sessions: [Int]?

    @Option(
        name: [.customShort("c", allowingJoined: true), .long],
        help: ArgumentHelp(
            "Operations in flight per session, closed loop (default: 16).", valueName: "list"),
        transform: BenchList.counts)
    var concurrency: [Int]?

    @Option(
        name: .long,
        help: ArgumentHelp("Callees, each in its own session (default: 1).", valueName: "n"),
        transform: Notation.positiveCount)
    var callees: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Rule of the callees' registration (default: roundrobin if there are several).",
            valueName: "rule"),
        transform: BenchList.rule)
    var invoke: String?

    @Option(
        name: .long, help: ArgumentHelp("Publishing sessions (default: 1).", valueName: "n"),
        transform: Notation.positiveCount)
    var publishers: Int?

    @Option(
        name: .long, help: ArgumentHelp("Subscribing sessions (default: 1).", valueName: "n"),
        transform: Notation.positiveCount)
    var subscribers: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Topics, published to in turn; each has as many subscribers (default: 1).",
            valueName: "n"),
        transform: Notation.positiveCount)
    var topics: Int?

    @Option(
        name: .long,
        help: ArgumentHelp("Payload, a string of so many bytes (default: 16).", valueName: "list"),
        transform: BenchList.sizes)
    var size: [Int]?

    @Option(
        name: .long,
        help: ArgumentHelp("json, msgpack, cbor (default: json).", valueName: "list"),
        transform: BenchList.serializers)
    var serializer: [Serializer]?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Call this procedure, served by someone else (default: callees of its own).",
            valueName: "uri"))
    var procedure: String?
}

/// Where to connect: as in the other commands, but without the one serializer.
struct BenchConnectionOptions: ParsableArguments {
    @Option(
        name: [.customShort("u", allowingJoined: true), .long],
        help: ArgumentHelp(
            "Router: ws://, tcp:// (RawSocket), wss:// or tls:// (both with TLS), or unix://PATH "
                + "(default: a private one).",
            valueName: "url"))
    var url: String?

    @Option(
        name: [.customShort("r", allowingJoined: true), .long],
        help: ArgumentHelp("Realm to join (default: realm1).", valueName: "uri"))
    var realm: String?

    @OptionGroup(title: "Connection")
    var tls: TLSOptions

    @Option(
        name: .customLong("connect-timeout"),
        help: ArgumentHelp("Limit for connecting and joining (default: 5s).", valueName: "d"),
        transform: Notation.duration)
    var connectTimeout: Duration?

    @Option(
        name: .long,
        help: ArgumentHelp("Keep trying to connect for so long (default: 0).", valueName: "d"),
        transform: Notation.duration)
    var retry: Duration?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Ping after so much silence; 2 unanswered end the connection; 0 = off (default: 10s).",
            valueName: "d"),
        transform: Notation.duration)
    var keepalive: Duration?

    @Flag(
        name: .long,
        help: "WAMP messages of setting up, one line each, on stderr; the load is not shown.")
    var trace = false

    @OptionGroup(title: "Authentication")
    var authentication: AuthenticationOptions

    /// The same for a client.
    func options(url: String) -> ConnectionOptions {
        var options = ConnectionOptions()
        options.url = url
        options.realm = realm
        options.serializer = nil
        options.connectTimeout = connectTimeout
        options.retry = retry
        options.keepalive = keepalive
        options.trace = trace
        options.tls = tls
        options.authentication = authentication
        return options
    }
}

/// Lists on the command line: values with commas between them.
enum BenchList {
    static func rates(_ text: String) throws -> [Double] { try list(text, Notation.rate) }
    static func counts(_ text: String) throws -> [Int] { try list(text, Notation.positiveCount) }
    static func sizes(_ text: String) throws -> [Int] { try list(text, Notation.size) }

    static func serializers(_ text: String) throws -> [Serializer] {
        try list(text) { (name: String) throws(NotationError) in
            guard let serializer = Serializer(name: name) else {
                throw NotationError(OutputOptions.choices(Serializer.allCases.map(\.name)))
            }
            return serializer
        }
    }

    static func percentiles(_ text: String) throws -> [Double] {
        try list(text) { (word: String) throws(NotationError) in
            guard let percentile = Double(word), percentile > 0, percentile < 100 else {
                throw NotationError("a percentile lies between 0 and 100, such as 99.9")
            }
            return percentile
        }
    }

    static func arrivals(_ text: String) throws -> BenchArrivals {
        guard let arrivals = BenchArrivals(rawValue: text) else {
            throw NotationError(OutputOptions.choices(BenchArrivals.allCases.map(\.rawValue)))
        }
        return arrivals
    }

    static func rule(_ text: String) throws -> String {
        let rules = RegisterCommand.sharedRules
        if text == "single" || rules.contains(text) || text.hasPrefix("_") && text.count > 1 {
            return text
        }
        throw NotationError(OutputOptions.choices(["single"] + rules))
    }

    /// `5%`, or `0.05`.
    static func tolerance(_ text: String) throws -> Double {
        let isPercent = text.hasSuffix("%")
        guard let number = Double(isPercent ? String(text.dropLast()) : text), number >= 0 else {
            throw NotationError("a tolerance is such as 5%")
        }
        return isPercent ? number / 100 : number
    }

    private static func list<T>(
        _ text: String, _ element: (String) throws(NotationError) -> T
    ) throws(NotationError) -> [T] {
        var values: [T] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            values.append(try element(String(part.drop { $0 == " " })))
        }
        return values
    }
}

extension BenchCommand {
    var kind: BenchScenario { scenario ?? .rpc }
    var runCount: Int { runs ?? (against.isEmpty ? 1 : 5) }

    /// Whether a router is started: unless one is named.
    var spawns: Bool { spawn || connection.url == nil }

    /// All combinations of the lists; rates vary fastest.
    var cells: [BenchCell] {
        let paces =
            load.rate.map { $0.map { BenchPace.open(perSecond: $0) } }
            ?? (load.concurrency ?? [16]).map { BenchPace.closed(inFlight: $0) }
        let hasPayload = kind == .rpc || kind == .pubsub
        let sessions = kind == .pubsub ? load.publishers.map { [$0] } : nil
        var cells: [BenchCell] = []
        for serializer in load.serializer ?? [.json] {
            for size in hasPayload ? load.size ?? [16] : [0] {
                for count in sessions ?? load.sessions ?? [1] {
                    for pace in paces {
                        let cell = BenchCell(
                            scenario: kind, serializer: serializer, size: size, sessions: count,
                            pace: pace)
                        if !cells.contains(cell) { cells.append(cell) }
                    }
                }
            }
        }
        return cells
    }

    func settings(of client: Client, isSpawned: Bool, loops: Int) -> BenchSettings {
        var options = client.options
        // A private router lets everybody in, under any name.
        if isSpawned { options.authentication = Authentication(.anonymous) }
        return BenchSettings(
            options: options, duration: load.duration ?? .seconds(10),
            warmup: load.warmup ?? .seconds(2), count: load.count,
            interval: interval ?? .seconds(1), arrivals: load.arrivals ?? .constant,
            callees: load.callees ?? 1, invoke: load.invoke, subscribers: load.subscribers ?? 1,
            topics: load.topics ?? 1, procedure: load.procedure, loops: loops,
            onJoined: { client.warn(of: $0) })
    }

    /// What the title says of the passive side.
    var setting: [String] {
        switch kind {
        case .rpc:
            if let procedure = load.procedure { return [procedure] }
            guard let callees = load.callees, callees > 1 else { return [] }
            return ["\(callees) callees, \(load.invoke ?? "roundrobin")"]
        case .pubsub:
            let topics = (load.topics ?? 1) > 1 ? ["\(load.topics ?? 1) topics"] : []
            return [Figures.counted(load.subscribers ?? 1, "subscriber")] + topics
        case .join, .register: return []
        }
    }

    func validate() throws {
        try output.require([.text, .json, .jsonl, .tsv], for: "bench")
        func refuse(_ isWrong: Bool, _ sentence: String) throws {
            if isWrong { throw ValidationError(sentence) }
        }
        try refuse(
            load.rate != nil && load.concurrency != nil,
            "--rate makes an open loop, which has no --concurrency; leave out one of them")
        try refuse(
            load.arrivals != nil && load.rate == nil, "--arrivals belongs to --rate")
        try refuse(
            load.count != nil && load.duration != nil,
            "-n and --duration both say when it ends; leave out one of them")
        try refuse(load.duration == .zero, "--duration must be above 0")
        try refuse(
            (interval ?? .seconds(1)) < .milliseconds(10), "--interval must be at least 10ms")
        let isCall = kind == .rpc, isEvent = kind == .pubsub
        try refuse(
            !isCall && (load.callees != nil || load.invoke != nil || load.procedure != nil),
            "--callees, --invoke and --procedure belong to the scenario rpc")
        try refuse(
            load.procedure != nil && (load.callees != nil || load.invoke != nil),
            "--procedure is served by someone else; leave out --callees and --invoke")
        try refuse(
            load.invoke == "single" && (load.callees ?? 1) > 1,
            "several callees need a shared rule: "
                + OutputOptions.choices(RegisterCommand.sharedRules))
        try refuse(
            !isEvent
                && (load.publishers != nil || load.subscribers != nil || load.topics != nil),
            "--publishers, --subscribers and --topics belong to the scenario pubsub")
        try refuse(
            load.publishers != nil && load.sessions != nil,
            "--publishers and --sessions are the same in pubsub; leave out one of them")
        try refuse(
            (load.subscribers ?? 1) % (load.topics ?? 1) != 0,
            "--subscribers must be a multiple of --topics, so that each has as many")
        try refuse(
            !isCall && !isEvent && load.size != nil,
            "--size belongs to the scenarios rpc and pubsub")
        try refuse(
            isEvent && (load.size ?? [16]).contains { $0 < LoadMark.length },
            "events carry a time stamp of \(LoadMark.length) bytes; use a larger --size")
        try refuse(
            (load.size ?? []).contains { $0 > 15 << 20 },
            "--size is at most 15m, so that a message stays below 16 MiB")
        try refuse(
            tolerance != nil && compare == nil, "--tolerance belongs to --compare")
        try refuse(
            plot.map { !$0.lowercased().hasSuffix(".svg") } ?? false,
            "--plot writes SVG; give it a name that ends with .svg")
        if let procedure = load.procedure {
            try refuse(
                !URI(procedure).isValid(.loose),
                "'\(procedure)' is not a procedure: a URI such as com.example.hello")
        }
        if let realm = connection.realm {
            try refuse(
                !URI(realm).isValid(.loose),
                "'\(realm)' is not a realm: a URI such as com.example.realm")
        }
        try refuse(connection.connectTimeout == .zero, "--connect-timeout must be above 0")
    }
}
