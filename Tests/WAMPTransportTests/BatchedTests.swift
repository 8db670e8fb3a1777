// Several messages in one of WebSocket, in each serializer.

import NIOCore
import Testing
import WAMP

@testable import WAMPTransport

@Suite struct BatchedTests {
    private func opcode(_ serializer: Serializer) -> WebSocketFrame.Opcode {
        serializer == .json ? .text : .binary
    }

    @Test(
        "the messages of batches come out whole however the bytes are cut (4.1)",
        arguments: Serializer.allCases)
    func everyCut(serializer: Serializer) throws {
        let messages = [
            Sample.call(1, as: serializer), Sample.call(2, bytes: 200, as: serializer),
            .goodbye(Goodbye(reason: .closeNormal)),
        ]
        let bytes =
            ConnectionBench.wrappedOpening(serializer, isBatched: true)
            + WebSocketFrameTests.bytes(
                opcode(serializer), try ConnectionBench.batch(messages, serializer))
            + WebSocketFrameTests.bytes(
                opcode(serializer), try ConnectionBench.batch([messages[0]], serializer))
        for cut in [bytes.count] + Array(1..<bytes.count) {
            let bench = try ConnectionBench()
            for start in stride(from: 0, to: bytes.count, by: cut) {
                try bench.receive(Array(bytes[start..<min(start + cut, bytes.count)]))
            }
            #expect(bench.owner.messages == messages + [messages[0]], "pieces of \(cut)")
            #expect(bench.owner.violations.isEmpty && bench.owner.reasons.isEmpty, "\(cut)")
        }
    }

    @Test(
        "client and server understand each other, small and large, plain and compressed",
        arguments: Serializer.allCases, [(true, false), (false, true), (true, true)])
    func bothSides(serializer: Serializer, way: (isBatched: Bool, deflate: Bool)) throws {
        var settings = ConnectionSettings()
        settings.deflate = way.deflate
        let server = try ConnectionBench(settings)
        let endpoint = Endpoint(.tcp(host: "h", port: 1), framing: .webSocket, path: "/ws")
        let client = try ConnectionBench(
            side: .client(
                ClientTransport(
                    endpoint, serializer: serializer, isBatched: way.isBatched,
                    deflate: way.deflate)))
        try server.receive(client.sent())
        try client.receive(server.sent())
        let out = try #require(client.owner.connection?.outbox)
        let back = try #require(server.owner.connection?.outbox)
        #expect(out.format.isBatched == way.isBatched && back.format.isBatched == way.isBatched)
        #expect((out.format.deflateBits > 0) == way.deflate)
        let wire = try ConnectionBench.exchange(client, server, serializer)
        #expect(way.deflate == (wire.count < 100_000))
    }

    @Test(
        "a message from another loop, and one encoded for many, are batches of their own",
        arguments: Serializer.allCases)
    func otherLoops(serializer: Serializer) throws {
        let bench = try ConnectionBench.open(wrapped: serializer, isBatched: true)
        let outbox = try #require(bench.owner.connection?.outbox)
        let other = IOLoop(eventLoop: bench.eventLoop, index: 1)
        let message = Sample.result(1, bytes: 3, as: serializer)
        #expect(other.send(message, to: outbox) == .queued)
        let encoded = other.encode(message, payload: message.payload, format: outbox.format)
        #expect(other.send(encoded, to: outbox) == .queued)
        other.postStaged()
        let batch = try ConnectionBench.batch([message], serializer)
        let frame = WebSocketFrameTests.bytes(opcode(serializer), batch, masked: false)
        #expect(bench.sent() == frame + frame)
    }

    @Test(
        "an empty batch, and one that is cut off, end the connection with 1002 (4.1)",
        arguments: Serializer.allCases)
    func broken(serializer: Serializer) throws {
        let good = try ConnectionBench.batch([Sample.call(1, as: serializer)], serializer)
        for (batch, count) in [
            ([], 0), (good.dropLast(), 0), (good + good.prefix(3), 1),
        ] as [([UInt8], Int)] {
            let bench = try ConnectionBench.open(wrapped: serializer, isBatched: true)
            try bench.receive(WebSocketFrameTests.bytes(opcode(serializer), batch))
            #expect(bench.owner.messages.count == count, "\(batch)")
            #expect(bench.closeCode() == 1002, "\(batch)")
            guard case .transportFault? = bench.owner.reasons.first else {
                Issue.record("\(bench.owner.reasons)")
                continue
            }
        }
    }

    @Test("within a batch nothing behind a violation counts, nor does an empty message pass")
    func violation() throws {
        let good = try ConnectionBench.batch([Sample.call(1, as: .json)], .json)
        for bad: [UInt8] in [[0x1E], Array("[48,]".utf8) + [0x1E]] {
            let bench = try ConnectionBench.open(wrapped: .json, isBatched: true)
            try bench.receive(WebSocketFrameTests.bytes(.text, good + bad + good))
            #expect(bench.owner.messages == [Sample.call(1, as: .json)], "\(bad)")
            #expect(bench.owner.violations.count == 1, "\(bad)")
        }
    }

    @Test("a batch of very many messages comes in several, complete and in order")
    func many() throws {
        let count = 2 * ConnectionHandler<RecordingOwner>.mostMessages + 1
        let messages = (1...count).map { Sample.call(UInt64($0), as: .cbor) }
        let bench = try ConnectionBench.open(wrapped: .cbor, isBatched: true)
        try bench.receive(
            WebSocketFrameTests.bytes(.binary, try ConnectionBench.batch(messages, .cbor)))
        #expect(bench.owner.messages == messages)
        #expect(bench.owner.batchSizes.count == 3)
        // Nothing more is taken once the owner has closed.
        let closing = try ConnectionBench.open(wrapped: .cbor, isBatched: true)
        closing.owner.onReceived = { $0?.close() }
        try closing.receive(
            WebSocketFrameTests.bytes(.binary, try ConnectionBench.batch(messages, .cbor)))
        #expect(closing.owner.batchSizes.count == 1)
    }

    @Test("the subprotocol decides whether messages are batched, in the client's order")
    func subprotocol() throws {
        let request = WebSocketUpgradeTests.request(
            replacing: "Sec-WebSocket-Protocol",
            by: "Sec-WebSocket-Protocol: wamp.2.json.batch, wamp.2.cbor.batched, wamp.2.json")
        guard case .complete(let head, _) = HTTPHead.parse(ByteBuffer(string: request)),
            case .accept(let agreement, let response) = WebSocketUpgrade.answer(
                head, paths: ["/ws": OriginRule()], serializers: Serializer.allCases)
        else {
            Issue.record("refused")
            return
        }
        #expect(agreement == WebSocketAgreement(.cbor, isBatched: true))
        #expect(response.contains("\r\nSec-WebSocket-Protocol: wamp.2.cbor.batched\r\n"))
    }
}
