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
    private let directory: RealmDirectory
    private var state = State.opening
    private var connection: Connection?
    private let remoteAddress: SocketAddress?
    /// The peer has answered a GOODBYE that another loop has sent and not yet told of.
    private var isFarewellAnswered = false

    private enum State {
        /// No framing has been agreed yet.
        case opening
        /// Connected; HELLO must come before the deadline.
        case awaitingHello(NIODeadline)
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
        state = .awaitingHello(loop.eventLoop.now + directory.handshakeTimeout)
    }

    func received(_ batch: MessageBatch) {
        var next = 0
        while next < batch.count {
            switch state {
            case .joined(let host, let session, _):
                next = host.submit(batch, from: next, of: session, on: loop)
                // What was not taken comes behind a GOODBYE, or finds a session that another loop
                // has ended and that will be told so. The peer may know it already.
                if case .joined = state {
                    while next < batch.count {
                        if case .goodbye = batch.take(at: next) { isFarewellAnswered = true }
                        next += 1
                    }
                    return
                }
            case .awaitingHello:
                admit(batch.take(at: next))
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

    func violated(_ violation: ProtocolViolation) {
        switch state {
        case .joined(let host, let session, _): host.abort(session, violation, on: loop)
        case .awaitingHello: refuse(Abort(violation))
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
        case .awaitingHello(let deadline) where now >= deadline || directory.isDraining:
            close()
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
            log("session lost", host, identity, reason: "\(reason)")
        case .opening: logRefusal(reason)
        default: break
        }
        state = .closed
        directory.connectionClosed()
    }

    // MARK: From the realm

    /// The realm has sent the session its last message.
    func ended(_ ending: Ending) {
        guard case .joined(let host, _, let identity) = state else { return }
        log("session left", host, identity, reason: "\(ending)")
        switch ending {
        case .goodbyeAnswered:
            state = .awaitingHello(loop.eventLoop.now + directory.handshakeTimeout)
        case .goodbyeSent where isFarewellAnswered:
            close()
        case .goodbyeSent:
            state = .awaitingGoodbye(loop.eventLoop.now + directory.farewellTimeout)
        case .aborted:
            close()
        }
    }

    // MARK: Admission

    private func admit(_ message: Message) {
        let decision = Admission.decide(on: message, limits: directory.limits) {
            directory.hasRealm($0)
        }
        switch decision {
        case .join(let realm, let newcomer):
            guard let outbox, !directory.isDraining, let host = directory.host(of: realm) else {
                return refuse(Abort(reason: .systemShutdown))
            }
            let (session, identity) = host.join(newcomer, self, outbox)
            state = .joined(host, session, identity)
            log("session joined", host, identity)
        case .refuse(let abort):
            refuse(abort)
        case .close:
            close()
        }
    }

    private func refuse(_ abort: Abort) {
        directory.logger.debug(
            "session refused",
            metadata: [
                "reason": "\(abort.reason)", "message": "\(abort.details["message"]?.string ?? "")",
                "peer": "\(connection?.peer ?? "")",
            ])
        if let outbox { _ = loop.send(.abort(abort), to: outbox) }
        close()
    }

    /// Closes the connection once everything sent has been written.
    private func close() {
        state = .closed
        connection?.close()
    }

    /// A handshake that went wrong is worth a line; one that never began is not.
    private func logRefusal(_ reason: CloseReason) {
        guard case .refused(let text) = reason else { return }
        directory.logger.info(
            "connection refused",
            metadata: ["reason": "\(text)", "peer": "\(Connection.name(of: remoteAddress))"])
    }

    private func log(
        _ what: Logger.Message, _ host: RealmHost, _ identity: PeerIdentity, reason: String? = nil
    ) {
        guard directory.logger.logLevel <= .info, let connection else { return }
        var metadata: Logger.Metadata = [
            "realm": "\(host.name)", "session": "\(identity.session)",
            "authid": "\(identity.authid ?? "")", "peer": "\(connection.peer)",
            "transport": "\(connection.framing)", "serializer": "\(connection.serializer.name)",
        ]
        if let reason { metadata["reason"] = "\(reason)" }
        directory.logger.info(what, metadata: metadata)
    }
}
