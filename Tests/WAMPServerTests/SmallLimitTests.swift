// A RawSocket peer that takes messages of 512 bytes at most: whatever the router has to tell it, it
// tells in fewer words.

import NIOCore
import Testing
import WAMP
import WAMPRouter

@testable import WAMPServer

@Suite(.timeLimit(.minutes(10))) struct SmallLimitTests {
    private static let long = String(repeating: "so it is said ", count: 100)

    /// A peer that announces the smallest limit there is.
    private func open(_ port: Int, _ serializer: Serializer = .json) throws -> RawPeer {
        var peer = try RawPeer(port: port)
        peer.send([0x7F, 0x00 | serializer.rawValue, 0, 0])
        _ = try peer.read(4)
        return peer
    }

    private static let hello =
        #"[1,"realm1",{"roles":{"caller":{},"callee":{"features":{"registration_revocation":true"#
        + #"}},"publisher":{},"subscriber":{"features":{"subscription_revocation":true}}}}]"#

    private func joined(_ port: Int) throws -> RawPeer {
        var peer = try open(port)
        peer.sendFrame(Self.hello)
        _ = try peer.readFrame()
        return peer
    }

    @Test("who is killed with a long message is told why, cut, and at once")
    func goodbye() async throws {
        try await withRouter { port, _ in
            var small = try joined(port)
            var other = try RawPeer(port: port)
            try other.joinRawSocket()
            other.sendFrame(
                #"[48,1,{},"wamp.session.kill_all",[],{"reason":"com.example.enough","#
                    + "\"message\":\"\(Self.long)\"}]")
            _ = try other.readFrame()
            let goodbye = try small.readFrame()
            #expect(goodbye.utf8.count <= 512)
            #expect(goodbye.hasPrefix(#"[6,{"message":"so it is said "#))
            #expect(goodbye.hasSuffix(#""com.example.enough"]"#))
        }
    }

    @Test("an ERROR with a long sentence keeps its URI and the beginning of the sentence")
    func error() async throws {
        try await withRouter { port, _ in
            var small = try joined(port)
            var other = try RawPeer(port: port)
            try other.joinRawSocket()
            other.sendFrame(#"[64,1,{},"com.example.p"]"#)
            _ = try other.readFrame()
            small.sendFrame(#"[48,1,{},"com.example.p"]"#)
            _ = try other.readFrame()
            other.sendFrame("[8,68,1,{},\"com.example.failed\",[\"\(Self.long)\"]]")
            let error = try small.readFrame()
            #expect(error.utf8.count <= 512)
            #expect(error.hasPrefix("[8,48,1,{"))
            #expect(error.contains("\"com.example.failed\",[\"so it is said "))
            // What is no sentence cannot be cut.
            small.sendFrame(#"[48,2,{},"com.example.p"]"#)
            _ = try other.readFrame()
            other.sendFrame("[8,68,2,{},\"com.example.failed\",[1,\"\(Self.long)\"]]")
            #expect(try small.readFrame().contains("wamp.error.payload_size_exceeded"))
        }
    }

    @Test("the router's own refusal fits, however long what was asked for")
    func refusal() async throws {
        try await withRouter { port, _ in
            var small = try joined(port)
            small.sendFrame("[64,1,{\"invoke\":\"\(Self.long)\"},\"com.example.p\"]")
            let error = try small.readFrame()
            #expect(error.utf8.count <= 512)
            #expect(error.hasPrefix(#"[8,64,1,{},"wamp.error.invalid_argument""#))
        }
    }

    @Test("a registration that is taken away for a long reason is known to be gone")
    func revocation() async throws {
        try await withRouter { port, _ in
            var small = try joined(port)
            var other = try RawPeer(port: port)
            try other.joinRawSocket()
            small.sendFrame(#"[64,1,{},"com.example.p"]"#)
            let registration = try #require(
                try small.readFrame().split(separator: ",").last?.dropLast())
            let session = try sessions(of: String(registration), asked: &other)
            let reason = "com.example." + String(repeating: "x", count: 600)
            other.sendFrame(
                "[48,9,{},\"wamp.registration.remove_callee\",[\(registration),\(session)],"
                    + "{\"reason\":\"\(reason)\"}]")
            let revoked = try small.readFrame()
            #expect(revoked.utf8.count <= 512)
            #expect(revoked.hasPrefix("[67,0,{"))
            #expect(revoked.contains("\"registration\":\(registration)"))
        }
    }

    private func sessions(of registration: String, asked peer: inout RawPeer) throws -> String {
        peer.sendFrame("[48,8,{},\"wamp.registration.list_callees\",[\(registration)]]")
        let answer = try peer.readFrame()
        return String(
            answer.drop { $0 != "[" }.split(separator: "[").last?.prefix { $0 != "]" } ?? "")
    }

    @Test("the ABORT of a HELLO for a realm with a long name fits")
    func abort() async throws {
        try await withRouter { port, _ in
            var small = try open(port)
            small.sendFrame(
                Self.hello.replacing("realm1", with: "r." + String(repeating: "x", count: 900)))
            let abort = try small.readFrame()
            #expect(abort.utf8.count <= 512)
            #expect(abort.hasPrefix("[3,{") && abort.hasSuffix("\"wamp.error.no_such_realm\"]"))
        }
    }

    @Test("a user with a long name is challenged by WAMP-CRA in no more than 512 bytes")
    func challenge() async throws {
        let name = String(repeating: "n", count: 256)
        try await withRouter {
            $0.realms[0].principals.users = [
                Principal(
                    authid: name, role: "user",
                    credentials: [.wampcra(secret: "secret", salt: nil)])
            ]
            $0.realms[0].allowsAnonymous = false
        } _: { port, _ in
            var small = try open(port)
            small.sendFrame(
                Self.hello.replacing(
                    "}]", with: ",\"authmethods\":[\"wampcra\"],\"authid\":\"\(name)\"}]"))
            let challenge = try small.readFrame()
            #expect(challenge.utf8.count <= 512)
            #expect(challenge.hasPrefix(#"[4,"wampcra",{"challenge":"#))
        }
    }
}
