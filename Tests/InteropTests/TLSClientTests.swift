// Clients with a TLS that is not ours, and what proves who they are over it: channel bindings and
// certificates.

import Foundation
import Subprocess
import Testing

private let missing = Comment("Autobahn|Python is not installed: run scripts/setup")

@Suite("Other clients over TLS", .serialized, .enabled(if: Installed.hasPython, missing))
struct TLSClientTests {
    @Test(
        "cryptosign: the channel binding is what OpenSSL exports (RFC 9266), and binds",
        arguments: Link.Transport.allCases)
    func binding(_ transport: Link.Transport) async throws {
        try await withSecuredRouter { router, folder in
            let seen = try await tlsPeer("binding", at: router.address(transport), folder)
            let joined: Seen = ["welcome", "chris", "staff", "cryptosign"]
            let denied: Seen = ["abort", "wamp.error.authentication_denied"]
            let bound: Seen = ["tls-exporter", joined]
            for name in [
                "bound", "bound again", "bound in a resumed TLS session", "TLS_AES_128_GCM_SHA256",
                "TLS_AES_256_GCM_SHA384",
            ] {
                #expect(try seen(name) == bound, "\(name)")
            }
            for name in ["differ", "resumed", "differs when resumed"] {
                #expect(try seen(name) == true, "\(name)")
            }
            for name in [
                "bound to another connection", "not bound as agreed", "bound unasked", "replayed",
                "TLS 1.2, bound all the same",
            ] {
                #expect(try seen(name) == denied, "\(name)")
            }
            #expect(try seen("the one it was made for") == joined)
            // There is no binding with TLS 1.2, and the challenge says so.
            let unbound: Seen = [nil, joined]
            #expect(try seen("TLS 1.2") == unbound)
        }
    }

    @Test(
        "cryptosign and wamp-scram: each kind of binding gets its answer, with and without TLS",
        arguments: Link.Transport.allCases, [true, false])
    func kinds(_ transport: Link.Transport, isSecure: Bool) async throws {
        try await withSecuredRouter(isSecure: isSecure) { router, folder in
            let seen = try await tlsPeer("kinds", at: router.address(transport), folder)
            let joined: Seen = ["welcome", "chris", "staff", "cryptosign"]
            let failed: Seen = ["abort", "wamp.error.authentication_failed"]
            let unbound: Seen = [nil, joined]
            let bound: Seen = ["tls-exporter", joined]
            #expect(try seen("cryptosign None") == unbound)
            #expect(try seen("cryptosign tls-exporter") == (isSecure ? bound : unbound))
            #expect(try seen("cryptosign tls-unique") == unbound)
            #expect(try seen("cryptosign tls-server-end-point") == Seen.list([failed]))
            #expect(try seen("cryptosign 7") == Seen.list([failed]))
            #expect(try seen("scram tls-exporter") == (isSecure ? "challenge" : failed))
            #expect(try seen("scram tls-server-end-point") == failed)
        }
    }

    @Test(
        "tls: a certificate of the authority names its user; others are refused, each for a reason",
        arguments: Link.Transport.allCases)
    func certificates(_ transport: Link.Transport) async throws {
        try await withSecuredRouter { router, folder in
            let seen = try await tlsPeer("certificates", at: router.address(transport), folder)
            let alice: Seen = ["welcome", "alice", "staff", "tls"]
            let unknown: Seen = ["abort", "wamp.error.no_matching_auth_method"]
            for version in ["1.3", "1.2"] {
                #expect(try seen("client \(version)") == alice, "\(version)")
                #expect(try seen("nobody \(version)") == unknown, "\(version)")
                #expect(try seen("None \(version)") == unknown, "\(version)")
                // OpenSSL has two names for one alert, in its versions.
                for (name, alert) in [
                    ("impostor", "unknown ca"), ("late", "certificate expired"),
                    ("machine", "unsupported certificate"),
                ] {
                    let end: [String]? = try seen("\(name) \(version)")
                    #expect(end?.first == "ended" && end?.last?.hasSuffix(alert) == true, "\(name)")
                }
            }
            for name in ["no methods", "another first", "own name", "own role"] {
                #expect(try seen(name) == alice, "\(name)")
            }
            let required: Seen = ["abort", "wamp.error.authentication_required"]
            #expect(try seen("nobody, no methods") == required)
            #expect(try seen("another's name") == unknown)
            let noRole: Seen = ["abort", "wamp.error.no_such_role"]
            #expect(try seen("another role") == noRole)
            let resumed: Seen = [true, alice]
            #expect(try seen("in a resumed TLS session") == resumed)
        }
    }

    @Test(
        "records of an octet, cut connections and renegotiation do no harm",
        arguments: Link.Transport.allCases)
    func fragments(_ transport: Link.Transport) async throws {
        try await withSecuredRouter { router, folder in
            let seen = try await tlsPeer("fragments", at: router.address(transport), folder)
            let joined: Seen = ["welcome", "chris", "staff", "cryptosign"]
            #expect(try seen("octet by octet") == joined)
            for name in ["cut off", "said farewell", "renegotiation"] {
                let end: [String?]? = try seen(name)
                #expect(end?.first == "ended", "\(name)")
            }
            let end: [String]? = try seen("refused while talking")
            #expect(end?.last?.hasSuffix("unknown ca") == true, "\(end ?? [])")
            let again = try await tlsPeer("kinds", at: router.address(transport), folder)
            #expect(try again("cryptosign None") == Seen.list([nil, joined]))
        }
    }

    @Test(
        "Autobahn|Python: ticket, wampcra and cryptosign, and calls, over wss and tls",
        arguments: [
            Link(transport: .websocket, serializer: "json"),
            Link(transport: .rawsocket, serializer: "cbor"),
        ])
    func autobahn(_ link: Link) async throws {
        try await withCertificates { folder in
            try await withFeatureRouter(tlsOptions(folder)) { router in
                let authority = "\(folder)/ca.pem"
                let seen = try await autobahnFeatures(
                    "auth", at: router, over: link, authority: authority)
                #expect(try seen("joined ticket") == ["tina", "master", "ticket"])
                #expect(try seen("joined wampcra salted") == ["sally", "guest", "wampcra"])
                #expect(try seen("joined cryptosign") == ["chris", "guest", "cryptosign"])
                #expect(try seen("refused wrong ticket") == "wamp.error.authentication_denied")
                #expect(try seen("refused anonymous") == "wamp.error.authentication_required")
                #expect(try seen("allowed call") == "open")
                let calls = try await autobahnFeatures(
                    "calls", at: router, over: link, authority: authority)
                #expect(try calls("progressive results") == [0, 1, 2, 3, 4])
                #expect(try calls("outcome cancelled") == "cancelled")
                await #expect(throws: Trouble.self) {
                    _ = try await autobahnFeatures(
                        "calls", at: router, over: link, authority: "\(folder)/foreign.pem")
                }
            }
        }
    }

    @Test(
        "Autobahn|JS over wss", .enabled(if: Installed.hasJavaScript),
        arguments: Link.serializers)
    func autobahnJavaScript(_ serializer: String) async throws {
        try await withCertificates { folder in
            try await withRouter(tlsOptions(folder)) { router in
                let seen = try await autobahnJS(
                    "conflicts", at: router, serializer: serializer,
                    authority: "\(folder)/ca.pem")
                #expect(try seen("roundrobin answers") == "holder")
            }
        }
    }
}

private func tlsOptions(_ folder: String) -> [String] {
    ["--tls-cert", "\(folder)/server.pem", "--tls-key", "\(folder)/server.key"]
}

/// Runs `body` with new certificates in a folder of their own.
private func withCertificates(_ body: @Sendable (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory
        .appending(path: "wampctl-tls-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
        at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(at: folder) }
    let script = Installed.packageRoot.appending(path: "Tests/certificates.sh").path
    let made = try await run("sh", [script, folder.path])
    guard made.status == .exited(0) else { throw Trouble(description: "\(made)") }
    try await body(folder.path)
}

/// Runs `body` beside a router whose only realm lets in alice by her certificate, chris by his key
/// and sam by his password.
private func withSecuredRouter(
    isSecure: Bool = true, _ body: @Sendable (RouterAddresses, String) async throws -> Void
) async throws {
    try await withCertificates { folder in
        let directory = URL(filePath: folder)
        try write("pencil", to: directory.appending(path: "password"))
        let made = try await wampctl(
            "keygen", "scram", "--kdf", "pbkdf2", "--authid", "sam", "--role", "staff",
            "--secret-file", "\(folder)/password", "-f", "\(folder)/sam")
        guard made.status == .exited(0) else { throw Trouble(description: "\(made)") }
        let file = directory.appending(path: "router.yaml")
        try write(isSecure ? tls + realms : realms, to: file)
        try await withRouter(
            ["--config", file.path] + (isSecure ? tlsOptions(folder) : [])
        ) { router in
            try await body(router, folder)
        }
    }
}

private let tls = "tls: { cert: server.pem, key: server.key, client_ca: ca.pem }\n"

private let realms = """
    realms:
      - name: realm1
        anonymous: false
        users:
          - { authid: alice, role: staff, tls: true }
          - { authid: sam, role: staff, scram_file: sam }
          - { authid: tina, role: staff, ticket_file: password }
          - authid: chris
            role: staff
            cryptosign: [ "1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d" ]
        roles:
          - name: staff
            allow: [ { uri: "", match: prefix, actions: [call, register, publish, subscribe] } ]
    """
