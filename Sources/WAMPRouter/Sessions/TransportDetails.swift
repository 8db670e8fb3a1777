// How a session is connected, as far as others may know.

package import WAMP

/// Small, since every session keeps one: it becomes a dictionary when somebody asks.
package struct TransportDetails: Equatable, Sendable {
    /// The raw value is what others are told.
    package enum Kind: String, Sendable {
        case rawSocket = "rawsocket"
        case webSocket = "websocket"
    }

    private let peer: String
    private let kind: Kind
    let serializer: Serializer
    private let isSecure: Bool

    /// - Parameter peer: the address at the other end.
    package init(kind: Kind, serializer: Serializer, peer: String, isSecure: Bool) {
        self.kind = kind
        self.serializer = serializer
        self.peer = peer
        self.isSecure = isSecure
    }

    /// Spec: Advanced Profile, Session Meta API.
    var dictionary: Value.Dictionary {
        [
            "type": .string(kind.rawValue), "serializer": .string(serializer.name),
            "peer": .string(peer), "secure": .bool(isSecure),
        ]
    }
}
