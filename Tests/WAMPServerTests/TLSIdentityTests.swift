// Who a peer is by what TLS tells of it: channel bindings that equal OpenSSL's and that somebody in
// between cannot pass on, client certificates, and handshakes that go wrong or nowhere.

import Foundation
import Logging
import NIOCore
import NIOPosix
import Testing
import WAMP
import WAMPClient
import WAMPRouter
import WAMPServer
import WAMPTransport

@Suite("Identity over TLS", .timeLimit(.minutes(10))) struct TLSIdentityTests {
    private static let key = [UInt8](repeating: 7, count: 32)
    private static let routerKey = [UInt8](repeating: 9, count: 32)

    private let group = MultiThreadedEventLoopGroup.singleton
    private let certificates: Certificates

    init() throws { certificates = try Certificates.shared.get() }

    // MARK: A router and its clients

    private static var realm: RealmConfiguration {
        var principals = Principals()
        principals.anonymousRole = nil
        principals.signingKey = routerKey
        let verifier = SCRAMVerifier(
            password: "secret", derivation: .pbkdf2, salt: [UInt8](repeating: 3, count: 16),
            iterations: 3, memory: nil)
        principals.users = [
            Principal(authid: "alice", role: "staff", credentials: [.tls]),
            Principal(
                authid: "key", role: "staff",
                credentials: [.cryptosign(publicKeys: [Cryptosign.publicKey(of: key) ?? []])]),
            Principal(
                authid: "scram", role: "staff", credentials: verifier.map { [.scram($0)] } ?? []),
        ]
        return RealmConfiguration(
            name: "realm1", settings: RealmSettings(), principals: principals)
    }

    private func withRouter(
        _ url: String = "wss://127.0.0.1:0/ws", _ change: (inout Configuration) -> Void = { _ in },
        _ body: (Int) async throws -> Void
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        var configuration = Configuration(listeners: [try Endpoint(url)], realms: [Self.realm])
        configuration.tls = certificates.server(clientCA: true)
        change(&configuration)
        let router = RouterServer(configuration: configuration, logger: logger)
        do {
            guard case .tcp(_, let port) = try await router.start()[0].address else { return }
            try await body(port)
        } catch {
            await router.stop()
            throw error
        }
        await router.stop()
    }

    /// How joining with a client certificate, or another proof, ended.
    private func join(
        _ url: String, certificate: String? = nil, authid: String? = nil,
        _ authentication: Authentication = Authentication()
    ) async throws -> Swift.Result<Welcomed, ClientError> {
        var options = SessionOptions()
        options.tls = certificates.client(certificate)
        options.connectTimeout = .seconds(60)
        options.authid = authid
        options.authentication = authentication
        let endpoint = try Endpoint(url)
        do throws(ClientError) {
            let session = try await Session.join(endpoint, options: options, on: group)
            let welcomed = Welcomed(
                authid: session.authid, role: session.authrole,
                method: session.welcome["authmethod"]?.string)
            await session.leave()
            return .success(welcomed)
        } catch {
            return .failure(error)
        }
    }

    private struct Welcomed: Equatable {
        var authid: String?
        var role: String?
        var method: String?
    }

    /// Proofs that are bound to the connection: by a key, for which the router must prove itself
    /// too, and by a password.
    private static var bound: [(authid: String, method: String, Authentication)] {
        var signing = Authentication(.cryptosign, privateKey: key)
        signing.routerKey = Cryptosign.publicKey(of: routerKey)
        var proving = Authentication(.scram, secret: "secret")
        signing.bindsChannel = true
        proving.bindsChannel = true
        return [("key", "cryptosign", signing), ("scram", "wamp-scram", proving)]
    }

    // MARK: Channel binding

    @Test(
        "the channel binding is the value that OpenSSL exports (RFC 8446, 7.5; RFC 9266)",
        arguments: [
            "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
        ])
    func exporter(suite: String) async throws {
        let seen = try await meet(["-tls1_3", "-ciphersuites", suite])
        #expect(seen.theirs.count == 64)
        #expect(seen.ours.exporter.map(HexText.text) == seen.theirs.lowercased())
    }

    @Test("with TLS 1.2 there is no channel binding: none is better than a wrong one")
    func exporterOfOldTLS() async throws {
        let seen = try await meet(["-tls1_2"])
        #expect(seen.theirs.count == 64)
        #expect(seen.ours.exporter == nil)
    }

    /// Lets OpenSSL connect: what it exports, in hex, and what our end of the connection knows.
    private func meet(_ options: [String]) async throws -> (theirs: String, ours: TLSInfo) {
        let context = try TLSContext.server(certificates.server())
        let info = group.any().makePromise(of: TLSInfo.self)
        let listener = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let front = try context.install(on: channel)
                    try channel.pipeline.syncOperations.addHandler(
                        ConnectionHandler(
                            owner: InfoOwner(info), loop: IOLoop(eventLoop: channel.eventLoop),
                            settings: ConnectionSettings(), tls: front))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let output = try await client(
            listener.localAddress?.port ?? 0,
            options + [
                "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32",
            ], says: [0x7F, 0xF1, 0, 0])
        // OpenSSL never came as far as a connection: then nobody will tell.
        let mark = try #require(output.range(of: "Keying material: "), "\(output)")
        let ours = try await info.futureResult.get()
        try await listener.close()
        return (String(output[mark.upperBound...].prefix { $0.isHexDigit }), ours)
    }

    /// Runs OpenSSL's client to its end.
    /// - Parameter octets: what it sends before it leaves; nil = it stays, and is silent.
    private func client(_ port: Int, _ options: [String], says octets: [UInt8]?) async throws
        -> String
    {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            [
                "openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-CAfile",
                certificates.path("ca.pem"), "-verify_return_error",
            ] + options
        let input = Pipe(), output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        if let octets {
            try input.fileHandleForWriting.write(contentsOf: Data(octets))
            try input.fileHandleForWriting.close()
        }
        let text = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let data = output.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                continuation.resume(returning: String(decoding: data, as: UTF8.self))
            }
        }
        withExtendedLifetime(input) {}
        return text
    }

    @Test("cryptosign and SCRAM that are bound to the connection join", arguments: ["wss", "tls"])
    func binding(scheme: String) async throws {
        try await withRouter { port in
            for (authid, method, authentication) in Self.bound {
                let outcome = try await join(
                    "\(scheme)://localhost:\(port)", authid: authid, authentication)
                #expect(
                    outcome
                        == .success(Welcomed(authid: authid, role: "staff", method: method)),
                    "\(authid) \(method)")
            }
        }
    }

    @Test("a client that wants a binding says nothing to a router where there is none")
    func bindingOfNothing() async throws {
        try await withRouter("ws://127.0.0.1:0/ws") { port in
            for (authid, _, authentication) in Self.bound {
                for scheme in ["ws", "tcp"] {
                    let outcome = try await join(
                        "\(scheme)://localhost:\(port)", authid: authid, authentication)
                    let text = "the connection has no TLS 1.3 to bind the authentication to"
                    #expect(
                        outcome
                            == .failure(
                                .refused(
                                    reason: .authenticationFailed, message: text, details: [:])),
                        "\(authid) \(scheme)")
                }
            }
        }
    }

    @Test("who sits between, with a certificate that is trusted, can pass on no bound proof")
    func between() async throws {
        try await withRouter { port in
            let listener = try await relay(to: port)
            let url = "tls://localhost:\(listener.localAddress?.port ?? 0)"
            var (authid, method, authentication) = Self.bound[1]
            let outcome = try await join(url, authid: authid, authentication)
            guard case .failure(.refused(let reason, _, _)) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(reason == .authenticationDenied)
            (authid, method, authentication) = Self.bound[0]
            // The router's own proof is bound as well, so that nothing is sent to a wrong one.
            guard
                case .failure(.refused(_, let message, _)) = try await join(
                    url, authid: authid, authentication)
            else {
                Issue.record("the relay was not noticed")
                return
            }
            #expect(message == "the router did not prove that it is the right one")
            authentication.routerKey = nil
            guard
                case .failure(.refused(let denial, _, _)) = try await join(
                    url, authid: authid, authentication)
            else {
                Issue.record("the relay was not noticed")
                return
            }
            #expect(denial == .authenticationDenied)
            // Not bound, it goes through: the relay itself works.
            authentication.bindsChannel = false
            #expect(
                try await join(url, authid: authid, authentication)
                    == .success(Welcomed(authid: authid, role: "staff", method: method)))
            try await listener.close()
        }
    }

    /// Takes TLS connections, and passes on over TLS what comes in each.
    private func relay(to port: Int) async throws -> any Channel {
        let near = try TLSContext.server(certificates.server("second"))
        let far = try TLSContext.client(ClientTLS(isInsecure: true))
        return try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                let left = Relay(), right = Relay()
                right.other = channel
                return ClientBootstrap(group: channel.eventLoop)
                    .channelInitializer { other in
                        other.eventLoop.makeCompletedFuture {
                            _ = try far.install(on: other, host: "localhost")
                            try other.pipeline.syncOperations.addHandler(right)
                        }
                    }
                    .connect(host: "127.0.0.1", port: port)
                    .flatMapThrowing { other in
                        left.other = other
                        _ = try near.install(on: channel)
                        try channel.pipeline.syncOperations.addHandler(left)
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    // MARK: Client certificates

    @Test("a client certificate names its user, whom the realm knows", arguments: ["wss", "tls"])
    func certificate(scheme: String) async throws {
        try await withRouter { port in
            let url = "\(scheme)://localhost:\(port)"
            let alice = Welcomed(authid: "alice", role: "staff", method: "tls")
            #expect(try await join(url, certificate: "client") == .success(alice))
            for certificate in [nil, "nobody"] {
                let outcome = try await join(url, certificate: certificate)
                guard case .failure(.refused(let reason, _, _)) = outcome else {
                    Issue.record("\(outcome)")
                    continue
                }
                #expect(reason == .authenticationRequired, "\(certificate)")
            }
        }
    }

    @Test("a client whose certificate is refused is told why", arguments: ["wss", "tls"])
    func refusedCertificate(scheme: String) async throws {
        try await withRouter { port in
            for (name, alert) in [
                ("impostor", "unknown ca"), ("stranger", "unknown ca"),
                ("late", "certificate expired"), ("machine", "unsupported certificate"),
            ] {
                let outcome = try await join("\(scheme)://localhost:\(port)", certificate: name)
                guard case .failure(.connect(let text)) = outcome else {
                    Issue.record("\(name): \(outcome)")
                    continue
                }
                let reason = "the server does not accept the certificate shown to it: \(alert)"
                #expect(text.contains(reason), "\(name): \(text)")
            }
        }
    }

    @Test("where everybody is let in, only a user's certificate gives a name")
    func certificateAmongOthers() async throws {
        try await withRouter {
            $0.realms[0].allowsAnonymous = true
        } _: { port in
            let url = "wss://localhost:\(port)"
            for (name, method) in [("client", "tls"), ("nobody", "anonymous")] {
                let outcome = try await join(url, certificate: name)
                #expect(try outcome.get().method == method, "\(name) \(method)")
            }
        }
    }

    // MARK: Handshakes that go nowhere

    @Test(
        "who does not finish the handshake of TLS is cut off when the time is over",
        arguments: [[], [0x16], [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3]] as [[UInt8]])
    func stalled(octets: [UInt8]) async throws {
        try await withRouter {
            $0.handshakeTimeout = .milliseconds(300)
        } _: { port in
            var peer = try RawPeer(port: port)
            peer.send(octets)
            _ = try peer.readToEnd()
        }
    }

    @Test("so is who finishes it and then says nothing", arguments: ["-tls1_2", "-tls1_3"])
    func silent(version: String) async throws {
        try await withRouter {
            // Long enough for the handshake of TLS on a machine with much to do.
            $0.handshakeTimeout = .seconds(3)
        } _: { port in
            let output = try await client(port, [version], says: nil)
            #expect(output.contains("Verify return code: 0 (ok)"))
        }
    }
}

/// Writes into another channel what comes in its own, and ends it with it.
// Unchecked: both channels are on one loop.
private final class Relay: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    var other: (any Channel)?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        other?.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        other?.close(promise: nil)
        other = nil
    }
}
