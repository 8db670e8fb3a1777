// What a router makes of its configuration file while it runs: what wins, and what is read again.

import Glibc
import Testing
import WAMP

@testable import wampctl

@Suite("Router with a configuration file", .serialized, .timeLimit(.minutes(10)))
struct ConfiguredRouterTests {
    @Test("--check tells every error with file and line and ends with 2, else says OK")
    func check() async throws {
        let folder = try TemporaryFolder()
        let bad = folder.write("bad.yaml", "listen: []\nkeepalive: 10\n")
        let outcome = try await Program.run("router", "--config", bad, "--check")
        expectCode(2, of: outcome)
        #expect(outcome.output.isEmpty)
        #expect(
            outcome.talk.hasPrefix(
                """
                \(bad):1:1: unknown key 'listen'; did you mean 'listeners'?
                \(bad):2:12: 'keepalive': a duration needs a unit: 10s or 10ms?
                wampctl router: '\(bad)' has 2 errors

                """), "\(outcome)")
        let started = try await Program.run("router", "--config", bad)
        expectCode(2, of: started)
        #expect(started.talk == outcome.talk, "\(started)")
        let object = try await Program.run("router", "--config", bad, "--check", "-o", "json")
        expectCode(2, of: object)
        #expect(object.output.isEmpty, "\(object)")
        #expect(try JSONText.parse(object.talk).dictionary?["error"] != nil)
        let missing = try await Program.run("router", "--config", "/no/such/file", "--check")
        expectCode(2, of: missing)
        #expect(missing.talk.contains("No such file or directory"), "\(missing)")
        let good = folder.write("good.yaml", "realms: [ { name: com.example.main } ]\n")
        let fine = try await Program.run("router", "--config", good, "--check")
        expectCode(0, of: fine)
        #expect(fine.output == "\(good): OK\n" && fine.talk.isEmpty, "\(fine)")
    }

    @Test("An option wins over the environment, and the environment over the file")
    func precedence() async throws {
        let folder = try TemporaryFolder()
        let file = folder.write(
            "router.yaml",
            """
            realms:
              - { name: com.example.file, disclose_callee: false }
              - { name: com.example.other }
            keepalive: 1s
            drain_timeout: 1s
            log: { level: error }
            """)
        let environment = [
            "WAMPCTL_ROUTER_CONFIG": file, "WAMPCTL_ROUTER_KEEPALIVE": "2s",
            "WAMPCTL_ROUTER_DRAIN_TIMEOUT": "2s", "WAMPCTL_REALM": "com.example.file",
        ]
        let outcome = try await Program.run(
            "router", "--print-config", "--keepalive", "3s", environment: environment)
        expectCode(0, of: outcome)
        #expect(outcome.lines.contains("keepalive: 3s"))
        #expect(outcome.lines.contains("drain_timeout: 2s"))
        #expect(outcome.lines.contains("log: { level: error, format: text }"))
        #expect(outcome.lines.contains("    disclose_callee: false"))
        #expect(!outcome.output.contains("com.example.other"))
        #expect(outcome.talk.isEmpty)
        let other = try await Program.run(
            "router", "--check", "--config", file, "--realm", "com.example.fiel")
        expectCode(0, of: other)
        #expect(other.talk.contains("warning: --realm 'com.example.fiel' is not among its realms"))
        let none = try await Program.run("router", "--check", "--outbound-queue", "0")
        expectCode(2, of: none)
        #expect(none.talk.contains("at least 1"), "\(none)")
        // What is printed can be given back, and means the same.
        let again = folder.write("again.yaml", outcome.output)
        let printed = try await Program.run("router", "--print-config", "--config", again)
        #expect(printed.output == outcome.output)
    }

    @Test("SIGHUP takes over a good file, and a broken one changes nothing and says so")
    func reload() async throws {
        let folder = try TemporaryFolder()
        let listener = "unix://\(folder.path)/router.sock"
        let file = folder.write(
            "router.yaml", "listeners: [\"\(listener)\"]\nrealms: [ { name: com.example.a } ]\n")
        let router = try Program(["router", "--config", file], announces: true)
        _ = try await router.ready()
        func call(_ realm: String) async throws -> Outcome {
            try await Program.run("call", "wamp.session.count", "-u", listener, "-r", realm)
        }
        expectCode(not: 4, of: try await call("com.example.a"))
        expectCode(4, of: try await call("com.example.b"))
        folder.write(
            "router.yaml",
            "listeners: [\"\(listener)\"]\nrealms:\n  - name: com.example.a\n  - nam: com.example.b\n"
        )
        router.signal(SIGHUP)
        try await router.said("router.yaml:4:5: unknown key 'nam'; did you mean 'name'?")
        try await router.said("configuration not reloaded, the one in force stays")
        expectCode(4, of: try await call("com.example.b"))
        folder.write(
            "router.yaml",
            "listeners: [\"unix:///tmp/x.sock\"]\nrealms: [ { name: com.example.b } ]\n")
        router.signal(SIGHUP)
        try await router.said("configuration reloaded")
        try await router.said("listeners change with a restart")
        try await router.said("realm com.example.a is no longer configured")
        expectCode(not: 4, of: try await call("com.example.b"))
        expectCode(not: 4, of: try await call("com.example.a"))
        router.signal(SIGTERM)
        expectCode(0, of: try await router.ended())
    }

    @Test("The log file is opened anew on SIGHUP, and the PID file lasts as long as the router")
    func files() async throws {
        let folder = try TemporaryFolder()
        let log = "\(folder.path)/log", pid = "\(folder.path)/pid"
        let router = try Program(
            ["router", "-p", "0", "--log-file", log, "--pid-file", pid], announces: true)
        _ = try await router.ready()
        #expect(String(decoding: try File.contents(pid), as: UTF8.self) == "\(router.id)\n")
        #expect(rename(log, "\(log).1") == 0)
        router.signal(SIGHUP)
        router.signal(SIGTERM)
        expectCode(0, of: try await router.ended())
        let new = String(decoding: try File.contents(log), as: UTF8.self)
        #expect(new.contains("no configuration file to reload"))
        #expect(access(pid, F_OK) != 0)
    }

    @Test("A PID file belongs to its router as long as that lives, and to the next one then")
    func ownedPIDFile() async throws {
        let folder = try TemporaryFolder()
        let pid = "\(folder.path)/pid"
        #expect(File.replace(pid, with: "999999999\n"))
        let router = try Program(["router", "-p", "0", "--pid-file", pid], announces: true)
        _ = try await router.ready()
        let second = try await Program.run("router", "-p", "0", "--pid-file", pid)
        expectCode(11, of: second)
        #expect(second.talk.contains("belongs to the running process \(router.id)"), "\(second)")
        #expect(File.replace(pid, with: "1\n"))
        router.signal(SIGTERM)
        expectCode(0, of: try await router.ended())
        #expect(String(decoding: try File.contents(pid), as: UTF8.self) == "1\n")
    }

    @Test("With --auto-realms any realm can be joined, and --no-anonymous is a word of its own")
    func autoRealms() async throws {
        let outcome = try await Program.run(
            "router", "-p", "0", "--auto-realms", "--", "wampctl", "call", "wamp.session.count",
            "-r", "com.example.new")
        expectCode(not: 4, of: outcome)
        let printed = try await Program.run("router", "--print-config", "--no-anonymous")
        #expect(printed.lines.contains("    anonymous: false"))
    }
}
