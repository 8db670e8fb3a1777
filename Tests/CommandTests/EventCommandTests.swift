// `publish` and `subscribe` as processes, against a router of their own.

import Glibc
import Testing
import WAMP

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct EventCommandTests {
    private func subscribe(_ router: TestRouter, _ words: String...) async throws -> Program {
        let program = try Program(
            ["subscribe"] + words, environment: router.environment, announces: true)
        _ = try await program.ready()
        return program
    }

    @Test("Events arrive with their types, and a subscriber that wants two ends with the second")
    func counted() async throws {
        let router = try await TestRouter()
        let subscriber = try await subscribe(router, "t.a", "t.b", "-n", "2", "-o", "jsonl")
        let first = try await router.run("publish", "t.a", "x", ":=1", "k:=true", "-o", "json")
        expectCode(0, of: first)
        let answer = try first.document
        #expect(answer["topic"] == "t.a")
        #expect(answer["acknowledged"] == true)
        expectCode(0, of: try await router.run("pub", "t.b", "--no-ack"))
        let outcome = try await subscriber.ended()
        expectCode(0, of: outcome)
        #expect(outcome.lines.count == 2)
        let event = try #require(try JSONText.parse(outcome.lines[0]).dictionary)
        #expect(event["type"] == "event")
        #expect(event["topic"] == "t.a")
        #expect(event["args"] == ["x", 1])
        #expect(event["kwargs"] == ["k": true])
        #expect(event["publication"] == answer["publication"])
        #expect(outcome.talk.contains("subscribed to t.a"))
    }

    @Test("Text names the topic and the arguments; raw is the first argument alone")
    func formats() async throws {
        let router = try await TestRouter()
        let text = try await subscribe(router, "t.a", "-n", "1")
        let raw = try await subscribe(router, "t.a", "-n", "1", "-o", "raw")
        expectCode(0, of: try await router.run("publish", "t.a", "hello", ":=2", "k=v"))
        #expect(try await text.ended().output.hasSuffix("  t.a  [\"hello\",2]  {\"k\":\"v\"}\n"))
        #expect(try await raw.ended().output == "hello\n")
    }

    @Test("Without its events in time a subscriber ends with 8, and after silence with 0")
    func clocks() async throws {
        let router = try await TestRouter()
        let late = try await router.run("subscribe", "t.a", "-t", "100ms")
        expectCode(8, of: late)
        #expect(late.talk.contains("no event within 100ms"))
        expectCode(0, of: try await router.run("subscribe", "t.a", "--idle", "100ms"))
    }

    @Test("A signal ends a subscriber with 0, one with events still to come with 128 + signal")
    func signals() async throws {
        let router = try await TestRouter()
        let serving = try await subscribe(router, "t.a")
        serving.signal(SIGTERM)
        expectCode(0, of: try await serving.ended())
        let bounded = try await subscribe(router, "t.a", "-n", "5")
        bounded.signal(SIGINT)
        expectCode(130, of: try await bounded.ended())
    }

    @Test("A subscriber whose router goes away ends with 14")
    func lost() async throws {
        let router = try await TestRouter()
        let subscriber = try await subscribe(router, "t.a")
        router.program.signal(SIGKILL)
        expectCode(14, of: try await subscriber.ended())
    }

    @Test("Lines, records and repetitions are events, each answered on its own")
    func many() async throws {
        let router = try await TestRouter()
        let subscriber = try await subscribe(router, "t.a", "-n", "7", "-o", "raw")
        let lines = try await router.run("publish", "t.a", "--stdin", "lines", input: "a\nb\n")
        expectCode(0, of: lines)
        #expect(lines.talk.contains("2 events, 2 ok, 0 errors"))
        let records = try await router.run(
            "publish", "-",
            input: """
                {"topic":"t.a","args":["c"],"id":"x1"}
                {"procedure":"t.a"}
                {"topic":"t.a","args":["d"]}

                """)
        expectCode(12, of: records)
        #expect(records.lines.count == 3)
        #expect(records.output.contains(#""id":"x1","uri":null,"topic":"t.a""#))
        #expect(records.output.contains("wampctl.error.usage"))
        expectCode(0, of: try await router.run("publish", "t.a", "e", "-n", "3", "--rate", "1k"))
        #expect(try await subscriber.ended().output == "a\nb\nc\nd\ne\ne\ne\n")
    }

    @Test("A refused publication is told with its code; unacknowledged it is not known")
    func refused() async throws {
        let router = try await TestRouter()
        let refused = try await router.run("publish", "wamp.session.on_join", "x")
        expectCode(not: 0, of: refused)
        #expect(refused.talk.contains("wampctl publish: wamp.session.on_join: "))
        expectCode(0, of: try await router.run("publish", "wamp.session.on_join", "--no-ack"))
    }

    @Test("An event may come back to its publisher's session only if that was asked for")
    func receivers() throws {
        var options = ReceiverOptions()
        options.noExcludeMe = true
        options.exclude = [3, 4]
        options.excludeAuthid = []
        options.excludeAuthrole = []
        options.eligible = []
        options.eligibleAuthid = ["joe"]
        options.eligibleAuthrole = []
        #expect(
            options.options
                == ["exclude_me": false, "exclude": [3, 4], "eligible_authid": ["joe"]])
    }
}
