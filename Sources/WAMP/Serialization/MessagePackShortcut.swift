// Plain messages in MessagePack, by hand: it gives what `PlainMessage.read` gives, in half the
// instructions. A routed call is read twice, and MessagePack is what those use who are in a hurry.

import CScan

/// Reads the front of a plain message, up to its payload.
struct MessagePackShortcut {
    private let start: UnsafePointer<UInt8>
    private let count: Int
    private var index = 2

    /// - Returns: nil for what is no plain message, or is not written in the shortest form.
    static func read(
        _ start: UnsafePointer<UInt8>, count: Int, in buffer: Int
    ) -> PlainMessage? {
        guard count > 3, start[0] & 0xf0 == 0x90, let kind = PlainMessage.Kind(rawValue: start[1])
        else { return nil }
        var shortcut = MessagePackShortcut(start: start, count: count)
        var rest = Int(start[0] & 0x0f) - 3
        let id = shortcut.id()
        guard id &- 1 < RequestID.largest else { return nil }
        var secondID: UInt64 = 0
        if kind == .invocation || kind == .event {
            secondID = shortcut.id()
            guard secondID &- 1 < RequestID.largest else { return nil }
            rest -= 1
        }
        guard shortcut.passEmptyDictionary() else { return nil }
        var uri = UnsafeRawBufferPointer(start: nil, count: 0)
        if kind == .call || kind == .publish {
            guard let length = shortcut.passText() else { return nil }
            uri = UnsafeRawBufferPointer(
                start: start + shortcut.index - length, count: length)
            rest -= 1
        }
        let begin = shortcut.index
        var end = begin
        let shape: Payload.Shape
        switch rest {
        case 0:
            guard begin == count else { return nil }
            shape = .empty
        case 1, 2:
            guard let passed = shortcut.passPayload(hasKeywords: rest == 2) else { return nil }
            (shape, end) = passed
        default: return nil
        }
        return PlainMessage(
            kind: kind, serializer: .msgpack, shape: shape, buffer: buffer, id: id,
            secondID: secondID, uri: uri,
            payload: UnsafeRawBufferPointer(start: start + begin, count: end - begin))
    }

    @inline(__always)
    private init(start: UnsafePointer<UInt8>, count: Int) {
        self.start = start
        self.count = count
    }

    /// Reads an id of any width but the signed ones; 0, which is no id, if there is none.
    @inline(__always)
    private mutating func id() -> UInt64 {
        guard index < count else { return 0 }
        let first = start[index]
        index += 1
        switch first {
        case 0x00...0x7f: return UInt64(first)
        case 0xcc: return read(UInt8.self)
        case 0xcd: return read(UInt16.self)
        case 0xce: return read(UInt32.self)
        case 0xcf: return read(UInt64.self)
        default: return 0
        }
    }

    /// Reads a big-endian integer; 0 if the frame ends before.
    @inline(__always)
    private mutating func read<I: FixedWidthInteger & UnsignedInteger>(_: I.Type) -> UInt64 {
        guard count - index >= MemoryLayout<I>.size else { return 0 }
        let value = UnsafeRawPointer(start + index).loadUnaligned(as: I.self)
        index += MemoryLayout<I>.size
        return UInt64(I(bigEndian: value))
    }

    @inline(__always)
    private mutating func passEmptyDictionary() -> Bool {
        guard index < count, start[index] == 0x80 else { return false }
        index += 1
        return true
    }

    /// Passes a text of less than 256 bytes.
    /// - Returns: how many bytes it has.
    @inline(__always)
    private mutating func passText() -> Int? {
        guard count - index >= 2 else { return nil }
        let length: Int
        if start[index] & 0xe0 == 0xa0 {
            length = Int(start[index] & 0x1f)
            index += 1
        } else if start[index] == 0xd9 {
            length = Int(start[index + 1])
            index += 2
        } else {
            return nil
        }
        guard length <= count - index,
            cscan_is_utf8(start + index, start + index + length)
        else { return nil }
        index += length
        return length
    }

    /// Passes a list, and a dictionary if there is one, which must fill the frame.
    /// - Returns: the shape, and where the bytes end that count.
    @inline(__always)
    private mutating func passPayload(hasKeywords: Bool) -> (Payload.Shape, end: Int)? {
        var reader = MessagePackReader(start: start + index, count: count - index, depth: 1)
        do throws(Malformed) {
            guard let isEmpty = try reader.skip(isDictionary: false) else { return nil }
            var shape = isEmpty ? Payload.Shape.empty : .arguments
            var end = isEmpty ? index : index + reader.offset
            if hasKeywords {
                guard let isEmpty = try reader.skip(isDictionary: true) else { return nil }
                if !isEmpty {
                    shape = .argumentsAndKeywords
                    end = index + reader.offset
                }
            }
            return reader.isAtEnd() ? (shape, end) : nil
        } catch {
            return nil
        }
    }
}
