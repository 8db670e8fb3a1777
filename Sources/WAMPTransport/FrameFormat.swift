// How one peer's outgoing messages are framed. Pure: bytes in, bytes at the end of a buffer out.

import CScan
package import NIOCore
package import WAMP

/// Framing, serializer and direction of what is written to a peer.
package struct FrameFormat: Hashable, Sendable {
    package let framing: Framing
    package let serializer: Serializer
    /// Whether WebSocket payloads are masked, that is, whether we are the client.
    package let isMasked: Bool
    /// Whether a WebSocket message is a batch of WAMP messages. We send batches of one.
    package let isBatched: Bool
    /// The bits of the window that messages are compressed with; 0 = they are not.
    package let deflateBits: UInt8
    /// Whether messages are written as they are, without masking, batch or compression.
    let isDirect: Bool

    package init(
        framing: Framing, serializer: Serializer, isMasked: Bool, isBatched: Bool = false,
        deflateBits: UInt8 = 0
    ) {
        let isWebSocket = framing == .webSocket
        self.framing = framing
        self.serializer = serializer
        self.isMasked = isMasked && isWebSocket
        self.isBatched = isBatched && isWebSocket
        self.deflateBits = isWebSocket ? deflateBits : 0
        isDirect = !(isWebSocket && (isMasked || isBatched || deflateBits > 0))
    }

    /// Whether messages are put into a batch or compressed: see `IOLoop.appendWrapped`.
    var isWrapped: Bool { isBatched || deflateBits > 0 }

    /// The octets of the serializer's closing.
    @inline(__always)
    var closingLength: Int { serializer == .json ? 1 : 0 }

    /// The octets before a message of that length.
    func headerLength(_ length: Int) -> Int {
        switch framing {
        case .rawSocket: RawSocketFrame.headerLength
        case .webSocket: (length <= 125 ? 2 : length <= 0xFFFF ? 4 : 10) + (isMasked ? 4 : 0)
        }
    }

    /// Writes the header of a message to memory that has room for it.
    private func writeHeader(
        _ length: Int, key: WebSocketFrame.Key, to target: UnsafeMutableRawPointer
    ) {
        switch framing {
        case .rawSocket:
            target.storeBytes(
                of: RawSocketFrame(.message, length: length).header.bigEndian, as: UInt32.self)
        case .webSocket:
            WebSocketFrame(
                serializer == .json ? .text : .binary, length: length, key: isMasked ? key : nil
            ).write(to: target)
        }
    }

    /// Appends a message that is made of an envelope, a payload and the serializer's closing.
    /// - Parameter length: of the three together.
    func append(
        envelope: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer, length: Int,
        key: WebSocketFrame.Key, to buffer: inout ByteBuffer
    ) {
        let header = headerLength(length)
        buffer.reserveCapacity(minimumWritableBytes: header + length)
        let index = buffer.writerIndex
        // Cheaper than `writeWithUnsafeMutableBytes`; the room was made above.
        buffer.withVeryUnsafeMutableBytes { memory in
            guard let base = memory.baseAddress else { return }
            let start = base + index
            writeHeader(length, key: key, to: start)
            var next = start + header
            if let bytes = envelope.baseAddress {
                next.copyMemory(from: bytes, byteCount: envelope.count)
                next += envelope.count
            }
            if let bytes = payload.baseAddress {
                next.copyMemory(from: bytes, byteCount: payload.count)
                next += payload.count
            }
            if closingLength > 0 {
                next.copyMemory(from: serializer.closing.utf8Start, byteCount: closingLength)
            }
            if isMasked {
                let body = UnsafeMutableRawBufferPointer(start: start + header, count: length)
                _ = Masking.copy(UnsafeRawBufferPointer(body), to: body, key: key, phase: 0)
            }
        }
        buffer.moveWriterIndex(forwardBy: header + length)
    }

    /// Writes a message that passes on a payload. Not for formats that mask.
    /// - Parameters:
    ///   - longest: the octets that the envelope may have.
    ///   - start: memory with room for that, the payload, and 16 more.
    /// - Returns: the octets of the message, and those of its header.
    @inline(__always)
    func write(
        _ envelope: Envelope, longest: Int, passing payload: UnsafeRawBufferPointer,
        shape: Payload.Shape, to start: UnsafeMutableRawPointer
    ) -> (length: Int, header: Int) {
        // The header comes last, when the length is known; nearly always it is as long as thought.
        let expected = headerLength(longest + payload.count)
        let body = start + expected
        var length = MessageCoder.encode(
            envelope, shape: shape, as: serializer, into: body, longest: longest)
        if let bytes = payload.baseAddress {
            (body + length).copyMemory(from: bytes, byteCount: payload.count)
            length += payload.count
        }
        if closingLength > 0 {
            body.storeBytes(
                of: serializer.closing.utf8Start.pointee, toByteOffset: length, as: UInt8.self)
            length += closingLength
        }
        let header = headerLength(length)
        if header != expected {
            (start + header).copyMemory(from: body, byteCount: length)
        }
        writeHeader(length, key: (0, 0, 0, 0), to: start)
        return (length, header)
    }

    /// Appends the header and envelope of a message whose payload and closing follow by other
    /// means.
    func appendFront(
        envelope: UnsafeRawBufferPointer, length: Int, to buffer: inout ByteBuffer
    ) {
        let header = headerLength(length)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: header + envelope.count) { room in
            guard let start = room.baseAddress else { return 0 }
            writeHeader(length, key: (0, 0, 0, 0), to: start)
            if let bytes = envelope.baseAddress {
                (start + header).copyMemory(from: bytes, byteCount: envelope.count)
            }
            return header + envelope.count
        }
    }

    /// Appends a ping or pong.
    func appendPing(
        _ isPing: Bool, payload: ByteBuffer, key: WebSocketFrame.Key, to buffer: inout ByteBuffer
    ) {
        switch framing {
        case .rawSocket:
            buffer.writeInteger(
                RawSocketFrame(isPing ? .ping : .pong, length: payload.readableBytes).header)
            buffer.writeImmutableBuffer(payload)
        case .webSocket:
            appendControl(isPing ? .ping : .pong, payload: payload, key: key, to: &buffer)
        }
    }

    /// Appends a WebSocket control frame.
    func appendControl(
        _ opcode: WebSocketFrame.Opcode, payload: ByteBuffer, key: WebSocketFrame.Key,
        to buffer: inout ByteBuffer
    ) {
        append(
            WebSocketFrame(opcode, length: payload.readableBytes, key: isMasked ? key : nil),
            payload: payload, to: &buffer)
    }

    /// Appends a frame and its payload, masked if the frame has a key.
    func append(_ frame: WebSocketFrame, payload: ByteBuffer, to buffer: inout ByteBuffer) {
        let header = frame.headerLength
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: header + frame.length) { room in
            guard let start = room.baseAddress else { return 0 }
            frame.write(to: start)
            let body = UnsafeMutableRawBufferPointer(start: start + header, count: frame.length)
            payload.withUnsafeReadableBytes { source in
                _ = Masking.copy(source, to: body, key: frame.key ?? (0, 0, 0, 0), phase: 0)
            }
            return header + frame.length
        }
    }
}

/// A message in the frame of one format, to be given to many peers.
///
/// Formats that mask are not for this: each frame has its own key.
package struct EncodedMessage: Sendable {
    package let format: FrameFormat
    /// The whole frame.
    package let bytes: ByteBuffer
    /// Of the message in it, in bytes.
    package let length: Int
}
