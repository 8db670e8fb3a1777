// The client's end of a connection: joins a realm, feeds the core, carries out what it decides.
//
// All of it runs on the connection's event loop. Tasks reach it by a mailbox of jobs, with one
// wake-up for a batch of them.

import NIOCore
import NIOPosix
import Synchronization
import WAMP
import WAMPTransport

/// Owner of the `ConnectionHandler` of one session.
// Unchecked: everything but the inbox and the end is touched only on the loop.
final class ClientLink: ConnectionOwner, @unchecked Sendable {
    typealias Outcome = Swift.Result<Message, ClientError>
    typealias Waiter = @Sendable (Outcome) -> Void
    typealias RevocationHandler = @Sendable (Revocation) -> Void
    typealias Job = @Sendable (ClientLink) -> Void

    let loop: IOLoop
    let serializer: Serializer
    private let options: SessionOptions
    private(set) var state = State.connecting
    private var connection: Connection?
    /// What carries the connection, for a load that goes in front of it.
    var channel: (any Channel)?
    var handler: (any ChannelHandler)?
    var core = ClientCore<Waiter, Responder, Listener>()
    var invocations: [RequestID: InvocationRequest] = [:]
    var open = OpenInvocations()
    /// Of the invocations whose time limit is ours to keep.
    var limits: [RequestID: Scheduled<Void>] = [:]
    private var tap: (any BatchTap)?
    private var authenticator: Authenticator?
    /// The method of the last challenge, and how it was answered.
    private var challenge: String?
    private var reply: Authenticator.Reply?
    /// A challenge is being answered on another thread.
    private var isAnswering = false

    /// Told when HELLO is about to be said.
    private var onOpened: (() -> Void)?
    /// Told once how joining ended.
    private var onJoined: ((Swift.Result<Welcome, ClientError>) -> Void)?
    private var onLeft: [@Sendable () -> Void] = []
    private var leaving: Scheduled<Void>?

    private let inbox = Mutex(Inbox())
    struct Inbox: Sendable {
        var jobs: [Job] = []
        var isWaking = false
    }

    private let end = Mutex(EndState())
    struct EndState: Sendable {
        var end: SessionEnd?
        var waiting: [UnsafeContinuation<SessionEnd, Never>] = []
    }

    /// Who answers the invocations of a registration.
    struct Responder: Sendable {
        var respond: @Sendable (InvocationRequest) -> Void
        var onRevoked: RevocationHandler?
    }

    /// Who takes the events of a subscription.
    struct Listener: Sendable {
        var onEvent: @Sendable (EventMessage) -> Void
        var onRevoked: RevocationHandler?
    }

    enum State: Equatable {
        /// Until WELCOME: connecting, then shaking hands, then waiting for the answer to HELLO.
        case connecting
        case joined
        /// We said GOODBYE and wait for the router's.
        case leaving
        case ended
    }

    init(
        loop: IOLoop, options: SessionOptions, onOpened: @escaping () -> Void,
        onJoined: @escaping (Swift.Result<Welcome, ClientError>) -> Void
    ) {
        self.loop = loop
        self.options = options
        serializer = options.serializer
        self.onOpened = onOpened
        self.onJoined = onJoined
    }

    /// Runs a job on the loop: at once when called there, else with the next wake-up.
    func submit(_ job: @escaping Job) {
        if loop.eventLoop.inEventLoop {
            // Those that came before it go before it.
            runJobs()
            job(self)
            return
        }
        let wakes = inbox.withLock { inbox in
            inbox.jobs.append(job)
            defer { inbox.isWaking = true }
            return !inbox.isWaking
        }
        if wakes { loop.eventLoop.execute { self.runJobs() } }
    }

    private func runJobs() {
        let jobs = inbox.withLock { inbox in
            inbox.isWaking = false
            let jobs = inbox.jobs
            inbox.jobs = []
            return jobs
        }
        for job in jobs { job(self) }
    }

    /// How the session ended; nil while it lasts.
    var currentEnd: SessionEnd? { end.withLock { $0.end } }

    /// How the session ended, once it has.
    func ended() async -> SessionEnd {
        await withUnsafeContinuation { continuation in
            let end = end.withLock { state in
                if state.end == nil { state.waiting.append(continuation) }
                return state.end
            }
            if let end { continuation.resume(returning: end) }
        }
    }

    // What the connection tells.

    func opened(_ connection: Connection) {
        guard state == .connecting, onJoined != nil else {
            connection.abandon()
            return
        }
        self.connection = connection
        onOpened?()
        onOpened = nil
        var generator = SystemRandomNumberGenerator()
        var authentication = options.authentication
        if options.tls.certificate != nil { authentication.hasCertificate = true }
        let authenticator = Authenticator(
            authentication, authid: options.authid,
            isPrivate: connection.isLocal || connection.isSecure,
            channelID: connection.tls?.exporter,
            nonce: (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
        self.authenticator = authenticator
        var hello = options.hello
        do throws(Authenticator.Distrust) {
            try authenticator.prepare(&hello)
            sendToJoin(.hello(hello))
        } catch {
            refuse(error)
        }
    }

    func received(_ batch: MessageBatch) {
        var messages = batch.takeAll()
        if let trace = options.trace {
            for message in messages { trace(false, message, message.payload) }
        }
        if state == .joined { tap?.take(from: &messages) }
        for message in messages {
            switch state {
            case .connecting: join(message)
            case .joined: receive(message)
            case .leaving: receiveWhileLeaving(message)
            case .ended: return
            }
        }
        takeBack()
    }

    func violated(_ violation: ProtocolViolation) { abort(violation) }

    func writeBlocked(_ blocked: Bool) {}

    func closed(_ reason: CloseReason) {
        if let onJoined = endJoining() {
            onJoined(.failure(.connect(reason.description)))
        } else if case .leaving = state {
            finish(.left)
        } else {
            finish(ClientLink.end(for: reason))
        }
    }

    /// How a session ends with its connection.
    private static func end(for reason: CloseReason) -> SessionEnd {
        switch reason {
        case .peerClosedWith(let code, _):
            switch code {
            case .protocolError, .unacceptableData, .inconsistentData, .messageTooBig:
                .rejected(reason.description)
            default: .connectionLost(reason.description)
            }
        case .messageTooLarge(let text): .rejected(text)
        case .transportFault(let text): .protocolViolation(text)
        default: .connectionLost(reason.description)
        }
    }

    /// Gives joining up.
    func abandonJoining(_ error: ClientError) {
        guard let onJoined = endJoining() else { return }
        if let connection { connection.abandon() } else { channel?.close(promise: nil) }
        onJoined(.failure(error))
    }

    /// Joining is over without a session.
    /// - Returns: who is to be told; nil if it was over before.
    private func endJoining() -> ((Swift.Result<Welcome, ClientError>) -> Void)? {
        guard let onJoined else { return nil }
        self.onJoined = nil
        onOpened = nil
        state = .ended
        return onJoined
    }

    // Joining and ending.

    private func join(_ message: Message) {
        guard let onJoined else { return }
        switch message {
        case .welcome(let welcome):
            do throws(Authenticator.Distrust) {
                try authenticator?.check(welcome, after: reply)
            } catch {
                return refuse(error)
            }
            self.onJoined = nil
            connection?.identified(as: welcome.details["agent"]?.string)
            state = .joined
            onJoined(.success(welcome))
        case .abort(let abort):
            abandonJoining(
                .refused(
                    reason: abort.reason,
                    message: authenticator?.message(of: abort, after: challenge),
                    details: abort.details))
        case .challenge(let challenge) where !isAnswering: answer(challenge)
        default:
            abort(ProtocolViolation("\(message.code.name) came before WELCOME"))
        }
    }

    /// Answers a challenge. Some are meant to take long, so they go to another thread.
    private func answer(_ challenge: Challenge) {
        guard let work = authenticator?.answer(challenge) else { return }
        self.challenge = challenge.method
        isAnswering = true
        let loop = loop.eventLoop
        NIOThreadPool.singleton.submit { _ in
            let outcome = work()
            loop.execute { self.answered(outcome) }
        }
    }

    private func answered(_ outcome: Swift.Result<Authenticator.Reply, Authenticator.Distrust>) {
        isAnswering = false
        guard state == .connecting, onJoined != nil else { return }
        switch outcome {
        case .success(let reply):
            self.reply = reply
            sendToJoin(.authenticate(reply.message))
        case .failure(let distrust): refuse(distrust)
        }
    }

    /// Sends what there is no session without.
    private func sendToJoin(_ message: Message) {
        guard send(message) == .tooLarge, let limit = connection?.outbox.sendLimit else { return }
        abandonJoining(
            .rejected("\(message.code.name) is longer than the \(limit) bytes the router takes"))
    }

    /// Breaks joining off, because of the router or of what we have to offer it.
    private func refuse(_ distrust: Authenticator.Distrust) {
        guard let onJoined = endJoining() else { return }
        send(.abort(Abort(reason: distrust.reason)))
        connection?.close()
        onJoined(
            .failure(
                .refused(reason: distrust.reason, message: distrust.description, details: [:])))
    }

    private func abort(_ violation: ProtocolViolation) {
        send(.abort(Abort(violation)))
        connection?.close(.protocolError)
        if let onJoined = endJoining() {
            onJoined(.failure(.protocolViolation(violation.description)))
        } else {
            finish(.protocolViolation(violation.description))
        }
    }

    /// Says GOODBYE and tells when the session is over, at the latest when the patience is.
    func leave(
        _ reason: ErrorURI, patience: TimeAmount, _ done: @escaping @Sendable () -> Void
    ) {
        guard state != .ended else {
            done()
            return
        }
        onLeft.append(done)
        guard state == .joined else { return }
        state = .leaving
        guard send(.goodbye(Goodbye(reason: reason))) == .queued else {
            finish(.left)
            return
        }
        leaving = loop.eventLoop.scheduleTask(in: patience) { self.finish(.left) }
    }

    private func receiveWhileLeaving(_ message: Message) {
        switch message {
        case .goodbye, .abort: finish(.left)
        default: break
        }
    }

    /// Cuts the connection at once, without GOODBYE, as if the process had been killed.
    func abandon() {
        connection?.abandon()
        finish(.connectionLost("the connection was cut here"))
    }

    private func finish(_ end: SessionEnd) {
        guard state != .ended else { return }
        state = .ended
        leaving?.cancel()
        leaving = nil
        connection?.close()
        channel = nil
        handler = nil
        let error = end.error
        // Whoever hears that a request is lost may ask how the session ended.
        let waiting = self.end.withLock { state in
            state.end = end
            defer { state.waiting = [] }
            return state.waiting
        }
        let interrupted = invocations
        invocations = [:]
        open.removeAll()
        for (_, limit) in limits { limit.cancel() }
        limits = [:]
        for waiter in core.end() { waiter(.failure(error)) }
        for (_, invocation) in interrupted { invocation.interrupt() }
        tap?.sessionEnded(error)
        tap = nil
        for continuation in waiting { continuation.resume(returning: end) }
        for done in onLeft { done() }
        onLeft = []
    }

    // A joined session.

    @discardableResult
    func send(_ message: Message) -> SendResult {
        guard let outbox = connection?.outbox else { return .closed }
        options.trace?(true, message, message.payload)
        return loop.send(shortening: message, to: outbox)
    }

    private func receive(_ message: Message) {
        if !open.isEmpty, case .invocation(let invocation) = message, isContinuing(invocation) {
            return
        }
        switch core.receive(message) {
        case .none: break
        case .answered(let waiter, let message), .progressed(let waiter, let message):
            waiter(.success(message))
        case .registrationRevoked(let responders, let revocation):
            for responder in responders { responder.onRevoked?(revocation) }
        case .subscriptionRevoked(let listeners, let revocation):
            for listener in listeners { listener.onRevoked?(revocation) }
        case .invocation(let invocation, let responder): invoke(invocation, responder)
        case .strayInvocation(let invocation):
            send(
                .error(
                    ErrorMessage(
                        .invocation, request: invocation.request, error: .noSuchRegistration)))
        case .interrupt(let request): invocations[request]?.interrupt()
        case .event(let event, let listeners):
            let message = EventMessage(event)
            for listener in listeners { listener.onEvent(message) }
        case .goodbye(let goodbye):
            send(.goodbye(Goodbye(reason: .goodbyeAndOut)))
            finish(
                .goodbye(
                    reason: goodbye.reason, message: goodbye.details["message"]?.string))
        case .aborted(let abort):
            finish(.aborted(reason: abort.reason, message: abort.details["message"]?.string))
        case .violation(let violation): abort(violation)
        }
    }

    /// Sends a request that `make` builds around its id; the waiter is told at once if it cannot
    /// go.
    func request(
        _ waiter: @escaping Waiter,
        add: (inout ClientCore<Waiter, Responder, Listener>) -> RequestID,
        make: (RequestID) -> Message
    ) -> RequestID? {
        guard state == .joined else {
            waiter(.failure(currentEnd?.error ?? .connectionLost("the session is being left")))
            return nil
        }
        let id = add(&core)
        switch send(make(id)) {
        case .queued: return id
        case .tooLarge:
            _ = core.abandon(id)
            waiter(.failure(ClientLink.tooLarge))
        case .full, .closed:
            _ = core.abandon(id)
            waiter(.failure(.connectionLost("the router does not take messages any more")))
        }
        return nil
    }

    /// Cancels a call that is in flight.
    func cancel(_ request: RequestID, _ mode: CancelMode) {
        guard state == .joined, core.isPending(request) else { return }
        send(.cancel(Cancel(request: request, mode: mode)))
    }

    /// Stops waiting for the answer to a request, if it has not come.
    func forget(_ request: RequestID, _ error: ClientError) {
        core.abandon(request)?(.failure(error))
        takeBack()
    }

    /// Stops waiting for a call and tells the router to forget it.
    func giveUp(_ request: RequestID, _ error: ClientError, mode: CancelMode = .killnowait) {
        guard let waiter = core.abandon(request) else { return }
        send(.cancel(Cancel(request: request, mode: mode)))
        waiter(.failure(error))
    }

    /// Sends a further part of a call, if the call has not ended.
    func send(partOf request: RequestID, _ call: Call) {
        guard state == .joined, core.isPending(request) else { return }
        if send(.call(call)) == .tooLarge { giveUp(request, ClientLink.tooLarge) }
    }

    private static var tooLarge: ClientError {
        .error(
            uri: .payloadSizeExceeded, args: ["the message is larger than the router accepts"],
            kwargs: [:], details: [:])
    }

    /// Tells the waiter of a PUBLISH without acknowledgement that it is done.
    func settle(_ request: RequestID) {
        core.abandon(request)?(
            .success(.published(Published(request: request, publication: PublicationID(0)))))
    }

    // For `DirectSession`.

    /// Lets someone see every batch first.
    /// - Returns: false if the session is over.
    func install(_ tap: any BatchTap) -> Bool {
        guard state == .joined else { return false }
        self.tap = tap
        return true
    }

    func removeTap() { tap = nil }

    var framing: Framing? { connection?.framing }

    func nextRequest() -> RequestID { core.nextRequest() }

    func send(_ message: Message, payload: Payload) -> SendResult {
        guard state == .joined, let outbox = connection?.outbox else { return .closed }
        options.trace?(true, message, payload)
        return loop.send(message, payload: payload, to: outbox)
    }
}
