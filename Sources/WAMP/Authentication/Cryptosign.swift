// WAMP-cryptosign: Ed25519 signatures of what the other side made up.

import Crypto

/// Spec: Advanced Profile, Cryptosign-based Authentication.
package enum Cryptosign {
    /// The public key of a private one, 32 bytes each.
    /// - Returns: nil if the private key has another length.
    package static func publicKey(of privateKey: [UInt8]) -> [UInt8]? {
        guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: privateKey) else {
            return nil
        }
        return Array(key.publicKey.rawRepresentation)
    }

    /// What is signed: the challenge, bound to the channel if there is an id of it. All are 32
    /// bytes long.
    package static func message(challenge: [UInt8], channelID: [UInt8]?) -> [UInt8] {
        channelID.map { Secret.xor(challenge, $0) } ?? challenge
    }

    /// The signature and the message behind it, as 192 hexadecimal digits.
    /// - Returns: nil if the private key is none.
    package static func signature(of message: [UInt8], privateKey: [UInt8]) -> String? {
        guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: privateKey),
            let signature = try? key.signature(for: message)
        else { return nil }
        return HexText.text(Array(signature) + message)
    }

    /// Whether a signature is that of the expected message, which also stands behind it.
    package static func isValid(
        _ signature: String, of message: [UInt8], publicKey: [UInt8]
    ) -> Bool {
        guard let bytes = HexText.decode(signature, count: 96),
            let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey)
        else { return false }
        let isExpected = Secret.isSame(Array(bytes[64...]), as: message)
        return key.isValidSignature(bytes[..<64], for: message) && isExpected
    }
}
