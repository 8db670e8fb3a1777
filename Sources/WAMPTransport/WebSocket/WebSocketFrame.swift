// Headers, close codes and close payloads of WebSocket frames. Pure. Spec: RFC 6455, 5 and 7.4.

/// A WebSocket close code.
package struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let normal = Self(rawValue: 1000)
    package static let goingAway = Self(rawValue: 1001)
    package static let protocolError = Self(rawValue: 1002)
    package static let unacceptableData = Self(rawValue: 1003)
    package static let inconsistentData = Self(rawValue: 1007)
    package static let policyViolation = Self(rawValue: 1008)
    package static let messageTooBig = Self(rawValue: 1009)

    /// Whether a peer may put this code on the wire.
    package var isValidOnWire: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

/// What a peer did against RFC 6455; the connection closes with this code.
package struct WebSocketFault: Error, Equatable, CustomStringConvertible {
    package var code: WebSocketCloseCode
    /// The reason of the close frame, at most 123 bytes.
    package var description: String

    package init(_ code: WebSocketCloseCode, _ description: String) {
        self.code = code
        self.description = description
    }

    /// A protocol error.
    package init(_ description: String) { self.init(.protocolError, description) }
}

/// The header of a WebSocket frame.
package struct WebSocketFrame: Equatable, Sendable {
    package enum Opcode: UInt8, Sendable {
        case continuation = 0
        case text = 1
        case binary = 2
        case close = 8
        case ping = 9
        case pong = 10

        package var isControl: Bool { rawValue & 0x8 != 0 }
    }

    /// In bytes.
    package static let longestControlPayload = 125

    package var opcode: Opcode
    package var isFinal: Bool
    /// The first frame of a message that is compressed. Spec: RFC 7692, 7.
    package var isCompressed = false
    /// Of the payload, in bytes.
    package var length: Int
    /// The four octets of the key in the order they are on the wire; nil in an unmasked frame.
    package var key: Key?

    package typealias Key = (UInt8, UInt8, UInt8, UInt8)

    package init(_ opcode: Opcode, length: Int, isFinal: Bool = true, key: Key? = nil) {
        self.opcode = opcode
        self.isFinal = isFinal
        self.length = length
        self.key = key
    }

    package static func == (left: WebSocketFrame, right: WebSocketFrame) -> Bool {
        left.opcode == right.opcode && left.isFinal == right.isFinal
            && left.isCompressed == right.isCompressed && left.length == right.length
            && left.key ?? (0, 0, 0, 0) == right.key ?? (0, 0, 0, 0)
            && (left.key == nil) == (right.key == nil)
    }

    /// Reads the header at the front of `bytes`.
    ///
    /// Everything that can be told from the octets at hand is checked at once, so a fault need not
    /// wait for the rest of the header.
    /// - Parameter deflates: whether permessage-deflate was agreed on.
    /// - Returns: the header and the number of its octets, or nil if they are not all there yet.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer, masked: Bool, deflates: Bool = false
    ) throws(WebSocketFault) -> (frame: WebSocketFrame, headerLength: Int)? {
        guard let first = bytes.first else { return nil }
        guard first & (deflates ? 0x30 : 0x70) == 0 else {
            throw WebSocketFault("RSV bits are set without an extension")
        }
        guard let opcode = Opcode(rawValue: first & 0x0F) else {
            throw WebSocketFault("opcode \(first & 0x0F) is reserved")
        }
        let isFinal = first & 0x80 != 0
        let isCompressed = first & 0x40 != 0
        if isCompressed, opcode.isControl || opcode == .continuation {
            throw WebSocketFault("RSV1 is set where no compressed message begins")
        }
        if opcode.isControl, !isFinal {
            throw WebSocketFault("a control frame must not be fragmented")
        }
        guard bytes.count >= 2 else { return nil }
        guard (bytes[1] & 0x80 != 0) == masked else {
            throw WebSocketFault(
                masked ? "a client's frame must be masked" : "a server's frame must not be masked")
        }
        var length = Int(bytes[1] & 0x7F)
        if opcode.isControl, length > longestControlPayload {
            throw WebSocketFault("a control frame is longer than 125 bytes")
        }
        var offset = 2
        if length == 126 {
            guard bytes.count >= 4 else { return nil }
            length = Int(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            guard length > 125 else { throw WebSocketFault("a length is not in its shortest form") }
            offset = 4
        } else if length == 127 {
            guard bytes.count >= 10 else { return nil }
            let long = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
            guard long > 0xFFFF else {
                throw WebSocketFault("a length is not in its shortest form")
            }
            guard long < 1 << 63 else {
                throw WebSocketFault("a length has its highest bit set")
            }
            length = Int(long)
            offset = 10
        }
        guard masked else {
            var frame = WebSocketFrame(opcode, length: length, isFinal: isFinal)
            frame.isCompressed = isCompressed
            return (frame, offset)
        }
        guard bytes.count >= offset + 4 else { return nil }
        let key = (bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3])
        var frame = WebSocketFrame(opcode, length: length, isFinal: isFinal, key: key)
        frame.isCompressed = isCompressed
        return (frame, offset + 4)
    }

    /// The number of octets `write` needs.
    package var headerLength: Int {
        (length <= 125 ? 2 : length <= 0xFFFF ? 4 : 10) + (key == nil ? 0 : 4)
    }

    /// Writes the header to memory that has room for `headerLength` octets.
    package func write(to target: UnsafeMutableRawPointer) {
        let masked: UInt8 = key == nil ? 0 : 0x80
        let flags: UInt8 = (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0)
        target.storeBytes(of: opcode.rawValue | flags, as: UInt8.self)
        var offset = 2
        if length <= 125 {
            target.storeBytes(
                of: masked | UInt8(truncatingIfNeeded: length), toByteOffset: 1, as: UInt8.self)
        } else if length <= 0xFFFF {
            target.storeBytes(of: masked | 126, toByteOffset: 1, as: UInt8.self)
            target.storeBytes(
                of: UInt16(truncatingIfNeeded: length).bigEndian, toByteOffset: 2, as: UInt16.self)
            offset = 4
        } else {
            target.storeBytes(of: masked | 127, toByteOffset: 1, as: UInt8.self)
            target.storeBytes(
                of: UInt64(truncatingIfNeeded: length).bigEndian, toByteOffset: 2, as: UInt64.self)
            offset = 10
        }
        if let key { target.storeBytes(of: key, toByteOffset: offset, as: Key.self) }
    }

    /// What a close frame said.
    package struct Close: Equatable, Sendable {
        /// Nil if the frame was empty.
        package var code: WebSocketCloseCode?
        package var reason: String
    }

    /// Reads the unmasked payload of a close frame.
    package static func close(_ payload: UnsafeRawBufferPointer) throws(WebSocketFault) -> Close {
        guard !payload.isEmpty else { return Close(code: nil, reason: "") }
        guard payload.count >= 2 else {
            throw WebSocketFault("a close frame has a payload of one byte")
        }
        let code = WebSocketCloseCode(
            rawValue: UInt16(bigEndian: payload.loadUnaligned(as: UInt16.self)))
        guard code.isValidOnWire else {
            throw WebSocketFault("\(code.rawValue) is not a close code a peer may send")
        }
        var text = UTF8Stream()
        let reason = UnsafeRawBufferPointer(rebasing: payload[2...])
        guard text.accept(reason), text.isComplete else {
            throw WebSocketFault(.inconsistentData, "the reason of a close frame is not UTF-8")
        }
        return Close(code: code, reason: String(decoding: reason, as: UTF8.self))
    }

    /// The payload of a close frame; the reason is cut at a character so that it fits.
    package static func closePayload(_ code: WebSocketCloseCode, _ reason: String) -> [UInt8] {
        var payload = [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)]
        for scalar in reason.unicodeScalars {
            let encoded = UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
            guard payload.count + encoded.count <= longestControlPayload else { break }
            payload.append(contentsOf: encoded)
        }
        return payload
    }
}
