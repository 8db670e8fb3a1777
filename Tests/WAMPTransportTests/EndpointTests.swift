// Which URLs are endpoints, and which are refused.

import Testing

@testable import WAMPTransport

@Suite struct EndpointTests {
    @Test(
        "a URL names address, framing, path and security",
        arguments: [
            ("ws://localhost:8080/ws", "localhost", 8080, Framing.webSocket, "/ws", false),
            ("ws://h", "h", 80, .webSocket, "/", false),
            ("WS://h?x=1", "h", 80, .webSocket, "/?x=1", false),
            ("wss://h/a/b?c", "h", 443, .webSocket, "/a/b?c", true),
            ("tcp://127.0.0.1:0", "127.0.0.1", 0, .rawSocket, "/", false),
            ("rs://[::1]:8081/", "::1", 8081, .rawSocket, "/", false),
            ("tls://h:1", "h", 1, .rawSocket, "/", true),
            ("rss://h:65535", "h", 65535, .rawSocket, "/", true),
        ])
    func parses(
        url: String, host: String, port: Int, framing: Framing, path: String, secure: Bool
    ) throws {
        let endpoint = try Endpoint(url)
        #expect(
            endpoint
                == Endpoint(
                    .tcp(host: host, port: port), framing: framing, path: path, isSecure: secure))
        #expect(try Endpoint(endpoint.description) == endpoint)
    }

    @Test("a unix URL is the path of a socket")
    func unix() throws {
        #expect(
            try Endpoint("unix:///tmp/x.sock")
                == Endpoint(.unix(path: "/tmp/x.sock"), framing: .rawSocket))
        #expect(try Endpoint("unix://x.sock").address == .unix(path: "x.sock"))
    }

    @Test(
        "what is not an endpoint is refused with a sentence that names it",
        arguments: [
            "localhost:8080", "http://h", "tcp://h", "tcp://h:80/x", "ws://", "ws://h:x",
            "ws://h:65536", "ws://h:", "tcp://::1:80", "ws://[::1", "ws://[::1]x", "ws://u@h/",
            "ws://h/a b", "ws://h/#a", "unix://", "unix://" + String(repeating: "p", count: 108),
        ])
    func refuses(url: String) {
        let error = #expect(throws: EndpointError.self) { try Endpoint(url) }
        #expect(error?.description.isEmpty == false)
    }
}
