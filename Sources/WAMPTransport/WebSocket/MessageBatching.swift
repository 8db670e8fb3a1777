// Several WAMP messages in one of WebSocket: in JSON each ends with an octet 0x1E, in MessagePack
// and CBOR each begins with its length in four octets. Pure. Spec: Advanced Profile, Batched
// WebSocket Transport.

import NIOCore
import WAMP

enum MessageBatching {
    /// Cannot stand in JSON, not even in a string.
    private static let separator: UInt8 = 0x1E
    /// How long the length in front of a binary message is.
    private static let lengthOctets = 4

    /// Writes what stands before a message of that length.
    static func open(_ serializer: Serializer, _ length: Int, _ buffer: inout ByteBuffer) {
        if serializer != .json { buffer.writeInteger(UInt32(clamping: length)) }
    }

    /// Writes what stands behind a message.
    static func close(_ serializer: Serializer, _ buffer: inout ByteBuffer) {
        if serializer == .json { buffer.writeInteger(separator) }
    }

    /// Finds the next message.
    /// - Parameter offset: where it, or its length, begins in the readable bytes.
    /// - Returns: the message without what frames it, in the readable bytes.
    /// - Throws: if there is none, or not all of it.
    static func next(
        _ bytes: ByteBuffer, from offset: Int, _ serializer: Serializer
    ) throws(WebSocketFault) -> Range<Int> {
        let count = bytes.readableBytes
        guard count > offset else { throw WebSocketFault("a batch of messages is empty") }
        if serializer == .json {
            let view = bytes.readableBytesView
            guard let end = view[(view.startIndex + offset)...].firstIndex(of: separator) else {
                throw WebSocketFault("the last message of a batch does not end with 0x1E")
            }
            return offset..<(end - view.startIndex)
        }
        guard count - offset >= lengthOctets,
            let length = bytes.getInteger(at: bytes.readerIndex + offset, as: UInt32.self),
            count - offset - lengthOctets >= Int(length)
        else { throw WebSocketFault("the last message of a batch is cut off") }
        let start = offset + lengthOctets
        return start..<(start + Int(length))
    }

    /// Where what follows a message begins.
    static func end(of message: Range<Int>, _ serializer: Serializer) -> Int {
        message.upperBound + (serializer == .json ? 1 : 0)
    }
}
