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
        var input = bytes
        var batch = loop.takeBatch()
        var violation: ProtocolViolation?
        var fault: RawSocketFrame.Fault?
        do throws(RawSocketFrame.Fault) {
            while violation == nil, let (kind, body) = try nextFrame(&input) {
                switch kind {
                case .message: violation = decode(body, connection.serializer, into: &batch)
                case .ping: connection.outbox.appendPing(false, payload: body)
                case .pong: break
                }
            }
        } catch {
            fault = error
        }
        deliver(&batch, violation)
        guard let fault, phase == .open else { return }
        let reason: CloseReason =
            if case .tooLong = fault {
                .messageTooLarge("\(fault)")
            } else {
                .transportFault("\(fault)")
            }
        fail(reason, WebSocketFault("\(fault)"))
    }

    /// The next whole frame: in place if all of it is in `input`, else from `partial`, which is
    /// filled meanwhile.
    private func nextFrame(
        _ input: inout ByteBuffer
    ) throws(RawSocketFrame.Fault) -> (RawSocketFrame.Kind, ByteBuffer)? {
        let headerLength = RawSocketFrame.headerLength
        if partial.readableBytes == 0,
            let header = input.getInteger(at: input.readerIndex, as: UInt32.self)
        {
            let frame = try RawSocketFrame(header: header, limit: receiveLimit)
            let length = headerLength + frame.length
            if input.readableBytes >= length {
                input.moveReaderIndex(forwardBy: headerLength)
                return input.readSlice(length: frame.length).map { (frame.kind, $0) }
            }
            // What is announced decides no allocation beyond this; more room comes with what
            // arrives.
            partial = ByteBufferAllocator().buffer(capacity: min(length, 64 << 10))
        }
        fill(to: headerLength, from: &input)
        guard let header = partial.getInteger(at: partial.readerIndex, as: UInt32.self) else {
            return nil
        }
        let frame = try RawSocketFrame(header: header, limit: receiveLimit)
        fill(to: headerLength + frame.length, from: &input)
        guard partial.readableBytes == headerLength + frame.length,
            let body = partial.getSlice(
                at: partial.readerIndex + headerLength, length: frame.length)
        else { return nil }
        partial = ByteBuffer()
        return (frame.kind, body)
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
        var batch = loop.takeBatch()
        var violation: ProtocolViolation?
        var close: WebSocketFrame.Close?
        for item in items {
            switch item {
            case .message(let body):
                guard violation == nil, phase == .open else { continue }
                violation = decode(body, connection.serializer, into: &batch)
            case .unmasked(let offset, let length):
                guard violation == nil, phase == .open,
                    let body = loop.unmasked.getSlice(at: offset, length: length)
                else { continue }
                violation = decode(body, connection.serializer, into: &batch)
            case .ping(let payload): connection.outbox.appendPing(false, payload: payload)
            case .pong: break
            case .close(let said): close = said
            }
        }
        items.removeAll(keepingCapacity: items.capacity <= 4096)
        swap(&items, &loop.items)
        if loop.unmasked.capacity > 256 << 10 { loop.unmasked = ByteBuffer() }
        deliver(&batch, violation)
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
        case .closing: abandon()
        case .handshake, .done: break
        }
    }

    private func decode(
        _ body: ByteBuffer, _ serializer: Serializer, into batch: inout [Message]
    ) -> ProtocolViolation? {
        do throws(ProtocolViolation) {
            batch.append(try MessageCoder.decode(body, as: serializer))
            return nil
        } catch {
            return error
        }
    }

    /// Hands the batch to the owner, then the violation that ended it.
    private func deliver(_ batch: inout [Message], _ violation: ProtocolViolation?) {
        if !batch.isEmpty { owner.received(&batch) }
        loop.giveBack(&batch)
        guard let violation, phase == .open else { return }
        phase = .deaf
        partial = ByteBuffer()
        owner.violated(violation)
    }
}
