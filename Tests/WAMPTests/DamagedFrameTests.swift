// Bytes that were cut or flipped: refused or accepted, never a crash, and what is accepted can be
// forwarded, or is said to be a payload that cannot.

import NIOCore
import Testing
import WAMP

struct DamagedFrameTests {
    private static let samples = [
        #"[1,"r",{"roles":{"caller":{"features":{"call_canceling":true}}},"authmethods":["a"]}]"#,
        #"[48,7814135,{"timeout":1000,"_x":[1,{"a":null}]},"a.b",["é",1.5,-3],{"k":"\u0000AQI="}]"#,
        #"[50,7,{"callee":9007199254740992,"callee_authid":"joe"},[[[[1],2],3],"\ud83d\ude42"]]"#,
        #"[68,1,2,{"procedure":"a.b"},[true,false,null,0.1,18446744073709551615]]"#,
        #"[64,1,{"invoke":"roundrobin","match":"wildcard"},"a..b"]"#,
        #"[16,1,{"enc_algo":"x_y"},"t","\u0000AQIDBA=="]"#,
        #"[67,0,{"registration":5,"reason":"a.b"}]"#,
    ]

    /// Decodes what may be no message; whatever is accepted must go through every other way, too.
    private func feed(_ bytes: [UInt8], _ serializer: Serializer) {
        guard let message = try? MessageCoder.decode(ByteBuffer(bytes: bytes), as: serializer)
        else { return }
        for target in Serializer.allCases {
            do {
                let frame = try MessageCoder.encode(message, as: target)
                let arrived = try MessageCoder.decode(frame, as: target)
                #expect(arrived.payload.flaw == nil, "\(target)")
            } catch TranscodingError.invalid(let sentence) {
                #expect(target != serializer || message.payload.flaw == sentence, "\(target)")
            } catch {
                Issue.record("accepted, but cannot be encoded: \(bytes): \(error)")
            }
        }
        _ = try? message.payload.values()
    }

    private static func frame(_ sample: String, _ serializer: Serializer) throws -> [UInt8] {
        if serializer == .json { return Array(sample.utf8) }
        let elements = try #require(try JSONText.parse(sample).list)
        return Array(Payload(args: elements, as: serializer).bytes.readableBytesView)
    }

    @Test(
        "a frame cut short anywhere is a violation", arguments: samples, Serializer.allCases)
    func truncation(_ sample: String, _ serializer: Serializer) throws {
        let frame = try DamagedFrameTests.frame(sample, serializer)
        #expect(violation(frame, as: serializer) == nil)
        for length in frame.indices {
            #expect(violation(Array(frame[..<length]), as: serializer) != nil, "\(length)")
        }
    }

    @Test(
        "a frame with a bit flipped anywhere is refused or can be forwarded", arguments: samples,
        Serializer.allCases)
    func flips(_ sample: String, _ serializer: Serializer) throws {
        let frame = try DamagedFrameTests.frame(sample, serializer)
        for index in frame.indices {
            for bit in 0..<8 {
                var damaged = frame
                damaged[index] ^= 1 << UInt8(bit)
                feed(damaged, serializer)
            }
        }
    }

    @Test("random bytes are refused or can be forwarded", arguments: Serializer.allCases)
    func noise(_ serializer: Serializer) {
        var random = ValueGenerator(seed: 7)
        let head: [UInt8] =
            switch serializer {
            case .json: Array("[50,1,{},[".utf8)
            case .msgpack: [0x94, 50, 1, 0x80]
            case .cbor: [0x84, 0x18, 50, 1, 0xa0]
            }
        for _ in 0..<5_000 {
            let count = Int(random.next() % 24)
            feed(head + random.bytes(count: count), serializer)
        }
    }
}
