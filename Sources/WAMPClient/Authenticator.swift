// The client's side of an authentication: what HELLO offers, how a CHALLENGE is answered, and
// whether WELCOME proves what it must. Pure: chance is handed in.

import WAMP

struct Authenticator: Sendable {
    /// Why the router is not trusted with an answer, or not believed.
    struct Distrust: Error, Equatable {
        let reason: ErrorURI
        let description: String

        init(_ description: String, reason: ErrorURI = .authenticationFailed) {
            self.description = description
            self.reason = reason
        }
    }

    /// What answers a challenge.
    struct Reply: Sendable {
        let message: Authenticate
        /// What the router must show in WELCOME to prove that it knows the password, too.
        var routerProof: [UInt8]?
    }

    typealias Work = @Sendable () -> Swift.Result<Reply, Distrust>

    private let authentication: Authentication
    private let authid: String
    private let nonce: [UInt8]
    private let channelID: [UInt8]?
    /// In the order of preference.
    let methods: [AuthenticationMethod]
    /// A ticket would be offered, too, if nobody could listen.
    private let withholdsTicket: Bool

    /// - Parameters:
    ///   - isPrivate: nobody can listen to the connection.
    ///   - channelID: `tls-exporter` of the connection.
    ///   - nonce: 32 bytes from the system's generator.
    init(
        _ authentication: Authentication, authid: String?, isPrivate: Bool, channelID: [UInt8]?,
        nonce: [UInt8]
    ) {
        self.authentication = authentication
        self.authid = authid ?? ""
        self.nonce = nonce
        self.channelID = channelID
        withholdsTicket =
            authentication.method == .auto && authentication.secret != nil
            && authentication.privateKey == nil && !authentication.bindsChannel && !isPrivate
        methods =
            switch authentication.method {
            case .anonymous: []
            case .ticket: [.ticket]
            case .wampcra: [.wampcra]
            case .scram: [.scram]
            case .cryptosign: [.cryptosign]
            case .auto:
                if authentication.privateKey != nil {
                    [.cryptosign]
                } else if authentication.secret != nil {
                    // Only SCRAM can be bound; and a ticket goes over the line as it is.
                    authentication.bindsChannel
                        ? [.scram]
                        : isPrivate ? [.scram, .wampcra, .ticket] : [.scram, .wampcra]
                } else if authentication.hasCertificate {
                    [.tls, .anonymous]
                } else {
                    []
                }
            }
    }

    private var binding: (name: String, data: [UInt8])? {
        guard authentication.bindsChannel, let channelID else { return nil }
        return ("tls-exporter", channelID)
    }

    /// Adds to HELLO what is offered.
    /// - Throws: if what was asked for cannot be done at all.
    func prepare(_ hello: inout Hello) throws(Distrust) {
        hello.authmethods = methods.map(\.rawValue)
        guard methods.contains(.cryptosign) || methods.contains(.scram) else { return }
        if authentication.bindsChannel, channelID == nil {
            throw Distrust("the connection has no TLS 1.3 to bind the authentication to")
        }
        var extra = Value.Dictionary()
        if methods.contains(.scram) { extra.append("nonce", .string(clientNonce)) }
        if methods.contains(.cryptosign) {
            guard let key = authentication.privateKey.flatMap(Cryptosign.publicKey) else {
                throw Distrust("the private key is not one of Ed25519")
            }
            extra.append("pubkey", .string(HexText.text(key)))
            if authentication.routerKey != nil {
                extra.append("challenge", .string(HexText.text(nonce)))
            }
        }
        extra.append("channel_binding", binding.map { .string($0.name) } ?? .null)
        hello.authextra = extra
    }

    private var clientNonce: String { Base64.text(Array(nonce.prefix(16))) }

    /// How a challenge is answered: work that may take long.
    func answer(_ challenge: Challenge) -> Work {
        let extra = challenge.extra
        guard let method = AuthenticationMethod(rawValue: challenge.method),
            methods.contains(method)
        else {
            let text = "the router asks for \"\(challenge.method)\", which was not offered"
            return { .failure(Distrust(text, reason: .noMatchingAuthMethod)) }
        }
        return {
            do throws(Distrust) {
                switch method {
                case .ticket:
                    return .success(
                        Reply(message: Authenticate(signature: authentication.secret ?? "")))
                case .wampcra: return .success(try sign(extra))
                case .cryptosign: return .success(try signWithKey(extra))
                case .scram: return .success(try prove(extra))
                case .anonymous, .tls: throw Distrust("\(method.rawValue) has no challenge")
                }
            } catch {
                return .failure(error)
            }
        }
    }

    /// What a refusal says. A router picks one of the methods on offer and asks for no second, so
    /// which one that was, and which others there are, belongs to it.
    ///
    /// - Parameter challenge: the method of the last CHALLENGE, if there was one.
    func message(of refusal: Abort, after challenge: String?) -> String? {
        let text = refusal.details["message"]?.string
        let tried = refusal.details["authmethod"]?.string ?? challenge
        guard !methods.isEmpty, tried != nil || refusal.reason.rawValue.contains("auth") else {
            return text
        }
        let others = methods.map(\.rawValue).filter { $0 != tried }
        var facts = tried.map { ["\($0) was tried"] } ?? []
        if !others.isEmpty {
            let list = others.joined(separator: ", ")
            facts.append(tried == nil ? "on offer: \(list)" : "also on offer: \(list)")
        }
        if withholdsTicket { facts.append("a ticket is shown over TLS only") }
        let note = facts.joined(separator: "; ")
        return text.map { "\($0) (\(note))" } ?? note
    }

    private func sign(_ extra: Value.Dictionary) throws(Distrust) -> Reply {
        guard let challenge = extra["challenge"]?.string else {
            throw Distrust("the router's challenge is none")
        }
        var salt: CRASalt?
        if let text = extra["salt"]?.string, !text.isEmpty {
            salt = CRASalt(
                salt: text, iterations: extra.count(of: "iterations") ?? 1000,
                keyLength: extra.count(of: "keylen") ?? 32)
        }
        guard let key = CRA.key(secret: authentication.secret ?? "", salt: salt) else {
            throw Distrust("the router's challenge asks for too much work")
        }
        return Reply(message: Authenticate(signature: CRA.signature(of: challenge, key: key)))
    }

    private func signWithKey(_ extra: Value.Dictionary) throws(Distrust) -> Reply {
        guard let challenge = extra["challenge"]?.string.flatMap({ HexText.decode($0, count: 32) })
        else { throw Distrust("the router's challenge is not 64 hexadecimal digits") }
        guard extra["channel_binding"]?.string == binding?.name else {
            throw Distrust("the router does not bind to the channel as it was asked to")
        }
        if let routerKey = authentication.routerKey {
            let message = Cryptosign.message(challenge: nonce, channelID: binding?.data)
            guard extra["pubkey"]?.string.flatMap({ HexText.decode($0) }) == routerKey,
                let signature = extra["signature"]?.string,
                Cryptosign.isValid(signature, of: message, publicKey: routerKey)
            else { throw Distrust("the router did not prove that it is the right one") }
        }
        let message = Cryptosign.message(challenge: challenge, channelID: binding?.data)
        guard let key = authentication.privateKey,
            let signature = Cryptosign.signature(of: message, privateKey: key)
        else { throw Distrust("the private key is not one of Ed25519") }
        return Reply(message: Authenticate(signature: signature))
    }

    private func prove(_ extra: Value.Dictionary) throws(Distrust) -> Reply {
        guard let full = extra["nonce"]?.string, full.hasPrefix(clientNonce),
            full.utf8.count > clientNonce.utf8.count
        else { throw Distrust("the router's nonce does not begin with ours") }
        guard let salt = extra["salt"]?.string.flatMap({ Base64.decode($0) }), !salt.isEmpty,
            let derivation = extra["kdf"]?.string.flatMap(
                SCRAMVerifier.Derivation.init(rawValue:)),
            let iterations = extra.count(of: "iterations")
        else { throw Distrust("the router's challenge is not one of WAMP-SCRAM") }
        guard
            let keys = SCRAM.Keys(
                password: authentication.secret ?? "", derivation: derivation, salt: salt,
                iterations: iterations, memory: extra.count(of: "memory"))
        else {
            throw Distrust(
                "the password has characters that none may have, or the router's challenge asks "
                    + "for too much work")
        }
        let exchange = SCRAM.Exchange(
            authid: authid, clientNonce: clientNonce, nonce: full, salt: salt,
            iterations: iterations, binding: binding)
        var answer: Value.Dictionary = [
            "nonce": .string(full),
            "channel_binding": binding.map { .string($0.name) } ?? .null,
        ]
        if let binding { answer.append("cbind_data", .string(Base64.text(binding.data))) }
        return Reply(
            message: Authenticate(
                signature: Base64.text(exchange.proof(keys.clientKey)), extra: answer),
            routerProof: exchange.serverSignature(keys.serverKey))
    }

    /// Whether only a challenge that was answered shows that the router is the right one: without
    /// it one that knows nothing could pretend to have checked us.
    private var needsChallenge: Bool {
        switch methods {
        case [.scram]: true
        case [.cryptosign]: authentication.routerKey != nil || authentication.bindsChannel
        default: false
        }
    }

    /// Whether WELCOME may be believed.
    /// - Parameter reply: how the last challenge was answered; nil if there was none.
    func check(_ welcome: Welcome, after reply: Reply?) throws(Distrust) {
        if reply == nil, needsChallenge { throw Distrust("the router proved nothing") }
        guard let proof = reply?.routerProof else { return }
        let shown = welcome.details["authextra"]?.dictionary?["verifier"]?.string
            .flatMap { SCRAM.serverSignature($0) }
        guard let shown, Secret.isSame(shown, as: proof) else {
            throw Distrust("the router did not prove that it knows the password")
        }
    }
}

extension Value.Dictionary {
    fileprivate func count(of key: String) -> Int? {
        self[key]?.unsigned.flatMap(Int.init(exactly:))
    }
}
