// From HELLO to WELCOME or ABORT: what the pure machine of admission asks for is done here.

import Logging
import NIOCore
import WAMP
import WAMPRouter
import WAMPTransport

/// Somebody who is to prove who it is.
struct Applicant {
    let host: RealmHost
    var candidate: Candidate
    /// Reserved for it.
    let session: SessionID
    /// When it must have answered, or the authenticator for it.
    var deadline: NIODeadline
    /// A question about it is under way: nothing may come from the peer meanwhile.
    var isAskedAbout = false

    func giveUp() { host.release(session) }
}

extension SessionLink {
    func admit(_ message: Message) {
        let decision = Admission.decide(
            on: message, limits: directory.limits, transport: facts, secret: directory.secret
        ) {
            directory.principals(of: $0)
        }
        switch decision {
        case .join(let realm, let newcomer):
            guard let host = directory.host(of: realm) else {
                return refuse(Abort(reason: .noSuchRealm), asked: message)
            }
            join(host, newcomer)
        case .authenticate(let realm, var candidate):
            guard let host = directory.host(of: realm), !directory.isDraining else {
                return refuse(Abort(reason: .systemShutdown), asked: message)
            }
            let session = host.reserveSessionID()
            let chance = Candidate.Chance(
                nonce: RealmDirectory.randomBytes(), session: session,
                unixMilliseconds: Now.current.unixMilliseconds)
            let step = candidate.start(chance)
            take(
                step,
                Applicant(
                    host: host, candidate: candidate, session: session,
                    deadline: loop.eventLoop.now + directory.handshakeTimeout))
        case .refuse(let abort):
            refuse(abort, asked: message)
        case .close:
            close()
        }
    }

    /// A message of somebody who has not proved who it is.
    func hear(_ message: Message, of applicant: Applicant) {
        var applicant = applicant
        switch message {
        case .authenticate(let answer) where !applicant.isAskedAbout:
            let step = applicant.candidate.received(answer)
            take(step, applicant)
        case .abort: close()
        default:
            refuse(
                Abort(ProtocolViolation("\(message.code.name) came in the authentication")))
        }
    }

    /// The authenticator has answered; who it was asked for may be gone.
    func answered(_ answer: Answer) {
        guard case .authenticating(var applicant) = state, applicant.isAskedAbout else { return }
        applicant.isAskedAbout = false
        let step = applicant.candidate.answered(answer)
        take(step, applicant)
    }

    private func take(_ step: Candidate.Step, _ applicant: Applicant) {
        var applicant = applicant
        switch step {
        case .challenge(let challenge):
            applicant.deadline = loop.eventLoop.now + directory.handshakeTimeout
            state = .authenticating(applicant)
            if let outbox { _ = loop.send(.challenge(challenge), to: outbox) }
        case .ask(let procedure, let args):
            applicant.isAskedAbout = true
            state = .authenticating(applicant)
            applicant.host.ask(procedure, args, for: self)
        case .join(let newcomer):
            join(applicant.host, newcomer)
        case .refuse(let abort, let reason):
            state = .authenticating(applicant)
            refuse(abort, because: reason)
        }
    }

    private func join(_ host: RealmHost, _ newcomer: Newcomer) {
        guard let outbox, !directory.isDraining else {
            if let id = newcomer.session { host.release(id) }
            return refuse(Abort(reason: .systemShutdown))
        }
        var newcomer = newcomer
        newcomer.transport = facts.details
        endedAtOnce = nil
        let (session, identity) = host.join(newcomer, self, outbox)
        state = .joined(host, session, identity)
        log(
            "session joined", host, identity,
            ["role": "\(newcomer.authrole)", "method": "\(newcomer.authmethod)"])
        // Its WELCOME may be more than it accepts.
        if let ending = endedAtOnce { ended(ending) }
    }

    /// - Parameters:
    ///   - reason: why, for the log, if the peer is not told.
    ///   - message: what was refused, if nothing is known of the peer yet.
    func refuse(_ abort: Abort, because reason: String? = nil, asked message: Message? = nil) {
        var metadata = abort.facts
        metadata["peer"] = "\(connection?.peer ?? "")"
        if let reason { metadata["cause"] = "\(reason)" }
        var hello: Hello?
        if case .authenticating(let applicant) = state { hello = applicant.candidate.hello }
        if case .hello(let asked)? = message { hello = asked }
        if let hello {
            metadata["realm"] = "\(hello.realm.excerpt)"
            if let authid = hello.authid { metadata["authid"] = "\(authid)" }
        }
        directory.logger.info("session refused", metadata: metadata)
        if let outbox { _ = loop.send(.abort(abort), to: outbox) }
        close()
    }

    private var facts: TransportFacts {
        guard let connection else { return TransportFacts(isPrivate: false) }
        return TransportFacts(
            isPrivate: connection.isLocal || connection.isSecure,
            certificateName: connection.tls?.peerCommonName, channelID: connection.tls?.exporter,
            details: TransportDetails(
                kind: connection.framing == .webSocket ? .webSocket : .rawSocket,
                serializer: connection.serializer, peer: connection.peer,
                isSecure: connection.isSecure))
    }
}
