// A connection without a client: a test sends whatever bytes it wants to, right or wrong, and reads
// what comes.

import Glibc

/// Nobody takes a connection.
package struct CannotConnect: Error {
    let cause: String

    package init(cause: String) { self.cause = cause }
}

/// Why nothing more is read.
package enum SocketEnd: Error { case timedOut, closed }

/// A blocking TCP connection to a port of this machine.
package struct BareSocket: ~Copyable {
    /// For `poll` and the like; -1 once it is closed.
    package private(set) var descriptor: Int32
    private var received: [UInt8] = []

    /// Reads give up after so many seconds: a router that does not answer must fail a test, not
    /// hang it.
    private static let patience = 120

    /// - Parameter sendsAtOnce: whether small pieces go out without waiting for each other.
    package init(port: Int, sendsAtOnce: Bool = false) throws(CannotConnect) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        let isConnected = withAddress(port: port) { connect(descriptor, $0, $1.pointee) == 0 }
        guard isConnected else { throw CannotConnect(cause: "error \(errno) at port \(port)") }
        set(SO_RCVTIMEO, of: SOL_SOCKET, to: timeval(tv_sec: BareSocket.patience, tv_usec: 0))
        if sendsAtOnce { set(TCP_NODELAY, of: Int32(IPPROTO_TCP), to: Int32(1)) }
    }

    deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

    private func set<Setting: BitwiseCopyable>(
        _ option: Int32, of level: Int32, to setting: Setting
    ) {
        _ = withUnsafeBytes(of: setting) {
            setsockopt(descriptor, level, option, $0.baseAddress, socklen_t($0.count))
        }
    }

    /// What cannot be sent is for nobody: the end of the connection will be read.
    package func send(_ bytes: [UInt8]) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            offset += count
        }
    }

    /// Ends the sending direction only.
    package func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends the connection without a word.
    /// - Parameter withReset: whether what is under way in either direction is thrown away.
    package mutating func close(withReset: Bool) {
        if withReset { set(SO_LINGER, of: SOL_SOCKET, to: linger(l_onoff: 1, l_linger: 0)) }
        Glibc.close(descriptor)
        descriptor = -1
    }

    /// Exactly `count` bytes.
    package mutating func read(_ count: Int) throws(SocketEnd) -> [UInt8] {
        while received.count < count { try fill() }
        defer { received.removeFirst(count) }
        return Array(received.prefix(count))
    }

    /// Everything up to the end of the connection.
    package mutating func readToEnd() throws(SocketEnd) -> [UInt8] {
        while true {
            do { try fill() } catch .closed {
                defer { received = [] }
                return received
            } catch { throw error }
        }
    }

    private mutating func fill() throws(SocketEnd) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count == 0 || (count < 0 && errno == ECONNRESET) { throw .closed }
        guard count > 0 else { throw .timedOut }
        received += buffer[..<count]
    }
}

// MARK: RawSocket

extension BareSocket {
    /// - Parameter serializer: its number in the handshake.
    package mutating func openRawSocket(_ serializer: UInt8) throws(SocketEnd) {
        send([0x7F, 0xF0 | serializer, 0, 0])
        _ = try read(4)
    }

    /// A payload behind its header.
    /// - Parameter type: 0 is a message.
    package static func frame(_ payload: [UInt8], type: UInt8 = 0) -> [UInt8] {
        [type] + [16, 8, 0].map { UInt8(payload.count >> $0 & 255) } + payload
    }

    package mutating func readFrame() throws(SocketEnd) -> (type: UInt8, payload: [UInt8]) {
        let header = try read(4)
        let length = Int(header[1]) << 16 | Int(header[2]) << 8 | Int(header[3])
        return (header[0], try read(length))
    }
}
