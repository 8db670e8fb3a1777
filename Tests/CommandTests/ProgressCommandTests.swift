// The options of `call` and `register` that only a router of the Advanced Profile serves.

import Glibc
import Testing
import WAMP

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct ProgressCommandTests {
    @Test("Results ahead of the last one are printed as they come, and kept for the one document")
    func progress() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.x", "--echo", "--progress", "--delay", "1ms")
        let text = try await router.run("call", "t.x", "a", "b", "--progress")
        #expect(text.lines == ["\"a\"", "\"b\"", #"{"args":["a","b"],"kwargs":{}}"#])
        let lines = try await router.run("call", "t.x", "a", "--progress", "-o", "jsonl")
        let types = try lines.lines.map { try JSONText.parse($0).dictionary?["type"] }
        #expect(types == ["progress", "result"])
        let document = try await router.run("call", "t.x", "a", "--progress", "-o", "json").document
        #expect(document["progress"] == [["args": ["a"], "kwargs": [:]]])
        #expect(document["args"] == ["a"])
        let plain = try await router.run("call", "t.x", "a")
        #expect(plain.output == "\"a\"\n")
        callee.signal(SIGTERM)
        expectCode(0, of: try await callee.ended())
    }

    @Test("A callee of a pattern serves every procedure that it matches, and names it")
    func patterns() async throws {
        let router = try await TestRouter()
        let early = try Program(
            ["call", "t.one", "--wait", "20s", "-v"], environment: router.environment)
        try await early.said("joined")
        let callee = try await router.register(
            "t.", "--match", "prefix", "--static", "1", "--invoke", "random")
        #expect(try await early.ended().output == "1\n")
        #expect(try await router.run("call", "t.two.three").output == "1\n")
        expectCode(6, of: try await router.run("call", "u.one"))
        let tally = try await router.run("call", "t.one", "-n", "5", "--tally", "-o", "json")
        #expect(try tally.document["rule"] == "random")
        callee.signal(SIGTERM)
        #expect(try await callee.ended().output.contains("  t.two.three  "))
        let other = try await router.register(
            "v.", "-O", "match=prefix", "-O", "invoke=last", "--instances", "2")
        other.signal(SIGTERM)
        let talk = try await other.ended().talk
        #expect(talk.contains("registered v. (prefix, last, 2 instances)"), "\(talk)")
    }

    @Test("A signal cancels a call of a callee that does not answer, in the mode asked for")
    func canceled() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.x", "--hang-rate", "1")
        let call = try Program(
            ["call", "t.x", "--cancel-mode", "killnowait", "--trace"],
            environment: router.environment)
        try await call.said("> CALL 1 t.x")
        call.signal(SIGINT)
        let outcome = try await call.ended()
        expectCode(130, of: outcome)
        #expect(outcome.talk.contains("> CANCEL 1 killnowait"))
        #expect(outcome.talk.contains("> GOODBYE"))
        callee.signal(SIGTERM)
        expectCode(0, of: try await callee.ended())
    }

    @Test("Subscribers of a pattern see the topic; a retained event waits for them")
    func events() async throws {
        let router = try await TestRouter()
        expectCode(0, of: try await router.run("publish", "t.state", "kept", "--retain"))
        let outcome = try await router.run(
            "subscribe", "t.", "--match", "prefix", "--get-retained", "-n", "1", "-t", "10s", "-o",
            "jsonl")
        let event = try outcome.document
        #expect(event["topic"] == "t.state")
        #expect(event["args"] == ["kept"])
        #expect(event["details"]?.dictionary?["retained"] == true)
    }

    @Test("Subscribers are counted before an event is published, and listed by name")
    func subscribers() async throws {
        let router = try await TestRouter()
        let early = try await router.run("publish", "t.a", "x", "--require-subscribers", "1")
        expectCode(13, of: early)
        #expect(early.talk == "wampctl publish: t.a: 0 of 1 subscribers\n")
        let late = try await router.run(
            "publish", "t.a", "x", "--require-subscribers", "1", "--wait", "50ms", "-q")
        expectCode(8, of: late)
        #expect(late.talk == "wampctl publish: t.a: 0 of 1 subscribers after 50ms\n")
        let subscriber = try Program(
            ["subscribe", "t.a", "-n", "1", "-o", "raw"], environment: router.environment,
            announces: true)
        _ = try await subscriber.ready()
        let list = try await router.run("meta", "subscription", "subscribers", "t.a")
        expectCode(0, of: list)
        #expect(list.lines.count == 1, "\(list)")
        expectCode(0, of: try await router.run("publish", "t.a", "x", "--require-subscribers", "1"))
        #expect(try await subscriber.ended().output == "x\n")
    }

    @Test("A killed session and a callee that is taken out end, and say why")
    func killed() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.x", "--name", "w")
        let session = try #require(
            try await router.run("meta", "registration", "callees", "t.x").lines.first?
                .split(separator: "\t").first)
        let removed = try await router.run(
            "meta", "registration", "remove", "t.x", String(session), "--yes", "--reason", "x.why")
        expectCode(0, of: removed)
        let outcome = try await callee.ended()
        expectCode(14, of: outcome)
        #expect(outcome.talk.contains("took the registration away: x.why"))
        let other = try await router.register("t.y")
        let killed = try await router.run(
            "meta", "session", "kill", "--all", "--yes", "--message", "enough", "-o", "json")
        #expect(try killed.document["killed"] == 1)
        #expect(try await other.ended().talk.contains("the router closed the session: enough"))
    }

    @Test("SR-40 When one instance of several is killed, the others go on")
    func oneOfSeveral() async throws {
        let router = try await TestRouter()
        let callees = try await router.register(
            "t.z", "--invoke", "first", "--instances", "3", "--name", "w")
        let sessions = try await router.run("meta", "registration", "callees", "t.z").lines
            .compactMap { $0.split(separator: "\t").first.map(String.init) }
        try #require(sessions.count == 3)
        for (place, session) in sessions.enumerated() {
            let answer = try await router.run("call", "t.z", "-o", "raw")
            #expect(answer.output == "w-\(place + 1)\n", "\(answer)")
            _ = try await router.run(
                "meta", "session", "kill", session, "--yes", "--message", "enough")
            if place < 2 {
                try await callees.said("w-\(place + 1)  the router closed the session: enough")
            }
        }
        let outcome = try await callees.ended()
        expectCode(14, of: outcome)
        #expect(outcome.talk.contains("w-2  1 invocation, 0 errors"))
    }
}
