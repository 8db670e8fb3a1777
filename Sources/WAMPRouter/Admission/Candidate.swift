// Somebody between HELLO and WELCOME: what is asked, what was answered, and what comes of it. Pure:
// chance, time and the session id are handed in.
//
// Whatever is wrong with an answer, and whether there is such a user or not, the refusal is one and
// the same; why is for the log only.

package import WAMP

package struct Candidate: Equatable, Sendable {
    /// What is made up for one challenge.
    package struct Chance: Equatable, Sendable {
        /// 32 bytes from the system's generator, never used before.
        package var nonce: [UInt8]
        /// The id that WELCOME will carry.
        package var session: SessionID
        package var unixMilliseconds: Int64

        package init(nonce: [UInt8], session: SessionID, unixMilliseconds: Int64) {
            self.nonce = nonce
            self.session = session
            self.unixMilliseconds = unixMilliseconds
        }
    }

    package enum Step: Equatable, Sendable {
        /// Send it and wait for AUTHENTICATE.
        case challenge(Challenge)
        /// Call this procedure of the realm and wait for its answer.
        case ask(URI, args: [Value])
        case join(Newcomer)
        /// Send it and close the connection; the reason is for the log.
        case refuse(Abort, because: String)
    }

    /// What AUTHENTICATE must hold.
    enum Expectation: Equatable, Sendable {
        case nothing
        case ticket([String])
        /// The authenticator judges it.
        case unknownTicket
        case signature(of: String, key: String)
        /// `isOwn`: the key is the user's.
        case signedMessage([UInt8], publicKey: [UInt8], isOwn: Bool)
        case proof(SCRAM.Exchange, storedKey: [UInt8], serverKey: [UInt8])
    }

    /// What it asked for.
    package let hello: Hello
    let method: AuthenticationMethod
    private var knowledge: Knowledge
    private let transport: TransportFacts
    private let signingKey: [UInt8]?
    /// The router's own, by which strangers are told the same every time.
    private let secret: [UInt8]
    private var chance: Chance?
    private var expectation = Expectation.nothing
    private var provider = AuthenticationMethod.staticProvider
    /// What an authenticator adds to WELCOME.
    private var extra: Value.Dictionary?

    init(
        _ hello: Hello, method: AuthenticationMethod, knowledge: Knowledge,
        principals: Principals, transport: TransportFacts, secret: [UInt8]
    ) {
        self.hello = hello
        self.method = method
        self.knowledge = knowledge
        self.transport = transport
        self.secret = secret
        signingKey = principals.signingKey
    }

    /// The user as it was asked for; empty if it was not.
    private var authid: String { hello.authid ?? "" }

    // MARK: What happens

    /// After HELLO.
    package mutating func start(_ chance: Chance) -> Step {
        self.chance = chance
        if case .unasked(let procedure) = knowledge {
            if method != .ticket { return ask(procedure, ticket: nil) }
            expectation = .unknownTicket
            return .challenge(Challenge(method: method.rawValue))
        }
        return challenge()
    }

    /// After AUTHENTICATE.
    package mutating func received(_ answer: Authenticate) -> Step {
        let expectation = expectation
        self.expectation = .nothing
        switch expectation {
        case .nothing: return failed("AUTHENTICATE came unasked")
        case .unknownTicket:
            guard case .unasked(let procedure) = knowledge else { return denied("no user") }
            return ask(procedure, ticket: answer.signature)
        case .ticket(let tickets):
            var isRight = false
            let offered = Array(answer.signature.utf8)
            for ticket in tickets where Secret.isSame(offered, as: Array(ticket.utf8)) {
                isRight = true
            }
            return isRight ? granted() : denied("wrong ticket")
        case .signature(let challenge, let key):
            let isRight = CRA.isValid(answer.signature, of: challenge, key: key)
            return isRight ? granted() : denied("wrong signature")
        case .signedMessage(let message, let publicKey, let isOwn):
            let isRight = Cryptosign.isValid(
                answer.signature, of: message, publicKey: publicKey)
            guard isRight else { return denied("wrong signature") }
            return isOwn ? granted() : denied("the key is no key of the user")
        case .proof(let exchange, let storedKey, let serverKey):
            return judge(answer, exchange, storedKey, serverKey)
        }
    }

    /// After the authenticator's answer.
    package mutating func answered(_ answer: Answer) -> Step {
        let result: [Value]
        switch answer {
        case .values(let args, _): result = args
        case .failed(let error, let args):
            return DynamicUser.meansAbsence(error)
                ? failed("the authenticator did not answer: \(error.rawValue.excerpt)")
                : denied(by: error, args.first?.string)
        }
        guard let user = DynamicUser(result.first, for: method, authid: hello.authid) else {
            return failed("the authenticator's result is not what \(method.rawValue) needs")
        }
        provider = AuthenticationMethod.dynamicProvider
        extra = user.extra
        knowledge = .user(user.principal)
        return method == .ticket ? granted() : challenge()
    }

    // MARK: The challenge

    private mutating func challenge() -> Step {
        guard let chance else { return failed("there is nothing to challenge with") }
        switch (knowledge, method) {
        case (.user(let user), .ticket):
            expectation = .ticket(user.tickets)
            return .challenge(Challenge(method: method.rawValue))
        case (.stranger, .ticket):
            expectation = .ticket([HexText.text(Secret.stable("ticket", authid, key: secret))])
            return .challenge(Challenge(method: method.rawValue))
        case (.user(let user), .wampcra):
            guard let shared = user.sharedSecret else { return failed("no secret") }
            return sign(user, as: user.authid, key: shared.key, salt: shared.salt, chance)
        case (.stranger(let shape), .wampcra):
            let key = HexText.text(Secret.stable("key", authid, key: secret))
            let salt = shape.sharedSecret?.salt.map { salt in
                let text = HexText.text(Secret.stable("salt", authid, key: secret))
                return CRASalt(
                    salt: String(text.prefix(salt.salt.utf8.count)), iterations: salt.iterations,
                    keyLength: salt.keyLength)
            }
            return sign(shape, as: authid, key: key, salt: salt, chance)
        case (.user(let user), .cryptosign): return sign(user.publicKeys, chance)
        case (.stranger, .cryptosign): return sign([], chance)
        case (.user(let user), .scram):
            guard let verifier = user.verifier else { return failed("no verifier") }
            return prove(verifier, chance)
        case (.stranger(let shape), .scram):
            var verifier =
                shape.verifier
                ?? SCRAMVerifier(
                    derivation: .pbkdf2, salt: [], iterations: 4096, storedKey: [], serverKey: [])
            let length = verifier.salt.isEmpty ? 16 : verifier.salt.count
            verifier.salt = Array(Secret.stable("salt", authid, key: secret).prefix(length))
            verifier.storedKey = Secret.stable("stored key", authid, key: secret)
            verifier.serverKey = Secret.stable("server key", authid, key: secret)
            return prove(verifier, chance)
        case (.unasked, _), (_, .anonymous), (_, .tls):
            return failed("\(method.rawValue) has no challenge")
        }
    }

    private mutating func sign(
        _ user: Principal, as authid: String, key: String, salt: CRASalt?, _ chance: Chance
    ) -> Step {
        let text = CRA.challenge(
            authid: authid, authrole: user.role, authprovider: provider,
            nonce: chance.nonce, unixMilliseconds: chance.unixMilliseconds,
            session: chance.session)
        expectation = .signature(of: text, key: key)
        var extra: Value.Dictionary = ["challenge": .string(text)]
        if let salt {
            extra.append("salt", .string(salt.salt))
            extra.append("keylen", .int(Int64(salt.keyLength)))
            extra.append("iterations", .int(Int64(salt.iterations)))
        }
        return .challenge(Challenge(method: method.rawValue, extra: extra))
    }

    private mutating func sign(_ ownKeys: [[UInt8]], _ chance: Chance) -> Step {
        let asked = hello.authextra ?? [:]
        guard let key = asked["pubkey"]?.string.flatMap({ HexText.decode($0, count: 32) }) else {
            return failed("authextra.pubkey must be 64 hexadecimal digits")
        }
        guard let channel = channel(among: ["tls-exporter", "tls-unique"]) else {
            return failed("authextra.channel_binding is of an unknown type")
        }
        let isBound = channel == "tls-exporter" && transport.channelID != nil
        let channelID = isBound ? transport.channelID : nil
        expectation = .signedMessage(
            Cryptosign.message(challenge: chance.nonce, channelID: channelID), publicKey: key,
            isOwn: ownKeys.contains(key))
        var extra: Value.Dictionary = [
            "challenge": .string(HexText.text(chance.nonce)),
            "channel_binding": isBound ? .string(channel) : .null,
        ]
        if let theirs = asked["challenge"]?.string {
            guard let bytes = HexText.decode(theirs, count: 32) else {
                return failed("authextra.challenge must be 64 hexadecimal digits")
            }
            let message = Cryptosign.message(challenge: bytes, channelID: channelID)
            if let signingKey, let own = Cryptosign.publicKey(of: signingKey),
                let signature = Cryptosign.signature(of: message, privateKey: signingKey)
            {
                extra.append("pubkey", .string(HexText.text(own)))
                extra.append("signature", .string(signature))
            }
        }
        return .challenge(Challenge(method: method.rawValue, extra: extra))
    }

    /// The channel binding asked for; empty if there is none, nil if it is none of those known.
    private func channel(among known: [String]) -> String? {
        switch hello.authextra?["channel_binding"] {
        case nil, .null?: ""
        case .string(let name)?: known.contains(name) ? name : nil
        default: nil
        }
    }

    private mutating func prove(_ verifier: SCRAMVerifier, _ chance: Chance) -> Step {
        guard let theirs = hello.authextra?["nonce"]?.string, !theirs.isEmpty,
            theirs.utf8.count <= Limits.nameLength, Base64.decode(theirs) != nil
        else {
            return failed("authextra.nonce must be base64, of \(Limits.nameLength) bytes at most")
        }
        guard let name = channel(among: ["tls-exporter"]) else {
            return failed("authextra.channel_binding is of an unknown type")
        }
        var binding: (name: String, data: [UInt8])?
        if !name.isEmpty {
            guard let channelID = transport.channelID else {
                return failed("the connection has no \(name) to bind to")
            }
            binding = (name, channelID)
        }
        let nonce = theirs + Base64.text(chance.nonce)
        expectation = .proof(
            SCRAM.Exchange(
                authid: authid, clientNonce: theirs, nonce: nonce, salt: verifier.salt,
                iterations: verifier.iterations, binding: binding),
            storedKey: verifier.storedKey, serverKey: verifier.serverKey)
        return .challenge(
            Challenge(
                method: method.rawValue,
                extra: [
                    "nonce": .string(nonce), "salt": .string(Base64.text(verifier.salt)),
                    "kdf": .string(verifier.derivation.rawValue),
                    "iterations": .int(Int64(verifier.iterations)),
                    "memory": verifier.memory.map { .int(Int64($0)) } ?? .null,
                ]))
    }

    // MARK: The verdict

    private mutating func judge(
        _ answer: Authenticate, _ exchange: SCRAM.Exchange, _ storedKey: [UInt8],
        _ serverKey: [UInt8]
    ) -> Step {
        // All is computed before anything is told.
        let proof = Base64.decode(answer.signature) ?? []
        let isProven = exchange.isValid(proof, storedKey: storedKey)
        guard Name.isSame(answer.extra["nonce"]?.string, exchange.nonce) else {
            return denied("wrong nonce")
        }
        let name: String? = answer.extra["channel_binding"]?.string
        let data = answer.extra["cbind_data"]?.string
        guard Name.isSame(name, exchange.binding?.name),
            Name.isSame(data, exchange.binding.map { Base64.text($0.data) })
        else { return denied("wrong channel binding") }
        guard isProven else { return denied("wrong proof") }
        var extra = self.extra ?? [:]
        extra["verifier"] = .string(Base64.text(exchange.serverSignature(serverKey)))
        self.extra = extra
        return granted()
    }

    private func granted() -> Step {
        guard case .user(let user) = knowledge else { return denied("no such user") }
        if let refusal = Admission.refusal(ofRole: hello.authrole, granted: user.role) {
            return .refuse(refusal, because: "another role was asked for")
        }
        return .join(
            Newcomer(
                roles: hello.roles, authid: user.authid, authrole: user.role,
                authmethod: method.rawValue, authprovider: provider, authextra: extra,
                session: chance?.session))
    }

    private func denied(_ reason: String) -> Step {
        refused(.authenticationDenied, "the credentials were not accepted", because: reason)
    }

    /// What the authenticator says is passed on: it knows what its users may learn.
    private func denied(by error: ErrorURI, _ text: String?) -> Step {
        let name = error.rawValue.excerpt, told = text?.excerpt ?? name
        return refused(
            .authenticationDenied, told, because: "the authenticator refused: \(name): \(told)")
    }

    /// Something is wrong with the form of what was said, or with the router itself.
    private func failed(_ reason: String) -> Step {
        refused(.authenticationFailed, reason, because: reason)
    }

    /// Says by which method, since a client may have offered several and have seen no challenge.
    private func refused(_ error: ErrorURI, _ message: String, because reason: String) -> Step {
        var abort = Admission.explained(error, message)
        abort.details.append("authmethod", .string(method.rawValue))
        return .refuse(abort, because: reason)
    }

    // MARK: The authenticator

    private func ask(_ procedure: URI, ticket: String?) -> Step {
        var details: Value.Dictionary = [
            "authmethod": .string(method.rawValue),
            "session": chance.map { Value($0.session) } ?? .null,
            "transport": .dictionary(transport.details?.dictionary ?? [:]),
            "authextra": hello.authextra.map(Value.dictionary) ?? [:],
        ]
        if let ticket { details.append("ticket", .string(ticket)) }
        let authid = hello.authid.map(Value.string) ?? .null
        let args: [Value] = [.string(hello.realm.description), authid, .dictionary(details)]
        // What HELLO holds stands deeper in an INVOCATION.
        if let flaw = Payload(args: args, as: .cbor).flaw {
            return failed("the authenticator cannot be asked: \(flaw)")
        }
        return .ask(procedure, args: args)
    }
}
