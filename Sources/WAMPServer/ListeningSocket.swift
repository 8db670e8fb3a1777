// One socket that takes connections, for all listeners of its address.

import Glibc
import NIOCore
import NIOPosix
import Synchronization
import WAMP
package import WAMPTransport

final class ListeningSocket: Sendable {
    /// Whether its connections speak TLS.
    let isSecure: Bool
    private let endpoints: [Endpoint]
    /// Where the endpoints stand among the router's listeners.
    private let places: [Int]
    private let address: SocketAddress
    /// What holds for the next connection: all share its memory.
    private let settings: Mutex<ConnectionSettings>
    private let channel = Mutex<(any Channel)?>(nil)

    private init(
        _ endpoints: [Endpoint], at places: [Int], _ address: SocketAddress,
        _ configuration: Configuration
    ) {
        self.endpoints = endpoints
        self.places = places
        self.address = address
        isSecure = endpoints.contains(where: \.isSecure)
        settings = Mutex(ConnectionSettings(configuration, endpoints, at: address))
    }

    /// The sockets that the listeners of a configuration need.
    /// - Throws: `ServerError` for a listener that cannot be, by itself or beside another.
    static func sockets(of configuration: Configuration) throws -> [ListeningSocket] {
        var groups: [(address: SocketAddress, endpoints: [Endpoint], places: [Int])] = []
        for (place, endpoint) in configuration.listeners.enumerated() {
            guard !endpoint.isSecure || configuration.tls != nil else {
                throw ServerError.tls("\(endpoint) needs a certificate and its key")
            }
            for address in try endpoint.resolved() {
                // Who asks for a free port gets one of his own.
                let group = address.port == 0 ? nil : groups.firstIndex { $0.address == address }
                guard let group else {
                    groups.append((address, [endpoint], [place]))
                    continue
                }
                for other in groups[group].endpoints {
                    let fault = endpoint.contradiction(
                        to: other, called: "\(other)", configuration.listenerSettings)
                    if let fault { throw ServerError.contradiction(fault) }
                }
                groups[group].endpoints.append(endpoint)
                groups[group].places.append(place)
            }
        }
        return groups.map {
            ListeningSocket($0.endpoints, at: $0.places, $0.address, configuration)
        }
    }

    /// Takes over a new configuration for the connections that come.
    func update(_ configuration: Configuration) {
        let new = ConnectionSettings(configuration, endpoints, at: address)
        settings.withLock { $0 = new }
    }

    /// Names the endpoints of a list as they can be connected to, with the port that the system
    /// chose.
    func name(in listeners: inout [Endpoint]) {
        guard let port = channel.withLock({ $0?.localAddress?.port }) else { return }
        for place in places { listeners[place] = listeners[place].with(port: port) }
    }

    /// - Parameter tls: of its connections, if it has TLS.
    func listen(
        pool: LoopPool, directory: RealmDirectory, shortages: ShortageLog, tls: SharedTLS?
    ) async throws {
        let bootstrap = ServerBootstrap(group: pool.group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    let guardian = AcceptGuard(log: shortages) { [self] channel in
                        try install(
                            Nobody(), on: channel, pool: pool, tls: tls?.current, isFull: true)
                    }
                    try channel.pipeline.syncOperations.addHandler(guardian)
                }
            }
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let loop = pool.loop(of: channel.eventLoop) else { return }
                    let link = SessionLink(
                        loop: loop, directory: directory, remoteAddress: channel.remoteAddress)
                    _ = try install(link, on: channel, pool: pool, tls: tls?.current)
                }
            }
        do {
            if case .unix(let path) = endpoints[0].address { try removeStaleSocket(path) }
            let bound = try await bootstrap.bind(to: address).get()
            channel.withLock { $0 = bound }
        } catch let error as ServerError {
            throw error
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw ServerError.addressInUse(endpoints[0].description)
        } catch let error as IOError {
            throw ServerError.cannotListen(
                endpoints[0].description, cause: String(cString: strerror(error.errnoCode)))
        } catch {
            throw ServerError.cannotListen(endpoints[0].description, cause: "\(error)")
        }
    }

    func close() async {
        guard let open = channel.withLock({ $0.take() }) else { return }
        try? await open.close()
    }

    /// Makes a connection of an accepted channel, on its loop.
    /// - Returns: what stands in front of it if it speaks TLS.
    private func install(
        _ owner: some ConnectionOwner, on channel: any Channel, pool: LoopPool,
        tls: TLSContext?, isFull: Bool = false
    ) throws -> TLSFront? {
        guard let loop = pool.loop(of: channel.eventLoop) else { return nil }
        var settings = settings.withLock { $0 }
        settings.isFull = isFull
        try ChannelConfiguration.apply(settings, to: channel, sharing: tls == nil ? loop : nil)
        let front = try tls?.install(on: channel)
        try channel.pipeline.syncOperations.addHandler(
            ConnectionHandler(owner: owner, loop: loop, settings: settings, tls: front))
        return front
    }

    /// A socket file that nobody listens on is a leftover; one that somebody does is in use.
    private func removeStaleSocket(_ path: String) throws(ServerError) {
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFSOCK else {
            throw .cannotListen("unix://\(path)", cause: "a file that is no socket is in the way")
        }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { Glibc.close(descriptor) }
        let fault = address.withSockAddr { connect(descriptor, $0, socklen_t($1)) == 0 ? 0 : errno }
        // Whatever else went wrong, such as a lack of permission, somebody may listen.
        guard fault == ECONNREFUSED else { throw .addressInUse("unix://\(path)") }
        unlink(path)
    }
}

/// The owner of a connection that is only told that there is no room for it.
private final class Nobody: ConnectionOwner {
    func opened(_ connection: Connection) {}
    func received(_ batch: MessageBatch) {}
    func violated(_ violation: ProtocolViolation) {}
    func writeBlocked(_ blocked: Bool) {}
    func closed(_ reason: CloseReason) {}
}

extension Endpoint {
    /// The addresses to bind: all of a name that this machine has, but for a port that the system
    /// is to choose, which is one.
    fileprivate func resolved() throws -> [SocketAddress] {
        switch address {
        case .tcp(let host, let port):
            let found: [SocketAddress]
            do {
                found = try HostAddresses.of(host, port: port)
            } catch {
                throw ServerError.unknownHost(host)
            }
            let own = found.count > 1 ? found.filter(HostAddresses.isOwn) : found
            // If it is none, binding it tells why.
            return port == 0 || own.isEmpty ? [own.first ?? found[0]] : own
        case .unix(let path):
            return [try SocketAddress(unixDomainSocketPath: path)]
        }
    }
}

extension Endpoint {
    /// Why it cannot share a socket with another listener, with the cure; nil if it can.
    /// - Parameter name: the other's.
    package func contradiction(
        to other: Endpoint, called name: String, _ settings: [Endpoint: ListenerSettings]
    ) -> String? {
        if self == other { return "\(self) is there more than once; keep one" }
        if isSecure != other.isSecure {
            return "\(self) has the port of \(name), and only one of them speaks TLS; "
                + "give it a port of its own"
        }
        if path == other.path, let mine = settings[self]?.allowedOrigins,
            let its = settings[other]?.allowedOrigins, mine != its
        {
            return "\(self) has port and path of \(name), but other 'allowed_origins'; "
                + "keep one of the two lists"
        }
        return nil
    }
}

extension ConnectionSettings {
    /// What a configuration says of the connections of a socket.
    init(_ configuration: Configuration, _ endpoints: [Endpoint], at address: SocketAddress) {
        self.init(configuration)
        let isOnLoopback = address.ipAddress.flatMap(WebHost.init(address:))?.isLoopback ?? false
        func rule(of endpoint: Endpoint) -> OriginRule {
            let own = configuration.listenerSettings[endpoint]?.allowedOrigins
            var rule = OriginRule()
            rule.allowed = own ?? configuration.allowedOrigins
            rule.isOnLoopback = isOnLoopback
            return rule
        }
        // Where no listener says otherwise, the first one's rule holds.
        for path in paths.keys { paths[path] = rule(of: endpoints[0]) }
        for endpoint in endpoints {
            let isNamed = configuration.listenerSettings[endpoint]?.allowedOrigins != nil
            if endpoint.framing == .webSocket || isNamed {
                paths[endpoint.path] = rule(of: endpoint)
            }
        }
    }

    /// What a configuration says of all connections.
    init(_ configuration: Configuration) {
        self.init()
        maxMessage = configuration.maxMessageBytes
        keepalive = TimeAmount(configuration.keepalive)
        handshakeTimeout = TimeAmount(configuration.handshakeTimeout)
        outboundQueue = configuration.outboundQueueBytes
        deflate = configuration.deflate
    }
}
