// `wampctl router` as a process: where it cannot listen, what it says, and the command it serves.

import Glibc
import Testing
import WAMP

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct RouterTests {
    @Test("A port in use is a conflict, and a router there is recognised")
    func portInUse() async throws {
        let router = try await TestRouter()
        let port = try #require(router.url.split(separator: ":").last?.split(separator: "/").first)
        let outcome = try await Program.run("router", "-p", String(port))
        expectCode(11, of: outcome)
        #expect(outcome.talk.contains("by a WAMP router"))
        let serving = try await Program.run("router", "-p", String(port), "--", "make", "test")
        #expect(serving.talk.hasSuffix("hint: another port: wampctl router --port 0 -- make ...\n"))
        let detached = try await Program.run("router", "-p", String(port), "--detach")
        expectCode(11, of: detached)
        #expect(detached.output.isEmpty)
        #expect(detached.talk.contains("already in use"))
        // Another port would be of no use here.
        let path = "unix:///tmp/wampctl-test-\(getpid()).sock"
        let first = try Program(["router", "--listen", path, "-q"], announces: true)
        _ = try await first.ready()
        let second = try await Program.run("router", "--listen", path)
        expectCode(11, of: second)
        #expect(!second.talk.contains("hint:"))
        first.signal(SIGTERM)
        expectCode(0, of: try await first.ended())
    }

    @Test("Where a router cannot listen it says so in one line; a name that nobody knows is usage")
    func cannotListen() async throws {
        let unknown = try await Program.run("router", "-p", "0", "--host", "no.such.host.invalid")
        expectCode(2, of: unknown)
        #expect(
            unknown.talk.hasPrefix(
                "wampctl router: cannot listen on 'no.such.host.invalid': there is no such host\n"))
        let foreign = try await Program.run("router", "-p", "0", "--host", "192.0.2.1")
        expectCode(1, of: foreign)
        #expect(foreign.talk.hasSuffix(": Cannot assign requested address\n"), "\(foreign)")
        let nowhere = try await Program.run("router", "--listen", "unix:///nowhere/x.sock")
        expectCode(1, of: nowhere)
        #expect(nowhere.talk.hasSuffix(": No such file or directory\n"), "\(nowhere)")
    }

    @Test("With --log-format json, or -o json, all that a router says is an object")
    func routerTalk() async throws {
        for words in [["--log-format", "json"], ["-o", "jsonl"]] {
            let router = try Program(
                ["router", "--listen", "tcp://0.0.0.0:0"] + words, announces: true)
            _ = try await router.ready()
            router.signal(SIGTERM)
            let talk = try await router.ended().talk
            let messages = try talk.split(separator: "\n").map {
                try JSONText.parse(String($0)).dictionary?["message"]?.string
            }
            #expect(messages.first == "listening", "\(words)")
            #expect(
                messages.contains { $0?.hasSuffix("without TLS and authentication") == true },
                "\(words)")
            #expect(messages.contains("stopping"), "\(words)")
        }
        let people = try Program(["router", "-p", "0", "-o", "json", "--log-format", "text"])
        try await people.said("press Ctrl-C to stop")
    }

    @Test("The router returns the code of its command, or says that it cannot be run")
    func routerCommand() async throws {
        expectCode(7, of: try await Program.script("exit 7"))
        expectCode(143, of: try await Program.script("kill -TERM $$"))
        expectCode(127, of: try await Program.run("router", "-p", "0", "--", "no-such-command"))
        expectCode(126, of: try await Program.run("router", "-p", "0", "--", "/etc/passwd"))
        let variables = try await Program.script("echo $WAMPCTL_URL $WAMPCTL_REALM")
        #expect(variables.output.hasPrefix("ws://127.0.0.1:"))
        #expect(variables.output.hasSuffix("/ws realm1\n"))
        let context = try await Program.run(
            "router", "-p", "0", "--", "sh", "-c", "echo ${WAMPCTL_CONTEXT-none}",
            environment: ["WAMPCTL_CONTEXT": "staging"])
        #expect(context.output == "none\n")
    }

    @Test("A second signal ends a router at once, whatever is still running")
    func secondSignal() async throws {
        let router = try Program(["router", "-p", "0"], announces: true)
        let listeners = try await router.ready()["listeners"]?.list
        let url = try #require(listeners?.first?.dictionary?["url"]?.string)
        let callee = try Program(
            ["register", "t.slow", "--delay", "1h", "--trace"], environment: ["WAMPCTL_URL": url],
            announces: true)
        _ = try await callee.ready()
        let call = try Program(["call", "t.slow"], environment: ["WAMPCTL_URL": url])
        try await callee.said("< INVOCATION")
        router.signal(SIGINT)
        try await router.said("stopping: 1 call outstanding; a second signal ends at once")
        router.signal(SIGTERM)
        expectCode(143, of: try await router.ended())
        expectCode(14, of: try await call.ended())
    }
}
