// The realms of a router by name, and the connections that are open: what all session links share.

import Logging
import NIOCore
import Synchronization
import WAMPRouter
import WAMPTransport

final class RealmDirectory: Sendable {
    let hosts: [String: RealmHost]
    let limits: Limits
    let handshakeTimeout: TimeAmount
    let farewellTimeout: TimeAmount
    let logger: Logger
    /// By it, strangers are told the same every time.
    let secret = RealmDirectory.randomBytes()

    private let connections = Mutex(Connections())

    private struct Connections {
        var count = 0
        /// No new session is let in.
        var isDraining = false
        var allClosed: EventLoopPromise<Void>?
    }

    init(
        hosts: [String: RealmHost], limits: Limits, handshakeTimeout: TimeAmount,
        farewellTimeout: TimeAmount, logger: Logger
    ) {
        self.hosts = hosts
        self.limits = limits
        self.handshakeTimeout = handshakeTimeout
        self.farewellTimeout = farewellTimeout
        self.logger = logger
    }

    /// 32 bytes from the system's generator.
    static func randomBytes() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    var isDraining: Bool { connections.withLock { $0.isDraining } }

    func connectionOpened() { connections.withLock { $0.count += 1 } }

    func connectionClosed() {
        connections.withLock { connections in
            connections.count -= 1
            if connections.count == 0 { connections.allClosed?.succeed() }
        }
    }

    /// From now on sessions are refused; `allClosed` is fulfilled when no connection is left.
    func drain(allClosed: EventLoopPromise<Void>) {
        connections.withLock { connections in
            connections.isDraining = true
            connections.allClosed = allClosed
            if connections.count == 0 { allClosed.succeed() }
        }
    }
}
