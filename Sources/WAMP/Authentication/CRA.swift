// WAMP-CRA: a shared secret signs what the router made up.

import Crypto

/// How the key of a salted secret is derived: PBKDF2-HMAC-SHA256.
package struct CRASalt: Hashable, Sendable {
    /// Used as its UTF-8 bytes.
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

/// Spec: Advanced Profile, Challenge Response Authentication.
package enum CRA {
    /// What is to be signed: a JSON text. The names in it are for people, and cut: it is to fit in
    /// a message of 512 bytes.
    /// - Parameters:
    ///   - session: the id that WELCOME will carry.
    ///   - unixMilliseconds: the time of the challenge.
    package static func challenge(
        authid: String, authrole: String, authprovider: String, nonce: [UInt8],
        unixMilliseconds: Int64, session: SessionID
    ) -> String {
        JSONText.text([
            "authid": .string(cut(authid)), "authrole": .string(cut(authrole)),
            "authmethod": .string(AuthenticationMethod.wampcra.rawValue),
            "authprovider": .string(authprovider), "nonce": .string(Base64.text(nonce)),
            "timestamp": .string(timestamp(unixMilliseconds: unixMilliseconds)),
            "session": Value(session),
        ])
    }

    /// As much of a name as takes 32 bytes where it stands, in a JSON text in a message.
    private static func cut(_ name: String) -> String {
        var room = 32
        return String(
            name.unicodeScalars.prefix { scalar in
                switch scalar {
                case "\"", "\\": room -= 4
                case "\0"..<" ": room -= 7
                default: room -= scalar.utf8.count
                }
                return room >= 0
            })
    }

    /// The key that signs: of a salted secret the base64 text of what is derived from it, which is
    /// also what a router keeps.
    /// - Returns: nil if the numbers of the salt are out of range.
    package static func key(secret: String, salt: CRASalt?) -> String? {
        guard let salt else { return secret }
        return KeyDerivation.pbkdf2(
            Array(secret.utf8), salt: Array(salt.salt.utf8), iterations: salt.iterations,
            length: salt.keyLength
        ).map(Base64.text)
    }

    /// Base64 of HMAC-SHA256.
    package static func signature(of challenge: String, key: String) -> String {
        Base64.text(Secret.hmac(Array(key.utf8), Array(challenge.utf8)))
    }

    /// In a time that tells nothing of the expected signature.
    package static func isValid(_ signature: String, of challenge: String, key: String) -> Bool {
        HMAC<SHA256>.isValidAuthenticationCode(
            Base64.decode(signature) ?? [], authenticating: Array(challenge.utf8),
            using: SymmetricKey(data: Array(key.utf8)))
    }
}
