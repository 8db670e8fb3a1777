// Arguments as values, and back: for the client, the meta API and people. The router forwards
// bytes.

import NIOCore

extension Payload {
    /// Encodes arguments. A payload of no arguments at all is empty; one of arguments that the
    /// serializer cannot hold, or that are nested too deep for a message, has a flaw.
    public init(
        args: [Value] = [], kwargs: Value.Dictionary = [:], as serializer: Serializer = .msgpack
    ) {
        if args.isEmpty, kwargs.isEmpty {
            self.init()
            return
        }
        var writer = ByteWriter()
        do throws(Malformed) {
            switch serializer {
            case .json: try Payload.write(args, kwargs, JSONWriter.self, into: &writer)
            case .msgpack: try Payload.write(args, kwargs, MessagePackWriter.self, into: &writer)
            case .cbor: try Payload.write(args, kwargs, CBORWriter.self, into: &writer)
            }
        } catch {
            self = .broken(error.sentence(serializer))
            return
        }
        self.init(
            bytes: writer.byteBuffer(), serializer: serializer,
            shape: kwargs.isEmpty ? .arguments : .argumentsAndKeywords)
    }

    /// Encodes arguments that are a peer's, perhaps: in CBOR, which holds everything, if
    /// MessagePack does not.
    package static func holding(_ args: [Value], _ kwargs: Value.Dictionary = [:]) -> Payload {
        let payload = Payload(args: args, kwargs: kwargs)
        return payload.flaw == nil ? payload : Payload(args: args, kwargs: kwargs, as: .cbor)
    }

    private static func write<Writer: ItemWriter>(
        _ args: [Value], _ kwargs: Value.Dictionary, _: Writer.Type, into writer: inout ByteWriter
    ) throws(Malformed) {
        // The message list is around them.
        let room = maximumDepth - 1
        do throws(Malformed) { try Writer.check(list: args, room: room) } catch {
            throw .inside("args", error)
        }
        do throws(Malformed) { try Writer.check(dictionary: kwargs, room: room) } catch {
            throw .inside("kwargs", error)
        }
        Writer.list(args, into: &writer)
        if kwargs.isEmpty { return }
        Writer.separate(into: &writer)
        Writer.dictionary(kwargs, into: &writer)
    }

    /// Decodes the arguments. An encrypted payload is the one binary or string that it consists of.
    /// - Throws: a violation if there are more than 1,000,000 elements, if they hold what no value
    ///   can be, or if they are broken; its sentence names the place.
    public func values() throws(ProtocolViolation) -> (args: [Value], kwargs: Value.Dictionary) {
        if isEmpty { return ([], [:]) }
        if let flaw { throw ProtocolViolation(flaw) }
        do throws(Malformed) {
            return try bytes.withUnsafeReadableBytes { bytes throws(Malformed) in
                guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else {
                    throw .message("a payload without bytes")
                }
                let count = bytes.count
                switch serializer {
                case .json: return try values(JSONReader(start: start, count: count, depth: 1))
                case .msgpack:
                    return try values(MessagePackReader(start: start, count: count, depth: 1))
                case .cbor: return try values(CBORReader(start: start, count: count, depth: 1))
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
        let first = try reader.value("args", budget: &budget)
        if shape == .opaque { return ([first], [:]) }
        // Null stands for absence only in what is broken elsewhere.
        guard let args = first == .null ? [] : first.list else {
            throw .message("Arguments must be a list")
        }
        if shape == .arguments { return (args, [:]) }
        try reader.passSeparator()
        let second = try reader.value("kwargs", budget: &budget)
        guard let kwargs = second == .null ? [:] : second.dictionary else {
            throw .message("the keys of ArgumentsKw must be texts")
        }
        return (args, kwargs)
    }
}
