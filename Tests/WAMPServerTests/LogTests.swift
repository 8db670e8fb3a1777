// What the server logs of sessions and connections: who came, who was refused and why.

import BareSockets
import Glibc
import Logging
import Synchronization
import Testing
import WAMP
import WAMPRouter
import WAMPServer

/// Keeps what is logged, as `level message` and the fields.
final class LogRecord: Sendable {
    struct Line {
        let what: String
        let fields: [String: String]
    }

    private let state = Mutex<[Line]>([])

    var lines: [Line] { state.withLock { $0 } }

    func first(_ what: String) -> [String: String]? { lines.first { $0.what == what }?.fields }

    var logger: Logger { Logger(label: "test") { _ in Handler(record: self) } }

    private struct Handler: LogHandler {
        let record: LogRecord
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = Line(
                what: "\(event.level) \(event.message)",
                fields: (event.metadata ?? [:]).mapValues { "\($0)" })
            record.state.withLock { $0.append(line) }
        }
    }
}

@Suite struct LogTests {
    private static let hello = #"[1,"realm1",{"roles":{"caller":{},"publisher":{}}}]"#

    /// What a peer that sends these frames leaves in the log, and whether it was sent ABORT.
    private func log(
        _ frames: [String], change: (inout Configuration) -> Void = { _ in }
    ) async throws -> LogRecord {
        let record = LogRecord()
        try await withRouter(change, logger: record.logger) { port, _ in
            var peer = try RawPeer(port: port)
            try peer.openRawSocket()
            for frame in frames { peer.sendFrame(frame) }
            let text = String(decoding: try peer.readToEnd(), as: UTF8.self)
            #expect(text.contains("[3,{"), "there was no ABORT: \(text)")
        }
        return record
    }

    @Test(
        "Every ABORT that is sent is logged at info, with its reason and what it says",
        arguments: [
            (["[48,1,{},\"a.b\"]"], "info session refused", "protocol_violation", "before HELLO"),
            (["no JSON"], "info session refused", "protocol_violation", "a list"),
            (
                ["[1,\"nowhere\",{\"roles\":{\"caller\":{}}}]"], "info session refused",
                "no_such_realm", "nowhere"
            ),
            (["[1,\"realm1\",{}]"], "info session refused", "protocol_violation", "roles"),
            ([hello, "no JSON"], "info session left", "protocol_violation", "a list"),
            ([hello, hello], "info session left", "protocol_violation", "HELLO"),
            ([hello, "[50,1,{}]"], "info session left", "protocol_violation", "RESULT"),
            ([hello, "[48,0,{},\"a.b\"]"], "info session left", "protocol_violation", ""),
        ])
    func aborts(frames: [String], what: String, reason: String, text: String) async throws {
        let record = try await log(frames)
        let fields = try #require(record.first(what), "\(record.lines)")
        #expect(fields["reason"] == "wamp.error.\(reason)")
        #expect(fields["text"]?.contains(text) == true, "\(fields)")
        #expect(fields["peer"]?.hasPrefix("127.0.0.1:") == true)
        #expect(what.hasSuffix("refused") || fields["by"] == "router")
        if reason == "no_such_realm" { #expect(fields["realm"] == "nowhere") }
        for line in record.lines {
            #expect(
                line.fields.keys.allSatisfy { !["time", "level", "message"].contains($0) },
                "\(line)")
        }
    }

    @Test("An ABORT of the client is logged with what it says")
    func abortOfClient() async throws {
        let record = LogRecord()
        try await withRouter(logger: record.logger) { port, _ in
            var peer = try RawPeer(port: port)
            try peer.joinRawSocket()
            peer.sendFrame(#"[3,{"message":"tired"},"com.example.tired"]"#)
            #expect(try peer.readToEnd().isEmpty)
        }
        let fields = try #require(record.first("info session left"))
        #expect(fields["by"] == "client" && fields["text"] == "tired")
        #expect(fields["reason"] == "com.example.tired")
    }

    @Test("A peer that never says HELLO, or never shakes hands, is logged when it is sent away")
    func silence() async throws {
        let record = LogRecord()
        try await withRouter({ $0.handshakeTimeout = .milliseconds(50) }, logger: record.logger) {
            port, _ in
            var silent = try RawPeer(port: port)
            try silent.openRawSocket()
            #expect(try silent.readToEnd().isEmpty)
            var mute = try RawPeer(port: port)
            #expect(try mute.readToEnd().isEmpty)
        }
        let reasons = record.lines.filter { $0.what == "info connection closed" }
            .compactMap { $0.fields["reason"] }
        #expect(
            reasons == [
                "there was no HELLO in time", "the transport handshake took too long",
            ], "\(record.lines)")
    }

    @Test("A peer that resets its connection at once is none on a Unix socket")
    func resetAtOnce() async throws {
        let record = LogRecord()
        try await withRouter(logger: record.logger) { port, _ in
            for _ in 0..<50 {
                var socket = try BareSocket(port: port)
                socket.send(Array("garbage".utf8))
                socket.close(withReset: true)
            }
            var last = try RawPeer(port: port)
            try last.joinRawSocket()
        }
        let peers = Set(record.lines.compactMap { $0.fields["peer"] })
        #expect(peers.allSatisfy { $0 == "unknown" || $0.hasPrefix("127.0.0.1:") }, "\(peers)")
    }

    @Test("Whoever joins is logged with role and method")
    func joining() async throws {
        let record = LogRecord()
        try await withRouter(logger: record.logger) { port, _ in
            var peer = try RawPeer(port: port)
            try peer.joinRawSocket()
        }
        let fields = try #require(record.first("info session joined"))
        #expect(fields["role"] == "anonymous" && fields["method"] == "anonymous")
    }

    @Test("Denied requests are logged at debug, also those that nobody is told of")
    func denied() async throws {
        let record = LogRecord()
        var role = RolePermissions()
        role.rules = [PermissionRule(URIPattern("com.open", match: .exact), actions: [.call])]
        var settings = RealmSettings()
        settings.permissions = Permissions(roles: ["anonymous": role])
        let realm = RealmConfiguration(name: "realm1", settings: settings, principals: Principals())
        let session = try await withRouter({ $0.realms = [realm] }, logger: record.logger) {
            port, _ in
            var peer = try RawPeer(port: port)
            try peer.joinRawSocket()
            peer.sendFrames([
                #"[48,1,{},"com.open"]"#, #"[48,2,{},"com.a"]"#, #"[16,3,{},"com.b"]"#,
                #"[64,4,{},"com.c"]"#, #"[32,5,{"match":"prefix"},"com.d"]"#,
                #"[48,6,{},"wamp.session.count"]"#, #"[48,7,{},"com.open"]"#,
            ])
            var answers = 0
            while answers < 6 {
                _ = try peer.readFrame()
                answers += 1
            }
            return answers
        }
        #expect(session == 6)
        let lines = record.lines.filter { $0.what == "debug request denied" }.map(\.fields)
        #expect(
            lines.map { "\($0["action"] ?? "") \($0["uri"] ?? "")" } == [
                "call com.a", "publish com.b", "register com.c", "subscribe com.d",
                "call wamp.session.count",
            ])
        let joined = record.first("info session joined")
        for line in lines {
            #expect(line["session"] == joined?["session"] && line["role"] == "anonymous", "\(line)")
            #expect(
                line["error"] == "wamp.error.not_authorized" && line["realm"] == "realm1", "\(line)"
            )
        }
    }
}
