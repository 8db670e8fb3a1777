// `wampctl bench` as a process, against routers of its own and of the tests.

import Dispatch
import Glibc
import NIOPosix
import Synchronization
import Testing
import WAMP
import WAMPClient
import WAMPTransport

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct BenchTests {
    /// Short enough for a test; nothing here depends on how fast the machine is.
    private func bench(_ words: String..., router: TestRouter? = nil) async throws -> Outcome {
        try await Program(
            ["bench"] + words + (words.contains("--warmup") ? [] : ["--warmup", "50ms"]),
            environment: router?.environment ?? [:]
        ).ended()
    }

    private func cells(_ outcome: Outcome) throws -> [Value.Dictionary] {
        try #require(try outcome.lastDocument["cells"]?.list).compactMap(\.dictionary)
    }

    @Test("A number of calls is made and counted, through a private router, in each serializer")
    func calls() async throws {
        let outcome = try await bench(
            "-n", "300", "--serializer", "json,msgpack,cbor", "--size", "1,5k", "--callees", "2",
            "-o", "json")
        expectCode(0, of: outcome)
        let cells = try cells(outcome)
        #expect(cells.count == 6)
        for cell in cells {
            #expect(cell["ok"]?.unsigned == 300, "\(cell)")
            #expect(cell["errors"]?.unsigned == 0, "\(cell)")
            #expect(cell["unanswered"]?.unsigned == 0, "\(cell)")
            #expect(cell["latency_ms"]?.dictionary?["count"]?.unsigned == 300, "\(cell)")
            #expect(
                cell["router"]?.dictionary?["memory_bytes"]?.unsigned ?? 0 > 1_000_000, "\(cell)")
        }
        let document = try outcome.document
        for key in ["scenario", "command", "version", "date", "targets", "environment"] {
            #expect(document[key] != nil, "\(key)")
        }
        let agent = document["targets"]?.list?.first?.dictionary?["agent"]?.string
        #expect(agent?.hasPrefix("wampctl") == true)
    }

    @Test("Every event reaches every subscriber of its topic", arguments: ["ws", "tcp"])
    func events(scheme: String) async throws {
        let router = try await TestRouter()
        let url =
            scheme == "ws"
            ? router.url
            : router.url.replacing("ws:", with: "tcp:")
                .replacing("/ws", with: "")
        let outcome = try await bench(
            "pubsub", "-n", "200", "--subscribers", "6", "--topics", "2", "--size", "16,70k",
            "--serializer", "json,msgpack,cbor", "-o", "json", "-u", url)
        expectCode(0, of: outcome)
        let cells = try cells(outcome)
        #expect(cells.count == 6)
        for cell in cells {
            #expect(cell["ok"]?.unsigned == 200, "\(cell)")
            #expect(cell["lost"]?.unsigned == 0, "\(cell)")
            #expect(cell["latency_ms"]?.dictionary?["count"]?.unsigned == 600, "\(cell)")
        }
    }

    @Test("Joins and registrations are measured, too", arguments: ["join", "register"])
    func others(scenario: String) async throws {
        let outcome = try await bench(scenario, "-n", "100", "-c", "4", "-o", "json")
        expectCode(0, of: outcome)
        let cell = try #require(try cells(outcome).first)
        #expect(cell["ok"]?.unsigned == 100)
        #expect(cell["latency_ms"]?.dictionary?["count"]?.unsigned == 100)
    }

    @Test(
        "An open loop of a number of calls makes exactly these", arguments: ["constant", "poisson"])
    func openLoop(arrivals: String) async throws {
        let outcome = try await bench(
            "--rate", "500,1k", "-n", "100", "--arrivals", arrivals, "--sessions", "3", "-o",
            "json")
        expectCode(0, of: outcome)
        for cell in try cells(outcome) {
            #expect(cell["latency_ms"]?.dictionary?["count"]?.unsigned == 100, "\(cell)")
            #expect(cell["latency_kind"]?.string == "response time", "\(cell)")
        }
    }

    @Test("A closed loop says that its latency is service time; a router it started is gone")
    func closedLoop() async throws {
        let outcome = try await bench("-n", "50", "-c", "4", "--size", "1k")
        expectCode(0, of: outcome)
        #expect(
            outcome.output.contains(
                "closed loop, 4 in flight: latency is service time; use --rate for response time"))
        #expect(outcome.output.hasPrefix("rpc   ws://127.0.0.1:"))
        #expect(outcome.output.contains("1 KiB"))
        let url = try #require(outcome.output.split(separator: " ").first { $0.hasPrefix("ws:") })
        let gone = try await Program.run("call", "t.x", "-u", String(url))
        expectCode(ExitCode.connect.rawValue, of: gone)
    }

    @Test("A router that stops for a second shows in p99 of an open loop")
    func stall() async throws {
        let router = try await TestRouter()
        let endpoint = try Endpoint(router.url)
        let session = try await Session.join(
            endpoint, on: MultiThreadedEventLoopGroup.singleton)
        let process = router.program.id
        let answered = Mutex(0)
        _ = try await session.register("t.stall") { request in
            let count = answered.withLock { count in
                count += 1
                return count
            }
            request.reply(args: [])
            // The stall is as long as it is; when it begins depends on calls, not on a clock.
            guard count == 300 else { return }
            kill(process, SIGSTOP)
            DispatchQueue.global().asyncAfter(deadline: .now() + 1) { kill(process, SIGCONT) }
        }
        let outcome = try await bench(
            "--procedure", "t.stall", "--rate", "300", "--duration", "4s", "--warmup", "0", "-o",
            "json", router: router)
        expectCode(0, of: outcome)
        let cell = try #require(try cells(outcome).first)
        let p99 = try #require(cell["latency_ms"]?.dictionary?["p99"]?.number)
        #expect(p99 >= 850)
        #expect(cell["unanswered"]?.unsigned == 0)
        await session.leave()
    }

    @Test("Errors are told by their URI, and their kind is the exit code")
    func errors() async throws {
        let router = try await TestRouter()
        let outcome = try await bench(
            "--procedure", "t.nobody", "-n", "20", "-o", "json", router: router)
        expectCode(ExitCode.noSuchProcedure.rawValue, of: outcome)
        let cell = try #require(try cells(outcome).first)
        #expect(
            cell["errors_by_uri"]?.dictionary?["wamp.error.no_such_procedure"]?.unsigned == 20)
        #expect(cell["latency_ms"]?.dictionary?["count"]?.unsigned == 0)
    }

    @Test("A threshold that does not hold is named, and the exit code is 13")
    func thresholds() async throws {
        let held = try await bench(
            "-n", "50", "--threshold", "rate>1", "--threshold", "errors<0.1%", "--threshold",
            "p99<1m")
        expectCode(0, of: held)
        let failed = try await bench("-n", "50", "--threshold", "p50<1us", "--threshold", "rate>1")
        expectCode(ExitCode.checkFailed.rawValue, of: failed)
        #expect(failed.talk.contains("threshold not met: p50<1us (c=16 16 B: "))
        #expect(!failed.talk.contains("rate>1"))
        let object = try await bench(
            "-n", "50", "--threshold", "p50<1us", "--threshold", "rate>1", "-o", "json")
        expectCode(ExitCode.checkFailed.rawValue, of: object)
        let outcomes = try object.document["thresholds"]?.list?.compactMap(\.dictionary)
        #expect(outcomes?.map { $0["threshold"] } == ["p50<1us", "rate>1"])
        #expect(outcomes?.map { $0["ok"] } == [false, true])
        #expect(try object.document["compared"] == .null)
    }

    @Test("--spawn and --url contradict each other; a variable for all commands does not")
    func spawnAndURL() async throws {
        let both = try await Program.run("bench", "--spawn", "-u", "ws://127.0.0.1:1/ws")
        expectCode(2, of: both)
        #expect(both.talk.contains("--spawn measures a router of its own"), "\(both)")
        let inherited = try await Program.run(
            "bench", "--spawn", "-n", "5", "--warmup", "0",
            environment: ["WAMPCTL_URL": "ws://127.0.0.1:1/ws"])
        expectCode(0, of: inherited)
    }

    @Test("What failed is told in one line under -q, and where the output is data")
    func toldFailures() async throws {
        let router = try await TestRouter()
        for options in [["-q"], ["-o", "json"], ["-q", "-o", "jsonl"]] {
            let outcome = try await router.run(
                ["bench", "-u", router.url, "--procedure", "t.nobody", "-n", "20", "--warmup", "0"]
                    + options)
            expectCode(ExitCode.noSuchProcedure.rawValue, of: outcome, "\(options)")
            #expect(outcome.talk.contains("20 wamp.error.no_such_procedure"), "\(outcome)")
            // On a busy machine bench says that it was the limit, too.
            let lines = outcome.talk.split(separator: "\n").filter { !$0.hasPrefix("warning:") }
            #expect(lines.count == 1, "\(outcome)")
        }
    }

    @Test("A saved result is compared with; a regression is exit 13")
    func saved() async throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/saved.json"
        let first = try await bench(
            "-n", "50", "--save", file, "--hdr", folder.path + "/log", "--plot",
            folder.path + "/plot.svg")
        expectCode(0, of: first)
        let log = String(decoding: try File.contents(folder.path + "/log"), as: UTF8.self)
        #expect(log.contains("\nTag=0_rpc_json_16B_s=1_c=16,"))
        let plot = String(decoding: try File.contents(folder.path + "/plot.svg"), as: UTF8.self)
        #expect(plot.hasPrefix("<svg "))
        let near = try await bench("-n", "50", "--compare", file, "--tolerance", "100000%")
        expectCode(0, of: near)
        let text = String(decoding: try File.contents(file), as: UTF8.self)
        let better = text.replacing("\"rate\":", with: "\"rate\":9e9,\"was\":")
        #expect(File.replace(file, with: better))
        let worse = try await bench("-n", "50", "--compare", file)
        expectCode(ExitCode.checkFailed.rawValue, of: worse)
        #expect(worse.talk.contains("regression: c=16 16 B rate: "))
        let object = try await bench("-n", "50", "--compare", file, "-o", "json")
        let rows = try object.document["compared"]?.list?.compactMap(\.dictionary)
        #expect(rows?.first { $0["metric"] == "rate" }?["ok"] == false)
        let other = try await bench("-n", "50", "--size", "20", "--compare", file)
        expectCode(ExitCode.checkFailed.rawValue, of: other)
        #expect(other.talk.contains("nothing could be compared"), "\(other)")
    }

    @Test("When the router goes, what was measured until then is shown and saved")
    func lostRouter() async throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/saved.json"
        let router = try Program(["router", "-p", "0", "-q"], announces: true)
        let listeners = try await router.ready()["listeners"]?.list
        let url = try #require(listeners?.first?.dictionary?["url"]?.string)
        let program = try Program([
            "bench", "-u", url, "--size", "16,1k", "--duration", "1s", "--warmup", "0", "-v",
            "--save", file, "-o", "json",
        ])
        try await program.said("measuring rpc c=16 1 KiB")
        router.signal(SIGKILL)
        _ = try await router.ended()
        let outcome = try await program.ended()
        expectCode(ExitCode.connectionLost.rawValue, of: outcome)
        let saved = try JSONText.parse(try File.contents(file)).dictionary
        let first = try #require(saved?["cells"]?.list?.first?.dictionary)
        #expect(first["interrupted"] == false)
        #expect(first["ok"]?.unsigned ?? 0 > 0)
        #expect(saved?["interrupted"] == true)
    }

    @Test("Two routers are measured in turn, with ratios and intervals")
    func against() async throws {
        let other = try await TestRouter()
        let outcome = try await bench(
            "-n", "50", "--runs", "3", "--against", other.url, "-o", "json")
        expectCode(0, of: outcome)
        let cells = try cells(outcome)
        #expect(cells.map { $0["target"]?.unsigned } == [0, 1])
        #expect(cells.allSatisfy { $0["rates"]?.list?.count == 3 })
        let comparisons = try #require(try outcome.document["comparisons"]?.list)
        #expect(comparisons.count == 3)
        for comparison in comparisons.compactMap(\.dictionary) {
            let lower = try #require(comparison["lower"]?.number, "\(comparison)")
            let upper = try #require(comparison["upper"]?.number, "\(comparison)")
            let spansOne = lower <= 1 && upper >= 1
            #expect(lower <= upper, "\(comparison)")
            #expect(
                (comparison["verdict"]?.string == "no difference shown") == spansOne,
                "\(comparison)")
        }
    }

    @Test("One or two runs of each router are shown and not judged")
    func fewRuns() async throws {
        let other = try await TestRouter()
        let outcome = try await bench(
            "-n", "50", "--runs", "2", "--against", other.url, "-o", "json")
        expectCode(0, of: outcome)
        let comparisons = try #require(try outcome.document["comparisons"]?.list)
        #expect(comparisons.count == 3)
        for comparison in comparisons.compactMap(\.dictionary) {
            #expect(comparison["ratio"]?.number != nil, "\(comparison)")
            #expect(comparison["lower"] == .null && comparison["upper"] == .null, "\(comparison)")
            #expect(comparison["verdict"] == "too few runs", "\(comparison)")
        }
    }

    @Test("A run in which nothing ended is a failure and says so")
    func nothingMeasured() async throws {
        let router = try await TestRouter()
        let callee = try Program(
            ["register", "t.slow", "--echo", "--delay", "1s"], environment: router.environment)
        try await callee.said("registered")
        let outcome = try await bench(
            "--procedure", "t.slow", "--duration", "1ms", "--warmup", "0", router: router)
        expectCode(ExitCode.failure.rawValue, of: outcome)
        #expect(outcome.talk.contains("nothing was measured"))
        callee.signal(SIGTERM)
        _ = try await callee.ended()
    }

    @Test("The first signal ends the run; its result is marked interrupted")
    func interrupted() async throws {
        let program = try Program([
            "bench", "--duration", "1h", "--warmup", "0", "-v", "-o", "json",
        ])
        try await program.said("measuring")
        program.signal(SIGINT)
        let outcome = try await program.ended()
        expectCode(ExitCode.interrupted.rawValue, of: outcome)
        #expect(try outcome.lastDocument["interrupted"]?.bool == true)
    }

    @Test("Every interval is a record, and the result is the last")
    func stream() async throws {
        let outcome = try await bench(
            "--duration", "600ms", "--interval", "100ms", "-o", "jsonl")
        expectCode(0, of: outcome)
        let types = try outcome.lines.map { try JSONText.parse($0).dictionary?["type"]?.string }
        #expect(types.last == "result")
        #expect(types.count > 2)
        #expect(types.dropLast().allSatisfy { $0 == "interval" })
    }

    @Test("A terminal shows a bar with rate and p99 on stderr while a cell runs, and takes it away")
    func progress() async throws {
        let line = "wampctl bench --duration 700ms --warmup 0 -o json > /dev/null"
        let outcome = try await Program(
            ["-qefc", line, "/dev/null"], executable: "script",
            environment: ["TERM": "xterm", "LC_ALL": "C.UTF-8"]
        ).ended()
        expectCode(0, of: outcome)
        #expect(outcome.output.contains("c=16 16 B  █"))
        #expect(outcome.output.contains("/s  p99 "))
        let cleared = try #require(outcome.output.ranges(of: "\u{1b}[J").last)
        let rest = outcome.output[cleared.upperBound...]
        // On a busy machine bench says that it was the limit.
        #expect(rest.isEmpty || rest.hasPrefix("warning: the load generator is the limit"))
    }

    @Test("Without a router at the URL it ends with 3; a lost router ends it with 14")
    func noRouter() async throws {
        let refused = try await bench("-u", "tcp://127.0.0.1:1", "-n", "1")
        expectCode(ExitCode.connect.rawValue, of: refused)
        let router = try await TestRouter()
        let process = router.program.id
        let session = try await Session.join(
            try Endpoint(router.url), on: MultiThreadedEventLoopGroup.singleton)
        _ = try await session.register("t.end") { _ in kill(process, SIGKILL) }
        let lost = try await bench(
            "--procedure", "t.end", "--duration", "1h", router: router)
        expectCode(ExitCode.connectionLost.rawValue, of: lost)
    }

    @Test(
        "Options that contradict each other are refused",
        arguments: [
            ["--rate", "5", "-c", "4"], ["-n", "5", "--duration", "1s"],
            ["--arrivals", "poisson"], ["pubsub", "--size", "8"], ["join", "--size", "8"],
            ["pubsub", "--callees", "2"], ["--topics", "2"],
            ["pubsub", "--subscribers", "3", "--topics", "2"], ["--plot", "x.png"],
            ["--callees", "2", "--invoke", "single"], ["rcp"], ["--serializer", "xml"],
            ["--threshold", "p99"], ["--tolerance", "5%"], ["-o", "raw"], ["--rate", "0"],
            ["--procedure", "t.x", "--callees", "2"],
        ])
    func usage(words: [String]) async throws {
        let reading = CommandLineReader(arguments: ["bench"] + words, environment: [:]).read()
        guard case .fault(let failure, _) = reading else {
            Issue.record("\(words) were read")
            return
        }
        #expect(failure.code == .usage)
    }

    @Test("Lists make a cell of each combination")
    func lists() throws {
        let reading = CommandLineReader(
            arguments: [
                "bench", "--sessions", "1,2", "--size", "16,1k", "--serializer", "json,cbor",
                "--rate", "1k,5k",
            ], environment: ["WAMPCTL_BENCH_DURATION": "3s"]
        ).read()
        guard case .command(let command) = reading, let bench = command as? BenchCommand else {
            Issue.record("not read")
            return
        }
        #expect(bench.cells.count == 16)
        #expect(bench.cells[1].pace == .open(perSecond: 5000))
        #expect(bench.load.duration == .seconds(3))
        #expect(bench.spawns)
        #expect(bench.runCount == 1)
    }
}
