// The pure parts of running commands: admission of invocations, hints, the words of a detached
// child.

import Glibc
import Testing
import WAMP
import WAMPTransport

@testable import wampctl

@Suite struct InvocationGateTests {
    @Test(
        "Up to the limit are served, then some wait, then none is taken; who waited longest is next"
    )
    func order() {
        var gate = InvocationGate<Int>(limit: 2, queueLimit: 2)
        #expect((1...5).map { gate.arrived($0) } == [.serve, .serve, .wait, .wait, .refuse])
        #expect(gate.answered() == 3)
        #expect(gate.arrived(6) == .wait)
        #expect(gate.answered() == 4)
        #expect(gate.answered() == 6)
        #expect(gate.running == 2)
        #expect(gate.answered() == nil)
        #expect(gate.answered() == nil)
        #expect(gate.isIdle)
    }

    @Test("Without a limit all are served")
    func unlimited() {
        var gate = InvocationGate<Int>(limit: 0, queueLimit: 0)
        #expect((1...5000).allSatisfy { gate.arrived($0) == .serve })
    }

    @Test("A queue that is never empty keeps its order and does not grow")
    func longQueue() {
        var gate = InvocationGate<Int>(limit: 1, queueLimit: 10)
        for item in 0...5 { _ = gate.arrived(item) }
        for item in 6..<5000 {
            #expect(gate.answered() == item - 5, "\(item)")
            #expect(gate.arrived(item) == .wait, "\(item)")
        }
        #expect(gate.waitingCount == 5)
    }
}

@Suite struct HintTests {
    @Test("A bare word that looks like a value is pointed at")
    func strings() {
        #expect(
            Hints.strings(["x", "2"]) == ["'2' was sent as a string; write :=2, or use -j"])
        #expect(Hints.strings(["true"]).count == 1)
        #expect(Hints.strings(["007", "word", "\"quoted\""]).isEmpty)
    }

    @Test("A router is suggested only where one could be started")
    func refused() throws {
        let refused = "cannot connect: connection refused"
        func hints(_ url: String) throws -> [String] {
            Hints.unreachable(try Endpoint(url), because: refused)
        }
        #expect(try hints("ws://localhost:1/ws").count == 1)
        #expect(try hints("ws://example.com:1/ws").isEmpty)
    }

    @Test("A wrong path, a wrong transport and a URL without scheme are pointed at")
    func unreachable() throws {
        let missing = "the server refused the WebSocket upgrade with HTTP 404 Not Found"
        let wrong = Hints.unreachable(try Endpoint("ws://h:1/foo"), because: missing)
        #expect(wrong == ["is the path right? that of 'wampctl router' is /ws"])
        #expect(Hints.unreachable(try Endpoint("ws://h:1/ws"), because: missing).isEmpty)
        let silent = "no answer that opens a session within 5.0 seconds"
        #expect(Hints.unreachable(try Endpoint("tcp://h:1"), because: silent).count == 1)
        #expect(Hints.url(meantBy: "localhost:8080") == ["did you mean 'ws://localhost:8080/ws'?"])
        #expect(
            Hints.url(meantBy: "http://localhost:8080/ws") == [
                "did you mean 'ws://localhost:8080/ws'?"
            ])
        #expect(Hints.url(meantBy: "h:1/x") == ["did you mean 'ws://h:1/x'?"])
        #expect(Hints.url(meantBy: "/run/w.sock") == ["did you mean 'unix:///run/w.sock'?"])
        #expect(Hints.url(meantBy: "a b:c").isEmpty)
    }

    @Test(
        "What is nearly a URL is completed",
        arguments: [
            ("https://example.com/ws", "wss://example.com/ws"),
            ("https://example.com", "wss://example.com/ws"),
            ("HTTPS://example.com:8443/", "wss://example.com:8443/ws"),
            ("http://localhost:8080", "ws://localhost:8080/ws"),
            ("wamps://h/x?a=b", "wss://h/x?a=b"), ("example.com", "ws://example.com/ws"),
            ("tcp://localhost", "tcp://localhost:8080"), ("tls://h/", "tls://h:8080"),
            ("tcp://h:1/ws", "ws://h:1/ws"), ("tls://h:1/ws", "wss://h:1/ws"),
            ("tcp:h:1", "tcp://h:1"), ("ws:/h:1/ws", "ws://h:1/ws"),
            ("unix:/run/w.sock", "unix:///run/w.sock"), ("./w.sock", "unix://./w.sock"),
            ("[::1]:8080", "ws://[::1]:8080/ws"),
        ])
    func urls(written: String, meant: String) {
        let failure = #expect(throws: CommandFailure.self) { try Endpoint.written(written) }
        #expect(failure?.code == .usage)
        #expect(failure?.hints == ["did you mean '\(meant)'?"])
    }

    @Test("A topic below a reserved prefix is known to stay silent, but for those of the meta API")
    func silentTopics() {
        #expect(Hints.silent("wamp.foo").first?.contains("'wamp.'") == true)
        for topic in ["wamp.session.on_join", "wampctl.router.on_stats", "com.example.x"] {
            #expect(Hints.silent(topic).isEmpty, "\(topic)")
        }
    }

    @Test("The router's own URIs, and options that one call does not need, are pointed at")
    func reserved() {
        for error in [ErrorURI.invalidURI, .noSuchProcedure, .notAuthorized] {
            #expect(Hints.reserved("wamp.x", error: error).count == 1, "\(error)")
        }
        #expect(Hints.reserved("wamp", error: .invalidURI).count == 1)
        #expect(Hints.reserved("wamp.x", error: .timeout).isEmpty)
        #expect(Hints.reserved("a..b", error: .invalidURI).isEmpty)
        #expect(
            Hints.reserved("wampctl.router.x", error: .invalidURI)
                == ["URIs that begin with 'wampctl.router.' are reserved for the router"])
        #expect(Hints.reserved("wampctl.mine", error: .invalidURI).isEmpty)
        #expect(
            Hints.needless(concurrency: 10, sessions: 3, calls: 1)
                == [
                    "--concurrency and --sessions: one call is made; -n or --duration says how many"
                ])
        #expect(
            Hints.needless(concurrency: nil, sessions: nil, rate: 10, calls: 1)
                == ["--rate: one call is made; -n or --duration says how many"])
        #expect(Hints.needless(concurrency: nil, sessions: nil, rate: 10, calls: nil).isEmpty)
        #expect(Hints.needless(concurrency: 10, sessions: nil, calls: 5).isEmpty)
        #expect(Hints.needless(concurrency: 1, sessions: nil, calls: 1).isEmpty)
    }

    @Test("A conflict names the rule to join with")
    func conflict() {
        #expect(
            Hints.conflict(rule: "random", requested: "last") == [
                "to join them, use --invoke random"
            ])
        #expect(
            Hints.conflict(rule: "single", requested: "last") == [
                "the rule 'single' allows one callee"
            ])
        #expect(Hints.conflict(rule: nil, requested: "last").isEmpty)
    }

    @Test("A similar procedure is suggested")
    func similar() {
        #expect(
            Hints.similar(to: "com.example.helo", among: ["com.example.hello", "com.other"])
                == ["did you mean 'com.example.hello'?"])
    }
}

@Suite struct DetachmentTests {
    @Test("The child gets the same words with its own ready descriptor")
    func words() {
        #expect(
            Detachment.childArguments([
                "router", "--detach", "-p", "0", "--ready-fd", "5", "--ready-fd=6", "--",
                "--detach",
            ]) == ["router", "--ready-fd=3", "-p", "0", "--", "--detach"])
    }
}

@Suite struct RunFiguresTests {
    @Test("The summary counts calls, errors by URI with the most frequent first, and the rate")
    func summary() {
        var figures = RunFigures()
        for _ in 0..<997 { figures.succeed() }
        figures.fail("com.example.bad")
        figures.fail(.timeout)
        figures.fail(.timeout)
        #expect(
            figures.summary(in: .milliseconds(1900))
                == "1000 calls, 997 ok, 3 errors (2 wamp.error.timeout, 1 com.example.bad), 1.9 s, 526/s"
        )
        #expect(figures.exitCode == .partial)
        #expect(
            RunFigures().summary(in: .milliseconds(20), isInterrupted: true)
                == "0 calls, 0 ok, 0 errors, 0.020 s, 0/s, interrupted")
    }
}

@Suite struct InputLinesTests {
    private func lines(_ text: String) async -> [String] {
        var ends: [Int32] = [-1, -1]
        _ = pipe(&ends)
        _ = File.write(Array(text.utf8), to: ends[1])
        close(ends[1])
        let input = InputLines(descriptor: ends[0])
        var lines: [String] = []
        while let (number, bytes) = await input.next() {
            lines.append("\(number):\(String(decoding: bytes, as: UTF8.self))")
        }
        close(ends[0])
        return lines
    }

    @Test("Lines are numbered and stay as they are, but for the newline")
    func numbered() async {
        #expect(await lines("a\n\nb\r\nc") == ["1:a", "2:", "3:b\r", "4:c"])
        #expect(await lines("a\n") == ["1:a"])
        #expect(await lines("") == [])
        #expect(await lines("\n\n") == ["1:", "2:"])
    }
}

@Suite struct TraceLineTests {
    private func line(_ message: Message, _ payload: Payload = Payload()) -> String {
        let text = TraceLine.text(
            message, payload: payload, isSent: true, at: WallMoment(milliseconds: 0))
        return String(text.dropFirst(13))
    }

    @Test("Lines name message, ids, URI and arguments in the order of the wire")
    func messages() {
        let call = Call(request: RequestID(1), procedure: "com.example.add2")
        #expect(
            line(.call(call), Payload(args: [2, 3], as: .cbor))
                == "> CALL 1 com.example.add2 [2,3]")
        let error = ErrorMessage(.call, request: RequestID(7), error: .noSuchProcedure)
        #expect(
            line(.error(error), Payload(args: [], kwargs: ["a": 1], as: .json))
                == "> ERROR CALL 7 wamp.error.no_such_procedure [] {\"a\":1}")
        let register = Register(
            request: RequestID(2), options: RegisterOptions(invoke: "random"), procedure: "a.b")
        #expect(line(.register(register)) == "> REGISTER 2 a.b invoke=random")
    }

    @Test("Signatures and challenges never appear")
    func redacted() {
        let authenticate = Authenticate(signature: "secret", extra: ["key": "secret"])
        #expect(line(.authenticate(authenticate)) == "> AUTHENTICATE <redacted>")
        let challenge = Challenge(method: "wampcra", extra: ["salt": "secret"])
        #expect(line(.challenge(challenge)) == "> CHALLENGE wampcra <redacted>")
    }
}
