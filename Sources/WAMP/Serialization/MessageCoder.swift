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
                    if let message = MessagePackShortcut.decode(
                        frame, start: start, count: bytes.count)
                    {
                        return message
                    }
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

extension Serializer {
    /// What ends a message, after its payload.
    package var closing: StaticString { self == .json ? "]" : "" }
}

extension ProtocolViolation {
    init(_ malformed: Malformed, _ serializer: Serializer) {
        switch malformed {
        case .syntax(let sentence, let offset):
            self.init("invalid \(serializer.name) at byte \(offset): \(sentence)")
        case .message(let sentence): self.init(sentence)
        case .tooManyElements: self.init("more than \(maximumElements) elements")
        }
    }
}
