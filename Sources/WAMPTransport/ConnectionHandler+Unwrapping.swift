// WebSocket messages that are batches or compressed → WAMP messages.

import NIOCore
import WAMP

extension ConnectionHandler {
    /// Takes the messages of one read. Where they are many, the first of them go to the owner here.
    /// - Returns: what was wrong with a message; nothing behind it counts.
    func unwrap(
        _ items: [WebSocketReceiver.Item], _ format: FrameFormat, into batch: MessageBatch
    ) throws(WebSocketFault) -> ProtocolViolation? {
        var expandedBytes = 0
        for item in items where phase == .open {
            let violation: ProtocolViolation?
            switch item {
            case .message(let body): violation = try unwrap(body, format, into: batch)
            case .unmasked(let offset, let length):
                let start = loop.unmasked.readerIndex + offset
                let body = loop.unmasked.getSlice(at: start, length: length) ?? ByteBuffer()
                violation = try unwrap(body, format, into: batch)
            case .compressed(let packed):
                let body = try expand(packed, format)
                expandedBytes += body.readableBytes
                violation = try unwrap(body, format, into: batch)
            case .ping, .pong, .close: continue
            }
            if let violation { return violation }
            // One read may expand to a thousand times its size: it is handed on in pieces.
            if expandedBytes > ConnectionHandler.mostExpanded {
                handOn(batch)
                expandedBytes = 0
            }
        }
        return nil
    }

    private static var mostExpanded: Int { 1 << 20 }
    /// A message of a few bytes takes many times that in a batch.
    static var mostMessages: Int { 4096 }

    private func handOn(_ batch: MessageBatch) {
        if !batch.isEmpty { owner.received(batch) }
        batch.removeAll()
    }

    private func unwrap(
        _ body: ByteBuffer, _ format: FrameFormat, into batch: MessageBatch
    ) throws(WebSocketFault) -> ProtocolViolation? {
        var buffer = batch.add(body)
        let count = body.readableBytes
        guard format.isBatched else {
            return decode(buffer, from: 0, count: count, format.serializer, into: batch)
        }
        var offset = 0
        repeat {
            if batch.count >= ConnectionHandler.mostMessages {
                handOn(batch)
                guard phase == .open else { return nil }
                buffer = batch.add(body)
            }
            let message = try MessageBatching.next(body, from: offset, format.serializer)
            if let violation = decode(
                buffer, from: message.lowerBound, count: message.count, format.serializer,
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
