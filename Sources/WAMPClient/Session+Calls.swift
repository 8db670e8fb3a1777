// Calling and being called.

import NIOCore
import Synchronization
public import WAMP
import WAMPTransport

/// The result of a call.
public struct CallResult: Sendable {
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
            throw .protocolViolation(error.description)
        }
        payload = result.payload
        details = result.details.dictionary
    }
}

/// A procedure that this session answers for.
public struct Registration: Hashable, Sendable {
    public let id: RegistrationID
    public let procedure: URI
}

extension Session {
    /// Calls a procedure.
    ///
    /// Cancelling the task cancels the call: the router is told in `cancelMode`, and what it
    /// answers is the end of the call.
    /// - Parameters:
    ///   - options: CALL.Options, as they are. A `timeout` among them is for the router only, and
    ///     goes to it instead of the other one.
    ///   - timeout: after it the call ends with `ClientError.timeout`.
    public func call(
        _ procedure: URI, args: [Value] = [], kwargs: Value.Dictionary = [:],
        options: Value.Dictionary = [:], cancelMode: CancelMode = .kill, timeout: Duration? = nil
    ) async throws(ClientError) -> CallResult {
        try await call(
            procedure, payload: Payload(args: args, kwargs: kwargs, as: serializer),
            options: options, cancelMode: cancelMode, timeout: timeout)
    }

    /// The same, with arguments that are encoded already, in whatever serializer.
    public func call(
        _ procedure: URI, payload: Payload, options: Value.Dictionary = [:],
        cancelMode: CancelMode = .kill, timeout: Duration? = nil
    ) async throws(ClientError) -> CallResult {
        let options = CallOptions(
            options, timeout: routerKeepsTimeouts ? timeout : nil)
        let message = Call(
            request: RequestID(0), options: options, procedure: procedure,
            payload: try encoded(payload))
        let pending = PendingCall(timeout: timeout, grace: routerKeepsTimeouts)
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Answer, Never>) in
                link.submit { link in
                    pending.send(message, on: link) { continuation.resume(returning: $0) }
                }
            }
        } onCancel: {
            link.submit { pending.cancel(cancelMode, on: $0) }
        }
        switch outcome {
        case .success(.result(let result)): return try CallResult(result)
        case .success(.error(let error)):
            if timeout != nil, error.error == .timeout { throw .timeout }
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
    ///   - options: REGISTER.Options: `invoke`, `match`, `_retry_on_loss` and the rest as they are.
    ///   - respond: called on the event loop; it must not block, and the request must be answered
    ///     once, then or later.
    public func register(
        _ procedure: URI, options: Value.Dictionary = [:],
        respond: @escaping @Sendable (InvocationRequest) -> Void
    ) async throws(ClientError) -> Registration {
        let options = RegisterOptions(options)
        let answer = try await request { link, waiter in
            _ = link.request(waiter) {
                $0.register(respond, waiter)
            } make: {
                .register(Register(request: $0, options: options, procedure: procedure))
            }
        }
        guard case .registered(let registered) = answer else {
            throw .protocolViolation("\(answer.code.name) answers REGISTER")
        }
        return Registration(id: registered.registration, procedure: procedure)
    }

    /// Registers a procedure that runs as a task for each invocation; an interrupted invocation's
    /// task is cancelled.
    ///
    /// What the handler throws becomes an ERROR: an `InvocationError` as it says, a cancellation
    /// `wamp.error.canceled`, anything else `wamp.error.runtime_error` with its description.
    public func register(
        _ procedure: URI, options: Value.Dictionary = [:],
        handler: @escaping @Sendable (InvocationRequest) async throws -> Reply
    ) async throws(ClientError) -> Registration {
        try await register(procedure, options: options) { request in
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

    /// Takes a registration back. Invocations that came before are still to be answered.
    public func unregister(_ registration: Registration) async throws(ClientError) {
        let id = registration.id
        let answer = try await request { link, waiter in
            _ = link.request(waiter) {
                $0.unregister(id, waiter)
            } make: {
                .unregister(Unregister(request: $0, registration: id))
            }
        }
        guard case .unregistered = answer else {
            throw .protocolViolation("\(answer.code.name) answers UNREGISTER")
        }
    }
}

/// A call between its task and the loop. On the loop only, hence unchecked.
private final class PendingCall: @unchecked Sendable {
    private let timeout: Duration?
    /// The router keeps the limit; ours only guards against one that does not answer.
    private let grace: Bool
    private var request: RequestID?
    private var isCanceled = false
    private var timer: Scheduled<Void>?

    private static let graceTime = TimeAmount.seconds(1)

    init(timeout: Duration?, grace: Bool) {
        self.timeout = timeout
        self.grace = grace
    }

    func send(_ call: Call, on link: ClientLink, _ done: @escaping ClientLink.Waiter) {
        // The cancellation may come first.
        guard !isCanceled else {
            done(.failure(.canceled))
            return
        }
        let waiter: ClientLink.Waiter = { outcome in
            self.timer?.cancel()
            self.timer = nil
            done(outcome)
        }
        request = link.request(waiter) {
            $0.call(waiter)
        } make: { id in
            var call = call
            call.request = id
            return .call(call)
        }
        guard let timeout, let request else { return }
        let limit = TimeAmount(timeout) + (grace ? PendingCall.graceTime : .zero)
        timer = link.loop.eventLoop.scheduleTask(in: limit) { [weak link] in
            link?.giveUp(request, .timeout)
        }
    }

    func cancel(_ mode: CancelMode, on link: ClientLink) {
        isCanceled = true
        if let request { link.cancel(request, mode) }
    }
}

extension CallOptions {
    /// Options as they were written; `timeout` is added where they do not have one.
    init(_ options: Value.Dictionary, timeout: Duration?) {
        self.init(custom: options)
        if options["timeout"] == nil, let timeout {
            self.timeout = CallOptions.milliseconds(timeout)
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
