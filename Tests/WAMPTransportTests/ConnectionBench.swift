// A connection on an embedded channel, its loop, and an owner that records what it is told.

import NIOCore
import NIOEmbedded
import Testing
import WAMP

@testable import WAMPTransport

final class RecordingOwner: ConnectionOwner {
    var connection: Connection?
    var messages: [Message] = []
    var batchSizes: [Int] = []
    var violations: [ProtocolViolation] = []
    var blocked: [Bool] = []
    var ticks = 0
    var reasons: [CloseReason] = []
    /// Run on every batch.
    var onReceived: ((Connection?) -> Void)?

    func opened(_ connection: Connection) { self.connection = connection }

    func received(_ batch: MessageBatch) {
        batchSizes.append(batch.count)
        messages += batch.takeAll()
        onReceived?(connection)
    }

    func violated(_ violation: ProtocolViolation) { violations.append(violation) }
    func writeBlocked(_ blocked: Bool) { self.blocked.append(blocked) }
    func tick(_ now: NIODeadline) { ticks += 1 }
    func closed(_ reason: CloseReason) { reasons.append(reason) }
}

struct ConnectionBench {
    let channel: EmbeddedChannel
    let eventLoop: EmbeddedEventLoop
    let loop: IOLoop
    let owner = RecordingOwner()

    init(
        _ settings: ConnectionSettings = ConnectionSettings(), side: ConnectionSide = .server,
        eventLoop: EmbeddedEventLoop = EmbeddedEventLoop(), loop: IOLoop? = nil
    ) throws {
        let loop = loop ?? IOLoop(eventLoop: eventLoop, tickPeriod: settings.tickPeriod)
        channel = EmbeddedChannel(
            handler: ConnectionHandler(owner: owner, loop: loop, settings: settings, side: side),
            loop: eventLoop)
        self.eventLoop = eventLoop
        self.loop = loop
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    /// An open connection of either framing on the server's side.
    static func open(
        _ framing: Framing, _ serializer: Serializer = .json,
        settings: ConnectionSettings = ConnectionSettings()
    ) throws -> ConnectionBench {
        let bench = try ConnectionBench(settings)
        try bench.receive(opening(framing, serializer))
        _ = bench.sent()
        return bench
    }

    static func opening(_ framing: Framing, _ serializer: Serializer) -> [UInt8] {
        switch framing {
        case .rawSocket: RawSocketHandshake.octets(serializer, maximumBytes: 16 << 20)
        case .webSocket:
            Array(
                WebSocketUpgrade.request(
                    host: "h", path: "/ws", serializer: serializer, key: WebSocketUpgrade.newKey()
                ).utf8)
        }
    }

    /// A message as a client frames it.
    static func frame(
        _ message: Message, _ framing: Framing, _ serializer: Serializer = .json
    ) throws -> [UInt8] {
        let body = Array(
            try MessageCoder.encode(message, as: serializer).readableBytesView)
        switch framing {
        case .rawSocket: return rawFrame(.message, body)
        case .webSocket:
            return WebSocketFrameTests.bytes(serializer == .json ? .text : .binary, body)
        }
    }

    static func rawFrame(_ kind: RawSocketFrame.Kind, _ body: [UInt8]) -> [UInt8] {
        let header = RawSocketFrame(kind, length: body.count).header
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: header >> $0) } + body
    }

    func receive(_ bytes: [UInt8]) throws {
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        eventLoop.run()
    }

    /// Everything the channel was given since the last time, one array for each piece.
    func sentPieces() throws -> [[UInt8]] {
        eventLoop.run()
        var pieces: [[UInt8]] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
            pieces.append(Array(buffer.readableBytesView))
        }
        return pieces
    }

    func sent() -> [UInt8] { ((try? sentPieces()) ?? []).flatMap { $0 } }

    /// Sends calls of several sizes from the client and results from the server, each side at once,
    /// and expects them at the other side.
    /// - Returns: the bytes of the calls.
    static func exchange(
        _ client: ConnectionBench, _ server: ConnectionBench, _ serializer: Serializer
    ) throws -> [UInt8] {
        let out = try #require(client.owner.connection?.outbox)
        let back = try #require(server.owner.connection?.outbox)
        let sizes = [0, 100, 200, 70_000, 300_000]
        for (index, size) in sizes.enumerated() {
            let request = UInt64(index + 1)
            #expect(
                client.loop.send(Sample.call(request, bytes: size, as: serializer), to: out)
                    == .queued, "\(size)")
            #expect(
                server.loop.send(Sample.result(request, bytes: size, as: serializer), to: back)
                    == .queued, "\(size)")
        }
        let wire = client.sent()
        try server.receive(wire)
        try client.receive(server.sent())
        #expect(
            server.owner.messages
                == sizes.indices.map {
                    Sample.call(UInt64($0 + 1), bytes: sizes[$0], as: serializer)
                })
        #expect(
            client.owner.messages
                == sizes.indices.map {
                    Sample.result(UInt64($0 + 1), bytes: sizes[$0], as: serializer)
                })
        return wire
    }

    func advance(_ time: TimeAmount) { eventLoop.advanceTime(by: time) }
}

/// Messages to send about.
enum Sample {
    static func call(_ request: UInt64, bytes count: Int = 1, as serializer: Serializer) -> Message
    {
        .call(
            Call(
                request: RequestID(request), procedure: "com.example.add",
                payload: Payload(
                    args: [.string(String(repeating: "x", count: count))], as: serializer)))
    }

    static func result(_ request: UInt64, bytes count: Int, as serializer: Serializer) -> Message {
        .result(
            Result(
                request: RequestID(request),
                payload: Payload(
                    args: [.string(String(repeating: "x", count: count))], as: serializer)))
    }
}
