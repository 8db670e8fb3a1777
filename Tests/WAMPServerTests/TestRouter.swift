// A router on a port of its own for one test.

import Logging
import WAMPTransport

@testable import WAMPServer

/// Runs `body` against a fresh router and stops it afterwards.
func withRouter<T>(
    _ change: (inout Configuration) -> Void = { _ in },
    _ body: (Int, RouterServer) async throws -> T
) async throws -> T {
    var configuration = Configuration(listeners: [try Endpoint("ws://127.0.0.1:0/ws")])
    change(&configuration)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let router = RouterServer(configuration: configuration, logger: logger)
    let endpoints = try await router.start()
    guard case .tcp(_, let port) = endpoints[0].address else { return try await body(0, router) }
    do {
        let result = try await body(port, router)
        await router.stop()
        return result
    } catch {
        await router.stop()
        throw error
    }
}
