// Which pages may connect: hosts, origins and the rule over them.

import Testing

@testable import WAMPTransport

@Suite struct OriginTests {
    /// Whether a page may come in.
    private func admits(
        _ origin: String, at host: String, allowing allowed: [String] = [],
        onLoopback isOnLoopback: Bool = false
    ) throws -> Bool {
        var rule = OriginRule()
        rule.allowed = try allowed.map { try OriginPattern($0) }
        rule.isOnLoopback = isOnLoopback
        return rule.refusal(of: origin, at: host) == nil
    }

    @Test(
        "a page of the router's own host comes in, whatever its port and however it is spelled",
        arguments: [
            ("http://router.example", "router.example"),
            ("https://router.example:8443", "router.example:8080"),
            ("HTTPS://Router.Example", "router.example"),
            ("http://router.example.", "ROUTER.example:80"),
            ("http://192.0.2.7:3000", "192.0.2.7:8080"),
            ("http://[2001:db8::1]", "[2001:DB8:0:0::1]:8080"),
            ("http://[::ffff:192.0.2.7]", "192.0.2.7"),
            ("ws://router.example", "router.example"), ("http://my_host", "my_host:8080"),
            ("http://router.example:", "router.example:"),
        ])
    func sameHost(origin: String, host: String) throws {
        #expect(try admits(origin, at: host))
    }

    @Test(
        "no other page comes in, and none whose origin only looks like the router's",
        arguments: [
            "http://evil.example", "http://router.example.evil.example",
            "http://evilrouter.example", "http://sub.router.example", "http://example",
            "http://router.example@evil.example", "http://evil.example@router.example",
            "http://router.example:80@evil.example", "http://router.example/",
            "http://router.example#", "http://router.example?", "http://router.example\\.evil",
            "http://router.example:8080.evil.example", "http://router.example:x",
            "http://router.example:65536", "http://router.example:-1", "http:router.example",
            "http:///router.example", "//router.example", "router.example", "",
            "http://", "null", "http://router.example http://router.example",
            "http://router.example, http://router.example", "http://router..example",
            "http://.router.example", "http://router.example..", "http://router%2eexample",
            "chrome-extension://router.example", "file://", "file:///router.example",
            "http://[router.example]", "http://[::1", "http://[::1]x", "ht tp://router.example",
            "http://röuter.example", "1http://router.example", "http://router.example\t",
        ])
    func otherHost(origin: String) throws {
        #expect(try !admits(origin, at: "router.example:8080"))
        #expect(try !admits(origin, at: "router.example:8080", onLoopback: true))
    }

    @Test(
        "on loopback, page and router are called by names of loopback, whichever",
        arguments: [
            ("http://localhost:3000", "localhost:8080"), ("http://localhost", "127.0.0.1:8080"),
            ("http://127.0.0.1:3000", "localhost:8080"), ("http://[::1]:3000", "[::1]:8080"),
            ("http://app.localhost:3000", "localhost:8080"),
            ("http://LOCALHOST.:3000", "localhost"), ("http://127.8.9.1", "127.0.0.1"),
            ("https://localhost", "[0:0:0:0:0:0:0:1]:8080"),
            ("http://[::ffff:127.0.0.1]", "127.0.0.1."),
        ])
    func loopback(origin: String, host: String) throws {
        #expect(try admits(origin, at: host, onLoopback: true))
        #expect(try admits(origin, at: host))
    }

    @Test(
        "on loopback, a name that a page may own opens nothing, even where both have it",
        arguments: [
            ("http://rebound.example:8080", "rebound.example:8080"),
            ("http://localhost.rebound.example", "localhost.rebound.example"),
            ("http://127.0.0.1.rebound.example", "127.0.0.1.rebound.example"),
            ("http://localhost", "rebound.example"), ("http://rebound.example", "localhost"),
            ("http://192.0.2.7", "192.0.2.7"), ("http://0.0.0.0", "0.0.0.0"),
            ("http://localhost.localdomain", "localhost.localdomain"),
            ("http://notlocalhost", "notlocalhost"), ("http://127.0.0.1x", "127.0.0.1x"),
            ("http://[::2]", "[::2]"), ("http://localhost", ""), ("http://localhost", "a b"),
        ])
    func rebound(origin: String, host: String) throws {
        #expect(try !admits(origin, at: host, onLoopback: true))
    }

    @Test(
        "what is allowed comes in besides",
        arguments: [
            ("https://app.example.com", "https://app.example.com", true),
            ("https://app.example.com", "HTTPS://App.Example.com:443", true),
            ("https://app.example.com", "https://app.example.com:444", false),
            ("https://app.example.com", "http://app.example.com", false),
            ("https://app.example.com:8443", "https://app.example.com:8443", true),
            ("https://app.example.com:8443", "https://app.example.com", false),
            ("http://[::1]:3000", "http://[0::1]:3000", true),
            ("*.example.com", "https://app.example.com", true),
            ("*.example.com", "http://a.b.EXAMPLE.com:3000", true),
            ("*.example.com", "https://example.com", false),
            ("*.example.com", "https://badexample.com", false),
            ("*.example.com", "https://app.example.com.evil.example", false),
            ("*.example.com", "null", false), ("*.example.com:8443", "http://a.example.com", false),
            ("https://*.example.com", "https://app.example.com", true),
            ("https://*.example.com", "https://app.example.com:8443", false),
            ("https://*.example.com", "http://app.example.com", false),
            ("https://*.example.com:8443", "https://app.example.com:8443", true),
            ("null", "null", true), ("null", "http://null", false), ("null", "NULL", false),
            ("*", "http://evil.example", true), ("*", "null", true), ("*", "nonsense", true),
            ("file://", "file://", true), ("file://", "null", false),
            ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh", true),
            ("capacitor://localhost", "capacitor://localhost", true),
            ("capacitor://localhost", "http://localhost", false),
        ])
    func allowed(pattern: String, origin: String, isAllowed: Bool) throws {
        for isOnLoopback in [false, true] {
            #expect(
                try admits(
                    origin, at: "router.example", allowing: ["http://x", pattern],
                    onLoopback: isOnLoopback) == isAllowed, "\(isOnLoopback)")
        }
    }

    @Test(
        "an entry of allowed_origins that can mean nothing is refused with what may stand there",
        arguments: [
            "", "**", "*.", "*example.com", "example.com", "https://example.com/",
            "https://example.com/path", "https://a@example.com", "https://*", "a.*.example.com",
            "https://example.com:port", "Null", "https://", "*://example.com",
            "https://x*.example.com",
        ])
    func faultyPattern(text: String) {
        #expect {
            _ = try OriginPattern(text)
        } throws: { error in
            "\(error)".contains("scheme://host")
        }
    }

    @Test("a refusal names the entry that lets the page in")
    func cure() throws {
        for (origin, entry) in [
            ("HTTP://Evil.example:80", "http://evil.example"), ("null", "null"),
            ("https://evil.example:8443", "https://evil.example:8443"), ("file://", "file://"),
        ] {
            let text = try #require(OriginRule().refusal(of: origin, at: "h"), "\(origin)")
            #expect(text.contains("allowed_origins: ['\(entry)']"), "\(origin)")
            #expect(try admits(origin, at: "h", allowing: [entry]), "\(origin)")
        }
        let text = try #require(OriginRule().refusal(of: "http://a@b", at: "b"))
        #expect(!text.contains("a@b"))
    }
}
