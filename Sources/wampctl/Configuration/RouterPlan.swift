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
    /// Where the listeners stand in the file.
    var listenerPlaces: [Endpoint: FileProblem] = [:]
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

    /// In bytes. A power of two, since RawSocket agrees on those; our own client's HELLO fits in.
    static let shortestMessageSize = 1024
    static let largestMessageSize = ConnectionSettings.largestMessage
}

struct LogSettings: Sendable {
    /// Nil: `info`, or less under `--quiet`.
    var level: RouterCommand.LogLevel?
    var format: RouterCommand.LogFormat?
    /// Nil: stderr.
    var file: String?

    /// How much is logged: as the line or the file says. Less by default on a stderr that belongs
    /// to a command, or is to be quiet.
    func level(for command: RouterCommand) -> Logger.Level {
        let isReticent = file == nil && (!command.command.isEmpty || command.output.quiet)
        let fallback: RouterCommand.LogLevel =
            isReticent ? .warning : command.output.verbose > 0 ? .debug : .info
        return Logger.Level(rawValue: (level ?? fallback).rawValue) ?? .info
    }

    /// With what holds where nothing is said.
    func inForce(for command: RouterCommand) -> LogSettings {
        var log = self
        log.level = RouterCommand.LogLevel(rawValue: level(for: command).rawValue)
        log.format = isJSON(for: command) ? .json : .text
        return log
    }

    /// Whether the log is for programs: as `--log-format` says, else as `--output`.
    func isJSON(for command: RouterCommand) -> Bool {
        format.map { $0 == .json } ?? (command.output.format != .text)
    }
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
