// A peer on a bare socket that writes and reads with the codecs of the trials.

import Glibc
import WAMP

/// What must not be.
struct Finding: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// A RawSocket connection that waits for what it reads.
final class TrialPeer {
    let wire: Wire
    private let descriptor: Int32
    private var chance: SplitMix64
    private var lastRequest = 0

    init(port: Int, _ wire: Wire, seed: UInt64) throws {
        self.wire = wire
        chance = SplitMix64(seed: seed)
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let answer = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard answer == 0 else { throw Finding("no router on port \(port)") }
        // A router that does not answer must fail a run, not hang it.
        var patience = timeval(tv_sec: 120, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        var isOn: Int32 = 1
        setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn,
            socklen_t(MemoryLayout<Int32>.size))
        send(bytes: [0x7f, 0xf0 | wire.rawValue, 0, 0])
        _ = try read(4)
    }

    deinit { close(descriptor) }

    func join(_ realm: String) throws {
        let roles = ["caller", "callee", "publisher", "subscriber"].map { ($0, Specimen.map([])) }
        try send([.number(1), .text(realm), .options([("roles", .options(roles))])])
        guard case (2, _) = try receive() else { throw Finding("\(wire.name): no WELCOME") }
    }

    func nextRequest() -> Specimen {
        lastRequest += 1
        return .number(lastRequest)
    }

    /// - Throws: `Unwritable` if the serializer lacks something in the message.
    func send(_ message: [Specimen], _ arguments: Arguments? = nil) throws {
        let frame = try wire.encode(.list(message + (arguments.map(tail) ?? [])), &chance)
        send(bytes: [0] + (0..<3).map { UInt8(frame.count >> (16 - 8 * $0) & 255) } + frame)
    }

    /// What is absent may be left out, empty or null.
    private func tail(_ arguments: Arguments) -> [Specimen] {
        let args: Specimen =
            arguments.args.isEmpty && chance.once(in: 2) ? .null : .list(arguments.args)
        if !arguments.kwargs.isEmpty { return [args, .map(arguments.kwargs)] }
        if chance.once(in: 8) { return [args, chance.once(in: 2) ? .null : .map([])] }
        return arguments.args.isEmpty && chance.once(in: 2) ? [] : [args]
    }

    /// The next message: its code, and its elements behind that.
    func receive() throws -> (code: Int, elements: [Specimen]) {
        while true {
            let header = try read(4)
            let frame = try read(Int(header[1]) << 16 | Int(header[2]) << 8 | Int(header[3]))
            guard header[0] == 0 else { continue }
            guard case .list(let list) = try wire.decode(frame),
                case .integer(let digits)? = list.first,
                let code = Int(digits)
            else { throw Finding("\(wire.name): no message: \(frame)") }
            return (code, Array(list.dropFirst()))
        }
    }

    /// The peer that has something to read first; nil if none has for long.
    static func ready(of peers: [TrialPeer]) -> TrialPeer? {
        var polled = peers.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        guard poll(&polled, nfds_t(polled.count), 60_000) > 0 else { return nil }
        return zip(peers, polled).first { $0.1.revents != 0 }?.0
    }

    private func send(bytes: [UInt8]) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            // The end of the connection will be read.
            guard count > 0 else { return }
            offset += count
        }
    }

    private func read(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var offset = 0
        while offset < count {
            let got = bytes[offset...].withUnsafeMutableBytes {
                recv(descriptor, $0.baseAddress, $0.count, 0)
            }
            guard got > 0 else { throw Finding("\(wire.name): the session has ended") }
            offset += got
        }
        return bytes
    }
}
