// A decoded dynamic value: what options, details, the meta API and the client work with.
// The router never decodes a payload into values; it forwards bytes (see Payload).

/// A value of the WAMP data model, and what the serializers hold beyond it.
///
/// Integers are exact: `int` holds what fits `Int64`, `uint` only what lies above, `big` only what
/// neither holds. `map` is for the dictionaries of MessagePack and CBOR of whose keys one at least
/// is no text.
public enum Value: Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case uint(UInt64)
    case big(BigInteger)
    case double(Double)
    case string(String)
    case binary([UInt8])
    case list([Value])
    case dictionary(Dictionary)
    case map([MapEntry])

    /// A key of any kind and what stands under it.
    public struct MapEntry: Hashable, Sendable {
        /// What stands before and behind the colon.
        public var key: Value
        public var value: Value

        /// An entry of a map.
        public init(_ key: Value, _ value: Value) {
            self.key = key
            self.value = value
        }
    }

    /// A dictionary with string keys that keeps the order in which it was written.
    /// Where a key occurs twice, the last one counts; keys are the same when their bytes are.
    public struct Dictionary: Sendable {
        /// In the order in which they were written.
        public private(set) var entries: [(key: String, value: Value)]

        /// An empty dictionary.
        public init() { entries = [] }

        /// Entries in their order; a key may occur twice.
        public init(_ entries: [(key: String, value: Value)]) { self.entries = entries }

        /// Size and keys, with those that occur twice.
        public var isEmpty: Bool { entries.isEmpty }
        public var count: Int { entries.count }
        public var keys: [String] { entries.map(\.key) }

        /// The value of a key, of its last entry; nil takes one entry out.
        public subscript(key: String) -> Value? {
            get { entries.last { Name.isSame($0.key, key) }?.value }
            set {
                if let index = entries.lastIndex(where: { Name.isSame($0.key, key) }) {
                    if let newValue {
                        entries[index].value = newValue
                    } else {
                        entries.remove(at: index)
                    }
                } else if let newValue {
                    entries.append((key, newValue))
                }
            }
        }

        /// Adds an entry without looking for an earlier one of the same key.
        public mutating func append(_ key: String, _ value: Value) { entries.append((key, value)) }
    }

    /// The integer, whichever case holds it; `uint` is used only above `Int64.max`.
    public init(_ integer: UInt64) {
        self = integer <= UInt64(Int64.max) ? .int(Int64(integer)) : .uint(integer)
    }

    /// An id as an integer.
    public init(_ id: some WAMPIdentifier) { self.init(id.rawValue) }
}

extension Value {
    /// The content, if the value is of that kind.
    public var string: String? { if case .string(let string) = self { string } else { nil } }
    public var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
    public var list: [Value]? { if case .list(let list) = self { list } else { nil } }
    public var dictionary: Dictionary? {
        if case .dictionary(let value) = self { value } else { nil }
    }

    /// What it is as a key of JSON, which has only texts: integers and bools are their JSON text,
    /// and any other kind is none.
    package var keyText: String? {
        switch self {
        case .string(let text): text
        case .bool(let value): value ? "true" : "false"
        case .int(let value): "\(value)"
        case .uint(let value): "\(value)"
        case .big(let value): value.description
        default: nil
        }
    }

    /// The integer, if it is one and not negative. A float that is whole counts too, up to 2^53:
    /// that is how some JavaScript libraries write large ids in MessagePack and CBOR.
    public var unsigned: UInt64? {
        switch self {
        case .int(let value): UInt64(exactly: value)
        case .uint(let value): value
        case .double(let value): UInt64(whole: value)
        default: nil
        }
    }
}

extension UInt64 {
    /// The integer that a float is; nil beyond 2^53, where not every integer has a float.
    init?(whole float: Double) {
        guard float <= 0x1p53 else { return nil }
        self.init(exactly: float)
    }
}

extension Value: Hashable {
    public static func == (left: Value, right: Value) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let l), .bool(let r)): l == r
        case (.int(let l), .int(let r)): l == r
        case (.uint(let l), .uint(let r)): l == r
        case (.int(let l), .uint(let r)), (.uint(let r), .int(let l)): UInt64(exactly: l) == r
        case (.big(let l), .big(let r)): l == r
        case (.double(let l), .double(let r)): l == r
        case (.string(let l), .string(let r)): Name.isSame(l, r)
        case (.binary(let l), .binary(let r)): l == r
        case (.list(let l), .list(let r)): l == r
        case (.dictionary(let l), .dictionary(let r)): l == r
        case (.map(let l), .map(let r)): l == r
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .int, .uint: hasher.combine(unsigned)
        case .big(let value): hasher.combine(value)
        case .double(let value): hasher.combine(value)
        case .string(let value): hasher.combine(Name(value))
        case .binary(let value): hasher.combine(value)
        case .list(let value): hasher.combine(value)
        case .dictionary(let value): hasher.combine(value.count)
        case .map(let value): hasher.combine(value)
        }
    }
}

extension Value.Dictionary: Hashable {
    /// Equal when the same keys have the same values, in whatever order.
    public static func == (left: Self, right: Self) -> Bool {
        left.count == right.count && left.entries.allSatisfy { right[$0.key] == $0.value }
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(count) }
}

extension Value: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: Value...) { self = .list(elements) }
    public init(dictionaryLiteral elements: (String, Value)...) {
        self = .dictionary(Dictionary(elements.map { (key: $0.0, value: $0.1) }))
    }
}

extension Value.Dictionary: ExpressibleByDictionaryLiteral {
    @inline(__always)
    public init(dictionaryLiteral elements: (String, Value)...) {
        // Every message has such a literal in its options.
        if elements.isEmpty {
            self.init()
            return
        }
        self.init(elements.map { (key: $0.0, value: $0.1) })
    }
}
