// How somebody proves who it is: protocol.md §3.1, §10.

import Testing
import WAMP

@testable import WAMPRouter

/// A client that knows a name, and perhaps a secret.
private struct Applicant {
    var method: String
    var authid: String?
    var secret = "secret"
    var key = [UInt8](repeating: 7, count: 32)
    var authrole: String?
    var channelBinding: Value = .null

    static let nonce = "AAECAwQFBgcICQoLDA0ODw=="

    var hello: Hello {
        var extra: Value.Dictionary = [
            "nonce": .string(Applicant.nonce), "channel_binding": channelBinding,
        ]
        if let open = Cryptosign.publicKey(of: key) {
            extra.append("pubkey", .string(HexText.text(open)))
        }
        return Hello(
            realm: "realm1", roles: Roles([.caller: []]), authmethods: [method], authid: authid,
            authrole: authrole, authextra: extra)
    }

    /// The right answer to a challenge, as far as the secret is right.
    func answer(_ challenge: Challenge) -> Authenticate {
        let extra = challenge.extra
        switch challenge.method {
        case "ticket": return Authenticate(signature: secret)
        case "wampcra":
            let salt = extra["salt"]?.string.map {
                CRASalt(salt: $0, iterations: Int(extra["iterations"]?.unsigned ?? 0))
            }
            return Authenticate(
                signature: CRA.signature(
                    of: extra["challenge"]?.string ?? "",
                    key: CRA.key(secret: secret, salt: salt) ?? ""))
        case "cryptosign":
            let challenge = HexText.decode(extra["challenge"]?.string ?? "") ?? []
            return Authenticate(
                signature: Cryptosign.signature(of: challenge, privateKey: key) ?? "")
        default:
            let salt = Base64.decode(extra["salt"]?.string ?? "") ?? []
            let iterations = Int(extra["iterations"]?.unsigned ?? 0)
            let keys = SCRAM.Keys(
                password: secret, derivation: .pbkdf2, salt: salt, iterations: iterations,
                memory: nil)
            let exchange = SCRAM.Exchange(
                authid: authid ?? "", clientNonce: Applicant.nonce,
                nonce: extra["nonce"]?.string ?? "", salt: salt, iterations: iterations)
            return Authenticate(
                signature: Base64.text(exchange.proof(keys?.clientKey ?? [])),
                extra: ["nonce": extra["nonce"] ?? .null, "channel_binding": .null])
        }
    }
}

@Suite("Candidates") struct CandidateTests {
    static let methods = ["ticket", "wampcra", "wamp-scram", "cryptosign"]
    private static let secret = [UInt8](repeating: 9, count: 32)

    /// alice has every credential, bob only a ticket, carol only a certificate.
    private static func principals(authenticator: String? = nil) -> Principals {
        var principals = Principals()
        principals.anonymousRole = nil
        let salt = CRASalt(salt: "salt123", iterations: 1000)
        let verifier = SCRAMVerifier(
            password: "secret", derivation: .pbkdf2, salt: [UInt8](repeating: 3, count: 16),
            iterations: 100, memory: nil)
        principals.users = [
            Principal(
                authid: "alice", role: "admin",
                credentials: [
                    .ticket("secret"),
                    .wampcra(secret: CRA.key(secret: "secret", salt: salt) ?? "", salt: salt),
                    .cryptosign(publicKeys: [
                        Cryptosign.publicKey(of: [UInt8](repeating: 7, count: 32)) ?? []
                    ]),
                ] + (verifier.map { [.scram($0)] } ?? [])),
            Principal(authid: "bob", role: "worker", credentials: [.ticket("other")]),
            Principal(authid: "carol", role: "worker", credentials: [.tls]),
        ]
        principals.authenticator = authenticator
        return principals
    }

    private func decide(
        _ hello: Hello, _ principals: Principals = principals(),
        transport: TransportFacts = TransportFacts()
    ) -> Admission {
        Admission.decide(
            on: .hello(hello), limits: Limits(), transport: transport, secret: Self.secret
        ) { _ in principals }
    }

    private func chance(_ fill: UInt8 = 1) -> Candidate.Chance {
        Candidate.Chance(
            nonce: [UInt8](repeating: fill, count: 32), session: SessionID(4711),
            unixMilliseconds: 0)
    }

    /// A candidate and the first step with it.
    private func begin(
        _ hello: Hello, _ principals: Principals = principals(), chance fill: UInt8 = 1,
        transport: TransportFacts = TransportFacts()
    ) throws -> (Candidate, Candidate.Step) {
        guard
            case .authenticate("realm1", var candidate) = decide(
                hello, principals, transport: transport)
        else { throw Unexpected() }
        let step = candidate.start(chance(fill))
        return (candidate, step)
    }

    /// A candidate that has been challenged, and the challenge.
    private func challenge(
        _ hello: Hello, chance fill: UInt8 = 1
    ) throws -> (Candidate, Challenge) {
        let (candidate, step) = try begin(hello, chance: fill)
        guard case .challenge(let challenge) = step else { throw Unexpected() }
        return (candidate, challenge)
    }

    private struct Unexpected: Error {}

    private func abort(_ step: Candidate.Step) -> Abort? {
        if case .refuse(let abort, _) = step { abort } else { nil }
    }

    private static func denial(
        by method: String, _ text: String = "the credentials were not accepted"
    ) -> Abort {
        Abort(
            details: ["message": .string(text), "authmethod": .string(method)],
            reason: .authenticationDenied)
    }

    @Test("Who knows the secret joins under the challenged id with its role", arguments: methods)
    func joins(method: String) throws {
        let alice = Applicant(method: method, authid: "alice")
        var (candidate, challenge) = try challenge(alice.hello)
        #expect(challenge.method == method)
        guard case .join(let newcomer) = candidate.received(alice.answer(challenge)) else {
            throw Unexpected()
        }
        #expect(newcomer.session == SessionID(4711))
        #expect(newcomer.authid == "alice")
        #expect(newcomer.authrole == "admin")
        #expect(newcomer.authmethod == method)
        #expect(newcomer.authprovider == "static")
        #expect((newcomer.authextra?["verifier"] != nil) == (method == "wamp-scram"))
    }

    @Test(
        "A wrong secret, an unknown user, a replayed answer and a truncated one are refused alike",
        arguments: methods)
    func refusedAlike(method: String) throws {
        let alice = Applicant(method: method, authid: "alice")
        var wrong = alice
        wrong.secret = "guess"
        wrong.key = [UInt8](repeating: 8, count: 32)
        let mallory = Applicant(method: method, authid: "mallory")

        var (first, firstChallenge) = try challenge(wrong.hello)
        #expect(abort(first.received(wrong.answer(firstChallenge))) == Self.denial(by: method))

        var (unknown, unknownChallenge) = try challenge(mallory.hello)
        #expect(unknownChallenge.method == method)
        #expect(unknownChallenge.extra.keys == firstChallenge.extra.keys)
        #expect(
            abort(unknown.received(mallory.answer(unknownChallenge))) == Self.denial(by: method))

        let (_, earlier) = try challenge(alice.hello, chance: 2)
        var (replayed, _) = try challenge(alice.hello)
        if method != "ticket" {
            #expect(abort(replayed.received(alice.answer(earlier))) == Self.denial(by: method))
        }

        var (cut, whole) = try challenge(alice.hello)
        var answer = alice.answer(whole)
        answer.signature.removeLast(4)
        #expect(abort(cut.received(answer)) == Self.denial(by: method))
        var (empty, _) = try challenge(alice.hello)
        #expect(abort(empty.received(Authenticate(signature: ""))) == Self.denial(by: method))
    }

    @Test("An unknown user is told the same salt every time, and another one than others")
    func stableSalt() throws {
        for method in ["wampcra", "wamp-scram"] {
            let salts = try ["mallory", "mallory", "trent", "alice"].map { name in
                let (_, challenge) = try challenge(
                    Applicant(method: method, authid: name).hello,
                    chance: UInt8.random(in: 1...200))
                return challenge.extra["salt"]?.string
            }
            #expect(salts[0] == salts[1], "\(method)")
            #expect(Set(salts).count == 3, "\(method)")
            #expect(Set(salts.map { $0?.count }).count == 1, "\(method)")
        }
    }

    @Test("Somebody who cannot serve the method asked for is challenged all the same, and denied")
    func missingCredential() throws {
        let bob = Applicant(method: "wampcra", authid: "bob", secret: "other")
        var (candidate, challenge) = try challenge(bob.hello)
        #expect(challenge.method == "wampcra")
        #expect(abort(candidate.received(bob.answer(challenge))) == Self.denial(by: "wampcra"))
    }

    @Test("The first method of the client's list that the user can serve is taken")
    func order() throws {
        for (list, expected) in [
            (["cookie", "wampcra", "ticket"], "wampcra"), (["ticket", "wampcra"], "ticket"),
        ] {
            var hello = Applicant(method: "", authid: "alice").hello
            hello.authmethods = list
            #expect(try challenge(hello).1.method == expected, "\(list)")
        }
        var bob = Applicant(method: "", authid: "bob").hello
        bob.authmethods = ["wampcra", "ticket"]
        #expect(try challenge(bob).1.method == "ticket")
    }

    @Test("No method in common is no_matching_auth_method; anonymous, not let in, is required")
    func nothingInCommon() {
        for (list, reason) in [
            (["cookie"], ErrorURI.noMatchingAuthMethod), ([], .authenticationRequired),
            (["anonymous"], .authenticationRequired),
        ] {
            var hello = Applicant(method: "").hello
            hello.authmethods = list
            guard case .refuse(let abort) = decide(hello) else {
                Issue.record("\(list)")
                continue
            }
            #expect(abort.reason == reason, "\(list)")
        }
    }

    @Test("A ticket is not taken where others may listen, unless the realm says so")
    func plainTicket() throws {
        let hello = Applicant(method: "ticket", authid: "alice").hello
        let open = TransportFacts(isPrivate: false)
        guard case .refuse(let abort) = decide(hello, transport: open) else { throw Unexpected() }
        #expect(abort.reason == .noMatchingAuthMethod)
        var principals = Self.principals()
        principals.takesPlainTickets = true
        guard case .authenticate = decide(hello, principals, transport: open) else {
            throw Unexpected()
        }
    }

    @Test("A role that is not the user's is no_such_role, but only for who has proved itself")
    func requestedRole() throws {
        var alice = Applicant(method: "ticket", authid: "alice", authrole: "root")
        var (candidate, challenged) = try challenge(alice.hello)
        #expect(
            abort(candidate.received(alice.answer(challenged)))?.reason == .noSuchRole)
        alice.secret = "guess"
        (candidate, challenged) = try challenge(alice.hello)
        #expect(abort(candidate.received(alice.answer(challenged))) == Self.denial(by: "ticket"))
    }

    @Test("A client certificate is enough for its user, and for nobody else")
    func certificate() {
        var hello = Applicant(method: "tls").hello
        for (name, asked, expected) in [
            ("carol", nil, "carol"), ("carol", "carol", "carol"), ("carol", "alice", nil),
            ("alice", nil, nil), (nil, "carol", nil),
        ] as [(String?, String?, String?)] {
            hello.authid = asked
            let decision = decide(hello, transport: TransportFacts(certificateName: name))
            if case .join(_, let newcomer) = decision {
                #expect(newcomer.authid == expected, "\(name) \(asked)")
                #expect(newcomer.authmethod == "tls", "\(name) \(asked)")
                #expect(newcomer.authrole == "worker", "\(name) \(asked)")
            } else {
                #expect(expected == nil, "\(name) \(asked)")
            }
        }
    }

    @Test("Whoever shows a user's certificate is held to no method of somebody else")
    func certificateAmongMethods() {
        let facts = TransportFacts(certificateName: "carol")
        for methods in [["ticket", "tls"], ["wampcra", "wamp-scram", "cryptosign", "tls"]] {
            for byte in UInt8(0)..<16 {
                var hello = Applicant(method: "tls").hello
                hello.authmethods = methods
                hello.authextra = nil
                let decision = Admission.decide(
                    on: .hello(hello), limits: Limits(), transport: facts,
                    secret: [UInt8](repeating: byte, count: 32)
                ) { _ in Self.principals() }
                guard case .join(_, let newcomer) = decision else {
                    Issue.record("\(methods): \(decision)")
                    continue
                }
                #expect(newcomer.authid == "carol", "\(methods) \(byte)")
            }
        }
    }

    @Test("Anonymous sessions cannot take the name of somebody where names mean something")
    func anonymousName() {
        var principals = Self.principals()
        principals.anonymousRole = "guest"
        let hello = Applicant(method: "anonymous", authid: "alice").hello
        guard case .join(_, let newcomer) = decide(hello, principals) else {
            Issue.record("not let in")
            return
        }
        #expect(newcomer.authid == nil)
        #expect(newcomer.authrole == "guest")
    }

    // MARK: Cryptosign

    @Test("Without an authid the key says who it is")
    func keyOnly() throws {
        let applicant = Applicant(method: "cryptosign")
        var (candidate, challenged) = try challenge(applicant.hello)
        guard case .join(let newcomer) = candidate.received(applicant.answer(challenged)) else {
            throw Unexpected()
        }
        #expect(newcomer.authid == "alice")
    }

    @Test("The signature is bound to the channel where there is an id of it")
    func channelBinding() throws {
        let applicant = Applicant(
            method: "cryptosign", authid: "alice", channelBinding: "tls-exporter")
        let id = [UInt8](repeating: 0x55, count: 32)
        var (candidate, step) = try begin(
            applicant.hello, transport: TransportFacts(channelID: id))
        guard case .challenge(let challenge) = step else { throw Unexpected() }
        #expect(challenge.extra["channel_binding"] == "tls-exporter")
        var unbound = candidate
        #expect(
            abort(unbound.received(applicant.answer(challenge))) == Self.denial(by: "cryptosign"))
        let message = Cryptosign.message(challenge: chance().nonce, channelID: id)
        let signature = Cryptosign.signature(of: message, privateKey: applicant.key) ?? ""
        guard case .join = candidate.received(Authenticate(signature: signature)) else {
            throw Unexpected()
        }

        let (_, plain) = try self.challenge(applicant.hello)
        #expect(plain.extra["channel_binding"] == .null)
        let strange = Applicant(
            method: "cryptosign", authid: "alice", channelBinding: "tls-magic")
        #expect(abort(try begin(strange.hello).1)?.reason == .authenticationFailed)
    }

    @Test("A client that asks for it is shown the realm's own signature")
    func routerSignature() throws {
        var principals = Self.principals()
        principals.signingKey = [UInt8](repeating: 6, count: 32)
        var hello = Applicant(method: "cryptosign", authid: "alice").hello
        let theirs = [UInt8](repeating: 0xAB, count: 32)
        hello.authextra?["challenge"] = .string(HexText.text(theirs))
        guard case .challenge(let challenge) = try begin(hello, principals).1 else {
            throw Unexpected()
        }
        let key = HexText.decode(challenge.extra["pubkey"]?.string ?? "") ?? []
        #expect(key == Cryptosign.publicKey(of: [UInt8](repeating: 6, count: 32)))
        #expect(
            Cryptosign.isValid(
                challenge.extra["signature"]?.string ?? "", of: theirs, publicKey: key))
    }

    @Test("HELLO without what the method needs is authentication_failed")
    func malformedHello() throws {
        for (method, key, value) in [
            ("cryptosign", "pubkey", "12"), ("cryptosign", "challenge", "xx"),
            ("wamp-scram", "nonce", "not base64"), ("wamp-scram", "nonce", ""),
            ("wamp-scram", "channel_binding", "tls-unique"),
        ] {
            var hello = Applicant(method: method, authid: "alice").hello
            hello.authextra?[key] = .string(value)
            #expect(abort(try begin(hello).1)?.reason == .authenticationFailed, "\(method) \(key)")
        }
    }

    // MARK: The authenticator

    private static let dynamic = principals(authenticator: "com.example.authn")

    @Test("The authenticator is asked with realm, authid and details; for a ticket, with it")
    func asked() throws {
        let dora = Applicant(method: "ticket", authid: "dora")
        var (candidate, step) = try begin(dora.hello, Self.dynamic)
        guard case .challenge(let challenge) = step,
            case .ask(let procedure, let args) = candidate.received(dora.answer(challenge))
        else { throw Unexpected() }
        #expect(procedure == "com.example.authn")
        #expect(args[0] == "realm1" && args[1] == "dora")
        let details = args[2].dictionary
        #expect(details?["authmethod"] == "ticket")
        #expect(details?["session"] == 4711)
        #expect(details?["ticket"] == "secret")
        #expect(details?["transport"]?.dictionary != nil)
        #expect(details?["authextra"]?.dictionary?["nonce"] == .string(Applicant.nonce))
        guard case .join(let newcomer) = candidate.answered(.values(["worker"], [:])) else {
            throw Unexpected()
        }
        #expect(newcomer.authid == "dora" && newcomer.authrole == "worker")
        #expect(newcomer.authprovider == "dynamic")
    }

    @Test("What the authenticator says of a user is challenged like a user of the realm's own")
    func dynamicUsers() throws {
        let verifier = SCRAMVerifier(
            password: "secret", derivation: .pbkdf2, salt: [1, 2, 3], iterations: 10, memory: nil)
        let open = Cryptosign.publicKey(of: [UInt8](repeating: 7, count: 32)) ?? []
        for (method, fields) in [
            ("wampcra", ["secret": "secret"] as Value.Dictionary),
            ("cryptosign", ["pubkey": .string(HexText.text(open))]),
            ("wamp-scram", verifier?.fields ?? [:]),
        ] {
            var result = fields
            result["role"] = "worker"
            result["authid"] = method == "wamp-scram" ? nil : "renamed"
            result["extra"] = ["team": "red"]
            let dora = Applicant(method: method, authid: "dora")
            var (candidate, step) = try begin(dora.hello, Self.dynamic)
            guard case .ask = step,
                case .challenge(let challenge) = candidate.answered(
                    .values([.dictionary(result)], [:])),
                case .join(let newcomer) = candidate.received(dora.answer(challenge))
            else { throw Unexpected() }
            #expect(newcomer.authid == (method == "wamp-scram" ? "dora" : "renamed"), "\(method)")
            #expect(newcomer.authextra?["team"] == "red", "\(method)")
        }
    }

    @Test("An authenticator's ERROR denies; one that is absent or broken fails")
    func authenticatorErrors() throws {
        for (answer, reason) in [
            (Answer.failed("com.example.no", []), ErrorURI.authenticationDenied),
            (.failed(.noSuchProcedure, []), .authenticationFailed),
            (.failed(.timeout, []), .authenticationFailed),
            (.values([], [:]), .authenticationFailed),
            (.values([["role": "worker"]], [:]), .authenticationFailed),
            (.values([["secret": "x"]], [:]), .authenticationFailed),
        ] {
            var (candidate, _) = try begin(
                Applicant(method: "wampcra", authid: "dora").hello, Self.dynamic)
            #expect(abort(candidate.answered(answer))?.reason == reason, "\(answer)")
        }
    }

    @Test(
        "What the authenticator says in its ERROR is passed on, with the method it was asked about")
    func authenticatorsText() throws {
        let long = String(repeating: "x", count: 1000)
        for (args, text) in [
            (["only tickets are taken here"], "only tickets are taken here"),
            ([], "com.example.no"), ([1], "com.example.no"),
            ([.string(long)], long.prefix(199) + "…"),
        ] as [([Value], String)] {
            var (candidate, _) = try begin(
                Applicant(method: "wamp-scram", authid: "dora").hello, Self.dynamic)
            let refusal = abort(candidate.answered(.failed("com.example.no", args)))
            #expect(refusal == Self.denial(by: "wamp-scram", text), "\(args)")
        }
    }

    // MARK: The realm

    @Test("An id that was reserved is WELCOME's, and nobody else's meanwhile")
    func reservedID() {
        var realm = Realm(name: "realm1", seed: 1)
        var effects = Effects()
        let id = realm.reserveSessionID()
        let now = Now(moment: Moment(nanoseconds: 1), unixMilliseconds: 0)
        let other = realm.join(
            Newcomer(roles: Roles([.caller: []])), at: now, into: &effects)
        #expect(realm.identity(of: other).session != id)
        let key = realm.join(
            Newcomer(
                roles: Roles([.caller: []]), authid: "alice", authrole: "admin",
                authmethod: "wamp-scram", authextra: ["verifier": "x"], session: id),
            at: now, into: &effects)
        #expect(realm.identity(of: key).session == id)
        let welcome = effects.list.compactMap { effect -> Welcome? in
            guard case .send(.welcome(let welcome), key) = effect else { return nil }
            return welcome
        }.first
        #expect(welcome?.session == id)
        #expect(welcome?.details["authextra"]?.dictionary?["verifier"] == "x")
    }
}
