// A peer made of a bare socket: it sends whatever bytes a test wants to, right or wrong.

import Glibc
import WAMP

/// A blocking TCP or Unix connection to a router under test.
struct RawPeer: ~Copyable {
    private let descriptor: Int32
    private var received: [UInt8] = []

    /// Reads give up after this long: a router that does not answer must fail the test, not hang
    /// it.
    private static let patience = timeval(tv_sec: 120, tv_usec: 0)

    init(port: Int) throws {
        descriptor = try connectedSocket(port: port)
        var patience = RawPeer.patience
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    enum PeerError: Error { case timedOut, closed }

    func send(_ bytes: [UInt8]) {
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
    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Exactly `count` bytes.
    mutating func read(_ count: Int) throws -> [UInt8] {
        while received.count < count { try fill() }
        defer { received.removeFirst(count) }
        return Array(received.prefix(count))
    }

    /// Whether there is something to read, or the end, without waiting.
    var hasMore: Bool {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return !received.isEmpty || poll(&polled, 1, 0) > 0
    }

    /// Everything up to the end of the connection.
    mutating func readToEnd() throws -> [UInt8] {
        while true {
            do { try fill() } catch PeerError.closed {
                defer { received = [] }
                return received
            }
        }
    }

    private mutating func fill() throws {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count == 0 || (count < 0 && errno == ECONNRESET) { throw PeerError.closed }
        guard count > 0 else { throw PeerError.timedOut }
        received += buffer[..<count]
    }

    // MARK: RawSocket

    mutating func openRawSocket(_ serializer: Serializer = .json) throws {
        send([0x7F, 0xF0 | serializer.rawValue, 0, 0])
        _ = try read(4)
    }

    func sendFrame(_ payload: [UInt8], type: UInt8 = 0) {
        send(
            [
                type, UInt8(payload.count >> 16), UInt8(payload.count >> 8 & 255),
                UInt8(payload.count & 255),
            ] + payload)
    }

    func sendFrame(_ text: String) { sendFrame(Array(text.utf8)) }

    /// Several messages in one write.
    func sendFrames(_ texts: [String]) {
        send(
            texts.flatMap { text in
                [0, 0, UInt8(text.utf8.count >> 8), UInt8(text.utf8.count & 255)] + Array(text.utf8)
            })
    }

    /// The next frame that is a message, as text.
    mutating func readFrame() throws -> String {
        let header = try read(4)
        let length = Int(header[1]) << 16 | Int(header[2]) << 8 | Int(header[3])
        return String(decoding: try read(length), as: UTF8.self)
    }

    /// Joins `realm1` over RawSocket with JSON.
    mutating func joinRawSocket() throws {
        try openRawSocket()
        sendFrame(
            #"[1,"realm1",{"roles":{"caller":{},"callee":{},"publisher":{},"subscriber":{}}}]"#)
        _ = try readFrame()
    }

    // MARK: WebSocket

    mutating func openWebSocket(_ subprotocol: String = "wamp.2.json") throws {
        send(Array(RawPeer.upgrade(subprotocol).utf8))
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]) { head += try read(1) }
    }

    static func upgrade(_ subprotocol: String, path: String = "/ws") -> String {
        "GET \(path) HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Protocol: \(subprotocol)\r\n\r\n"
    }

    /// Sends one masked frame; the key is zero, so the payload stays readable.
    func sendWebSocket(_ payload: [UInt8], opcode: UInt8 = 1, final: Bool = true) {
        var header: [UInt8] = [(final ? 0x80 : 0) | opcode]
        if payload.count < 126 {
            header.append(0x80 | UInt8(payload.count))
        } else {
            let width = payload.count < 65536 ? 2 : 8
            header.append(0x80 | (width == 2 ? 126 : 127))
            header += (1...width).map {
                UInt8(truncatingIfNeeded: payload.count >> (8 * (width - $0)))
            }
        }
        send(header + [0, 0, 0, 0] + payload)
    }

    func sendWebSocket(_ text: String) { sendWebSocket(Array(text.utf8)) }

    /// The next frame: its opcode and payload.
    mutating func readWebSocket() throws -> (opcode: UInt8, payload: [UInt8]) {
        let header = try read(2)
        var length = Int(header[1] & 0x7F)
        if length == 126 {
            length = try read(2).reduce(0) { $0 << 8 | Int($1) }
        } else if length == 127 {
            length = try read(8).reduce(0) { $0 << 8 | Int($1) }
        }
        return (header[0] & 0x0F, try read(length))
    }
}
