// Outgoing queues: one flush a tick, their bounds, and what comes from other loops.

import NIOCore
import NIOEmbedded
import Testing
import WAMP

@testable import WAMPTransport

@Suite struct OutboxTests {
    /// A server's connection whose channel takes nothing for now.
    private func blocked(
        _ framing: Framing = .rawSocket, bound: Int = 10_000
    ) throws -> (ConnectionBench, Outbox) {
        var settings = ConnectionSettings()
        settings.outboundQueue = bound
        settings.keepalive = .zero
        let bench = try ConnectionBench.open(framing, settings: settings)
        bench.channel.isWritable = false
        return (bench, try #require(bench.owner.connection?.outbox))
    }

    private func release(_ bench: ConnectionBench) {
        bench.channel.isWritable = true
        bench.channel.pipeline.fireChannelWritabilityChanged()
        bench.eventLoop.run()
    }

    @Test("nothing is handed to a channel that is not writable; it goes when it is again")
    func waits() throws {
        let (bench, outbox) = try blocked()
        #expect(bench.loop.send(Sample.result(1, bytes: 10, as: .json), to: outbox) == .queued)
        #expect(bench.sent().isEmpty)
        #expect(outbox.pendingBytes > 10)
        release(bench)
        #expect(bench.sent().count > 10)
        #expect(outbox.pendingBytes == 0)
    }

    @Test("the owner is told above the high mark and well below it")
    func highMark() throws {
        let (bench, outbox) = try blocked()
        _ = bench.loop.send(Sample.result(1, bytes: 4_000, as: .json), to: outbox)
        bench.eventLoop.run()
        #expect(bench.owner.blocked.isEmpty)
        _ = bench.loop.send(Sample.result(2, bytes: 4_000, as: .json), to: outbox)
        bench.eventLoop.run()
        #expect(bench.owner.blocked == [true])
        release(bench)
        #expect(bench.owner.blocked == [true, false])
    }

    @Test("over the bound the peer is a slow consumer; the owner is told after the tick")
    func overflows() throws {
        let (bench, outbox) = try blocked()
        _ = bench.loop.send(Sample.result(1, bytes: 6_000, as: .json), to: outbox)
        #expect(bench.loop.send(Sample.result(2, bytes: 6_000, as: .json), to: outbox) == .full)
        #expect(bench.loop.send(Sample.result(3, bytes: 1, as: .json), to: outbox) == .closed)
        #expect(bench.owner.reasons.isEmpty)
        bench.eventLoop.run()
        #expect(bench.owner.reasons == [.slowConsumer])
        #expect(outbox.pendingBytes == 0)
        #expect(!bench.channel.isActive)
    }

    @Test("an empty queue takes one message of any size")
    func oneOfAnySize() throws {
        let (bench, outbox) = try blocked()
        #expect(bench.loop.send(Sample.result(1, bytes: 90_000, as: .json), to: outbox) == .queued)
        bench.eventLoop.run()
        #expect(bench.owner.reasons.isEmpty)
        #expect(bench.owner.blocked == [true])
    }

    @Test("eight seconds without progress end the connection; progress gives eight more")
    func stalls() throws {
        let (bench, outbox) = try blocked(bound: 1 << 20)
        _ = bench.loop.send(Sample.result(1, bytes: 10, as: .json), to: outbox)
        bench.advance(.seconds(6))
        release(bench)
        bench.channel.isWritable = false
        _ = bench.loop.send(Sample.result(2, bytes: 10, as: .json), to: outbox)
        bench.advance(.seconds(7))
        #expect(bench.owner.reasons.isEmpty)
        bench.advance(.seconds(3))
        #expect(bench.owner.reasons == [.slowConsumer])
    }

    @Test("a slow WebSocket peer is left a close frame with 1008")
    func slowWebSocket() throws {
        let (bench, outbox) = try blocked(.webSocket)
        _ = bench.loop.send(Sample.result(1, bytes: 6_000, as: .json), to: outbox)
        _ = bench.loop.send(Sample.result(2, bytes: 6_000, as: .json), to: outbox)
        #expect(Array(bench.sent().prefix(4).dropFirst(2)) == [0x03, 0xF0])
    }

    @Test("a message over the peer's limit is refused and nothing is written")
    func tooLarge() throws {
        let bench = try ConnectionBench()
        try bench.receive(RawSocketHandshake.octets(.json, maximumBytes: 512))
        _ = bench.sent()
        let outbox = try #require(bench.owner.connection?.outbox)
        #expect(outbox.sendLimit == 512)
        #expect(bench.loop.send(Sample.result(1, bytes: 512, as: .json), to: outbox) == .tooLarge)
        #expect(bench.loop.send(Sample.result(1, bytes: 400, as: .json), to: outbox) == .queued)
        #expect(bench.sent().count < 512)
    }

    @Test("large payloads among small messages keep their order and their bytes")
    func largePayloads() throws {
        let sizes = [1, 20_000, 2, 600_000, 3, 300_000, 16 << 10]
        for framing in [Framing.rawSocket, .webSocket] {
            let bench = try ConnectionBench.open(framing, .msgpack)
            let outbox = try #require(bench.owner.connection?.outbox, "\(framing)")
            for (index, size) in sizes.enumerated() {
                _ = bench.loop.send(
                    Sample.result(UInt64(index + 1), bytes: size, as: .msgpack), to: outbox)
            }
            #expect(outbox.isAtFrameBoundary, "\(framing)")
            let pieces = try bench.sentPieces()
            #expect(pieces.allSatisfy { $0.count <= 300 << 10 }, "\(framing)")
            #expect(outbox.isAtFrameBoundary, "\(framing)")
            let client = try ConnectionBench(
                side: .client(
                    ClientTransport(
                        Endpoint(.tcp(host: "h", port: 1), framing: framing), serializer: .msgpack))
            )
            let server = try ConnectionBench()
            try server.receive(client.sent())
            try client.receive(server.sent())
            try client.receive(pieces.flatMap { $0 })
            #expect(
                client.owner.messages
                    == sizes.indices.map {
                        Sample.result(UInt64($0 + 1), bytes: sizes[$0], as: .msgpack)
                    }, "\(framing)")
        }
    }

    @Test("closing waits until a slow peer has everything")
    func closesAfterQueue() throws {
        let (bench, outbox) = try blocked(bound: 1 << 20)
        _ = bench.loop.send(Sample.result(1, bytes: 10, as: .json), to: outbox)
        bench.owner.connection?.close()
        bench.eventLoop.run()
        #expect(bench.channel.isActive)
        release(bench)
        #expect(bench.sent().count > 10)
        #expect(!bench.channel.isActive)
    }

    @Test("a message encoded once goes to many peers")
    func encodedOnce() throws {
        let one = try ConnectionBench.open(.rawSocket)
        let outbox = try #require(one.owner.connection?.outbox)
        let message = Sample.result(1, bytes: 5, as: .json)
        let encoded = one.loop.encode(message, payload: message.payload, format: outbox.format)
        #expect(one.loop.send(encoded, to: outbox) == .queued)
        #expect(one.loop.send(message, to: outbox) == .queued)
        let sent = one.sent()
        #expect(sent.prefix(sent.count / 2) == sent.suffix(sent.count / 2))
    }
}

@Suite struct MailboxTests {
    private struct Pair {
        let here = IOLoop(eventLoop: EmbeddedEventLoop(), index: 0)
        let eventLoop = EmbeddedEventLoop()
        let there: IOLoop
        let bench: ConnectionBench
        let outbox: Outbox

        init(bound: Int = 1 << 20) throws {
            there = IOLoop(eventLoop: eventLoop, index: 1)
            var settings = ConnectionSettings()
            settings.outboundQueue = bound
            bench = try ConnectionBench(settings, eventLoop: eventLoop, loop: there)
            try bench.receive(ConnectionBench.opening(.rawSocket, .json))
            _ = bench.sent()
            outbox = try #require(bench.owner.connection?.outbox)
        }
    }

    private func requests(_ bytes: [UInt8]) -> [String] {
        String(decoding: bytes, as: UTF8.self).split(separator: "[50,").dropFirst()
            .compactMap { $0.split(separator: ",").first.map(String.init) }
    }

    @Test("what one loop stages for another arrives in order once it is posted")
    func arrives() throws {
        let pair = try Pair()
        for request in UInt64(1)...3 {
            #expect(
                pair.here.send(Sample.result(request, bytes: 3, as: .json), to: pair.outbox)
                    == .queued, "\(request)")
        }
        #expect(pair.outbox.pendingBytes > 0)
        #expect(pair.bench.sent().isEmpty)
        pair.here.postStaged()
        #expect(requests(pair.bench.sent()) == ["1", "2", "3"])
        #expect(pair.outbox.pendingBytes == 0)
    }

    @Test("what is more than a batch holds arrives in order, however often it is posted")
    func manyPieces() throws {
        let pair = try Pair(bound: 64 << 20)
        let count = UInt64(3 * Mail.piece / 10_000)
        for request in 1...count {
            #expect(
                pair.here.send(Sample.result(request, bytes: 10_000, as: .json), to: pair.outbox)
                    == .queued, "\(request)")
            if request % 50 == 0 { pair.here.postStaged() }
        }
        #expect(pair.outbox.pendingBytes > 2 * Mail.piece)
        pair.here.postStaged()
        #expect(requests(pair.bench.sent()) == (1...count).map { "\($0)" })
        #expect(pair.outbox.pendingBytes == 0)
    }

    @Test("no batch of a mailbox grows beyond its bound, however much is posted before it is read")
    func boundedPieces() throws {
        let pair = try Pair()
        let mailbox = Mailbox()
        var sizes: [Int] = []
        for index in 1...60 {
            var mail = Mail()
            mail.bytes.writeRepeatingByte(UInt8(index), count: 100_000)
            mail.addedFrames(100_000, for: pair.outbox)
            _ = mailbox.post(&mail)
            #expect(mail.isEmpty, "\(index)")
        }
        var first = Mail()
        var further: [Mail] = []
        #expect(mailbox.collect(into: &first, &further, awake: true))
        var order: [UInt8] = []
        for mail in [first] + further {
            sizes.append(mail.bytes.readableBytes)
            order += mail.bytes.readableBytesView.enumerated().filter { $0.offset % 100_000 == 0 }
                .map(\.element)
        }
        #expect(sizes.allSatisfy { $0 <= Mail.piece })
        #expect(order == (1...60).map { UInt8($0) })
        #expect(!mailbox.collect(into: &first, &further, awake: true) || !first.isEmpty)
    }

    @Test("frames of a size that is copied are shared once much waits, here and across loops")
    func sharedFrames() throws {
        for isRemote in [false, true] {
            let pair = try Pair(bound: 64 << 20)
            pair.bench.channel.isWritable = false
            let sender = isRemote ? pair.here : pair.there
            let message = Sample.result(1, bytes: 8_000, as: .json)
            let frame = sender.encode(
                message, payload: message.payload, format: pair.outbox.format)
            #expect(!pair.outbox.isShared(frame: frame.bytes.readableBytes), "\(isRemote)")
            for round in 0..<100 {
                #expect(sender.send(frame, to: pair.outbox) == .queued, "\(isRemote) \(round)")
                sender.postStaged()
            }
            #expect(pair.outbox.isShared(frame: frame.bytes.readableBytes), "\(isRemote)")
            #expect(!pair.outbox.isShared(frame: 100), "\(isRemote)")
            #expect(
                sender.send(Sample.result(2, bytes: 3, as: .json), to: pair.outbox) == .queued,
                "\(isRemote)")
            sender.postStaged()
            pair.bench.eventLoop.run()
            pair.bench.channel.isWritable = true
            pair.bench.channel.pipeline.fireChannelWritabilityChanged()
            #expect(
                requests(pair.bench.sent()) == [String](repeating: "1", count: 100) + ["2"],
                "\(isRemote)")
        }
    }

    @Test("a slow peer's few frames do not keep the memory of a whole mail")
    func pinsLittle() throws {
        for (share, isKept) in [(1, true), (2, true), (64, false)] {
            let pair = try Pair(bound: 64 << 20)
            pair.bench.channel.isWritable = false
            var mail = ByteBufferAllocator().buffer(capacity: Mail.piece)
            mail.writeRepeatingByte(0, count: Mail.piece)
            do {
                let frames = try #require(mail.getSlice(at: 0, length: Mail.piece / share))
                pair.outbox.willStage(frames.readableBytes)
                pair.outbox.take(staged: frames, isShared: true)
            }
            #expect(pair.outbox.pendingBytes == Mail.piece / share, "\(share)")
            #expect((mail.modifyIfUniquelyOwned { _ in } == nil) == isKept, "\(share)")
            pair.bench.channel.isWritable = true
            pair.bench.channel.pipeline.fireChannelWritabilityChanged()
            #expect(pair.bench.sent().count == Mail.piece / share, "\(share)")
        }
    }

    @Test("a loop that empties its mailbox first keeps the order of the lock")
    func drainsFirst() throws {
        let pair = try Pair()
        _ = pair.here.send(Sample.result(1, bytes: 3, as: .json), to: pair.outbox)
        pair.here.postStaged()
        pair.there.drainMailbox()
        _ = pair.there.send(Sample.result(2, bytes: 3, as: .json), to: pair.outbox)
        _ = pair.here.send(Sample.result(3, bytes: 3, as: .json), to: pair.outbox)
        pair.here.postStaged()
        #expect(requests(pair.bench.sent()) == ["1", "2", "3"])
    }

    @Test("batches posted before the wake-up arrive together, with one flush")
    func oneWakeUp() throws {
        let pair = try Pair()
        for request in UInt64(1)...5 {
            _ = pair.here.send(Sample.result(request, bytes: 3, as: .json), to: pair.outbox)
            pair.here.postStaged()
        }
        let pieces = try pair.bench.sentPieces()
        #expect(pieces.count == 1)
        #expect(requests(pieces.flatMap { $0 }) == ["1", "2", "3", "4", "5"])
    }

    @Test("an order to close comes after the messages before it")
    func closeOrder() throws {
        let pair = try Pair()
        _ = pair.here.send(Sample.result(1, bytes: 3, as: .json), to: pair.outbox)
        pair.here.close(try #require(pair.bench.owner.connection))
        pair.here.postStaged()
        #expect(requests(pair.bench.sent()) == ["1"])
        #expect(!pair.bench.channel.isActive)
        #expect(pair.bench.owner.reasons == [.closedHere])
    }

    @Test("the bound holds for what is staged, and the loop of the peer hears of it")
    func bound() throws {
        let pair = try Pair(bound: 1000)
        #expect(
            pair.here.send(Sample.result(1, bytes: 800, as: .json), to: pair.outbox) == .queued)
        #expect(
            pair.here.send(Sample.result(2, bytes: 800, as: .json), to: pair.outbox) == .full)
        pair.here.postStaged()
        pair.bench.eventLoop.run()
        #expect(pair.bench.owner.reasons == [.slowConsumer])
    }

    @Test("mail for a peer that is gone is dropped")
    func gone() throws {
        let pair = try Pair()
        _ = pair.here.send(Sample.result(1, bytes: 3, as: .json), to: pair.outbox)
        pair.bench.channel.close(promise: nil)
        pair.bench.eventLoop.run()
        pair.here.postStaged()
        pair.bench.eventLoop.run()
        #expect(pair.outbox.pendingBytes == 0)
        #expect(
            pair.here.send(Sample.result(2, bytes: 3, as: .json), to: pair.outbox) == .closed)
    }
}
