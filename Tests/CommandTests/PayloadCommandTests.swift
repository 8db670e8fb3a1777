// What commands make of payloads that not every serializer can hold.

import Glibc
import NIOPosix
import Testing
import WAMP
import WAMPClient
import WAMPTransport

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(5))) struct PayloadCommandTests {
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
            let number = try await router.run("call", "t.nan", "--serializer", serializer)
            expectCode(not: 0, of: number, "\(serializer)")
            #expect(number.output.isEmpty, "\(number)")
            #expect(number.talk.contains("args.1 is NaN, which JSON cannot hold"), "\(number)")
            #expect(number.talk.contains("wamp.error.invalid_payload"), "\(number)")
            let key = try await router.run("call", "t.key", "--serializer", serializer)
            #expect(key.talk.contains("kwargs.a has a key"), "\(key)")
            let keys = try await router.run("call", "t.keys", "--serializer", serializer)
            #expect(keys.output == "{\"1\":\"a\",\"true\":\"b\"}\n", "\(keys)")
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
