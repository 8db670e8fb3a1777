// Bytes from a WebSocket peer → messages and control frames, however the bytes are cut. Pure.
// Whatever can be refused is refused at the first octet that shows it. Spec: RFC 6455, 5 to 8.

import CScan
package import NIOCore

/// The receiving half of one WebSocket connection, after the opening handshake.
package struct WebSocketReceiver {
    /// One thing a peer sent.
    package enum Item: Equatable {
        /// A complete message, unmasked, in a buffer of its own or in the bytes received.
        case message(ByteBuffer)
        /// A complete message, unmasked into the scratch buffer.
        case unmasked(offset: Int, length: Int)
        /// A complete message, unmasked but still compressed.
        case compressed(ByteBuffer)
        case ping(ByteBuffer)
        case pong
        case close(WebSocketFrame.Close)
    }

    /// Whether the peer masks, that is, whether it is a client.
    private let masked: Bool
    /// Whether messages are text (else binary).
    private let text: Bool
    /// The longest message, in bytes.
    private let limit: Int
    /// Whether messages may be compressed.
    private let deflates: Bool

    /// The cut-off start of a frame: a header, or a control frame with its header.
    private var carry = ByteBuffer()
    /// What has arrived of a message that could not be taken whole.
    private var assembly = ByteBuffer()
    /// Whether a message has begun and its final frame has not ended.
    private var isInMessage = false
    private var isCompressed = false
    /// The data frame that is arriving.
    private var frame = WebSocketFrame(.continuation, length: 0)
    /// The bytes of it that have not come yet.
    private var missing = 0
    private var utf8 = UTF8Stream()
    /// A close frame came: nothing after it counts.
    private var isClosed = false

    package init(masked: Bool, text: Bool, limit: Int, deflates: Bool = false) {
        self.masked = masked
        self.text = text
        self.limit = limit
        self.deflates = deflates
    }

    /// Takes what arrived.
    /// - Parameters:
    ///   - scratch: is cleared; receives the unmasked messages that lie wholly in `bytes`.
    ///   - items: what arrived is appended, in order; also what came before a fault.
    package mutating func receive(
        _ bytes: ByteBuffer, scratch: inout ByteBuffer, into items: inout [Item]
    ) throws(WebSocketFault) {
        var input = bytes
        if carry.readableBytes > 0 {
            carry.writeImmutableBuffer(bytes)
            input = carry
            carry = ByteBuffer()
        }
        if masked { scratch.clear(minimumCapacity: input.readableBytes) }
        while input.readableBytes > 0, !isClosed {
            if missing > 0 {
                try takePiece(&input, into: &items)
                continue
            }
            let parsed = try input.withUnsafeReadableBytes {
                (view) throws(WebSocketFault) in
                try WebSocketFrame.parse(view, masked: masked, deflates: deflates)
            }
            guard let (frame, headerLength) = parsed else {
                carry = ByteBuffer(bytes: input.readableBytesView)
                return
            }
            if frame.opcode.isControl {
                guard input.readableBytes >= headerLength + frame.length else {
                    carry = ByteBuffer(bytes: input.readableBytesView)
                    return
                }
                input.moveReaderIndex(forwardBy: headerLength)
                try takeControl(frame, &input, into: &items)
                continue
            }
            try check(frame)
            input.moveReaderIndex(forwardBy: headerLength)
            if !isInMessage, frame.isFinal, !frame.isCompressed,
                input.readableBytes >= frame.length
            {
                try takeWhole(frame, &input, scratch: &scratch, into: &items)
            } else {
                try begin(frame, into: &items)
            }
        }
    }

    /// Whether a data frame may come here.
    private func check(_ frame: WebSocketFrame) throws(WebSocketFault) {
        if frame.opcode == .continuation {
            guard isInMessage else {
                throw WebSocketFault("a continuation frame has nothing to continue")
            }
        } else {
            guard !isInMessage else {
                throw WebSocketFault("a new message begins inside a fragmented one")
            }
            guard (frame.opcode == .text) == text else {
                throw WebSocketFault(
                    .unacceptableData,
                    text
                        ? "this serializer uses text messages"
                        : "this serializer uses binary messages")
            }
        }
        let before = isInMessage ? assembly.readableBytes : 0
        guard frame.length <= limit - before else {
            throw WebSocketFault(
                .messageTooBig, "a message is longer than the limit of \(limit) bytes")
        }
    }

    private mutating func takeWhole(
        _ frame: WebSocketFrame, _ input: inout ByteBuffer, scratch: inout ByteBuffer,
        into items: inout [Item]
    ) throws(WebSocketFault) {
        if let key = frame.key {
            let offset = scratch.writerIndex
            let isASCII = WebSocketReceiver.unmask(
                &input, length: frame.length, key: key, phase: 0, into: &scratch)
            if text, !isASCII {
                try requireUTF8(scratch.viewBytes(at: offset, length: frame.length))
            }
            items.append(.unmasked(offset: offset, length: frame.length))
        } else if let slice = input.readSlice(length: frame.length) {
            if text, slice.withUnsafeReadableBytes(WebSocketReceiver.hasHighBit) {
                try requireUTF8(slice.readableBytesView)
            }
            items.append(.message(slice))
        }
    }

    private func requireUTF8(_ view: ByteBufferView?) throws(WebSocketFault) {
        var stream = UTF8Stream()
        let isValid = view?.withUnsafeBytes { stream.accept($0) } ?? false
        guard isValid, stream.isComplete else { throw WebSocketReceiver.notUTF8 }
    }

    private mutating func begin(
        _ frame: WebSocketFrame, into items: inout [Item]
    ) throws(WebSocketFault) {
        if !isInMessage {
            isInMessage = true
            isCompressed = frame.isCompressed
            utf8 = UTF8Stream()
            // What is announced decides no allocation beyond this; more room comes with what
            // arrives.
            assembly = ByteBufferAllocator().buffer(capacity: min(frame.length, 128 << 10))
        }
        self.frame = frame
        missing = frame.length
        if missing == 0 { try endFrame(into: &items) }
    }

    private mutating func takePiece(
        _ input: inout ByteBuffer, into items: inout [Item]
    ) throws(WebSocketFault) {
        let count = min(missing, input.readableBytes)
        let offset = assembly.writerIndex
        if let key = frame.key {
            _ = WebSocketReceiver.unmask(
                &input, length: count, key: key, phase: frame.length - missing, into: &assembly)
        } else if let slice = input.readSlice(length: count) {
            assembly.writeImmutableBuffer(slice)
        }
        missing -= count
        if text, !isCompressed {
            let isValid = assembly.viewBytes(at: offset, length: count)?.withUnsafeBytes {
                utf8.accept($0)
            }
            guard isValid == true else { throw WebSocketReceiver.notUTF8 }
        }
        if missing == 0 { try endFrame(into: &items) }
    }

    private mutating func endFrame(into items: inout [Item]) throws(WebSocketFault) {
        guard frame.isFinal else { return }
        guard !text || utf8.isComplete else { throw WebSocketReceiver.notUTF8 }
        isInMessage = false
        items.append(isCompressed ? .compressed(assembly) : .message(assembly))
        assembly = ByteBuffer()
    }

    private mutating func takeControl(
        _ frame: WebSocketFrame, _ input: inout ByteBuffer, into items: inout [Item]
    ) throws(WebSocketFault) {
        var payload = ByteBuffer()
        if let key = frame.key {
            _ = WebSocketReceiver.unmask(
                &input, length: frame.length, key: key, phase: 0, into: &payload)
        } else if let slice = input.readSlice(length: frame.length) {
            payload.writeImmutableBuffer(slice)
        }
        switch frame.opcode {
        case .ping: items.append(.ping(payload))
        case .pong: items.append(.pong)
        default:
            isClosed = true
            let close = try payload.withUnsafeReadableBytes {
                (view) throws(WebSocketFault) in
                try WebSocketFrame.close(view)
            }
            items.append(.close(close))
        }
    }

    static let notUTF8 = WebSocketFault(
        .inconsistentData, "a text message is not valid UTF-8")

    private static func hasHighBit(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress else { return false }
        return cscan_has_high_bit(start.assumingMemoryBound(to: UInt8.self), bytes.count) != 0
    }

    /// Moves bytes from `input` to `target`, unmasked.
    /// - Returns: whether they are all ASCII.
    private static func unmask(
        _ input: inout ByteBuffer, length: Int, key: WebSocketFrame.Key, phase: Int,
        into target: inout ByteBuffer
    ) -> Bool {
        var isASCII = true
        input.readWithUnsafeReadableBytes { source in
            target.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { room in
                isASCII = Masking.copy(
                    UnsafeRawBufferPointer(rebasing: source.prefix(length)), to: room, key: key,
                    phase: phase)
                return length
            }
            return length
        }
        return isASCII
    }
}
