// A router that says what a test wants it to say, on a port of its own.

import NIOCore
import NIOPosix
import Synchronization
import WAMP
import WAMPTransport

/// The other end of one connection.
// Unchecked: used on its loop only.
final class FakePeer: ConnectionOwner, @unchecked Sendable {
    let loop: IOLoop
    var connection: Connection?
    private let script: @Sendable (Message, FakePeer) -> Void

    init(loop: IOLoop, script: @escaping @Sendable (Message, FakePeer) -> Void) {
        self.loop = loop
        self.script = script
    }

    func opened(_ connection: Connection) { self.connection = connection }
    func received(_ batch: MessageBatch) {
        for message in batch.takeAll() { script(message, self) }
    }
    func violated(_ violation: ProtocolViolation) { connection?.abandon() }
    func writeBlocked(_ blocked: Bool) {}
    func closed(_ reason: CloseReason) {}

    func send(_ message: Message) {
        if let outbox = connection?.outbox { _ = loop.send(message, to: outbox) }
    }
}

let welcome = Message.welcome(
    Welcome(
        session: SessionID(77), details: ["authrole": "anonymous", "roles": ["dealer": [:]]]))

/// Runs `body` against a fake router.
func withFakeRouter<T>(
    settings: ConnectionSettings = ConnectionSettings(),
    _ script: @escaping @Sendable (Message, FakePeer) -> Void,
    _ body: (Endpoint) async throws -> T
) async throws -> T {
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let loop = IOLoop(eventLoop: channel.eventLoop)
                try channel.pipeline.syncOperations.addHandler(
                    ConnectionHandler(
                        owner: FakePeer(loop: loop, script: script), loop: loop,
                        settings: settings))
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    let endpoint = Endpoint(
        .tcp(host: "127.0.0.1", port: listener.localAddress?.port ?? 0), framing: .webSocket,
        path: "/ws")
    do {
        let result = try await body(endpoint)
        try await listener.close()
        return result
    } catch {
        try await listener.close()
        throw error
    }
}
