// A peer made of a bare socket: RawSocket, WebSocket and JSON by hand, right or wrong.

import BareSockets
import WAMP

/// A blocking TCP connection to a router under test.
struct RawPeer: ~Copyable {
    private var socket: BareSocket

    init(port: Int) throws { socket = try BareSocket(port: port) }

    func send(_ bytes: [UInt8]) { socket.send(bytes) }

    /// Ends the sending direction only.
    func finish() { socket.finish() }

    /// Exactly `count` bytes.
    mutating func read(_ count: Int) throws -> [UInt8] { try socket.read(count) }

    /// Everything up to the end of the connection.
    mutating func readToEnd() throws -> [UInt8] { try socket.readToEnd() }

    // MARK: RawSocket

    mutating func openRawSocket(_ serializer: Serializer = .json) throws {
        try socket.openRawSocket(serializer.rawValue)
    }

    func sendFrame(_ payload: [UInt8], type: UInt8 = 0) {
        send(BareSocket.frame(payload, type: type))
    }

    func sendFrame(_ text: String) { sendFrame(Array(text.utf8)) }

    /// Several messages in one write.
    func sendFrames(_ texts: [String]) {
        send(texts.flatMap { BareSocket.frame(Array($0.utf8)) })
    }

    /// The next frame that is a message, as text.
    mutating func readFrame() throws -> String {
        String(decoding: try socket.readFrame().payload, as: UTF8.self)
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
