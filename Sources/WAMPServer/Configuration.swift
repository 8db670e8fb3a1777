// What a router may be told, with defaults that just work.

public import WAMPTransport

package import WAMPRouter

/// What a router serves: its listeners, realms and limits.
public struct Configuration: Sendable {
    /// Where to listen. A `ws`, `tcp` or plain port serves WebSocket and RawSocket alike, told
    /// apart by the first byte; port 0 lets the system choose. Listeners of one address and port
    /// share a socket, which serves the paths of all.
    public var listeners: [Endpoint]
    /// Pages that may connect to any listener though they are of another host.
    public var allowedOrigins: [OriginPattern] = []
    /// What holds at one listener only.
    package var listenerSettings: [Endpoint: ListenerSettings] = [:]
    public var realms: [RealmConfiguration]
    /// Create any realm that a client asks for.
    public var createsRealms = false
    /// What a realm is made like that comes to be because a client asks for it.
    package var newRealm = RealmConfiguration(name: "")
    /// The largest message accepted, in bytes.
    public var maxMessageBytes = 16 << 20
    /// How much may wait to be written to one session, in bytes.
    public var outboundQueueBytes = 16 << 20
    /// A peer that was silent for this long is sent a ping, and cut after two unanswered ones; zero
    /// = never.
    public var keepalive = Duration.seconds(10)
    /// Time from accepting a connection to HELLO.
    public var handshakeTimeout = Duration.seconds(10)
    /// Event loops; nil = one up to two cores, beyond that one for every two cores.
    public var threads: Int?
    /// The certificate for the `wss` and `tls` listeners, which need one.
    public var tls: ServerTLS?
    /// Whether WebSocket clients that ask for permessage-deflate get it.
    public var deflate = false
    /// The seed of the `random` rule and of ids; nil = drawn from the system.
    public var seed: UInt64?

    /// How long peers have to answer the router's GOODBYE.
    package var farewellTimeout = Duration.seconds(5)
    package var limits = Limits()
    /// How much the events may take that one message causes.
    package var burst = Burst()

    /// Realms of the given names, as they are without settings: whoever asks is let in.
    public init(listeners: [Endpoint], realms: [String] = ["realm1"]) {
        self.init(listeners: listeners, realms: realms.map { RealmConfiguration(name: $0) })
    }

    /// Realms with settings of their own.
    public init(listeners: [Endpoint], realms: [RealmConfiguration]) {
        self.listeners = listeners
        self.realms = realms
    }
}

extension Configuration {
    /// Where no roles are configured, nobody may end the sessions of others through the meta API:
    /// for routers that can be reached from elsewhere.
    package mutating func forbidKilling() {
        newRealm.settings.permissions.isKillAllowed = false
        for index in realms.indices { realms[index].settings.permissions.isKillAllowed = false }
    }
}

/// What a listener has of its own.
package struct ListenerSettings: Hashable, Sendable {
    /// In place of the router's; nil = those.
    package var allowedOrigins: [OriginPattern]?

    package init() {}
}

/// A realm that a router has: what holds in it, and who may join it.
public struct RealmConfiguration: Sendable {
    /// The URI that clients name in HELLO.
    public var name: String
    package var settings: RealmSettings
    package var principals: Principals

    /// A realm without settings: whoever asks is let in.
    public init(name: String) {
        self.init(name: name, settings: RealmSettings(), principals: Principals())
    }

    /// Whether sessions are let in that prove nothing.
    public var allowsAnonymous: Bool {
        get { principals.anonymousRole != nil }
        set { principals.anonymousRole = newValue ? principals.anonymousRole ?? "anonymous" : nil }
    }

    package init(name: String, settings: RealmSettings, principals: Principals) {
        self.name = name
        self.settings = settings
        self.principals = principals
    }
}

/// Why a router could not start.
public enum ServerError: Error, CustomStringConvertible {
    /// Somebody else listens there.
    case addressInUse(String)
    case cannotListen(String, cause: String)
    /// The host of an address to listen on cannot be resolved.
    case unknownHost(String)
    case notSupported(String)
    /// Two listeners that cannot be there together.
    case contradiction(String)
    /// The files of TLS cannot be used.
    case tls(String)

    public var description: String {
        switch self {
        case .addressInUse(let address): "\(address) is already in use"
        case .cannotListen(let address, let cause): "cannot listen on \(address): \(cause)"
        case .unknownHost(let host): "cannot listen on '\(host)': there is no such host"
        case .notSupported(let what), .contradiction(let what), .tls(let what): what
        }
    }
}
