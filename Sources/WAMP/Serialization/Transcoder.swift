// A payload from one serializer into another: from bytes to bytes, without a tree of values.
//
// Integers keep all 64 bits and floats stay floats of their width. Binary becomes a string of JSON
// that begins with U+0000, and back, wherever it stands as a value. What the other side cannot
// hold: NaN and infinities become null in JSON, an extension type of MessagePack becomes binary,
// `undefined` of CBOR null, half a surrogate pair U+FFFD.

import NIOCore

/// Why a payload could not be brought into another serializer.
public enum TranscodingError: Error, Equatable, CustomStringConvertible {
    /// More than 1,000,000 elements: too many to be worth a router's time.
    case tooManyElements
    /// The bytes are not what they claim to be; never so for a payload that was received.
    case malformed(String)

    public var description: String {
        switch self {
        case .tooManyElements: "the payload has more than \(maximumElements) elements"
        case .malformed(let sentence): sentence
        }
    }

    init(_ malformed: Malformed, _ serializer: Serializer) {
        switch malformed {
        case .tooManyElements: self = .tooManyElements
        case .syntax, .message:
            self = .malformed(ProtocolViolation(malformed, serializer).description)
        }
    }
}

extension Payload {
    /// The same arguments in another serializer; itself, untouched, if it is in that one already.
    package func transcoded(to target: Serializer) throws(TranscodingError) -> Payload {
        if target == serializer || isEmpty { return self }
        do throws(Malformed) {
            let copied: ByteBuffer = try bytes.withUnsafeReadableBytes { bytes throws(Malformed) in
                guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else {
                    throw .message("a payload without bytes")
                }
                let count = bytes.count
                switch serializer {
                case .json: return try copy(JSONReader(start: start, count: count), to: target)
                case .msgpack:
                    return try copy(MessagePackReader(start: start, count: count), to: target)
                case .cbor: return try copy(CBORReader(start: start, count: count), to: target)
                }
            }
            return Payload(bytes: copied, serializer: target, shape: shape)
        } catch {
            throw TranscodingError(error, serializer)
        }
    }

    private func copy(
        _ reader: some ItemReader, to target: Serializer
    ) throws(Malformed) -> ByteBuffer {
        switch target {
        case .json: try copy(reader, JSONWriter.self)
        case .msgpack: try copy(reader, MessagePackWriter.self)
        case .cbor: try copy(reader, CBORWriter.self)
        }
    }

    private func copy<Source: ItemReader, Target: ItemWriter>(
        _ reader: Source, _: Target.Type
    ) throws(Malformed) -> ByteBuffer {
        var transcoder = Transcoder<Source, Target>(reader)
        var writer = ByteWriter(capacity: count + count / 4)
        try transcoder.copyItem(into: &writer)
        if shape == .argumentsAndKeywords {
            try transcoder.copySeparator(into: &writer)
            try transcoder.copyItem(into: &writer)
        }
        try transcoder.finish()
        return writer.byteBuffer()
    }
}

private struct Transcoder<Source: ItemReader, Target: ItemWriter> {
    private var reader: Source
    private var budget = maximumElements

    init(_ reader: Source) { self.reader = reader }

    mutating func copySeparator(into writer: inout ByteWriter) throws(Malformed) {
        try reader.passSeparator()
        Target.separate(into: &writer)
    }

    mutating func finish() throws(Malformed) {
        guard reader.isAtEnd() else { throw .message("bytes follow after the payload") }
    }

    /// Copies one item and everything in it. Calls itself, never deeper than the nesting that
    /// readers allow.
    mutating func copyItem(into writer: inout ByteWriter) throws(Malformed) {
        budget -= 1
        guard budget >= 0 else { throw .tooManyElements }
        switch try reader.item() {
        case .null: Target.null(into: &writer)
        case .bool(let value): Target.bool(value, into: &writer)
        case .unsigned(let value): Target.unsigned(value, into: &writer)
        case .negative(let value): Target.negative(value, into: &writer)
        case .single(let value): Target.single(value, into: &writer)
        case .double(let value): Target.double(value, into: &writer)
        case .text(let text): text.withBytes { Target.text($0, into: &writer) }
        case .binary(let bytes): bytes.withBytes { Target.binary($0, into: &writer) }
        case .list(let members), .dictionary(let members):
            try copyMembers(members, into: &writer)
        }
    }

    private mutating func copyMembers(
        _ opened: Members, into writer: inout ByteWriter
    ) throws(Malformed) {
        var members = opened
        let announced = opened.announced
        let isDictionary = opened.isDictionary
        let mark = Target.open(isDictionary: isDictionary, count: announced, into: &writer)
        var count = 0
        while try reader.next(&members) {
            if count > 0 { Target.separate(into: &writer) }
            count += 1
            if isDictionary {
                try reader.key().withBytes { Target.text($0, into: &writer) }
                Target.afterKey(into: &writer)
            }
            try copyItem(into: &writer)
        }
        Target.close(
            isDictionary: isDictionary, mark: mark, announced: announced, count: count,
            into: &writer)
    }
}
