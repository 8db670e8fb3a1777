// A peer on a bare socket that speaks messages in any serializer and waits only when it is told to,
// so that one thread can play many peers.

import BareSockets
import Glibc
import NIOCore
import WAMP

/// A RawSocket connection to a router under test. One thread at a time.
final class MessagePeer {
    let serializer: Serializer
    private var socket: BareSocket
    private var received = ByteBuffer()
    /// The router has ended the connection.
    private(set) var hasEnded = false

    init(port: Int, _ serializer: Serializer) throws {
        self.serializer = serializer
        socket = try BareSocket(port: port, sendsAtOnce: true)
        socket.send([0x7F, 0xF0 | serializer.rawValue, 0, 0])
        while received.readableBytes < 4, !hasEnded {
            MessagePeer.wait(for: [self])
            fill()
        }
        guard received.readInteger(as: UInt8.self) == 0x7F else { throw Breach("no RawSocket") }
        received.moveReaderIndex(forwardBy: 3)
    }

    /// Joins a realm and waits for the WELCOME.
    /// - Parameter features: what is announced as a callee.
    func join(_ realm: String, _ features: Features = []) throws -> SessionID {
        let roles = Roles([.caller: [], .callee: features, .subscriber: [], .publisher: []])
        try send([.hello(Hello(realm: URI(realm), roles: roles))])
        guard case .welcome(let welcome) = try next() else { throw Breach("no WELCOME") }
        return welcome.session
    }

    /// Sends messages in one write.
    func send(_ messages: [Message]) throws {
        var bytes = ByteBuffer()
        for message in messages { try append(message, to: &bytes) }
        socket.send(Array(buffer: bytes))
    }

    /// Sends messages, each in a write of its own.
    func sendEach(_ messages: [Message]) throws {
        for message in messages { try send([message]) }
    }

    /// Sends a frame that is no message.
    func sendGarbage() {
        let garbage: UInt8 =
            switch serializer {
            case .json: UInt8(ascii: "}")
            case .msgpack: 0xC1
            case .cbor: 0xFF
            }
        socket.send([0, 0, 0, 1, garbage])
    }

    private func append(_ message: Message, to bytes: inout ByteBuffer) throws {
        let frame = try MessageCoder.encode(message, as: serializer)
        bytes.writeInteger(UInt32(frame.readableBytes))
        bytes.writeImmutableBuffer(frame)
    }

    /// Takes the messages that have come, without waiting.
    func receive() throws -> [Message] {
        fill()
        var messages: [Message] = []
        while let message = try takeMessage() { messages.append(message) }
        return messages
    }

    /// Waits for the next message.
    func next() throws -> Message {
        while true {
            if let message = try takeMessage() { return message }
            if hasEnded { throw Breach("the connection has ended") }
            guard MessagePeer.wait(for: [self]) else { throw Breach("no message comes") }
            fill()
        }
    }

    private func takeMessage() throws -> Message? {
        while let header = received.getInteger(at: received.readerIndex, as: UInt32.self) {
            let length = Int(header & 0xFF_FFFF)
            guard received.readableBytes >= 4 + length else { return nil }
            received.moveReaderIndex(forwardBy: 4)
            guard let frame = received.readSlice(length: length) else { return nil }
            if header >> 24 == 0 { return try MessageCoder.decode(frame, as: serializer) }
        }
        return nil
    }

    private func fill() {
        received.discardReadBytes()
        while !hasEnded {
            let count = received.writeWithUnsafeMutableBytes(minimumWritableBytes: 65536) { room in
                let count = recv(
                    socket.descriptor, room.baseAddress, room.count, Int32(MSG_DONTWAIT))
                if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) {
                    hasEnded = true
                    // As any client does: the router lingers for it.
                    shutdown(socket.descriptor, Int32(SHUT_RDWR))
                }
                return max(0, count)
            }
            if count == 0 { return }
        }
    }

    /// Ends the connection without a word.
    /// - Parameter withReset: whether what is under way in either direction is thrown away.
    func end(withReset: Bool) {
        socket.close(withReset: withReset)
        hasEnded = true
    }

    /// Waits until one of the peers has something to read.
    /// - Parameter patience: in milliseconds. A router that does not answer must fail a test, not
    ///   hang it.
    /// - Returns: false if nothing came.
    @discardableResult
    static func wait(for peers: [MessagePeer], patience: Int32 = 120_000) -> Bool {
        var polled = peers.filter { !$0.hasEnded }
            .map { pollfd(fd: $0.socket.descriptor, events: Int16(POLLIN), revents: 0) }
        return poll(&polled, nfds_t(polled.count), patience) > 0
    }
}

/// What a test saw that must not be.
struct Breach: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
