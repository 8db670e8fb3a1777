// An open connection's bytes → messages, one batch per read.

import NIOCore
import WAMP

extension ConnectionHandler {
    func receive(_ bytes: ByteBuffer) {
        guard let framing = connection?.framing else { return }
        switch framing {
        case .rawSocket: receiveRawSocket(bytes)
        case .webSocket: receiveWebSocket(bytes)
        }
    }

    private func receiveRawSocket(_ bytes: ByteBuffer) {
        guard phase == .open, let connection else { return }
        let batch = loop.takeBatch()
        var violation: ProtocolViolation?
        var fault: RawSocketFrame.Fault?
        do throws(RawSocketFrame.Fault) {
            violation = try takeFrames(bytes, connection, into: batch)
        } catch {
            fault = error
        }
        deliver(batch, violation)
        loop.giveBack(batch)
        guard let fault, phase == .open else { return }
        let reason: CloseReason =
            if case .tooLong = fault {
                .messageTooLarge("\(fault)")
            } else {
                .transportFault("\(fault)")
            }
        fail(reason, WebSocketFault("\(fault)"))
    }

    /// Decodes all frames that are whole: in place, but for one that a former read began.
    /// - Returns: what was wrong with a message; nothing behind it counts.
    private func takeFrames(
        _ bytes: ByteBuffer, _ connection: Connection, into batch: MessageBatch
    ) throws(RawSocketFrame.Fault) -> ProtocolViolation? {
        var input = bytes
        if partial.readableBytes > 0 {
            guard let frame = try completePartial(from: &input) else { return nil }
            let body = partial
            partial = ByteBuffer()
            let buffer = batch.add(body)
            if let violation = take(
                frame, buffer, at: RawSocketFrame.headerLength, connection, into: batch)
            {
                return violation
            }
        }
        guard input.readableBytes > 0 else { return nil }
        let buffer = batch.add(input)
        var start = 0
        let count = input.readableBytes
        while count - start >= RawSocketFrame.headerLength {
            let header = batch.integer(buffer, at: start)
            let frame = try RawSocketFrame(header: header, limit: receiveLimit)
            let body = start + RawSocketFrame.headerLength
            guard count - body >= frame.length else {
                // What is announced decides no allocation beyond this; more room comes with what
                // arrives.
                let capacity = min(RawSocketFrame.headerLength + frame.length, 128 << 10)
                partial = ByteBufferAllocator().buffer(capacity: capacity)
                break
            }
            if let violation = take(frame, buffer, at: body, connection, into: batch) {
                return violation
            }
            start = body + frame.length
        }
        input.moveReaderIndex(forwardBy: start)
        if input.readableBytes > 0 { partial.writeImmutableBuffer(input) }
        return nil
    }

    /// Does what one whole frame asks for.
    // Inlined: as a function of its own it costs every message some thirty instructions.
    @inline(__always)
    private func take(
        _ frame: RawSocketFrame, _ buffer: Int, at body: Int, _ connection: Connection,
        into batch: MessageBatch
    ) -> ProtocolViolation? {
        switch frame.kind {
        case .message:
            return decode(
                buffer, from: body, count: frame.length, connection.serializer, into: batch)
        case .ping:
            // Who asks knows how to answer.
            answersPings = true
            connection.outbox.appendPing(
                false, payload: batch.bytes(buffer, from: body, count: frame.length))
        case .pong: break
        }
        return nil
    }

    /// Moves what is missing of the frame in `partial` from the input.
    /// - Returns: the frame, once it is whole.
    private func completePartial(
        from input: inout ByteBuffer
    ) throws(RawSocketFrame.Fault) -> RawSocketFrame? {
        fill(to: RawSocketFrame.headerLength, from: &input)
        guard let header = partial.getInteger(at: partial.readerIndex, as: UInt32.self) else {
            return nil
        }
        let frame = try RawSocketFrame(header: header, limit: receiveLimit)
        let length = RawSocketFrame.headerLength + frame.length
        fill(to: length, from: &input)
        return partial.readableBytes == length ? frame : nil
    }

    private func fill(to count: Int, from input: inout ByteBuffer) {
        let missing = min(count - partial.readableBytes, input.readableBytes)
        guard missing > 0, let piece = input.readSlice(length: missing) else { return }
        partial.writeImmutableBuffer(piece)
    }

    private func receiveWebSocket(_ bytes: ByteBuffer) {
        guard let connection else { return }
        var items: [WebSocketReceiver.Item] = []
        swap(&items, &loop.items)
        var fault: WebSocketFault?
        do throws(WebSocketFault) {
            try webSocket?.receive(bytes, scratch: &loop.unmasked, into: &items)
        } catch {
            fault = error
        }
        let batch = loop.takeBatch()
        // Also when it is empty: an empty message lies in it.
        let unmasked = items.isEmpty ? 0 : batch.add(loop.unmasked)
        let format = connection.outbox.format
        var violation: ProtocolViolation?
        var close: WebSocketFrame.Close?
        do throws(WebSocketFault) {
            if format.isWrapped {
                violation = try unwrap(items, format, into: batch)
                // What is left of them is no message.
                items.removeAll(where: \.isMessage)
            }
        } catch {
            fault = error
            items = []
        }
        for item in items {
            switch item {
            case .message(let body):
                guard violation == nil, phase == .open else { continue }
                violation = decode(
                    batch.add(body), from: 0, count: body.readableBytes, format.serializer,
                    into: batch)
            case .unmasked(let offset, let length):
                guard violation == nil, phase == .open else { continue }
                violation = decode(
                    unmasked, from: offset, count: length, format.serializer, into: batch)
            case .compressed: break
            case .ping(let payload): connection.outbox.appendPing(false, payload: payload)
            case .pong: break
            case .close(let said): close = said
            }
        }
        items.removeAll(keepingCapacity: items.capacity <= 4096)
        swap(&items, &loop.items)
        if loop.unmasked.capacity > 256 << 10 { loop.unmasked = ByteBuffer() }
        deliver(batch, violation)
        loop.giveBack(batch)
        if let close {
            peerClosed(close)
        } else if let fault {
            fail(fault)
        }
    }

    private func fail(_ fault: WebSocketFault) {
        switch phase {
        case .open, .deaf:
            let text = "WebSocket: \(fault)"
            fail(
                fault.code == .messageTooBig ? .messageTooLarge(text) : .transportFault(text), fault
            )
        case .closing:
            // What it is still to be told is on its way; nothing more is read.
            webSocket = nil
            endsAfterDrain = true
            endOutput()
        case .handshake, .done: break
        }
    }

    func decode(
        _ buffer: Int, from start: Int, count: Int, _ serializer: Serializer,
        into batch: MessageBatch
    ) -> ProtocolViolation? {
        do throws(ProtocolViolation) {
            try batch.decode(buffer, from: start, count: count, as: serializer)
            return nil
        } catch {
            return error
        }
    }

    /// Hands the batch to the owner, then the violation that ended it.
    private func deliver(_ batch: MessageBatch, _ violation: ProtocolViolation?) {
        if !batch.isEmpty { owner.received(batch) }
        guard let violation, phase == .open else { return }
        phase = .deaf
        partial = ByteBuffer()
        owner.violated(violation)
    }
}
