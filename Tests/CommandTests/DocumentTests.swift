// What documents show works as it stands there: the configuration of README.md, and the manual page
// of the configuration file.

import Glibc
import Testing
import WAMP
import WAMPServer

@testable import WAMPRouter
@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct DocumentTests {
    /// A file of the repository.
    private func document(_ path: String) throws -> String {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return String(decoding: try File.contents("/\(root)/\(path)"), as: UTF8.self)
    }

    /// The commands in a section of README.md, block by block.
    private func commands(under title: String) throws -> [String] {
        let text = try document("README.md")
        let start = try #require(text.firstRange(of: "\n## \(title)\n"))
        let rest = text[start.upperBound...]
        let section = rest[..<(rest.firstRange(of: "\n## ")?.lowerBound ?? rest.endIndex)]
        return section.split(separator: "```sh\n").dropFirst().compactMap { part in
            part.firstRange(of: "```").map { String(part[..<$0.lowerBound]) }
        }
    }

    /// Runs lines of a shell in a folder; the first that fails ends them.
    private func run(
        _ lines: String, in folder: TemporaryFolder, environment: [String: String] = [:]
    ) async throws -> Outcome {
        try await Program(
            ["sh", "-c", "cd '\(folder.path)' && set -e\n\(lines)"], executable: "/usr/bin/env",
            environment: environment
        ).ended()
    }

    @Test("The configuration in README.md can be typed in, and does what is said beside it")
    func readme() async throws {
        let blocks = try commands(under: "Configuration")
        try #require(blocks.count == 2)
        let folder = try TemporaryFolder()
        // The test must not take ports that others may need.
        let making = blocks[0].replacing(":8080/", with: ":0/").replacing(":8443/", with: ":0/")
        let made = try await run(making, in: folder)
        try requireCode(0, of: made)
        #expect(made.output.hasSuffix("router.yaml: OK\n"), "\(made)")

        let first = try #require(blocks[1].split(separator: "\n").first)
        try #require(first == "wampctl router --config router.yaml --detach")
        let router = try Program(
            ["router", "--config", "\(folder.path)/router.yaml", "-q"], announces: true)
        let urls = try await router.ready()["listeners"]?.list?.compactMap {
            $0.dictionary?["url"]?.string
        }
        let open = try #require(urls?.first { $0.hasPrefix("ws:") })
        let secure = try #require(urls?.first { $0.hasPrefix("wss:") })
        let port = try #require(secure.split(separator: ":").last)
        let using = blocks[1].dropFirst(first.count)
            .replacing("localhost:8443/ws", with: "localhost:\(port)")
        let used = try await run(String(using), in: folder, environment: ["WAMPCTL_URL": open])
        expectCode(0, of: used)
        let lines = used.lines
        #expect(lines.contains { $0.hasSuffix(#"com.example.public.news  ["we are open"]"#) })
        #expect(lines.contains { $0.hasPrefix("\"") }, "who answered the call: \(lines)")
        #expect(lines.contains("denied: exit code 5"), "\(lines)")
        #expect(used.talk.contains("not authorized"))
        #expect(lines.contains { $0.contains("com.example.public.\tprefix\troundrobin\t2") })
        #expect(lines.contains { $0.contains("[\"we are open\"]\t{}") }, "history: \(lines)")
        router.signal(SIGTERM)
        expectCode(0, of: try await router.ended())
    }

    @Test("Who is refused is in the log, with the name given and the reason")
    func refusal() async throws {
        let folder = try TemporaryFolder()
        folder.write("ticket", "sesame\n")
        folder.write("wrong", "guess\n")
        folder.write(
            "router.yaml",
            """
            realms:
              - name: realm1
                anonymous: false
                users: [ { authid: cron, role: r, ticket_file: ticket } ]
                roles: [ { name: r } ]
            """)
        let outcome = try await Program([
            "router", "--config", "\(folder.path)/router.yaml", "-p", "0", "--log-level", "info",
            "--", "wampctl", "call", "a.b", "--authid", "cron", "--secret-file",
            "\(folder.path)/wrong",
        ]).ended()
        expectCode(4, of: outcome)
        let line = try #require(
            outcome.talk.split(separator: "\n").first { $0.contains("session refused") })
        #expect(line.contains("authid=cron") && line.contains("realm=realm1"), "\(line)")
        #expect(!outcome.talk.contains("guess") && !outcome.talk.contains("sesame"))
    }

    // MARK: wampctl-meta(1)

    @Test("The manual page of meta names all that the router's statistics tell")
    func statistics() throws {
        let now = Now(moment: Moment(nanoseconds: 1), unixMilliseconds: 0)
        let realm = Realm(name: "realm1", seed: 1, at: now)
        let page = MetaCommand.page.discussion
        let keys = realm.statisticsDetails(at: now).keys
        #expect(keys.count > 8 && keys.first == "uptime_ms")
        for key in keys + ["callees", "in_flight", "concurrency", "rerouted", "cursor", "queue"] {
            #expect(page.contains(key), "\(key)")
        }
    }

    // MARK: wampctl-router.yaml(5)

    @Test("The manual page of the configuration names every key that there is")
    func manualKeys() throws {
        let page = try document("man/wampctl-router.yaml.5")
        let keys = Set(
            ConfigurationTests.whole.matches(of: /([a-z_]+):[ \n]/).map { String($0.output.1) })
        #expect(keys.count > 70)
        for key in keys.sorted() {
            let name = try Regex("\\.(It|Cm|Brq)[^\\n]*\\b\(key)\\b")
            #expect(page.contains(name), "\(key)")
        }
    }

    @Test("The example of that page is a configuration without a fault")
    func manualExample() throws {
        let page = try document("man/wampctl-router.yaml.5")
        let start = try #require(page.firstRange(of: ".Sh EXAMPLES\n.Bd -literal\n"))
        let end = try #require(page[start.upperBound...].firstRange(of: "\n.Ed"))
        let folder = try TemporaryFolder()
        for (name, text) in [
            ("cert.pem", ConfigurationTests.certificate),
            ("key.pem", ConfigurationTests.certificate),
            ("app.secret", "sesame\n"), ("cron.ticket", "sesame\n"),
            ("eve.scram", ConfigurationTests.verifier),
        ] {
            folder.write(name, text)
        }
        let reader = FileReader(
            path: folder.write("router.yaml", String(page[start.upperBound..<end.lowerBound])))
        let plan = RouterPlan(reading: reader)
        // Folders of the example need not be on this machine.
        #expect(reader.problems.allSatisfy { $0.isWarning && $0.text.contains("mkdir -p") })
        #expect(plan.realms.first?.principals.users.count == 4)
    }
}
