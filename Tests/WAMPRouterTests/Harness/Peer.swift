// A session as the tests see it, and what it is sent, written as expectations.

public import WAMP

@testable import WAMPRouter

struct Peer: Hashable, CustomStringConvertible {
    /// A letter, in the order of joining.
    let name: String
    let key: SessionKey
    let identity: PeerIdentity

    var id: SessionID { identity.session }
    var description: String { name }

    static func == (left: Peer, right: Peer) -> Bool { left.key == right.key }
    func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

extension RequestID: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: UInt64) { self.init(value) }
}

extension Peer {
    func gets(_ message: Message) -> Effect { .send(message, to: key) }

    func getsRegistered(_ request: RequestID, _ id: RegistrationID) -> Effect {
        gets(.registered(Registered(request: request, registration: id)))
    }

    func getsUnregistered(_ request: RequestID) -> Effect {
        gets(.unregistered(Unregistered(request: request)))
    }

    /// An ERROR to a CALL, the router's own or a callee's.
    func getsError(
        _ request: RequestID, _ error: ErrorURI, _ args: [Value] = [],
        kwargs: Value.Dictionary = [:]
    ) -> Effect {
        getsError(.call, request, error, args, kwargs: kwargs)
    }

    /// An ERROR.
    func getsError(
        _ code: MessageCode, _ request: RequestID, _ error: ErrorURI, _ args: [Value] = [],
        kwargs: Value.Dictionary = [:]
    ) -> Effect {
        let payload =
            args.isEmpty && kwargs.isEmpty ? Payload() : Payload(args: args, kwargs: kwargs)
        return gets(.error(ErrorMessage(code, request: request, error: error, payload: payload)))
    }

    func getsInvocation(
        _ request: RequestID, _ id: RegistrationID, _ args: [Value] = [],
        custom: Value.Dictionary = [:]
    ) -> Effect {
        gets(
            .invocation(
                Invocation(
                    request: request, registration: id, details: InvocationDetails(custom: custom),
                    payload: args.isEmpty ? Payload() : Payload(args: args))))
    }

    func getsResult(_ request: RequestID, from callee: Peer?, _ args: [Value] = []) -> Effect {
        gets(
            .result(
                Result(
                    request: request, details: OutcomeDetails(callee: callee?.identity),
                    payload: args.isEmpty ? Payload() : Payload(args: args))))
    }

    func getsInterrupt(_ request: RequestID, _ mode: CancelMode) -> Effect {
        gets(.interrupt(Interrupt(request: request, mode: mode)))
    }

    func getsGoodbye(_ reason: ErrorURI) -> Effect { gets(.goodbye(Goodbye(reason: reason))) }

    func ends(_ ending: Ending) -> Effect { .ended(key, ending) }
}

/// An EVENT as its receiver sees it.
struct Received: Equatable {
    let subscription: SubscriptionID
    let publication: PublicationID
    /// `EVENT.Details`, the topic among them.
    let details: Value.Dictionary
    let args: [Value]

    init(_ event: Event) {
        subscription = event.subscription
        publication = event.publication
        var details = event.details.custom
        if let topic = event.details.topic { details["topic"] = .string(topic.description) }
        self.details = details
        args = (try? event.payload.values().args) ?? []
    }
}

extension [Effect] {
    /// The EVENTs that a session is sent, in order.
    func events(to peer: Peer) -> [Received] {
        compactMap { effect in
            switch effect {
            case .broadcast(let event, let receivers) where receivers.contains(peer.key):
                Received(event)
            case .send(.event(let event), peer.key): Received(event)
            default: nil
            }
        }
    }

    /// The details that a GOODBYE to a session holds, and its reason.
    func goodbye(to peer: Peer) -> Goodbye? {
        for case .send(.goodbye(let goodbye), peer.key) in self { return goodbye }
        return nil
    }

    /// The arguments of the first RESULT.
    var result: (args: [Value], kwargs: Value.Dictionary)? {
        for case .send(.result(let result), _) in self { return try? result.payload.values() }
        return nil
    }

    /// The error URI of the first ERROR.
    var refusal: ErrorURI? {
        for case .send(.error(let error), _) in self { return error.error }
        return nil
    }

    var abort: Abort? {
        for case .send(.abort(let abort), _) in self { return abort }
        return nil
    }

    /// The reason of an ABORT.
    var abortReason: ErrorURI? { abort?.reason }
}
