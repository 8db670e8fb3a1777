// One realm and the peers around it. Every message goes through a queue of its own session, is late
// by chance, and never overtakes another: as connections are.

import WAMP
import WAMPRouter

final class World {
    let seed: UInt64
    let scenario: Scenario
    var settings: RealmSettings
    var realm: Realm
    private var effects = Effects()
    let auditor: Auditor
    /// Drawn anew for every step, so that a step means the same when others are left out.
    var random: SeededRandom

    /// Those who are there, in the order of joining; the observer is not among them.
    private(set) var peers: [SimulatedPeer] = []
    private(set) var observer: SimulatedPeer?
    private var byKey: [SessionKey: SimulatedPeer] = [:]
    private var identities: [SessionKey: PeerIdentity] = [:]
    private var joinCount = 0
    var lastToken: UInt64 = 0
    private var nanoseconds: UInt64 = 1_000_000_000
    private var fingerprint = Fingerprint()
    private(set) var counts: [String: Int] = [:]
    var trace: Trace?

    init(seed: UInt64, isTracing: Bool, isHashing: Bool) {
        self.seed = seed
        scenario = Scenario(seed: seed)
        settings = scenario.settings
        random = SeededRandom(seed: seed)
        realm = Realm(
            name: "realm1", settings: scenario.settings, limits: scenario.limits, seed: seed)
        auditor = Auditor(scenario)
        if isTracing { trace = Trace() }
        fingerprint.isOn = isHashing
    }

    var now: Now {
        Now(
            moment: Moment(nanoseconds: nanoseconds),
            unixMilliseconds: 1_700_000_000_000 + Int64(nanoseconds / 1_000_000))
    }

    /// A number that is the same for runs with the same effects; 0 if none is kept.
    var digest: UInt64 { fingerprint.value }

    func pass(nanoseconds: UInt64) { self.nanoseconds += nanoseconds }

    func chance(_ percent: Int) -> Bool { random.index(below: 100) < percent }

    func any<T>(_ list: [T]) -> T? { list.isEmpty ? nil : list[random.index(below: list.count)] }

    func peer(_ key: SessionKey) -> SimulatedPeer? { byKey[key] }

    // MARK: Facts

    /// Tells the realm what happened, and the auditor what came of it.
    func tell(_ fact: Fact) {
        guard auditor.failure == nil else { return }
        trace?.add(fact, name: name)
        auditor.begin(fact, at: now)
        var list: [Effect] = []
        switch fact {
        case .joined: return
        case .received(let message, let key): list = receive(message, from: key)
        case .left(let key): realm.lose(key, at: now, into: &effects)
        case .broken(let key):
            realm.abort(key, ProtocolViolation("broken"), at: now, into: &effects)
        case .blocked(let isBlocked, let key):
            realm.setWriteBlocked(isBlocked, key, at: now, into: &effects)
        case .advanced: realm.advance(to: now, into: &effects)
        case .updated(let settings): realm.update(settings, scenario.limits, at: now)
        case .undeliverable(let message, let key):
            realm.undeliverable(message, to: key, at: now, into: &effects)
        case .drained: realm.drain(at: now, into: &effects)
        }
        list += effects.list
        effects.removeAll()
        carryOut(list)
        if case .left(let key) = fact { forget(key) }
    }

    /// Half of the plain messages come as the bytes that a connection would receive.
    private func receive(_ message: Message, from key: SessionKey) -> [Effect] {
        if random.index(below: 2) == 0, let serializer = byKey[key]?.serializer,
            let frame = PlainFrame(message, as: serializer)
        {
            let passage = realm.receive(
                frame.plain, of: frame.batch, from: key, at: now, into: &effects)
            guard let passage else { return [] }
            let message = passage.message(passing: frame.plain, of: frame.batch) {
                [identities] in identities[$0]
            }
            return [.send(message, to: passage.receiver)]
        }
        realm.receive(message, from: key, at: now, into: &effects)
        return []
    }

    private func carryOut(_ list: [Effect]) {
        var lost: [(Message, SessionKey)] = []
        for effect in list {
            fingerprint.add(effect)
            trace?.add(effect, name: name)
            auditor.observe(effect)
            switch effect {
            case .send(let message, let key):
                counts[message.code.name, default: 0] += 1
                if case .error(let error) = message {
                    counts[error.error.rawValue, default: 0] += 1
                }
                guard let peer = byKey[key] else { continue }
                if isUndeliverable(message) {
                    lost.append((message, key))
                } else {
                    peer.inbox.append(message)
                }
            case .broadcast(let event, let keys):
                counts["EVENT", default: 0] += keys.count
                for key in keys { byKey[key]?.inbox.append(.event(event)) }
            case .ended(let key, _): forget(key)
            case .answered: break
            }
        }
        auditor.finish(deadline: realm.nextDeadline)
        for (message, key) in lost where realm.isPresent(key) {
            tell(.undeliverable(message, key))
        }
    }

    private func isUndeliverable(_ message: Message) -> Bool {
        guard scenario.undeliverable > 0 else { return false }
        switch message {
        case .invocation, .result: break
        case .error(let error):
            // What stands in its place is as short as can be.
            guard error.requestType == .call, !error.payload.isEmpty,
                error.error != .payloadSizeExceeded
            else { return false }
        default: return false
        }
        return random.index(below: 1000) < scenario.undeliverable
    }

    private func forget(_ key: SessionKey) {
        byKey[key] = nil
        peers.removeAll { $0.key == key }
        if observer?.key == key { observer = nil }
    }

    private func name(_ key: SessionKey) -> String {
        if key == .router { return "router" }
        return byKey[key]?.name ?? "(\(key.slot).\(key.generation))"
    }

    // MARK: Joining

    @discardableResult
    func join(
        _ newcomer: Newcomer, isObserver: Bool = false, isAuthority: Bool = false
    ) -> SimulatedPeer {
        let key = realm.join(newcomer, at: now, into: &effects)
        let identity = realm.identity(of: key)
        let letter = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ")[joinCount % 26]
        let peer = SimulatedPeer(
            name: isObserver ? "observer" : "\(letter)\(joinCount)", key: key, identity: identity,
            roles: newcomer.roles, serializer: any(Scenario.serializers) ?? .json,
            lag: chance(20) ? 2 + random.index(below: 8) : 1, isObserver: isObserver,
            isAuthority: isAuthority)
        joinCount += 1
        byKey[key] = peer
        identities[key] = identity
        if isObserver { observer = peer } else { peers.append(peer) }
        trace?.add(.joined(newcomer), name: { _ in peer.name })
        trace?.note("    \(peer.name) = session \(identity.session)")
        auditor.begin(.joined(newcomer), at: now, key: key, identity: identity)
        let list = effects.list
        effects.removeAll()
        carryOut(list)
        return peer
    }

    /// Whoever listens to all that the router publishes.
    func joinObserver() {
        let roles = Roles([.subscriber: []])
        let peer = join(Newcomer(roles: roles, authrole: "admin"), isObserver: true)
        auditor.observerKey = peer.key
        for topic in Auditor.metaTopics where auditor.isAnnounced(topic) {
            let subscribe = Subscribe(request: peer.nextRequest(), topic: URI(topic))
            tell(.received(.subscribe(subscribe), peer.key))
        }
    }

    // MARK: The network

    /// The next message of a session arrives at the realm.
    func deliver(_ peer: SimulatedPeer) {
        guard let message = peer.outbox.popFirst() else { return }
        tell(.received(message, peer.key))
    }

    /// The session reads the next message of the realm.
    func read(_ peer: SimulatedPeer) {
        guard let message = peer.inbox.popFirst() else { return }
        peer.read(message)
    }
}
