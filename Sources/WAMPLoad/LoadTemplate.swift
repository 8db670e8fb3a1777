// A message encoded once, of which only the request id and a mark are patched for each use.

import NIOCore
package import WAMP

/// Two moments in sixteen characters that no serializer escapes: six bits a character.
package struct LoadMark: Equatable, Sendable {
    /// Nanoseconds since the run began, below 2^48 (three days).
    package var due: UInt64
    package var sent: UInt64

    /// In bytes.
    package static let length = 16
    /// What stands in a template where the mark goes.
    package static let blank = "################"

    package init(due: UInt64, sent: UInt64) {
        self.due = due
        self.sent = sent
    }

    private static let alphabet = Array(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-".utf8)
    private static let digits: [UInt8] = {
        var digits = [UInt8](repeating: 255, count: 256)
        for (value, byte) in alphabet.enumerated() { digits[Int(byte)] = UInt8(value) }
        return digits
    }()

    package func write(to target: UnsafeMutableRawPointer) {
        LoadMark.alphabet.withUnsafeBufferPointer { alphabet in
            for place in 0..<8 {
                let shift = UInt64(42 - 6 * place)
                target.storeBytes(
                    of: alphabet[Int(due >> shift & 63)], toByteOffset: place, as: UInt8.self)
                target.storeBytes(
                    of: alphabet[Int(sent >> shift & 63)], toByteOffset: place + 8, as: UInt8.self)
            }
        }
    }

    /// - Returns: nil if these bytes are no mark.
    package static func read(_ bytes: UnsafeRawBufferPointer) -> LoadMark? {
        guard bytes.count >= length else { return nil }
        return digits.withUnsafeBufferPointer { digits in
            var mark = LoadMark(due: 0, sent: 0)
            for place in 0..<8 {
                let due = digits[Int(bytes[place])], sent = digits[Int(bytes[place + 8])]
                guard due < 64, sent < 64 else { return nil }
                mark.due = mark.due << 6 | UInt64(due)
                mark.sent = mark.sent << 6 | UInt64(sent)
            }
            return mark
        }
    }
}

/// A message without its request id. An object, since it is handed around for every operation.
package final class LoadTemplate: Sendable {
    private let serializer: Serializer
    /// Up to the request id.
    private let front: [UInt8]
    /// From behind the request id.
    private let back: [UInt8]
    /// Where the mark stands in `back`; nil without one.
    private let mark: Int?

    /// - Parameter message: with request id 1.
    package init(_ message: Message, as serializer: Serializer) {
        let encoded = try? MessageCoder.encode(message, as: serializer)
        let bytes = encoded.map { Array($0.readableBytesView) } ?? []
        let length =
            switch serializer {
            case .json: 2 + String(message.code.rawValue).utf8.count
            case .msgpack: 2
            case .cbor: message.code.rawValue < 24 ? 2 : 3
            }
        self.serializer = serializer
        front = Array(bytes.prefix(length))
        back = Array(bytes.dropFirst(length + 1))
        mark = LoadTemplate.place(of: Array(LoadMark.blank.utf8), in: back)
    }

    /// The most bytes a message of this template takes.
    var bound: Int { front.count + back.count + 17 }

    /// Writes the message and returns its length.
    func write(id: UInt64, mark written: LoadMark?, to start: UnsafeMutableRawPointer) -> Int {
        start.copyMemory(from: front, byteCount: front.count)
        var end = start + front.count
        end += RequestIDText.write(id, serializer, to: end)
        end.copyMemory(from: back, byteCount: back.count)
        if let mark, let written { written.write(to: end + mark) }
        return end - start + back.count
    }

    private static func place(of needle: [UInt8], in bytes: [UInt8]) -> Int? {
        guard bytes.count >= needle.count else { return nil }
        return (0...(bytes.count - needle.count)).first { start in
            bytes[start] == needle[0] && bytes[start..<(start + needle.count)].elementsEqual(needle)
        }
    }
}

/// An id as the serializers write it.
enum RequestIDText {
    /// Writes at most 17 bytes and returns how many.
    static func write(
        _ id: UInt64, _ serializer: Serializer, to target: UnsafeMutableRawPointer
    ) -> Int {
        switch serializer {
        case .json: decimal(id, to: target)
        case .msgpack: binary(id, small: 0x7f, markers: (0xcc, 0xcd, 0xce, 0xcf), to: target)
        case .cbor: binary(id, small: 23, markers: (24, 25, 26, 27), to: target)
        }
    }

    private static func decimal(_ id: UInt64, to target: UnsafeMutableRawPointer) -> Int {
        var count = 1
        var bound: UInt64 = 10
        while count < 17, id >= bound {
            count += 1
            bound *= 10
        }
        var rest = id
        for place in stride(from: count - 1, through: 0, by: -1) {
            target.storeBytes(of: 0x30 + UInt8(rest % 10), toByteOffset: place, as: UInt8.self)
            rest /= 10
        }
        return count
    }

    private static func binary(
        _ id: UInt64, small: UInt64, markers: (UInt8, UInt8, UInt8, UInt8),
        to target: UnsafeMutableRawPointer
    ) -> Int {
        if id <= small {
            target.storeBytes(of: UInt8(id), as: UInt8.self)
            return 1
        }
        if id <= 0xff { return put(UInt8(id), markers.0, to: target) }
        if id <= 0xffff { return put(UInt16(id), markers.1, to: target) }
        if id <= 0xffff_ffff { return put(UInt32(id), markers.2, to: target) }
        return put(id, markers.3, to: target)
    }

    private static func put<I: FixedWidthInteger>(
        _ value: I, _ marker: UInt8, to target: UnsafeMutableRawPointer
    ) -> Int {
        target.storeBytes(of: marker, as: UInt8.self)
        target.storeBytes(of: value.bigEndian, toByteOffset: 1, as: I.self)
        return 1 + MemoryLayout<I>.size
    }
}
