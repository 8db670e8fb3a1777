// MessagePack, in its shortest form.

enum MessagePackWriter: ItemWriter {
    static func flaw(_ value: BigInteger) -> StaticString? {
        "is an integer beyond 64 bits, which MessagePack cannot hold"
    }

    @inline(__always)
    static func open(isDictionary: Bool, count: Int?, into writer: inout ByteWriter) -> Int {
        let mark = writer.count
        let first: UInt8 = isDictionary ? 0x80 : 0x90
        if let count, count > 15 {
            let isShort = count <= 0xffff
            writer.append((isDictionary ? 0xde : 0xdc) + (isShort ? 0 : 1))
            if isShort {
                writer.append(bigEndian: UInt16(count))
            } else {
                writer.append(bigEndian: UInt32(truncatingIfNeeded: count))
            }
        } else {
            writer.append(first | UInt8(truncatingIfNeeded: count ?? 0))
        }
        return mark
    }

    @inline(__always)
    static func close(
        isDictionary: Bool, mark: Int, announced: Int?, count: Int, into writer: inout ByteWriter
    ) {
        guard announced == nil, count > 0 else { return }
        let first: UInt8
        let length: Int
        switch count {
        case ...15: (first, length) = ((isDictionary ? 0x80 : 0x90) | UInt8(count), 0)
        case ...0xffff: (first, length) = (isDictionary ? 0xde : 0xdc, 2)
        default: (first, length) = (isDictionary ? 0xdf : 0xdd, 4)
        }
        writer.replaceByte(at: mark, with: first, value: UInt64(count), length: length)
    }

    @inline(__always)
    static func separate(into writer: inout ByteWriter) {}

    @inline(__always)
    static func afterKey(into writer: inout ByteWriter) {}

    static func null(into writer: inout ByteWriter) { writer.append(0xc0) }

    static func bool(_ value: Bool, into writer: inout ByteWriter) {
        writer.append(value ? 0xc3 : 0xc2)
    }

    @inline(__always)
    static func unsigned(_ value: UInt64, into writer: inout ByteWriter) {
        switch value {
        case ...0x7f: writer.append(UInt8(value))
        case ...0xff:
            writer.append(0xcc)
            writer.append(UInt8(value))
        case ...0xffff:
            writer.append(0xcd)
            writer.append(bigEndian: UInt16(value))
        case ...0xffff_ffff:
            writer.append(0xce)
            writer.append(bigEndian: UInt32(value))
        default:
            writer.append(0xcf)
            writer.append(bigEndian: value)
        }
    }

    static func negative(_ value: Int64, into writer: inout ByteWriter) {
        if value >= -32 {
            writer.append(UInt8(truncatingIfNeeded: value))
        } else if let value = Int8(exactly: value) {
            writer.append(0xd0)
            writer.append(bigEndian: value)
        } else if let value = Int16(exactly: value) {
            writer.append(0xd1)
            writer.append(bigEndian: value)
        } else if let value = Int32(exactly: value) {
            writer.append(0xd2)
            writer.append(bigEndian: value)
        } else {
            writer.append(0xd3)
            writer.append(bigEndian: value)
        }
    }

    /// The nearest float: there are no such integers here.
    static func big(_ value: BigInteger, into writer: inout ByteWriter) {
        double(value.double, into: &writer)
    }

    static func single(_ value: Float, into writer: inout ByteWriter) {
        writer.append(0xca)
        writer.append(bigEndian: value.bitPattern)
    }

    static func double(_ value: Double, into writer: inout ByteWriter) {
        writer.append(0xcb)
        writer.append(bigEndian: value.bitPattern)
    }

    @inline(__always)
    private static func textHead(_ count: Int, into writer: inout ByteWriter) {
        switch count {
        case ...31: writer.append(0xa0 | UInt8(truncatingIfNeeded: count))
        case ...0xff:
            writer.append(0xd9)
            writer.append(UInt8(truncatingIfNeeded: count))
        case ...0xffff:
            writer.append(0xda)
            writer.append(bigEndian: UInt16(truncatingIfNeeded: count))
        default:
            writer.append(0xdb)
            writer.append(bigEndian: UInt32(truncatingIfNeeded: count))
        }
    }

    @inline(__always)
    static func text(_ bytes: UnsafeBufferPointer<UInt8>, into writer: inout ByteWriter) {
        textHead(bytes.count, into: &writer)
        writer.append(UnsafeRawBufferPointer(bytes))
    }

    @inline(__always)
    static func word(_ word: StaticString, into writer: inout ByteWriter) {
        textHead(word.utf8CodeUnitCount, into: &writer)
        writer.append(word)
    }

    static func binary(_ bytes: UnsafeBufferPointer<UInt8>, into writer: inout ByteWriter) {
        switch bytes.count {
        case ...0xff:
            writer.append(0xc4)
            writer.append(UInt8(truncatingIfNeeded: bytes.count))
        case ...0xffff:
            writer.append(0xc5)
            writer.append(bigEndian: UInt16(truncatingIfNeeded: bytes.count))
        default:
            writer.append(0xc6)
            writer.append(bigEndian: UInt32(truncatingIfNeeded: bytes.count))
        }
        writer.append(UnsafeRawBufferPointer(bytes))
    }
}
