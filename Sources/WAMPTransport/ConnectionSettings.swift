// The bounds of a connection, and how one ends. Values only.

package import NIOCore
package import WAMP

/// What holds for every connection of a listener or of a client.
package struct ConnectionSettings: Sendable {
    /// The longest message received, in bytes.
    package var maxMessage = 16 << 20 {
        didSet { maxMessage = min(maxMessage, Self.largestMessage) }
    }
    /// In bytes. In JSON, what was one byte may be six, and a buffer holds less than 4 GiB.
    package static let largestMessage = 512 << 20
    /// Silence after which a ping is sent; two unanswered end the connection. A peer that may not
    /// answer pings is watched over by the system instead: see `LossWatch`. Zero = off.
    package var keepalive = TimeAmount.seconds(10)
    /// Time for the transport's handshake.
    package var handshakeTimeout = TimeAmount.seconds(10)
    /// Bytes that may wait for one peer; half of it is the high mark.
    package var outboundQueue = 16 << 20
    /// Time without any progress in writing after which a peer counts as a slow consumer.
    package var writeTimeout = TimeAmount.seconds(8)
    /// Time a peer has to close its side after we closed ours.
    package var lingerTime = TimeAmount.seconds(2)
    /// The paths at which WebSocket is served, and which pages may come in there.
    package var paths = ["/ws": OriginRule(), "/": OriginRule()]
    package var serializers = Serializer.allCases
    /// Whether a WebSocket client that asks for permessage-deflate gets it.
    package var deflate = false
    /// Whether the connection is there only to be told that there is no room for it.
    package var isFull = false

    package init() {}

    /// How often the connections of a loop look at the clock.
    package var tickPeriod: TimeAmount {
        guard keepalive > .zero else { return .seconds(1) }
        return max(.milliseconds(1), min(.seconds(1), .nanoseconds(keepalive.nanoseconds / 4)))
    }
}

/// Why a connection ended.
package enum CloseReason: Equatable, Sendable, CustomStringConvertible {
    case peerClosed
    /// The peer closed a WebSocket connection with another code than the normal one.
    case peerClosedWith(WebSocketCloseCode, String)
    /// The owner closed it.
    case closedHere
    case handshakeTimeout
    /// Pings went unanswered.
    case keepAliveTimeout
    /// What waits for the peer is over the bound, or nothing could be written for too long.
    case slowConsumer
    case messageTooLarge(String)
    /// The peer broke the rules of the transport.
    case transportFault(String)
    /// The handshake was refused: by us, or for a client by the server.
    case refused(String)
    case io(String)

    package var description: String {
        switch self {
        case .peerClosed: "the peer closed the connection"
        case .peerClosedWith(let code, let reason):
            "the peer closed the connection with code \(code.rawValue)"
                + (reason.isEmpty ? "" : ": \(reason)")
        case .closedHere: "closed"
        case .handshakeTimeout: "the transport handshake took too long"
        case .keepAliveTimeout: "the peer no longer answers pings"
        case .slowConsumer: "slow consumer"
        case .messageTooLarge(let text), .transportFault(let text), .refused(let text),
            .io(let text):
            text
        }
    }
}
