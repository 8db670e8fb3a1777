// Messages to bytes and back, in any serializer: the entry to this folder.

package import NIOCore

package enum MessageCoder {
    /// Decodes one message. URIs and the payload are slices of the frame and keep its memory alive.
    /// - Parameter frame: exactly one message.
    /// - Throws: a violation whose sentence names the message and the element.
    ///
    /// Spec: Basic Profile, Messages; Protocol Violations.
    package static func decode(
        _ frame: ByteBuffer, as serializer: Serializer
    ) throws(ProtocolViolation) -> Message {
        let batch = MessageBatch()
        let buffer = batch.add(frame)
        try batch.decode(buffer, from: 0, count: frame.readableBytes, as: serializer)
        return batch.take(at: 0)
    }

    /// Reads one message, if it is a plain one.
    @inline(__always)
    static func plain(
        _ start: UnsafePointer<UInt8>, count: Int, as serializer: Serializer, in buffer: Int
    ) -> PlainMessage? {
        switch serializer {
        case .json: PlainMessage.read(JSONReader(start: start, count: count), .json, in: buffer)
        case .msgpack: MessagePackShortcut.read(start, count: count, in: buffer)
        case .cbor: PlainMessage.read(CBORReader(start: start, count: count), .cbor, in: buffer)
        }
    }

    /// Decodes one message, plain or not.
    @inline(never)
    static func decodeAny(
        _ frame: ByteBuffer, as serializer: Serializer
    ) throws(ProtocolViolation) -> Message {
        do throws(Malformed) {
            return try frame.withUnsafeReadableBytes { bytes throws(Malformed) in
                guard let start = bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count > 0
                else { throw .message("a message must not be empty") }
                switch serializer {
                case .json:
                    var decoder = MessageDecoder(
                        JSONReader(start: start, count: bytes.count), frame: frame,
                        serializer: .json)
                    return try decoder.decode()
                case .msgpack:
                    var decoder = MessageDecoder(
                        MessagePackReader(start: start, count: bytes.count), frame: frame,
                        serializer: .msgpack)
                    return try decoder.decode()
                case .cbor:
                    var decoder = MessageDecoder(
                        CBORReader(start: start, count: bytes.count), frame: frame,
                        serializer: .cbor)
                    return try decoder.decode()
                }
            }
        } catch {
            throw ProtocolViolation(error, serializer)
        }
    }

    /// Writes everything of a message that stands before the bytes of its payload.
    ///
    /// After it come the payload's bytes, then `serializer.closing`.
    /// - Parameter payload: what will follow, already in `serializer`; the payload in `message` is
    ///   not looked at.
    package static func encodeEnvelope(
        _ message: Message, payload: Payload, as serializer: Serializer,
        into writer: inout ByteWriter
    ) {
        switch serializer {
        case .json:
            MessageEncoder<JSONWriter>.envelope(message, shape: payload.shape, into: &writer)
        case .msgpack:
            MessageEncoder<MessagePackWriter>.envelope(message, shape: payload.shape, into: &writer)
        case .cbor:
            MessageEncoder<CBORWriter>.envelope(message, shape: payload.shape, into: &writer)
        }
    }

    /// Writes the envelope of a message that passes on a payload of that shape, in that serializer.
    package static func encode(
        _ envelope: Envelope, shape: Payload.Shape, as serializer: Serializer,
        into writer: inout ByteWriter
    ) {
        switch serializer {
        case .json: MessageEncoder<JSONWriter>.envelope(envelope, shape, into: &writer)
        case .msgpack: MessageEncoder<MessagePackWriter>.envelope(envelope, shape, into: &writer)
        case .cbor: MessageEncoder<CBORWriter>.envelope(envelope, shape, into: &writer)
        }
    }

    /// The same into memory that has room for `longest` octets.
    /// - Returns: how many were written.
    package static func encode(
        _ envelope: Envelope, shape: Payload.Shape, as serializer: Serializer,
        into memory: UnsafeMutableRawPointer, longest: Int
    ) -> Int {
        var writer = ByteWriter(into: memory, capacity: longest)
        encode(envelope, shape: shape, as: serializer, into: &writer)
        return writer.count
    }

    /// The details of a RESULT as its envelope holds them.
    package static func encode(
        _ details: OutcomeDetails, as serializer: Serializer
    ) -> ByteWriter {
        var writer = ByteWriter(capacity: 64)
        switch serializer {
        case .json: MessageEncoder<JSONWriter>.outcome(details, into: &writer)
        case .msgpack: MessageEncoder<MessagePackWriter>.outcome(details, into: &writer)
        case .cbor: MessageEncoder<CBORWriter>.outcome(details, into: &writer)
        }
        return writer
    }

    /// Encodes a whole message, its payload transcoded if it is in another serializer.
    package static func encode(
        _ message: Message, as serializer: Serializer
    ) throws(TranscodingError) -> ByteBuffer {
        let payload = try message.payload.transcoded(to: serializer)
        var writer = ByteWriter()
        encodeEnvelope(message, payload: payload, as: serializer, into: &writer)
        if !payload.isEmpty { writer.append(payload.bytes) }
        writer.append(serializer.closing)
        return writer.byteBuffer()
    }
}

/// The front of a message that passes on the payload of another. Without the details of a RESULT,
/// it has less than 64 octets in any serializer.
package enum Envelope {
    /// An INVOCATION without details.
    case invocation(RequestID, RegistrationID)
    /// A RESULT with details that were encoded before, once for many. The bytes stay where they are
    /// until it is sent.
    case result(RequestID, details: UnsafeRawBufferPointer)
}

extension Serializer {
    /// What ends a message, after its payload.
    package var closing: StaticString { self == .json ? "]" : "" }
}

extension ProtocolViolation {
    init(_ malformed: Malformed, _ serializer: Serializer) {
        self.init(malformed.sentence(serializer))
    }
}
