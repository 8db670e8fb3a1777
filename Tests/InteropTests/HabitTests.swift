// What clients in use do beside the specification, or leave undone, and how they get on all the
// same.

import Subprocess
import Testing

private let missing = Comment("the peers are not installed: run scripts/setup")

@Suite("Clients with habits and our router", .timeLimit(.minutes(10)))
struct HabitTests {
    @Test(
        "swampyer, which serves its last call once more after it has reconnected, stays joined",
        .enabled(if: Installed.hasOtherClients, missing))
    func returning() async throws {
        try await withRouter { router in
            let seen = try await otherClient(
                "swampyer_return.py", at: router,
                over: Link(transport: .websocket, serializer: "json"))
            #expect(try seen("before") == "here")
            #expect(try seen("answered again") == true)
            #expect(try seen("still joined") == true)
            #expect(try seen("after") == "here")
        }
    }

    @Test(
        "wampy, which takes no details of an ERROR, goes on calling after one",
        .enabled(if: Installed.hasWampy, "wampy is not installed: run scripts/setup"))
    func errors() async throws {
        try await withRouter { router in
            try await serving(router, "com.example.fails", "--fail-rate", "1") {
                try await serving(router, "com.example.answers", "--static", "7") {
                    let ended = try await run(
                        Installed.wampy,
                        [
                            Installed.scripts + "/wampy_peer.py", router.webSocket,
                            "com.example.fails", "com.example.answers",
                        ])
                    let seen = try Observations(ended.output)
                    #expect(try seen("error") != "WampyTimeOutError", "\(ended.errors)")
                    #expect(try seen("after the error") == 7, "\(ended.errors)")
                }
            }
        }
    }

    @Test(
        "results ahead of the last are printed, of callees that cannot be interrupted",
        .enabled(if: Installed.hasOtherClients && Installed.hasJavaScript, missing),
        arguments: Link.Transport.allCases)
    func progress(_ transport: Link.Transport) async throws {
        try await withRouter { router in
            let script = Installed.scripts + "/progress_callee"
            _ = try await whileRunning(
                Installed.otherClients,
                [script + ".py", router.address(transport), "msgpack"]
            ) { _ in
                try await expectProgress(router)
            }
            _ = try await whileRunning(
                "node",
                [script + ".js", Installed.autobahnJS, "", router.webSocket, "realm1", "json"],
                environment: ["NODE_PATH": Installed.nodeModules]
            ) { _ in
                try await expectProgress(router)
            }
        }
    }

    private func expectProgress(_ router: RouterAddresses) async throws {
        let called = try await wampctl(
            "call", "com.example.count", "--progress", "--wait", "60s", "-o", "raw", "-u",
            router.webSocket)
        #expect(called.output == "0\n1\n2\ndone\n", "\(called.errors)")
    }

    /// Runs `body` beside a callee of ours.
    private func serving(
        _ router: RouterAddresses, _ procedure: String, _ options: String...,
        body: @Sendable () async throws -> Void
    ) async throws {
        let words = ["register", procedure, "-q", "-u", router.webSocket] + options
        _ = try await whileRunning(Installed.wampctl, words) { _ in
            // However it ends, the procedure is there.
            _ = try await wampctl("call", procedure, "--wait", "60s", "-u", router.webSocket)
            try await body()
        }
    }
}
