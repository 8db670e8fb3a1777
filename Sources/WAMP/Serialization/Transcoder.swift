// A payload from one serializer into another: from bytes to bytes, without a tree of values.
//
// Integers are exact, and floats stay floats of their width. Binary becomes a string of JSON that
// begins with U+0000, and back, wherever it stands as a value. Keys that are integers or bools
// become their JSON text. An extension type of MessagePack becomes binary; of CBOR, tags other than
// those of bignums are dropped, and `undefined` becomes null. What else the other side cannot hold
// is refused, so that nothing arrives changed.

import NIOCore

/// Why a payload could not be brought into another serializer.
public enum TranscodingError: Error, Equatable, CustomStringConvertible {
    /// More than 1,000,000 elements: too many to be worth a router's time.
    case tooManyElements
    /// The other serializer cannot hold it, or it is broken: a sentence that names the place.
    case invalid(String)

    public var description: String {
        switch self {
        case .tooManyElements: "the payload has more than \(maximumElements) elements"
        case .invalid(let sentence): sentence
        }
    }

    init(_ malformed: Malformed, _ serializer: Serializer) {
        self = malformed.isExcess ? .tooManyElements : .invalid(malformed.sentence(serializer))
    }
}

extension Payload {
    /// The same arguments in another serializer; itself, untouched, if it is in that one already.
    package func transcoded(to target: Serializer) throws(TranscodingError) -> Payload {
        if isReady(for: target) { return self }
        if let flaw { throw .invalid(flaw) }
        do throws(Malformed) {
            let copied: ByteBuffer = try bytes.withUnsafeReadableBytes { bytes throws(Malformed) in
                guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else {
                    throw .message("a payload without bytes")
                }
                let count = bytes.count
                // The message list is around it.
                switch serializer {
                case .json:
                    return try copy(JSONReader(start: start, count: count, depth: 1), to: target)
                case .msgpack:
                    return try copy(
                        MessagePackReader(start: start, count: count, depth: 1), to: target)
                case .cbor:
                    return try copy(CBORReader(start: start, count: count, depth: 1), to: target)
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
        try transcoder.copy("args", into: &writer)
        if shape == .argumentsAndKeywords {
            try transcoder.copySeparator(into: &writer)
            try transcoder.copy("kwargs", into: &writer)
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

    /// Copies one item that has a name.
    mutating func copy(
        _ name: @autoclosure () -> String, into writer: inout ByteWriter
    ) throws(Malformed) {
        do throws(Malformed) { try copyItem(into: &writer) } catch {
            throw .inside(name(), error)
        }
    }

    /// Copies one item and everything in it. Calls itself, never deeper than the nesting that
    /// readers allow.
    private mutating func copyItem(into writer: inout ByteWriter) throws(Malformed) {
        budget -= 1
        guard budget >= 0 else { throw .tooManyElements }
        switch try reader.item() {
        case .null: Target.null(into: &writer)
        case .bool(let value): Target.bool(value, into: &writer)
        case .unsigned(let value): Target.unsigned(value, into: &writer)
        case .negative(let value): Target.negative(value, into: &writer)
        case .big(let value):
            budget -= value.cost
            try refuse(Target.flaw(value))
            Target.big(value, into: &writer)
        case .single(let value):
            try refuse(Target.flaw(Double(value)))
            Target.single(value, into: &writer)
        case .double(let value):
            try refuse(Target.flaw(value))
            Target.double(value, into: &writer)
        case .text(let text):
            try text.withBytes { bytes throws(Malformed) in
                try refuse(Target.flaw(bytes))
                Target.text(bytes, into: &writer)
            }
        case .binary(let bytes): bytes.withBytes { Target.binary($0, into: &writer) }
        case .list(let members), .dictionary(let members):
            try copyMembers(members, into: &writer)
        }
    }

    @inline(__always)
    private func refuse(_ flaw: StaticString?) throws(Malformed) {
        if let flaw { throw .unrepresentable(flaw) }
    }

    private mutating func copyMembers(
        _ opened: Members, into writer: inout ByteWriter
    ) throws(Malformed) {
        var members = opened
        let begin = reader
        var areKeysChecked = false
        let announced = opened.announced
        let isDictionary = opened.isDictionary
        let mark = Target.open(isDictionary: isDictionary, count: announced, into: &writer)
        var count = 0
        while try reader.next(&members) {
            if count > 0 { Target.separate(into: &writer) }
            count += 1
            guard isDictionary else {
                try copy("\(count - 1)", into: &writer)
                continue
            }
            if try reader.hasTextKey() {
                let key = try reader.key()
                key.withBytes { Target.text($0, into: &writer) }
                Target.afterKey(into: &writer)
                try copy(key.string, into: &writer)
            } else {
                if !areKeysChecked { try checkKeys(of: opened, from: begin) }
                areKeysChecked = true
                let name = try copyKey(into: &writer)
                Target.afterKey(into: &writer)
                try copy(name, into: &writer)
            }
        }
        Target.close(
            isDictionary: isDictionary, mark: mark, announced: announced, count: count,
            into: &writer)
    }

    /// Copies a key that is no text.
    /// - Returns: how a place is named by it.
    private mutating func copyKey(into writer: inout ByteWriter) throws(Malformed) -> String {
        guard Target.hasTextKeysOnly else {
            try copyItem(into: &writer)
            return "?"
        }
        let text = try reader.value(isOption: false, budget: &budget).keyText ?? "?"
        Target.text(text, into: &writer)
        return text
    }

    /// Checks that all keys of a dictionary, one of which is no text, can become texts.
    private mutating func checkKeys(of opened: Members, from begin: Source) throws(Malformed) {
        guard Target.hasTextKeysOnly else { return }
        var (reader, members) = (begin, opened)
        var keys: [Value] = []
        while try reader.next(&members) {
            keys.append(
                try reader.hasTextKey()
                    ? .string(reader.key().string)
                    : reader.value(isOption: false, budget: &budget))
            try reader.skip()
        }
        try Target.checkKeys(keys)
    }
}
