// CBOR, in its shortest form and with definite lengths only. Floats keep the width they came in.

enum CBORWriter: ItemWriter {
    /// The initial byte of a major type, without its argument.
    private static let list: UInt8 = 0x80
    private static let dictionary: UInt8 = 0xa0

    @inline(__always)
    private static func head(_ major: UInt8, _ argument: UInt64, into writer: inout ByteWriter) {
        switch argument {
        case ...23: writer.append(major | UInt8(argument))
        case ...0xff:
            writer.append(major | 24)
            writer.append(UInt8(argument))
        case ...0xffff:
            writer.append(major | 25)
            writer.append(bigEndian: UInt16(argument))
        case ...0xffff_ffff:
            writer.append(major | 26)
            writer.append(bigEndian: UInt32(argument))
        default:
            writer.append(major | 27)
            writer.append(bigEndian: argument)
        }
    }

    @inline(__always)
    static func open(isDictionary: Bool, count: Int?, into writer: inout ByteWriter) -> Int {
        let mark = writer.count
        head(isDictionary ? dictionary : list, UInt64(count ?? 0), into: &writer)
        return mark
    }

    @inline(__always)
    static func close(
        isDictionary: Bool, mark: Int, announced: Int?, count: Int, into writer: inout ByteWriter
    ) {
        guard announced == nil, count > 0 else { return }
        let major = isDictionary ? dictionary : list
        let first: UInt8
        let length: Int
        switch count {
        case ...23: (first, length) = (major | UInt8(count), 0)
        case ...0xff: (first, length) = (major | 24, 1)
        case ...0xffff: (first, length) = (major | 25, 2)
        default: (first, length) = (major | 26, 4)
        }
        writer.replaceByte(at: mark, with: first, value: UInt64(count), length: length)
    }

    @inline(__always)
    static func separate(into writer: inout ByteWriter) {}

    @inline(__always)
    static func afterKey(into writer: inout ByteWriter) {}

    static func null(into writer: inout ByteWriter) { writer.append(0xf6) }

    static func bool(_ value: Bool, into writer: inout ByteWriter) {
        writer.append(value ? 0xf5 : 0xf4)
    }

    @inline(__always)
    static func unsigned(_ value: UInt64, into writer: inout ByteWriter) {
        head(0x00, value, into: &writer)
    }

    static func negative(_ value: Int64, into writer: inout ByteWriter) {
        // The argument is -1 - value, which is what the bits of a negative integer are, inverted.
        head(0x20, UInt64(bitPattern: ~value), into: &writer)
    }

    /// Spec: RFC 8949, Bignums; below zero, one bit more fits a plain integer.
    static func big(_ value: BigInteger, into writer: inout ByteWriter) {
        let (small, bytes) = value.cborNumber
        if let small, value.isNegative { return head(0x20, small, into: &writer) }
        writer.append(value.isNegative ? 0xc3 : 0xc2)
        bytes.withUnsafeBufferPointer { binary($0, into: &writer) }
    }

    static func single(_ value: Float, into writer: inout ByteWriter) {
        writer.append(0xfa)
        writer.append(bigEndian: value.bitPattern)
    }

    static func double(_ value: Double, into writer: inout ByteWriter) {
        writer.append(0xfb)
        writer.append(bigEndian: value.bitPattern)
    }

    @inline(__always)
    static func text(_ bytes: UnsafeBufferPointer<UInt8>, into writer: inout ByteWriter) {
        head(0x60, UInt64(bytes.count), into: &writer)
        writer.append(UnsafeRawBufferPointer(bytes))
    }

    @inline(__always)
    static func word(_ word: StaticString, into writer: inout ByteWriter) {
        head(0x60, UInt64(word.utf8CodeUnitCount), into: &writer)
        writer.append(word)
    }

    static func binary(_ bytes: UnsafeBufferPointer<UInt8>, into writer: inout ByteWriter) {
        head(0x40, UInt64(bytes.count), into: &writer)
        writer.append(UnsafeRawBufferPointer(bytes))
    }
}
