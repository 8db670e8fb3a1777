// The HTTP side of WebSocket: what is accepted, and with which status the rest is refused.

import NIOCore
import Testing
import WAMP

@testable import WAMPTransport

@Suite struct WebSocketUpgradeTests {
    static let fields = [
        "Host: h", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: foo, wamp.2.cbor, wamp.2.json",
    ]

    /// A request with one field replaced (or left out, for an empty replacement).
    static func request(
        _ line: String = "GET /ws HTTP/1.1", replacing name: String = "none", by field: String = ""
    ) -> String {
        let kept = fields.map { $0.hasPrefix(name + ":") ? field : $0 }.filter { !$0.isEmpty }
        return ([line] + kept).joined(separator: "\r\n") + "\r\n\r\n"
    }

    private func answer(_ text: String) -> WebSocketUpgrade.Answer { answer(Array(text.utf8)) }

    private func answer(_ bytes: [UInt8], _ rule: OriginRule = OriginRule())
        -> WebSocketUpgrade.Answer
    {
        guard case .complete(let head, bytes.count) = HTTPHead.parse(ByteBuffer(bytes: bytes))
        else { return WebSocketUpgrade.badRequest }
        return WebSocketUpgrade.answer(
            head, paths: ["/ws": rule, "/": rule], serializers: Serializer.allCases)
    }

    private func status(_ text: String) -> Int { status(Array(text.utf8)) }

    private func status(_ bytes: [UInt8], _ rule: OriginRule = OriginRule()) -> Int {
        switch answer(bytes, rule) {
        case .accept: 101
        case .refuse(let status, let response, _):
            response.hasPrefix("HTTP/1.1 \(status) ") ? status : -1
        }
    }

    @Test("the first subprotocol the client offers that is known is taken; the key is answered")
    func accepts() {
        guard case .accept(let agreement, let response) = answer(Self.request()) else {
            Issue.record("refused")
            return
        }
        #expect(agreement == WebSocketAgreement(.cbor))
        #expect(response.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
        #expect(response.contains("\r\nSec-WebSocket-Protocol: wamp.2.cbor\r\n"))
        #expect(response.hasSuffix("\r\n\r\n"))
    }

    @Test(
        "names, tokens and forms of the target are read generously",
        arguments: [
            request("GET /ws?token=1 HTTP/1.1"), request("GET / HTTP/1.1"),
            request("GET ws://h/ws HTTP/1.1"),
            request(replacing: "Upgrade", by: "UPGRADE: WebSocket"),
            request(replacing: "Connection", by: "connection:\tupgrade "),
            request().split(separator: "\r\n", omittingEmptySubsequences: false)
                .joined(separator: "\n"),
        ])
    func generous(text: String) {
        #expect(status(text) == 101)
    }

    @Test(
        "what is not an upgrade to WAMP is refused with the status that says why",
        arguments: [
            (request("POST /ws HTTP/1.1"), 405), (request("GET /ws HTTP/1.0"), 400),
            (request("GET /ws"), 400), (request("GET ws HTTP/1.1"), 400),
            (request("GET /other HTTP/1.1"), 404),
            (request(replacing: "Upgrade"), 426), (request(replacing: "Connection"), 426),
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 426),
            (request(replacing: "Sec-WebSocket-Version", by: "Sec-WebSocket-Version: 8"), 426),
            (request(replacing: "Host"), 400), (request(replacing: "Sec-WebSocket-Key"), 400),
            (request(replacing: "Sec-WebSocket-Key", by: "Sec-WebSocket-Key: c2hvcnQ="), 400),
            (request(replacing: "Sec-WebSocket-Protocol"), 400),
            (request(replacing: "Host", by: "Host h"), 400),
            (request(replacing: "Host", by: "Ho st: h"), 400),
            (request(replacing: "Host", by: "Host: h\u{01}"), 400),
        ])
    func refuses(text: String, expected: Int) {
        #expect(status(text) == expected)
    }

    @Test("a target's path ends with the query, and is behind a host only if one is named")
    func targets() {
        let expected: KeyValuePairs<String, Int> = [
            "/ws?next=http://a/b": 101, "ws://h?next=/a": 101, "/ws?\u{301}": 101,
            "/a?b=c://d/ws": 404, "/a://b/ws": 404, "?a=b://c/ws": 400,
        ]
        for (target, expected) in expected {
            let found = status(Self.request("GET \(target) HTTP/1.1"))
            #expect(found == expected, "\(target)")
        }
    }

    @Test("a wrong version is told the right one")
    func version() {
        let text = Self.request(
            replacing: "Sec-WebSocket-Version", by: "Sec-WebSocket-Version: 12")
        guard case .refuse(426, let response, _) = answer(text) else {
            Issue.record("not 426")
            return
        }
        #expect(response.contains("\r\nSec-WebSocket-Version: 13\r\n"))
    }

    /// `text` with each `¤` replaced by a byte that UTF-8 does not have.
    private func bytes(_ text: some StringProtocol) -> [UInt8] {
        text.split(separator: "¤", omittingEmptySubsequences: false).map { Array($0.utf8) }
            .joined(separator: [0xE9]).map { $0 }
    }

    @Test(
        "a field with bytes that are not UTF-8 is ignored unless it is one that is read",
        arguments: [
            ("Cookie: caf¤=1", 101), ("User-Agent: ¤", 101), ("X-Forwarded-For: ¤", 101),
            ("Cookie: ¤\r\nCookie: caf¤", 101), ("Host: ¤", 400), ("Upgrade: ¤", 400),
            ("Connection: ¤", 400), ("Origin: http://h¤", 400),
            ("Sec-WebSocket-Protocol: ¤, wamp.2.json", 400), ("Sec-WebSocket-Key: ¤", 400),
            ("Sec-WebSocket-Version: ¤", 400), ("Sec-WebSocket-Extensions: ¤", 400),
            ("Cook¤ie: a", 400), ("Cookie: \u{0}", 400), ("Cookie: \u{7F}", 400),
        ])
    func opaqueField(field: String, expected: Int) {
        let text = Self.request().dropLast(1) + field + "\r\n\r\n"
        #expect(status(bytes(text)) == expected)
    }

    @Test("what is not UTF-8 may stand in the query of a request's target and not in its path")
    func opaqueTarget() {
        #expect(status(bytes(Self.request("GET /ws?name=caf¤ HTTP/1.1"))) == 101)
        #expect(status(bytes(Self.request("GET /w¤s HTTP/1.1"))) == 400)
        #expect(status(bytes(Self.request("GET /¤?ws HTTP/1.1"))) == 400)
        #expect(status(bytes(Self.request("¤ET /ws HTTP/1.1"))) == 405)
        #expect(status(bytes(Self.request("GET /ws HTTP/1.1¤"))) == 400)
    }

    @Test("a client takes an answer whose phrase and unread fields are not UTF-8")
    func opaqueAnswer() {
        let text = bytes("HTTP/1.1 404 N¤o\r\nServer: caf¤\r\n\r\n")
        guard case .complete(let head, _) = HTTPHead.parse(ByteBuffer(bytes: text)) else {
            Issue.record("malformed")
            return
        }
        #expect(fault(head, .json, "")?.contains("HTTP 404 N\u{FFFD}o") == true)
    }

    @Test("a page from elsewhere gets 403 that says how it is let in; two origins are none")
    func origin() throws {
        func request(_ fields: String...) -> [UInt8] {
            bytes(Self.request().dropLast(1) + fields.joined(separator: "\r\n") + "\r\n\r\n")
        }
        #expect(status(request("Origin: http://h:3000")) == 101)
        #expect(status(request("origin: https://H")) == 101)
        #expect(status(request("Origin: http://h", "Origin: http://h")) == 400)
        let evil = request("Origin: http://Evil.example:81")
        guard case .refuse(403, let response, let text) = answer(evil) else {
            Issue.record("not refused")
            return
        }
        #expect(text.contains("allowed_origins: ['http://evil.example:81']"))
        #expect(response.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
        #expect(response.hasSuffix("\r\n\r\n\(text)\n"))
        var rule = OriginRule()
        rule.allowed = [try OriginPattern("http://evil.example:81")]
        #expect(status(evil, rule) == 101)
    }

    @Test("a head is complete with its empty line and not before")
    func everyCut() {
        let text = Array(Self.request().utf8)
        for end in 0..<text.count {
            #expect(HTTPHead.parse(ByteBuffer(bytes: text[..<end])) == .incomplete, "\(end)")
        }
        #expect(
            HTTPHead.parse(ByteBuffer(repeating: UInt8(ascii: "a"), count: HTTPHead.longest))
                == .tooLong)
    }

    @Test("our request is accepted by our server, and its answer by our client")
    func bothSides() {
        let key = WebSocketUpgrade.newKey()
        let request = WebSocketUpgrade.request(
            host: "h:1", path: "/ws", serializer: .msgpack, key: key)
        guard case .accept(WebSocketAgreement(.msgpack), let response) = answer(request),
            case .complete(let head, _) = HTTPHead.parse(ByteBuffer(string: response))
        else {
            Issue.record("not accepted")
            return
        }
        #expect(fault(head, .msgpack, key) == nil)
        #expect(fault(head, .json, key) != nil)
        #expect(fault(head, .msgpack, WebSocketUpgrade.newKey()) != nil)
        var extended = head
        extended.fields.append(.init(name: "sec-websocket-extensions", value: "x"))
        #expect(fault(extended, .msgpack, key) != nil)
    }

    private func fault(_ head: HTTPHead, _ serializer: Serializer, _ key: String) -> String? {
        switch WebSocketUpgrade.read(head, serializer: serializer, key: key) {
        case .success: nil
        case .failure(let refusal): refusal.description
        }
    }

    @Test("a client tells the HTTP status of a refusal")
    func clientRefused() {
        let head = HTTPHead(startLine: "HTTP/1.1 404 Not Found", fields: [])
        #expect(fault(head, .json, "")?.contains("404 Not Found") == true)
    }
}
