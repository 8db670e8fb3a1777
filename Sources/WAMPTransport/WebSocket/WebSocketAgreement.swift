// What the ends of a connection agreed on in the opening handshake. Values only.

package import WAMP

package struct WebSocketAgreement: Hashable, Sendable {
    package var serializer: Serializer
    /// Whether a WebSocket message is a batch of WAMP messages.
    package var isBatched: Bool
    /// The bits of the window we compress messages with; 0 = permessage-deflate is not in use.
    package var deflateBits: UInt8

    package init(_ serializer: Serializer, isBatched: Bool = false, deflateBits: UInt8 = 0) {
        self.serializer = serializer
        self.isBatched = isBatched
        self.deflateBits = deflateBits
    }

    private static let batchedSuffix = ".batched"

    /// The name of the subprotocol.
    var subprotocol: String {
        serializer.subprotocol + (isBatched ? WebSocketAgreement.batchedSuffix : "")
    }

    /// Reads the name of a subprotocol; nil if it is none of these serializers'.
    init?(subprotocol: String, among serializers: [Serializer]) {
        for serializer in serializers {
            if subprotocol == serializer.subprotocol {
                self.init(serializer)
                return
            }
            if subprotocol == serializer.subprotocol + WebSocketAgreement.batchedSuffix {
                self.init(serializer, isBatched: true)
                return
            }
        }
        return nil
    }
}
