// What the tests of the dealer say beyond the plain: options, parts of calls, roles; and what a
// callee sees of an INVOCATION.

import Testing
import WAMP

@testable import WAMPRouter

/// An INVOCATION as its callee sees it.
struct Invoked: Equatable {
    let request: RequestID
    let registration: RegistrationID
    /// `INVOCATION.Details`, those with a field of their own among them.
    let details: Value.Dictionary
    let args: [Value]

    init(_ invocation: Invocation) {
        request = invocation.request
        registration = invocation.registration
        var details = invocation.details.custom
        if let uri = invocation.details.procedure { details["procedure"] = .string("\(uri)") }
        if invocation.details.timeout > 0 {
            details["timeout"] = Value(invocation.details.timeout)
        }
        self.details = details
        args = (try? invocation.payload.values().args) ?? []
    }
}

extension [Effect] {
    /// The INVOCATIONs that a session is sent, in order.
    func invocations(to peer: Peer) -> [Invoked] {
        compactMap { effect in
            guard case .send(.invocation(let invocation), peer.key) = effect else { return nil }
            return Invoked(invocation)
        }
    }

    /// The details of the first INVOCATION.
    var invocationDetails: Value.Dictionary? {
        for case .send(.invocation(let invocation), _) in self {
            return Invoked(invocation).details
        }
        return nil
    }

    /// The keyword arguments of the first ERROR.
    var refusalReason: Value? {
        for case .send(.error(let error), _) in self {
            return (try? error.payload.values().kwargs)?["reason"]
        }
        return nil
    }

    /// The details of each revoking UNREGISTERED that a session is sent.
    func revocations(of peer: Peer) -> [Value.Dictionary] {
        compactMap { effect in
            guard case .send(.unregistered(let message), peer.key) = effect,
                message.request == nil
            else { return nil }
            return message.details
        }
    }
}

extension Peer {
    func getsProgress(_ request: RequestID, from callee: Peer, _ args: [Value] = []) -> Effect {
        gets(
            .result(
                Result(
                    request: request,
                    details: OutcomeDetails(progress: true, callee: callee.identity),
                    payload: args.isEmpty ? Payload() : Payload(args: args))))
    }
}

extension TestRealm {
    /// A session that announces features as caller and as callee.
    func join(
        caller: Features = [], callee: Features, role: String = "anonymous",
        authid: String? = nil, authmethod: String = "anonymous"
    ) -> Peer {
        let roles = Roles([.caller: caller, .callee: callee, .subscriber: [], .publisher: []])
        return join(
            Newcomer(roles: roles, authid: authid, authrole: role, authmethod: authmethod))
    }

    @discardableResult
    func register(
        _ peer: Peer, _ uri: URI = "t.x", _ invoke: String? = nil, match: MatchPolicy = .exact,
        options custom: Value.Dictionary
    ) -> [Effect] {
        var options = RegisterOptions(invoke: invoke, match: match)
        options.custom = custom
        return send(
            .register(Register(request: request(of: peer), options: options, procedure: uri)),
            from: peer)
    }

    /// Sessions that share a procedure, each with this limit.
    func callees(
        _ count: Int, _ uri: URI = "t.x", _ invoke: String, concurrency: Int64,
        _ features: Features = []
    ) -> [Peer] {
        let peers = join(count, features)
        for peer in peers {
            register(peer, uri, invoke, options: ["concurrency": .int(concurrency)])
        }
        return peers
    }

    /// A result of several.
    @discardableResult
    func progress(_ peer: Peer, _ invocation: RequestID, _ args: [Value] = []) -> [Effect] {
        send(
            .yield(
                Yield(
                    request: invocation, options: OutcomeDetails(progress: true),
                    payload: args.isEmpty ? Payload() : Payload(args: args))),
            from: peer)
    }

    @discardableResult
    func update(_ settings: RealmSettings, limits: Limits = Limits()) -> [Effect] {
        run { realm, _ in realm.update(settings, limits, at: self.now) }
    }

    /// What `wampctl.registration.stats` says of each callee, under one name.
    func figures(_ name: String, _ id: RegistrationID, from caller: Peer) -> [Value] {
        let stats = meta("wampctl.registration.stats", [Value(id)], from: caller)
        return (stats?.dictionary?["callees"]?.list ?? []).compactMap { $0.dictionary?[name] }
    }

    /// How many calls wait for a registration.
    func waiting(_ id: RegistrationID, from caller: Peer) -> Value? {
        meta("wampctl.registration.stats", [Value(id)], from: caller)?.dictionary?["queue"]
    }

    /// Whether the session has joined and not left.
    func isPresent(_ peer: Peer) -> Bool { realm.isPresent(peer.key) }

    /// Everybody leaves: nothing may remain.
    func leaveAll(_ peers: [Peer]) -> Bool {
        for peer in peers where realm.isPresent(peer.key) { leave(peer) }
        return isEmpty
    }
}

extension TestRealm {
    /// The registration of a procedure or pattern.
    func id(of uri: URI = "t.x", _ match: MatchPolicy = .exact) -> RegistrationID {
        guard let slot = realm.registrations.find(uri, as: match) else { return RegistrationID(0) }
        return realm.registrations[slot].id
    }
}
