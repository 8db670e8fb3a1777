// Calling and being called.

public import WAMP

/// The result of a call.
public struct CallResult: Sendable {
    /// The arguments, as they came and decoded.
    public let payload: Payload
    public let args: [Value]
    public let kwargs: Value.Dictionary
    /// RESULT.Details: `callee`, `callee_authid`, `callee_authrole` and what the callee added.
    public let details: Value.Dictionary

    /// The session that answered, if the router tells.
    public var callee: SessionID? { details["callee"]?.unsigned.map { SessionID($0) } }

    init(_ result: WAMP.Result) throws(ClientError) {
        do {
            (args, kwargs) = try result.payload.values()
        } catch {
            throw ClientError(.invalidPayload, error.description)
        }
        payload = result.payload
        details = result.details.dictionary
    }
}

/// A procedure that this session answers for.
public struct Registration: Hashable, Sendable {
    /// Its id, and the URI or pattern it was registered with.
    public let id: RegistrationID
    public let procedure: URI
    /// Tells it from other registrations of the same procedure by this session.
    let token: Int
}

extension Session {
    /// Calls a procedure.
    ///
    /// Cancelling the task cancels the call: the router is told in `cancelMode`, and what it
    /// answers is the end of the call.
    /// - Parameters:
    ///   - options: CALL.Options, as they are: `disclose_me`, `ppt_scheme` and so on. A `timeout`
    ///     among them is for the router only, and goes to it instead of the other one.
    ///   - timeout: after it the call ends with `ClientError.timeout`. Each result ahead of the
    ///     last one starts it again.
    ///   - onProgress: asks for results ahead of the last one, and takes them, in their order, on
    ///     the event loop; it must not block.
    /// - Throws: `error` with what the callee or the router answers, or for what cannot be sent;
    ///   `timeout`, `canceled`, or why the session ended.
    public func call(
        _ procedure: URI, args: [Value] = [], kwargs: Value.Dictionary = [:],
        options: Value.Dictionary = [:], cancelMode: CancelMode = .kill, timeout: Duration? = nil,
        onProgress: (@Sendable (CallResult) -> Void)? = nil
    ) async throws(ClientError) -> CallResult {
        try await call(
            procedure, payload: Payload(args: args, kwargs: kwargs, as: serializer),
            options: options, cancelMode: cancelMode, timeout: timeout, onProgress: onProgress)
    }

    /// The same, with arguments that are encoded already, in whatever serializer.
    /// - Throws: as the other one.
    public func call(
        _ procedure: URI, payload: Payload, options: Value.Dictionary = [:],
        cancelMode: CancelMode = .kill, timeout: Duration? = nil,
        onProgress: (@Sendable (CallResult) -> Void)? = nil
    ) async throws(ClientError) -> CallResult {
        let message = Call(
            request: RequestID(0), options: callOptions(try checked(options), timeout: timeout),
            procedure: procedure, payload: try encoded(payload))
        let pending = pendingCall(cancelMode, timeout: timeout, onProgress)
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Answer, Never>) in
                link.submit { link in
                    pending.send(message, on: link) { continuation.resume(returning: $0) }
                }
            }
        } onCancel: {
            let isAnswered = answersCancel
            link.submit { pending.cancel(cancelMode, on: $0, isAnswered: isAnswered) }
        }
        return try Session.result(of: outcome, isLimited: timeout != nil)
    }

    /// Whether the router answers CANCEL.
    var answersCancel: Bool { router[.dealer]?.contains(.callCanceling) == true }

    /// Begins a call whose arguments go out in several parts, with the first of them.
    ///
    /// - Parameters: as those of `call`; each part starts `timeout` again.
    /// - Throws: `notSupported` if the router does not announce such calls.
    ///
    /// Spec: Advanced Profile, Progressive Call Invocations.
    public func openCall(
        _ procedure: URI, options: Value.Dictionary = [:], cancelMode: CancelMode = .kill,
        timeout: Duration? = nil, onProgress: (@Sendable (CallResult) -> Void)? = nil
    ) throws(ClientError) -> OpenCall {
        guard router[.dealer]?.contains(.progressiveCallInvocations) == true else {
            throw .notSupported("the router takes no calls in parts")
        }
        return OpenCall(
            self, procedure, callOptions(try checked(options), timeout: timeout),
            pendingCall(cancelMode, timeout: timeout, onProgress), cancelMode: cancelMode)
    }

    private func callOptions(_ options: Value.Dictionary, timeout: Duration?) -> CallOptions {
        CallOptions(options, timeout: routerKeepsTimeouts ? timeout : nil)
    }

    private func pendingCall(
        _ cancelMode: CancelMode, timeout: Duration?,
        _ onProgress: (@Sendable (CallResult) -> Void)?
    ) -> PendingCall {
        PendingCall(
            timeout: timeout, grace: routerKeepsTimeouts, cancelMode: cancelMode,
            onProgress: onProgress)
    }

    /// What came back, as the caller sees it.
    ///
    /// - Parameter isLimited: whether a timeout is that of the caller.
    static func result(
        of outcome: Answer, isLimited: Bool
    ) throws(ClientError) -> CallResult {
        switch outcome {
        case .success(.result(let result)): return try CallResult(result)
        case .success(.error(let error)):
            if isLimited, error.error == .timeout { throw .timeout }
            if Task.isCancelled, error.error == .canceled { throw .canceled }
            throw ClientError(error)
        case .success(let message):
            throw .protocolViolation("\(message.code.name) answers a call")
        case .failure(let error): throw error
        }
    }

    /// Registers a procedure that is answered on the event loop or wherever the request is carried.
    ///
    /// - Parameters:
    ///   - options: REGISTER.Options as they are: `invoke`, `match`, `concurrency`,
    ///     `force_reregister`, `disclose_caller`, `forward_timeout`, `_retry_on_loss` and so on.
    ///     The time limit that `forward_timeout` brings is kept here: past it the call ends with
    ///     `wamp.error.timeout`, and the request is interrupted.
    ///   - onRevoked: called on the event loop when the router takes the registration away.
    ///   - respond: called on the event loop; it must not block, and the request must be answered
    ///     once, then or later. If the session registers a procedure again, the younger is called.
    /// - Throws: `error` if the router refuses, or for options that cannot be sent; or why the
    ///   session ended.
    public func register(
        _ procedure: URI, options: Value.Dictionary = [:],
        onRevoked: (@Sendable (Revocation) -> Void)? = nil,
        respond: @escaping @Sendable (InvocationRequest) -> Void
    ) async throws(ClientError) -> Registration {
        let options = RegisterOptions(try checked(options))
        let token = nextToken()
        let responder = ClientLink.Responder(respond: respond, onRevoked: onRevoked)
        let answer = try await request { link, waiter in
            _ = link.request(waiter) {
                $0.register(responder, token: token, waiter)
            } make: {
                .register(Register(request: $0, options: options, procedure: procedure))
            }
        }
        guard case .registered(let registered) = answer else {
            throw .protocolViolation("\(answer.code.name) answers REGISTER")
        }
        return Registration(
            id: registered.registration, procedure: procedure, token: token)
    }

    /// Registers a procedure that runs as a task for each invocation; an interrupted invocation's
    /// task is cancelled.
    ///
    /// What the handler throws becomes an ERROR: an `InvocationError` as it says, a cancellation
    /// `wamp.error.canceled`, anything else `wamp.error.runtime_error` with its description.
    /// - Throws: as the other one.
    public func register(
        _ procedure: URI, options: Value.Dictionary = [:],
        onRevoked: (@Sendable (Revocation) -> Void)? = nil,
        handler: @escaping @Sendable (InvocationRequest) async throws -> Reply
    ) async throws(ClientError) -> Registration {
        try await register(procedure, options: options, onRevoked: onRevoked) { request in
            let task = Task {
                do {
                    let reply = try await handler(request)
                    request.reply(args: reply.args, kwargs: reply.kwargs)
                } catch let error as InvocationError {
                    request.fail(error.uri, args: error.args, kwargs: error.kwargs)
                } catch is CancellationError {
                    request.fail(.canceled)
                } catch {
                    request.fail("wamp.error.runtime_error", args: [.string("\(error)")])
                }
            }
            request.onInterrupt { task.cancel() }
        }
    }

    /// Takes a registration back. Invocations that came before are still to be answered. If this
    /// session has registered the procedure more than once, the others go on.
    /// - Throws: `error` if the router refuses, or why the session ended.
    public func unregister(_ registration: Registration) async throws(ClientError) {
        let answer = try await request { link, waiter in
            link.unregister(registration.id, token: registration.token, waiter)
        }
        guard case .unregistered = answer else {
            throw .protocolViolation("\(answer.code.name) answers UNREGISTER")
        }
    }
}

extension CallOptions {
    /// Options as they were written; `timeout` is added where they do not have one.
    package init(_ options: Value.Dictionary, timeout: Duration?) {
        self.init(custom: options)
        if options["timeout"] == nil, let timeout {
            self.timeout = CallOptions.milliseconds(timeout)
        }
        if let receiveProgress = options["receive_progress"]?.bool {
            self.receiveProgress = receiveProgress
            custom["receive_progress"] = nil
        }
    }

    /// A limit in milliseconds, at least one: zero would be none.
    package static func milliseconds(_ timeout: Duration) -> UInt64 {
        let (seconds, attoseconds) = timeout.components
        let milliseconds = seconds.multipliedReportingOverflow(by: 1000)
        guard !milliseconds.overflow else { return 0 }
        return UInt64(max(1, milliseconds.partialValue + attoseconds / 1_000_000_000_000_000))
    }
}

extension RegisterOptions {
    /// Options as they were written. What has no meaning here goes to the router as it is.
    init(_ options: Value.Dictionary) {
        self.init()
        custom = options
        if let invoke = options["invoke"]?.string {
            self.invoke = invoke
            custom["invoke"] = nil
        }
        if let match = options["match"]?.string.flatMap(MatchPolicy.init) {
            self.match = match
            custom["match"] = nil
        }
        if let retryOnLoss = options["_retry_on_loss"]?.bool {
            self.retryOnLoss = retryOnLoss
            custom["_retry_on_loss"] = nil
        }
    }
}
