// shared-registrations.md K.5 and K.6, where many sessions share one realm: every call has one end,
// and nothing remains when all have left.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Invariants")
struct InvariantTests {
    @Test(
        "K.5 K.6 whatever happens to a call, it ends once, and all tables are empty at the end",
        arguments: 1...6 as ClosedRange<UInt64>)
    func everyCallEnds(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let realm = TestRealm(seed: seed)
        let rules = ["roundrobin", "random", "first", "last"]
        let features: [Features] = [
            [], .callCanceling, .callReroute, [.callCanceling, .callReroute],
        ]
        var present: [Peer] = []
        var invocations: [(callee: Peer, id: RequestID)] = []
        var callCount = 0

        func note(_ effects: [Effect]) {
            for case .send(.invocation(let invocation), let key) in effects {
                if let callee = realm.peer(key) { invocations.append((callee, invocation.request)) }
            }
        }
        func anyone() -> Peer { present[random.index(below: present.count)] }

        for _ in 0..<4000 {
            if present.count < 12 {
                let peer = realm.join(features[random.index(below: 4)])
                _ = random.index(below: 4) == 0 ? Listener(peer, in: realm) : nil
                for (index, rule) in rules.enumerated() where random.index(below: 2) == 0 {
                    realm.register(
                        peer, URI("t.\(index)"), rule, retryOnLoss: random.index(below: 2) == 0)
                }
                present.append(peer)
            }
            switch random.index(below: 20) {
            case 0..<10:
                callCount += 1
                note(
                    realm.call(
                        anyone(), URI("t.\(random.index(below: 4))"), [1],
                        timeout: UInt64(random.index(below: 30))))
            case 10..<16 where !invocations.isEmpty:
                // Some of these are late.
                let index = random.index(below: invocations.count)
                let (callee, id) = invocations.remove(at: index)
                guard present.contains(callee) else { break }
                switch random.index(below: 3) {
                case 0: note(realm.yield(callee, id))
                case 1: note(realm.fail(callee, id))
                default: note(realm.fail(callee, id, "t.error"))
                }
            case 16:
                let caller = anyone()
                let latest = realm.lastRequest(of: caller).rawValue
                let request = RequestID(1 + UInt64(random.index(below: Int(latest) + 1)))
                realm.cancel(caller, request, CancelMode.allCases[random.index(below: 3)])
            case 17: note(realm.advance(milliseconds: UInt64(random.index(below: 20))))
            case 18:
                let peer = anyone()
                realm.block(peer, random.index(below: 2) == 0)
            default:
                let peer = present.remove(at: random.index(below: present.count))
                note(random.index(below: 2) == 0 ? realm.leave(peer) : realm.goodbye(peer))
            }
            if realm.auditor.openCallCount != realm.realm.pendingCallCount {
                Issue.record("a call has no end")
                return
            }
        }
        #expect(callCount > 1000)
        for peer in present { realm.leave(peer) }
        #expect(realm.auditor.openCallCount == 0)
        #expect(realm.isEmpty)
    }

    @Test(
        "A session with 20,000 registrations and 10,000 calls leaves in time that is proportional")
    func largeSession() {
        let realm = TestRealm()
        let (caller, callee) = (realm.join(), realm.join())
        for number in 0..<20_000 { realm.register(callee, URI("t.\(number)"), "roundrobin") }
        for number in 0..<10_000 { realm.call(caller, URI("t.\(number)")) }
        #expect(realm.call(caller, "t.1").refusal == .unavailable)
        let effects = realm.leave(callee)
        #expect(effects.count == 10_000)
        #expect(realm.realm.registrationCount == 0)
        realm.leave(caller)
        #expect(realm.isEmpty)
    }
}
