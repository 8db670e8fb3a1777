// What happens by chance: who comes and goes, what is asked for, how it is answered. Nothing here
// knows what the router should do about it.

import WAMP
import WAMPRouter

extension World {
    /// One step: something arrives, is read, is done, or happens to a connection.
    func step(_ number: Int) {
        random = SeededRandom(seed: (seed &+ 1) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(number) << 20)
        pass(nanoseconds: 1000)
        if observer == nil { joinObserver() }
        guard peers.count >= 2 else { return comeIn() }
        // Whoever is slow, or has nothing to do, leaves the step to somebody else.
        for _ in 0..<8 {
            guard let peer = any(peers) else { return }
            let kind = random.index(below: 100)
            if kind >= 97 { return happen(to: peer) }
            if peer.lag > 1, random.index(below: peer.lag) != 0 { continue }
            switch kind {
            case 0..<36 where !peer.outbox.isEmpty: return deliver(peer)
            case 36..<68 where !peer.inbox.isEmpty: return read(peer)
            case 68..<97: return act(peer)
            default: continue
            }
        }
    }

    private func happen(to peer: SimulatedPeer) {
        switch random.index(below: 100) {
        case 0..<30: comeIn()
        case 30..<36: tell(.left(peer.key))
        case 36..<38: tell(.broken(peer.key))
        case 38..<42:
            if !peer.hasSaidGoodbye, let message = violation(of: peer) {
                peer.outbox.append(message)
            }
        case 42..<60:
            peer.isBlocked.toggle()
            tell(.blocked(peer.isBlocked, peer.key))
        case 60..<96: letTimePass()
        default: if !scenario.hasRoles { changeSettings() }
        }
    }

    private func letTimePass() {
        switch random.index(below: 20) {
        case 0: pass(nanoseconds: 31_000_000_000)
        case 1..<4: pass(nanoseconds: UInt64(random.index(below: 6000)) * 1_000_000)
        case 4..<8:
            if let next = realm.nextDeadline, next > now.moment {
                pass(nanoseconds: next.nanoseconds - now.moment.nanoseconds)
            }
        default: pass(nanoseconds: UInt64(random.index(below: 60)) * 1_000_000)
        }
        tell(.advanced)
    }

    private func changeSettings() {
        settings.callTimeoutDefault = chance(30) ? 200 : 0
        settings.callTimeoutMax = chance(20) ? 150 : 0
        settings.disclosesCallee = chance(80)
        if chance(20) { settings.callerDisclosure = any(Disclosure.allCases) ?? .onRequest }
        if chance(20) { settings.publisherDisclosure = any(Disclosure.allCases) ?? .onRequest }
        if chance(30) {
            settings.procedures = chance(40) ? [] : scenario.settings.procedures
        }
        tell(.updated(settings))
    }

    /// Lets a session in.
    func comeIn() {
        guard peers.count < scenario.peerCount else { return }
        let authorities = peers.count { $0.isAuthority }
        if scenario.hasAuthorizer, authorities < 3, chance(authorities == 0 ? 60 : 25) {
            let features: Features = chance(70) ? [.callCanceling, .callReroute] : []
            let roles = Roles([.callee: features.union(.sharedRegistration)])
            let peer = join(Newcomer(roles: roles, authrole: "admin"), isAuthority: true)
            var options = RegisterOptions(invoke: "roundrobin", retryOnLoss: chance(60))
            if chance(25) { options.custom.append("concurrency", 1) }
            peer.outbox.append(
                .register(
                    Register(
                        request: peer.nextRequest(), options: options,
                        procedure: URI(Scenario.authorizer))))
            return
        }
        var roles = Roles([:])
        for role in [Role.caller, .callee, .publisher, .subscriber] {
            roles[role] = Features(
                rawValue: chance(30) ? .max : UInt32(truncatingIfNeeded: random.next()))
        }
        // What stands in the way of most others is often there.
        if chance(70) { roles[.callee]?.insert(.callCanceling) }
        let role = scenario.hasRoles ? any(Scenario.roles) ?? "guest" : "anonymous"
        let peer = join(
            Newcomer(
                roles: roles, authid: chance(60) ? any(Scenario.authids) : nil, authrole: role,
                authmethod: chance(50) ? "ticket" : "anonymous"))
        for _ in 0..<random.index(below: 4) { register(peer) }
        for _ in 0..<random.index(below: 3) { subscribe(peer) }
    }

    private func act(_ peer: SimulatedPeer) {
        if !peer.tasks.isEmpty, chance(55) { return answer(peer) }
        if peer.isAuthority || peer.hasSaidGoodbye { return }
        // Some are gone before it is decided what they may do.
        defer { if scenario.hasAuthorizer, chance(3) { sayGoodbye(peer) } }
        switch random.index(below: 100) {
        case 0..<40: call(peer)
        case 40..<47: cancel(peer)
        case 47..<54: sendChunk(peer)
        case 54..<65: register(peer)
        case 65..<69: unregister(peer)
        case 69..<76: subscribe(peer)
        case 76..<78: unsubscribe(peer)
        case 78..<88: publish(peer)
        case 88..<98: callMeta(peer)
        case 98: repeatAnswer(peer)
        default:
            if chance(60) {
                sayGoodbye(peer)
            } else if chance(50) {
                peer.outbox.append(.abort(Abort(reason: "t.tired")))
            }
        }
    }

    private func sayGoodbye(_ peer: SimulatedPeer) {
        guard !peer.hasSaidGoodbye else { return }
        peer.hasSaidGoodbye = true
        peer.outbox.append(.goodbye(Goodbye(reason: .closeNormal)))
    }

    // MARK: What a message holds

    func nextToken() -> UInt64 {
        lastToken += 1
        return lastToken
    }

    /// Arguments by which the auditor knows a call or an event again.
    func payload(
        _ token: UInt64, chunk: Int? = nil, isPassthru: Bool = false, of peer: SimulatedPeer
    ) -> Payload {
        if isPassthru {
            let bytes = (0..<8).map { UInt8(truncatingIfNeeded: token >> (8 * $0)) }
            return Payload(args: [.binary(bytes)], as: peer.serializer)
        }
        var args = [Value(token)]
        if let chunk { args.append(.int(Int64(chunk))) }
        return Payload(args: args, as: peer.serializer)
    }

    func topicName() -> String {
        if chance(2) { return "p..broken" }
        return any(scenario.names) ?? "p.0"
    }
}
