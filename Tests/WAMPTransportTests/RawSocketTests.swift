// RawSocket's handshake octets and frame headers.

import Testing
import WAMP

@testable import WAMPTransport

@Suite struct RawSocketTests {
    @Test("a request names the serializer and the client's limit", arguments: Serializer.allCases)
    func request(serializer: Serializer) throws {
        for exponent in UInt8(0)...15 {
            let octets = [0x7F, exponent << 4 | serializer.rawValue, 0, 0]
            let peer = try RawSocketHandshake.request(octets, serializers: Serializer.allCases)
            #expect(peer.serializer == serializer, "\(exponent)")
            #expect(peer.receiveLimit == 1 << (9 + Int(exponent)), "\(exponent)")
        }
    }

    @Test("serializers that are unknown or switched off get error 1")
    func unsupportedSerializer() {
        for serializer in UInt8(0)...15 where ![1, 2].contains(serializer) {
            #expect(throws: RawSocketHandshake.Refusal.serializerUnsupported, "\(serializer)") {
                try RawSocketHandshake.request(
                    [0x7F, 0xF0 | serializer, 0, 0], serializers: [.json, .msgpack])
            }
        }
        #expect(RawSocketHandshake.Refusal.serializerUnsupported.reply == [0x7F, 0x10, 0, 0])
    }

    @Test("a third or fourth octet that is not zero gets error 3")
    func reservedOctets() {
        for octets: [UInt8] in [[0x7F, 0xF1, 1, 0], [0x7F, 0xF1, 0, 0x80]] {
            let refusal = #expect(throws: RawSocketHandshake.Refusal.self, "\(octets)") {
                try RawSocketHandshake.request(octets, serializers: Serializer.allCases)
            }
            #expect(refusal?.reply == [0x7F, 0x30, 0, 0], "\(octets)")
        }
    }

    @Test(
        "the announced limit is the largest power of two within ours",
        arguments: [
            (1, 512), (512, 512), (1023, 512), (1024, 1024), (1_000_000, 524_288),
            (16 << 20, 16 << 20), (64 << 20, 16 << 20),
        ])
    func announces(maximum: Int, announced: Int) {
        #expect(RawSocketHandshake.announced(maximum) == announced)
        let octets = RawSocketHandshake.octets(.cbor, maximumBytes: maximum)
        #expect(
            RawSocketHandshake.reply(octets, requested: .cbor)
                == .accepted(.init(serializer: .cbor, receiveLimit: announced)))
    }

    @Test(
        "a reply that is an error, another serializer or no RawSocket is a refusal",
        arguments: [
            [0x7F, 0x10, 0, 0], [0x7F, 0x40, 0, 0], [0x7F, 0x90, 0, 0], [0x7F, 0xF2, 0, 0],
            [0x7F, 0xF1, 1, 0], [0x48, 0x54, 0x54, 0x50],
        ] as [[UInt8]])
    func refusedReply(octets: [UInt8]) {
        guard case .refused(let text) = RawSocketHandshake.reply(octets, requested: .json) else {
            Issue.record("\(octets) was accepted")
            return
        }
        #expect(!text.isEmpty)
    }

    @Test(
        "a frame header reads back as it was written",
        arguments: [RawSocketFrame.Kind.message, .ping, .pong],
        [0, 1, 0xFFFF, 0xFF_FFFF, 1 << 24])
    func header(kind: RawSocketFrame.Kind, length: Int) throws {
        let frame = RawSocketFrame(kind, length: length)
        #expect(try RawSocketFrame(header: frame.header, limit: 1 << 24) == frame)
    }

    @Test("the 25th bit stands alone, and only for 2^24 bytes")
    func longBit() {
        #expect(RawSocketFrame(.message, length: 1 << 24).header == 0x0800_0000)
        #expect(RawSocketFrame(.message, length: (1 << 24) - 1).header == 0x00FF_FFFF)
        #expect(throws: RawSocketFrame.Fault.reservedBits) {
            try RawSocketFrame(header: 0x0800_0001, limit: 1 << 24)
        }
    }

    @Test("reserved bits and types and frames over the limit fail")
    func faults() {
        for bit in 28..<32 {
            #expect(throws: RawSocketFrame.Fault.reservedBits, "\(bit)") {
                try RawSocketFrame(header: 1 << bit, limit: 512)
            }
        }
        for type in UInt32(3)...7 {
            #expect(throws: RawSocketFrame.Fault.reservedType(UInt8(type)), "\(type)") {
                try RawSocketFrame(header: type << 24, limit: 512)
            }
        }
        #expect(throws: RawSocketFrame.Fault.tooLong(513, limit: 512)) {
            try RawSocketFrame(header: 513, limit: 512)
        }
    }
}
