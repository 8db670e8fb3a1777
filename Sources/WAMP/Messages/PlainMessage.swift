// What nearly every routed message is: ids, a URI, `{}` and a payload. Such a message is known by
// where its parts lie in the bytes that arrived, so that passing it on makes no object at all.

/// A CALL, INVOCATION, YIELD, RESULT, PUBLISH or EVENT without options or details, in the memory of
/// a `MessageBatch`.
///
/// Spec: Basic Profile, Messages.
package struct PlainMessage {
    /// The raw value is the type code.
    package enum Kind: UInt8, Sendable {
        case publish = 16
        case event = 36
        case call = 48
        case result = 50
        case invocation = 68
        case yield = 70
    }

    package let kind: Kind
    package let serializer: Serializer
    package let shape: Payload.Shape
    /// The place of its memory in the batch.
    let buffer: Int
    /// The request; of an EVENT, the subscription.
    package let id: UInt64
    /// The registration of an INVOCATION, the publication of an EVENT.
    package let secondID: UInt64
    /// The bytes of a CALL's procedure or a PUBLISH's topic. Like those of the payload they are
    /// there until the batch is emptied.
    package let uri: UnsafeRawBufferPointer
    package let payload: UnsafeRawBufferPointer

    package var request: RequestID { RequestID(id) }

    /// The message from its URI to the end of its payload, which comes later or is empty.
    package var fromURI: UnsafeRawBufferPointer {
        guard let start = uri.baseAddress, let payload = payload.baseAddress else { return uri }
        return UnsafeRawBufferPointer(start: start, count: payload - start + self.payload.count)
    }

    static var nothing: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
}

extension PlainMessage {
    /// Reads a plain message. It takes a part of what `MessageDecoder` takes, and means the same.
    /// - Parameter reader: at the beginning of a frame.
    /// - Returns: nil for everything else, faults included: the decoder tells them apart.
    @inline(never)
    static func read<Reader: ItemReader>(
        _ start: Reader, _ serializer: Serializer, in buffer: Int
    ) -> PlainMessage? {
        var reader = start
        do throws(Malformed) {
            guard var members = try reader.open(isDictionary: false),
                try reader.next(&members), let code = try reader.unsigned(),
                let kind = UInt8(exactly: code).flatMap(Kind.init(rawValue:)),
                try reader.next(&members), let id = try reader.unsigned(),
                id &- 1 < RequestID.largest
            else { return nil }
            var secondID: UInt64 = 0
            if kind == .invocation || kind == .event {
                guard try reader.next(&members), let second = try reader.unsigned(),
                    second &- 1 < RequestID.largest
                else { return nil }
                secondID = second
            }
            guard try reader.next(&members), var options = try reader.open(isDictionary: true),
                try !reader.next(&options)
            else { return nil }
            var uri = nothing
            if kind == .call || kind == .publish {
                guard try reader.next(&members), let text = try reader.text(),
                    text.decoded == nil
                else { return nil }
                uri = UnsafeRawBufferPointer(start: text.start, count: text.count)
            }
            guard let (shape, payload) = try readPayload(&reader, &members) else { return nil }
            return PlainMessage(
                kind: kind, serializer: serializer, shape: shape, buffer: buffer, id: id,
                secondID: secondID, uri: uri, payload: payload)
        } catch {
            return nil
        }
    }

    /// Passes args and kwargs, to the end of the frame.
    /// - Returns: nil if there is something else.
    private static func readPayload<Reader: ItemReader>(
        _ reader: inout Reader, _ members: inout Members
    ) throws(Malformed) -> (Payload.Shape, UnsafeRawBufferPointer)? {
        var shape = Payload.Shape.empty
        var payload = nothing
        if try reader.next(&members) {
            try reader.settle()
            let begin = reader.offset
            guard let isEmpty = try reader.skip(isDictionary: false) else { return nil }
            if !isEmpty {
                shape = .arguments
                payload = bytes(of: reader, from: begin)
            }
            if try reader.next(&members) {
                guard let isEmpty = try reader.skip(isDictionary: true) else { return nil }
                if !isEmpty {
                    shape = .argumentsAndKeywords
                    payload = bytes(of: reader, from: begin)
                }
                guard try !reader.next(&members) else { return nil }
            }
        }
        return reader.isAtEnd() ? (shape, payload) : nil
    }

    private static func bytes(
        of reader: some ItemReader, from begin: Int
    ) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: reader.start + begin, count: reader.offset - begin)
    }
}
