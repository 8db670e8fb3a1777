// Who could listen to a connection.

import NIOCore

extension Connection {
    /// Whether the other end is on this very machine.
    package var isLocal: Bool {
        guard let remoteAddress else { return false }
        guard let address = remoteAddress.ipAddress else { return true }
        return address == "::1" || address.hasPrefix("127.") || address.hasPrefix("::ffff:127.")
    }
}
