// The secrets of the handshakes that go on, from which channel bindings are made.
//
// NIOSSL does not offer the exporter of TLS, but it tells the secret that the exporter starts from,
// as a line in the format of key logs, while the bytes that complete it are taken. Which connection
// it belongs to follows from the thread: a loop takes the bytes of one connection at a time. The
// secrets go nowhere else.

import Glibc
import NIOCore
import Synchronization
import WAMP

final class TLSKeyLog: Sendable {
    /// By thread.
    private let secrets = Mutex<[pthread_t: [UInt8]]>([:])

    /// Runs `body`, which hands the bytes of one connection to its TLS.
    /// - Returns: the exporter secret, if these bytes led to it.
    func secret(during body: () -> Void) -> [UInt8]? {
        body()
        return secrets.withLock { $0.removeValue(forKey: pthread_self()) }
    }

    /// Takes a line of the key log: a label, the client's random, a secret in hex.
    func log(_ line: ByteBuffer) {
        let words = String(buffer: line).split { $0 == " " || $0.isNewline }
        guard words.count == 3, words[0] == "EXPORTER_SECRET" else { return }
        let secret = HexText.decode(String(words[2])) ?? []
        secrets.withLock { $0[pthread_self()] = secret }
    }
}
