// TLS as the command line has it: a router with a certificate, and calls that trust it or do not.

import Glibc
import Testing
import WAMP

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(5))) struct SecureRouterTests {
    /// A certificate for localhost, signed by itself, in a new folder.
    private func makeCertificate() async throws -> (certificate: String, key: String) {
        var template = Array("/tmp/wampctl-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let openssl = try Program(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost", "-days", "30",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                "\(folder)/key.pem", "-out", "\(folder)/cert.pem",
            ], executable: "/usr/bin/env")
        try #require(try await openssl.ended().code == 0)
        return ("\(folder)/cert.pem", "\(folder)/key.pem")
    }

    @Test("--tls-cert and --tls-key make the port speak TLS, and the ready line says so")
    func router() async throws {
        let (certificate, key) = try await makeCertificate()
        let router = try Program(
            ["router", "-p", "0", "-q", "--tls-cert", certificate, "--tls-key", key],
            announces: true)
        let ready = try await router.ready()
        let urls = ready["listeners"]?.list?.compactMap { $0.dictionary?["url"]?.string } ?? []
        #expect(urls.count == 2)
        #expect(urls.first?.hasPrefix("wss://127.0.0.1:") == true)
        #expect(urls.last?.hasPrefix("tls://127.0.0.1:") == true)
        for url in urls {
            let call = ["call", "wamp.session.count", "-u", url]
            let trusting = try await Program(
                call + ["--tls-ca", certificate]
            ).ended()
            #expect(trusting.code == 0 && trusting.output == "1\n", "\(trusting.talk)")
            let careless = try await Program(call + ["--insecure"]).ended()
            #expect(careless.code == 0 && careless.talk.hasPrefix("warning: --insecure: "))
            let careful = try await Program(call).ended()
            #expect(careful.code == 3, "\(careful.talk)")
            #expect(careful.talk.hasSuffix("hint: for a private authority: --tls-ca FILE\n"))
            let plain = try await Program([
                "call", "wamp.session.count", "-u",
                url.replacing("wss:", with: "ws:").replacing("tls:", with: "tcp:"),
            ]).ended()
            #expect(plain.code == 3)
        }
        router.signal(SIGTERM)
        #expect(try await router.ended().code == 0)
    }

    @Test("TLS files that are missing, unreadable or no pair are usage errors")
    func usage() async throws {
        let (certificate, key) = try await makeCertificate()
        let (_, otherKey) = try await makeCertificate()
        for (words, text) in [
            (["router", "-p", "0", "--tls-cert", certificate], "go together"),
            (["router", "--listen", "wss://127.0.0.1:0/ws"], "needs a certificate"),
            (
                ["router", "-p", "0", "--tls-cert", certificate, "--tls-key", otherKey],
                "do not fit together"
            ),
            (["router", "-p", "0", "--tls-cert", key, "--tls-key", key], "holds no certificate"),
            (["call", "x", "-u", "wss://localhost", "--tls-ca", "/nowhere"], "'/nowhere'"),
            (["call", "x", "-u", "wss://localhost", "--tls-key", key], "go together"),
        ] {
            let outcome = try await Program(words).ended()
            #expect(outcome.code == 2 && outcome.talk.contains(text), "\(words) \(outcome.talk)")
        }
    }
}
