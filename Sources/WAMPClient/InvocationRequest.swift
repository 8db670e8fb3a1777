// One invocation on its way through a callee: answered once, from any thread, and perhaps
// interrupted.

import Synchronization
public import WAMP

/// A call that this session has to answer.
public final class InvocationRequest: Sendable {
    public let id: RequestID
    public let registration: RegistrationID
    /// The called URI; for a registration of that exact URI the router may leave it out.
    public let procedure: URI?
    /// What the router said beyond that.
    public let details: Value.Dictionary
    /// The arguments, not decoded. They share memory with what was received: someone who keeps
    /// the request for long keeps that too.
    public let payload: Payload

    private let answer: @Sendable (InvocationRequest, Answer) -> Void
    private let state = Mutex(State())

    struct State: Sendable {
        var isAnswered = false
        var isInterrupted = false
        var onInterrupt: (@Sendable () -> Void)?
    }

    enum Answer: Sendable {
        case yield(Payload, options: Value.Dictionary)
        case error(ErrorURI, Payload)
    }

    init(
        _ invocation: Invocation,
        answer: @escaping @Sendable (InvocationRequest, Answer) -> Void
    ) {
        id = invocation.request
        registration = invocation.registration
        procedure = invocation.details.procedure
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

    /// Answers with a result. Only the first answer counts.
    public func reply(
        args: [Value] = [], kwargs: Value.Dictionary = [:], options: Value.Dictionary = [:]
    ) {
        reply(payload: Payload(args: args, kwargs: kwargs), options: options)
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
        _ uri: ErrorURI, args: [Value] = [], kwargs: Value.Dictionary = [:]
    ) {
        if take() { answer(self, .error(uri, Payload(args: args, kwargs: kwargs))) }
    }

    /// Whether the caller cancelled, or is gone.
    public var isInterrupted: Bool { state.withLock { $0.isInterrupted } }

    /// Runs `body` when the call is interrupted, at once if it is already. An earlier one is
    /// replaced.
    public func onInterrupt(_ body: @escaping @Sendable () -> Void) {
        let runsNow = state.withLock { state in
            if state.isAnswered { return false }
            if !state.isInterrupted { state.onInterrupt = body }
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

    private func take() -> Bool {
        state.withLock { state in
            defer {
                state.isAnswered = true
                state.onInterrupt = nil
            }
            return !state.isAnswered
        }
    }
}

/// What an asynchronous procedure returns.
public struct Reply: Sendable {
    public var args: [Value]
    public var kwargs: Value.Dictionary

    public init(args: [Value] = [], kwargs: Value.Dictionary = [:]) {
        self.args = args
        self.kwargs = kwargs
    }
}

/// What an asynchronous procedure throws to answer with a certain error.
public struct InvocationError: Error, Equatable, Sendable {
    public var uri: ErrorURI
    public var args: [Value]
    public var kwargs: Value.Dictionary

    public init(_ uri: ErrorURI, args: [Value] = [], kwargs: Value.Dictionary = [:]) {
        self.uri = uri
        self.args = args
        self.kwargs = kwargs
    }
}
