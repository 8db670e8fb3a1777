// What a router is told by its configuration file, the environment and the line together.

import Logging
import WAMP
import WAMPRouter
import WAMPServer
import WAMPTransport

/// Everything that the file can hold, with the defaults of what it leaves out.
struct RouterPlan: Sendable {
    /// Empty: the port and host of the line, or their defaults.
    var listeners: [Endpoint] = []
    /// What holds at one of them only.
    var listenerSettings: [Endpoint: ListenerSettings] = [:]
    /// Pages that may connect though they are of another host.
    var allowedOrigins: [OriginPattern] = []
    /// The listener of the file that needs TLS, and what to say if there is none.
    var unsecured: FileProblem?
    var tls: ServerTLS?
    /// Offer permessage-deflate.
    var offersDeflate = false
    /// Create any realm that a client asks for.
    var createsRealms = false
    var newRealm = RealmConfiguration(name: "")
    /// Empty: `realm1`.
    var realms: [RealmConfiguration] = []
    /// By realm, for each user the entry that describes it, in flow style, without its secrets.
    var userEntries: [Name: [String]] = [:]
    var keepalive = Duration.seconds(10)
    var limits = RouterLimits()
    var http = HTTPSettings()
    var log = LogSettings()
    var pidFile: String?
    var drainTimeout = Duration.seconds(10)
    /// Nil: as many as the machine suggests.
    var threads: Int?
    var seed: UInt64?
    /// What is worth a word about the file.
    var warnings: [FileProblem] = []

    /// Whether every listener can be reached from this machine alone.
    var isLocal: Bool { listeners.allSatisfy(\.isLoopback) }

    /// Whether somebody may join without proving who he is.
    var isAnonymous: Bool {
        createsRealms && newRealm.principals.anonymousRole != nil
            || realms.contains { $0.principals.anonymousRole != nil }
    }

    /// What the server is given.
    var configuration: Configuration {
        var configuration = Configuration(listeners: listeners, realms: realms)
        configuration.listenerSettings = listenerSettings
        configuration.allowedOrigins = allowedOrigins
        configuration.createsRealms = createsRealms
        configuration.newRealm = newRealm
        if !isLocal { configuration.forbidKilling() }
        configuration.tls = tls
        configuration.deflate = offersDeflate
        configuration.maxMessageBytes = limits.messageSize
        configuration.outboundQueueBytes = limits.outboundQueue
        configuration.handshakeTimeout = limits.handshakeTimeout
        configuration.limits = limits.core
        configuration.keepalive = keepalive
        configuration.threads = threads
        configuration.seed = seed
        return configuration
    }
}

struct RouterLimits: Sendable {
    /// In bytes.
    var messageSize = 16 << 20
    /// 0 = 80 % of the descriptors.
    var sessions = 0
    /// Bytes that may wait for one session.
    var outboundQueue = 16 << 20
    var slowConsumer = SlowConsumer.disconnect
    var handshakeTimeout = Duration.seconds(10)
    /// 0 = never.
    var suspectAfter = Duration.seconds(5)
    var connectionsPerAddress = 256
    /// What the realms themselves bound.
    var core = Limits()

    enum SlowConsumer: String, CaseIterable {
        case disconnect
        case dropEvents = "drop-events"
    }

    /// A power of two, since RawSocket agrees on those; the HELLO of our own client fits in.
    static let shortestMessageSize = 1024
    static let largestMessageSize = ConnectionSettings.largestMessage
}

/// The HTTP endpoints beside WAMP.
struct HTTPSettings: Sendable {
    var isEnabled = true
    /// Nil: on loopback only.
    var hasDashboard: Bool?
    /// Elsewhere than on the listeners.
    var listener: Endpoint?
    var hasProcedureMetrics = false
}

struct LogSettings: Sendable {
    /// Nil: `info`, or less under `--quiet`.
    var level: RouterCommand.LogLevel?
    var format: RouterCommand.LogFormat?
    /// Nil: stderr.
    var file: String?
}

extension Endpoint {
    /// Whether it can be reached from this machine alone.
    var isLoopback: Bool {
        switch address {
        case .unix: true
        case .tcp(let host, _): WebHost(address: host)?.isLoopback ?? false
        }
    }
}
