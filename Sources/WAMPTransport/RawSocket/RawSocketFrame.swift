// The four octets before each RawSocket frame. Pure. Spec: Advanced Profile, RawSocket Transport.

/// The header of a RawSocket frame.
package struct RawSocketFrame: Equatable, Sendable {
    package enum Kind: UInt8, Sendable {
        case message = 0
        case ping = 1
        case pong = 2
    }

    /// In bytes.
    package static let headerLength = 4
    /// The longest frame there can be: 2^24 bytes, for which the 25th bit stands alone.
    package static let longest = 1 << 24

    package var kind: Kind
    /// Of what follows the header, in bytes.
    package var length: Int

    package init(_ kind: Kind, length: Int) {
        self.kind = kind
        self.length = length
    }

    /// Why a header ends the connection.
    package enum Fault: Error, Equatable, CustomStringConvertible {
        case reservedBits
        case reservedType(UInt8)
        case tooLong(Int, limit: Int)

        package var description: String {
            switch self {
            case .reservedBits: "a RawSocket frame uses reserved bits"
            case .reservedType(let type): "RawSocket frame type \(type) is reserved"
            case .tooLong(let length, let limit):
                "a frame of \(length) bytes is longer than the announced limit of \(limit)"
            }
        }
    }

    /// Reads a header, its four octets taken as a number in network order.
    package init(header: UInt32, limit: Int) throws(Fault) {
        let type = UInt8(header >> 24)
        var length = Int(header & 0xFF_FFFF)
        guard type & 0xF0 == 0 else { throw .reservedBits }
        if type & 0x08 != 0 {
            guard length == 0 else { throw .reservedBits }
            length = RawSocketFrame.longest
        }
        guard let kind = Kind(rawValue: type & 0x07) else { throw .reservedType(type & 0x07) }
        guard length <= limit else { throw .tooLong(length, limit: limit) }
        self.init(kind, length: length)
    }

    /// The header as a number in network order. The length is at most `longest`.
    package var header: UInt32 {
        let long = length == RawSocketFrame.longest
        return UInt32(kind.rawValue | (long ? 0x08 : 0)) << 24
            | (long ? 0 : UInt32(truncatingIfNeeded: length) & 0xFF_FFFF)
    }
}
