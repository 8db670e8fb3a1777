// Many sessions that subscribe, publish, are taken away and leave: no EVENT goes where it must
// not, and nothing remains when all have left.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Invariants of the broker")
struct BrokerInvariantTests {
    static let topics: [URI] = ["t.a", "t.b", "t.a.b", "u.a.b", "wampctl.router.on_stats"]
    static let patterns: [(URI, MatchPolicy)] =
        topics.map { ($0, .exact) } + [
            ("t.", .prefix), ("", .prefix), ("wamp.", .prefix), ("wamp.subscription.", .prefix),
            (".a", .wildcard), ("t..b", .wildcard), ("wamp..on_leave", .wildcard),
            ("wamp.session.on_leave", .exact), ("wamp.subscription.on_unsubscribe", .exact),
        ]

    @Test(
        "Whatever happens, the audit holds, and all tables are empty at the end",
        arguments: 1...6 as ClosedRange<UInt64>)
    func audit(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let realm = TestRealm(seed: seed)
        var present: [Peer] = []
        var held: [Peer: Set<SubscriptionID>] = [:]
        var eventCount = 0
        func pick<T>(_ list: [T]) -> T { list[random.index(below: list.count)] }
        func forget(_ effects: [Effect]) {
            for case .ended(let key, _) in effects { present.removeAll { $0.key == key } }
        }

        for _ in 0..<4000 {
            if present.count < 8 {
                present.append(
                    realm.join(
                        pick(["user", "admin"]), authid: pick(["alice", "bob", "carol"]),
                        subscribing: pick([[], .subscriptionRevocation])))
            }
            let peer = pick(present)
            switch random.index(below: 24) {
            case 0..<6:
                let (uri, match) = pick(BrokerInvariantTests.patterns)
                let effects = realm.trySubscribe(
                    peer, uri, match, getRetained: random.index(below: 3) == 0)
                for case .send(.subscribed(let answer), peer.key) in effects {
                    held[peer, default: []].insert(answer.subscription)
                }
            case 6..<9:
                guard let id = held[peer]?.min() else { break }
                held[peer]?.remove(id)
                realm.unsubscribe(peer, id)
            case 9..<17:
                let options: Value.Dictionary = pick([
                    [:], [:], ["retain": true], ["eligible_authid": ["alice"]],
                    ["exclude": [Value(pick(present).id)], "retain": true],
                    ["exclude_authrole": ["admin"], "disclose_me": true],
                ])
                let effects = realm.publish(
                    peer, pick(BrokerInvariantTests.topics), ["news"],
                    excludeMe: pick([true, false]),
                    options)
                eventCount += effects.count
            case 17:
                realm.call(
                    peer, "wamp.session.add_testament", [.string("t.a"), ["will"], [:]],
                    kwargs: ["scope": pick(["detached", "destroyed"])])
            case 18:
                let other = pick(present)
                guard let id = held[other]?.min() else { break }
                held[other]?.remove(id)
                realm.call(
                    peer, "wamp.subscription.remove_subscriber", [Value(id), Value(other.id)])
            case 19: forget(realm.call(peer, "wamp.session.kill", [Value(pick(present).id)]))
            case 20 where random.index(below: 8) == 0:
                forget(
                    random.index(below: 2) == 0
                        ? realm.call(peer, "wamp.session.kill_by_authid", ["alice"])
                        : realm.call(peer, "wamp.session.kill_all"))
            case 21: realm.advance(milliseconds: UInt64(random.index(below: 900)))
            case 22:
                present.removeAll { $0 == peer }
                realm.leave(peer)
            default: forget(realm.goodbye(peer))
            }
        }
        #expect(eventCount > 500)
        for peer in present { realm.leave(peer) }
        #expect(realm.auditor.openCallCount == 0)
        #expect(realm.realm.testaments.isEmpty)
        #expect(realm.isEmpty)
    }
}
