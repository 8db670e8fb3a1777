// Bad input on real sockets: each kind gets its answer, and nobody else notices.

import NIOCore
import Testing
import WAMP
import WAMPServer

@Suite struct BadInputTests {
    /// Checks that the router still routes: a new session joins and gets an answer.
    private func expectAlive(_ port: Int) throws {
        var peer = try RawPeer(port: port)
        try peer.joinRawSocket()
        peer.sendFrame(#"[48,1,{},"wamp.session.count"]"#)
        #expect(try peer.readFrame().hasPrefix("[50,1,{}"))
    }

    @Test("Realms whose names only look alike are two, with and without realms made on demand")
    func lookalikeRealms() async throws {
        let (composed, other) = ("caf\u{e9}", "cafe\u{301}")
        func names(_ change: @escaping (inout Configuration) -> Void) async throws -> [String] {
            try await withRouter(change) { port, _ in
                try [composed, other].map { name in
                    var peer = try RawPeer(port: port)
                    try peer.openRawSocket()
                    peer.sendFrame(#"[1,"\#(name)",{"roles":{"caller":{}}}]"#)
                    guard try peer.readFrame().hasPrefix("[2,") else { return "refused" }
                    peer.sendFrame(#"[48,1,{},"wamp.session.count"]"#)
                    return try peer.readFrame()
                }
            }
        }
        let one = #"[50,1,{},[1]]"#
        let fixed = try await names { $0.realms = [RealmConfiguration(name: composed)] }
        #expect(fixed == [one, "refused"])
        let both = try await names {
            $0.realms = [RealmConfiguration(name: composed), RealmConfiguration(name: other)]
        }
        #expect(both == [one, one])
        let created = try await names {
            $0.realms = [RealmConfiguration(name: composed)]
            $0.createsRealms = true
        }
        #expect(created == [one, one])
    }

    @Test(
        "A violation on RawSocket is answered with ABORT, and the connection closes",
        arguments: [
            "", "{}", "[]", "[48]", "[48,1,{},\"a.b\"", "[9999,1]", "[48,0,{},\"a\"]",
            "[48,1,[],\"a\"]",
            "[48,1,{},7]", "[48,1,{},\"a\",{}]", "[48,1,{},\"a\",[],{},1]", "[2,1,{}]",
            "[1,\"realm1\",{\"roles\":{\"caller\":{}}}]", "[70,99]", "[8,48,1,{},\"a.b\"]",
            "[48,1,{\"timeout\":\"x\"},\"a\"]", "[64,1,{\"invoke\":7},\"a\"]",
            "[32,1,{\"match\":\"glob\"},\"a\"]", "\u{FEFF}[48,1,{},\"a\"]",
            "[48,1,{\"_x\":" + String(repeating: "[", count: 80)
                + String(repeating: "]", count: 80) + "},\"a\"]",
        ])
    func violationOnRawSocket(_ text: String) async throws {
        try await withRouter { port, _ in
            var peer = try RawPeer(port: port)
            try peer.joinRawSocket()
            peer.sendFrame(text)
            let answer = try peer.readFrame()
            #expect(answer.hasPrefix("[3,{\"message\":"))
            #expect(answer.hasSuffix("\"wamp.error.protocol_violation\"]"))
            #expect(try peer.readToEnd().isEmpty)
            try expectAlive(port)
        }
    }

    @Test("§3.2 ABORT repeats little of what the peer said, so that it can be sent")
    func longWords() async throws {
        try await withRouter { port, _ in
            for joins in [false, true] {
                var peer = try RawPeer(port: port)
                peer.send([0x7F, 0x11, 0, 0])
                _ = try peer.read(4)
                if joins {
                    peer.sendFrame(#"[1,"realm1",{"roles":{"caller":{}}}]"#)
                    _ = try peer.readFrame()
                }
                let key = String(repeating: "k", count: 5000)
                let frame = joins ? "[48,1,{" : "[1,\"realm1\",{"
                peer.sendFrame(frame + "\"\(key)\":1,\"\(key)\":2},\"a.b\"]")
                #expect(
                    try peer.readFrame().hasSuffix("\"wamp.error.protocol_violation\"]"), "\(joins)"
                )
            }
        }
    }

    @Test("Bytes that are no message are refused before HELLO too")
    func garbageBeforeHello() async throws {
        try await withRouter { port, _ in
            var peer = try RawPeer(port: port)
            try peer.openRawSocket(.msgpack)
            peer.sendFrame([0xC1, 0xFF])
            let answer = try peer.readToEnd()
            #expect(
                String(decoding: answer, as: UTF8.self).contains("wamp.error.protocol_violation"))
            try expectAlive(port)
        }
    }

    @Test(
        "HELLO is refused with the reason that fits",
        arguments: [
            (#"[1,"nowhere",{"roles":{"caller":{}}}]"#, "wamp.error.no_such_realm"),
            (#"[1,"bad realm",{"roles":{"caller":{}}}]"#, "wamp.error.invalid_uri"),
            (#"[1,"realm1",{}]"#, "wamp.error.protocol_violation"),
            (#"[1,"realm1",{"roles":{}}]"#, "wamp.error.protocol_violation"),
            (#"[48,1,{},"a.b"]"#, "wamp.error.protocol_violation"),
            (
                #"[1,"realm1",{"roles":{"caller":{}},"authmethods":["ticket"]}]"#,
                "wamp.error.no_matching_auth_method"
            ),
        ])
    func refusedHello(_ hello: String, _ reason: String) async throws {
        try await withRouter { port, _ in
            var peer = try RawPeer(port: port)
            try peer.openRawSocket()
            peer.sendFrame(hello)
            #expect(try peer.readFrame().hasSuffix("\"\(reason)\"]"))
            #expect(try peer.readToEnd().isEmpty)
        }
    }

    @Test(
        "§4.3 a peer that takes messages of 512 bytes at most gets a WELCOME that it can take",
        arguments: [Serializer.json, .msgpack, .cbor])
    func smallestLimit(serializer: Serializer) async throws {
        try await withRouter { port, _ in
            var peer = try RawPeer(port: port)
            peer.send([0x7F, 0x00 | serializer.rawValue, 0, 0])
            _ = try peer.read(4)
            let hello = Message.hello(Hello(realm: "realm1", roles: Roles([.subscriber: []])))
            peer.sendFrame(Array(buffer: try MessageCoder.encode(hello, as: serializer)))
            let header = try peer.read(4)
            let length = Int(header[1]) << 16 | Int(header[2]) << 8 | Int(header[3])
            #expect(length <= 512)
            let frame = ByteBuffer(bytes: try peer.read(length))
            guard case .welcome(let welcome) = try MessageCoder.decode(frame, as: serializer) else {
                Issue.record("no WELCOME")
                return
            }
            #expect(welcome.details["roles"] == ["broker": [:], "dealer": [:]])
            #expect(welcome.details["authrole"] == "anonymous")
        }
    }

    @Test(
        "A RawSocket handshake that cannot be met gets its error",
        arguments: [
            ([0x7F, 0xF0, 0, 0], [0x7F, 0x10, 0, 0]), ([0x7F, 0xF9, 0, 0], [0x7F, 0x10, 0, 0]),
            ([0x7F, 0xF1, 1, 0], [0x7F, 0x30, 0, 0]), ([0x7F, 0xF1, 0, 1], [0x7F, 0x30, 0, 0]),
        ] as [([UInt8], [UInt8])])
    func rawSocketHandshake(_ request: [UInt8], _ reply: [UInt8]) async throws {
        try await withRouter { port, _ in
            var peer = try RawPeer(port: port)
            peer.send(request)
            #expect(try peer.readToEnd() == reply)
        }
    }

    @Test("A RawSocket frame above the limit ends its connection only")
    func oversizedFrame() async throws {
        try await withRouter({ $0.maxMessageBytes = 1024 }) { port, _ in
            var peer = try RawPeer(port: port)
            try peer.joinRawSocket()
            peer.send([0, 0, 8, 0])
            #expect(try peer.readToEnd().isEmpty)
            try expectAlive(port)
        }
    }

    @Test("A WebSocket message above the limit is closed with 1009, also in pieces")
    func oversizedMessage() async throws {
        try await withRouter({ $0.maxMessageBytes = 1024 }) { port, _ in
            var peer = try RawPeer(port: port)
            try peer.openWebSocket()
            peer.sendWebSocket([UInt8](repeating: 32, count: 700), final: false)
            peer.sendWebSocket([UInt8](repeating: 32, count: 700), opcode: 0)
            let (opcode, payload) = try peer.readWebSocket()
            #expect(opcode == 8)
            #expect(payload.prefix(2) == [0x03, 0xF1])
            #expect(String(decoding: payload, as: UTF8.self).contains("1024"))
            try expectAlive(port)
        }
    }

    @Test("A peer that is still sending its oversized message sees the close frame, not a reset")
    func oversizedMessageInFlight() async throws {
        try await withRouter({ $0.maxMessageBytes = 1024 }) { port, _ in
            var peer = try RawPeer(port: port)
            try peer.openWebSocket()
            peer.sendWebSocket([UInt8](repeating: 0xFF, count: 4 << 20))
            let (opcode, payload) = try peer.readWebSocket()
            #expect(opcode == 8)
            #expect(payload.prefix(2) == [0x03, 0xF1])
        }
    }

    @Test("A binary frame on a JSON connection is closed with 1003, bad UTF-8 with 1007")
    func wrongFrames() async throws {
        try await withRouter { port, _ in
            var binary = try RawPeer(port: port)
            try binary.openWebSocket()
            binary.sendWebSocket([1, 2, 3], opcode: 2)
            #expect(try binary.readWebSocket().payload.prefix(2) == [0x03, 0xEB])

            var text = try RawPeer(port: port)
            try text.openWebSocket()
            text.sendWebSocket([0x5B, 0xFF, 0x5D])
            #expect(try text.readWebSocket().payload.prefix(2) == [0x03, 0xEF])
        }
    }

    @Test(
        "An HTTP request that is no WebSocket upgrade for us is refused",
        arguments: [
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "426"),
            (RawPeer.upgrade("chat"), "400"),
            (RawPeer.upgrade("wamp.2.json", path: "/elsewhere"), "404"),
        ])
    func refusedUpgrade(_ request: String, _ status: String) async throws {
        try await withRouter { port, _ in
            var peer = try RawPeer(port: port)
            peer.send(Array(request.utf8))
            let answer = String(decoding: try peer.readToEnd(), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
            try expectAlive(port)
        }
    }

    @Test(
        "A first byte that is neither RawSocket's nor HTTP's ends the connection without an answer")
    func strangeFirstByte() async throws {
        try await withRouter { port, _ in
            var peer = try RawPeer(port: port)
            peer.send([0x16, 0x03, 0x01, 0x02, 0x00])
            #expect(try peer.readToEnd().isEmpty)
            try expectAlive(port)
        }
    }

    @Test("Who says nothing is cut at the handshake deadline")
    func silence() async throws {
        try await withRouter({ $0.handshakeTimeout = .milliseconds(200) }) { port, _ in
            var silent = try RawPeer(port: port)
            #expect(try silent.readToEnd().isEmpty)
            var shaken = try RawPeer(port: port)
            try shaken.openRawSocket()
            #expect(try shaken.readToEnd().isEmpty)
            try expectAlive(port)
        }
    }

    @Test("A callee that breaks the protocol leaves its callers with wamp.error.canceled")
    func violationOfCallee() async throws {
        try await withRouter { port, _ in
            var call = try RunningCall(of: "com.example.slow", port: port)
            #expect(call.invocation.hasPrefix("[68,1,"))
            call.callee.sendFrame("nonsense")
            #expect(
                try call.caller.readFrame() == #"[8,48,1,{},"wamp.error.canceled",["callee left"]]"#
            )
        }
    }

    @Test("§4.3 a peer that cannot take even the shortest WELCOME gets ABORT, and a close")
    func noWelcome() async throws {
        try await withRouter { port, _ in
            var peer = try RawPeer(port: port)
            peer.send([0x7F, 0x01, 0, 0])
            _ = try peer.read(4)
            let authid = String(repeating: #"\u0001"#, count: 256)
            peer.sendFrame(
                #"[1,"realm1",{"roles":{"caller":{}},"authid":"\#(authid)"}]"#)
            #expect(try peer.readFrame() == #"[3,{},"wamp.error.payload_size_exceeded"]"#)
            #expect(try peer.readToEnd().isEmpty)
            try expectAlive(port)
        }
    }

    @Test("A violation and a broken frame behind it, in one piece: the ABORT arrives, and a close")
    func brokenBehindViolation() async throws {
        try await withRouter { port, _ in
            var peer = try RawPeer(port: port)
            try peer.openWebSocket()
            let mask: [UInt8] = [0, 0, 0, 0]
            peer.send([0x81, 0x84] + mask + Array("[99]".utf8) + [0xA1, 0x80] + mask)
            let (opcode, payload) = try peer.readWebSocket()
            #expect(opcode == 1)
            #expect(String(decoding: payload, as: UTF8.self).hasPrefix("[3,"))
            #expect(try peer.readWebSocket().opcode == 8)
            #expect(try peer.readToEnd().isEmpty)
        }
    }

    @Test("No WebSocket peer is sent more than the router itself takes in a message")
    func largestWebSocketMessage() async throws {
        try await withRouter({ $0.maxMessageBytes = 1024 }) { port, _ in
            var callee = try RawPeer(port: port)
            try callee.openWebSocket()
            callee.sendWebSocket(#"[1,"realm1",{"roles":{"callee":{},"caller":{}}}]"#)
            _ = try callee.readWebSocket()
            callee.sendWebSocket(#"[64,1,{"match":"prefix"},"t."]"#)
            _ = try callee.readWebSocket()
            var caller = try RawPeer(port: port)
            try caller.joinRawSocket()
            let procedure = "t." + String(repeating: "x", count: 600)
            let filler = String(repeating: "y", count: 400)
            caller.sendFrame(#"[48,1,{},"\#(procedure)",["\#(filler)"]]"#)
            let refusal = try caller.readFrame()
            #expect(refusal.hasPrefix(#"[8,48,1,{},"wamp.error.payload_size_exceeded","#))
            callee.sendWebSocket(#"[48,2,{},"wamp.session.count"]"#)
            let answer = String(decoding: try callee.readWebSocket().payload, as: UTF8.self)
            #expect(answer.hasPrefix("[50,2,"))
        }
    }
}
