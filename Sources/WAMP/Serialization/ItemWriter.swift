// What a writer of any of the three serializers offers. Writers hold no state: all of it is in the
// bytes written.

/// Writes one serializer, always in its shortest and plainest form.
///
/// What a serializer lacks it writes as what comes nearest: in options and details that will do.
/// Arguments must arrive as they are, so for them `flaw` is asked first.
protocol ItemWriter {
    /// Whether the keys of its dictionaries can be nothing but texts.
    static var hasTextKeysOnly: Bool { get }
    /// Why a float, an integer or a text cannot be written; nil if it can.
    static func flaw(_ value: Double) -> StaticString?
    static func flaw(_ value: BigInteger) -> StaticString?
    static func flaw(_ text: UnsafeBufferPointer<UInt8>) -> StaticString?

    /// Begins a list or dictionary.
    /// - Parameter count: how many members follow; nil if that is not known yet.
    /// - Returns: the mark to give to `close`.
    static func open(
        isDictionary: Bool, count: Int?, into writer: inout ByteWriter
    ) -> Int
    /// Ends what was begun at `mark`.
    /// - Parameter announced: the count given to `open`.
    static func close(
        isDictionary: Bool, mark: Int, announced: Int?, count: Int, into writer: inout ByteWriter)
    /// Stands between two members.
    static func separate(into writer: inout ByteWriter)
    /// Stands between a key and its value.
    static func afterKey(into writer: inout ByteWriter)

    static func null(into writer: inout ByteWriter)
    static func bool(_ value: Bool, into writer: inout ByteWriter)
    static func unsigned(_ value: UInt64, into writer: inout ByteWriter)
    /// - Parameter value: below zero.
    static func negative(_ value: Int64, into writer: inout ByteWriter)
    static func big(_ value: BigInteger, into writer: inout ByteWriter)
    static func single(_ value: Float, into writer: inout ByteWriter)
    static func double(_ value: Double, into writer: inout ByteWriter)
    /// - Parameter bytes: UTF-8.
    static func text(_ bytes: UnsafeBufferPointer<UInt8>, into writer: inout ByteWriter)
    /// - Parameter word: plain ASCII that no serializer escapes.
    static func word(_ word: StaticString, into writer: inout ByteWriter)
    static func binary(_ bytes: UnsafeBufferPointer<UInt8>, into writer: inout ByteWriter)
}

extension ItemWriter {
    static var hasTextKeysOnly: Bool { false }
    @inline(__always)
    static func flaw(_ value: Double) -> StaticString? { nil }
    @inline(__always)
    static func flaw(_ value: BigInteger) -> StaticString? { nil }
    @inline(__always)
    static func flaw(_ text: UnsafeBufferPointer<UInt8>) -> StaticString? { nil }

    static func text(_ string: String, into writer: inout ByteWriter) {
        var string = string
        string.withUTF8 { text($0, into: &writer) }
    }

    static func value(_ value: Value, into writer: inout ByteWriter) {
        switch value {
        case .null: null(into: &writer)
        case .bool(let value): bool(value, into: &writer)
        case .int(let value):
            if value < 0 {
                negative(value, into: &writer)
            } else {
                unsigned(UInt64(value), into: &writer)
            }
        case .uint(let value): unsigned(value, into: &writer)
        case .big(let value): big(value, into: &writer)
        case .double(let value): double(value, into: &writer)
        case .string(let value): text(value, into: &writer)
        case .binary(let value): value.withUnsafeBufferPointer { binary($0, into: &writer) }
        case .list(let value): list(value, into: &writer)
        case .dictionary(let value): dictionary(value, into: &writer)
        case .map(let entries): map(entries, into: &writer)
        }
    }

    static func list(_ list: [Value], into writer: inout ByteWriter) {
        let mark = open(isDictionary: false, count: list.count, into: &writer)
        for (index, member) in list.enumerated() {
            if index > 0 { separate(into: &writer) }
            value(member, into: &writer)
        }
        close(
            isDictionary: false, mark: mark, announced: list.count, count: list.count,
            into: &writer)
    }

    static func dictionary(_ dictionary: Value.Dictionary, into writer: inout ByteWriter) {
        let count = dictionary.count
        let mark = open(isDictionary: true, count: count, into: &writer)
        for (index, entry) in dictionary.entries.enumerated() {
            if index > 0 { separate(into: &writer) }
            text(entry.key, into: &writer)
            afterKey(into: &writer)
            value(entry.value, into: &writer)
        }
        close(isDictionary: true, mark: mark, announced: count, count: count, into: &writer)
    }

    private static func map(_ entries: [Value.MapEntry], into writer: inout ByteWriter) {
        let mark = open(isDictionary: true, count: entries.count, into: &writer)
        for (index, entry) in entries.enumerated() {
            if index > 0 { separate(into: &writer) }
            if hasTextKeysOnly {
                text(entry.key.keyText ?? "?", into: &writer)
            } else {
                value(entry.key, into: &writer)
            }
            afterKey(into: &writer)
            value(entry.value, into: &writer)
        }
        close(
            isDictionary: true, mark: mark, announced: entries.count, count: entries.count,
            into: &writer)
    }
}

// Whether values can be arguments in a serializer.
extension ItemWriter {
    /// - Parameter room: how many levels of nesting are left.
    /// - Throws: why a value cannot be written as it is.
    static func check(_ value: Value, room: Int) throws(Malformed) {
        switch value {
        case .null, .bool, .int, .uint, .binary: return
        case .big(let value): try refuse(flaw(value))
        case .double(let value): try refuse(flaw(value))
        case .string(var text): try refuse(text.withUTF8 { flaw($0) })
        case .list(let list): try check(list: list, room: room)
        case .dictionary(let dictionary): try check(dictionary: dictionary, room: room)
        case .map(let entries): try check(map: entries, room: room)
        }
    }

    private static func refuse(_ flaw: StaticString?) throws(Malformed) {
        if let flaw { throw .unrepresentable(flaw) }
    }

    private static func enter(_ room: Int) throws(Malformed) {
        if room <= 0 { throw .unrepresentable("is nested deeper than 64") }
    }

    static func check(list: [Value], room: Int) throws(Malformed) {
        try enter(room)
        for (index, member) in list.enumerated() {
            try check(member, as: "\(index)", room: room - 1)
        }
    }

    static func check(dictionary: Value.Dictionary, room: Int) throws(Malformed) {
        try enter(room)
        for (key, value) in dictionary.entries { try check(value, as: key, room: room - 1) }
    }

    private static func check(map entries: [Value.MapEntry], room: Int) throws(Malformed) {
        try enter(room)
        if hasTextKeysOnly { try checkKeys(entries.map(\.key)) }
        for entry in entries {
            if !hasTextKeysOnly { try check(entry.key, room: room - 1) }
            try check(entry.value, as: entry.key.keyText ?? "?", room: room - 1)
        }
    }

    /// Checks the keys of a dictionary that are to become texts.
    static func checkKeys(_ keys: [Value]) throws(Malformed) {
        // Texts are the same when their bytes are.
        var seen: Set<[UInt8]> = []
        for key in keys {
            guard let text = key.keyText else {
                throw .unrepresentable(
                    "has a key that is no text, integer or bool, which JSON cannot hold")
            }
            guard seen.insert(Array(text.utf8)).inserted else {
                throw .unrepresentable("has two keys that are the same text in JSON")
            }
        }
    }

    private static func check(
        _ value: Value, as name: @autoclosure () -> String, room: Int
    ) throws(Malformed) {
        do throws(Malformed) { try check(value, room: room) } catch {
            throw .inside(name(), error)
        }
    }
}
