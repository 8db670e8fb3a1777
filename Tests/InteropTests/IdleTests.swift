// Clients that say nothing for a while: the router takes none of them for dead, and ends or deafens
// none by asking.

import Testing

private let missing = Comment("the peers are not installed: run scripts/setup")

/// A client that is to be silent, and how it comes to the router.
private struct IdlePeer: Sendable {
    let client: String
    let program: String
    let transport: Link.Transport

    /// Crossbar.io brings Autobahn|Python with Twisted along.
    static let all: [IdlePeer] =
        Link.Transport.allCases.flatMap { transport in
            [
                ("asyncio", Installed.python), ("twisted", Installed.crossbarPython),
                ("swampyer", Installed.otherClients), ("xconn", Installed.otherClients),
            ].map { IdlePeer(client: $0, program: $1, transport: transport) }
        } + [IdlePeer(client: "autobahnjs", program: "node", transport: .websocket)]

    var name: String { "\(client).\(transport)" }
    var procedure: String { "com.example.idle.\(name)" }

    func arguments(_ router: RouterAddresses) -> [String] {
        let address = router.address(transport)
        return client == "autobahnjs"
            ? [
                Installed.scripts + "/idle_autobahn.js", Installed.autobahnJS, procedure, address,
                "realm1", "json",
            ]
            : [Installed.scripts + "/idle_peer.py", client, address, "json", procedure]
    }
}

@Suite(
    "Silent clients and our router", .timeLimit(.minutes(10)),
    .enabled(
        if: Installed.hasPython && Installed.hasOtherClients && Installed.hasCrossbar
            && Installed.hasJavaScript, missing))
struct IdleTests {
    /// Silences after which the router has long acted, if it acts: it pings after one, and ends the
    /// connection after three.
    private static let silences = 6

    @Test(
        """
        Autobahn|Python on asyncio and on Twisted, Autobahn|JS, swampyer and xconn, silent for six \
        times what the router puts up with, answer a call and hear an event then
        """)
    func silence() async throws {
        try await withRouter(["--keepalive", "1s"]) { router in
            let (idle, feed) = AsyncStream.makeStream(of: String.self)
            try await withThrowingTaskGroup(of: (String, Observations).self) { tasks in
                for peer in IdlePeer.all {
                    tasks.addTask {
                        // One that ends early is not waited for, either.
                        defer { feed.yield(peer.name) }
                        let seen = try await observed(peer.program, peer.arguments(router)) {
                            feed.yield(peer.name)
                        }
                        return (peer.name, seen)
                    }
                }
                var waiting = Set(IdlePeer.all.map(\.name))
                for await name in idle {
                    waiting.remove(name)
                    if waiting.isEmpty { break }
                }
                let pings = try await countPings(Self.silences, at: router)
                #expect(pings == Self.silences)
                for peer in IdlePeer.all {
                    let called = try await wampctl(
                        "call", peer.procedure, "-u", router.webSocket, "-t", "20s", "-o", "raw")
                    #expect(called.output == "alive\n", "\(peer.name): \(called.errors)")
                }
                let published = try await wampctl(
                    "publish", "com.example.idle", "now", "-u", router.webSocket)
                expectCode(0, of: published)
                for try await (name, seen) in tasks {
                    #expect(try seen("event") == ["now"], "\(name): \(seen.names)")
                }
            }
        }
    }

    /// Counts the pings that a WebSocket client, silent like the others, is sent.
    private func countPings(_ count: Int, at router: RouterAddresses) async throws -> Int? {
        let ended = try await run(
            Installed.python,
            [
                Installed.scripts + "/ping_counter.py", "\(router.webSocketPort)", "\(count)",
            ])
        return try Observations(ended.output)("pings")
    }
}

/// What a program prints until it ends; `whenIdle` is told of the first line.
private func observed(
    _ program: String, _ arguments: [String], whenIdle: @Sendable () -> Void
) async throws -> Observations {
    let (seen, _) = try await whileRunning(
        program, arguments, environment: ["NODE_PATH": Installed.nodeModules]
    ) { lines in
        var text = ""
        for await line in lines {
            if text.isEmpty { whenIdle() }
            text += line + "\n"
        }
        return text
    }
    return try Observations(seen)
}
