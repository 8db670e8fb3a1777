// CBOR, RFC 8949: definite and indefinite lengths, every width, floats of 16, 32 and 64 bits, and
// bignums. Other tags are passed over; `undefined` and the unassigned simple values are null. Text
// must be UTF-8.

import CScan

struct CBORReader: ItemReader {
    let start: UnsafePointer<UInt8>
    private var cursor: UnsafePointer<UInt8>
    private let end: UnsafePointer<UInt8>
    private var depth: Int
    /// The tag passed last, and where the item behind it begins.
    private var tag: UInt64 = 0
    private var tagged: UnsafePointer<UInt8>?

    static var hasTextKeysOnly: Bool { false }

    /// The byte that ends whatever was opened with an indefinite length.
    private static let stop: UInt8 = 0xff

    /// The initial byte and the argument of an item.
    private struct Head {
        /// 0 unsigned, 1 negative, 2 binary, 3 text, 4 list, 5 dictionary, 7 simple or float; never
        /// 6, a tag.
        let major: UInt8
        let information: UInt8
        let argument: UInt64

        @inline(__always)
        var isIndefinite: Bool { information == 31 }
    }

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

    /// The first byte of the next item; tags before it are passed.
    @inline(__always)
    private mutating func peek() throws(Malformed) -> UInt8 {
        while true {
            guard cursor < end else { throw fault("the bytes end too early") }
            if cursor.pointee >> 5 != 6 { return cursor.pointee }
            guard cursor.pointee & 0x1f != 31 else { throw fault("a tag has no number") }
            tag = try argument()
            tagged = cursor
        }
    }

    /// Reads an initial byte and what belongs to it.
    @inline(__always)
    private mutating func argument() throws(Malformed) -> UInt64 {
        let information = cursor.pointee & 0x1f
        cursor += 1
        switch information {
        case 0..<24: return UInt64(information)
        case 24: return UInt64(try read(UInt8.self))
        case 25: return UInt64(try read(UInt16.self))
        case 26: return UInt64(try read(UInt32.self))
        case 27: return try read(UInt64.self)
        case 31: return 0
        default: throw fault("the additional information 28 to 30 is never used")
        }
    }

    @inline(__always)
    private mutating func head() throws(Malformed) -> Head {
        let first = try peek()
        let argument = try argument()
        let head = Head(major: first >> 5, information: first & 0x1f, argument: argument)
        if head.isIndefinite, head.major < 2 || head.major > 5 {
            throw fault(head.major == 7 ? "an end mark without a beginning" : "no length for this")
        }
        return head
    }

    /// Reads a big-endian integer.
    @inline(__always)
    private mutating func read<I: FixedWidthInteger>(_: I.Type) throws(Malformed) -> I {
        guard end - cursor >= MemoryLayout<I>.size else { throw fault("the bytes end too early") }
        let value = UnsafeRawPointer(cursor).loadUnaligned(as: I.self)
        cursor += MemoryLayout<I>.size
        return I(bigEndian: value)
    }

    /// Passes as many bytes and returns where they begin.
    @inline(__always)
    private mutating func pass(_ count: UInt64) throws(Malformed) -> UnsafePointer<UInt8> {
        guard count <= UInt64(end - cursor) else { throw fault("a length goes beyond the end") }
        let bytes = cursor
        cursor += Int(count)
        return bytes
    }

    @inline(__always)
    mutating func settle() throws(Malformed) { _ = try peek() }

    mutating func kind() throws(Malformed) -> ItemKind {
        let first = try peek()
        switch first >> 5 {
        case 0, 1: return .number
        case 2: return .binary
        case 3: return .text
        case 4: return .list
        case 5: return .dictionary
        default:
            switch first & 0x1f {
            case 20, 21: return .bool
            case 25...27: return .number
            default: return .null
            }
        }
    }

    mutating func item() throws(Malformed) -> Item {
        _ = try peek()
        let isBignum = tagged == cursor && (tag == 2 || tag == 3)
        let head = try head()
        switch head.major {
        case 0: return .unsigned(head.argument)
        case 1:
            // -1 - n, which may lie below what 64 bits with a sign hold.
            if head.argument > UInt64(Int64.max) {
                return BigInteger.item(minusOneMinus: head.argument)
            }
            return .negative(-1 - Int64(head.argument))
        case 2:
            let bytes = try string(head)
            guard isBignum else { return .binary(bytes) }
            let isNegative = tag == 3
            return try bytes.withBytes { bytes throws(Malformed) in
                try BigInteger.item(bytes, isNegative: isNegative)
            }
        case 3: return .text(try string(head))
        case 4: return .list(try enter(head))
        case 5: return .dictionary(try enter(head))
        default: return try simple(head)
        }
    }

    private func simple(_ head: Head) throws(Malformed) -> Item {
        switch head.information {
        case 20: return .bool(false)
        case 21: return .bool(true)
        case 24 where head.argument < 32: throw fault("a simple value below 32 takes one byte")
        case 25: return .single(CBORReader.half(UInt16(truncatingIfNeeded: head.argument)))
        case 26: return .single(Float(bitPattern: UInt32(truncatingIfNeeded: head.argument)))
        case 27: return .double(Double(bitPattern: head.argument))
        default: return .null
        }
    }

    /// The float with the bits of a half-precision one. Spec: RFC 8949, appendix D.
    private static func half(_ bits: UInt16) -> Float {
        let fraction = Float(bits & 0x3ff)
        let magnitude: Float
        switch bits >> 10 & 0x1f {
        case 0: magnitude = fraction * Float(sign: .plus, exponent: -24, significand: 1)
        case 31: magnitude = fraction == 0 ? .infinity : .nan
        case let exponent:
            magnitude =
                (fraction + 1024) * Float(sign: .plus, exponent: Int(exponent) - 25, significand: 1)
        }
        return bits & 0x8000 == 0 ? magnitude : -magnitude
    }

    /// Reads the rest of a binary or a text.
    @inline(__always)
    private mutating func string(_ head: Head) throws(Malformed) -> Text {
        if head.isIndefinite { return try chunks(head.major, isKept: true) }
        let bytes = try pass(head.argument)
        let count = Int(head.argument)
        guard head.major == 2 || cscan_is_utf8(bytes, bytes + count) else {
            throw fault("a text is not UTF-8")
        }
        return Text(start: bytes, count: count)
    }

    /// Reads the chunks of a binary or a text of indefinite length, each of which is definite.
    private mutating func chunks(_ major: UInt8, isKept: Bool) throws(Malformed) -> Text {
        var joined: [UInt8] = []
        let first = cursor
        while true {
            guard cursor < end else { throw fault("the bytes end too early") }
            let byte = cursor.pointee
            if byte == CBORReader.stop { break }
            guard byte >> 5 == major, byte & 0x1f != 31 else { throw fault("no chunk of this") }
            let count = try argument()
            let chunk = try pass(count)
            guard major == 2 || cscan_is_utf8(chunk, chunk + Int(count)) else {
                throw fault("a text is not UTF-8")
            }
            if isKept {
                joined.append(contentsOf: UnsafeBufferPointer(start: chunk, count: Int(count)))
            }
        }
        cursor += 1
        return Text(start: first, count: cursor - first, decoded: joined)
    }

    @inline(__always)
    private mutating func enter(_ head: Head) throws(Malformed) -> Members {
        depth += 1
        guard depth <= maximumDepth else { throw fault("nested deeper than 64") }
        // A member takes a byte at least, so a larger number can only be a lie.
        guard head.argument <= UInt64(end - cursor) else {
            throw fault("a length goes beyond the end")
        }
        return Members(
            remaining: head.isIndefinite ? -1 : Int(head.argument), isDictionary: head.major == 5)
    }

    @inline(__always)
    mutating func open(isDictionary: Bool) throws(Malformed) -> Members? {
        guard try peek() >> 5 == (isDictionary ? 5 : 4) else { return nil }
        return try enter(try head())
    }

    @inline(__always)
    mutating func skip(isDictionary: Bool) throws(Malformed) -> Bool? {
        guard var members = try open(isDictionary: isDictionary) else { return nil }
        guard try next(&members) else { return true }
        repeat {
            if isDictionary { _ = try key() }
            try skip()
        } while try next(&members)
        return false
    }

    @inline(__always)
    mutating func next(_ members: inout Members) throws(Malformed) -> Bool {
        members.isFirst = false
        if members.remaining > 0 {
            members.remaining -= 1
            return true
        }
        if members.remaining < 0 {
            guard cursor < end else { throw fault("the bytes end too early") }
            if cursor.pointee != CBORReader.stop { return true }
            cursor += 1
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
        guard try peek() >> 5 == 3 else { return nil }
        return try string(try head())
    }

    @inline(__always)
    mutating func unsigned() throws(Malformed) -> UInt64? {
        guard try peek() >> 5 == 0 else { return try whole() }
        return try head().argument
    }

    mutating func skip() throws(Malformed) {
        let head = try head()
        switch head.major {
        case 0, 1: return
        case 2, 3:
            if head.isIndefinite {
                _ = try chunks(head.major, isKept: false)
            } else {
                _ = try string(head)
            }
        case 4, 5:
            // `skip` calls itself, never deeper than the nesting allowed.
            var members = try enter(head)
            while try next(&members) {
                if members.isDictionary { try skip() }
                try skip()
            }
        default: _ = try simple(head)
        }
    }

    mutating func skipRoughly() throws(Malformed) {
        // How many items are left in each container that was opened; -1 where an end mark tells.
        var counts = [1]
        while let left = counts.last {
            if left == 0 {
                counts.removeLast()
                continue
            }
            guard cursor < end else { throw fault("the bytes end too early") }
            if left < 0, cursor.pointee == CBORReader.stop {
                cursor += 1
                counts.removeLast()
                continue
            }
            if left > 0 { counts[counts.count - 1] -= 1 }
            if let inner = try skipHead() { counts.append(inner) }
            guard counts.count <= CBORReader.roughDepth else {
                throw fault("nested deeper than 64")
            }
        }
    }

    /// How many levels deep a broken payload may be nested for its end to be found.
    private static let roughDepth = 10_000

    /// Passes one item without what is in it.
    /// - Returns: how many items are in it, -1 if an end mark tells; nil if there can be none.
    private mutating func skipHead() throws(Malformed) -> Int? {
        let (major, isIndefinite) = (cursor.pointee >> 5, cursor.pointee & 0x1f == 31)
        let argument = try argument()
        switch major {
        case 2, 3:
            if isIndefinite { return -1 }
            _ = try pass(argument)
        case 4, 5:
            if isIndefinite { return -1 }
            guard argument <= UInt64(end - cursor) else {
                throw fault("a length goes beyond the end")
            }
            return Int(argument) * (major == 5 ? 2 : 1)
        case 6: return 1
        default: if isIndefinite { throw fault("an end mark without a beginning") }
        }
        return nil
    }
}
