// A router on a port of its own for one test.

import BareSockets
import Foundation
import Logging
import WAMPServer
import WAMPTransport

/// Runs `body` against a fresh router and stops it afterwards. The body may block: it has a thread
/// of its own, for the threads of Swift's tasks are few, and the router's own tasks need them.
func withRouter<T: Sendable>(
    _ change: (inout Configuration) -> Void = { _ in },
    logger: Logger = .silent,
    _ body: @escaping @Sendable (Int, RouterServer) throws -> T
) async throws -> T {
    var configuration = Configuration(listeners: [try Endpoint("ws://127.0.0.1:0/ws")])
    // A peer that reads when its test gets round to it must not be taken for dead.
    configuration.keepalive = .zero
    change(&configuration)
    let router = RouterServer(configuration: configuration, logger: logger)
    guard case .tcp(_, let port) = try await router.start()[0].address else {
        throw CannotConnect(cause: "the router has no TCP port")
    }
    let result = await withCheckedContinuation { continuation in
        Thread.detachNewThread {
            continuation.resume(returning: Swift.Result { try body(port, router) })
        }
    }
    await router.stop()
    return try result.get()
}

extension Logger {
    static var silent: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }
}
