// Who may join a realm, and how each proves it.

package import WAMP

/// The users of a realm.
package struct Principals: Sendable {
    /// The role of sessions that prove nothing; nil = they are not let in.
    package var anonymousRole: String? = "anonymous"
    package var users: [Principal] = []
    /// The procedure of the realm that knows further users; nil = none.
    package var authenticator: String?
    /// Take tickets on connections that others could listen to, too.
    package var takesPlainTickets = false
    /// The Ed25519 private key, 32 bytes, by which the realm proves itself to clients that ask for
    /// it in cryptosign; nil = it does not.
    package var signingKey: [UInt8]?

    package init() {}
}

package struct Principal: Hashable, Sendable {
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
package enum Credential: Hashable, Sendable {
    case ticket(String)
    /// The shared secret; with a salt, the base64 text of the key that is derived from it
    /// (`CRA.key`).
    case wampcra(secret: String, salt: CRASalt?)
    /// The verifier of a password, which itself is not kept.
    case scram(SCRAMVerifier)
    /// Ed25519 public keys, 32 bytes each.
    case cryptosign(publicKeys: [[UInt8]])
    /// A TLS client certificate whose common name is the authid.
    case tls
}
