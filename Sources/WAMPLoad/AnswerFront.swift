// The front of a message, read without decoding it: its code and its first two ids. Pure.

package import WAMP

/// What a load generator needs to know of an answer.
package struct AnswerFront: Equatable {
    /// The message code.
    package var code: UInt64
    package var first: UInt64
    /// 0 where the second element is no id.
    package var second: UInt64

    /// - Returns: nil if the front is written in a way that only the whole decoder can read.
    package static func scan(
        _ frame: UnsafeRawBufferPointer, _ serializer: Serializer
    ) -> AnswerFront? {
        var reader = FrontReader(frame)
        switch serializer {
        case .json: return reader.json()
        case .msgpack: return reader.messagePack()
        case .cbor: return reader.cbor()
        }
    }
}

private struct FrontReader {
    private let bytes: UnsafeRawBufferPointer
    private var index = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func json() -> AnswerFront? {
        skipBlanks()
        guard take(UInt8(ascii: "[")), let code = decimal(), comma(), let first = decimal() else {
            return nil
        }
        let second = comma() ? decimal() ?? 0 : 0
        return AnswerFront(code: code, first: first, second: second)
    }

    mutating func messagePack() -> AnswerFront? {
        guard index < bytes.count, bytes[index] & 0xf0 == 0x90 else { return nil }
        index += 1
        guard let code = messagePackInteger(), let first = messagePackInteger() else { return nil }
        return AnswerFront(code: code, first: first, second: messagePackInteger() ?? 0)
    }

    mutating func cbor() -> AnswerFront? {
        guard index < bytes.count, bytes[index] & 0xe0 == 0x80, bytes[index] & 0x1f < 24 else {
            return nil
        }
        index += 1
        guard let code = cborInteger(), let first = cborInteger() else { return nil }
        return AnswerFront(code: code, first: first, second: cborInteger() ?? 0)
    }

    @inline(__always)
    private mutating func messagePackInteger() -> UInt64? {
        guard index < bytes.count else { return nil }
        let byte = bytes[index]
        index += 1
        return switch byte {
        case 0...0x7f: UInt64(byte)
        case 0xcc: big(UInt8.self)
        case 0xcd: big(UInt16.self)
        case 0xce: big(UInt32.self)
        case 0xcf: big(UInt64.self)
        default: nil
        }
    }

    @inline(__always)
    private mutating func cborInteger() -> UInt64? {
        guard index < bytes.count else { return nil }
        let byte = bytes[index]
        index += 1
        return switch byte {
        case 0..<24: UInt64(byte)
        case 24: big(UInt8.self)
        case 25: big(UInt16.self)
        case 26: big(UInt32.self)
        case 27: big(UInt64.self)
        default: nil
        }
    }

    private mutating func big<I: FixedWidthInteger & UnsignedInteger>(_: I.Type) -> UInt64? {
        guard bytes.count - index >= MemoryLayout<I>.size else { return nil }
        let value = bytes.loadUnaligned(fromByteOffset: index, as: I.self)
        index += MemoryLayout<I>.size
        return UInt64(I(bigEndian: value))
    }

    @inline(__always)
    private mutating func decimal() -> UInt64? {
        var value: UInt64 = 0
        let start = index
        while index < bytes.count, index - start < 18 {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { break }
            value = value &* 10 &+ UInt64(digit)
            index += 1
        }
        return index > start ? value : nil
    }

    @inline(__always)
    private mutating func comma() -> Bool {
        skipBlanks()
        guard take(UInt8(ascii: ",")) else { return false }
        skipBlanks()
        return true
    }

    @inline(__always)
    private mutating func take(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    @inline(__always)
    private mutating func skipBlanks() {
        while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x0a {
            index += 1
        }
    }
}
