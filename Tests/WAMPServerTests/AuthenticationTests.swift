// Router and client together, by each method: protocol.md §10.

import Logging
import NIOPosix
import Testing
import WAMP
import WAMPClient
import WAMPRouter
import WAMPServer
import WAMPTransport

@Suite("Authentication of sessions", .timeLimit(.minutes(10))) struct AuthenticationTests {
    private static let key = [UInt8](repeating: 7, count: 32)

    private static func principals(_ change: (inout Principals) -> Void) -> Principals {
        var principals = Principals()
        principals.anonymousRole = nil
        let salt = CRASalt(salt: "salt123", iterations: 1000)
        func verifier(_ derivation: SCRAMVerifier.Derivation) -> [Credential] {
            SCRAMVerifier(
                password: "secret", derivation: derivation,
                salt: [UInt8](repeating: 3, count: 16), iterations: 3, memory: 64
            ).map { [.scram($0)] } ?? []
        }
        principals.users = [
            Principal(authid: "ticket", role: "worker", credentials: [.ticket("secret")]),
            Principal(
                authid: "plain", role: "worker",
                credentials: [.wampcra(secret: "secret", salt: nil)]),
            Principal(
                authid: "salted", role: "worker",
                credentials: [
                    .wampcra(secret: CRA.key(secret: "secret", salt: salt) ?? "", salt: salt)
                ]),
            Principal(authid: "pbkdf2", role: "worker", credentials: verifier(.pbkdf2)),
            Principal(authid: "argon2", role: "worker", credentials: verifier(.argon2id13)),
            Principal(
                authid: "key", role: "worker",
                credentials: [
                    .cryptosign(publicKeys: [Cryptosign.publicKey(of: key) ?? []])
                ]),
        ]
        change(&principals)
        return principals
    }

    /// Runs `body` with a router that has one realm.
    private func withRouter(
        _ change: (inout Principals) -> Void = { _ in }, _ body: (Endpoint) async throws -> Void
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let realm = RealmConfiguration(
            name: "realm1", settings: RealmSettings(), principals: Self.principals(change))
        let router = RouterServer(
            configuration: Configuration(
                listeners: [try Endpoint("ws://127.0.0.1:0/ws")], realms: [realm]),
            logger: logger)
        let endpoint = try await router.start()[0]
        do {
            try await body(endpoint)
        } catch {
            await router.stop()
            throw error
        }
        await router.stop()
    }

    private func join(
        _ endpoint: Endpoint, _ authid: String?, _ authentication: Authentication,
        authrole: String? = nil
    ) async throws(ClientError) -> Session {
        var options = SessionOptions()
        options.authid = authid
        options.authrole = authrole
        options.authentication = authentication
        return try await Session.join(
            endpoint, options: options, on: MultiThreadedEventLoopGroup.singleton)
    }

    private func refusal(
        _ endpoint: Endpoint, _ authid: String?, _ authentication: Authentication
    ) async -> ErrorURI? {
        do throws(ClientError) {
            await (try join(endpoint, authid, authentication)).leave()
            return nil
        } catch {
            guard case .refused(let reason, _, _) = error else { return ErrorURI("\(error)") }
            return reason
        }
    }

    @Test(
        "A session joins by each method, named or left to the router",
        arguments: [
            ("ticket", Authentication.Method.ticket, "ticket"), ("plain", .wampcra, "wampcra"),
            ("salted", .wampcra, "wampcra"), ("pbkdf2", .scram, "wamp-scram"),
            ("argon2", .scram, "wamp-scram"), ("key", .cryptosign, "cryptosign"),
        ])
    func joins(authid: String, method: Authentication.Method, name: String) async throws {
        try await withRouter { endpoint in
            for method in [method, .auto] {
                let hasKey = authid == "key"
                let session = try await join(
                    endpoint, authid,
                    Authentication(
                        method, secret: hasKey ? nil : "secret",
                        privateKey: hasKey ? Self.key : nil))
                #expect(session.authid == authid, "\(method)")
                #expect(session.authrole == "worker", "\(method)")
                #expect(session.welcome["authmethod"]?.string == name, "\(method)")
                await session.leave()
            }
        }
    }

    @Test("A wrong secret and an unknown user are denied alike, by each method")
    func denied() async throws {
        try await withRouter { endpoint in
            for (authid, method) in [
                ("ticket", Authentication.Method.ticket), ("plain", .wampcra),
                ("salted", .wampcra), ("pbkdf2", .scram), ("argon2", .scram),
            ] {
                let wrong = Authentication(method, secret: "guess")
                #expect(
                    await refusal(endpoint, authid, wrong) == .authenticationDenied,
                    "\(authid) \(method)")
                #expect(
                    await refusal(endpoint, "nobody", wrong) == .authenticationDenied,
                    "\(authid) \(method)")
            }
            let wrong = Authentication(
                .cryptosign, privateKey: [UInt8](repeating: 8, count: 32))
            #expect(await refusal(endpoint, "key", wrong) == .authenticationDenied)
            #expect(await refusal(endpoint, nil, wrong) == .authenticationDenied)
        }
    }

    @Test("Who brings nothing is told that authentication is required")
    func required() async throws {
        try await withRouter { endpoint in
            #expect(await refusal(endpoint, nil, Authentication()) == .authenticationRequired)
            #expect(
                await refusal(endpoint, nil, Authentication(.anonymous)) == .authenticationRequired
            )
        }
    }

    @Test("A client that asks the router to prove itself believes the right one only")
    func routerProof() async throws {
        let routerKey = [UInt8](repeating: 5, count: 32)
        try await withRouter {
            $0.signingKey = routerKey
        } _: { endpoint in
            var authentication = Authentication(.cryptosign, privateKey: Self.key)
            authentication.routerKey = Cryptosign.publicKey(of: routerKey)
            #expect(await refusal(endpoint, "key", authentication) == nil)
            authentication.routerKey = Cryptosign.publicKey(of: Self.key)
            #expect(await refusal(endpoint, "key", authentication) == .authenticationFailed)
        }
    }

    @Test("A procedure of the realm says who further users are")
    func dynamic() async throws {
        try await withRouter {
            $0.authenticator = "com.example.authn"
        } _: { endpoint in
            let authentication = Authentication(.wampcra, secret: "from the procedure")
            // Nobody serves it yet.
            #expect(await refusal(endpoint, "dora", authentication) == .authenticationFailed)
            let authenticator = try await join(
                endpoint, "ticket", Authentication(.ticket, secret: "secret"))
            _ = try await authenticator.register("com.example.authn") { request in
                guard let (args, _) = try? request.payload.values(), args.count == 3,
                    args[1] == "dora"
                else {
                    request.fail("com.example.unknown")
                    return
                }
                request.reply(args: [["role": "guest", "secret": "from the procedure"]])
            }
            let session = try await join(endpoint, "dora", authentication)
            #expect(session.authid == "dora")
            #expect(session.authrole == "guest")
            #expect(session.welcome["authprovider"]?.string == "dynamic")
            #expect(
                await refusal(endpoint, "dora", Authentication(.wampcra, secret: "guess"))
                    == .authenticationDenied)
            #expect(await refusal(endpoint, "eve", authentication) == .authenticationDenied)
            await session.leave()
            await authenticator.leave()
        }
    }

    @Test("Anything but AUTHENTICATE while challenged is a violation, and ABORT ends it silently")
    func outOfTurn() async throws {
        try await WAMPServerTests.withRouter { configuration in
            configuration.realms[0].principals = Self.principals { _ in }
        } _: { port, _ in
            let hello = Message.hello(
                Hello(
                    realm: "realm1", roles: Roles([.caller: []]), authmethods: ["ticket"],
                    authid: "ticket"))
            let peer = try MessagePeer(port: port, .json)
            try peer.send([hello])
            guard case .challenge(let challenge) = try peer.next() else {
                throw Breach("no CHALLENGE")
            }
            #expect(challenge.method == "ticket")
            try peer.send([.call(Call(request: RequestID(1), procedure: "a.b"))])
            guard case .abort(let abort) = try peer.next() else { throw Breach("no ABORT") }
            #expect(abort.reason == .protocolViolation)

            let other = try MessagePeer(port: port, .json)
            try other.send([hello])
            _ = try other.next()
            try other.send([.abort(Abort(reason: .closeNormal))])
            #expect(throws: Breach.self) { try other.next() }
            #expect(other.hasEnded)
        }
    }

    @Test("Who does not answer the challenge in time is sent away (§3.1)")
    func tooLate() async throws {
        try await WAMPServerTests.withRouter { configuration in
            configuration.realms[0].principals = Self.principals { _ in }
            configuration.handshakeTimeout = .milliseconds(200)
            configuration.keepalive = .milliseconds(100)
        } _: { port, _ in
            let peer = try MessagePeer(port: port, .json)
            try peer.send([
                .hello(
                    Hello(
                        realm: "realm1", roles: Roles([.caller: []]), authmethods: ["ticket"],
                        authid: "ticket"))
            ])
            _ = try peer.next()
            guard case .abort(let abort) = try peer.next() else { throw Breach("no ABORT") }
            #expect(abort.reason == .authenticationFailed)
        }
    }
}
