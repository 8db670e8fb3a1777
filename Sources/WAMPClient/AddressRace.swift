// Which address of a router comes next, and what became of those before it. A value: it knows no
// socket and no clock.

import NIOCore
import WAMPTransport

/// The addresses of one host while a router is looked for behind them.
struct AddressRace {
    private var waiting: [SocketAddress]
    private var failures: [(address: SocketAddress, cause: String)] = []
    /// Whether the addresses are to be named: not where the host is an address itself.
    private let namesAddresses: Bool

    /// - Parameter addresses: in the order in which they are to be tried.
    init(_ addresses: [SocketAddress], namesAddresses: Bool) {
        waiting = addresses
        self.namesAddresses = namesAddresses
    }

    mutating func next() -> SocketAddress? { waiting.isEmpty ? nil : waiting.removeFirst() }

    /// Others were ahead of these: should they fail after all, these come next.
    mutating func putBack(_ addresses: [SocketAddress]) { waiting = addresses + waiting }

    mutating func failed(_ address: SocketAddress, because cause: String) {
        failures.append((address, cause))
    }

    /// What went wrong with which address, for people.
    var explanation: String {
        var causes: [String] = []
        for failure in failures where !causes.contains(failure.cause) {
            causes.append(failure.cause)
        }
        guard namesAddresses else { return causes.joined(separator: "; ") }
        return causes.map { cause in
            let addresses = failures.filter { $0.cause == cause }.map {
                Connection.name(of: $0.address)
            }
            return "\(cause) (\(addresses.joined(separator: ", ")))"
        }.joined(separator: "; ")
    }
}
