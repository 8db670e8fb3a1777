// A router as a whole: starts, drains, stops.

import Glibc
public import Logging
import NIOCore
import NIOPosix
import Synchronization
import WAMPRouter
public import WAMPTransport

/// A WAMP router: broker and dealer for its realms on one or more listeners.
public final class RouterServer: Sendable {
    private let configuration: Mutex<Configuration>
    private let logger: Logger
    private let pool: LoopPool
    private let directory: RealmDirectory
    private let listeners = Mutex<[any Channel]>([])
    private let tls = SharedTLS()

    public init(configuration: Configuration, logger: Logger) {
        self.configuration = Mutex(configuration)
        self.logger = logger
        let pool = LoopPool(
            threads: configuration.threads,
            tickPeriod: ConnectionSettings(configuration).tickPeriod)
        self.pool = pool
        let seeds = Mutex(
            SeededRandom(seed: configuration.seed ?? .random(in: .min ... .max)))
        let started = Now.current.moment
        directory = RealmDirectory(configuration, logger: logger) { realm, limits in
            RealmHost(
                realm, limits: limits, seed: seeds.withLock { $0.next() }, started: started,
                home: pool.loops[0], logger: logger)
        }
    }

    /// Takes over a new configuration without ending a session: realms, users, permissions and
    /// limits, and the files of TLS read anew; what concerns connections holds for those that come.
    /// - Returns: what needs a restart, a sentence each.
    /// - Throws: `ServerError.tls` if the files of TLS cannot be used or are out of date; then
    ///   everything stays as it was.
    public func reload(_ new: Configuration) throws(ServerError) -> [String] {
        if let files = new.tls { try replaceTLS(files) }
        let old = configuration.withLock { configuration in
            let old = configuration
            configuration = new
            // These are there as long as the process.
            configuration.listeners = old.listeners
            configuration.threads = old.threads
            return old
        }
        var notes = directory.update(new).map {
            "realm \($0) is no longer configured and stays until a restart"
        }
        if old.listeners != new.listeners { notes.append("listeners change with a restart") }
        if old.threads != new.threads { notes.append("threads change with a restart") }
        return notes
    }

    /// Binds every listener.
    /// - Returns: the endpoints as they can be connected to, with the ports that the system chose.
    /// - Throws: `ServerError`; then nothing is left bound.
    public func start() async throws -> [Endpoint] {
        raiseDescriptorLimit()
        var bound: [Endpoint] = []
        do {
            let configuration = configuration.withLock { $0 }
            if let files = configuration.tls {
                let context = try loadTLS(files)
                if let fault = SharedTLS.fault(in: context, files) {
                    logger.warning("\(fault)")
                }
                tls.replace(with: context)
            }
            for endpoint in configuration.listeners {
                let channel = try await listen(on: endpoint)
                listeners.withLock { $0.append(channel) }
                bound.append(channel.localAddress?.port.map(endpoint.with(port:)) ?? endpoint)
            }
        } catch {
            await stop()
            throw error
        }
        return bound
    }

    /// Reads the files of TLS again, for the connections that come from now on.
    /// - Throws: `ServerError.tls` if they cannot be used or are out of date; then everything stays
    ///   as it was.
    public func reloadTLS() throws(ServerError) {
        guard let files = configuration.withLock({ $0.tls }) else { return }
        try replaceTLS(files)
    }

    private func replaceTLS(_ files: ServerTLS) throws(ServerError) {
        let context = try loadTLS(files)
        if let fault = SharedTLS.fault(in: context, files) { throw .tls(fault) }
        tls.replace(with: context)
    }

    private func loadTLS(_ files: ServerTLS) throws(ServerError) -> TLSContext {
        do throws(TLSError) {
            return try TLSContext.server(files)
        } catch {
            throw .tls(error.description)
        }
    }

    /// Stops taking sessions, lets running calls finish for at most `timeout`, says GOODBYE to
    /// every session, waits a few seconds for the answers, and stops.
    public func drain(timeout: Duration) async {
        await closeListeners()
        // Not one of ours: `stop` may end those while this still goes on.
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        let allClosed = eventLoop.makePromise(of: Void.self)
        directory.drain(allClosed: allClosed)
        let emptied = directory.hosts.values.map { host in
            let promise = eventLoop.makePromise(of: Void.self)
            host.drain(emptied: promise)
            return promise.futureResult
        }
        let hosts = Array(directory.hosts.values)
        let deadline = eventLoop.scheduleTask(in: TimeAmount(timeout)) {
            hosts.forEach { $0.shutDown() }
        }
        // Neither future can fail: they are only ever fulfilled.
        try? await EventLoopFuture.andAllSucceed(emptied, on: eventLoop).get()
        deadline.cancel()
        // Connections close themselves within the farewell's time; nobody is waited for longer.
        let end = eventLoop.scheduleTask(in: directory.farewellTimeout * 2) {
            allClosed.succeed()
        }
        try? await allClosed.futureResult.get()
        end.cancel()
        await stop()
    }

    /// Closes everything at once. May be called more than once.
    public func stop() async {
        await closeListeners()
        try? await pool.group.shutdownGracefully()
    }

    /// How many calls are in flight: what a drain waits for.
    public var pendingCallCount: Int {
        directory.hosts.values.reduce(0) { $0 + $1.pendingCallCount }
    }

    private func closeListeners() async {
        let open = listeners.withLock { channels in
            defer { channels = [] }
            return channels
        }
        for channel in open { try? await channel.close() }
    }

    private func listen(on endpoint: Endpoint) async throws(ServerError) -> any Channel {
        guard !endpoint.isSecure || configuration.withLock({ $0.tls }) != nil else {
            throw .tls("\(endpoint) needs a certificate and its key")
        }
        let tls = endpoint.isSecure ? tls : nil
        let directory = directory
        let pool = pool
        let logger = logger
        let bootstrap = ServerBootstrap(group: pool.group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Out of descriptors, a connection that cannot be accepted would be tried again
                    // and again.
                    let backoff = AcceptBackoffHandler { error in
                        logger.warning(
                            "cannot accept connections", metadata: ["cause": "\(error)"])
                        return .milliseconds(500)
                    }
                    try channel.pipeline.syncOperations.addHandler(backoff)
                }
            }
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let loop = pool.loop(of: channel.eventLoop) else { return }
                    let context = tls?.current
                    var settings = ConnectionSettings(configuration.withLock { $0 })
                    try ChannelConfiguration.apply(
                        settings, to: channel, sharing: context == nil ? loop : nil)
                    if case .tcp = endpoint.address, !settings.paths.contains(endpoint.path) {
                        settings.paths.append(endpoint.path)
                    }
                    let front = try context?.install(on: channel)
                    let link = SessionLink(
                        loop: loop, directory: directory, remoteAddress: channel.remoteAddress)
                    try channel.pipeline.syncOperations.addHandler(
                        ConnectionHandler(owner: link, loop: loop, settings: settings, tls: front))
                }
            }
        do {
            switch endpoint.address {
            case .tcp(let host, let port):
                return try await bootstrap.bind(host: host, port: port).get()
            case .unix(let path):
                try removeStaleSocket(path)
                return try await bootstrap.bind(unixDomainSocketPath: path).get()
            }
        } catch let error as ServerError {
            throw error
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw .addressInUse(endpoint.description)
        } catch let error as SocketAddressError.UnknownHost {
            throw .unknownHost(error.host)
        } catch let error as IOError {
            throw .cannotListen(
                endpoint.description, cause: String(cString: strerror(error.errnoCode)))
        } catch {
            throw .cannotListen(endpoint.description, cause: "\(error)")
        }
    }

    /// A socket file that nobody listens on is a leftover; one that somebody does is in use.
    private func removeStaleSocket(_ path: String) throws(ServerError) {
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFSOCK else {
            throw .cannotListen("unix://\(path)", cause: "a file that is no socket is in the way")
        }
        guard let address = try? SocketAddress(unixDomainSocketPath: path) else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let fault = address.withSockAddr { connect(descriptor, $0, socklen_t($1)) == 0 ? 0 : errno }
        // Whatever else went wrong, such as a lack of permission, somebody may listen.
        guard fault == ECONNREFUSED else { throw .addressInUse("unix://\(path)") }
        unlink(path)
    }

    /// Sessions are descriptors: take as many as the system grants.
    private func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

extension ConnectionSettings {
    /// What a configuration says of its connections.
    fileprivate init(_ configuration: Configuration) {
        self.init()
        maxMessage = configuration.maxMessageBytes
        keepalive = TimeAmount(configuration.keepalive)
        handshakeTimeout = TimeAmount(configuration.handshakeTimeout)
        outboundQueue = configuration.outboundQueueBytes
        deflate = configuration.deflate
    }
}
