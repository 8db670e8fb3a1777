// How commands end: every exit code, every signal, and nothing left behind.

import BareSockets
import Glibc
import NIOPosix
import Testing
import WAMP
import WAMPClient
import WAMPTransport

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct EndingTests {
    @Test("Errors of WAMP end with the codes of the table, in text and in JSON")
    func errorCodes() async throws {
        let router = try await TestRouter()
        let session = try await Session.join(
            Endpoint(router.url), on: MultiThreadedEventLoopGroup.singleton)
        let codes: [(String, Int32)] = [
            ("wamp.error.not_authorized", 5), ("wamp.error.network_failure", 7),
            ("wamp.error.timeout", 8), ("wamp.error.canceled", 9), ("com.example.bad", 10),
            ("wamp.error.feature_not_supported", 15),
        ]
        for (index, (uri, code)) in codes.enumerated() {
            _ = try await session.register(URI("t.fail\(index)")) { $0.fail(ErrorURI(uri)) }
            let outcome = try await router.run("call", "t.fail\(index)", "-o", "json")
            expectCode(code, of: outcome, "\(uri)")
            #expect(outcome.output.isEmpty, "\(outcome)")
            let error = try JSONText.parse(outcome.talk).dictionary?["error"]?.dictionary
            #expect(error?["uri"] == .string(uri), "\(uri)")
            #expect(error?["code"] == .int(Int64(code)), "\(uri)")
        }
        expectCode(6, of: try await router.run("call", "t.none"))
        expectCode(4, of: try await router.run("call", "t.none", "-r", "none"))
        expectCode(6, of: try await router.run("call", "t.none", "-n", "3"))
        await session.leave()
    }

    @Test("No router there: 3 at once, with a hint on this machine")
    func noRouter() async throws {
        let port = try TakenPort()
        let outcome = try await Program.run(
            "call", "t.x", "-u", "ws://127.0.0.1:\(port.number)/ws")
        expectCode(3, of: outcome)
        #expect(outcome.talk.contains("try 'wampctl router'"))
        expectCode(3, of: try await Program.run("register", "t.x", "-u", "unix:///nowhere"))
        expectCode(2, of: try await Program.run("call", "t.x", "-u", "http://h/"))
    }

    @Test("A time limit ends a call with 8, on the router's side or on ours")
    func timeLimit() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.slow", "--delay", "1h")
        let outcome = try await router.run("call", "t.slow", "-t", "50ms")
        expectCode(8, of: outcome)
        #expect(
            outcome.talk == "wampctl call: t.slow: no answer within 50ms (wamp.error.timeout)\n")
        _ = callee
    }

    @Test("A limit among the options goes to the router as it is, and beats the default")
    func optionLimit() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.slow", "--delay", "1h", "--trace")
        for more in [[], ["-n", "2"]] {
            let outcome = try await Program(
                ["call", "t.slow", "-O", "timeout:=50"] + more, environment: router.environment
            ).ended()
            expectCode(8, of: outcome, "\(more)")
        }
        // What the router cannot take as a limit is its to refuse.
        let word = try await router.run("call", "t.slow", "-O", "timeout=x")
        expectCode(15, of: word)
        #expect(word.talk.contains("CALL option timeout must be an integer"), "\(word)")
        _ = callee
    }

    @Test("The largest numbers that can be written are as good as no limit")
    func hugeNumbers() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.fast")
        for more in [
            ["-O", "timeout:=9007199254740992"], ["-n", "2", "-O", "timeout:=9007199254740992"],
            ["-n", "2", "-c", "\(Int.max)"],
        ] {
            let outcome = try await Program(
                ["call", "t.fast"] + more, environment: router.environment
            ).ended()
            expectCode(0, of: outcome, "\(more)")
        }
        _ = callee
    }

    @Test("Some failed and some did not: 12; injected failures alone: 10")
    func partial() async throws {
        let router = try await TestRouter()
        let half = try await router.register("t.half", "--fail-rate", "0.5")
        expectCode(12, of: try await router.run("call", "t.half", "-n", "100", "-q"))
        let all = try await router.register("t.fail", "--fail-rate", "1")
        expectCode(10, of: try await router.run("call", "t.fail"))
        let first = try await router.run("call", "t.fail", "-n", "100", "--fail-fast", "-q")
        expectCode(10, of: first)
        for (places, made) in [("1", "1 call, 0 ok"), ("8", "8 calls, 0 ok")] {
            for _ in 1...5 {
                let outcome = try await router.run(
                    "call", "t.none", "-n", "50", "-c", places, "--fail-fast")
                expectCode(6, of: outcome, "\(places)")
                #expect(outcome.talk.contains("\n\(made)"), "\(outcome)")
            }
        }
        let lines = try await router.run(
            "call", "t.none", "--stdin", "lines", "--fail-fast", input: "a\nb\nc\n")
        #expect(lines.talk.contains("\n1 call, 0 ok"), "\(lines)")
        _ = (half, all)
    }

    @Test("Wrong lines end with 2 and say one line and its usage")
    func usage() async throws {
        let outcome = try await Program.run("register", "t.x", "--instnces", "2")
        expectCode(2, of: outcome)
        #expect(outcome.output.isEmpty)
        #expect(
            outcome.talk == """
                wampctl register: unknown option '--instnces' (did you mean '--instances'?)
                usage: wampctl register URI [options]

                """)
        let overview = try await Program.run()
        expectCode(2, of: overview)
        #expect(overview.output.isEmpty)
        let help = try await Program.run("help", "call")
        expectCode(0, of: help)
        #expect(help.talk.isEmpty)
        let version = try await Program.run("--version", "-o", "json")
        #expect(try version.document["version"] == .string(Wampctl.version))
    }

    @Test("Ready: one line with the port, or a file, or a URL")
    func readiness() async throws {
        let router = try Program(["router", "-p", "0", "--print-port"])
        try await router.said("press Ctrl-C to stop")
        router.signal(SIGTERM)
        let printed = try await router.ended().output
        #expect(printed.hasSuffix("\n") && Int(printed.dropLast()) != nil)
        let unwritable = try await Program.run(
            "router", "-p", "0", "--port-file", "/nowhere/port")
        expectCode(1, of: unwritable)
        expectCode(2, of: try await Program.run("router", "-p", "0", "--ready-fd", "77"))
        let detached = try await Program.run("router", "-p", "0", "--detach", "-q")
        expectCode(0, of: detached)
        let id = try #require(pid_t(detached.output.split(separator: "\n")[0]))
        #expect(kill(id, SIGTERM) == 0)
        let gone = try Program(["--pid=\(id)", "-f", "/dev/null"], executable: "tail")
        expectCode(0, of: try await gone.ended())
    }

    @Test("The first signal drains a router, which then ends with 0")
    func routerSignal() async throws {
        for signal in [SIGINT, SIGTERM] {
            let router = try await TestRouter()
            router.program.signal(signal)
            expectCode(0, of: try await router.program.ended(), "\(signal)")
        }
    }

    @Test("A signal lets a callee answer what it has begun")
    func drain() async throws {
        let router = try await TestRouter()
        let callee = try await router.register(
            "t.slow", "--delay", "400ms", "-o", "jsonl", "--trace")
        let calls = try Program(
            ["call", "t.slow", "-n", "10", "-c", "10"], environment: router.environment)
        try await callee.said("< INVOCATION", times: 10)
        callee.signal(SIGINT)
        let end = try await callee.ended()
        expectCode(0, of: end)
        #expect(end.talk.contains("stopping: 10 invocations outstanding; a second signal"))
        #expect(end.lines.count == 10)
        let made = try await calls.ended()
        expectCode(0, of: made)
        #expect(made.lines.count == 10)
    }

    @Test("Stopped under load, a callee answers every call it was given (SR-51)")
    func drainUnderLoad() async throws {
        let router = try await TestRouter()
        let stays = try await router.register("t.x", "--invoke", "roundrobin", "-q")
        let goes = try await router.register("t.x", "--invoke", "roundrobin", "--trace")
        let run = try Program(
            ["call", "t.x", "-n", "20000", "-c", "64", "--tally", "--verify", "-o", "json"],
            environment: router.environment)
        try await goes.said("< INVOCATION", times: 100)
        goes.signal(SIGTERM)
        expectCode(0, of: try await goes.ended())
        let outcome = try await run.ended()
        expectCode(0, of: outcome)
        #expect(try outcome.document["ok"] == 20000)
        _ = stays
    }

    @Test("A callee that leaves under load after --count calls costs none and breaks no rotation")
    func countUnderLoad() async throws {
        let router = try await TestRouter()
        let stay = try await router.register(
            "t.x", "--invoke", "roundrobin", "--instances", "2", "-q")
        for count in ["3", "40", "400"] {
            let leaves = try await router.register(
                "t.x", "--invoke", "roundrobin", "--count", count)
            let outcome = try await router.run(
                "call", "t.x", "-n", "4000", "-c", "64", "--tally", "--verify", "-o", "json")
            expectCode(0, of: try await leaves.ended(), "\(count)")
            expectCode(0, of: outcome, "\(count)")
        }
        _ = stay
    }

    @Test("A call that finds the queue of one callee full is served by another (SR-46)")
    func fullQueue() async throws {
        let router = try await TestRouter()
        let slow = try await router.register(
            "t.x", "--invoke", "roundrobin", "--concurrency", "1", "--delay", "1ms")
        let quick = try await router.register("t.x", "--invoke", "roundrobin")
        let run = try await router.run("call", "t.x", "-n", "6000", "-c", "5000")
        expectCode(0, of: run)
        _ = (slow, quick)
    }

    @Test("A second signal ends a callee at once")
    func secondSignal() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.slow", "--delay", "1h", "--trace")
        let call = try Program(["call", "t.slow"], environment: router.environment)
        try await callee.said("< INVOCATION")
        callee.signal(SIGINT)
        try await callee.said("< UNREGISTERED")
        callee.signal(SIGINT)
        expectCode(130, of: try await callee.ended())
        let outcome = try await call.ended()
        expectCode(9, of: outcome)
    }

    @Test("A callee ends in time although its router does not answer any more")
    func drainDeadline() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.x")
        router.program.signal(SIGSTOP)
        callee.signal(SIGTERM)
        expectCode(0, of: try await callee.ended())
        router.program.signal(SIGKILL)
    }

    @Test("--count leaves after so many, and is unfinished before")
    func count() async throws {
        let router = try await TestRouter()
        let callee = try await router.register(
            "t.x", "--count", "3", "--instances", "3",
            "--invoke", "roundrobin")
        expectCode(0, of: try await router.run("call", "t.x", "-n", "3", "-q"))
        expectCode(0, of: try await callee.ended())
        let unfinished = try await router.register("t.x", "--count", "3")
        unfinished.signal(SIGTERM)
        expectCode(143, of: try await unfinished.ended())
    }

    @Test("Interrupted calls end with the signal's code; a run prints what it has")
    func interruptedCalls() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.slow", "--delay", "1h", "--trace")
        let signals: [(Int32, Int32)] = [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129)]
        for (index, (signal, code)) in signals.enumerated() {
            let call = try Program(["call", "t.slow"], environment: router.environment)
            try await callee.said("< INVOCATION", times: index + 1)
            call.signal(signal)
            expectCode(code, of: try await call.ended(), "\(signal)")
            // The callee hears of it.
            try await callee.said("< INTERRUPT", times: index + 1)
        }
        let quick = try await router.register("t.quick")
        let run = try Program(
            ["call", "t.quick", "-n", "0", "--tally", "-o", "jsonl", "--trace"],
            environment: router.environment)
        try await run.said("> CALL", times: 20)
        run.signal(SIGINT)
        let outcome = try await run.ended()
        expectCode(130, of: outcome)
        #expect(try outcome.lastDocument["interrupted"] == true)
        let rows = try Program(
            ["call", "t.quick", "-n", "0", "--tally", "--trace"], environment: router.environment)
        try await rows.said("> CALL", times: 20)
        rows.signal(SIGINT)
        #expect(try await rows.ended().talk.contains("\ninterrupted after "))
        _ = (callee, quick)
    }

    @Test(
        "A callee killed in the middle of a run: its calls end, others go on, the event is shown (SR-51)"
    )
    func killedCallee() async throws {
        let router = try await TestRouter()
        let stays = try await router.register("t.x", "--invoke", "roundrobin", "--name", "stays")
        let dies = try await router.register(
            "t.x", "--invoke", "roundrobin", "--name", "dies", "--trace")
        let run = try Program(
            ["call", "t.x", "-n", "20000", "-c", "16", "--tally", "-o", "json"],
            environment: router.environment)
        try await dies.said("< INVOCATION", times: 100)
        dies.signal(SIGKILL)
        let outcome = try await run.ended()
        let tally = try outcome.document
        #expect(tally["calls"] == 20000)
        #expect(
            (tally["ok"]?.unsigned ?? 0) + (tally["unanswered"]?.unsigned ?? 0) == 20000)
        let event = tally["events"]?.list?.last?.dictionary
        #expect(event?["type"] == "left")
        #expect(event?["name"] == "dies-1")
        #expect(tally["verdict"]?.dictionary?["ok"] == true, "\(outcome)")
        _ = stays
    }

    @Test("A router that is killed ends callers and callees with 14")
    func lostRouter() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.slow", "--delay", "1h", "--trace")
        let call = try Program(["call", "t.slow"], environment: router.environment)
        let run = try Program(
            ["call", "t.slow", "-n", "2", "--tally"], environment: router.environment)
        let lines = try Program(
            ["call", "t.slow", "--stdin", "lines"], input: "a\nb\n",
            environment: router.environment)
        let records = try Program(
            ["call", "t.slow", "-n", "0", "-o", "jsonl"], environment: router.environment)
        try await callee.said("< INVOCATION", times: 4)
        router.program.signal(SIGKILL)
        expectCode(14, of: try await callee.ended())
        expectCode(14, of: try await call.ended())
        for run in [run, lines, records] {
            let outcome = try await run.ended()
            expectCode(14, of: outcome)
            // One line tells it, and no error is named that nobody sent.
            #expect(outcome.talk.ranges(of: "the connection was lost").count == 1, "\(outcome)")
            #expect(!(outcome.talk + outcome.output).contains("network_failure"), "\(outcome)")
        }
    }

    @Test("The end of a session names its reason once, and broken rules are told from a loss")
    func sessionEnds() async throws {
        let router = try await TestRouter("--drain-timeout", "0")
        let callee = try await router.register("t.x")
        router.program.signal(SIGTERM)
        let outcome = try await callee.ended()
        expectCode(14, of: outcome)
        let sentence = "the router closed the session (wamp.close.system_shutdown)\n"
        #expect(outcome.talk.hasSuffix("\nwampctl register: \(sentence)"), "\(outcome)")
        let aborted = CommandFailure(.aborted(reason: .protocolViolation, message: "no"))
        #expect(aborted.code == .protocolFault)
        #expect(
            aborted.text(command: "wampctl call")
                == "wampctl call: the router aborted the session: no (wamp.error.protocol_violation)"
        )
        #expect(CommandFailure(.rejected("too large")).code == .protocolFault)
    }

    @Test("A callee that leaves during a tally in a pipe is told of on stderr (SR-51)")
    func leavingCallee() async throws {
        let router = try await TestRouter()
        let stays = try await router.register("t.x", "--invoke", "roundrobin", "--name", "stays")
        let dies = try await router.register(
            "t.x", "--invoke", "roundrobin", "--name", "dies", "--trace")
        let run = try Program(
            ["call", "t.x", "-n", "20000", "-c", "4", "--tally"], environment: router.environment)
        try await dies.said("< INVOCATION", times: 100)
        dies.signal(SIGKILL)
        #expect(try await run.ended().talk.contains("  dies-1 left\n"))
        _ = stays
    }

    @Test("A reader of stdout that goes away ends every command with 141, silently")
    func brokenPipe() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.echo", "--echo")
        for words in [
            "call t.echo x", "call t.echo x -n 100000", "call t.echo x -n 100000 -c 8",
            "router -q -p 0 --print-port",
        ] {
            let outcome = try Program(
                ["-c", "set -o pipefail; wampctl \(words) | true; echo ${PIPESTATUS[0]}"],
                executable: "bash", environment: router.environment)
            let end = try await outcome.ended()
            // A short write may still reach the pipe before `true` has ended.
            #expect(
                end.output == "141\n" || words == "call t.echo x" && end.output == "0\n", "\(end)")
            #expect(end.talk.isEmpty, "\(end)")
        }
        for words in ["call t.echo x", "call t.echo x -n 3", "router -q -p 0 --print-port"] {
            let closed = try Program(
                ["-c", "wampctl \(words) >&-; echo $? >&2"], executable: "bash",
                environment: router.environment)
            #expect(try await closed.ended().talk == "141\n", "\(words)")
        }
        for words in ["call t.echo x", "call t.echo x -n 30"] {
            let full = try Program(
                ["-c", "wampctl \(words) >/dev/full"], executable: "bash",
                environment: router.environment)
            let end = try await full.ended()
            expectCode(1, of: end, "\(words)")
            #expect(
                end.talk == "wampctl: cannot write to stdout: No space left on device\n", "\(end)")
        }
        _ = callee
    }

    @Test("A message that the router does not take ends with 15")
    func tooLarge() async throws {
        let router = try await TestRouter("--max-message", "64k")
        let callee = try await router.register("t.x")
        let urls = [
            router.url,
            router.url.replacing("ws://", with: "tcp://").replacing("/ws", with: ""),
        ]
        for url in urls {
            for more in [[], ["-n", "2"], ["--tally"]] {
                let outcome = try await Program(
                    ["call", "t.x", "--args", "@/dev/stdin", "-u", url] + more,
                    input: "[\"\(String(repeating: "x", count: 200_000))\"]",
                    environment: router.environment
                ).ended()
                expectCode(15, of: outcome, "\(url) \(more)")
            }
        }
        _ = callee
    }
}
