// What a command says where it may not do what it was asked to: as whom, why, and what would help;
// and that it says so under -q too.

import NIOPosix
import Testing
import WAMP
import WAMPClient
import WAMPTransport

@testable import wampctl

/// A router with a configuration file, in a process of its own.
private struct ConfiguredRouter {
    let folder: TemporaryFolder
    let router: Program
    let url: String

    init(_ realm: String, files: [String: String] = [:]) async throws {
        folder = try TemporaryFolder()
        for (name, text) in files { folder.write(name, text) }
        let lines = realm.split(separator: "\n").map { "    \($0)\n" }.joined()
        folder.write("router.yaml", "realms:\n  - name: realm1\n\(lines)")
        router = try Program(
            ["router", "--config", "\(folder.path)/router.yaml", "-p", "0", "-q"],
            announces: true)
        let listeners = try await router.ready()["listeners"]?.list
        url = try #require(listeners?.first?.dictionary?["url"]?.string)
    }

    func start(_ words: [String], announces: Bool = false) throws -> Program {
        try Program(words, environment: ["WAMPCTL_URL": url], announces: announces)
    }

    func run(_ words: String..., input: String? = nil) async throws -> Outcome {
        try await Program(words, input: input, environment: ["WAMPCTL_URL": url]).ended()
    }
}

@Suite(.serialized, .timeLimit(.minutes(10))) struct DenialTests {
    /// Guests may call and register below `t.`, and see nothing of the meta API; workers may all.
    private func makeRouter() async throws -> ConfiguredRouter {
        try await ConfiguredRouter(
            """
            anonymous: { role: guest }
            users: [ { authid: app, role: worker, ticket_file: ticket } ]
            roles:
              - name: guest
                allow: [ { uri: t., match: prefix, actions: [call, register] } ]
              - name: worker
                allow: [ { uri: "", match: prefix, actions: [call, register, publish, subscribe] } ]
                meta: [read]
            """, files: ["ticket": "sesame\n"])
    }

    private func register(
        _ router: ConfiguredRouter, _ words: String...
    ) async throws -> Program {
        let callee = try router.start(["register"] + words, announces: true)
        _ = try await callee.ready()
        return callee
    }

    @Test("Every command says as which role something was denied")
    func role() async throws {
        let router = try await makeRouter()
        for words in [
            ["call", "x.y"], ["call", "x.y", "-n", "3", "--fail-fast"], ["publish", "t.x", "1"],
            ["publish", "t.x", "-n", "2"], ["subscribe", "t.x"], ["register", "x.y"],
            ["meta", "session", "list"], ["meta", "watch"], ["meta", "registration", "list"],
            ["call", "wamp.session.count"],
            ["publish", "t.x", "--require-subscribers", "1"],
        ] {
            let outcome = try await router.start(words).ended()
            expectCode(5, of: outcome, "\(words)")
            #expect(outcome.talk.contains("not authorized as role 'guest'"), "\(outcome)")
        }
        let batch = try await router.run(
            "call", "x.y", "--stdin", "lines", input: "a\n")
        #expect(batch.talk.contains("line 1: not authorized as role 'guest'"), "\(batch)")
        let object = try await router.run("call", "x.y", "-o", "json")
        #expect(object.talk.contains("not authorized as role 'guest'"))
        let bench = try await router.run("bench", "-u", router.url, "-n", "1", "--warmup", "0")
        expectCode(5, of: bench)
        #expect(bench.talk.contains("not authorized as role 'guest'"), "\(bench)")
    }

    @Test("A tally of a role without the meta API says so, and that --rule helps, which it does")
    func blind() async throws {
        let router = try await makeRouter()
        let callee = try await register(
            router, "t.x", "--invoke", "roundrobin", "--instances", "3")
        let reason =
            "the rule is not known: role 'guest' may not call wamp.registration.match; name it "
            + "with --rule"
        let blind = try await router.run("call", "t.x", "-n", "30", "--verify")
        expectCode(13, of: blind)
        #expect(blind.talk.contains("verdict: \(reason)"), "\(blind)")
        let tally = try await router.run("call", "t.x", "-n", "30", "--tally")
        expectCode(0, of: tally)
        #expect(tally.talk.contains(reason), "\(tally)")
        let named = try await router.run(
            "call", "t.x", "-n", "30", "--verify", "--rule", "roundrobin")
        expectCode(0, of: named)
        let seeing = try await router.run(
            "call", "t.x", "-n", "30", "--verify", "--authid", "app", "--secret-file",
            "\(router.folder.path)/ticket")
        expectCode(0, of: seeing)
        let waiting = try await router.run(
            "call", "t.x", "-n", "3", "--wait", "60s", "-q", "-o", "jsonl")
        expectCode(0, of: waiting)
        #expect(
            waiting.talk.hasPrefix(
                "warning: --wait cannot see who is registered: role 'guest' may not call "
                    + "wamp.registration.match"), "\(waiting)")
        _ = callee
    }

    @Test("-q leaves one line that says why a run of many failed")
    func quietFailures() async throws {
        let router = try await TestRouter()
        let callees = try await router.register("t.x", "--invoke", "random", "--instances", "3")
        let faulty = try await router.register(
            "t.bad", "--fail-rate", "1", "--fail-error", "com.example.no")
        let cases: [(words: [String], code: Int32, part: String)] = [
            (["call", "t.x", "-n", "30", "--verify", "--rule", "first"], 13, "verdict: "),
            (["call", "t.x", "-n", "3", "--verify", "-o", "json"], 13, "too few calls"),
            (["call", "t.bad", "-n", "3", "--tally"], 10, "3 of 3 calls failed: 3 com.example.no"),
            (["call", "t.bad", "-n", "3", "-o", "jsonl"], 10, "3 of 3 calls failed"),
            (["call", "t.none", "-n", "1", "--duration", "1s", "-o", "jsonl"], 6, "1 of 1 call f"),
            (["publish", "wamp.x", "-n", "2", "-o", "jsonl"], 10, "2 of 2 events failed"),
            (["publish", "t.x", "--require-subscribers", "1"], 13, "0 of 1 subscribers"),
            (["subscribe", "t.x", "--timeout", "50ms"], 8, "no event within 50ms"),
            (["call", "t.none"], 6, "no such procedure"),
            (["meta", "registration", "lookup", "t.none"], 6, "no such registration"),
        ]
        for (words, code, part) in cases {
            let outcome = try await router.run(words + ["-q"])
            expectCode(code, of: outcome, "\(words)")
            #expect(outcome.talk.contains(part), "\(words): \(outcome)")
            let lines = outcome.talk.split(separator: "\n").filter { !$0.hasPrefix("hint: ") }
            #expect(lines.count == 1, "\(words): \(outcome)")
        }
        let batch = try await router.run(
            ["call", "-", "-q"], input: "{\"procedure\":\"t.bad\"}\n{\"procedure\":\"t.x\"}\n")
        expectCode(12, of: batch)
        #expect(batch.talk == "wampctl call: 1 of 2 calls failed: 1 com.example.no\n")
        let document = try await router.run(
            ["call", "t.x", "-n", "30", "--verify", "--rule", "first", "-o", "json"])
        let error = try #require(try JSONText.parse(document.talk).dictionary?["error"]?.dictionary)
        #expect(error["code"] == 13 && error["kind"] == "check_failed")
        _ = (callees, faulty)
    }

    @Test("An authid that nothing proves is joined without only with a warning that says as whom")
    func unproved() async throws {
        let router = try await makeRouter()
        let callee = try await register(router, "t.x")
        let call = try await router.run("call", "t.x", "--authid", "app", "-q")
        expectCode(0, of: call)
        #expect(
            call.talk == "warning: joined as anonymous with the role 'guest', not as 'app': there "
                + "was no secret or key to prove it\n")
        let many = try await router.run(
            "call", "t.x", "-n", "4", "--sessions", "2", "--authid", "app", "-q")
        #expect(many.talk.split(separator: "\n").count == 1, "\(many)")
        let bench = try await router.run(
            "bench", "-u", router.url, "--procedure", "t.x", "-n", "4", "--warmup", "0",
            "--sessions", "2", "--authid", "app", "-q")
        #expect(bench.talk.split(separator: "\n").count == 1, "\(bench)")
        #expect(bench.talk.contains("not as 'app'"))
        // Where nobody has to prove anything the name is taken.
        let open = try await TestRouter()
        let named = try await open.run("meta", "session", "list", "--authid", "app", "-o", "tsv")
        #expect(named.output.contains("\tapp\t") && named.talk.isEmpty)
        _ = callee
    }

    @Test(
        "Who is refused by an authenticator learns by which method, what else there is, and its words"
    )
    func authenticator() async throws {
        let router = try await ConfiguredRouter(
            """
            authenticator: t.authenticate
            anonymous: { role: guest }
            roles:
              - name: guest
                allow: [ { uri: t., match: prefix, actions: [call, register] } ]
            """)
        router.folder.write("ticket", "sesame\n")
        let secret = ["--authid", "eve", "--secret-file", "\(router.folder.path)/ticket"]
        let session = try await Session.join(
            Endpoint(router.url), on: MultiThreadedEventLoopGroup.singleton)
        _ = try await session.register("t.authenticate") { request in
            let details = try? request.values().args.dropFirst(2).first?.dictionary
            if details?["authmethod"] == "ticket" {
                request.reply(args: [["role": "guest"]])
            } else {
                request.fail("com.example.no_password", args: ["only tickets are taken here"])
            }
        }
        let callee = try await register(router, "t.x")
        let refused = try await router.start(["call", "t.x"] + secret).ended()
        expectCode(4, of: refused)
        #expect(
            refused.talk.contains(
                "authentication denied: only tickets are taken here (wamp-scram was tried; also on "
                    + "offer: wampcra, ticket)"), "\(refused)")
        #expect(
            refused.talk.contains("hint: another method alone: --authmethod ticket, or wampcra\n"))
        let taken = try await router.start(
            ["call", "t.x", "--authmethod", "ticket"] + secret
        ).ended()
        expectCode(0, of: taken)
        await session.leave()
        let gone = try await router.start(["call", "t.x"] + secret).ended()
        #expect(gone.talk.contains("did not answer") && gone.talk.contains("wamp-scram was tried"))
        _ = callee
    }

    @Test("What is reserved for the router is said to be, whoever asks")
    func reserved() async throws {
        let router = try await TestRouter()
        for words in [
            ["call", "wamp.foo"], ["call", "wamp.foo", "-n", "2"], ["publish", "wamp.foo"],
            ["publish", "wamp.foo", "-n", "2"], ["register", "wamp.foo"],
        ] {
            let outcome = try await router.run(words)
            expectCode(not: 0, of: outcome, "\(words)")
            #expect(outcome.talk.contains("reserved for the router"), "\(outcome)")
        }
        let silent = try await router.run("subscribe", "wamp.foo", "--idle", "50ms")
        #expect(silent.talk.contains("hint: 'wamp.foo' will stay silent"), "\(silent)")
        let denied = try await makeRouter()
        let blind = try await denied.run("call", "wamp.session.count")
        expectCode(5, of: blind)
        #expect(blind.talk.contains("hint: the role lacks 'meta: [read]'"), "\(blind)")
        for words in [["register", "wamp.foo"], ["subscribe", "wamp.foo"], ["call", "wamp.foo"]] {
            let outcome = try await denied.start(words).ended()
            expectCode(not: 0, of: outcome, "\(words)")
            #expect(outcome.talk.contains("reserved for the router"), "\(outcome)")
        }
    }
}
