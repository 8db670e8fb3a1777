// The four octets each way that open RawSocket. Pure. Spec: Advanced Profile, RawSocket Transport.

package import WAMP

/// The opening of a RawSocket connection, seen from either side.
package enum RawSocketHandshake {
    package static let magic: UInt8 = 0x7F
    /// Octets of the request and of the reply.
    package static let length = 4

    /// Why a server refuses a client.
    package enum Refusal: UInt8, Error, CaseIterable, CustomStringConvertible {
        case serializerUnsupported = 1
        case maximumLengthUnacceptable = 2
        case reservedBitsUsed = 3
        case tooManyConnections = 4

        package var description: String {
            switch self {
            case .serializerUnsupported: "the router does not support this serializer"
            case .maximumLengthUnacceptable:
                "the router does not accept this maximum message length"
            case .reservedBitsUsed: "the router found reserved bits in use"
            case .tooManyConnections: "the router has reached its number of connections"
            }
        }

        package var reply: [UInt8] { [magic, rawValue << 4, 0, 0] }
    }

    /// What a peer said of itself.
    package struct Announcement: Equatable, Sendable {
        package var serializer: Serializer
        /// The largest message it will receive, in bytes.
        package var receiveLimit: Int
    }

    /// Reads a client's request of four octets.
    package static func request(
        _ octets: [UInt8], serializers: [Serializer]
    ) throws(Refusal) -> Announcement {
        guard octets.count == length, octets[0] == magic, octets[2] == 0, octets[3] == 0 else {
            throw .reservedBitsUsed
        }
        guard let serializer = Serializer(rawValue: octets[1] & 0x0F),
            serializers.contains(serializer)
        else { throw .serializerUnsupported }
        return Announcement(serializer: serializer, receiveLimit: limit(octets[1] >> 4))
    }

    /// What the server's reply to a request means.
    package enum Reply: Equatable {
        case accepted(Announcement)
        case refused(String)
    }

    /// Reads a server's reply of four octets.
    package static func reply(_ octets: [UInt8], requested: Serializer) -> Reply {
        guard octets.count == length, octets[0] == magic else {
            return .refused("the router does not speak RawSocket")
        }
        guard octets[2] == 0, octets[3] == 0 else {
            return .refused("the router's RawSocket reply uses reserved bits")
        }
        guard octets[1] & 0x0F != 0 else {
            let code = octets[1] >> 4
            return .refused(
                Refusal(rawValue: code)?.description ?? "the router refused with error \(code)")
        }
        guard octets[1] & 0x0F == requested.rawValue else {
            return .refused("the router answered with another serializer than the one asked for")
        }
        return .accepted(Announcement(serializer: requested, receiveLimit: limit(octets[1] >> 4)))
    }

    /// The request of a client, and the reply of a server that accepts.
    package static func octets(_ serializer: Serializer, maximumBytes: Int) -> [UInt8] {
        [magic, exponent(maximumBytes) << 4 | serializer.rawValue, 0, 0]
    }

    /// What can be announced of a limit in bytes: the largest power of two within it, 512 B to 16
    /// MiB.
    package static func announced(_ maximumBytes: Int) -> Int { limit(exponent(maximumBytes)) }

    private static func exponent(_ maximumBytes: Int) -> UInt8 {
        var exponent: UInt8 = 0
        while exponent < 15, limit(exponent + 1) <= maximumBytes { exponent += 1 }
        return exponent
    }

    private static func limit(_ exponent: UInt8) -> Int { 1 << (9 + Int(exponent)) }
}
