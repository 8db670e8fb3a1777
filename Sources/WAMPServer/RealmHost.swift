// Runs one realm: the lock around it, its one timer, and its effects turned into frames.
//
// Inside the lock: the core, and appending finished frames to outboxes and mailboxes. Outside:
// reading, parsing, flushing. Appending inside is what keeps WAMP's order across connections:
// REGISTERED before the first INVOCATION, nothing to a callee after its UNREGISTERED. Two locks,
// one order: the realm's, then a mailbox's.

import BasicContainers
import Logging
import NIOCore
import Synchronization
import WAMP
import WAMPRouter
import WAMPTransport

final class RealmHost: Sendable {
    let name: String
    private let state: Mutex<State>
    private let allowed: Mutex<Principals>
    /// Where the realm's timer runs.
    private let home: IOLoop
    private let logger: Logger

    private struct State: ~Copyable {
        var realm: Realm
        /// By session slot.
        var members = UniqueArray<Member>()
        var effects = Effects()
        /// What the events of the present message take.
        var burst: Burst
        /// Of RESULTs whose callee is not disclosed.
        var anonymous = ResultDetails(naming: nil)
        /// What links are told once all frames of the present batch are on their way.
        var notices: [Notice] = []
        /// Who waits for the answer to a question, by its token.
        var askers: [UInt64: SessionLink] = [:]
        var lastToken: UInt64 = 0
        /// The moment the timer is set for, and the task that waits for it.
        var timer: (moment: Moment, task: Scheduled<Void>)?
        /// An event could not be delivered, and the log was warned.
        var hasWarnedOfEvents = false
        /// Fulfilled when the last session has gone, once the realm is being drained.
        var emptied: EventLoopPromise<Void>?
    }

    private enum Notice {
        case ended(SessionLink, Ending)
        case answered(SessionLink, Answer)
    }

    /// - Parameters:
    ///   - started: when the router began.
    ///   - burst: how much the events may take that one message causes.
    init(
        _ configuration: RealmConfiguration, limits: Limits, seed: UInt64, started: Moment,
        home: IOLoop, burst: Burst, logger: Logger
    ) {
        name = configuration.name
        self.logger = logger
        allowed = Mutex(configuration.principals)
        self.home = home
        state = Mutex(
            State(
                realm: Realm(
                    name: configuration.name, settings: configuration.settings, limits: limits,
                    seed: seed, hashSeed: .random(in: .min ... .max), started: started,
                    at: .current),
                burst: burst))
    }

    /// Who may join.
    var principals: Principals { allowed.withLock { $0 } }

    /// Draws the id of a session that is to join once it has proved who it is.
    func reserveSessionID() -> SessionID { state.withLock { $0.realm.reserveSessionID() } }

    /// Nobody is going to join with the id.
    func release(_ id: SessionID) { state.withLock { $0.realm.release(id) } }

    /// Calls a procedure in the router's name. The link is told the answer, perhaps before this
    /// returns.
    func ask(_ procedure: URI, _ args: [Value], for link: SessionLink) {
        perform(on: link.loop) { state, now in
            state.lastToken += 1
            state.askers[state.lastToken] = link
            state.realm.ask(
                procedure, args, token: state.lastToken, at: now, into: &state.effects)
        }
    }

    /// Lets a session in. Runs on the link's loop, like all that a link calls.
    /// - Returns: the session, and who it is.
    func join(
        _ newcomer: Newcomer, _ link: SessionLink, _ outbox: Outbox
    ) -> (SessionKey, PeerIdentity) {
        perform(on: link.loop) { state, now in
            let key = state.realm.join(newcomer, at: now, into: &state.effects)
            while state.members.count <= Int(key.slot) { state.members.append(Member()) }
            let identity = state.realm.identity(of: key)
            state.members[Int(key.slot)] = Member(link: link, outbox: outbox, callee: identity)
            return (key, identity)
        }
    }

    var pendingCallCount: Int { state.withLock { $0.realm.pendingCallCount } }

    /// Hands over the messages of one read from `first` on, under one lock.
    /// - Returns: the first that is not for this session: one behind its GOODBYE, answered or not,
    ///   or the end.
    func submit(
        _ batch: MessageBatch, from first: Int, of session: SessionKey, on loop: IOLoop
    ) -> Int {
        perform(on: loop) { state, now in
            guard state.realm.isPresent(session), !state.realm.hasSaidGoodbye(session) else {
                return first
            }
            var next = first
            while next < batch.count {
                let end = state.realm.foresee(batch, from: next)
                for index in next..<end {
                    if let plain = batch.plain(at: index) {
                        let passage = state.realm.receive(
                            plain, of: batch, from: session, at: now, into: &state.effects)
                        if let passage {
                            pass(passage, plain, of: batch, &state, on: loop, at: now)
                        }
                    } else {
                        state.realm.receive(
                            batch.take(at: index), from: session, at: now, into: &state.effects)
                        if state.realm.hasSaidGoodbye(session) { return index + 1 }
                    }
                    // Without effects, the session is still there.
                    if !state.effects.isEmpty {
                        carryOut(&state, on: loop, at: now)
                        guard state.realm.isPresent(session) else { return index + 1 }
                    }
                }
                next = end
            }
            return batch.count
        }
    }

    /// The peer sent what is no WAMP message.
    func abort(_ session: SessionKey, _ violation: ProtocolViolation, on loop: IOLoop) {
        perform(on: loop) { state, now in
            state.realm.abort(session, violation, at: now, into: &state.effects)
        }
    }

    /// The session's connection is gone. The session may be so already, and its slot another's.
    func leave(_ session: SessionKey, on loop: IOLoop) {
        perform(on: loop) { state, now in
            guard state.realm.isPresent(session) else { return }
            state.realm.lose(session, at: now, into: &state.effects)
            carryOut(&state, on: loop, at: now)
            state.members[Int(session.slot)] = Member()
        }
    }

    func setWriteBlocked(_ isBlocked: Bool, _ session: SessionKey, on loop: IOLoop) {
        perform(on: loop) { state, now in
            state.realm.setWriteBlocked(isBlocked, session, at: now, into: &state.effects)
        }
    }

    /// Replaces what the operator decided about the realm. Sessions stay as they are.
    func update(_ configuration: RealmConfiguration, _ limits: Limits) {
        allowed.withLock { $0 = configuration.principals }
        state.withLock { $0.realm.update(configuration.settings, limits, at: .current) }
    }

    /// Sends sessions away as their last calls end; fulfils `emptied` when nobody is left.
    func drain(emptied: EventLoopPromise<Void>) {
        onHome { host in
            host.perform(on: host.home) { state, now in
                state.emptied = emptied
                state.realm.drain(at: now, into: &state.effects)
            }
        }
    }

    /// Sends everybody away who is left.
    func shutDown() {
        onHome { host in
            host.perform(on: host.home) { state, now in
                state.realm.shutDown(at: now, into: &state.effects)
            }
        }
    }

    private func onHome(_ body: @escaping @Sendable (RealmHost) -> Void) {
        home.eventLoop.execute { body(self) }
    }

    /// Runs `body` under the lock, carries out what it caused, and lets other loops know of frames
    /// for them.
    private func perform<T: Sendable>(
        on loop: IOLoop, _ body: (inout State, Now) -> T
    ) -> T {
        let now = Now.current
        let (result, notices, denials) = state.withLock { state in
            // What others sent to this loop's connections comes before what is sent to them now.
            loop.drainMailbox()
            let result = body(&state, now)
            carryOut(&state, on: loop, at: now)
            loop.postStaged()
            setTimer(&state)
            if state.realm.sessionCount == 0, let emptied = state.emptied {
                state.emptied = nil
                emptied.succeed()
            }
            var notices: [Notice] = []
            if !state.notices.isEmpty { swap(&notices, &state.notices) }
            return (result, notices, state.realm.takeDenials())
        }
        for notice in notices { tell(notice, on: loop) }
        for denial in denials { log(denial) }
        return result
    }

    private func log(_ denial: Denial) {
        logger.debug(
            "request denied",
            metadata: [
                "realm": "\(name)", "session": "\(denial.identity.session)",
                "authid": "\(denial.identity.authid ?? "")",
                "role": "\(denial.identity.authrole ?? "")",
                "action": "\(denial.action.rawValue)", "uri": "\(denial.uri)",
                "error": "\(denial.error)",
            ])
    }

    /// Not under the lock: a link that closes its connection reports back here.
    private func tell(_ notice: Notice, on loop: IOLoop) {
        switch notice {
        case .ended(let link, let ending): tell(link, on: loop) { $0.ended(ending) }
        case .answered(let link, let answer): tell(link, on: loop) { $0.answered(answer) }
        }
    }

    private func tell(
        _ link: SessionLink, on loop: IOLoop, _ what: @escaping @Sendable (SessionLink) -> Void
    ) {
        if link.loop === loop {
            what(link)
        } else {
            link.loop.eventLoop.execute {
                // What it was sent before comes first.
                link.loop.drainMailbox()
                what(link)
            }
        }
    }

    /// Turns effects into frames. What cannot be delivered may cause more.
    private func carryOut(_ state: inout State, on loop: IOLoop, at now: Now) {
        state.burst.restart()
        while let effect = state.effects.popFirst() {
            switch effect {
            case .send(let message, let session):
                deliver(message, to: session, &state, on: loop, at: now)
            case .broadcast(let event, let sessions):
                broadcast(event, to: sessions, &state, on: loop)
            case .answered(let token, let answer):
                guard let link = state.askers.removeValue(forKey: token) else { continue }
                state.notices.append(.answered(link, answer))
            case .ended(let session, let ending):
                guard let link = state.members[Int(session.slot)].link else { continue }
                state.notices.append(.ended(link, ending))
                state.members[Int(session.slot)] = Member()
            }
        }
    }

    /// Sends a plain message on: its payload as it lies there, unless it must be transcoded.
    private func pass(
        _ passage: Passage, _ plain: PlainMessage, of batch: MessageBatch,
        _ state: inout State, on loop: IOLoop, at now: Now
    ) {
        guard let receiver = state.members[Int(passage.receiver.slot)].outbox else { return }
        let isSent = receiver._withUnsafeGuaranteedRef { outbox in
            let serializer = outbox.format.serializer
            guard serializer == plain.serializer || plain.shape == .empty else { return false }
            let envelope = envelope(passage, serializer, &state)
            let result = outbox.send(envelope, passing: plain, of: batch, from: loop)
            if case .tooLarge = result { return false }
            return true
        }
        guard !isSent else { return }
        let message = passage.message(passing: plain, of: batch) { callee in
            state.members[Int(callee.slot)].details.callee
        }
        deliver(message, to: passage.receiver, &state, on: loop, at: now)
    }

    private func envelope(
        _ passage: Passage, _ serializer: Serializer, _ state: inout State
    ) -> Envelope {
        switch passage.envelope {
        case .invocation(let request, let registration):
            return .invocation(request, registration)
        case .result(let request, nil):
            return .result(request, details: state.anonymous[serializer])
        case .result(let request, let callee?):
            return .result(request, details: state.members[Int(callee.slot)].details[serializer])
        }
    }

    private func deliver(
        _ message: Message, to session: SessionKey, _ state: inout State, on loop: IOLoop,
        at now: Now
    ) {
        guard let outbox = state.members[Int(session.slot)].outbox?.takeUnretainedValue() else {
            return
        }
        if let obstacle = send(message, to: outbox, on: loop) {
            if case .event(let event) = message {
                logUndeliverable(event, because: obstacle, receivers: 1, &state)
            }
            state.realm.undeliverable(
                message, to: session, because: obstacle, at: now, into: &state.effects)
        }
    }

    /// Sends a message, in fewer words if its receiver does not accept all of them.
    /// - Returns: why its receiver cannot be sent the message; nil if it was. One that cannot be
    ///   sent for another reason meets a connection that is about to end, which says all there is
    ///   to say.
    private func send(_ message: Message, to outbox: Outbox, on loop: IOLoop) -> Obstacle? {
        let obstacle = sendWhole(message, to: outbox, on: loop)
        guard obstacle == .tooLarge, let shorter = message.shortened else { return obstacle }
        return send(shorter, to: outbox, on: loop)
    }

    private func sendWhole(_ message: Message, to outbox: Outbox, on loop: IOLoop) -> Obstacle? {
        let payload = message.payload
        let serializer = outbox.format.serializer
        if payload.isReady(for: serializer) {
            return loop.send(message, payload: payload, to: outbox) == .tooLarge ? .tooLarge : nil
        }
        do throws(TranscodingError) {
            let transcoded = try payload.transcoded(to: serializer)
            return loop.send(message, payload: transcoded, to: outbox) == .tooLarge
                ? .tooLarge : nil
        } catch {
            return Obstacle(error)
        }
    }

    /// Encodes the event once per format, and transcodes it once per serializer. A subscriber that
    /// does not accept one so large, or whose serializer cannot hold it, does not get it.
    private func broadcast(
        _ event: Event, to sessions: [SessionKey], _ state: inout State, on loop: IOLoop
    ) {
        var encoded: [EncodedMessage] = []
        /// Of other serializers than the publisher's.
        var transcoded: [Serializer: Swift.Result<Payload, Obstacle>] = [:]
        func payload(in serializer: Serializer) throws(Obstacle) -> Payload {
            if event.payload.isReady(for: serializer) { return event.payload }
            if let known = transcoded[serializer] { return try known.get() }
            let new = Swift.Result { () throws(TranscodingError) in
                try event.payload.transcoded(to: serializer)
            }.mapError { Obstacle($0) }
            transcoded[serializer] = new
            return try new.get()
        }
        func send(to outbox: Outbox) throws(Obstacle) {
            guard !state.burst.isEnough(pending: outbox.pendingBytes) else {
                return loop.cut(outbox)
            }
            var message = encoded.first { $0.format == outbox.format }
            if message == nil {
                let arguments = try payload(in: outbox.format.serializer)
                let new = loop.encode(.event(event), payload: arguments, format: outbox.format)
                state.burst.add(frame: new.length)
                encoded.append(new)
                message = new
            }
            guard let message else { return }
            switch loop.send(message, to: outbox) {
            case .queued: state.burst.add(delivery: message.length)
            case .tooLarge: throw .tooLarge
            case .full, .closed: break
            }
        }
        var missed: (count: Int, Obstacle)?
        for session in sessions {
            guard let outbox = state.members[Int(session.slot)].outbox?.takeUnretainedValue()
            else { continue }
            do throws(Obstacle) { try send(to: outbox) } catch {
                missed = ((missed?.count ?? 0) + 1, error)
            }
        }
        guard let (count, obstacle) = missed else { return }
        state.realm.undeliverableEvents(count)
        logUndeliverable(event, because: obstacle, receivers: count, &state)
    }

    /// The first of a realm is told to everybody who reads the log, the others to who wants to
    /// know: a publisher may send many.
    private func logUndeliverable(
        _ event: Event, because obstacle: Obstacle, receivers: Int, _ state: inout State
    ) {
        let level = state.hasWarnedOfEvents ? Logger.Level.debug : .warning
        state.hasWarnedOfEvents = true
        logger.log(
            level: level, "event not delivered",
            metadata: [
                "realm": "\(name)", "publication": "\(event.publication)",
                "subscription": "\(event.subscription)", "receivers": "\(receivers)",
                "reason": "\(obstacle)",
            ])
    }

    /// Keeps one timer, for the earliest deadline. One that is set too early finds nothing due and
    /// sets the next.
    private func setTimer(_ state: inout State) {
        guard let next = state.realm.nextDeadline,
            state.timer.map({ next < $0.moment }) ?? true
        else { return }
        state.timer?.task.cancel()
        let task = home.eventLoop.scheduleTask(deadline: next.deadline) { self.timerFired(next) }
        state.timer = (next, task)
    }

    private func timerFired(_ moment: Moment) {
        perform(on: home) { state, now in
            if state.timer?.moment == moment { state.timer = nil }
            state.realm.advance(to: now, into: &state.effects)
        }
    }
}

extension Obstacle {
    fileprivate init(_ error: TranscodingError) {
        switch error {
        case .tooManyElements: self = .tooLarge
        case .invalid(let sentence): self = .invalid(sentence)
        }
    }
}
