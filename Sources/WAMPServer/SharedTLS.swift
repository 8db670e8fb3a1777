// The TLS of the listeners, which a reload replaces while they go on.

import Glibc
import Synchronization
import WAMPTransport

final class SharedTLS: Sendable {
    private let context = Mutex<TLSContext?>(nil)

    /// For the next connection.
    var current: TLSContext? { context.withLock { $0 } }

    func replace(with context: TLSContext) { self.context.withLock { $0 = context } }

    /// Why clients would not take the certificate today, if they would not.
    static func fault(in context: TLSContext, _ files: ServerTLS) -> String? {
        guard let validity = context.validity else { return nil }
        let now = time(nil)
        if now >= validity.upperBound {
            return "the certificate '\(files.certificate)' has expired"
        }
        if now < validity.lowerBound {
            return "the certificate '\(files.certificate)' is not valid yet"
        }
        return nil
    }
}
