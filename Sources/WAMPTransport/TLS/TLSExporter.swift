// The channel binding of a TLS 1.3 connection, from its exporter secret. Pure. Spec: RFC 8446, 7.1
// and 7.5; RFC 9266.

import Crypto

enum TLSExporter {
    /// `tls-exporter`: 32 bytes; nil for a secret that belongs to no cipher suite of TLS 1.3.
    static func channelBinding(_ secret: [UInt8]) -> [UInt8]? {
        let label = "EXPORTER-Channel-Binding"
        switch secret.count {
        case SHA256.byteCount: return export(SHA256.self, secret, label, count: 32)
        case SHA384.byteCount: return export(SHA384.self, secret, label, count: 32)
        default: return nil
        }
    }

    /// The exporter with an empty context.
    static func export<Hash: HashFunction>(
        _ hash: Hash.Type, _ secret: [UInt8], _ label: String, count: Int
    ) -> [UInt8] {
        let empty = Array(hash.hash(data: [UInt8]()))
        let derived = expand(hash, secret, label, context: empty, count: empty.count)
        return expand(hash, derived, "exporter", context: empty, count: count)
    }

    /// HKDF-Expand-Label.
    private static func expand<Hash: HashFunction>(
        _ hash: Hash.Type, _ secret: [UInt8], _ label: String, context: [UInt8], count: Int
    ) -> [UInt8] {
        let name = Array("tls13 \(label)".utf8)
        let info =
            [UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF), UInt8(name.count)] + name
            + [UInt8(context.count)] + context
        let key = HKDF<Hash>.expand(
            pseudoRandomKey: SymmetricKey(data: secret), info: info, outputByteCount: count)
        return key.withUnsafeBytes { Array($0) }
    }
}
