// Arguments as values, and back: for the client, the meta API and people. The router forwards
// bytes.

import NIOCore

extension Payload {
    /// Encodes arguments. A payload of no arguments at all is empty.
    public init(
        args: [Value] = [], kwargs: Value.Dictionary = [:], as serializer: Serializer = .msgpack
    ) {
        if args.isEmpty, kwargs.isEmpty {
            self.init()
            return
        }
        var writer = ByteWriter()
        switch serializer {
        case .json: Payload.write(args, kwargs, JSONWriter.self, into: &writer)
        case .msgpack: Payload.write(args, kwargs, MessagePackWriter.self, into: &writer)
        case .cbor: Payload.write(args, kwargs, CBORWriter.self, into: &writer)
        }
        self.init(
            bytes: writer.byteBuffer(), serializer: serializer,
            shape: kwargs.isEmpty ? .arguments : .argumentsAndKeywords)
    }

    private static func write<Writer: ItemWriter>(
        _ args: [Value], _ kwargs: Value.Dictionary, _: Writer.Type, into writer: inout ByteWriter
    ) {
        Writer.list(args, into: &writer)
        if kwargs.isEmpty { return }
        Writer.separate(into: &writer)
        Writer.dictionary(kwargs, into: &writer)
    }

    /// Decodes the arguments. An encrypted payload is the one binary or string that it consists of.
    /// - Throws: a violation if there are more than 1,000,000 elements, or if the bytes were never
    ///   checked and are malformed.
    public func values() throws(ProtocolViolation) -> (args: [Value], kwargs: Value.Dictionary) {
        if isEmpty { return ([], [:]) }
        do throws(Malformed) {
            return try bytes.withUnsafeReadableBytes { bytes throws(Malformed) in
                guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else {
                    throw .message("a payload without bytes")
                }
                let count = bytes.count
                switch serializer {
                case .json: return try values(JSONReader(start: start, count: count))
                case .msgpack: return try values(MessagePackReader(start: start, count: count))
                case .cbor: return try values(CBORReader(start: start, count: count))
                }
            }
        } catch {
            throw ProtocolViolation(error, serializer)
        }
    }

    private func values(
        _ source: some ItemReader
    ) throws(Malformed) -> (args: [Value], kwargs: Value.Dictionary) {
        var reader = source
        var budget = maximumElements
        let first = try reader.value(uniqueKeys: false, budget: &budget)
        if shape == .opaque { return ([first], [:]) }
        guard let args = first.list else { throw .message("Arguments must be a list") }
        if shape == .arguments { return (args, [:]) }
        try reader.passSeparator()
        guard let kwargs = try reader.value(uniqueKeys: false, budget: &budget).dictionary else {
            throw .message("ArgumentsKw must be a dictionary")
        }
        return (args, kwargs)
    }
}
