// What the encoders and decoders of the trials have in common.

import WAMP

/// A serializer lacks what is to be written.
struct Unwritable: Error {}

/// What the router sent is not what it claims to be.
struct Unreadable: Error {}

extension Wire {
    /// Encodes a message, in one of the ways there are.
    func encode(_ specimen: Specimen, _ chance: inout SplitMix64) throws -> [UInt8] {
        switch self {
        case .json:
            var writer = JSONSpecimenWriter()
            try writer.write(specimen, &chance)
            return writer.bytes
        case .msgpack:
            var writer = MessagePackSpecimenWriter()
            try writer.write(specimen, &chance)
            return writer.bytes
        case .cbor:
            var writer = CBORSpecimenWriter()
            try writer.write(specimen, &chance)
            return writer.bytes
        }
    }

    func decode(_ bytes: [UInt8]) throws -> Specimen {
        var cursor = Cursor(bytes)
        let specimen =
            switch self {
            case .json: try cursor.json()
            case .msgpack: try cursor.messagePack()
            case .cbor: try cursor.cbor()
            }
        guard cursor.isAtEnd else { throw Unreadable() }
        return specimen
    }
}

extension SplitMix64 {
    /// Whether something happens that does once in so many times.
    mutating func once(in times: UInt64) -> Bool { next() % times == 0 }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}

/// Bytes that are read front to back.
struct Cursor {
    let bytes: [UInt8]
    var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { index == bytes.count }

    func peek() throws -> UInt8 {
        guard index < bytes.count else { throw Unreadable() }
        return bytes[index]
    }

    mutating func byte() throws -> UInt8 {
        let byte = try peek()
        index += 1
        return byte
    }

    mutating func take(_ count: Int) throws -> [UInt8] {
        guard count <= bytes.count - index else { throw Unreadable() }
        index += count
        return Array(bytes[(index - count)..<index])
    }

    /// A number of so many bytes, the highest first.
    mutating func number(_ count: Int) throws -> UInt64 {
        try take(count).reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension [UInt8] {
    /// Appends a number in so many bytes, the highest first.
    mutating func append(_ number: UInt64, in count: Int) {
        for place in (0..<count).reversed() {
            append(UInt8(truncatingIfNeeded: number >> UInt64(8 * place)))
        }
    }
}

extension Specimen {
    /// The integer as bits of 64; nil if it has more.
    static func bits(_ digits: String) -> (isNegative: Bool, bits: UInt64)? {
        if let number = UInt64(digits) { return (false, number) }
        return Int64(digits).map { (true, UInt64(bitPattern: $0)) }
    }
}
