// Who may join a realm, and how each proves it.

/// The users of a realm.
package struct Principals: Sendable {
    /// The role of sessions that prove nothing; nil = they are not let in.
    package var anonymousRole: String? = "anonymous"
    package var users: [Principal] = []
    /// The procedure of the realm that knows further users; nil = none.
    package var authenticator: String?

    package init() {}
}

package struct Principal: Sendable {
    package var authid: String
    package var role: String
    package var credentials: [Credential]

    package init(authid: String, role: String, credentials: [Credential]) {
        self.authid = authid
        self.role = role
        self.credentials = credentials
    }
}

/// What a user is known by.
///
/// Spec: Advanced Profile, Authentication.
package enum Credential: Sendable {
    case ticket(String)
    /// The shared secret; with a salt, what is kept is derived from it.
    case wampcra(secret: String, salt: CRASalt?)
    /// The verifier of a password, which itself is not kept.
    case scram(SCRAMVerifier)
    /// Ed25519 public keys, 32 bytes each.
    case cryptosign(publicKeys: [[UInt8]])
    /// A TLS client certificate whose common name is the authid.
    case tls
}

/// How the key of a salted secret is derived: PBKDF2-HMAC-SHA256.
package struct CRASalt: Hashable, Sendable {
    package var salt: String
    package var iterations: Int
    /// In bytes.
    package var keyLength: Int

    package init(salt: String, iterations: Int = 1000, keyLength: Int = 32) {
        self.salt = salt
        self.iterations = iterations
        self.keyLength = keyLength
    }
}

package struct SCRAMVerifier: Hashable, Sendable {
    package enum Derivation: String, Sendable, CaseIterable {
        case pbkdf2, argon2id13
    }

    package var derivation: Derivation
    package var salt: [UInt8]
    package var iterations: Int
    /// In KiB; `argon2id13` only.
    package var memory: Int?
    /// SHA-256 values, 32 bytes each.
    package var storedKey: [UInt8]
    package var serverKey: [UInt8]

    package init(
        derivation: Derivation, salt: [UInt8], iterations: Int, memory: Int? = nil,
        storedKey: [UInt8], serverKey: [UInt8]
    ) {
        self.derivation = derivation
        self.salt = salt
        self.iterations = iterations
        self.memory = memory
        self.storedKey = storedKey
        self.serverKey = serverKey
    }
}
