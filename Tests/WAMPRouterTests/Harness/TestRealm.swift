// The harness of the core's tests: sessions that join, speak and leave; effects as values; time by
// hand.

import Testing
import WAMP
import WAMPSimulator

@testable import WAMPRouter

/// A realm that is spoken to in short words. Whatever comes out is audited on the way: no effect
/// may name a session that has left, and every call ends once.
final class TestRealm {
    var realm: Realm
    private(set) var moment = Moment(nanoseconds: 1_000_000_000)
    private var effects = Effects()
    private var lastRequests: [SessionKey: UInt64] = [:]
    private(set) var auditor = Auditor()
    private var joined: [Peer] = []
    private var sentCount = 0
    private var sentences = Sentences()
    /// What the last that joined caused.
    private(set) var lastJoin: [Effect] = []

    static let unixMilliseconds: Int64 = 1_700_000_000_123
    static let created: Value = "2023-11-14T22:13:20.123Z"

    init(
        _ settings: RealmSettings = RealmSettings(), limits: Limits = Limits(), seed: UInt64 = 1
    ) {
        realm = Realm(name: "realm1", settings: settings, limits: limits, seed: seed)
    }

    var now: Now { Now(moment: moment, unixMilliseconds: TestRealm.unixMilliseconds) }

    /// Whether nothing is left behind anywhere.
    var isEmpty: Bool {
        realm.sessionCount == 0 && realm.registrationCount == 0 && realm.pendingCallCount == 0
            && realm.subscriptions.count == 0 && realm.nextDeadline == nil
            && realm.sessions.blocked.isEmpty && realm.registrations.inFlightCount == 0
            && realm.queues.isEmpty && realm.lateChunks.isEmpty && realm.postponed.isEmpty
            && realm.questions.isEmpty
    }

    // MARK: Facts

    /// Lets a session in and tells what WELCOME says.
    func welcome(_ newcomer: Newcomer) -> (key: SessionKey, welcome: Welcome) {
        effects.removeAll()
        let key = realm.join(newcomer, at: now, into: &effects)
        auditor.joined(key)
        lastJoin = effects.list
        auditor.check(lastJoin)
        guard case .send(.welcome(let welcome), to: key) = lastJoin.first else {
            Issue.record("the first effect of joining must be WELCOME: \(lastJoin)")
            return (key, Welcome(session: SessionID(0), details: [:]))
        }
        return (key, welcome)
    }

    /// A session that announces these features for the role of callee.
    func join(_ features: Features = [], authid: String? = nil) -> Peer {
        let roles = Roles([.caller: [], .callee: features, .subscriber: [], .publisher: []])
        return join(Newcomer(roles: roles, authid: authid))
    }

    /// A session of some role and with features of its own.
    func join(
        _ authrole: String, authid: String? = nil, publishing: Features = [],
        subscribing: Features = []
    ) -> Peer {
        let roles = Roles([.caller: [], .subscriber: subscribing, .publisher: publishing])
        return join(Newcomer(roles: roles, authid: authid, authrole: authrole))
    }

    func join(_ newcomer: Newcomer) -> Peer {
        let (key, welcome) = welcome(newcomer)
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        let name =
            joined.count < letters.count ? String(letters[joined.count]) : "#\(joined.count)"
        let peer = Peer(
            name: name, key: key,
            identity: PeerIdentity(
                session: welcome.session, authid: welcome.details["authid"]?.string,
                authrole: welcome.details["authrole"]?.string))
        joined.append(peer)
        return peer
    }

    func join(_ count: Int, _ features: Features = []) -> [Peer] {
        (0..<count).map { _ in join(features) }
    }

    /// Sends a message in the form that the test is run in.
    @discardableResult
    func send(_ message: Message, from peer: Peer) -> [Effect] {
        auditor.sent(message, from: peer.key) { [joined] id in
            joined.last { Value($0.id) == id }?.key
        }
        sentences.sent(message)
        sentCount += 1
        let isPlain =
            switch MessageForm.current {
            case .plain: true
            case .full: false
            case .mixed: sentCount % 2 == 0
            }
        if isPlain, let frame = PlainFrame(message) {
            return send(frame, from: peer)
        }
        return run { $0.receive(message, from: peer.key, at: self.now, into: &$1) }
    }

    private func send(_ frame: PlainFrame, from peer: Peer) -> [Effect] {
        effects.removeAll()
        let list = frame.tell(&realm, from: peer.key, at: now, &effects) { [joined] key in
            joined.last { $0.key == key }?.identity
        }
        auditor.check(list)
        return sentences.takenOut(of: list)
    }

    /// The connection is lost.
    @discardableResult
    func leave(_ peer: Peer) -> [Effect] {
        auditor.left(peer.key)
        return run { $0.lose(peer.key, at: self.now, into: &$1) }
    }

    /// Tells what happened in any other way.
    @discardableResult
    func run(_ body: (inout Realm, inout Effects) -> Void) -> [Effect] {
        effects.removeAll()
        body(&realm, &effects)
        auditor.check(effects.list)
        return sentences.takenOut(of: effects.list)
    }

    /// What the router's own ERRORs have said so far.
    var said: [String] { sentences.said }

    @discardableResult
    func advance(milliseconds: UInt64) -> [Effect] {
        moment = moment.advanced(milliseconds: milliseconds)
        return run { $0.advance(to: self.now, into: &$1) }
    }

    @discardableResult
    func drain() -> [Effect] { run { $0.drain(at: self.now, into: &$1) } }

    @discardableResult
    func undeliverable(_ message: Message, to peer: Peer) -> [Effect] {
        auditor.undelivered(message, to: peer.key)
        return run { $0.undeliverable(message, to: peer.key, at: self.now, into: &$1) }
    }

    @discardableResult
    func block(_ peer: Peer, _ isBlocked: Bool = true) -> [Effect] {
        run { $0.setWriteBlocked(isBlocked, peer.key, at: self.now, into: &$1) }
    }

    // MARK: Messages

    /// The next id of the session's sequence.
    func request(of peer: Peer) -> RequestID {
        lastRequests[peer.key, default: 0] += 1
        return lastRequest(of: peer)
    }

    func lastRequest(of peer: Peer) -> RequestID { RequestID(lastRequests[peer.key] ?? 0) }

    @discardableResult
    func register(
        _ peer: Peer, _ uri: URI = "t.x", _ invoke: String? = nil, match: MatchPolicy = .exact,
        retryOnLoss: Bool = false
    ) -> [Effect] {
        let options = RegisterOptions(invoke: invoke, match: match, retryOnLoss: retryOnLoss)
        return send(
            .register(Register(request: request(of: peer), options: options, procedure: uri)),
            from: peer)
    }

    @discardableResult
    func unregister(_ peer: Peer, _ id: RegistrationID) -> [Effect] {
        send(.unregister(Unregister(request: request(of: peer), registration: id)), from: peer)
    }

    /// Calls with all that a CALL may hold.
    /// - Parameter request: the next of the session if nil.
    @discardableResult
    func call(
        _ peer: Peer, _ uri: URI = "t.x", _ args: [Value] = [], request: RequestID? = nil,
        progress: Bool = false, receiveProgress: Bool = false, timeout: UInt64 = 0,
        custom: Value.Dictionary = [:]
    ) -> [Effect] {
        var options = CallOptions(timeout: timeout, custom: custom)
        options.progress = progress
        options.receiveProgress = receiveProgress
        let id = request ?? self.request(of: peer)
        return send(
            .call(
                Call(
                    request: id, options: options, procedure: uri,
                    payload: args.isEmpty ? Payload() : Payload(args: args))),
            from: peer)
    }

    @discardableResult
    func yield(_ peer: Peer, _ invocation: RequestID, _ args: [Value] = []) -> [Effect] {
        send(
            .yield(
                Yield(
                    request: invocation, payload: args.isEmpty ? Payload() : Payload(args: args))),
            from: peer)
    }

    @discardableResult
    func fail(
        _ peer: Peer, _ invocation: RequestID, _ error: ErrorURI = .unavailable,
        _ args: [Value] = []
    ) -> [Effect] {
        send(
            .error(
                ErrorMessage(
                    .invocation, request: invocation, error: error,
                    payload: args.isEmpty ? Payload() : Payload(args: args))),
            from: peer)
    }

    @discardableResult
    func cancel(_ peer: Peer, _ call: RequestID, _ mode: CancelMode? = nil) -> [Effect] {
        send(.cancel(Cancel(request: call, mode: mode)), from: peer)
    }

    @discardableResult
    func subscribe(
        _ peer: Peer, _ topic: URI, _ match: MatchPolicy = .exact
    ) -> SubscriptionID? {
        let effects = trySubscribe(peer, topic, match)
        guard case .send(.subscribed(let answer), to: peer.key) = effects.first else { return nil }
        return answer.subscription
    }

    /// Subscribes and tells all that it causes.
    func trySubscribe(
        _ peer: Peer, _ topic: URI, _ match: MatchPolicy = .exact, getRetained: Bool = false
    ) -> [Effect] {
        var options = SubscribeOptions(match: match)
        if getRetained { options.custom = ["get_retained": true] }
        return send(
            .subscribe(Subscribe(request: request(of: peer), options: options, topic: topic)),
            from: peer)
    }

    @discardableResult
    func unsubscribe(_ peer: Peer, _ id: SubscriptionID) -> [Effect] {
        send(.unsubscribe(Unsubscribe(request: request(of: peer), subscription: id)), from: peer)
    }

    @discardableResult
    func publish(
        _ peer: Peer, _ topic: URI = "t.topic", _ args: [Value] = ["news"],
        acknowledge: Bool = false, excludeMe: Bool = true, _ custom: Value.Dictionary = [:]
    ) -> [Effect] {
        let options = PublishOptions(acknowledge: acknowledge, excludeMe: excludeMe, custom: custom)
        return send(
            .publish(
                Publish(
                    request: request(of: peer), options: options, topic: topic,
                    payload: args.isEmpty ? Payload() : Payload(args: args))),
            from: peer)
    }

    @discardableResult
    func goodbye(_ peer: Peer) -> [Effect] {
        send(.goodbye(Goodbye(reason: .closeNormal)), from: peer)
    }
}

// MARK: What several tests do

extension TestRealm {
    /// Registers and tells under which id.
    func registration(
        _ peer: Peer, _ uri: URI = "t.x", _ invoke: String? = nil, match: MatchPolicy = .exact
    ) -> RegistrationID {
        let effects = register(peer, uri, invoke, match: match)
        guard case .send(.registered(let answer), to: peer.key) = effects.first else {
            Issue.record("REGISTER was refused: \(effects)")
            return RegistrationID(0)
        }
        return answer.registration
    }

    /// Sessions that share a procedure, in this order.
    func callees(
        _ count: Int, _ uri: URI = "t.x", _ invoke: String, _ features: Features = [],
        retryOnLoss: Bool = false
    ) -> [Peer] {
        let peers = join(count, features)
        for peer in peers { register(peer, uri, invoke, retryOnLoss: retryOnLoss) }
        return peers
    }

    /// The callee that was sent an INVOCATION.
    func invoked(in effects: [Effect]) -> Peer? {
        for case .send(.invocation, let key) in effects { return peer(key) }
        return nil
    }

    func peer(_ key: SessionKey) -> Peer? { joined.last { $0.key == key } }

    /// Calls, lets the callee answer, and tells who it was.
    func pick(from caller: Peer, _ uri: URI = "t.x") -> Peer? {
        for case .send(.invocation(let invocation), let key) in call(caller, uri) {
            guard let callee = peer(key) else { return nil }
            yield(callee, invocation.request)
            return callee
        }
        return nil
    }

    func picks(_ count: Int, from caller: Peer, _ uri: URI = "t.x") -> [Peer?] {
        (0..<count).map { _ in pick(from: caller, uri) }
    }

    /// The value that a procedure of the meta API returns; nil if it fails.
    func meta(_ procedure: URI, _ args: [Value] = [], from caller: Peer) -> Value? {
        guard case .send(.result(let result), to: caller.key) = call(caller, procedure, args).first
        else { return nil }
        return try? result.payload.values().args.first
    }

    /// Calls with keyword arguments.
    @discardableResult
    func call(
        _ peer: Peer, _ uri: URI, _ args: [Value], kwargs: Value.Dictionary
    ) -> [Effect] {
        send(
            .call(
                Call(
                    request: request(of: peer), procedure: uri,
                    payload: Payload(args: args, kwargs: kwargs))),
            from: peer)
    }

    /// Who is on the list of a registration, as anybody can see it.
    func list(_ id: RegistrationID, from caller: Peer) -> [Peer] {
        let ids = meta("wamp.registration.list_callees", [Value(id)], from: caller)?.list ?? []
        return ids.compactMap { id in joined.last { Value($0.id) == id } }
    }
}
