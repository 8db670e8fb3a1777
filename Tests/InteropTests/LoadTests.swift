// The independent load generator against our router: it checks each answer and each distribution.

import Foundation
import Subprocess
import Testing

private let missing = Comment("there is no load generator at ../shared/bench, or no C compiler")

@Suite("Load and our router", .serialized, .enabled(if: Installed.hasLoad, missing))
struct LoadTests {
    @Test("SR-29, SR-36, SR-38: calls under load reach whom the rule says", arguments: Link.all)
    func call(_ link: Link) async throws {
        try await withGenerator { generator in
            try await withRouter { router in
                for rule in ["single", "roundrobin", "random", "first", "last"] {
                    let ended = try await run(
                        generator,
                        [
                            "call", "--port", String(router.webSocketPort),
                            "--transport", link.transport == .websocket ? "ws" : "raw",
                            "--serializer", link.serializer, "--policy", rule,
                            "--callees", rule == "single" ? "1" : "4", "--callers", "8",
                            "--inflight", "8", "--warmup", "0.1", "--duration", "0.5",
                        ])
                    expectCode(0, of: ended, "\(rule)")
                }
            }
        }
    }

    @Test(
        "SR-25, SR-51: callees that break off under load leave no call without an end",
        arguments: Link.Transport.allCases, [[], ["--rst"]])
    func killCallee(_ transport: Link.Transport, _ options: [String]) async throws {
        try await withGenerator { generator in
            try await withRouter { router in
                let ended = try await run(
                    generator,
                    [
                        "killcallee", "--port", String(router.webSocketPort),
                        "--transport", transport == .websocket ? "ws" : "raw",
                        "--callers", "8", "--inflight", "16",
                    ] + options)
                expectCode(0, of: ended)
            }
        }
    }

    @Test(
        "Nothing is lost or reordered when connections are dealt over two loops",
        arguments: [
            Link(transport: .rawsocket, serializer: "msgpack"),
            Link(transport: .websocket, serializer: "json"),
        ])
    func twoLoops(_ link: Link) async throws {
        let scenarios = [
            "call --policy roundrobin --callers 8 --callees 4 --inflight 16",
            "call --policy roundrobin --callers 4 --callees 2 --inflight 8 --size 65536",
            "latency", "pubsub --pubs 4 --subs 10", "pubsub --pubs 2 --subs 10 --ack 1",
            "connect --sessions 200", "killcallee --callers 8 --inflight 16",
            "killcallee --callers 8 --inflight 16 --rst",
        ]
        try await withGenerator { generator in
            try await withRouter(["--threads", "2"]) { router in
                for scenario in scenarios {
                    let ended = try await run(
                        generator,
                        scenario.split(separator: " ").map(String.init) + [
                            "--port", String(router.webSocketPort),
                            "--transport", link.transport == .websocket ? "ws" : "raw",
                            "--serializer", link.serializer, "--warmup", "0.1",
                            "--duration", "0.3",
                        ])
                    expectCode(0, of: ended, "\(scenario)")
                }
            }
        }
    }

    /// Compiles the generator into a folder that goes away with the test.
    private func withGenerator(_ body: (String) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory
            .appending(path: "wampctl-load-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let generator = directory.appending(path: "wampload").path
        let compiled = try await run(
            "cc", ["-O1", "-std=gnu11", "-o", generator, Installed.loadSource, "-lm"])
        guard compiled.status == .exited(0) else {
            throw Trouble(description: "the load generator does not compile: \(compiled)")
        }
        try await body(generator)
    }
}
