// What commands make of payloads that not every serializer can hold.

import Glibc
import NIOPosix
import Testing
import WAMP
import WAMPClient
import WAMPTransport

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct PayloadCommandTests {
    private func join(_ router: TestRouter, _ serializer: Serializer) async throws -> Session {
        try await Session.join(
            try Endpoint(router.url), options: SessionOptions(serializer: serializer),
            on: MultiThreadedEventLoopGroup.singleton)
    }

    @Test("Integers beyond 64 bits are sent and printed exactly")
    func bigIntegers() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.x", "--echo", "--serializer", "cbor")
        for digits in ["18446744073709551616", "-340282366920938463463374607431768211457"] {
            for serializer in ["json", "cbor"] {
                let outcome = try await router.run(
                    "call", "t.x", ":=\(digits)", "--serializer", serializer)
                #expect(outcome.output == "\(digits)\n", "\(outcome)")
            }
            let refused = try await router.run(
                "call", "t.x", ":=\(digits)", "--serializer", "msgpack")
            expectCode(not: 0, of: refused, "\(digits)")
            #expect(refused.talk.contains("args.0 is an integer beyond 64 bits"), "\(refused)")
        }
        callee.signal(SIGTERM)
        #expect(try await callee.ended().output.contains("[18446744073709551616]"))
    }

    @Test("What JSON cannot hold is not printed as something else: the call fails with its place")
    func unprintable() async throws {
        let router = try await TestRouter()
        let session = try await join(router, .msgpack)
        _ = try await session.register("t.nan") { $0.reply(args: [1, .double(.nan)]) }
        _ = try await session.register("t.key") {
            $0.reply(kwargs: ["a": .map([Value.MapEntry(nil, 1)])])
        }
        _ = try await session.register("t.keys") {
            $0.reply(args: [.map([Value.MapEntry(1, "a"), Value.MapEntry(true, "b")])])
        }
        for serializer in ["json", "msgpack", "cbor"] {
            for more in [["-o", "jsonl"], ["-o", "jsonl", "-n", "1"]] {
                let number = try await router.run(
                    ["call", "t.nan", "--serializer", serializer] + more)
                // Over JSON it is the router that cannot pass it on.
                expectCode(serializer == "json" ? 10 : 15, of: number, "\(serializer)")
                #expect(
                    (number.talk + number.output).contains(
                        serializer == "json"
                            ? "args.1 is NaN, which JSON cannot hold"
                            : "the result cannot be written as JSON: args.1 is NaN; use -o text"),
                    "\(number)")
                #expect(!number.output.contains("null]"), "\(number)")
            }
            let key = try await router.run("call", "t.key", "--serializer", serializer)
            #expect(key.talk.contains("kwargs.a has a key"), "\(key)")
            let keys = try await router.run("call", "t.keys", "--serializer", serializer)
            #expect(keys.output == "{\"1\":\"a\",\"true\":\"b\"}\n", "\(keys)")
        }
        await session.leave()
    }

    @Test("Numbers that JSON lacks are words in text, and what JSON cannot hold ends with 15")
    func numbers() async throws {
        let router = try await TestRouter()
        let session = try await join(router, .msgpack)
        _ = try await session.register("t.nan") {
            $0.reply(args: [.list([.double(.nan), .double(-.infinity), 1])])
        }
        _ = try await session.register("t.bad") {
            $0.fail("com.example.bad", args: [.double(.nan)])
        }
        for more in [[], ["-n", "1"], ["-o", "raw"]] {
            let outcome = try await router.run(
                ["call", "t.nan", "--serializer", "cbor"] + more)
            expectCode(0, of: outcome, "\(more)")
            #expect(outcome.output == "[NaN,-Infinity,1]\n", "\(outcome)")
        }
        let error = try await router.run("call", "t.bad", "--serializer", "cbor")
        #expect(error.talk.contains("(com.example.bad)\n  NaN\n"), "\(error)")
        let object = try await router.run(
            "call", "t.bad", "--serializer", "cbor", "-o", "json")
        expectCode(10, of: object)
        #expect(object.talk.contains("\"args\":[]"), "\(object)")
        #expect(object.talk.contains("cannot be written as JSON: args.0 is NaN"), "\(object)")
        for (format, code) in [("jsonl", 15), ("text", 0)] as [(String, Int32)] {
            let end = code == 0 ? ["--count", "1"] : []
            let subscriber = try Program(
                ["subscribe", "t.x", "--serializer", "cbor", "-o", format] + end,
                environment: router.environment, announces: true)
            _ = try await subscriber.ready()
            let callee = try Program(
                ["register", "t.echo", "--echo", "--serializer", "cbor", "-o", format] + end,
                environment: router.environment, announces: true)
            _ = try await callee.ready()
            _ = try await session.publish(
                "t.x", args: [.double(.nan)], options: ["acknowledge": true])
            _ = try await session.call("t.echo", args: [.double(.nan)])
            for program in [subscriber, callee] {
                if code != 0 {
                    try await program.said("cannot be written as JSON: args.0 is NaN; use -o text")
                    program.signal(SIGTERM)
                }
                let outcome = try await program.ended()
                expectCode(code, of: outcome, format)
                #expect(outcome.output.contains("[NaN]") == (code == 0), "\(outcome)")
            }
        }
        await session.leave()
    }

    @Test("An error shows all its arguments, in text and escaped")
    func errorArguments() async throws {
        let router = try await TestRouter()
        let session = try await join(router, .json)
        _ = try await session.register("t.bad") {
            $0.fail("com.example.bad", args: ["why", 2], kwargs: ["a": "\u{1b}[1m"])
        }
        for more in [[], ["-n", "1"]] {
            let outcome = try await router.run(["call", "t.bad"] + more)
            expectCode(10, of: outcome)
            #expect(
                outcome.talk.hasPrefix(
                    "wampctl call: t.bad: why (com.example.bad)\n"
                        + "  {\"args\":[\"why\",2],\"kwargs\":{\"a\":\"\\u001b[1m\"}}\n"),
                "\(outcome)")
        }
        await session.leave()
    }

    @Test("Arguments that would make a message too deep are refused before they are sent")
    func depth() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.x", "--echo")
        for (levels, isFine) in [(62, true), (63, false)] {
            let word =
                ":=" + String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
            let outcome = try await router.run("call", "t.x", word)
            if isFine {
                expectCode(0, of: outcome, "\(levels)")
            } else {
                expectCode(not: 0, of: outcome, "\(levels)")
            }
            #expect(outcome.talk.contains("nested deeper than 64") == !isFine, "\(outcome)")
        }
        callee.signal(SIGTERM)
        expectCode(0, of: try await callee.ended())
    }
}
