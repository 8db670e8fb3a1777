// MessagePack, version 5: text and binary are told apart. Every width of every type is accepted;
// text must be UTF-8. An extension is binary, its type is not kept.

import CScan

struct MessagePackReader: ItemReader {
    let start: UnsafePointer<UInt8>
    private var cursor: UnsafePointer<UInt8>
    private let end: UnsafePointer<UInt8>
    private var depth: Int

    static var hasTextKeysOnly: Bool { false }

    @inline(__always)
    init(start: UnsafePointer<UInt8>, count: Int, depth: Int = 0) {
        self.start = start
        cursor = start
        end = start + count
        self.depth = depth
    }

    @inline(__always)
    var offset: Int { cursor - start }

    @inline(__always)
    private func fault(_ sentence: StaticString) -> Malformed { .syntax(sentence, offset: offset) }

    mutating func isAtEnd() -> Bool { cursor == end }

    mutating func passSeparator() {}

    @inline(__always)
    private func peek() throws(Malformed) -> UInt8 {
        guard cursor < end else { throw fault("the bytes end too early") }
        return cursor.pointee
    }

    /// Reads a big-endian integer.
    @inline(__always)
    private mutating func read<I: FixedWidthInteger>(_: I.Type) throws(Malformed) -> I {
        guard end - cursor >= MemoryLayout<I>.size else { throw fault("the bytes end too early") }
        let value = UnsafeRawPointer(cursor).loadUnaligned(as: I.self)
        cursor += MemoryLayout<I>.size
        return I(bigEndian: value)
    }

    /// Passes `count` bytes and returns where they begin.
    @inline(__always)
    private mutating func pass(_ count: Int) throws(Malformed) -> UnsafePointer<UInt8> {
        guard count <= end - cursor else { throw fault("a length goes beyond the end") }
        let bytes = cursor
        cursor += count
        return bytes
    }

    @inline(__always)
    mutating func settle() {}

    mutating func kind() throws(Malformed) -> ItemKind {
        switch try peek() {
        case 0x00...0x7f, 0xca...0xd3, 0xe0...0xff: .number
        case 0x80...0x8f, 0xde, 0xdf: .dictionary
        case 0x90...0x9f, 0xdc, 0xdd: .list
        case 0xa0...0xbf, 0xd9...0xdb: .text
        case 0xc0: .null
        case 0xc2, 0xc3: .bool
        case 0xc4...0xc9, 0xd4...0xd8: .binary
        default: throw fault("0xc1 is never used")
        }
    }

    mutating func item() throws(Malformed) -> Item {
        let first = try peek()
        cursor += 1
        switch first {
        case 0x00...0x7f: return .unsigned(UInt64(first))
        case 0x80...0x8f: return .dictionary(try enter(Int(first & 0x0f), isDictionary: true))
        case 0x90...0x9f: return .list(try enter(Int(first & 0x0f), isDictionary: false))
        case 0xa0...0xbf: return .text(try text(Int(first & 0x1f)))
        case 0xc0: return .null
        case 0xc2: return .bool(false)
        case 0xc3: return .bool(true)
        case 0xc4...0xc9, 0xd4...0xd8:
            let count = try binaryLength(first)
            return .binary(Text(start: try pass(count), count: count))
        case 0xca: return .single(Float(bitPattern: try read(UInt32.self)))
        case 0xcb: return .double(Double(bitPattern: try read(UInt64.self)))
        case 0xcc: return .unsigned(UInt64(try read(UInt8.self)))
        case 0xcd: return .unsigned(UInt64(try read(UInt16.self)))
        case 0xce: return .unsigned(UInt64(try read(UInt32.self)))
        case 0xcf: return .unsigned(try read(UInt64.self))
        case 0xd0: return MessagePackReader.integer(Int64(try read(Int8.self)))
        case 0xd1: return MessagePackReader.integer(Int64(try read(Int16.self)))
        case 0xd2: return MessagePackReader.integer(Int64(try read(Int32.self)))
        case 0xd3: return MessagePackReader.integer(try read(Int64.self))
        case 0xd9: return .text(try text(Int(try read(UInt8.self))))
        case 0xda: return .text(try text(Int(try read(UInt16.self))))
        case 0xdb: return .text(try text(Int(try read(UInt32.self))))
        case 0xdc: return .list(try enter(Int(try read(UInt16.self)), isDictionary: false))
        case 0xdd: return .list(try enter(Int(try read(UInt32.self)), isDictionary: false))
        case 0xde: return .dictionary(try enter(Int(try read(UInt16.self)), isDictionary: true))
        case 0xdf: return .dictionary(try enter(Int(try read(UInt32.self)), isDictionary: true))
        case 0xe0...0xff: return .negative(Int64(Int8(bitPattern: first)))
        default: throw fault("0xc1 is never used")
        }
    }

    @inline(__always)
    private static func integer(_ value: Int64) -> Item {
        value < 0 ? .negative(value) : .unsigned(UInt64(value))
    }

    /// The length of a binary or an extension, whose first byte was read; passes an extension's
    /// type.
    private mutating func binaryLength(_ first: UInt8) throws(Malformed) -> Int {
        let count: Int
        switch first {
        case 0xc4, 0xc7: count = Int(try read(UInt8.self))
        case 0xc5, 0xc8: count = Int(try read(UInt16.self))
        case 0xc6, 0xc9: count = Int(try read(UInt32.self))
        default: count = 1 << Int(first - 0xd4)
        }
        if first >= 0xc7 { _ = try read(UInt8.self) }
        return count
    }

    @inline(__always)
    private mutating func text(_ count: Int) throws(Malformed) -> Text {
        let bytes = try pass(count)
        guard cscan_is_utf8(bytes, bytes + count) else { throw fault("a text is not UTF-8") }
        return Text(start: bytes, count: count)
    }

    @inline(__always)
    private mutating func enter(_ count: Int, isDictionary: Bool) throws(Malformed) -> Members {
        depth += 1
        guard depth <= maximumDepth else { throw fault("nested deeper than 64") }
        return Members(remaining: count, isDictionary: isDictionary)
    }

    @inline(__always)
    mutating func open(isDictionary: Bool) throws(Malformed) -> Members? {
        let first = try peek()
        if first & 0xf0 == (isDictionary ? 0x80 : 0x90) {
            cursor += 1
            return try enter(Int(first & 0x0f), isDictionary: isDictionary)
        }
        return try openLong(isDictionary: isDictionary)
    }

    @inline(never)
    private mutating func openLong(isDictionary: Bool) throws(Malformed) -> Members? {
        let first = try peek()
        let short: UInt8 = isDictionary ? 0xde : 0xdc
        guard first == short || first == short + 1 else { return nil }
        cursor += 1
        let count = first == short ? Int(try read(UInt16.self)) : Int(try read(UInt32.self))
        return try enter(count, isDictionary: isDictionary)
    }

    @inline(__always)
    mutating func skip(isDictionary: Bool) throws(Malformed) -> Bool? {
        guard var members = try open(isDictionary: isDictionary) else { return nil }
        let isEmpty = members.remaining == 0
        if isDictionary {
            while try next(&members) {
                _ = try key()
                try skip()
            }
        } else {
            while try next(&members) { try skip() }
        }
        return isEmpty
    }

    @inline(__always)
    mutating func next(_ members: inout Members) throws(Malformed) -> Bool {
        members.isFirst = false
        if members.remaining > 0 {
            members.remaining -= 1
            return true
        }
        depth -= 1
        return false
    }

    @inline(__always)
    mutating func key() throws(Malformed) -> Text {
        guard let key = try text() else { throw fault("a key must be a text") }
        return key
    }

    @inline(__always)
    mutating func text() throws(Malformed) -> Text? {
        let first = try peek()
        switch first {
        case 0xa0...0xbf:
            cursor += 1
            return try text(Int(first & 0x1f))
        case 0xd9...0xdb:
            guard case .text(let text) = try item() else { return nil }
            return text
        default: return nil
        }
    }

    @inline(__always)
    mutating func unsigned() throws(Malformed) -> UInt64? {
        let first = try peek()
        switch first {
        case 0x00...0x7f:
            cursor += 1
            return UInt64(first)
        case 0xcc: return UInt64(try readNumber(UInt8.self))
        case 0xcd: return UInt64(try readNumber(UInt16.self))
        case 0xce: return UInt64(try readNumber(UInt32.self))
        case 0xcf: return try readNumber(UInt64.self)
        case 0xd0...0xd3:
            guard case .unsigned(let value) = try item() else { return nil }
            return value
        case 0xca, 0xcb: return try whole()
        default: return nil
        }
    }

    /// Reads an integer behind the byte that tells its width.
    @inline(__always)
    private mutating func readNumber<I: FixedWidthInteger>(_: I.Type) throws(Malformed) -> I {
        cursor += 1
        return try read(I.self)
    }

    mutating func skip() throws(Malformed) {
        let first = try peek()
        cursor += 1
        switch first {
        case 0x00...0x7f, 0xc0, 0xc2, 0xc3, 0xe0...0xff: return
        case 0xa0...0xbf: _ = try text(Int(first & 0x1f))
        case 0xcc, 0xd0: _ = try pass(1)
        case 0xcd, 0xd1: _ = try pass(2)
        case 0xca, 0xce, 0xd2: _ = try pass(4)
        case 0xcb, 0xcf, 0xd3: _ = try pass(8)
        case 0xd9: _ = try text(Int(try read(UInt8.self)))
        case 0xda: _ = try text(Int(try read(UInt16.self)))
        case 0xdb: _ = try text(Int(try read(UInt32.self)))
        case 0xc4...0xc9, 0xd4...0xd8: _ = try pass(try binaryLength(first))
        case 0x90...0x9f: try skipList(Int(first & 0x0f))
        case 0xdc: try skipList(Int(try read(UInt16.self)))
        case 0xdd: try skipList(Int(try read(UInt32.self)))
        case 0x80...0x8f: try skipDictionary(Int(first & 0x0f))
        case 0xde: try skipDictionary(Int(try read(UInt16.self)))
        case 0xdf: try skipDictionary(Int(try read(UInt32.self)))
        default: throw fault("0xc1 is never used")
        }
    }

    // These two and `skip` call each other, never deeper than the nesting allowed.

    private mutating func skipList(_ count: Int) throws(Malformed) {
        var members = try enter(count, isDictionary: false)
        while try next(&members) { try skip() }
    }

    private mutating func skipDictionary(_ count: Int) throws(Malformed) {
        var members = try enter(count, isDictionary: true)
        while try next(&members) {
            if try text() == nil { try skip() }
            try skip()
        }
    }

    mutating func skipRoughly() throws(Malformed) {
        // How many items are still to be passed; each takes a byte at least.
        var items = 1
        while items > 0 {
            guard items <= end - cursor else { throw fault("the bytes end too early") }
            items += try skipHead() - 1
        }
    }

    /// Passes one item without what is in it.
    /// - Returns: how many items are in it.
    private mutating func skipHead() throws(Malformed) -> Int {
        let first = cursor.pointee
        cursor += 1
        switch first {
        case 0x80...0x8f: return 2 * Int(first & 0x0f)
        case 0x90...0x9f: return Int(first & 0x0f)
        case 0xdc: return Int(try read(UInt16.self))
        case 0xdd: return Int(try read(UInt32.self))
        case 0xde: return 2 * Int(try read(UInt16.self))
        case 0xdf: return 2 * Int(try read(UInt32.self))
        case 0xa0...0xbf: _ = try pass(Int(first & 0x1f))
        case 0xcc, 0xd0: _ = try pass(1)
        case 0xcd, 0xd1: _ = try pass(2)
        case 0xca, 0xce, 0xd2: _ = try pass(4)
        case 0xcb, 0xcf, 0xd3: _ = try pass(8)
        case 0xd9: _ = try pass(Int(try read(UInt8.self)))
        case 0xda: _ = try pass(Int(try read(UInt16.self)))
        case 0xdb: _ = try pass(Int(try read(UInt32.self)))
        case 0xc4...0xc9, 0xd4...0xd8: _ = try pass(try binaryLength(first))
        default: break
        }
        return 0
    }
}
