// A joined session as the client sees it: requests in flight, registrations and subscriptions.
// Messages in, deliveries out. It knows no channel, no task and no clock.

package import WAMP

/// What a message from the router means for the client.
package enum Delivery<Waiter, Responder, Listener> {
    /// Nothing: a late answer to a request that was given up, a duplicate.
    case none
    /// The answer to a request: the message that is its result, or ERROR.
    case answered(Waiter, Message)
    case invocation(Invocation, Responder)
    /// An invocation of a registration that this session does not have (any more).
    case strayInvocation(Invocation)
    case interrupt(RequestID)
    case event(Event, [Listener])
    /// One result of several; the call goes on.
    case progressed(Waiter, Message)
    /// The router took a registration away; nobody: one that this session does not have (any
    /// more).
    case registrationRevoked([Responder], Revocation)
    /// The same for a subscription.
    case subscriptionRevoked([Listener], Revocation)
    case goodbye(Goodbye)
    case aborted(Abort)
    case violation(ProtocolViolation)
}

/// Why the router took a registration or a subscription away.
///
/// Spec: Advanced Profile, Registration Revocation, Subscription Revocation.
public struct Revocation: Equatable, Sendable {
    /// The reason that the router gave.
    public let reason: String?

    init(_ details: Value.Dictionary) { reason = details["reason"]?.string }
}

/// The client's side of a session, after WELCOME.
///
/// The type parameters are who waits for an answer, who answers invocations, and who takes events.
package struct ClientCore<Waiter, Responder, Listener> {
    /// A request that has no answer yet.
    private struct Pending {
        var kind: Kind
        var waiter: Waiter
    }

    private enum Kind {
        case call(receivesProgress: Bool)
        case register(token: Int, Responder)
        case unregister(RegistrationID, token: Int)
        case publish
        case subscribe(token: Int, Listener)
        case unsubscribe(SubscriptionID)

        var code: MessageCode {
            switch self {
            case .call: .call
            case .register: .register
            case .unregister: .unregister
            case .publish: .publish
            case .subscribe: .subscribe
            case .unsubscribe: .unsubscribe
            }
        }

        /// Whether its answer may bring the very id that is to be taken back.
        func mayShare(_ takingBack: TakingBack<Waiter>) -> Bool {
            switch (self, takingBack) {
            case (.subscribe, .subscription), (.register, .registration): true
            default: false
            }
        }
    }

    private var lastRequest: UInt64 = 0
    private var pending: [RequestID: Pending] = [:]
    private var registrations = Holders<RegistrationID, Responder>()
    private var subscriptions = Holders<SubscriptionID, Listener>()
    /// What is to be taken back from the router unless a request before it turns out to share it.
    private var deferred: [(last: RequestID, takingBack: TakingBack<Waiter>)] = []

    package init() {}

    /// The next request id. Spec: Basic Profile, Identifiers (session scope: sequential from 1).
    package mutating func nextRequest() -> RequestID {
        lastRequest += 1
        return RequestID(lastRequest)
    }

    /// - Parameter receivesProgress: whether results before the last one are passed on.
    package mutating func call(_ waiter: Waiter, receivesProgress: Bool = false) -> RequestID {
        add(.call(receivesProgress: receivesProgress), waiter)
    }

    /// - Parameter token: tells this responder from the others of the session.
    package mutating func register(
        _ responder: Responder, token: Int, _ waiter: Waiter
    ) -> RequestID {
        add(.register(token: token, responder), waiter)
    }

    package mutating func unregister(
        _ registration: RegistrationID, token: Int, _ waiter: Waiter
    ) -> RequestID {
        add(.unregister(registration, token: token), waiter)
    }

    package mutating func publish(_ waiter: Waiter) -> RequestID { add(.publish, waiter) }

    /// - Parameter token: tells this listener from the others of the session.
    package mutating func subscribe(
        _ listener: Listener, token: Int, _ waiter: Waiter
    ) -> RequestID {
        add(.subscribe(token: token, listener), waiter)
    }

    package mutating func unsubscribe(
        _ subscription: SubscriptionID, _ waiter: Waiter
    ) -> RequestID {
        add(.unsubscribe(subscription), waiter)
    }

    /// Takes one listener away: it hears no more.
    /// - Returns: what its waiter is told, if it need not wait for `nextTakingBack`.
    package mutating func removeListener(
        _ token: Int, of subscription: SubscriptionID, _ waiter: Waiter
    ) -> Waiter? {
        guard subscriptions.remove(token, of: subscription),
            subscriptions[subscription].isEmpty
        else { return waiter }
        deferred.append((lastRequestID, .subscription(subscription, waiter)))
        return nil
    }

    /// Takes one responder away. The last of its registration answers until the router has taken
    /// it back.
    /// - Returns: as for a listener.
    package mutating func removeResponder(
        _ token: Int, of registration: RegistrationID, _ waiter: Waiter
    ) -> Waiter? {
        if registrations.isHeld(registration, besides: token) {
            registrations.remove(token, of: registration)
            return waiter
        }
        deferred.append((lastRequestID, .registration(registration, token: token, waiter)))
        return nil
    }

    /// What may be taken back from the router now, or has come to be shared meanwhile.
    ///
    /// The router gives one id for the same URI, and one UNSUBSCRIBE or UNREGISTER ends it for the
    /// whole session: so a request that is on its way, and may lead to the same id, is answered
    /// first.
    package mutating func nextTakingBack() -> TakingBack<Waiter>? {
        guard !deferred.isEmpty else { return nil }
        let next = deferred.firstIndex { last, takingBack in
            !pending.contains { $0.key <= last && $0.value.kind.mayShare(takingBack) }
        }
        guard let next else { return nil }
        switch deferred.remove(at: next).takingBack {
        case .subscription(let id, let waiter) where !subscriptions[id].isEmpty:
            return .needless(waiter, .unsubscribed(Unsubscribed(request: nil)))
        case .registration(let id, let token, let waiter)
        where registrations.isHeld(id, besides: token):
            registrations.remove(token, of: id)
            return .needless(waiter, .unregistered(Unregistered(request: nil)))
        case let takingBack: return takingBack
        }
    }

    private var lastRequestID: RequestID { RequestID(lastRequest) }

    private mutating func add(_ kind: Kind, _ waiter: Waiter) -> RequestID {
        let request = nextRequest()
        pending[request] = Pending(kind: kind, waiter: waiter)
        return request
    }

    package func isPending(_ request: RequestID) -> Bool { pending[request] != nil }

    /// Gives a request up: its answer, if it comes, is ignored.
    package mutating func abandon(_ request: RequestID) -> Waiter? {
        pending.removeValue(forKey: request)?.waiter
    }

    /// Gives everything up, in the order in which it was asked.
    package mutating func end() -> [Waiter] {
        let waiters = pending.sorted { $0.key < $1.key }.map(\.value.waiter)
        let deferred = deferred.map(\.takingBack.waiter)
        pending = [:]
        registrations = Holders()
        subscriptions = Holders()
        self.deferred = []
        return waiters + deferred
    }

    /// Takes a message from the router.
    package mutating func receive(
        _ message: Message
    ) -> Delivery<Waiter, Responder, Listener> {
        switch message {
        case .result(let result):
            return result.details.progress
                ? progress(result, message) : answer(.call, result.request, message)
        case .error(let error): return answer(error.requestType, error.request, message)
        case .registered(let registered): return answer(.register, registered.request, message)
        case .unregistered(let unregistered):
            guard let request = unregistered.request else {
                guard let id = unregistered.details["registration"]?.unsigned else { return .none }
                return .registrationRevoked(
                    registrations.removeAll(of: RegistrationID(id)),
                    Revocation(unregistered.details))
            }
            return answer(.unregister, request, message)
        case .published(let published): return answer(.publish, published.request, message)
        case .subscribed(let subscribed): return answer(.subscribe, subscribed.request, message)
        case .unsubscribed(let unsubscribed):
            guard let request = unsubscribed.request else {
                guard let id = unsubscribed.details["subscription"]?.unsigned else { return .none }
                return .subscriptionRevoked(
                    subscriptions.removeAll(of: SubscriptionID(id)),
                    Revocation(unsubscribed.details))
            }
            return answer(.unsubscribe, request, message)
        case .invocation(let invocation):
            // One invocation, one answer: where two of this session share it, the younger answers.
            guard let responder = registrations[invocation.registration].last else {
                return .strayInvocation(invocation)
            }
            return .invocation(invocation, responder.holder)
        case .interrupt(let interrupt): return .interrupt(interrupt.request)
        case .event(let event):
            // Events that were on their way when we unsubscribed find no listener.
            let found = subscriptions[event.subscription]
            return found.isEmpty ? .none : .event(event, found.map(\.holder))
        case .goodbye(let goodbye): return .goodbye(goodbye)
        case .abort(let abort): return .aborted(abort)
        case .hello, .welcome, .challenge, .authenticate, .publish, .subscribe, .unsubscribe,
            .eventReceived, .call, .cancel, .register, .unregister, .yield:
            return .violation(
                ProtocolViolation("\(message.code.name) is not for a client in a session"))
        }
    }

    /// A result that is not the last. Where none were asked for, the last one is the answer.
    private func progress(
        _ result: WAMP.Result, _ message: Message
    ) -> Delivery<Waiter, Responder, Listener> {
        guard let found = pending[result.request] else {
            guard result.request.rawValue <= lastRequest else {
                return .violation(
                    ProtocolViolation("RESULT answers request \(result.request), not made"))
            }
            return .none
        }
        switch found.kind {
        case .call(let receivesProgress):
            return receivesProgress ? .progressed(found.waiter, message) : .none
        default:
            return .violation(
                ProtocolViolation(
                    "RESULT answers \(found.kind.code.name) request \(result.request)"))
        }
    }

    private mutating func answer(
        _ code: MessageCode, _ request: RequestID, _ message: Message
    ) -> Delivery<Waiter, Responder, Listener> {
        guard let found = pending[request] else {
            guard request.rawValue <= lastRequest else {
                return .violation(
                    ProtocolViolation("\(message.code.name) answers request \(request), not made"))
            }
            return .none
        }
        guard found.kind.code == code else {
            return .violation(
                ProtocolViolation(
                    "\(message.code.name) answers \(found.kind.code.name) request \(request)"))
        }
        pending[request] = nil
        switch (found.kind, message) {
        case (.register(let token, let responder), .registered(let registered)):
            registrations.add(responder, token, to: registered.registration)
        case (.unregister(let registration, let token), .unregistered):
            registrations.remove(token, of: registration)
        case (.subscribe(let token, let listener), .subscribed(let subscribed)):
            subscriptions.add(listener, token, to: subscribed.subscription)
        default: break
        }
        return .answered(found.waiter, message)
    }
}
