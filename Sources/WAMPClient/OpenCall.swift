// A call whose arguments go out in several parts.

import Synchronization
public import WAMP

/// A call that is still being made: parts are sent, the last one ends the sending, and the result
/// comes when the callee has one, perhaps before the last part.
///
/// Spec: Advanced Profile, Progressive Call Invocations.
public final class OpenCall: Sendable {
    private let session: Session
    private let procedure: URI
    private let options: CallOptions
    private let pending: PendingCall
    private let cancelMode: CancelMode
    private let state = Mutex(State())

    struct State: Sendable {
        var isOpened = false
        var isComplete = false
        var outcome: Session.Answer?
        var waiting: [UnsafeContinuation<Session.Answer, Never>] = []
    }

    init(
        _ session: Session, _ procedure: URI, _ options: CallOptions, _ pending: PendingCall,
        cancelMode: CancelMode
    ) {
        self.session = session
        self.procedure = procedure
        self.options = options
        self.pending = pending
        self.cancelMode = cancelMode
    }

    /// Sends a part; more follow. Behind the last one, and once the call has ended, nothing is
    /// sent.
    /// - Throws: `error` with `wamp.error.invalid_payload` for arguments that cannot be sent.
    public func send(
        args: [Value] = [], kwargs: Value.Dictionary = [:]
    ) throws(ClientError) {
        try send(
            payload: Payload(args: args, kwargs: kwargs, as: session.serializer), isLast: false)
    }

    /// Sends the last part and waits for the result. Cancelling the task cancels the call.
    /// - Throws: as `send` and `result`.
    public func finish(
        args: [Value] = [], kwargs: Value.Dictionary = [:]
    ) async throws(ClientError) -> CallResult {
        try send(payload: Payload(args: args, kwargs: kwargs, as: session.serializer), isLast: true)
        return try await result()
    }

    /// The same as `send` and `finish`, with arguments that are encoded already.
    /// - Throws: `error` with `wamp.error.invalid_payload` for what the serializer cannot hold.
    public func send(payload: Payload, isLast: Bool) throws(ClientError) {
        // First, so that what cannot be sent changes nothing.
        let payload = try session.encoded(payload)
        let (isFirst, goes) = state.withLock { state in
            defer {
                state.isOpened = true
                if isLast { state.isComplete = true }
            }
            return (!state.isOpened, !state.isComplete)
        }
        guard goes else { return }
        var options = options
        options.progress = !isLast
        let call = Call(
            request: RequestID(0), options: options, procedure: procedure,
            payload: payload)
        session.link.submit { [self] link in
            if isFirst {
                pending.send(call, on: link) { self.end($0) }
            } else {
                pending.send(part: call, on: link)
            }
        }
    }

    /// Waits for the result. Cancelling the task cancels the call.
    /// - Throws: how the call ended, if not with a result.
    public func result() async throws(ClientError) -> CallResult {
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<_, Never>) in
                let outcome = state.withLock { state in
                    if state.outcome == nil { state.waiting.append(continuation) }
                    return state.outcome
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            cancel(cancelMode)
        }
        return try Session.result(of: outcome, isLimited: options.timeout > 0)
    }

    /// Cancels the call; what the router answers is its end. One of which nothing was sent ends
    /// here.
    public func cancel(_ mode: CancelMode) {
        let isUnsent = state.withLock { state in
            defer { if !state.isOpened { state.isComplete = true } }
            return !state.isOpened && !state.isComplete
        }
        guard !isUnsent else { return end(.failure(.canceled)) }
        session.link.submit { [pending, isAnswered = session.answersCancel] in
            pending.cancel(mode, on: $0, isAnswered: isAnswered)
        }
    }

    private func end(_ outcome: Session.Answer) {
        let waiting = state.withLock { state in
            state.outcome = outcome
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: outcome) }
    }
}
