// A name with several addresses: each gets its chance, and the failure of one is none of joining.

import NIOCore
import NIOPosix
import Testing
import WAMP
import WAMPTransport

@testable import WAMPClient

private let group = MultiThreadedEventLoopGroup.singleton

@Suite(.timeLimit(.minutes(10))) struct DialingTests {
    /// Something on a port that is no router.
    enum Dud: CaseIterable {
        /// Nobody listens.
        case refusing
        /// The connection is closed at once.
        case closing
        /// Takes connections and says nothing.
        case silent
        /// Speaks something else.
        case strange
    }

    private func listen(
        _ initialize: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) async throws -> any Channel {
        try await ServerBootstrap(group: group).childChannelInitializer(initialize)
            .bind(host: "127.0.0.1", port: 0).get()
    }

    private func withDud<T>(
        _ dud: Dud, _ body: (SocketAddress) async throws -> T
    ) async throws -> T {
        let listener = try await listen { channel in
            switch dud {
            case .closing: return channel.close()
            case .strange:
                return channel.writeAndFlush(ByteBuffer(string: "220 mail.example ESMTP\r\n"))
            case .silent, .refusing: return channel.eventLoop.makeSucceededVoidFuture()
            }
        }
        let address = try #require(listener.localAddress)
        if dud == .refusing { try await listener.close() }
        do {
            let result = try await body(address)
            if dud != .refusing { try await listener.close() }
            return result
        } catch {
            try? await listener.close()
            throw error
        }
    }

    /// Joins `router.test`, which has these addresses.
    private func join(
        _ addresses: [SocketAddress], _ framing: Framing = .webSocket,
        _ change: (inout SessionOptions) -> Void = { _ in }
    ) async throws(ClientError) -> ClientLink {
        var options = SessionOptions()
        options.connectTimeout = .seconds(30)
        change(&options)
        let endpoint = Endpoint(
            .tcp(host: "router.test", port: 8080), framing: framing, path: "/ws")
        return try await Connector.join(endpoint, options, on: group) { _, _ in addresses }.0
    }

    private func failure(
        _ addresses: [SocketAddress], _ change: (inout SessionOptions) -> Void = { _ in }
    ) async -> ClientError? {
        do throws(ClientError) {
            try await join(addresses, .webSocket, change).abandon()
            return nil
        } catch {
            return error
        }
    }

    private func address(of endpoint: Endpoint) throws -> SocketAddress {
        guard case .tcp(let host, let port) = endpoint.address else {
            throw SocketAddressError.unsupported
        }
        return try SocketAddress(ipAddress: host, port: port)
    }

    /// A router that lets everybody in.
    private func withWelcome(_ body: (SocketAddress) async throws -> Void) async throws {
        try await withFakeRouter { message, peer in
            if case .hello = message { peer.send(welcome) }
        } _: {
            try await body(try address(of: $0))
        }
    }

    @Test(
        "a router is found behind the second address of its name, whatever the first one does",
        arguments: Dud.allCases, [Framing.webSocket, .rawSocket])
    func second(_ dud: Dud, _ framing: Framing) async throws {
        try await withDud(dud) { first in
            try await withWelcome { router in
                let link = try await join([first, router], framing)
                #expect(link.state == .joined)
                link.submit { $0.abandon() }
            }
        }
    }

    @Test("all of many addresses are tried until one leads to a router")
    func many() async throws {
        try await withDud(.refusing) { refusing in
            try await withDud(.closing) { closing in
                try await withDud(.silent) { silent in
                    try await withWelcome { router in
                        let link = try await join([
                            refusing, closing, silent, closing, refusing, router, refusing,
                        ])
                        link.submit { $0.abandon() }
                    }
                }
            }
        }
    }

    @Test("a router that closes instead of answering HELLO is not the last one tried")
    func closingAfterHello() async throws {
        try await withFakeRouter { _, peer in
            peer.connection?.close()
        } _: { first in
            let first = try address(of: first)
            try await withWelcome { router in
                let link = try await join([first, router])
                link.submit { $0.abandon() }
            }
        }
    }

    @Test("a router that refuses the session has the last word")
    func refused() async throws {
        try await withFakeRouter { _, peer in
            peer.send(.abort(Abort(reason: .noSuchRealm)))
        } _: { first in
            let first = try address(of: first)
            try await withWelcome { router in
                #expect(
                    await failure([first, router])
                        == .refused(reason: .noSuchRealm, message: nil, details: [:]))
            }
        }
    }

    @Test("where one address leads to a router, the connections to the others are closed")
    func dropped() async throws {
        let closed = group.any().makePromise(of: Void.self)
        let listener = try await listen { channel in
            channel.closeFuture.cascade(to: closed)
            return channel.eventLoop.makeSucceededVoidFuture()
        }
        let silent = try #require(listener.localAddress)
        try await withWelcome { router in
            let link = try await join([silent, router])
            try await closed.futureResult.get()
            #expect(link.currentEnd == nil)
            link.submit { $0.abandon() }
        }
        try await listener.close()
    }

    @Test("if none leads to a router, each address is named with what went wrong there")
    func none() async throws {
        try await withDud(.refusing) { refusing in
            try await withDud(.closing) { closing in
                let name = { (address: SocketAddress) in Connection.name(of: address) }
                guard case .connect(let text)? = await failure([refusing, closing, refusing]) else {
                    Issue.record("there was a router")
                    return
                }
                let begin =
                    "cannot connect to ws://router.test:8080/ws: connection refused "
                    + "(\(name(refusing)), \(name(refusing))); "
                // Whose request was not read before it closed has reset the connection.
                let causes = [
                    "the server closed the connection at once", "connection reset by peer",
                ]
                #expect(
                    causes.contains { text == "\(begin)\($0) (\(name(closing)))" }, "\(text)")
            }
        }
        #expect(await failure([]) == .connect("cannot connect to ws://router.test:8080/ws: "))
    }

    @Test("those that have not answered in time are named, too")
    func tooLate() async throws {
        try await withDud(.silent) { silent in
            let text = "no answer that opens a session within 0.3 seconds"
            #expect(
                await failure([silent]) { $0.connectTimeout = .milliseconds(300) }
                    == .connect(
                        "cannot connect to ws://router.test:8080/ws: \(text) "
                            + "(\(Connection.name(of: silent)))"))
        }
    }

    @Test("a router that does not take so long a HELLO is told from one that is not there")
    func longHello() async throws {
        var settings = ConnectionSettings()
        settings.maxMessage = 512
        try await withFakeRouter(settings: settings) { _, _ in
        } _: { endpoint in
            let address = try address(of: endpoint)
            let error = await #expect(throws: ClientError.self) {
                _ = try await join([address], .rawSocket)
            }
            #expect(error == .rejected("HELLO is longer than the 512 bytes the router takes"))
        }
    }
}
