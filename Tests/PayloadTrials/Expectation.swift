// What must become of a specimen between two serializers, said once more and in another way than
// the router does it: tree by tree.

/// It cannot be brought to the receiver, so its message must not arrive.
struct Undeliverable: Error {}

enum Expectation {
    /// What arrives at a peer that reads `target` of what one that writes `source` sent.
    static func arrival(
        of arguments: Arguments, from source: Wire, to target: Wire
    ) throws(Undeliverable) -> Arguments {
        Arguments(
            args: try list(arguments.args, source, target),
            kwargs: try pairs(arguments.kwargs, source, target))
    }

    private static func list(
        _ list: [Specimen], _ source: Wire, _ target: Wire
    ) throws(Undeliverable) -> [Specimen] {
        var arrived: [Specimen] = []
        for member in list { arrived.append(try value(member, source, target)) }
        return arrived
    }

    private static func value(
        _ specimen: Specimen, _ source: Wire, _ target: Wire
    ) throws(Undeliverable) -> Specimen {
        switch specimen {
        case .null, .bool, .binary: return specimen
        case .integer(let digits):
            if target == .msgpack, Specimen.bits(digits) == nil { throw Undeliverable() }
            return specimen
        case .float(let bits):
            let isFinite = Double(bitPattern: bits).isFinite
            if !isFinite, source == .json || target == .json { throw Undeliverable() }
            return specimen
        case .text(let text):
            let looksBinary = text.first == 0 && Base.bytes(Array(text.dropFirst())) != nil
            if looksBinary, target == .json { throw Undeliverable() }
            return specimen
        case .halfPair:
            if target != .json { throw Undeliverable() }
            return specimen
        case .undefined: return target == .cbor ? specimen : .null
        case .foreign(_, let content): return target == .msgpack ? specimen : .binary(content)
        case .tagged(let tag, let inner):
            let inner = try value(inner, source, target)
            return target == .cbor ? .tagged(tag, inner) : inner
        case .list(let list): return .list(try self.list(list, source, target))
        case .map(let map): return .map(try pairs(map, source, target))
        }
    }

    private static func pairs(
        _ pairs: [Specimen.Pair], _ source: Wire, _ target: Wire
    ) throws(Undeliverable) -> [Specimen.Pair] {
        var arrived: [Specimen.Pair] = []
        for pair in pairs {
            let key = source == target ? pair.key : try self.key(pair.key, source, target)
            arrived.append(Specimen.Pair(key: key, value: try value(pair.value, source, target)))
        }
        let hasOthers = pairs.contains { if case .text = $0.key { false } else { true } }
        if target == .json, hasOthers, Set(arrived.map(\.key)).count < arrived.count {
            throw Undeliverable()
        }
        return arrived
    }

    private static func key(
        _ key: Specimen, _ source: Wire, _ target: Wire
    ) throws(Undeliverable) -> Specimen {
        guard target == .json else { return try value(key, source, target) }
        switch key {
        case .text: return key
        case .integer(let digits): return .text(digits)
        case .bool(let value): return .text(value ? "true" : "false")
        default: throw Undeliverable()
        }
    }
}
