// The commands as processes: what a person sees in a pipe.

import Glibc
import NIOPosix
import Testing
import WAMP
import WAMPClient
import WAMPTransport

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct ProgramTests {
    @Test(
        "A router, callees under each rule, and a verified distribution in one line (SR-29, SR-38, SR-40 to SR-42)"
    )
    func eachRule() async throws {
        for rule in ["roundrobin", "random", "first", "last", "single"] {
            let instances = rule == "single" ? 1 : 3
            let outcome = try await Program.script(
                """
                wampctl register t.x --instances \(instances) --invoke \(rule) --detach &&
                wampctl call t.x -n 3000 -c 16 --tally --verify -o json
                """)
            expectCode(0, of: outcome, "\(rule)")
            let tally = try outcome.lastDocument
            #expect(tally["rule"] == .string(rule), "\(rule)")
            #expect(tally["ok"] == 3000, "\(rule)")
            #expect(tally["verdict"]?.dictionary?["ok"] == true, "\(rule)")
            let counts = tally["callees"]?.list?.compactMap { $0.dictionary?["count"] }
            if rule == "roundrobin" { #expect(counts == [1000, 1000, 1000], "\(rule)") }
            if rule == "first" { #expect(counts == [3000, 0, 0], "\(rule)") }
            if rule == "last" { #expect(counts == [0, 0, 3000], "\(rule)") }
            // The detached callees end with their router; `tail` waits for that.
            let callee = try #require(outcome.lines.first, "\(rule)")
            let gone = try Program(["--pid=\(callee)", "-f", "/dev/null"], executable: "tail")
            expectCode(0, of: try await gone.ended(), "\(rule)")
        }
    }

    @Test("A distribution that is not the rule's fails verification with 13")
    func wrongRule() async throws {
        for (rule, other) in [("roundrobin", "random"), ("random", "roundrobin")] {
            let outcome = try await Program.script(
                """
                wampctl register t.x --instances 3 --invoke \(rule) --detach &&
                wampctl call t.x -n 3000 -c 16 --tally --verify --rule \(other)
                """)
            expectCode(13, of: outcome, "\(rule)")
        }
    }

    @Test(
        "Three registrars share a procedure; a fourth with another rule is told who and how (SR-05)"
    )
    func fourthRegistrar() async throws {
        let router = try await TestRouter()
        let callees = [
            try await router.register("uri", "--invoke", "random", "--name", "a"),
            try await router.register("uri", "--invoke", "random", "--name", "b"),
            try await router.register("uri", "--invoke", "random", "--name", "c"),
        ]
        let tally = try await router.run("call", "uri", "-n", "1000", "--tally")
        expectCode(0, of: tally)
        #expect(tally.lines.count == 3)
        #expect(tally.lines.allSatisfy { $0.split(separator: "\t")[2] > "1" })
        #expect(tally.talk.contains("verdict: consistent with uniform random selection"))
        let fourth = try await router.run("register", "uri", "--invoke", "last")
        expectCode(11, of: fourth)
        #expect(fourth.talk.contains("already registered with the rule 'random' by a-1, b-1, c-1"))
        #expect(fourth.talk.contains("hint: to join them, use --invoke random"))
        for callee in callees {
            callee.signal(SIGTERM)
            expectCode(0, of: try await callee.ended())
        }
    }

    @Test("Arguments arrive with their types over every serializer")
    func roundTrips() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.echo", "--echo", "--serializer", "msgpack")
        for serializer in ["json", "msgpack", "cbor"] {
            let outcome = try await router.run(
                "call", "t.echo", "007", "1e5", "true", ":=9223372036854775807",
                ":=18446744073709551615", ":=-1.5", ":=[1,{\"a\":null}]", "%=AAEC", "k=v",
                "--serializer", serializer, "-o", "json")
            let document = try outcome.document
            #expect(
                document["args"] == [
                    "007", "1e5", "true", .int(.max), .uint(.max), .double(-1.5),
                    [1, ["a": nil]], .binary([0, 1, 2]),
                ], "\(serializer)")
            #expect(document["kwargs"] == ["k": "v"], "\(serializer)")
        }
        let raw = try await router.run("call", "t.echo", "%=aGkA", "-o", "raw")
        #expect(raw.output == "hi\0")
        let text = try await router.run("call", "t.echo", ":={\"a\":[1]}")
        #expect(text.output == "{\"a\":[1]}\n")
        #expect(try await router.run("call", "t.echo").output.isEmpty)
        callee.signal(SIGINT)
        let end = try await callee.ended()
        expectCode(0, of: end)
        #expect(end.lines.count == 6)
        #expect(end.talk.contains("6 invocations, 0 errors"))
    }

    @Test("A megabyte goes through as it is")
    func megabyte() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.echo", "--echo", "--serializer", "cbor")
        let text = String(repeating: "0123456789abcdé ", count: 61_680)
        let outcome = try await router.run(
            "call", "t.echo", "--stdin", "text", "-o", "raw", input: text)
        #expect(outcome.output == text + "\n")
        _ = callee
    }

    @Test("stdin: lines and records, empty input, and a call that must not read it")
    func stdin() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.echo", "--echo")
        let lines = try await router.run(
            "call", "t.echo", "--stdin", "lines", input: "a\r\n\nb c\n")
        #expect(lines.output == "\"a\\r\"\n\"\"\n\"b c\"\n")
        expectCode(0, of: lines)
        let json = try await router.run("call", "t.echo", "--stdin", "json", input: "[1,\n2]")
        #expect(json.output == "{\"args\":[1,2],\"kwargs\":{}}\n")
        let bad = try await router.run("call", "t.echo", "--stdin", "json", input: "[1,\n2")
        expectCode(2, of: bad)
        #expect(bad.talk.contains("line 2"))
        let empty = try await router.run("call", "t.echo", "--stdin", "jsonl", input: "")
        expectCode(0, of: empty)
        #expect(empty.output.isEmpty)
        let batch = try await router.run(
            "call", "-",
            input: """
                {"procedure":"t.echo","args":[1],"id":"a1"}
                {"procedure":"t.none"}
                not json

                {"procedure":"t.echo","kwargs":{"k":2}}
                """)
        expectCode(12, of: batch)
        let records = try batch.lines.map { try #require(try JSONText.parse($0).dictionary) }
        #expect(records.map { $0["type"] } == ["result", "error", "error", "result"])
        #expect(records.map { $0["id"] } == ["a1", 2, 3, 5])
        #expect(records[1]["uri"] == "wamp.error.no_such_procedure")
        let loop = try Program(
            ["-c", "while read l; do wampctl call t.echo \"$l\"; done"], executable: "sh",
            input: "one\ntwo\n", environment: router.environment)
        #expect(try await loop.ended().output == "\"one\"\n\"two\"\n")
        _ = callee
    }

    @Test("Many calls: one result per line, records with -o jsonl, a summary on stderr")
    func repeated() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.echo", "--echo")
        let text = try await router.run("call", "t.echo", "x", "-n", "5", "-c", "2")
        #expect(text.output == String(repeating: "\"x\"\n", count: 5))
        #expect(text.talk.hasPrefix("5 calls, 5 ok, 0 errors, "))
        let records = try await router.run("call", "t.echo", "-n", "3", "-o", "jsonl", "-q")
        #expect(records.lines.count == 3)
        #expect(records.talk.isEmpty)
        let paced = try await router.run(
            "call", "t.echo", "--rate", "200", "--duration", "250ms", "--sessions", "2", "--tally",
            "-o", "json")
        expectCode(0, of: paced)
        #expect((try paced.document["calls"]?.unsigned ?? 0) > 0)
        let tally = try await router.run("call", "t.echo", "-n", "20", "--tally", "-o", "jsonl")
        #expect(tally.lines.count == 21)
        #expect(try JSONText.parse(tally.lines[20]).dictionary?["type"] == "tally")
        // What both records have has one name.
        let one = try #require(try JSONText.parse(records.lines[0]).dictionary)
        let counted = try #require(try JSONText.parse(tally.lines[0]).dictionary)
        #expect(Set(counted.keys).subtracting(one.keys) == ["caller"])
        #expect(counted["id"] == 1 && one["id"] == 1 && one["uri"] == .null)
        _ = callee
    }

    @Test("--wait outlasts the time until the procedure is registered")
    func waits() async throws {
        let router = try await TestRouter()
        let call = try Program(
            ["call", "t.later", "--wait", "60s"], environment: router.environment)
        let callee = try await router.register("t.later", "--static", "\"here\"")
        #expect(try await call.ended().output == "\"here\"\n")
        let never = try await router.run("call", "t.never", "--wait", "50ms")
        expectCode(6, of: never)
        #expect(never.talk.contains("no such procedure after 50ms"))
        _ = callee
    }

    @Test("A similar procedure is suggested, and what was sent as a string is pointed at")
    func hints() async throws {
        let router = try await TestRouter()
        let session = try await Session.join(
            Endpoint(router.url), on: MultiThreadedEventLoopGroup.singleton)
        _ = try await session.register("com.example.add2") { request in
            request.fail(.invalidArgument, args: ["two numbers are needed"])
        }
        let mistyped = try await router.run("call", "com.example.ad2")
        expectCode(6, of: mistyped)
        #expect(mistyped.talk.contains("hint: did you mean 'com.example.add2'?"))
        let untyped = try await router.run("call", "com.example.add2", "2", "3")
        expectCode(10, of: untyped)
        #expect(
            untyped.talk == """
                wampctl call: com.example.add2: two numbers are needed (wamp.error.invalid_argument)
                hint: '2' was sent as a string; write :=2, or use -j

                """)
        await session.leave()
    }

    @Test("Trace shows every message")
    func trace() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.x", "--static", "5")
        let outcome = try await router.run("call", "t.x", ":=2", "--trace")
        let words = outcome.talk.split(separator: "\n").map { $0.dropFirst(13) }
        #expect(
            words.map { $0.split(separator: " ").prefix(2).joined(separator: " ") } == [
                "> HELLO", "< WELCOME", "> CALL", "< RESULT", "> GOODBYE", "< GOODBYE",
            ])
        #expect(words[2] == "> CALL 1 t.x [2]")
        #expect(words[3] == "< RESULT 1 [5]")
        _ = callee
    }
}
