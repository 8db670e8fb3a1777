// What peers send is shown, and steers nothing: no terminal gets a control character of theirs.

import Glibc
import NIOPosix
import Testing
import WAMP
import WAMPClient
import WAMPTransport

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct SteeringTests {
    /// Of C0, DEL, C1, the separators of lines, and the direction of writing.
    private static let hostile =
        "\u{1b}[2J\u{7f}\u{85}\u{9b}31m\u{9d}0;x\u{2028}\u{202e}\u{2066}\u{7}"

    /// What may stand in a URI: no spaces of any kind.
    private static let hostileURI = "\u{1b}[2J\u{7f}\u{9b}31m\u{202e}"

    private func expectHarmless(_ outcome: Outcome, _ what: String) {
        for text in [outcome.output, outcome.talk] {
            let steering = text.unicodeScalars.filter { $0.isSteering && $0 != "\n" && $0 != "\t" }
            #expect(steering.isEmpty, "\(what): \(steering.map { String($0.value, radix: 16) })")
        }
    }

    /// Every place in which a peer's text can stand.
    @Test(
        "Errors, results, events, names and traces of a hostile peer reach no terminal as controls")
    func everywhere() async throws {
        let router = try await TestRouter()
        let peer = try await Session.join(
            Endpoint(router.url), on: MultiThreadedEventLoopGroup.singleton)
        let hostile = Self.hostile
        _ = try await peer.register("t.fail") { request in
            request.fail(
                ErrorURI("com.\(Self.hostileURI).bad"), args: [.string(hostile)],
                kwargs: [hostile: .string(hostile)])
        }
        _ = try await peer.register("t.give") { request in
            request.reply(args: [.string(hostile), 1], kwargs: [hostile: .string(hostile)])
        }
        let wild = "t.\u{9b}x\u{7f}.\u{202e}"
        _ = try await peer.register(URI(wild)) { request in request.reply(args: [.string(hostile)])
        }
        let lines: [[String]] = [
            ["call", "t.fail"], ["call", "t.fail", "-o", "json"], ["call", "t.fail", "--trace"],
            ["call", "t.fail", "-n", "3"], ["call", "t.fail", "-n", "3", "-o", "jsonl"],
            ["call", "t.fail", "-n", "3", "--tally"],
            ["call", "t.fail", "-n", "3", "--tally", "-o", "json"],
            ["call", "t.fail", "-n", "3", "--tally", "--tally-by", "args.0"],
            ["call", "t.give"], ["call", "t.give", "-o", "json"], ["call", "t.give", "-v"],
            ["call", "t.give", "-o", "jsonl"], ["call", "t.give", "-n", "2", "-o", "jsonl"],
            ["call", "t.give", "-n", "2", "--trace"], ["call", "t.give", "--stdin", "lines"],
            ["call", "t.give", "-n", "5", "--tally", "--tally-by", "args.0"],
            ["call", "-", "-o", "jsonl"], ["call", wild], ["call", wild + "y"],
            ["call", wild, "-n", "2", "--tally"],
            ["register", wild], ["register", wild, "-o", "jsonl"],
            ["meta", "registration", "list"], ["meta", "registration", "list", "-o", "table"],
            ["meta", "registration", "list", "-o", "json"],
            ["meta", "registration", "lookup", "t.none\u{9b}"],
            ["bench", "rpc", "--procedure", "t.fail", "-n", "5", "--warmup", "0s"],
            ["bench", "rpc", "--procedure", "t.fail", "-n", "5", "--warmup", "0s", "-o", "json"],
        ]
        for words in lines {
            let outcome = try await Program(
                words, input: "{\"procedure\":\"t.fail\"}\n{\"procedure\":\"t.give\"}\n",
                environment: router.environment
            ).ended()
            #expect(!(outcome.output + outcome.talk).isEmpty, "\(outcome)")
            expectHarmless(outcome, words.joined(separator: " "))
            try #require(peer.end == nil, "\(words)")
        }
        await peer.leave()
    }

    @Test("Events and invocations are printed without controls, and whole in JSON")
    func streams() async throws {
        let router = try await TestRouter()
        let peer = try await Session.join(
            Endpoint(router.url), on: MultiThreadedEventLoopGroup.singleton)
        let hostile = Self.hostile
        for format in ["text", "jsonl"] {
            let subscriber = try Program(
                ["subscribe", "t.", "--match", "prefix", "--count", "1", "-o", format, "--trace"],
                environment: router.environment, announces: true)
            _ = try await subscriber.ready()
            _ = try await peer.publish(
                URI("t.\u{9b}x\u{7f}"), args: [.string(hostile)],
                kwargs: [hostile: .string(hostile)], options: ["acknowledge": true])
            let events = try await subscriber.ended()
            expectHarmless(events, "subscribe -o \(format)")
            if format == "jsonl" {
                let record = try events.document
                #expect(record["args"] == [.string(hostile)], "\(format)")
                #expect(record["kwargs"] == [hostile: .string(hostile)], "\(format)")
                #expect(record["topic"] == "t.\u{9b}x\u{7f}", "\(format)")
            }
            let callee = try Program(
                ["register", "t.echo", "--echo", "--count", "1", "-o", format, "--trace"],
                environment: router.environment, announces: true)
            _ = try await callee.ready()
            _ = try await peer.call("t.echo", args: [.string(hostile)])
            expectHarmless(try await callee.ended(), "register -o \(format)")
        }
        await peer.leave()
    }

    @Test("Reasons with which the router ends a session cannot steer the terminal")
    func reasons() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.x", "--trace")
        let killed = try await router.run(
            "meta", "session", "kill", "--all", "--yes", "--message", Self.hostile, "--reason",
            "com.\u{9b}x")
        expectCode(0, of: killed)
        let end = try await callee.ended()
        expectCode(14, of: end)
        expectHarmless(end, "register")
        let refused = try await router.run("call", "t.x", "-r", "no\u{9b}x\u{7f}")
        expectCode(4, of: refused)
        expectHarmless(refused, "call -r")
    }

    @Test("JSON for people escapes what steers, and means the same")
    func json() throws {
        #expect(
            JSONText.text(["\u{7f}": "\u{1b}\u{80}é\u{9f}\u{2028}\u{202e}"])
                == #"{"\u007f":"\u001b\u0080é\u009f\u2028\u202e"}"#)
        #expect(
            JSONText.text(["a": ["\u{85}"]], indent: 2) == "{\n  \"a\": [\n    \"\\u0085\"\n  ]\n}")
        #expect(try JSONText.parse(JSONText.text(.string(Self.hostile))) == .string(Self.hostile))
        #expect(Terminal.sanitized("a\nb\u{9b}c\u{2067}d") == "a b?c?d")
        #expect(Terminal.sanitized("a\nb\u{9b}", keepsLines: true) == "a\nb?")
    }
}
