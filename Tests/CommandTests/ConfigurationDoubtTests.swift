// What a configuration file says and nobody can have meant, and what is printed of it.

import Glibc
import Testing
import WAMP

@testable import wampctl

@Suite("Doubts about a configuration") struct ConfigurationDoubtTests {
    @Test(
        "A file with nothing in it is an empty one, and so is a section with nothing in it",
        arguments: [
            "", "---", "---\n", "--- # nothing\n...\n", "# nothing\n", "null\n", "{}", "log:\n",
            "---\nlimits:\nhttp: ~\nlog: {}\n",
        ])
    func nothing(text: String) throws {
        let (plan, problems) = ConfigurationTests.read(text, in: try TemporaryFolder())
        #expect(problems == [] && plan.realms.isEmpty && plan.listeners.isEmpty)
    }

    @Test("A router that nobody can join is told, and so are listeners of a file that do not hold")
    func closedRouter() async throws {
        let closed = try await Program.run("router", "--no-anonymous", "--check")
        expectCode(0, of: closed)
        #expect(
            closed.talk.contains("nobody can join: realm 'realm1' has no users"), "\(closed)")
        let folder = try TemporaryFolder()
        let file = folder.write("r.yaml", "listeners: [ \"ws://127.0.0.1:1/ws\" ]\n")
        let moved = try await Program.run("router", "--config", file, "--check", "-p", "2")
        #expect(moved.talk.contains("--port replaces the listeners of \(file)"), "\(moved)")
    }

    @Test("Keys in the wrong place, and bytes that are no text, are told with their place")
    func misplaced() throws {
        let folder = try TemporaryFolder()
        for (text, told) in [
            ("compatibility: crossbar\n", "it belongs in an entry of 'realms'"),
            ("slow_consumer: disconnect\n", "it belongs in 'limits'"),
        ] {
            let (_, problems) = ConfigurationTests.read(text, in: folder)
            #expect(problems.contains { "\($0)".hasSuffix(told) }, "\(problems)")
        }
        let file = "\(folder.path)/u.yaml"
        let descriptor = open(file, O_WRONLY | O_CREAT, 0o600)
        _ = File.write(Array("# ä\n# ".utf8) + [0xe4, 0x0a], to: descriptor)
        close(descriptor)
        let reader = FileReader(path: file)
        #expect(reader.root() == nil)
        #expect(reader.problems.map { "\($0)" }.first?.hasPrefix("\(file):2:3: not UTF-8") == true)
    }

    @Test("What is printed is in force: no HTTP endpoints, the log, and paths from the root")
    func printed() throws {
        let folder = try TemporaryFolder()
        let (plan, _) = ConfigurationTests.read(
            "http: { enabled: true }\npid_file: a/b.pid\n", in: folder)
        var relative = plan
        relative.log.file = "router.log"
        let lines = YAMLText.text(relative).split(separator: "\n").map(String.init)
        #expect(!lines.contains { $0.contains("http") })
        #expect(
            lines.contains(
                "log: { level: info, format: text, file: \"\(File.absolute("router.log"))\" }"))
        #expect(lines.contains("pid_file: \"\(folder.path)/a/b.pid\""))
        #expect(File.absolute("x").hasPrefix("/") && File.absolute("/x") == "/x")
    }

    /// A realm with one rule, or with what else stands in its place.
    private static func realm(rule: String) -> String {
        "realms: [ { name: a, roles: [ { name: anonymous, allow: [ \(rule) ] } ] } ]"
    }

    @Test(
        "What cannot have been meant is told as a warning, with its line and the cure",
        arguments: [
            (realm(rule: "{ uri: \"*\", actions: [call] }"), "{ uri: \"\", match: prefix }"),
            (
                realm(rule: "{ uri: com.app.*, actions: [call] }"),
                "{ uri: \"com.app.\", match: prefix }"
            ),
            (
                realm(rule: "{ uri: com.app.*, match: prefix, actions: [call] }"),
                "{ uri: \"com.app.\", match: prefix }"
            ),
            (
                realm(rule: "{ uri: com.ap*, actions: [call] }"),
                "{ uri: \"com.ap\", match: prefix }"
            ),
            (
                realm(rule: "{ uri: com.*.x, match: wildcard, actions: [call] }"),
                "{ uri: \"com..x\", match: wildcard }"
            ),
            (
                realm(rule: "{ uri: com.+.x, actions: [call] }"),
                "{ uri: \"com..x\", match: wildcard }"
            ),
            (realm(rule: "{ uri: com.a*b.x, actions: [call] }"), "a component that is empty"),
            (
                realm(rule: "{ uri: wamp.session., match: prefix, actions: [call] }"),
                "'meta: [read]'"
            ),
            (realm(rule: "{ uri: com.x, actions: [] }"), "the rule allows nothing"),
            (
                "realms: [ { name: a, procedures: [ { uri: com.*, queue: { limit: 1 } } ] } ]",
                "{ uri: \"com.\", match: prefix }"
            ),
            ("realms: [ { name: a, topics: [ { uri: com.*, retain: true } ] } ]", "match: prefix"),
            (
                "realms: [ { name: a, procedures: [ { uri: wamp.x, trustlevel: 1 } ] } ]",
                "nobody else can register it"
            ),
            ("realms: [ { name: a, anonymous: false } ]", "nobody can join 'a'"),
            (
                "realms: [ { name: a, authenticator: com.x, roles: [ { name: anonymous } ] } ]",
                "no role may register 'com.x'"
            ),
            (
                "realms: [ { name: a, authorizer: com.x, roles: [ { name: anonymous } ] } ]",
                "no role may register 'com.x'"
            ),
            ("pid_file: /no/such/folder/pid", "mkdir -p '/no/such/folder'"),
            ("log: { file: /no/such/folder/log }", "mkdir -p '/no/such/folder'"),
            ("log: { file: /etc/hostname/log }", "is no folder"),
            ("pid_file: /tmp", "is a folder"),
            ("listeners: [ \"unix:///no/such/folder/s\" ]", "mkdir -p '/no/such/folder'"),
            ("listeners: [ \"unix:///etc/hostname\" ]", "no socket is in the way"),
            ("tls: { cert: cert.pem, key: open.pem }", "can be read by everybody; chmod o="),
            ("http: { enabled: true }", "no HTTP endpoints"),
        ])
    func doubts(text: String, cure: String) throws {
        let folder = try TemporaryFolder()
        folder.write("open.pem", ConfigurationTests.certificate, mode: 0o644)
        let (_, problems) = ConfigurationTests.read(text, in: folder)
        #expect(problems.count == 1 && problems.first?.isWarning == true, "\(problems)")
        #expect(problems.first?.line == 1 && problems.first?.text.contains(cure) == true)
    }

    @Test(
        "What does work is no reason for a word",
        arguments: [
            realm(
                rule: "{ uri: com., match: prefix, actions: [call] }, { uri: com.x, actions: [] }"),
            realm(rule: "{ uri: com..x, match: wildcard, actions: [call] }"),
            realm(rule: "{ uri: wampum.x, actions: [call] }"),
            "realms: [ { name: a, authorizer: com.x, roles: [ { name: anonymous, allow: "
                + "[ { uri: com.x, actions: [register] } ] }, "
                + "{ name: b, allow: [ { uri: com.y, actions: [], cache: true } ] } ] } ]",
            "listeners: [ \"unix:///tmp/x.sock\" ]\npid_file: x.pid\nlog: { file: x.log }",
        ])
    func certainties(text: String) throws {
        let (_, problems) = ConfigurationTests.read(text, in: try TemporaryFolder())
        #expect(problems == [])
    }
}

@Suite("Router that is only asked about its configuration", .timeLimit(.minutes(10)))
struct CheckedRouterTests {
    @Test("--check warns of listeners that anybody may use, with their line, and says OK")
    func openListeners() async throws {
        let folder = try TemporaryFolder()
        let file = folder.write(
            "router.yaml", "listeners:\n  - ws://127.0.0.1:0/ws\n  - tcp://0.0.0.0:0\n")
        let open = try await Program.run("router", "--config", file, "--check")
        expectCode(0, of: open)
        #expect(open.output == "\(file): OK\n", "\(open)")
        #expect(
            open.talk.hasPrefix(
                "\(file):3:5: warning: tcp://0.0.0.0:0 is open to the network, "
                    + "without TLS and authentication; "), "\(open)")
        #expect(open.talk.split(separator: "\n").count == 1)
        let object = try await Program.run("router", "--config", file, "--check", "-o", "json")
        #expect(try object.document["warnings"]?.list?.count == 1)
        let closed = try await Program.run("router", "--config", file, "--check", "--no-anonymous")
        expectCode(0, of: closed)
        #expect(closed.talk.hasPrefix("wampctl router: warning: nobody can join: "), "\(closed)")
        let line = try await Program.run("router", "--host", "0.0.0.0", "--check")
        expectCode(0, of: line)
        #expect(line.talk.hasPrefix("wampctl router: warning: ws://0.0.0.0:8080/ws is open"))
        let places = try await Program.run(
            "router", "--check", "--log-file", "/no/such/log", "--pid-file", "/no/such/pid",
            "--port-file", "/no/such/port", "--listen", "unix:///no/such/socket")
        expectCode(0, of: places)
        #expect(places.talk.ranges(of: "warning: ").count == 4, "\(places)")
        #expect(places.talk.ranges(of: "mkdir -p '/no/such'").count == 4, "\(places)")
    }

    @Test("What is printed in one folder means the same in another")
    func printedElsewhere() async throws {
        let (folder, other) = (try TemporaryFolder(), try TemporaryFolder())
        folder.write("ticket", "sesame\n")
        folder.write(
            "router.yaml",
            """
            realms:
              - name: a
                users: [ { authid: u, role: r, ticket_file: ticket } ]
                roles: [ { name: r } ]
            log: { file: router.log }
            pid_file: router.pid
            """)
        let program = try Program(
            [
                "sh", "-c",
                "cd '\(folder.path)' && wampctl router --config router.yaml --print-config",
            ], executable: "/usr/bin/env")
        let printed = try await program.ended()
        expectCode(0, of: printed)
        let file = other.write("router.yaml", printed.output)
        let again = try await Program.run("router", "--config", file, "--print-config")
        expectCode(0, of: again)
        #expect(again.output == printed.output, "\(again)")
    }
}
