// The listeners of a configuration: what each may have of its own, and which can be there together.

import BareSockets
import Glibc
import Testing
import WAMP
import WAMPServer
import WAMPTransport

@testable import wampctl

@Suite struct ListenerTests {
    private func read(_ text: String) throws -> (RouterPlan, [String], TemporaryFolder) {
        let folder = try TemporaryFolder()
        let (plan, problems) = ConfigurationTests.read(text, in: folder)
        return (plan, problems.filter { !$0.isWarning }.map(\.description), folder)
    }

    @Test("Pages are allowed for all listeners or for one, and printed as they were read")
    func allowedOrigins() throws {
        let (plan, problems, folder) = try read(
            """
            listeners:
              - ws://127.0.0.1:8080/ws
              - { url: "ws://127.0.0.1:8080/open", allowed_origins: ["*", "null"] }
            allowed_origins: [https://app.example.com, "*.example.org"]
            realms: [ { name: realm1 } ]
            """)
        #expect(problems == [])
        #expect(
            plan.configuration.allowedOrigins.map(\.description).first == "https://app.example.com")
        let open = try Endpoint("ws://127.0.0.1:8080/open")
        #expect(
            plan.configuration.listenerSettings[open]?.allowedOrigins?.map(\.description)
                == ["*", "null"])
        let text = YAMLText.text(plan)
        let (again, none) = ConfigurationTests.read(text, in: folder)
        #expect(none.isEmpty)
        #expect(YAMLText.text(again) == text)
        #expect(again.listenerSettings == plan.listenerSettings)
        #expect(again.allowedOrigins == plan.allowedOrigins)
    }

    @Test(
        "Listeners of one port may add up",
        arguments: [
            "[ws://127.0.0.1:1/ws, tcp://127.0.0.1:1]", "[ws://127.0.0.1:1/a, ws://127.0.0.1:1/b]",
            "[ws://127.0.0.1:1/a, ws://127.0.0.2:1/a]", "[ws://127.0.0.1:0/a, tcp://127.0.0.1:0]",
            "[unix:///a, unix:///b, ws://localhost:1/ws, tcp://LOCALHOST:1]",
            "[{ url: ws://h:1/a, allowed_origins: [] }, ws://h:1/b, tcp://h:1]",
        ])
    func addUp(list: String) throws {
        let (_, problems, _) = try read("listeners: \(list)")
        #expect(problems == [])
    }

    @Test(
        "Two listeners that contradict each other are told with line and cure",
        arguments: [
            ("ws://h:1/ws", "ws://h:1/ws", "is there more than once; keep one"),
            ("unix:///a", "unix:///a", "is there more than once; keep one"),
            ("ws://h:1/ws", "wss://h:1/ws", "has the port of ws://h:1/ws (line 3)"),
            ("wss://h:1/ws", "tcp://H:1", "only one of them speaks TLS"),
            ("tls://[::1]:1", "ws://[0:0::1]:1/ws", "give it a port of its own"),
            ("tcp://0.0.0.0:1", "ws://127.0.0.1:1/ws", "tcp://0.0.0.0:1 (line 3) has this port at"),
            ("ws://127.0.0.1:1/ws", "tcp://[::]:1", "also that of ws://127.0.0.1:1/ws (line 3)"),
            (
                "{ url: ws://h:1/, allowed_origins: [\"*\"] }",
                "{ url: tcp://h:1, allowed_origins: [] }", "keep one of the two lists"
            ),
            ("ws://h:1/ws", "{ url: http://h:1 }", "not a known scheme"),
            ("ws://h:1/ws", "{ path: ws://h:2/ws }", "'url' is missing"),
            (
                "ws://h:1/ws", "{ url: ws://h:2, allowed_origin: [] }",
                "did you mean 'allowed_origins'"
            ),
            ("ws://h:1/ws", "{ url: ws://h:2, allowed_origins: [a/b] }", "is no origin: write"),
        ])
    func contradictions(first: String, second: String, cure: String) throws {
        let (_, problems, folder) = try read(
            "tls: { cert: cert.pem, key: cert.pem }\nlisteners:\n  - \(first)\n  - \(second)\n")
        #expect(
            problems.contains {
                $0.hasPrefix("\(folder.path)/router.yaml:4:") && $0.contains(cure)
            },
            "\(problems)")
    }

    @Test("An allowed origin that is none is told with its place, for the router as for a listener")
    func faultyOrigin() throws {
        let (_, problems, folder) = try read("allowed_origins: [\"*\", example.com/path]")
        #expect(problems.first?.hasPrefix("\(folder.path)/router.yaml:1:24: ") == true)
        #expect(try read("allowed_origins: \"*\"").1.first?.contains("must be a list") == true)
    }

    @Test("Listeners of one port are one socket, also on the line; contradictions are usage")
    func onTheLine() async throws {
        let port = try freePort()
        let router = try Program(
            [
                "router", "--listen", "ws://127.0.0.1:\(port)/a", "--listen",
                "tcp://127.0.0.1:\(port)", "--listen", "ws://localhost:\(port)/b",
            ], announces: true)
        let urls = try await router.ready()["listeners"]?.list?.compactMap {
            $0.dictionary?["url"]?.string
        }
        #expect(urls?.count == Set(urls ?? []).count)
        for url in [
            "ws://127.0.0.1:\(port)/a", "tcp://127.0.0.1:\(port)", "ws://localhost:\(port)/b",
        ] {
            #expect(urls?.contains(url) == true, "\(url)")
            let outcome = try await Program.run(
                "call", "wamp.session.count", environment: ["WAMPCTL_URL": url])
            expectCode(0, of: outcome, "\(url)")
        }
        router.signal(SIGTERM)
        expectCode(0, of: try await router.ended())
        let twice = try await Program.run(
            "router", "--listen", "ws://h:1/ws", "--listen", "ws://h:1/ws")
        expectCode(2, of: twice)
        #expect(twice.talk.contains("ws://h:1/ws is there more than once; keep one"))
    }
}
