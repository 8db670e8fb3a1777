// The way of nearly every message in a stream of calls: MessagePack, and `{}` as options. It takes
// a part of what MessageDecoder takes, gives the same, and leaves everything else to it, violations
// included. It exists because a routed call is decoded twice, and this halves the instructions of
// each.

import CScan
import NIOCore

/// Reads a plain CALL, YIELD, RESULT, INVOCATION or PUBLISH.
struct MessagePackShortcut {
    private let frame: ByteBuffer
    private let start: UnsafePointer<UInt8>
    private let count: Int
    private var index = 2

    /// The message, if it is a plain one.
    /// - Parameter start: the beginning of the frame's readable bytes.
    @inline(__always)
    static func decode(
        _ frame: ByteBuffer, start: UnsafePointer<UInt8>, count: Int
    ) -> Message? {
        guard count > 4, start[0] >= 0x93, start[0] <= 0x96 else { return nil }
        var shortcut = MessagePackShortcut(frame: frame, start: start, count: count)
        let elements = Int(start[0] & 0x0f)
        switch start[1] {
        case 48:
            guard let request = shortcut.id(), shortcut.isEmptyDictionary(),
                let procedure = shortcut.uri(), let payload = shortcut.payload(elements - 4)
            else { return nil }
            return .call(
                Call(request: RequestID(request), procedure: URI(procedure), payload: payload))
        case 70:
            guard let request = shortcut.id(), shortcut.isEmptyDictionary(),
                let payload = shortcut.payload(elements - 3)
            else { return nil }
            return .yield(Yield(request: RequestID(request), payload: payload))
        case 50:
            guard let request = shortcut.id(), shortcut.isEmptyDictionary(),
                let payload = shortcut.payload(elements - 3)
            else { return nil }
            return .result(Result(request: RequestID(request), payload: payload))
        case 68:
            guard let request = shortcut.id(), let registration = shortcut.id(),
                shortcut.isEmptyDictionary(), let payload = shortcut.payload(elements - 4)
            else { return nil }
            return .invocation(
                Invocation(
                    request: RequestID(request), registration: RegistrationID(registration),
                    payload: payload))
        case 16:
            guard let request = shortcut.id(), shortcut.isEmptyDictionary(),
                let topic = shortcut.uri(), let payload = shortcut.payload(elements - 4)
            else { return nil }
            return .publish(
                Publish(request: RequestID(request), topic: URI(topic), payload: payload))
        default: return nil
        }
    }

    @inline(__always)
    private init(frame: ByteBuffer, start: UnsafePointer<UInt8>, count: Int) {
        self.frame = frame
        self.start = start
        self.count = count
    }

    /// Reads an id of any width but the signed ones.
    @inline(__always)
    private mutating func id() -> UInt64? {
        guard index < count else { return nil }
        let first = start[index]
        index += 1
        let id: UInt64
        switch first {
        case 0x01...0x7f: return UInt64(first)
        case 0xcc: id = read(UInt8.self)
        case 0xcd: id = read(UInt16.self)
        case 0xce: id = read(UInt32.self)
        case 0xcf: id = read(UInt64.self)
        default: return nil
        }
        return id &- 1 < RequestID.largest ? id : nil
    }

    /// Reads a big-endian integer; 0, which is no id, if the frame ends before.
    @inline(__always)
    private mutating func read<I: FixedWidthInteger & UnsignedInteger>(_: I.Type) -> UInt64 {
        guard count - index >= MemoryLayout<I>.size else { return 0 }
        let value = UnsafeRawPointer(start + index).loadUnaligned(as: I.self)
        index += MemoryLayout<I>.size
        return UInt64(I(bigEndian: value))
    }

    @inline(__always)
    private mutating func isEmptyDictionary() -> Bool {
        guard index < count, start[index] == 0x80 else { return false }
        index += 1
        return true
    }

    /// Reads a URI of less than 256 bytes.
    @inline(__always)
    private mutating func uri() -> ByteBuffer? {
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
        return slice(from: index - length, to: index)
    }

    /// Passes as many elements, which must fill the frame: none, a list, a list and a dictionary.
    @inline(__always)
    private mutating func payload(_ elements: Int) -> Payload? {
        switch elements {
        case 0: return index == count ? Payload() : nil
        case 1, 2:
            var reader = MessagePackReader(
                start: start + index, count: count - index, depth: 1)
            do throws(Malformed) {
                guard let isEmpty = try reader.skip(isDictionary: false) else { return nil }
                var shape = isEmpty ? Payload.Shape.empty : .arguments
                var end = reader.offset
                if elements == 2 {
                    guard let isEmpty = try reader.skip(isDictionary: true) else { return nil }
                    if !isEmpty {
                        shape = .argumentsAndKeywords
                        end = reader.offset
                    }
                }
                guard reader.isAtEnd() else { return nil }
                if shape == .empty { return Payload() }
                return Payload(
                    bytes: slice(from: index, to: index + end), serializer: .msgpack, shape: shape)
            } catch {
                return nil
            }
        default: return nil
        }
    }

    @inline(__always)
    private func slice(from lower: Int, to upper: Int) -> ByteBuffer {
        frame.part(from: lower, to: upper)
    }
}

extension ByteBuffer {
    /// A part of the readable bytes. Cheaper than `getSlice`: the same storage, other indices.
    /// - Parameter lower: from the beginning of the readable bytes, as is `upper`; both were read.
    @inline(__always)
    func part(from lower: Int, to upper: Int) -> ByteBuffer {
        var part = self
        let start = readerIndex
        part.moveWriterIndex(to: start + upper)
        part.moveReaderIndex(to: start + lower)
        return part
    }
}
