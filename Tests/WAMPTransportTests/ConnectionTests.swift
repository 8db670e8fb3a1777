// One connection from its first byte to its end, on an embedded channel and its clock.

import NIOCore
import NIOEmbedded
import Testing
import WAMP

@testable import WAMPTransport

/// Both framings.
private let framings = [Framing.rawSocket, .webSocket]

@Suite struct ConnectionTests {
    @Test(
        "handshake and messages come out whole however the bytes are cut",
        arguments: framings, Serializer.allCases)
    func everyCut(framing: Framing, serializer: Serializer) throws {
        let messages = [
            Sample.call(1, as: serializer), Sample.call(2, bytes: 200, as: serializer),
            .goodbye(Goodbye(reason: .closeNormal)),
        ]
        let opening = ConnectionBench.opening(framing, serializer)
        let bytes =
            opening
            + (try messages.flatMap { try ConnectionBench.frame($0, framing, serializer) })
        for cut in [bytes.count] + Array(1..<bytes.count) {
            let bench = try ConnectionBench()
            for start in stride(from: 0, to: bytes.count, by: cut) {
                try bench.receive(Array(bytes[start..<min(start + cut, bytes.count)]))
            }
            #expect(bench.owner.messages == messages, "pieces of \(cut)")
            #expect(bench.owner.violations.isEmpty && bench.owner.reasons.isEmpty, "\(cut)")
        }
    }

    @Test("the messages of one read come in one batch", arguments: framings)
    func oneBatch(framing: Framing) throws {
        let bench = try ConnectionBench.open(framing)
        try bench.receive(
            (1...50).flatMap { try ConnectionBench.frame(Sample.call($0, as: .json), framing) })
        #expect(bench.owner.batchSizes == [50])
    }

    @Test("what is sent in a tick leaves in one piece at its end", arguments: framings)
    func flushesOnce(framing: Framing) throws {
        let bench = try ConnectionBench.open(framing)
        let outbox = try #require(bench.owner.connection?.outbox)
        for request in UInt64(1)...20 {
            #expect(
                bench.loop.send(Sample.result(request, bytes: 3, as: .json), to: outbox) == .queued,
                "\(request)")
        }
        #expect(outbox.pendingBytes > 0)
        let pieces = try bench.sentPieces()
        #expect(pieces.count == 1)
        #expect(outbox.pendingBytes == 0)
        #expect(
            String(decoding: pieces.joined(), as: UTF8.self).split(separator: "[50,").count == 21)
    }

    @Test(
        "client and server understand each other", arguments: framings, Serializer.allCases)
    func bothSides(framing: Framing, serializer: Serializer) throws {
        let server = try ConnectionBench()
        let endpoint = Endpoint(.tcp(host: "h", port: 1), framing: framing, path: "/ws")
        let client = try ConnectionBench(
            side: .client(ClientTransport(endpoint, serializer: serializer)))
        try server.receive(client.sent())
        try client.receive(server.sent())
        _ = try ConnectionBench.exchange(client, server, serializer)
    }

    @Test("a ping is answered with a pong of the same payload", arguments: framings)
    func pong(framing: Framing) throws {
        let bench = try ConnectionBench.open(framing)
        let payload: [UInt8] = [1, 2, 3]
        switch framing {
        case .rawSocket:
            try bench.receive(ConnectionBench.rawFrame(.ping, payload))
            #expect(bench.sent() == ConnectionBench.rawFrame(.pong, payload))
        case .webSocket:
            try bench.receive(WebSocketFrameTests.bytes(.ping, payload))
            #expect(bench.sent() == WebSocketFrameTests.bytes(.pong, payload, masked: false))
        }
    }

    @Test("silence is met with two pings and then the end", arguments: framings)
    func keepAlive(framing: Framing) throws {
        let bench = try ConnectionBench.open(framing)
        bench.owner.connection?.identified(as: Release.agent)
        let ping: [UInt8] = framing == .rawSocket ? [1, 0, 0, 0] : [0x89, 0]
        bench.advance(.seconds(9))
        #expect(bench.sent().isEmpty)
        bench.advance(.seconds(2))
        #expect(bench.sent() == ping)
        bench.advance(.seconds(10))
        #expect(bench.sent() == ping)
        bench.advance(.seconds(8))
        #expect(bench.owner.reasons.isEmpty)
        bench.advance(.seconds(2))
        #expect(bench.owner.reasons == [.keepAliveTimeout])
        #expect(!bench.channel.isActive)
    }

    @Test("a RawSocket peer that may not answer pings is sent none, however long it is silent")
    func unpinged() throws {
        for agent in [nil, "", "AutobahnPython/26.10.2", "swampyer", "awampctl"] {
            let bench = try ConnectionBench.open(.rawSocket)
            bench.owner.connection?.identified(as: agent)
            bench.advance(.hours(1))
            #expect(
                bench.sent().isEmpty && bench.owner.reasons.isEmpty, "\(agent)")
        }
    }

    @Test("a RawSocket peer that has sent a ping is sent some, too")
    func pinged() throws {
        let bench = try ConnectionBench.open(.rawSocket)
        try bench.receive(ConnectionBench.rawFrame(.ping, []))
        #expect(bench.sent() == ConnectionBench.rawFrame(.pong, []))
        bench.advance(.seconds(11))
        #expect(bench.sent() == ConnectionBench.rawFrame(.ping, []))
    }

    @Test("any byte counts as life", arguments: framings)
    func life(framing: Framing) throws {
        let bench = try ConnectionBench.open(framing)
        bench.owner.connection?.identified(as: Release.agent)
        let byte: [UInt8] = framing == .rawSocket ? [0] : [0x81]
        for _ in 1...3 {
            bench.advance(.seconds(21))
            try bench.receive(byte)
        }
        #expect(bench.owner.reasons.isEmpty)
    }

    @Test("keep-alive can be off")
    func noKeepAlive() throws {
        var settings = ConnectionSettings()
        settings.keepalive = .zero
        let bench = try ConnectionBench.open(.rawSocket, settings: settings)
        bench.advance(.minutes(60))
        #expect(bench.sent().isEmpty && bench.owner.reasons.isEmpty)
        #expect(bench.owner.ticks > 3000)
    }

    @Test(
        "a handshake that does not end is cut at the deadline",
        arguments: [[], [0x7F], [0x7F, 0xF1, 0], Array("GET /ws HTTP/1.1\r\nHost:".utf8)]
            as [[UInt8]])
    func handshakeDeadline(start: [UInt8]) throws {
        let bench = try ConnectionBench()
        try bench.receive(start)
        bench.advance(.seconds(9))
        try bench.receive([])
        #expect(bench.owner.reasons.isEmpty)
        bench.advance(.seconds(2))
        #expect(bench.owner.reasons == [.handshakeTimeout])
        #expect(!bench.channel.isActive)
    }

    @Test("a refused RawSocket handshake is answered with its error and closed")
    func refusedRawSocket() throws {
        let bench = try ConnectionBench()
        try bench.receive([0x7F, 0xF0, 0, 0])
        #expect(bench.sent() == [0x7F, 0x10, 0, 0])
        #expect(bench.owner.connection == nil && bench.owner.reasons.count == 1)
        #expect(!bench.channel.isActive)
    }

    @Test("a plain HTTP request is answered with 426 and closed")
    func plainHTTP() throws {
        let bench = try ConnectionBench()
        try bench.receive(Array("GET / HTTP/1.1\r\nHost: h\r\n\r\n".utf8))
        #expect(String(decoding: bench.sent(), as: UTF8.self).hasPrefix("HTTP/1.1 426 "))
        #expect(
            bench.owner.reasons == [
                .refused(
                    "HTTP 426: This is a WAMP router: connect with WebSocket.")
            ])
        #expect(!bench.channel.isActive)
    }

    @Test("an HTTP head that never ends is refused at 16 KiB, bytes that are no transport at once")
    func notATransport() throws {
        let endless = try ConnectionBench()
        try endless.receive([UInt8](repeating: UInt8(ascii: "A"), count: 20_000))
        #expect(String(decoding: endless.sent(), as: UTF8.self).hasPrefix("HTTP/1.1 431 "))
        let garbage = try ConnectionBench()
        try garbage.receive([0x16, 0x03, 0x01])
        #expect(garbage.sent().isEmpty && garbage.owner.reasons.count == 1)
        #expect(!garbage.channel.isActive)
    }

    @Test("a refused client is told why, also when the server just closes")
    func refusedClient() throws {
        for (answer, word) in [
            ("HTTP/1.1 404 Not Found\r\n\r\n", "404"), ("garbage\r\n\r\n", "HTTP"),
        ] {
            let client = try ConnectionBench(
                side: .client(
                    ClientTransport(try Endpoint("ws://h/x"), serializer: .json)))
            try client.receive(Array(answer.utf8))
            guard case .refused(let text)? = client.owner.reasons.first else {
                Issue.record("not refused")
                continue
            }
            #expect(text.contains(word), "\(answer)")
        }
        let client = try ConnectionBench(
            side: .client(ClientTransport(try Endpoint("tcp://h:1"), serializer: .json)))
        client.channel.close(promise: nil)
        client.eventLoop.run()
        guard case .refused? = client.owner.reasons.first else {
            Issue.record("not refused")
            return
        }
    }

    @Test("before a violation everything is handed over, after it nothing", arguments: framings)
    func violation(framing: Framing) throws {
        let bench = try ConnectionBench.open(framing)
        let good = try ConnectionBench.frame(Sample.call(1, as: .json), framing)
        let bad: [UInt8] =
            framing == .rawSocket
            ? ConnectionBench.rawFrame(.message, Array("[48,]".utf8))
            : WebSocketFrameTests.bytes(.text, Array("[48,]".utf8))
        try bench.receive(good + bad + good)
        try bench.receive(good)
        #expect(bench.owner.messages == [Sample.call(1, as: .json)])
        #expect(bench.owner.violations.count == 1)
        let connection = try #require(bench.owner.connection)
        #expect(
            connection.outbox.append(.abort(Abort(bench.owner.violations[0])), Payload()) == .queued
        )
        connection.close(.protocolError)
        let text = String(decoding: bench.sent(), as: UTF8.self)
        #expect(text.contains("wamp.error.protocol_violation"))
    }

    @Test("an empty message is a violation", arguments: framings)
    func emptyMessage(framing: Framing) throws {
        let bench = try ConnectionBench.open(framing)
        try bench.receive(
            framing == .rawSocket
                ? ConnectionBench.rawFrame(.message, []) : WebSocketFrameTests.bytes(.text, []))
        #expect(bench.owner.violations.count == 1 && bench.owner.messages.isEmpty)
    }

    @Test("a RawSocket frame over the announced limit ends the connection")
    func tooLongRawSocket() throws {
        var settings = ConnectionSettings()
        settings.maxMessage = 1024
        let bench = try ConnectionBench.open(.rawSocket, settings: settings)
        try bench.receive([0, 0, 4, 1])
        guard case .messageTooLarge? = bench.owner.reasons.first else {
            Issue.record("\(bench.owner.reasons)")
            return
        }
        #expect(!bench.channel.isActive)
    }

    @Test(
        "a WebSocket fault is answered with its close code",
        arguments: [
            ([0xC1, 0x80], 1002), (WebSocketFrameTests.bytes(.binary, [1]), 1003),
            (WebSocketFrameTests.bytes(.text, [0xFF]), 1007),
            ([0x81, 0xFE, 0x04, 0x01], 0),
            ([0x81, 0xFE, 0x04, 0x01, 0, 0, 0, 0], 1009),
        ] as [([UInt8], UInt16)])
    func closeCodes(bytes: [UInt8], code: UInt16) throws {
        var settings = ConnectionSettings()
        settings.maxMessage = 1024
        let bench = try ConnectionBench.open(.webSocket, settings: settings)
        try bench.receive(bytes)
        let sent = bench.sent()
        guard code > 0 else {
            #expect(sent.isEmpty && bench.owner.reasons.isEmpty)
            return
        }
        #expect(sent.prefix(1) == [0x88])
        #expect(Array(sent.dropFirst(2).prefix(2)) == [UInt8(code >> 8), UInt8(code & 255)])
        if code == 1009 {
            #expect(String(decoding: sent.dropFirst(4), as: UTF8.self).contains("1024"))
        }
        #expect(bench.owner.reasons.count == 1)
        #expect(!bench.channel.isActive)
    }

    @Test("a WebSocket peer's close is answered with its code, and the owner hears code and reason")
    func peerCloses() throws {
        let bench = try ConnectionBench.open(.webSocket)
        try bench.receive(WebSocketFrameTests.bytes(.close, [0x0F, 0xA0, 0x61]))
        #expect(bench.sent() == [0x88, 2, 0x0F, 0xA0])
        #expect(bench.owner.reasons == [.peerClosedWith(.init(rawValue: 4000), "a")])
        #expect(!bench.channel.isActive)
    }

    @Test("closing writes what was sent, then waits for the peer's close frame, but not for ever")
    func closes() throws {
        for answers in [true, false] {
            let bench = try ConnectionBench.open(.webSocket)
            let connection = try #require(bench.owner.connection, "\(answers)")
            #expect(
                connection.outbox.append(.goodbye(Goodbye(reason: .systemShutdown)), Payload())
                    == .queued, "\(answers)")
            connection.close(.goingAway, "bye")
            #expect(
                connection.outbox.append(.goodbye(Goodbye(reason: .systemShutdown)), Payload())
                    == .closed, "\(answers)")
            let sent = bench.sent()
            #expect(sent.suffix(7) == [0x88, 5, 0x03, 0xE9] + Array("bye".utf8), "\(answers)")
            #expect(sent.count > 20, "\(answers)")
            #expect(bench.channel.isActive, "\(answers)")
            try bench.receive(
                try ConnectionBench.frame(Sample.call(1, as: .json), .webSocket))
            #expect(bench.owner.messages.isEmpty, "\(answers)")
            if answers {
                try bench.receive(WebSocketFrameTests.bytes(.close, [0x03, 0xE9]))
            } else {
                bench.advance(.seconds(4))
            }
            #expect(!bench.channel.isActive, "\(answers)")
            #expect(bench.owner.reasons == [.closedHere], "\(answers)")
        }
    }

    @Test("an owner may close while it takes a batch", arguments: framings)
    func closesInBatch(framing: Framing) throws {
        let bench = try ConnectionBench.open(framing)
        bench.owner.onReceived = { $0?.close() }
        let call = try ConnectionBench.frame(Sample.call(1, as: .json), framing)
        try bench.receive(call + call)
        try bench.receive(call)
        #expect(bench.owner.batchSizes == [2])
    }

    @Test("when the peer goes the owner is told once")
    func peerGoes() throws {
        let bench = try ConnectionBench.open(.rawSocket)
        bench.channel.close(promise: nil)
        bench.eventLoop.run()
        #expect(bench.owner.reasons == [.peerClosed])
        let connection = try #require(bench.owner.connection)
        #expect(connection.outbox.append(Sample.call(1, as: .json), Payload()) == .closed)
        connection.close()
        connection.abandon()
    }
}
