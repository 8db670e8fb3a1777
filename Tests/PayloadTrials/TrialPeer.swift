// A peer on a bare socket that writes and reads with the codecs of the trials.

import BareSockets
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
    private var socket: BareSocket
    private var chance: SplitMix64
    private var lastRequest = 0

    init(port: Int, _ wire: Wire, seed: UInt64) throws {
        self.wire = wire
        chance = SplitMix64(seed: seed)
        socket = try BareSocket(port: port, sendsAtOnce: true)
        try socket.openRawSocket(wire.rawValue)
    }

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
        socket.send(BareSocket.frame(frame))
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
            let (type, frame) = try readFrame()
            guard type == 0 else { continue }
            guard case .list(let list) = try wire.decode(frame),
                case .integer(let digits)? = list.first,
                let code = Int(digits)
            else { throw Finding("\(wire.name): no message: \(frame)") }
            return (code, Array(list.dropFirst()))
        }
    }

    private func readFrame() throws -> (type: UInt8, payload: [UInt8]) {
        do { return try socket.readFrame() } catch {
            throw Finding("\(wire.name): the session has ended: \(error)")
        }
    }

    /// The peer that has something to read first; nil if none has for long.
    static func ready(of peers: [TrialPeer]) -> TrialPeer? {
        var polled = peers.map {
            pollfd(fd: $0.socket.descriptor, events: Int16(POLLIN), revents: 0)
        }
        guard poll(&polled, nfds_t(polled.count), 60_000) > 0 else { return nil }
        return zip(peers, polled).first { $0.1.revents != 0 }?.0
    }
}
