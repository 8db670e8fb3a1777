// How bare peers reach a router under test.

import Glibc

/// Nobody takes a connection.
struct CannotConnect: Error {
    let cause: String
}

/// A TCP connection to a port of this machine.
func connectedSocket(port: Int) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let answer = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard answer == 0 else {
        let cause = "error \(errno)"
        close(descriptor)
        throw CannotConnect(cause: cause)
    }
    return descriptor
}
