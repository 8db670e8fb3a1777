// What a reader of any of the three serializers offers, so that messages, values and transcoding
// are written once.
//
// A reader is two pointers into bytes that came from a peer: it lives only inside
// `withUnsafeReadableBytes`, checks every length before it uses it, and never allocates by a length
// that was only announced.

import CScan

/// Why bytes were refused.
enum Malformed: Error {
    /// The bytes are not what the serializer's grammar allows.
    case syntax(StaticString, offset: Int)
    /// The bytes are well formed, but no message of WAMP.
    case message(String)
    case tooManyElements
    /// A value that cannot be had here: the rest of a sentence that begins with its place.
    case unrepresentable(StaticString)
    /// A member of a list or dictionary is at fault: its index or key, and why.
    indirect case inside(String, Malformed)
}

extension Malformed {
    /// The sentence that tells it.
    func sentence(_ serializer: Serializer) -> String {
        var place = ""
        var fault = self
        while case .inside(let member, let inner) = fault {
            // A peer's keys may be as long as it likes.
            let name = member.excerpt(40)
            if place.utf8.count < 120 { place += place.isEmpty ? name : ".\(name)" }
            fault = inner
        }
        switch fault {
        case .syntax(let sentence, let offset):
            let text = "invalid \(serializer.name) at byte \(offset): \(sentence)"
            return place.isEmpty ? text : "\(place): \(text)"
        case .message(let sentence): return place.isEmpty ? sentence : "\(place): \(sentence)"
        case .tooManyElements: return "more than \(maximumElements) elements"
        case .unrepresentable(let claim):
            return place.isEmpty ? "a value \(claim)" : "\(place) \(claim)"
        case .inside: return place
        }
    }

    /// Whether it is about the size, which another peer might take.
    var isExcess: Bool {
        switch self {
        case .tooManyElements: true
        case .inside(_, let inner): inner.isExcess
        default: false
        }
    }
}

/// The most levels of nesting accepted; the message list counts as 1.
let maximumDepth = 64

/// How many elements may become values, or be transcoded, in one message.
let maximumElements = 1_000_000

/// What the next item is, before it is read.
enum ItemKind {
    case null, bool, number, text, binary, list, dictionary
}

/// One item: a scalar, or the opening of a container whose members are to be read next.
enum Item {
    case null
    case bool(Bool)
    case unsigned(UInt64)
    /// Below zero, always.
    case negative(Int64)
    case big(BigInteger)
    case single(Float)
    case double(Double)
    case text(Text)
    case binary(Text)
    case list(Members)
    case dictionary(Members)
}

/// Where a reader stands in a container.
struct Members {
    /// How many members are left; -1 when only an end mark tells.
    var remaining: Int
    /// Whether none was read yet.
    var isFirst = true
    let isDictionary: Bool

    /// How many members there will be, if that was said in advance.
    var announced: Int? { remaining < 0 ? nil : remaining }
}

/// A string as it lies in the frame; decoded only if the bytes there are not the text itself.
struct Text {
    /// The bytes in the frame.
    let start: UnsafePointer<UInt8>
    let count: Int
    /// The text or the binary when the frame holds it escaped or in chunks.
    let decoded: [UInt8]?

    @inline(__always)
    init(start: UnsafePointer<UInt8>, count: Int, decoded: [UInt8]? = nil) {
        self.start = start
        self.count = count
        self.decoded = decoded
    }

    @inline(__always)
    func withBytes<T, E: Error>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(E) -> T
    ) throws(E) -> T {
        if let decoded {
            // `withUnsafeBufferPointer` rethrows any error, which typed throws cannot see through.
            let result = decoded.withUnsafeBufferPointer { bytes -> Swift.Result<T, E> in
                do throws(E) { return .success(try body(bytes)) } catch { return .failure(error) }
            }
            return try result.get()
        }
        return try body(UnsafeBufferPointer(start: start, count: count))
    }

    @inline(__always)
    static func == (text: Text, literal: StaticString) -> Bool {
        guard text.decoded == nil else { return text.isEqualDecoded(literal) }
        return text.count == literal.utf8CodeUnitCount
            && cscan_equal(text.start, literal.utf8Start, text.count)
    }

    @inline(never)
    private func isEqualDecoded(_ literal: StaticString) -> Bool {
        withBytes { bytes in
            bytes.elementsEqual(
                UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
        }
    }

    var string: String { withBytes { String(decoding: $0, as: UTF8.self) } }

    var array: [UInt8] { decoded ?? Array(UnsafeBufferPointer(start: start, count: count)) }
}

/// Reads one serializer.
protocol ItemReader {
    /// Whether the keys of its dictionaries can be nothing but texts.
    static var hasTextKeysOnly: Bool { get }

    /// - Parameters:
    ///   - bytes: not empty; valid for the life of the reader.
    ///   - depth: how many containers around the bytes were opened already.
    init(start: UnsafePointer<UInt8>, count: Int, depth: Int)

    /// Bytes read so far.
    var offset: Int { get }
    /// The beginning of the bytes.
    var start: UnsafePointer<UInt8> { get }

    /// Whether nothing but what may be ignored is left.
    mutating func isAtEnd() -> Bool

    /// Passes white space and tags, so that the next item begins at `offset`.
    mutating func settle() throws(Malformed)

    /// Looks at the next item; passes only white space and tags.
    mutating func kind() throws(Malformed) -> ItemKind

    /// Reads one scalar, or opens one container.
    mutating func item() throws(Malformed) -> Item

    /// Opens a list or a dictionary; nil if the next item is something else.
    mutating func open(isDictionary: Bool) throws(Malformed) -> Members?

    /// Passes one list, or one dictionary whose own keys are texts, with the whole grammar checked,
    /// and says whether it was empty; nil if the next item is something else.
    mutating func skip(isDictionary: Bool) throws(Malformed) -> Bool?

    /// Goes to the next member: false, once, when there is none and the container is closed.
    mutating func next(_ members: inout Members) throws(Malformed) -> Bool

    /// Reads the key of a dictionary's member, and stands before its value.
    mutating func key() throws(Malformed) -> Text

    /// Reads a text; nil if the next item is something else, which then may be half read.
    mutating func text() throws(Malformed) -> Text?

    /// Reads an integer that is not negative, which MessagePack and CBOR may also write as a float;
    /// nil if the next item is something else, which then may be half read.
    mutating func unsigned() throws(Malformed) -> UInt64?

    /// Passes one item and everything in it, with the whole grammar checked.
    mutating func skip() throws(Malformed)

    /// Passes one list or dictionary that may be broken, by nothing but what tells where it ends.
    mutating func skipRoughly() throws(Malformed)

    /// Passes what stands between two items at the top level.
    mutating func passSeparator() throws(Malformed)
}

/// The keys met in one dictionary of options, to refuse a second one of the same name.
///
/// It holds hashes: a peer who goes to the length of a collision refuses his own message.
struct SeenKeys {
    private var few = InlineArray<8, UInt64>(repeating: 0)
    private var count = 0
    private var many: Set<UInt64> = []

    /// - Throws: if the key was met before.
    mutating func insert(_ key: Text) throws(Malformed) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        key.withBytes { bytes in
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        }
        var isNew = true
        if count < few.count {
            for index in 0..<count where few[index] == hash { isNew = false }
            few[count] = hash
        } else {
            if count == few.count { for index in few.indices { many.insert(few[index]) } }
            isNew = many.insert(hash).inserted
        }
        count += 1
        guard isNew else { throw .message("the key \"\(key.string)\" occurs twice") }
    }
}

extension ItemReader {
    /// Reads an integer that is not negative and written otherwise: as a float, as some JavaScript
    /// libraries write those above 2^32, which to JavaScript are the same, or as a bignum.
    @inline(never)
    mutating func whole() throws(Malformed) -> UInt64? {
        switch try item() {
        case .unsigned(let value): value
        case .single(let value): UInt64(whole: Double(value))
        case .double(let value): UInt64(whole: value)
        default: nil
        }
    }

    /// Reads one item as a value.
    /// - Parameter isOption: whether it is one of the router's own: the keys of its dictionaries
    ///   must be texts, none twice. In payloads they need not.
    /// - Parameter budget: how many elements may still be read; counted down.
    mutating func value(isOption: Bool, budget: inout Int) throws(Malformed) -> Value {
        budget -= 1
        guard budget >= 0 else { throw .tooManyElements }
        switch try item() {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .unsigned(let value): return Value(value)
        case .negative(let value): return .int(value)
        case .big(let value):
            budget -= value.cost
            return .big(value)
        case .single(let value): return .double(Double(value))
        case .double(let value): return .double(value)
        case .text(let text): return .string(text.string)
        case .binary(let bytes): return .binary(bytes.array)
        case .list(var members):
            var list: [Value] = []
            while try next(&members) {
                list.append(
                    try value("\(list.count)", isOption: isOption, budget: &budget))
            }
            return .list(list)
        case .dictionary(var members):
            if isOption { return .dictionary(try options(&members, budget: &budget)) }
            return try entries(&members, budget: &budget)
        }
    }

    /// Reads a value that has a name.
    mutating func value(
        _ name: @autoclosure () -> String, isOption: Bool = false, budget: inout Int
    ) throws(Malformed) -> Value {
        do throws(Malformed) {
            return try value(isOption: isOption, budget: &budget)
        } catch {
            throw .inside(name(), error)
        }
    }

    /// Reads the members of a dictionary that was opened, with keys as options have them.
    private mutating func options(
        _ members: inout Members, budget: inout Int
    ) throws(Malformed) -> Value.Dictionary {
        var dictionary = Value.Dictionary()
        var seen = SeenKeys()
        while try next(&members) {
            let key = try key()
            try seen.insert(key)
            dictionary.append(key.string, try value(isOption: true, budget: &budget))
        }
        return dictionary
    }

    /// Reads the members of a dictionary that was opened, whatever its keys are.
    private mutating func entries(
        _ members: inout Members, budget: inout Int
    ) throws(Malformed) -> Value {
        var dictionary = Value.Dictionary()
        while try next(&members) {
            guard try hasTextKey() else {
                return .map(try entries(&members, behind: dictionary, budget: &budget))
            }
            let key = try key().string
            dictionary.append(key, try value(key, budget: &budget))
        }
        return .dictionary(dictionary)
    }

    /// Reads the rest of a dictionary, from its first key on that is no text.
    private mutating func entries(
        _ members: inout Members, behind first: Value.Dictionary, budget: inout Int
    ) throws(Malformed) -> [Value.MapEntry] {
        var entries = first.entries.map { Value.MapEntry(.string($0.key), $0.value) }
        repeat {
            let key = try value(isOption: false, budget: &budget)
            let value = try value(key.keyText ?? "?", budget: &budget)
            entries.append(Value.MapEntry(key, value))
        } while try next(&members)
        return entries
    }

    /// Whether the key that comes next is a text, as it must be where nothing else can be.
    @inline(__always)
    mutating func hasTextKey() throws(Malformed) -> Bool {
        if Self.hasTextKeysOnly { return true }
        return try kind() == .text
    }
}
