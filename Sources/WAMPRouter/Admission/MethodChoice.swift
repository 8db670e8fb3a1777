// Which method a client is held to: the first of its list that the realm offers and the user can
// serve.
//
// A user who is not known is treated like one who is, always the same one, all the way to the same
// refusal, so that nobody learns who exists. Also someone who cannot serve what was asked is
// challenged, as long as the realm offers the method to anybody.

import WAMP

/// What is known of someone who wants to join.
enum Knowledge: Equatable {
    case user(Principal)
    /// Nobody who could prove anything, in the shape of this user.
    case stranger(shape: Principal)
    /// The authenticator is to be asked.
    case unasked(URI)
}

struct MethodChoice {
    enum Outcome: Equatable {
        case anonymous(role: String)
        case certified(Principal)
        case challenged(AuthenticationMethod, Knowledge)
        /// The realm offers none of the methods.
        case none
    }

    let outcome: Outcome

    /// - Parameter secret: the router's own; strangers get their shape by it.
    init(
        _ hello: Hello, _ principals: Principals, _ transport: TransportFacts, secret: [UInt8]
    ) {
        let authid = hello.authid ?? ""
        let key = hello.authextra?["pubkey"]?.string.flatMap { HexText.decode($0, count: 32) }
        let user = principals.firstUser { user in
            authid.isEmpty ? key.map(user.owns) ?? false : Name.isSame(user.authid, authid)
        }
        let asks = user == nil ? principals.authenticator.map { URI($0) } : nil
        let name = authid.isEmpty ? hello.authextra?["pubkey"]?.string ?? "" : authid
        let shape = principals.shape(of: name, secret: secret)
        let takesTickets = transport.isPrivate || principals.takesPlainTickets
        // Each once: a list of a million is no more work than one of six.
        var asked: [AuthenticationMethod] = []
        for case let method? in hello.authmethods.map(AuthenticationMethod.init(rawValue:))
        where !asked.contains(method) {
            asked.append(method)
        }
        if hello.authmethods.isEmpty { asked = [.anonymous, .tls] }
        var certified =
            asked.contains(.tls) ? principals.holder(of: transport.certificateName) : nil
        if !authid.isEmpty, !Name.isSame(certified?.authid, authid) { certified = nil }

        for method in asked {
            switch method {
            case .anonymous:
                if let role = principals.anonymousRole {
                    outcome = .anonymous(role: role)
                    return
                }
            case .tls:
                if let certified {
                    outcome = .certified(certified)
                    return
                }
            case .ticket where !takesTickets: continue
            case .ticket, .wampcra, .cryptosign, .scram:
                if let user, user.serves(method) {
                    outcome = .challenged(method, .user(user))
                    return
                }
                if let asks {
                    outcome = .challenged(method, .unasked(asks))
                    return
                }
                // Whoever shows the certificate of a user is no stranger.
                if user == nil, certified == nil, let shape, shape.serves(method) {
                    outcome = .challenged(method, .stranger(shape: shape))
                    return
                }
            }
        }
        for method in asked where method.isChallenged && (method != .ticket || takesTickets) {
            if let other = principals.users.first(where: { $0.serves(method) }) {
                outcome = .challenged(method, .stranger(shape: other))
                return
            }
        }
        outcome = .none
    }
}

extension AuthenticationMethod {
    /// Whether it takes a CHALLENGE.
    var isChallenged: Bool { self != .anonymous && self != .tls }
}

extension Principals {
    /// The first user of whom this is true. All are looked at, so that the time it takes tells
    /// nobody whether there is one.
    fileprivate func firstUser(_ isMeant: (Principal) -> Bool) -> Principal? {
        var found: Principal?
        for user in users where isMeant(user) && found == nil { found = user }
        return found
    }

    /// The user whose methods a stranger seems to have; nil if there is no user at all.
    fileprivate func shape(of name: String, secret: [UInt8]) -> Principal? {
        guard !users.isEmpty else { return nil }
        let number = Secret.stable("shape", name, key: secret).prefix(4)
            .reduce(0) { $0 << 8 | Int($1) }
        return users[number % users.count]
    }

    /// The user whom a client certificate names.
    fileprivate func holder(of certificateName: String?) -> Principal? {
        guard let certificateName else { return nil }
        return users.first {
            Name.isSame($0.authid, certificateName) && $0.credentials.contains(.tls)
        }
    }
}

extension Principal {
    /// Whether the user has a credential for the method.
    fileprivate func serves(_ method: AuthenticationMethod) -> Bool {
        credentials.contains { credential in
            switch (credential, method) {
            case (.ticket, .ticket), (.wampcra, .wampcra), (.scram, .scram),
                (.cryptosign, .cryptosign), (.tls, .tls):
                true
            default: false
            }
        }
    }

    fileprivate func owns(_ publicKey: [UInt8]) -> Bool { publicKeys.contains(publicKey) }

    /// All keys of cryptosign.
    var publicKeys: [[UInt8]] {
        credentials.flatMap { credential in
            if case .cryptosign(let keys) = credential { keys } else { [[UInt8]]() }
        }
    }

    var tickets: [String] {
        credentials.compactMap { if case .ticket(let ticket) = $0 { ticket } else { nil } }
    }

    var sharedSecret: (key: String, salt: CRASalt?)? {
        for case .wampcra(let secret, let salt) in credentials { return (secret, salt) }
        return nil
    }

    var verifier: SCRAMVerifier? {
        for case .scram(let verifier) in credentials { return verifier }
        return nil
    }
}
