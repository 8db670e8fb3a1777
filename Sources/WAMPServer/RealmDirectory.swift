// The realms of a router by name, and the connections that are open: what all session links share.

import Logging
import NIOCore
import NIOPosix
import Synchronization
import WAMP
import WAMPRouter
import WAMPTransport

final class RealmDirectory: Sendable {
    let farewellTimeout: TimeAmount
    let logger: Logger
    /// By it, strangers are told the same every time.
    let secret = RealmDirectory.randomBytes()

    private let state: Mutex<State>
    /// Makes a realm that was not there at the start.
    private let open: @Sendable (RealmConfiguration, Limits) -> RealmHost
    private let connections = Mutex(Connections())

    /// What a reload changes.
    private struct State {
        var hosts: [Name: RealmHost]
        var limits: Limits
        var handshakeTimeout: TimeAmount
        /// Any realm may be asked for, up to a bound.
        var createsRealms: Bool
        var newRealm: RealmConfiguration
    }

    /// How many realms clients may cause to be.
    private static let mostRealms = 10_000

    private struct Connections {
        var count = 0
        /// The most there were since memory was last given back.
        var peak = 0
        var isGivingBack = false
        /// No new session is let in.
        var isDraining = false
        var allClosed: EventLoopPromise<Void>?
    }

    init(
        _ configuration: Configuration, logger: Logger,
        open: @escaping @Sendable (RealmConfiguration, Limits) -> RealmHost
    ) {
        var hosts: [Name: RealmHost] = [:]
        for realm in configuration.realms {
            hosts[Name(realm.name)] = open(realm, configuration.limits)
        }
        state = Mutex(
            State(
                hosts: hosts, limits: configuration.limits,
                handshakeTimeout: TimeAmount(configuration.handshakeTimeout),
                createsRealms: configuration.createsRealms, newRealm: configuration.newRealm))
        farewellTimeout = TimeAmount(configuration.farewellTimeout)
        self.logger = logger
        self.open = open
    }

    var hosts: [Name: RealmHost] { state.withLock { $0.hosts } }
    var limits: Limits { state.withLock { $0.limits } }
    var handshakeTimeout: TimeAmount { state.withLock { $0.handshakeTimeout } }

    /// Who may join the realm, if it is there or may come to be: those who are refused cause none.
    func principals(of name: String) -> Principals? {
        state.withLock { state in
            if let host = state.hosts[Name(name)] { return host.principals }
            let isCreated = state.createsRealms && state.hosts.count < Self.mostRealms
            return isCreated ? state.newRealm.principals : nil
        }
    }

    /// The realm, which comes to be if realms may.
    func host(of name: String) -> RealmHost? {
        state.withLock { state in
            if let host = state.hosts[Name(name)] { return host }
            guard state.createsRealms, state.hosts.count < Self.mostRealms else { return nil }
            var realm = state.newRealm
            realm.name = name
            let host = open(realm, state.limits)
            state.hosts[Name(name)] = host
            return host
        }
    }

    /// Takes over a new configuration: realms are added and changed, none is removed.
    /// - Returns: the realms that the configuration no longer has.
    func update(_ configuration: Configuration) -> [String] {
        let (changed, left) = state.withLock { state in
            state.limits = configuration.limits
            state.handshakeTimeout = TimeAmount(configuration.handshakeTimeout)
            state.createsRealms = configuration.createsRealms
            state.newRealm = configuration.newRealm
            var changed: [(RealmHost, RealmConfiguration)] = []
            for realm in configuration.realms {
                if let host = state.hosts[Name(realm.name)] {
                    changed.append((host, realm))
                } else {
                    state.hosts[Name(realm.name)] = open(realm, configuration.limits)
                }
            }
            let wanted = configuration.realms.map { Name($0.name) }
            return (changed, Set(state.hosts.keys).subtracting(wanted).map(\.description))
        }
        for (host, realm) in changed { host.update(realm, configuration.limits) }
        return configuration.createsRealms ? [] : left.sorted()
    }

    /// 32 bytes from the system's generator.
    static func randomBytes() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    var isDraining: Bool { connections.withLock { $0.isDraining } }

    func connectionOpened() {
        connections.withLock { connections in
            connections.count += 1
            connections.peak = max(connections.peak, connections.count)
        }
    }

    /// - Parameter loop: the connection's.
    func connectionClosed(on loop: any EventLoop) {
        let isEbbing = connections.withLock { connections in
            connections.count -= 1
            if connections.count == 0 { connections.allClosed?.succeed() }
            guard connections.count * 2 <= connections.peak, !connections.isGivingBack else {
                return false
            }
            connections.isGivingBack = true
            return true
        }
        if isEbbing { loop.scheduleTask(in: .seconds(10)) { self.giveBack() } }
    }

    /// Many have left: what they took goes back to the system. The allocator keeps it otherwise.
    private func giveBack() {
        connections.withLock { connections in
            connections.peak = connections.count
            connections.isGivingBack = false
        }
        // Not on an event loop: it takes its time.
        NIOThreadPool.singleton.submit { _ in Heap.giveBack() }
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
