// Keys from passwords. Slow on purpose: never on an event loop.

import CArgon2
import Crypto
import CryptoExtras

package enum KeyDerivation {
    /// The most a peer may ask for: a few seconds of work, and 1 GiB.
    private static let maximumRounds = 10_000_000
    /// In bytes.
    private static let maximumKeyLength = 1024
    private static let maximumPasses = 64
    /// In KiB.
    private static let maximumMemory = 1 << 20

    /// PBKDF2-HMAC-SHA256.
    /// - Parameter length: in bytes.
    /// - Returns: nil if the numbers are out of range.
    package static func pbkdf2(
        _ password: [UInt8], salt: [UInt8], iterations: Int, length: Int = 32
    ) -> [UInt8]? {
        guard (1...maximumRounds).contains(iterations), (1...maximumKeyLength).contains(length)
        else { return nil }
        let key = try? KDF.Insecure.PBKDF2.deriveKey(
            from: password, salt: salt, using: .sha256, outputByteCount: length,
            unsafeUncheckedRounds: iterations)
        return key.map { $0.withUnsafeBytes { Array($0) } }
    }

    /// Argon2id, version 0x13, one lane, 32 bytes.
    /// - Parameter memory: in KiB.
    /// - Returns: nil if the numbers are out of range, or the memory is not to be had.
    package static func argon2id(
        _ password: [UInt8], salt: [UInt8], iterations: Int, memory: Int
    ) -> [UInt8]? {
        guard (1...maximumPasses).contains(iterations), (8...maximumMemory).contains(memory),
            salt.count >= 8
        else { return nil }
        var key = [UInt8](repeating: 0, count: 32)
        let code = argon2id_hash_raw(
            UInt32(iterations), UInt32(memory), 1, password, password.count, salt, salt.count,
            &key, key.count)
        return code == Int32(ARGON2_OK.rawValue) ? key : nil
    }
}
