// What a router may be told, with defaults that just work.

public import WAMPTransport

package import WAMPRouter

public struct Configuration: Sendable {
    /// Where to listen. A `ws`, `tcp` or plain port serves WebSocket and RawSocket alike, told
    /// apart by the first byte; port 0 lets the system choose.
    public var listeners: [Endpoint]
    public var realms: [String]
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
    /// The seed of the `random` rule and of ids; nil = drawn from the system.
    public var seed: UInt64?

    /// How long peers have to answer the router's GOODBYE.
    package var farewellTimeout = Duration.seconds(5)
    package var limits = Limits()
    package var settings = RealmSettings()

    public init(listeners: [Endpoint], realms: [String] = ["realm1"]) {
        self.listeners = listeners
        self.realms = realms
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

    public var description: String {
        switch self {
        case .addressInUse(let address): "\(address) is already in use"
        case .cannotListen(let address, let cause): "cannot listen on \(address): \(cause)"
        case .unknownHost(let host): "cannot listen on '\(host)': there is no such host"
        case .notSupported(let what): what
        }
    }
}
