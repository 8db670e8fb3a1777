// One invocation on its way through a callee: it comes in one part or several, may be given results
// ahead, is answered once, from any thread, and perhaps interrupted.

import Synchronization
public import WAMP

/// A call that this session has to answer.
public final class InvocationRequest: Sendable {
    /// The ids of the invocation and of the registration that it is for.
    public let id: RequestID
    public let registration: RegistrationID
    /// The called URI; for a registration of that exact URI the router may leave it out.
    public let procedure: URI?
    /// What the router said beyond that.
    public let details: Value.Dictionary
    /// The arguments, not decoded. They share memory with what was received: someone who keeps
    /// the request for long keeps that too.
    public let payload: Payload
    /// Whether the caller takes results ahead of the last one.
    public let receivesProgress: Bool
    /// Whether the call comes in several parts, of which `payload` is the first.
    public let isProgressive: Bool
    /// Milliseconds that the call may take, if that is for the callee to keep; 0 = no limit.
    let timeout: UInt64

    private let answer: @Sendable (InvocationRequest, Answer) -> Void
    private let state = Mutex(State())

    struct State: Sendable {
        var isAnswered = false
        var isInterrupted = false
        var onInterrupt: (@Sendable () -> Void)?
        var onAnswer: (@Sendable () -> Void)?
        /// Parts that came while nobody listened.
        var parts: [CallPart] = []
        var onPart: (@Sendable (CallPart) -> Void)?
    }

    enum Answer: Sendable {
        case progress(Payload, options: Value.Dictionary)
        case yield(Payload, options: Value.Dictionary)
        case error(ErrorURI, Payload, details: Value.Dictionary)
    }

    init(
        _ invocation: Invocation,
        answer: @escaping @Sendable (InvocationRequest, Answer) -> Void
    ) {
        id = invocation.request
        registration = invocation.registration
        procedure = invocation.details.procedure
        receivesProgress = invocation.details.custom.isOn("receive_progress")
        isProgressive = invocation.details.custom.isOn("progress")
        timeout = invocation.details.timeout
        var details = invocation.details.custom
        if invocation.details.timeout > 0 {
            details.append("timeout", Value(invocation.details.timeout))
        }
        self.details = details
        payload = invocation.payload
        self.answer = answer
    }

    /// The arguments, decoded.
    /// - Throws: a violation for more than a million elements.
    public func values() throws(ProtocolViolation) -> (args: [Value], kwargs: Value.Dictionary) {
        try payload.values()
    }

    /// The session that calls, if it or this registration asked to disclose it.
    public var caller: SessionID? { details["caller"]?.unsigned.map { SessionID($0) } }
    public var callerAuthid: String? { details["caller_authid"]?.string }
    public var callerAuthrole: String? { details["caller_authrole"]?.string }
    /// How far the router trusts the caller, if it says.
    public var trustLevel: UInt64? { details["trustlevel"]?.unsigned }

    /// Gives a result ahead of the last one. It is not sent to a caller that takes none, nor behind
    /// the answer.
    ///
    /// - Returns: whether the caller takes it.
    ///
    /// Spec: Advanced Profile, Progressive Call Results.
    @discardableResult
    public func progress(
        args: [Value] = [], kwargs: Value.Dictionary = [:], options: Value.Dictionary = [:]
    ) -> Bool {
        progress(payload: Payload(args: args, kwargs: kwargs, as: .cbor), options: options)
    }

    /// The same, with arguments that are encoded already, in whatever serializer.
    @discardableResult
    public func progress(payload: Payload, options: Value.Dictionary = [:]) -> Bool {
        guard receivesProgress, !state.withLock({ $0.isAnswered }) else { return false }
        answer(self, .progress(payload, options: options))
        return true
    }

    /// Runs `body` for each part of the call behind the first, at once for those that have come.
    public func onPart(_ body: @escaping @Sendable (CallPart) -> Void) {
        while true {
            let early = state.withLock { state in
                defer { state.parts = [] }
                if state.parts.isEmpty { state.onPart = body }
                return state.parts
            }
            if early.isEmpty { return }
            early.forEach(body)
        }
    }

    /// All parts of the call, this first one included; a call in one part has one. They end with
    /// the last part, or when the call is interrupted or answered.
    public var parts: AsyncStream<CallPart> {
        let (stream, continuation) = AsyncStream<CallPart>.makeStream()
        continuation.yield(CallPart(payload: payload, isLast: !isProgressive))
        guard isProgressive else {
            continuation.finish()
            return stream
        }
        onEnd { continuation.finish() }
        onPart { part in
            continuation.yield(part)
            if part.isLast { continuation.finish() }
        }
        return stream
    }

    func received(_ part: CallPart) {
        let body = state.withLock { state in
            if !state.isAnswered, state.onPart == nil { state.parts.append(part) }
            return state.isAnswered ? nil : state.onPart
        }
        body?(part)
    }

    /// Answers with a result. Only the first answer counts.
    public func reply(
        args: [Value] = [], kwargs: Value.Dictionary = [:], options: Value.Dictionary = [:]
    ) {
        reply(payload: Payload(args: args, kwargs: kwargs, as: .cbor), options: options)
    }

    /// The same, with arguments that are encoded already, in whatever serializer.
    public func reply(payload: Payload, options: Value.Dictionary = [:]) {
        if take() { answer(self, .yield(payload, options: options)) }
    }

    /// Answers with an error. Only the first answer counts.
    ///
    /// `wamp.error.unavailable` from a callee of a shared registration asks the router to try
    /// another one; the caller sees it only if there is none (Advanced Profile, Call Re-Routing).
    public func fail(
        _ uri: ErrorURI, args: [Value] = [], kwargs: Value.Dictionary = [:],
        details: Value.Dictionary = [:]
    ) {
        if take() {
            let payload = Payload(args: args, kwargs: kwargs, as: .cbor)
            answer(self, .error(uri, payload, details: details))
        }
    }

    /// Whether the caller cancelled, or is gone.
    public var isInterrupted: Bool { state.withLock { $0.isInterrupted } }

    /// Runs `body` when the call is interrupted, at once if it is already; behind those that were
    /// asked for before.
    public func onInterrupt(_ body: @escaping @Sendable () -> Void) {
        let runsNow = state.withLock { state in
            if state.isAnswered { return false }
            if !state.isInterrupted {
                if let earlier = state.onInterrupt {
                    state.onInterrupt = {
                        earlier()
                        body()
                    }
                } else {
                    state.onInterrupt = body
                }
            }
            return state.isInterrupted
        }
        if runsNow { body() }
    }

    func interrupt() {
        let body = state.withLock { state in
            state.isInterrupted = true
            defer { state.onInterrupt = nil }
            return state.isAnswered ? nil : state.onInterrupt
        }
        body?()
    }

    /// The time that the callee had is over: the call ends, and whoever works on it is interrupted.
    func expire() {
        let body = state.withLock { state in
            state.isInterrupted = true
            return state.onInterrupt
        }
        fail(.timeout, args: ["the callee did not answer in time"])
        body?()
    }

    private func take() -> Bool {
        let (isFirst, body) = state.withLock { state in
            defer {
                state.isAnswered = true
                state.onInterrupt = nil
                state.onPart = nil
                state.onAnswer = nil
                state.parts = []
            }
            return (!state.isAnswered, state.onAnswer)
        }
        body?()
        return isFirst
    }

    /// Runs `body` when the call is interrupted or answered, at once if it is already.
    private func onEnd(_ body: @escaping @Sendable () -> Void) {
        onInterrupt(body)
        let isAnswered = state.withLock { state in
            let earlier = state.onAnswer
            state.onAnswer = {
                earlier?()
                body()
            }
            return state.isAnswered
        }
        if isAnswered { body() }
    }
}

/// What an asynchronous procedure returns.
public struct Reply: Sendable {
    /// What the caller gets.
    public var args: [Value]
    public var kwargs: Value.Dictionary

    /// A reply, empty unless said otherwise.
    public init(args: [Value] = [], kwargs: Value.Dictionary = [:]) {
        self.args = args
        self.kwargs = kwargs
    }
}

/// What an asynchronous procedure throws to answer with a certain error.
public struct InvocationError: Error, Equatable, Sendable {
    /// What the caller gets: the error and its arguments.
    public var uri: ErrorURI
    public var args: [Value]
    public var kwargs: Value.Dictionary

    /// An error with its arguments.
    public init(_ uri: ErrorURI, args: [Value] = [], kwargs: Value.Dictionary = [:]) {
        self.uri = uri
        self.args = args
        self.kwargs = kwargs
    }
}
