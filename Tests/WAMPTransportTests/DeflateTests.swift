// permessage-deflate: negotiation, messages in pieces, and data made to do harm.

import NIOCore
import Testing
import WAMP

@testable import WAMPTransport

@Suite struct DeflateTests {
    private static let text = Array(
        #"[48,1,{},"com.example.add",["\#(String(repeating: "wamp ", count: 60))"]]"#.utf8)

    private func open(_ serializer: Serializer = .json, maxMessage: Int = 16 << 20) throws
        -> ConnectionBench
    {
        try .open(wrapped: serializer, deflate: true, maxMessage: maxMessage)
    }

    @Test("compressed messages come out whole however the bytes are cut (RFC 7692, 7.2.2)")
    func everyCut() throws {
        let ping = WebSocketFrameTests.bytes(.ping, [1, 2])
        let bytes =
            ConnectionBench.deflated(DeflateTests.text)
            + WebSocketFrameTests.bytes(.text, DeflateTests.text)
            + ConnectionBench.deflated(DeflateTests.text, parts: 3, between: ping)
        for cut in 1...bytes.count {
            let bench = try open()
            for start in stride(from: 0, to: bytes.count, by: cut) {
                try bench.receive(Array(bytes[start..<min(start + cut, bytes.count)]))
            }
            #expect(bench.owner.messages.count == 3, "pieces of \(cut)")
            #expect(Set(bench.owner.messages.map(\.payload.count)).count == 1, "\(cut)")
            #expect(bench.owner.violations.isEmpty && bench.owner.reasons.isEmpty, "\(cut)")
            let pong = WebSocketFrameTests.bytes(.pong, [1, 2], masked: false)
            #expect(bench.sent() == pong + pong, "\(cut)")
        }
    }

    @Test("a message that expands beyond the limit ends with 1009, whatever its size on the wire")
    func bomb() throws {
        let bomb = [UInt8](repeating: UInt8(ascii: " "), count: 8 << 20)
        let bench = try open(maxMessage: 1 << 20)
        let frames = ConnectionBench.deflated(bomb)
        #expect(frames.count < 20_000)
        try bench.receive(frames)
        #expect(bench.closeCode() == 1009)
        guard case .messageTooLarge? = bench.owner.reasons.first else {
            Issue.record("\(bench.owner.reasons)")
            return
        }
    }

    @Test("the expander writes the limit and no more")
    func limit() {
        let packed = ConnectionBench.compressed([UInt8](repeating: 7, count: 100_000))
        for (limit, outcome) in [
            (100_000, Inflater.Outcome.complete), (99_999, .tooLong), (16 << 10, .tooLong),
            (10, .tooLong),
        ] {
            var target = ByteBuffer()
            let found = packed.withUnsafeBytes {
                Inflater().expand($0, limit: limit, into: &target)
            }
            #expect(found == outcome, "\(limit)")
            #expect(target.readableBytes <= limit + 1, "\(limit)")
        }
    }

    @Test("many messages that expand in one read are handed on a few at a time")
    func manyBombs() throws {
        let padding = String(repeating: " ", count: 900_000)
        let text = Array(#"[48,1,{},"com.example.add"\#(padding)]"#.utf8)
        let bench = try open()
        try bench.receive((0..<10).flatMap { _ in ConnectionBench.deflated(text) })
        #expect(bench.owner.batchSizes == [2, 2, 2, 2, 2])
    }

    @Test(
        "damaged data ends with 1007, as does text that is not UTF-8",
        arguments: [
            [0xFF, 0xFF, 0xFF], [0x06], Array(ConnectionBench.compressed(text).dropLast(7)),
            ConnectionBench.compressed([0xC3, 0x28]),
        ] as [[UInt8]])
    func damaged(packed: [UInt8]) throws {
        let bench = try open()
        var frame = WebSocketFrameTests.bytes(.text, packed)
        frame[0] |= 0x40
        try bench.receive(frame)
        #expect(bench.closeCode() == 1007)
        #expect(bench.owner.messages.isEmpty)
    }

    @Test("a block that says it is the last one is taken (RFC 7692, 7.2.3.4)")
    func finalBlock() throws {
        // A stored block with its final bit, then an octet of padding for the flush.
        let body = Array(#"[48,1,{},"com.example.add"]"#.utf8)
        let count = UInt8(body.count)
        let bench = try open()
        var frame = WebSocketFrameTests.bytes(.text, [1, count, 0, ~count, 0xFF] + body + [0])
        frame[0] |= 0x40
        try bench.receive(frame)
        #expect(bench.owner.messages.count == 1)
    }

    @Test(
        "RSV1 is refused without the extension, on continuations and on control frames",
        arguments: [WebSocketFrame.Opcode.text, .continuation, .ping])
    func reservedBit(opcode: WebSocketFrame.Opcode) throws {
        let bench =
            try opcode == .text ? ConnectionBench.open(.webSocket) : open()
        if opcode == .continuation {
            var first = WebSocketFrameTests.bytes(.text, [0x5B], isFinal: false)
            first[0] |= 0x40
            try bench.receive(first)
        }
        var frame = WebSocketFrameTests.bytes(opcode, [0x5B])
        frame[0] |= 0x40
        try bench.receive(frame)
        #expect(bench.closeCode() == 1002)
    }

    @Test(
        "offers are answered, or declined, as RFC 7692 says (7.1)",
        arguments: [
            ("permessage-deflate", 15, ""), ("permessage-deflate; client_max_window_bits", 15, ""),
            ("Permessage-Deflate;server_no_context_takeover ; client_max_window_bits=9", 15, ""),
            (
                "permessage-deflate; server_max_window_bits=10", 10,
                "; server_max_window_bits=10"
            ),
            (
                "permessage-deflate; server_max_window_bits=\"12\"", 12,
                "; server_max_window_bits=12"
            ),
            ("permessage-deflate; nonsense, permessage-deflate", 15, ""),
            ("permessage-deflate; server_max_window_bits", 0, ""),
            ("permessage-deflate; server_max_window_bits=8", 0, ""),
            ("permessage-deflate; server_max_window_bits=16", 0, ""),
            ("permessage-deflate; server_max_window_bits=010", 0, ""),
            ("permessage-deflate; server_no_context_takeover=1", 0, ""),
            ("permessage-deflate; client_max_window_bits=7", 0, ""),
            (
                "permessage-deflate; client_no_context_takeover; client_no_context_takeover", 0,
                ""
            ),
            ("permessage-bzip2", 0, ""),
        ] as [(String, UInt8, String)])
    func offers(offer: String, bits: UInt8, window: String) throws {
        let request = WebSocketUpgradeTests.request(
            replacing: "Origin", by: "Origin: http://h")
        let text = request.dropLast() + "Sec-WebSocket-Extensions: \(offer)\r\n\r\n"
        guard case .complete(let head, _) = HTTPHead.parse(ByteBuffer(string: String(text))),
            case .accept(let agreement, let response) = WebSocketUpgrade.answer(
                head, paths: ["/ws": OriginRule()], serializers: Serializer.allCases, deflate: true),
            case .accept(let plain, let plainResponse) = WebSocketUpgrade.answer(
                head, paths: ["/ws": OriginRule()], serializers: Serializer.allCases)
        else {
            Issue.record("refused")
            return
        }
        #expect(agreement.deflateBits == bits)
        let field =
            "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
            + "client_no_context_takeover\(window)\r\n"
        #expect(response.contains("Extensions") == (bits > 0))
        #expect(bits == 0 || response.contains(field))
        #expect(plain.deflateBits == 0 && !plainResponse.contains("Extensions"))
    }

    @Test("a client goes on only with an answer to what it asked for")
    func clientSide() {
        for (answer, isMet) in [
            ("permessage-deflate; server_no_context_takeover", true),
            ("permessage-deflate; server_no_context_takeover; server_max_window_bits=9", true),
            ("permessage-deflate", false),
            ("permessage-deflate; server_no_context_takeover; client_max_window_bits=9", false),
            ("permessage-deflate; server_no_context_takeover; x", false), ("x", false),
        ] {
            #expect(PerMessageDeflate.isMet(by: answer) == isMet, "\(answer)")
        }
    }

    @Test("a smaller window is kept to: what it makes can be expanded with it")
    func smallWindow() throws {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
        for bits: UInt8 in [9, 12, 15] {
            let packed = ConnectionBench.compressed(bytes, bits: bits)
            var target = ByteBuffer()
            let outcome = packed.withUnsafeBytes {
                Inflater().expand($0, limit: bytes.count, into: &target)
            }
            #expect(outcome == .complete && Array(target.readableBytesView) == bytes, "\(bits)")
        }
    }

    @Test("short messages, and those that do not get shorter, are sent as they are")
    func notWorthIt() throws {
        let bench = try open()
        let outbox = try #require(bench.owner.connection?.outbox)
        #expect(bench.loop.send(Sample.result(1, bytes: 1, as: .json), to: outbox) == .queued)
        #expect(bench.sent().first == 0x81)
        #expect(bench.loop.send(Sample.result(1, bytes: 500, as: .json), to: outbox) == .queued)
        #expect(bench.sent().first == 0xC1)
    }
}
