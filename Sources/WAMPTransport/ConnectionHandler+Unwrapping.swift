// WebSocket messages that are batches or compressed → WAMP messages.

import NIOCore
import WAMP

extension ConnectionHandler {
    /// Takes the messages of one read.
    /// - Parameter unmasked: the place in the batch of the bytes that were unmasked.
    /// - Returns: what was wrong with a message; nothing behind it counts.
    func unwrap(
        _ items: [WebSocketReceiver.Item], _ unmasked: Int, _ format: FrameFormat,
        into batch: MessageBatch
    ) throws(WebSocketFault) -> ProtocolViolation? {
        var unmasked = unmasked
        var expandedBytes = 0
        for item in items where phase == .open {
            let violation: ProtocolViolation?
            switch item {
            case .message(let body):
                violation = try unwrap(
                    batch.add(body), from: 0, count: body.readableBytes, format, into: batch)
            case .unmasked(let offset, let length):
                violation = try unwrap(unmasked, from: offset, count: length, format, into: batch)
            case .compressed(let packed):
                let body = try expand(packed, format)
                expandedBytes += body.readableBytes
                violation = try unwrap(
                    batch.add(body), from: 0, count: body.readableBytes, format, into: batch)
            case .ping, .pong, .close: continue
            }
            if let violation { return violation }
            // One read may expand to a thousand times its size: it is handed on in pieces.
            if expandedBytes > ConnectionHandler.mostExpanded, !batch.isEmpty {
                owner.received(batch)
                batch.removeAll()
                unmasked = batch.add(loop.unmasked)
                expandedBytes = 0
            }
        }
        return nil
    }

    private static var mostExpanded: Int { 1 << 20 }

    private func unwrap(
        _ buffer: Int, from start: Int, count: Int, _ format: FrameFormat,
        into batch: MessageBatch
    ) throws(WebSocketFault) -> ProtocolViolation? {
        guard format.isBatched else {
            return decode(buffer, from: start, count: count, format.serializer, into: batch)
        }
        let bytes = batch.bytes(buffer, from: start, count: count)
        var offset = 0
        repeat {
            let message = try MessageBatching.next(bytes, from: offset, format.serializer)
            if let violation = decode(
                buffer, from: start + message.lowerBound, count: message.count, format.serializer,
                into: batch)
            {
                return violation
            }
            offset = MessageBatching.end(of: message, format.serializer)
        } while offset < count
        return nil
    }

    private func expand(
        _ packed: ByteBuffer, _ format: FrameFormat
    ) throws(WebSocketFault) -> ByteBuffer {
        var body = ByteBuffer()
        let outcome = packed.withUnsafeReadableBytes {
            loop.inflater.expand($0, limit: settings.maxMessage, into: &body)
        }
        switch outcome {
        case .complete: break
        case .tooLong:
            throw WebSocketFault(
                .messageTooBig,
                "a message is longer than the limit of \(settings.maxMessage) bytes")
        case .corrupt:
            throw WebSocketFault(.inconsistentData, "a compressed message is damaged")
        }
        guard format.serializer == .json else { return body }
        var text = UTF8Stream()
        guard body.withUnsafeReadableBytes({ text.accept($0) }), text.isComplete else {
            throw WebSocketReceiver.notUTF8
        }
        return body
    }
}

extension WebSocketReceiver.Item {
    /// Whether it is a message, in whatever form.
    var isMessage: Bool {
        switch self {
        case .message, .unmasked, .compressed: true
        case .ping, .pong, .close: false
        }
    }
}
