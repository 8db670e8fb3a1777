// shared-registrations.md K.5 and K.6 with all that a call can ask for: limits, queues, patterns,
// parts in both directions, take-overs. Whatever happens, a call ends once, and no slot is lost.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Invariants of limits, queues and parts")
struct InvariantQueueTests {
    /// A realm in which everything happens at random.
    struct Chaos {
        let realm: TestRealm
        var random: SeededRandom
        var present: [Peer] = []
        /// What callees were asked and have not answered; some of it has ended by now.
        var invoked: [(callee: Peer, id: RequestID)] = []
        /// The calls of which more arguments may be sent.
        var parts: [(caller: Peer, request: RequestID, uri: URI)] = []
        var queuedCount = 0
        var inPartsCount = 0

        static let rules = [
            "roundrobin", "random", "first", "last", "_leastbusy", "_sticky", "single",
        ]

        init(seed: UInt64) {
            random = SeededRandom(seed: seed)
            realm = TestRealm(
                QueueTests.settings("t.q", .prefix, limit: 4, maxWait: 25), seed: seed)
        }

        mutating func below(_ bound: Int) -> Int { random.index(below: bound) }
        mutating func isLucky(_ parts: Int) -> Bool { below(parts) == 0 }
        mutating func anyone() -> Peer { present[below(present.count)] }

        /// Half of the procedures have queues; some are patterns.
        mutating func uri(_ number: Int) -> URI {
            number % 2 == 0 ? URI("t.q\(number).x") : URI("t.n\(number).x")
        }

        mutating func note(_ effects: [Effect]) {
            for case .send(.invocation(let invocation), let key) in effects {
                guard let callee = realm.peer(key),
                    !invoked.contains(where: { $0 == (callee, invocation.request) })
                else { continue }
                invoked.append((callee, invocation.request))
            }
        }

        mutating func join() {
            let all: [Features] = [
                .callCanceling, .callReroute, .progressiveCallResults,
                .progressiveCallInvocations, .callTimeout, .registrationRevocation,
            ]
            var features: Features = []
            for feature in all where !isLucky(3) { features.insert(feature) }
            let peer = realm.join(caller: .progressiveCallInvocations, callee: features)
            present.append(peer)
            for number in Chaos.rules.indices where isLucky(2) { register(peer, number) }
        }

        mutating func register(_ peer: Peer, _ number: Int) {
            var options = RegisterOptions(
                invoke: Chaos.rules[number], match: [.exact, .prefix, .wildcard][number % 3],
                retryOnLoss: isLucky(3))
            if !isLucky(3) { options.custom["concurrency"] = .int(Int64(1 + below(2))) }
            if isLucky(2) { options.custom["forward_timeout"] = true }
            if isLucky(12) { options.custom["force_reregister"] = true }
            let request = realm.request(of: peer)
            note(
                realm.send(
                    .register(Register(request: request, options: options, procedure: uri(number))),
                    from: peer))
        }

        mutating func call() {
            let (caller, uri) = (anyone(), uri(below(Chaos.rules.count)))
            let request = realm.request(of: caller)
            let isInParts = isLucky(4)
            if isInParts { parts.append((caller, request, uri)) }
            let effects = realm.call(
                caller, uri, [1], request: request, progress: isInParts,
                receiveProgress: isLucky(3), timeout: UInt64(isLucky(2) ? below(40) : 0))
            if effects.isEmpty { queuedCount += 1 }
            note(effects)
        }

        mutating func sendPart() {
            guard !parts.isEmpty else { return }
            let index = below(parts.count)
            let (caller, request, uri) = parts[index]
            let isLast = isLucky(3)
            if isLast { parts.remove(at: index) }
            guard realm.isPresent(caller) else { return }
            inPartsCount += 1
            note(realm.call(caller, uri, [2], request: request, progress: !isLast))
        }

        mutating func answer(isLastDay: Bool = false) {
            guard !invoked.isEmpty else { return }
            let index = below(invoked.count)
            let (callee, id) = invoked[index]
            let how = isLastDay ? 0 : below(5)
            if how != 4 { invoked.remove(at: index) }
            guard realm.isPresent(callee) else { return }
            switch how {
            case 0, 1: note(realm.yield(callee, id))
            case 2: note(realm.fail(callee, id))
            case 3: note(realm.fail(callee, id, "t.error"))
            default: note(realm.progress(callee, id, [3]))
            }
        }

        mutating func step() {
            if present.count < 8 { join() }
            switch below(30) {
            case 0..<10: call()
            case 10..<14: sendPart()
            case 14..<22: answer()
            case 22..<24:
                let caller = anyone()
                let latest = Int(realm.lastRequest(of: caller).rawValue)
                note(
                    realm.cancel(
                        caller, RequestID(UInt64(1 + below(latest + 1))),
                        CancelMode.allCases[below(3)]))
            case 24: note(realm.advance(milliseconds: UInt64(below(12))))
            case 25: note(realm.block(anyone(), isLucky(2)))
            case 26:
                let peer = anyone()
                let number = below(Chaos.rules.count)
                let id = realm.id(of: uri(number), [.exact, .prefix, .wildcard][number % 3])
                note(realm.unregister(peer, id))
            case 27: register(anyone(), below(Chaos.rules.count))
            default:
                guard isLucky(3) else { return }
                let peer = present.remove(at: below(present.count))
                note(isLucky(2) ? realm.leave(peer) : realm.goodbye(peer))
            }
        }

        /// Everybody may be written to, and answers all there is.
        mutating func settle() {
            for peer in present { note(realm.block(peer, false)) }
            while !invoked.isEmpty { answer(isLastDay: true) }
        }
    }

    @Test(
        "K.5 K.6 SR-59 SR-60 when all is answered nobody waits, and every slot is free",
        arguments: 1...8 as ClosedRange<UInt64>)
    func everySlotIsFreed(seed: UInt64) {
        var chaos = Chaos(seed: seed)
        let realm = chaos.realm
        for round in 1...10 {
            for _ in 0..<400 {
                chaos.step()
                if realm.auditor.openCallCount > realm.realm.pendingCallCount {
                    Issue.record("a call has no end")
                    return
                }
            }
            chaos.settle()
            #expect(realm.auditor.openCallCount == 0, "round \(round)")
            #expect(realm.realm.pendingCallCount == 0, "round \(round)")
            #expect(realm.realm.queues.isEmpty, "round \(round)")
            #expect(realm.realm.registrations.inFlightCount == 0, "round \(round)")
            #expect(realm.realm.nextDeadline == nil, "round \(round)")
        }
        #expect(chaos.queuedCount > 50 && chaos.inPartsCount > 100)
        #expect(realm.leaveAll(chaos.present))
    }
}
