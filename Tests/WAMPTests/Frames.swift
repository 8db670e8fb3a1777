// Frames written as text, for tests to be read.

import NIOCore
import WAMP

/// Decodes a message written in JSON, brought into `serializer` first.
func decode(_ json: String, as serializer: Serializer = .json) throws -> Message {
    if serializer == .json { return try MessageCoder.decode(ByteBuffer(string: json), as: .json) }
    let elements = try JSONText.parse(json).list ?? []
    return try MessageCoder.decode(Payload(args: elements, as: serializer).bytes, as: serializer)
}

/// The sentence of the violation that a message causes; nil if it is accepted.
func violation(_ json: String, as serializer: Serializer = .json) -> String? {
    do {
        _ = try decode(json, as: serializer)
        return nil
    } catch {
        return "\(error)"
    }
}

/// The sentence of the violation that a frame causes; nil if it is accepted.
func violation(_ bytes: [UInt8], as serializer: Serializer) -> String? {
    do throws(ProtocolViolation) {
        _ = try MessageCoder.decode(ByteBuffer(bytes: bytes), as: serializer)
        return nil
    } catch {
        return error.description
    }
}

/// The message in JSON.
func json(_ message: Message) throws -> String {
    String(buffer: try MessageCoder.encode(message, as: .json))
}

extension Payload {
    /// One argument, as bytes of a serializer.
    static func argument(_ bytes: [UInt8], in serializer: Serializer) -> Payload {
        let list: [UInt8] =
            switch serializer {
            case .json: [UInt8(ascii: "[")] + bytes + [UInt8(ascii: "]")]
            case .msgpack: [0x91] + bytes
            case .cbor: [0x81] + bytes
            }
        return Payload(bytes: ByteBuffer(bytes: list), serializer: serializer, shape: .arguments)
    }

    /// The bytes, as text of JSON.
    var text: String { String(buffer: bytes) }
}

/// Random values from a seed, the same in every run.
struct ValueGenerator: RandomNumberGenerator {
    private var generator: SplitMix64

    init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    mutating func next() -> UInt64 { generator.next() }

    /// A value that every serializer can hold: no NaN, no text that begins with U+0000.
    mutating func value(depth: Int = 5) -> Value {
        switch Int.random(in: 0..<(depth > 0 ? 10 : 8), using: &self) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &self))
        case 2: return .int(Int64(bitPattern: next()) >> Int64.random(in: 0..<64, using: &self))
        case 3: return Value(next() >> UInt64.random(in: 0..<64, using: &self))
        case 4:
            let double = Double(bitPattern: next())
            return .double(double.isFinite ? double : 0.5)
        case 5: return .double(Double(Int32(truncatingIfNeeded: next())))
        case 6: return .string(string())
        case 7:
            return .binary(bytes(count: size()))
        case 8: return .list(list(depth: depth - 1))
        default: return .dictionary(dictionary(depth: depth - 1))
        }
    }

    mutating func list(depth: Int = 4) -> [Value] { (0..<size()).map { _ in value(depth: depth) } }

    mutating func dictionary(depth: Int = 4) -> Value.Dictionary {
        var dictionary = Value.Dictionary()
        for index in 0..<size() { dictionary.append("\(index)\(string())", value(depth: depth)) }
        return dictionary
    }

    mutating func bytes(count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    private mutating func string() -> String {
        let alphabet = Array("abc \"\\/\n\t\u{1}\u{7f}äß€漢🙂\u{10ffff}")
        let characters = (0..<size()).map { _ in alphabet[Int(next() % UInt64(alphabet.count))] }
        return String(characters)
    }

    /// Small as a rule, now and then large enough for a longer header.
    private mutating func size() -> Int {
        next() % 50 == 0 ? Int(next() % 300) : Int(next() % 5)
    }
}
