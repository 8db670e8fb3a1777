// The router's end of one connection: first admission, then a session of a realm, then farewell.

import Logging
import NIOCore
import WAMP
import WAMPRouter
import WAMPTransport

/// Owner of a `ConnectionHandler`.
///
/// Not checked as Sendable: everything is touched on the connection's event loop only, but for
/// `outbox`, which is set before the link is known to anybody else and never changed.
final class SessionLink: ConnectionOwner, @unchecked Sendable {
    let loop: IOLoop
    let directory: RealmDirectory
    var state = State.opening
    private(set) var connection: Connection?
    /// Until there is a connection, which knows it, too.
    private var remoteAddress: SocketAddress?
    /// How a session ended that nobody here knew of yet.
    var endedAtOnce: Ending?
    /// The peer has answered a GOODBYE that another loop has sent and not yet told of.
    private var isFarewellAnswered = false
    /// The HELLO of the peer's next session, which came before this one's end was told.
    private var nextHello: Message?

    enum State {
        /// No framing has been agreed yet.
        case opening
        /// Connected; HELLO must come before the deadline.
        case awaitingHello(NIODeadline)
        indirect case authenticating(Applicant)
        case joined(RealmHost, SessionKey, PeerIdentity)
        /// GOODBYE was sent: all is ignored until the peer's, or the deadline.
        case awaitingGoodbye(NIODeadline)
        /// The connection is being closed; nothing that still comes matters.
        case closed
    }

    init(loop: IOLoop, directory: RealmDirectory, remoteAddress: SocketAddress? = nil) {
        self.loop = loop
        self.remoteAddress = remoteAddress
        self.directory = directory
        directory.connectionOpened()
    }

    /// Where messages for this session go; nil before the connection is open.
    var outbox: Outbox? { connection?.outbox }

    // MARK: From the connection

    func opened(_ connection: Connection) {
        self.connection = connection
        remoteAddress = nil
        state = .awaitingHello(loop.eventLoop.now + directory.handshakeTimeout)
    }

    func received(_ batch: MessageBatch) {
        var next = 0
        while next < batch.count {
            switch state {
            case .joined(let host, let session, _):
                next = host.submit(batch, from: next, of: session, on: loop)
                if case .joined = state {
                    for index in next..<batch.count { keep(batch.take(at: index)) }
                    return
                }
            case .awaitingHello:
                admit(batch.take(at: next))
                next += 1
            case .authenticating(let applicant):
                hear(batch.take(at: next), of: applicant)
                next += 1
            case .awaitingGoodbye:
                switch batch.take(at: next) {
                case .goodbye, .abort: close()
                default: break
                }
                next += 1
            case .opening, .closed:
                return
            }
        }
    }

    /// What the session was not told comes behind a GOODBYE that is still to be answered, or after
    /// another loop has ended the session, of which this one will hear. The peer may know it
    /// already.
    private func keep(_ message: Message) {
        switch message {
        case .goodbye: isFarewellAnswered = true
        case .hello: nextHello = message
        default: break
        }
    }

    func violated(_ violation: ProtocolViolation) {
        switch state {
        case .joined(let host, let session, _): host.abort(session, violation, on: loop)
        case .awaitingHello, .authenticating: refuse(Abort(violation))
        case .awaitingGoodbye: close()
        case .opening, .closed: break
        }
    }

    func writeBlocked(_ isBlocked: Bool) {
        guard case .joined(let host, let session, _) = state else { return }
        host.setWriteBlocked(isBlocked, session, on: loop)
    }

    func tick(_ now: NIODeadline) {
        switch state {
        case .awaitingHello(let deadline) where now >= deadline:
            logConnection("connection closed", reason: "there was no HELLO in time")
            close()
        case .awaitingHello where directory.isDraining: close()
        case .authenticating(let applicant) where now >= applicant.deadline:
            refuse(
                Abort(
                    details: ["message": "the authentication took too long"],
                    reason: .authenticationFailed))
        case .authenticating where directory.isDraining: refuse(Abort(reason: .systemShutdown))
        case .awaitingGoodbye(let deadline) where now >= deadline:
            close()
        default:
            break
        }
    }

    func closed(_ reason: CloseReason) {
        switch state {
        case .joined(let host, let session, let identity):
            state = .closed
            host.leave(session, on: loop)
            log("session lost", host, identity, ["reason": "\(reason)"])
        case .opening, .awaitingHello, .authenticating: logEnd(reason)
        case .awaitingGoodbye, .closed: break
        }
        setClosed()
        directory.connectionClosed(on: loop.eventLoop)
    }

    // MARK: From the realm

    /// The realm has sent the session its last message.
    func ended(_ ending: Ending) {
        guard case .joined(let host, _, let identity) = state else {
            endedAtOnce = ending
            return
        }
        log("session left", host, identity, ending.facts)
        switch ending {
        case .goodbyeAnswered:
            state = .awaitingHello(loop.eventLoop.now + directory.handshakeTimeout)
            if let hello = nextHello.take() { admit(hello) }
        case .goodbyeSent where isFarewellAnswered:
            close()
        case .goodbyeSent:
            state = .awaitingGoodbye(loop.eventLoop.now + directory.farewellTimeout)
        case .abortSent, .abortReceived:
            close()
        }
    }

    /// Closes the connection once everything sent has been written.
    func close() {
        setClosed()
        connection?.close()
    }

    /// What went wrong before there was a session is worth a line; a peer that only looks whether
    /// somebody listens, or changes its mind, is not.
    private func logEnd(_ reason: CloseReason) {
        switch reason {
        case .refused: logConnection("connection refused", reason: "\(reason)")
        case .peerClosed, .closedHere, .io: break
        case .peerClosedWith, .handshakeTimeout, .keepAliveTimeout, .slowConsumer,
            .messageTooLarge, .transportFault:
            logConnection("connection closed", reason: "\(reason)")
        }
    }

    private func logConnection(_ what: Logger.Message, reason: String) {
        let peer = connection?.peer ?? Connection.name(of: remoteAddress)
        directory.logger.info(what, metadata: ["reason": "\(reason)", "peer": "\(peer)"])
    }

    private func setClosed() {
        if case .authenticating(let applicant) = state { applicant.giveUp() }
        state = .closed
    }

    func log(
        _ what: Logger.Message, _ host: RealmHost, _ identity: PeerIdentity,
        _ more: Logger.Metadata
    ) {
        guard directory.logger.logLevel <= .info, let connection else { return }
        let metadata: Logger.Metadata = [
            "realm": "\(host.name)", "session": "\(identity.session)",
            "authid": "\(identity.authid ?? "")", "peer": "\(connection.peer)",
            "transport": "\(connection.framing)", "serializer": "\(connection.serializer.name)",
        ]
        directory.logger.info(what, metadata: metadata.merging(more) { $1 })
    }
}

extension Ending {
    /// How the log says it.
    fileprivate var facts: Logger.Metadata {
        switch self {
        case .goodbyeAnswered: ["reason": "the client said goodbye"]
        case .goodbyeSent: ["reason": "the router said goodbye"]
        case .abortSent(let abort): abort.facts.merging(["by": "router"]) { $1 }
        case .abortReceived(let abort): abort.facts.merging(["by": "client"]) { $1 }
        }
    }
}

extension Abort {
    /// How the log says it: why, and in what words.
    var facts: Logger.Metadata {
        var facts: Logger.Metadata = ["reason": "\(reason)"]
        if let text = details["message"]?.string { facts["text"] = "\(text)" }
        return facts
    }
}
