// The messages of one read, and the memory they lie in. It is filled by a connection, emptied by
// its owner, and used again.

import BasicContainers
package import NIOCore

/// An object, since it is handed through many functions while its messages go their way.
package final class MessageBatch {
    /// Nil for a message that is no plain one: it is among the others.
    private var entries = UniqueArray<PlainMessage?>()
    /// In order, each with its place in `entries`.
    private var others = UniqueArray<(index: Int, message: Message)>()
    private var buffers = UniqueArray<Memory>()

    /// A buffer that is held, and where its readable bytes are: a buffer's memory does not move as
    /// long as somebody holds it and nobody writes to it.
    struct Memory {
        let buffer: ByteBuffer
        let bytes: UnsafeRawBufferPointer

        init(_ buffer: ByteBuffer) {
            self.buffer = buffer
            bytes = buffer.withUnsafeReadableBytes { $0 }
        }
    }

    package init() {}

    package var count: Int { entries.count }
    package var isEmpty: Bool { entries.isEmpty }

    /// Forgets the messages; memory of a common size is kept.
    package func removeAll() {
        let isLarge = entries.capacity > 4096
        entries.removeAll(keepingCapacity: !isLarge)
        if !others.isEmpty { others.removeAll(keepingCapacity: !isLarge) }
        buffers.removeAll(keepingCapacity: true)
    }

    /// Adds memory for frames to lie in.
    /// - Returns: the place to name in `decode`.
    package func add(_ buffer: ByteBuffer) -> Int {
        buffers.append(Memory(buffer))
        return buffers.count - 1
    }

    /// A part of the readable bytes of a buffer, which shares its memory.
    package func bytes(_ buffer: Int, from start: Int, count: Int) -> ByteBuffer {
        buffers[buffer].buffer.part(from: start, to: start + count)
    }

    /// The four bytes at `offset`, which are there, as a number in network order.
    package func integer(_ buffer: Int, at offset: Int) -> UInt32 {
        UInt32(
            bigEndian: buffers[buffer].bytes.loadUnaligned(
                fromByteOffset: offset, as: UInt32.self))
    }

    /// Decodes the message in a part of the readable bytes of a buffer, and adds it.
    /// - Throws: a violation whose sentence names the message and the element; nothing is added.
    ///
    /// Spec: Basic Profile, Messages; Protocol Violations.
    package func decode(
        _ buffer: Int, from start: Int, count: Int, as serializer: Serializer
    ) throws(ProtocolViolation) {
        var plain: PlainMessage?
        if count > 0, let base = buffers[buffer].bytes.baseAddress {
            let frame = (base + start).assumingMemoryBound(to: UInt8.self)
            plain = MessageCoder.plain(frame, count: count, as: serializer, in: buffer)
        }
        if plain == nil {
            let frame = bytes(buffer, from: start, count: count)
            others.append((entries.count, try MessageCoder.decodeAny(frame, as: serializer)))
        }
        entries.append(plain)
    }

    /// The message at `index`, if it is a plain one.
    package func plain(at index: Int) -> PlainMessage? { entries[index] }

    /// The procedure that the message at `index` calls, if it is a plain CALL.
    package func procedure(ofPlainCallAt index: Int) -> UnsafeRawBufferPointer? {
        guard let plain = entries[index], case .call = plain.kind else { return nil }
        return plain.uri
    }

    /// Takes the message at `index` out, in full. Its URI and payload are slices of the frame.
    package func take(at index: Int) -> Message {
        if let plain = entries[index] { return message(plain) }
        var range = 0..<others.count
        while range.count > 1 {
            let middle = range.lowerBound + range.count / 2
            range =
                others[middle].index <= index
                ? middle..<range.upperBound : range.lowerBound..<middle
        }
        return others[range.lowerBound].message.take()
    }

    /// All messages, in full.
    package func takeAll() -> [Message] { (0..<count).map { take(at: $0) } }
}

// The parts of plain messages.
extension MessageBatch {
    /// The payload as a slice of the frame.
    package func payload(of plain: PlainMessage) -> Payload {
        if plain.shape == .empty { return Payload() }
        return Payload(
            bytes: slice(plain.payload, of: plain), serializer: plain.serializer,
            shape: plain.shape)
    }

    /// The message in full.
    package func message(_ plain: PlainMessage) -> Message {
        switch plain.kind {
        case .call:
            .call(
                Call(
                    request: plain.request, procedure: URI(slice(plain.uri, of: plain)),
                    payload: payload(of: plain)))
        case .publish:
            .publish(
                Publish(
                    request: plain.request, topic: URI(slice(plain.uri, of: plain)),
                    payload: payload(of: plain)))
        case .invocation:
            .invocation(
                Invocation(
                    request: plain.request, registration: RegistrationID(plain.secondID),
                    payload: payload(of: plain)))
        case .event:
            .event(
                Event(
                    subscription: SubscriptionID(plain.id),
                    publication: PublicationID(plain.secondID), payload: payload(of: plain)))
        case .yield: .yield(Yield(request: plain.request, payload: payload(of: plain)))
        case .result: .result(Result(request: plain.request, payload: payload(of: plain)))
        }
    }

    private func slice(_ part: UnsafeRawBufferPointer, of plain: PlainMessage) -> ByteBuffer {
        let memory = buffers[plain.buffer]
        guard let base = memory.bytes.baseAddress, let start = part.baseAddress else {
            return ByteBuffer()
        }
        return memory.buffer.part(from: start - base, to: start - base + part.count)
    }
}

extension ByteBuffer {
    /// A part of the readable bytes. Cheaper than `getSlice`: the same storage, other indices.
    /// - Parameter lower: from the beginning of the readable bytes, as is `upper`; both were read.
    @inline(__always)
    func part(from lower: Int, to upper: Int) -> ByteBuffer {
        var part = self
        let start = readerIndex
        part.moveWriterIndex(to: start + upper)
        part.moveReaderIndex(to: start + lower)
        return part
    }
}
