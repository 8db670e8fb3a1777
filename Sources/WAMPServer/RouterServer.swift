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
    private let sockets = Mutex<[ListeningSocket]>([])
    private let tls = SharedTLS()

    /// A router that listens to nothing until it is started.
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
                home: pool.loops[0], burst: configuration.burst, logger: logger)
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
        for socket in sockets.withLock({ $0 }) { socket.update(new) }
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
        // What `drain` needs is made now: then there may be no descriptor left.
        _ = MultiThreadedEventLoopGroup.singleton.any()
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
            bound = configuration.listeners
            let shortages = ShortageLog(logger: logger)
            for socket in try ListeningSocket.sockets(of: configuration) {
                sockets.withLock { $0.append(socket) }
                try await socket.listen(
                    pool: pool, directory: directory, shortages: shortages,
                    tls: socket.isSecure ? tls : nil)
                socket.name(in: &bound)
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
        let open = sockets.withLock { sockets in
            defer { sockets = [] }
            return sockets
        }
        for socket in open { await socket.close() }
    }

    /// Sessions are descriptors: take as many as the system grants.
    private func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
