// Ports of this machine that the system chooses.

import Glibc

/// A port that is taken, so that nobody else gets it, and that nobody listens on.
package final class TakenPort {
    package let number: Int
    private let descriptor: Int32

    package init() throws(CannotConnect) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var number: Int?
        withAddress(port: 0) { address, length in
            guard bind(descriptor, address, length.pointee) == 0,
                getsockname(descriptor, address, length) == 0
            else { return }
            number = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                Int(UInt16(bigEndian: $0.pointee.sin_port))
            }
        }
        guard let number else { throw CannotConnect(cause: "no free port to be had") }
        self.number = number
    }

    deinit { close(descriptor) }
}

/// A port that was free a moment ago, for listeners that must share one and for programs that
/// cannot choose one by themselves.
package func freePort() throws(CannotConnect) -> Int { try TakenPort().number }

/// Hands out the address of a port of this machine, as the system's calls want it.
func withAddress<Answer>(
    port: Int, _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Answer
) -> Answer {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
    }
}
