// What the owner of a connection keeps of it, and what it is told. The handler behind it is generic
// and stays unseen.

package import NIOCore
package import WAMP

/// Who is told what happens on a connection. All calls come on the connection's loop, none from
/// within a call of the owner to the connection or its outbox.
package protocol ConnectionOwner: AnyObject {
    /// Framing and serializer are agreed; messages may be sent. A client sends HELLO now.
    func opened(_ connection: Connection)
    /// The messages of one read, in order. The memory they lie in is used again afterwards.
    func received(_ batch: MessageBatch)
    /// The peer sent something that cannot be decoded. Nothing more is read: the owner sends ABORT
    /// and closes.
    func violated(_ violation: ProtocolViolation)
    /// What waits for the peer went over the high mark, or came well below it again.
    func writeBlocked(_ blocked: Bool)
    /// About once a second while the connection is open.
    func tick(_ now: NIODeadline)
    /// The connection is of no more use. Once, and last.
    func closed(_ reason: CloseReason)
}

extension ConnectionOwner {
    package func tick(_ now: NIODeadline) {}
}

/// An open connection.
// Unchecked: the stored properties are constants; what is behind them is used on the loop only.
package final class Connection: @unchecked Sendable {
    package let outbox: Outbox
    package let remoteAddress: SocketAddress?
    /// What TLS tells of the connection; nil without TLS.
    package let tls: TLSInfo?

    init(outbox: Outbox, remoteAddress: SocketAddress?, tls: TLSInfo? = nil) {
        self.outbox = outbox
        self.remoteAddress = remoteAddress
        self.tls = tls
    }

    /// Whether nobody on the way can read along.
    package var isSecure: Bool { tls != nil }

    package var loop: IOLoop { outbox.loop }
    package var framing: Framing { outbox.format.framing }
    package var serializer: Serializer { outbox.format.serializer }

    /// The peer's address for people: `127.0.0.1:50312`, `[::1]:50312`, `unix`, or `unknown` if it
    /// was gone before it could be asked for.
    package var peer: String {
        Connection.name(of: remoteAddress)
    }

    /// The same for any address of a peer.
    package static func name(of address: SocketAddress?) -> String {
        guard let address else { return "unknown" }
        guard let host = address.ipAddress, let port = address.port else { return "unix" }
        return Endpoint.authority(host: host, port: port)
    }

    /// Closes the connection once everything sent so far is written; what the peer still sends is
    /// ignored. On the loop; elsewhere use `IOLoop.close`.
    /// - Parameters:
    ///   - code: for WebSocket.
    ///   - reason: for WebSocket; cut to 123 bytes.
    package func close(_ code: WebSocketCloseCode = .normal, _ reason: String = "") {
        outbox.control?.close(code, reason)
    }

    /// Stops or resumes reading. On the loop; elsewhere use `IOLoop.setReading`.
    package func setReading(_ isReading: Bool) { outbox.control?.setReading(isReading) }

    /// Ends the connection at once, whatever waits. On the loop.
    package func abandon() { outbox.control?.abandon() }
}

/// The handler of a connection, as its outbox, its loop and its owner's `Connection` see it. On the
/// loop only.
protocol ConnectionControl: AnyObject {
    /// Where it stands in its loop's list.
    var place: Int? { get set }
    func tick(_ now: NIODeadline)
    func close(_ code: WebSocketCloseCode, _ reason: String)
    func setReading(_ isReading: Bool)
    func abandon()
    func outboxOverflowed()
    func outboxBlocked(_ isBlocked: Bool)
    func outboxDrained()
}
