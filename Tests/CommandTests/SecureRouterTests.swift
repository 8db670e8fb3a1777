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
            let load = try await Program([
                "bench", "-u", url, "--tls-ca", certificate, "-n", "20", "--warmup", "0", "-o",
                "json",
            ]).ended()
            #expect(load.code == 0 && load.output.contains("\"ok\":20"), "\(load.talk)")
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
            #expect(outcome.code == 2 && outcome.talk.contains(text), "\(words) \(outcome.talk)")
        }
    }

    @Test("SIGHUP reads the TLS files again without a configuration file; bad ones change nothing")
    func reload() async throws {
        let (certificate, key) = try await makeCertificate()
        let (newCertificate, newKey) = try await makeCertificate()
        let router = try Program(
            ["router", "-p", "0", "--tls-cert", certificate, "--tls-key", key], announces: true)
        let url = try await router.ready()["listeners"]?.list?.first?.dictionary?["url"]?.string
        func code(trusting file: String) async throws -> Int32 {
            try await Program(
                ["call", "wamp.session.count", "-u", url ?? "", "--tls-ca", file]
            ).ended().code
        }
        let old = "\(certificate).old"
        try #require(rename(certificate, old) == 0)
        router.signal(SIGHUP)
        try await router.said("certificate and key not read again, those in force stay")
        #expect(try await code(trusting: old) == 0)
        try #require(rename(newCertificate, certificate) == 0 && rename(newKey, key) == 0)
        router.signal(SIGHUP)
        try await router.said("certificate and key read again")
        #expect(try await code(trusting: certificate) == 0)
        #expect(try await code(trusting: old) == 3)
        router.signal(SIGTERM)
        #expect(try await router.ended().code == 0)
    }

    /// Certificates of an authority, in a new folder.
    private func makeCertificates() async throws -> String {
        var template = Array("/tmp/wampctl-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let script = try Program(["/\(tests)/certificates.sh", folder], executable: "/bin/sh")
        try #require(try await script.ended().code == 0)
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
            #expect(alice.code == 0 && alice.output == "1\n", "\(alice.talk)")
            #expect(alice.talk.contains("authid alice, role staff"), "\(alice.talk)")
            // Known by the certificate, although instances have names of their own; not allowed.
            let callee = try await Program(
                ["register", "com.example.x", "-u", url],
                environment: [
                    "WAMPCTL_TLS_CA": "\(folder)/ca.pem",
                    "WAMPCTL_TLS_CERT": "\(folder)/client.pem",
                    "WAMPCTL_TLS_KEY": "\(folder)/client.key",
                ]
            ).ended()
            #expect(callee.code == 5, "\(callee.talk)")
            for name in [nil, "nobody"] {
                let refused = try await call(name)
                #expect(refused.code == 4, "\(refused.talk)")
                #expect(refused.talk.contains("wamp.error.authentication_required"))
            }
            for (name, text) in [
                ("impostor", "unknown ca"), ("late", "certificate expired"),
            ] {
                let refused = try await call(name)
                #expect(refused.code == 3, "\(refused.talk)")
                #expect(refused.talk.contains(text), "\(refused.talk)")
            }
        }
        router.signal(SIGTERM)
        let log = try await router.ended().talk
        #expect(log.contains(#"reason="the client's certificate has expired""#))
        #expect(log.contains("the client's certificate is not signed by an authority"))
    }

    @Test("A listener that needs a certificate is told with its line, unless the line replaces it")
    func missingCertificate() async throws {
        let folder = try Folder()
        let file = folder.write("router.yaml", "listeners:\n  - wss://127.0.0.1:0/ws\n")
        let refused = try await Program.run("router", "--config", file, "--check")
        #expect(refused.code == 2)
        #expect(refused.talk.contains("\(file):2:5: "), "\(refused.talk)")
        #expect(refused.talk.contains("needs a certificate: add 'tls'"), "\(refused.talk)")
        let replaced = try await Program.run("router", "--config", file, "--check", "-p", "0")
        #expect(replaced.code == 0, "\(replaced.talk)")
    }
}
