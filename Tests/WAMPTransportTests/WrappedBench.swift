// Connections that batch or compress, on embedded channels.

import NIOCore
import NIOEmbedded
import WAMP

@testable import WAMPTransport

extension ConnectionBench {
    /// An open connection, on the server's side, that was asked for so.
    static func open(
        wrapped serializer: Serializer, isBatched: Bool = false, deflate: Bool = false,
        maxMessage: Int = 16 << 20
    ) throws -> ConnectionBench {
        var settings = ConnectionSettings()
        settings.deflate = deflate
        settings.maxMessage = maxMessage
        let bench = try ConnectionBench(settings)
        try bench.receive(
            wrappedOpening(serializer, isBatched: isBatched, deflate: deflate))
        _ = bench.sent()
        return bench
    }

    static func wrappedOpening(
        _ serializer: Serializer, isBatched: Bool = false, deflate: Bool = false
    ) -> [UInt8] {
        Array(
            WebSocketUpgrade.request(
                host: "h", path: "/ws", serializer: serializer, isBatched: isBatched,
                deflate: deflate, key: WebSocketUpgrade.newKey()
            ).utf8)
    }

    /// The messages of a batch, framed as the subprotocols say.
    static func batch(_ messages: [Message], _ serializer: Serializer) throws -> [UInt8] {
        try messages.flatMap { message -> [UInt8] in
            let body = Array(try MessageCoder.encode(message, as: serializer).readableBytesView)
            guard serializer != .json else { return body + [0x1E] }
            return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: body.count >> $0) } + body
        }
    }

    static func compressed(_ bytes: [UInt8], bits: UInt8 = 15) -> [UInt8] {
        var packed = ByteBuffer()
        let isDone = bytes.withUnsafeBytes {
            Deflater(bits: bits).compress($0, into: &packed)
        }
        return isDone ? Array(packed.readableBytesView) : []
    }

    /// Frames of one compressed message, cut in that many parts, as a client sends them.
    static func deflated(
        _ bytes: [UInt8], text: Bool = true, parts: Int = 1, between: [UInt8] = []
    ) -> [UInt8] {
        let packed = compressed(bytes)
        let size = (packed.count + parts - 1) / parts
        var frames: [UInt8] = []
        for part in 0..<parts {
            let piece = Array(packed.dropFirst(part * size).prefix(size))
            var frame = WebSocketFrameTests.bytes(
                part > 0 ? .continuation : text ? .text : .binary, piece,
                isFinal: part == parts - 1)
            if part == 0 { frame[0] |= 0x40 }
            frames += frame
            if part < parts - 1 { frames += between }
        }
        return frames
    }

    /// The code of the close frame that was sent, if the last thing sent was one.
    func closeCode() -> UInt16? {
        let sent = sent()
        guard let start = sent.firstIndex(of: 0x88), sent.count >= start + 4 else { return nil }
        return UInt16(sent[start + 2]) << 8 | UInt16(sent[start + 3])
    }
}
