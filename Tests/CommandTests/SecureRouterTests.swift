// TLS as the command line has it: a router with a certificate, and calls that trust it or do not.

import Glibc
import Testing
import WAMP

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct SecureRouterTests {
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
        try requireCode(0, of: try await openssl.ended())
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
            expectCode(0, of: trusting, "\(url)")
            #expect(trusting.output == "1\n", "\(trusting)")
            let load = try await Program([
                "bench", "-u", url, "--tls-ca", certificate, "-n", "20", "--warmup", "0", "-o",
                "json",
            ]).ended()
            expectCode(0, of: load, "\(url)")
            #expect(load.output.contains("\"ok\":20"), "\(load)")
            let careless = try await Program(call + ["--insecure"]).ended()
            expectCode(0, of: careless, "\(url)")
            #expect(careless.talk.hasPrefix("warning: --insecure: "), "\(careless)")
            let careful = try await Program(call).ended()
            expectCode(3, of: careful, "\(url)")
            #expect(
                careful.talk.hasSuffix("hint: for a private authority: --tls-ca FILE\n"),
                "\(careful)")
            let plain = try await Program([
                "call", "wamp.session.count", "-u",
                url.replacing("wss:", with: "ws:").replacing("tls:", with: "tcp:"),
            ]).ended()
            expectCode(3, of: plain, "\(url)")
        }
        router.signal(SIGTERM)
        expectCode(0, of: try await router.ended())
    }

    @Test("TLS files that are missing, unreadable or no pair are usage errors")
    func usage() async throws {
        let (certificate, key) = try await makeCertificate()
        let (_, otherKey) = try await makeCertificate()
        for (words, text) in [
            (["router", "-p", "0", "--tls-cert", certificate], "go together"),
            (["router", "--listen", "wss://127.0.0.1:0/ws"], "needs a certificate"),
            (
                [
                    "router", "--listen", "ws://127.0.0.1:0/ws", "--tls-cert", certificate,
                    "--tls-key", key,
                ], "no listener begins with wss:// or tls://"
            ),
            (
                ["router", "-p", "0", "--tls-cert", certificate, "--tls-key", otherKey],
                "do not fit together"
            ),
            (["router", "-p", "0", "--tls-cert", key, "--tls-key", key], "holds no certificate"),
            (["call", "x", "-u", "wss://localhost", "--tls-ca", "/nowhere"], "'/nowhere'"),
            (["call", "x", "-u", "wss://localhost", "--tls-key", key], "go together"),
        ] {
            let outcome = try await Program(words).ended()
            expectCode(2, of: outcome, "\(words)")
            #expect(outcome.talk.contains(text), "\(words) \(outcome)")
        }
    }

    @Test("SIGHUP reads the TLS files again without a configuration file; bad ones change nothing")
    func reload() async throws {
        let (certificate, key) = try await makeCertificate()
        let (newCertificate, newKey) = try await makeCertificate()
        let router = try Program(
            ["router", "-p", "0", "--tls-cert", certificate, "--tls-key", key], announces: true)
        let url = try await router.ready()["listeners"]?.list?.first?.dictionary?["url"]?.string
        func call(trusting file: String) async throws -> Outcome {
            try await Program.run("call", "wamp.session.count", "-u", url ?? "", "--tls-ca", file)
        }
        let old = "\(certificate).old"
        try #require(rename(certificate, old) == 0)
        router.signal(SIGHUP)
        try await router.said("certificate and key not read again, those in force stay")
        expectCode(0, of: try await call(trusting: old))
        try #require(rename(newCertificate, certificate) == 0 && rename(newKey, key) == 0)
        router.signal(SIGHUP)
        try await router.said("certificate and key read again")
        expectCode(0, of: try await call(trusting: certificate))
        expectCode(3, of: try await call(trusting: old))
        router.signal(SIGTERM)
        expectCode(0, of: try await router.ended())
    }

    /// Certificates of an authority, in a new folder.
    private func makeCertificates() async throws -> String {
        var template = Array("/tmp/wampctl-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let script = try Program(["/\(tests)/certificates.sh", folder], executable: "/bin/sh")
        try requireCode(0, of: try await script.ended())
        return folder
    }

    @Test("--tls-cert and --tls-key of a client say who joins, where the router knows the name")
    func clientCertificate() async throws {
        let folder = try await makeCertificates()
        let text = """
            listeners: [ "wss://127.0.0.1:0/ws" ]
            tls: { cert: server.pem, key: server.key, client_ca: ca.pem }
            realms:
              - name: realm1
                anonymous: false
                users: [ { authid: alice, role: staff, tls: true } ]
                roles: [ { name: staff, allow: [], meta: [read] } ]
            """
        try #require(File.replace("\(folder)/router.yaml", with: text))
        let router = try Program(
            ["router", "--config", "\(folder)/router.yaml"], announces: true)
        let urls = try await router.ready()["listeners"]?.list?.compactMap {
            $0.dictionary?["url"]?.string
        }
        for url in try #require(urls) {
            func call(_ name: String?) async throws -> Outcome {
                var variables = ["WAMPCTL_TLS_CA": "\(folder)/ca.pem"]
                variables["WAMPCTL_TLS_CERT"] = name.map { "\(folder)/\($0).pem" }
                variables["WAMPCTL_TLS_KEY"] = name.map { "\(folder)/\($0).key" }
                return try await Program(
                    ["call", "wamp.session.count", "-v", "-u", url], environment: variables
                ).ended()
            }
            let alice = try await call("client")
            expectCode(0, of: alice, "\(url)")
            #expect(alice.output == "1\n", "\(alice)")
            #expect(alice.talk.contains("authid alice, role staff"), "\(alice)")
            // Known by the certificate, although instances have names of their own; not allowed.
            let callee = try await Program(
                ["register", "com.example.x", "-u", url],
                environment: [
                    "WAMPCTL_TLS_CA": "\(folder)/ca.pem",
                    "WAMPCTL_TLS_CERT": "\(folder)/client.pem",
                    "WAMPCTL_TLS_KEY": "\(folder)/client.key",
                ]
            ).ended()
            expectCode(5, of: callee, "\(url)")
            for name in [nil, "nobody"] {
                let refused = try await call(name)
                expectCode(4, of: refused, "\(url) \(name, default: "nobody")")
                #expect(refused.talk.contains("wamp.error.authentication_required"), "\(refused)")
            }
            for (name, text) in [
                ("impostor", "unknown ca"), ("late", "certificate expired"),
            ] {
                let refused = try await call(name)
                expectCode(3, of: refused, "\(url) \(name)")
                #expect(refused.talk.contains(text), "\(refused)")
            }
        }
        router.signal(SIGTERM)
        let log = try await router.ended().talk
        #expect(log.contains(#"reason="the client's certificate has expired""#))
        #expect(log.contains("the client's certificate is not signed by an authority"))
    }

    @Test("A listener that needs a certificate is told with its line, unless the line replaces it")
    func missingCertificate() async throws {
        let folder = try TemporaryFolder()
        let file = folder.write("router.yaml", "listeners:\n  - wss://127.0.0.1:0/ws\n")
        let refused = try await Program.run("router", "--config", file, "--check")
        expectCode(2, of: refused)
        #expect(refused.talk.contains("\(file):2:5: "), "\(refused)")
        #expect(refused.talk.contains("needs a certificate: add 'tls'"), "\(refused)")
        let replaced = try await Program.run("router", "--config", file, "--check", "-p", "0")
        expectCode(0, of: replaced)
    }
}
