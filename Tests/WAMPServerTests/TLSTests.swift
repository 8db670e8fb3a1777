// TLS end to end: a router and clients that trust it or do not, and peers that do not speak it.

import Glibc
import Logging
import NIOCore
import NIOPosix
import Testing
import WAMP
import WAMPClient
import WAMPServer
import WAMPTransport

@Suite struct TLSTests {
    private let group = MultiThreadedEventLoopGroup.singleton
    private let certificates: Certificates

    init() throws { certificates = try Certificates.shared.get() }

    private func withSecureRouter(
        _ tls: ServerTLS, deflate: Bool = false, _ body: (Int, RouterServer) async throws -> Void
    ) async throws {
        var configuration = Configuration(listeners: [try Endpoint("wss://127.0.0.1:0/ws")])
        configuration.tls = tls
        configuration.deflate = deflate
        let router = try await start(configuration)
        do {
            try await body(router.port, router.server)
        } catch {
            await router.server.stop()
            throw error
        }
        await router.server.stop()
    }

    private func start(
        _ configuration: Configuration
    ) async throws -> (server: RouterServer, port: Int) {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let server = RouterServer(configuration: configuration, logger: logger)
        guard case .tcp(_, let port) = try await server.start()[0].address else {
            return (server, 0)
        }
        return (server, port)
    }

    private func join(
        _ url: String, _ tls: ClientTLS, _ serializer: Serializer = .json,
        _ change: (inout SessionOptions) -> Void = { _ in }
    ) async throws -> Session {
        var options = SessionOptions(serializer: serializer)
        options.tls = tls
        options.connectTimeout = .seconds(60)
        change(&options)
        return try await Session.join(try Endpoint(url), options: options, on: group)
    }

    /// Why joining failed.
    private func failure(_ url: String, _ tls: ClientTLS) async throws -> String {
        do {
            let session = try await join(url, tls)
            await session.leave()
            return "joined"
        } catch let error as ClientError {
            guard case .connect(let text) = error else { return "\(error)" }
            return text
        }
    }

    @Test(
        "calls and results go over TLS, however large",
        arguments: ["wss://localhost", "tls://127.0.0.1", "rss://localhost"], Serializer.allCases)
    func calls(scheme: String, serializer: Serializer) async throws {
        try await withSecureRouter(certificates.server()) { port, _ in
            let session = try await join("\(scheme):\(port)", certificates.client(), serializer)
            for size in [1, 20_000, 3_000_000] {
                let text = Value.string(String(repeating: "w", count: size))
                let echo = URI("com.example.echo\(size)")
                _ = try await session.register(
                    echo, respond: { $0.reply(payload: $0.payload) })
                let result = try await session.call(echo, args: [text])
                #expect(result.args == [text], "\(size)")
            }
            await session.leave()
        }
    }

    @Test("one connection may be secure, batched and compressed")
    func allAtOnce() async throws {
        try await withSecureRouter(certificates.server(), deflate: true) { port, _ in
            let session = try await join("wss://localhost:\(port)", certificates.client()) {
                $0.isBatched = true
                $0.deflate = true
            }
            let count = try await session.call("wamp.session.count")
            #expect(count.args == [.int(1)])
            await session.leave()
        }
    }

    @Test("a certificate that is unknown, out of date or for another host is told as such")
    func distrust() async throws {
        let cases: [(String, ClientTLS, String)] = [
            ("server", ClientTLS(), "not signed by an authority"),
            ("stranger", certificates.client(), "not signed by an authority"),
            ("expired", certificates.client(), "has expired"),
            ("other", certificates.client(), "is not for 'localhost'"),
        ]
        for (name, client, text) in cases {
            try await withSecureRouter(certificates.server(name)) { port, _ in
                for scheme in ["wss", "tls"] {
                    let found = try await failure("\(scheme)://localhost:\(port)", client)
                    #expect(found.contains(text), "\(name): \(found)")
                }
                var careless = client
                careless.isInsecure = true
                let session = try await join("wss://localhost:\(port)", careless)
                await session.leave()
            }
        }
    }

    @Test("an address is compared with the addresses of the certificate")
    func address() async throws {
        try await withSecureRouter(certificates.server("other")) { port, _ in
            let found = try await failure("tls://127.0.0.1:\(port)", certificates.client())
            #expect(found.contains("is not for '127.0.0.1'"))
        }
    }

    @Test("a client certificate is verified if one is shown")
    func clientCertificate() async throws {
        try await withSecureRouter(certificates.server(clientCA: true)) { port, _ in
            for name in [nil, "client"] {
                let session = try await join("wss://localhost:\(port)", certificates.client(name))
                await session.leave()
            }
            let found = try await failure(
                "wss://localhost:\(port)", certificates.client("stranger"))
            #expect(found != "joined")
        }
    }

    @Test("both ends know the same channel binding, and the server the client's name (RFC 9266)")
    func identity() async throws {
        let server = try TLSContext.server(certificates.server(clientCA: true))
        let client = try TLSContext.client(certificates.client("client"))
        var bindings: Set<[UInt8]> = []
        for round in 0..<3 {
            let seen = try await connections(server, client)
            #expect(seen.server.peerCommonName == "alice", "\(round)")
            #expect(seen.client.peerCommonName == "localhost", "\(round)")
            #expect(seen.server.exporter?.count == 32, "\(round)")
            #expect(seen.server.exporter == seen.client.exporter, "\(round)")
            bindings.insert(seen.server.exporter ?? [])
        }
        #expect(bindings.count == 3)
        let careless = try TLSContext.client(
            ClientTLS(isInsecure: true))
        let seen = try await connections(server, careless)
        #expect(seen.server.peerCommonName == nil && seen.client.peerCommonName == nil)
    }

    /// What both ends of a new connection know.
    private func connections(
        _ server: TLSContext, _ client: TLSContext
    ) async throws -> (server: TLSInfo, client: TLSInfo) {
        let serverInfo = group.any().makePromise(of: TLSInfo.self)
        let clientInfo = group.any().makePromise(of: TLSInfo.self)
        let listener = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let front = try server.install(on: channel)
                    try channel.pipeline.syncOperations.addHandler(
                        ConnectionHandler(
                            owner: InfoOwner(serverInfo),
                            loop: IOLoop(eventLoop: channel.eventLoop),
                            settings: ConnectionSettings(), tls: front))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let endpoint = try Endpoint("tls://localhost:\(listener.localAddress?.port ?? 0)")
        let channel = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let front = try client.install(on: channel, host: "localhost")
                    try channel.pipeline.syncOperations.addHandler(
                        ConnectionHandler(
                            owner: InfoOwner(clientInfo),
                            loop: IOLoop(eventLoop: channel.eventLoop),
                            settings: ConnectionSettings(),
                            side: .client(ClientTransport(endpoint, serializer: .json)),
                            tls: front))
                }
            }
            .connect(host: "127.0.0.1", port: listener.localAddress?.port ?? 0).get()
        let seen = (
            server: try await serverInfo.futureResult.get(),
            client: try await clientInfo.futureResult.get()
        )
        try? await channel.close()
        try await listener.close()
        return seen
    }

    @Test("who does not speak TLS on a TLS port is cut off at once, and the other way round")
    func mixedUp() async throws {
        try await withSecureRouter(certificates.server()) { port, _ in
            for hello: [UInt8] in [
                [0x7F, 0xF1, 0, 0], Array("GET /ws HTTP/1.1\r\n\r\n".utf8), [0],
            ] {
                var peer = try RawPeer(port: port)
                peer.send(hello)
                #expect(try peer.readToEnd().isEmpty, "\(hello)")
            }
            for scheme in ["ws", "tcp"] {
                let found = try await failure("\(scheme)://127.0.0.1:\(port)", ClientTLS())
                #expect(found != "joined" && !found.contains("no answer"), "\(scheme)")
            }
        }
        let plain = try await start(
            Configuration(listeners: [try Endpoint("ws://127.0.0.1:0/ws")]))
        for scheme in ["wss", "tls"] {
            let found = try await failure("\(scheme)://localhost:\(plain.port)", ClientTLS())
            #expect(found != "joined" && !found.contains("no answer"), "\(scheme)")
        }
        await plain.server.stop()
    }

    @Test("TLS records that are garbage end the connection")
    func garbage() async throws {
        try await withSecureRouter(certificates.server()) { port, _ in
            var peer = try RawPeer(port: port)
            peer.send([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5] + [UInt8](repeating: 0xFF, count: 500))
            _ = try? peer.readToEnd()
            let session = try await join("wss://localhost:\(port)", certificates.client())
            await session.leave()
        }
    }

    @Test("a reload serves a new certificate to new connections; a bad one changes nothing")
    func reload() async throws {
        try certificates.copy("server", to: "changing")
        let stranger = ClientTLS(ca: certificates.path("stranger.pem"))
        try await withSecureRouter(certificates.server("changing")) { port, router in
            let url = "wss://localhost:\(port)"
            let before = try await join(url, certificates.client())
            for bad in ["expired", "absent"] {
                if bad == "expired" {
                    try certificates.copy("expired", to: "changing")
                } else {
                    unlink(certificates.path("changing.key"))
                }
                #expect(throws: ServerError.self, "\(bad)") { try router.reloadTLS() }
                let session = try await join(url, certificates.client())
                await session.leave()
            }
            try certificates.copy("stranger", to: "changing")
            try router.reloadTLS()
            #expect(try await failure(url, certificates.client()).contains("not signed by"))
            // The name is missing in it, but the chain is trusted now.
            #expect(try await failure(url, stranger).contains("is not for 'localhost'"))
            let count = try await before.call("wamp.session.count")
            #expect(count.args == [.int(1)])
            await before.leave()
        }
    }

    @Test("files that do not fit, and listeners without any, keep the router from starting")
    func unusable() async throws {
        var mismatched = certificates.server()
        mismatched.key = certificates.path("other.key")
        for tls in [mismatched, nil, ServerTLS(certificate: "/nonexistent", key: "/nonexistent")] {
            var configuration = Configuration(listeners: [try Endpoint("tls://127.0.0.1:0")])
            configuration.tls = tls
            await #expect(throws: ServerError.self, "\(tls)") {
                _ = try await start(configuration)
            }
        }
    }

    @Test("the router's farewell reaches a client over TLS")
    func drain() async throws {
        try await withSecureRouter(certificates.server()) { port, router in
            let sessions = [
                try await join("wss://localhost:\(port)", certificates.client()),
                try await join("tls://localhost:\(port)", certificates.client(), .cbor),
            ]
            await router.drain(timeout: .seconds(1))
            for session in sessions {
                #expect(
                    await session.ended == .goodbye(reason: .systemShutdown, message: nil),
                    "\(session.id)")
            }
        }
    }
}

/// Tells what is known of the connection once it is open.
// Unchecked: used on one loop.
final class InfoOwner: ConnectionOwner, @unchecked Sendable {
    private let promise: EventLoopPromise<TLSInfo>

    init(_ promise: EventLoopPromise<TLSInfo>) { self.promise = promise }

    func opened(_ connection: Connection) {
        if let tls = connection.tls {
            promise.succeed(tls)
        } else {
            promise.fail(ChannelError.eof)
        }
    }
    func received(_ batch: MessageBatch) {}
    func violated(_ violation: ProtocolViolation) {}
    func writeBlocked(_ blocked: Bool) {}
    func closed(_ reason: CloseReason) { promise.fail(ChannelError.eof) }
}
