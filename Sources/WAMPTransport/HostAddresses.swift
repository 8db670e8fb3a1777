// The addresses of a host, in the order in which they are to be tried.

import Glibc
package import NIOCore

package enum HostAddresses {
    /// Looks a name up, or reads an address. A name may take long: for a thread that may wait.
    /// - Throws: why there are none, as a sentence.
    package static func of(_ host: String, port: Int) throws(LookupError) -> [SocketAddress] {
        if let address = literal(host, port: port) { return [address] }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_protocol = Int32(IPPROTO_TCP)
        hints.ai_flags = AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, "\(port)", &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard code == 0 else { throw LookupError(host: host, code: code) }
        let addresses = sequence(first: found) { $0?.pointee.ai_next }.compactMap { entry in
            entry.flatMap { address(of: $0.pointee, host) }
        }
        guard !addresses.isEmpty else { throw LookupError(host: host, code: EAI_NONAME) }
        return byTurns(addresses)
    }

    /// The address that the text itself is; nil for a name.
    package static func literal(_ host: String, port: Int) -> SocketAddress? {
        try? SocketAddress(ipAddress: host, port: port)
    }

    private static func address(of entry: addrinfo, _ host: String) -> SocketAddress? {
        guard let address = entry.ai_addr else { return nil }
        let bytes = UnsafeRawPointer(address)
        return switch entry.ai_family {
        case AF_INET: SocketAddress(bytes.loadUnaligned(as: sockaddr_in.self), host: host)
        case AF_INET6: SocketAddress(bytes.loadUnaligned(as: sockaddr_in6.self), host: host)
        default: nil
        }
    }

    /// Whether this machine has the address: that of a family which is off, it has not.
    package static func isOwn(_ address: SocketAddress) -> Bool {
        let descriptor = socket(
            Int32(address.protocol.rawValue), Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var anyPort = address
        anyPort.port = 0
        return anyPort.withSockAddr { bind(descriptor, $0, socklen_t($1)) == 0 }
    }

    /// Each address once, the families by turns, beginning with that of the first.
    ///
    /// Spec: RFC 8305, section 4.
    package static func byTurns(_ addresses: [SocketAddress]) -> [SocketAddress] {
        var families: [[SocketAddress]] = [[], []]
        for address in addresses {
            let family = address.protocol == addresses[0].protocol ? 0 : 1
            if !families[family].contains(address) { families[family].append(address) }
        }
        return (0..<max(families[0].count, families[1].count)).flatMap { turn in
            families.compactMap { turn < $0.count ? $0[turn] : nil }
        }
    }
}

/// Why a host has no addresses.
package struct LookupError: Error, Equatable, CustomStringConvertible {
    package let host: String
    /// As of `getaddrinfo`.
    let code: Int32

    /// Whether the name is known not to exist.
    package var isUnknownHost: Bool { code == EAI_NONAME }

    package var description: String {
        isUnknownHost
            ? "there is no host \"\(host)\""
            : "cannot look up \"\(host)\": \(String(cString: gai_strerror(code)).lowercased())"
    }
}
