// What a writer of any of the three serializers offers. Writers hold no state: all of it is in the
// bytes written.

/// Writes one serializer, always in its shortest and plainest form.
protocol ItemWriter {
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
    static func single(_ value: Float, into writer: inout ByteWriter)
    static func double(_ value: Double, into writer: inout ByteWriter)
    /// - Parameter bytes: UTF-8.
    static func text(_ bytes: UnsafeBufferPointer<UInt8>, into writer: inout ByteWriter)
    /// - Parameter word: plain ASCII that no serializer escapes.
    static func word(_ word: StaticString, into writer: inout ByteWriter)
    static func binary(_ bytes: UnsafeBufferPointer<UInt8>, into writer: inout ByteWriter)
}

extension ItemWriter {
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
        case .double(let value): double(value, into: &writer)
        case .string(let value): text(value, into: &writer)
        case .binary(let value): value.withUnsafeBufferPointer { binary($0, into: &writer) }
        case .list(let value): list(value, into: &writer)
        case .dictionary(let value): dictionary(value, into: &writer)
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
}
