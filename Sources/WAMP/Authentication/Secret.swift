// Comparing what must not be found out by measuring time.

import Crypto

package enum Secret {
    /// Whether two secrets are the same. The time it takes tells nothing of where they differ, nor
    /// of how long the expected one is.
    package static func isSame(_ offered: [UInt8], as expected: [UInt8]) -> Bool {
        SHA256.hash(data: offered) == SHA256.hash(data: expected)
    }

    /// A stable value of 32 bytes that cannot be guessed without the key: what an unknown user is
    /// given in place of stored credentials.
    package static func stable(_ purpose: String, _ name: String, key: [UInt8]) -> [UInt8] {
        hmac(key, Array("\(purpose)\u{0}\(name)".utf8))
    }

    /// HMAC-SHA256, 32 bytes.
    static func hmac(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        Array(
            HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key)))
    }

    /// SHA-256, 32 bytes.
    static func hash(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }

    /// One by one; both have the same length.
    static func xor(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        zip(left, right).map { $0 ^ $1 }
    }
}
