// How many calls each callee gets: shared-registrations.md K.2 and K.3.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Distribution")
struct DistributionTests {
    // MARK: roundrobin is exact

    @Test(
        "SR-29 SR-36 64 callers at once, 10,000 calls: roundrobin is exact at every moment",
        arguments: [1, 2, 3, 5, 8])
    func roundrobin(count: Int) {
        let realm = TestRealm()
        let callers = realm.join(64)
        let callees = realm.callees(count, "t.x", "roundrobin")
        var random = SeededRandom(seed: UInt64(count))
        var counts = [SessionKey: Int](uniqueKeysWithValues: callees.map { ($0.key, 0) })
        var inFlight: [(callee: Peer, invocation: RequestID)] = []
        var isExact = true
        for call in 0..<10_000 {
            let effects = realm.call(callers[random.index(below: callers.count)])
            guard case .send(.invocation(let invocation), let key) = effects.first,
                let callee = realm.peer(key)
            else {
                Issue.record("call \(call) was not forwarded: \(effects)")
                return
            }
            counts[key, default: 0] += 1
            isExact = isExact && key == callees[call % count].key
            isExact = isExact && (counts.values.max() ?? 0) - (counts.values.min() ?? 0) <= 1
            inFlight.append((callee, invocation.request))
            // Answers come in any order, up to 200 calls later.
            while inFlight.count > random.index(below: 200) {
                let (callee, invocation) = inFlight.remove(
                    at: random.index(below: inFlight.count))
                realm.yield(callee, invocation)
            }
        }
        #expect(isExact)
        for (callee, invocation) in inFlight { realm.yield(callee, invocation) }
        #expect(realm.auditor.openCallCount == 0)
        #expect(realm.realm.pendingCallCount == 0)
    }

    // MARK: random is random

    /// The bounds of a chi-square statistic: below `least` it is too good to be chance, above
    /// `most` too bad.
    struct Bounds: Sendable {
        let least: Double
        let most: Double
    }

    /// The 0.001 and 0.999 quantiles, by degrees of freedom.
    static let bounds: [Int: Bounds] = [
        1: Bounds(least: 0.0000016, most: 10.83), 2: Bounds(least: 0.002, most: 13.82),
        3: Bounds(least: 0.0243, most: 16.27), 4: Bounds(least: 0.091, most: 18.47),
        8: Bounds(least: 0.857, most: 26.12), 9: Bounds(least: 1.152, most: 27.88),
        24: Bounds(least: 8.085, most: 51.18), 99: Bounds(least: 61.14, most: 148.23),
    ]

    /// Σ (observed − expected)² / expected, for cells that are all equally likely.
    private func chiSquare(_ cells: [Int]) -> Double {
        let expected = Double(cells.reduce(0, +)) / Double(cells.count)
        return cells.reduce(0) { sum, observed in
            sum + (Double(observed) - expected) * (Double(observed) - expected) / expected
        }
    }

    /// Whether picks look like independent uniform choices among `count`, singly and in pairs.
    private func isChance(_ picks: [Int], among count: Int) -> Bool {
        var single = [Int](repeating: 0, count: count)
        for pick in picks { single[pick] += 1 }
        var pairs = [Int](repeating: 0, count: count * count)
        for index in stride(from: 0, to: picks.count - 1, by: 2) {
            pairs[picks[index] * count + picks[index + 1]] += 1
        }
        return [single, pairs].allSatisfy { cells in
            guard let bounds = DistributionTests.bounds[cells.count - 1] else { return false }
            return (bounds.least...bounds.most).contains(chiSquare(cells))
        }
    }

    @Test(
        "SR-38 random is uniform and each choice independent of the last",
        arguments: [2, 3, 5, 10],
        [1, 2, 3] as [UInt64])
    func random(count: Int, seed: UInt64) {
        let realm = TestRealm(seed: seed)
        let caller = realm.join()
        let callees = realm.callees(count, "t.x", "random")
        let places = [Peer: Int](
            uniqueKeysWithValues: callees.enumerated().map { ($0.element, $0.offset) })
        let picks = realm.picks(2000 * count, from: caller).compactMap { $0.flatMap { places[$0] } }
        #expect(picks.count == 2000 * count)
        #expect(isChance(picks, among: count))
    }

    @Test(
        "SR-38 SR-52 random stays uniform over those that may take the call",
        arguments: [1, 2, 3] as [UInt64])
    func randomAmongOthers(seed: UInt64) {
        let realm = TestRealm(seed: seed)
        let caller = realm.join()
        let callees = realm.callees(5, "t.x", "random")
        realm.block(callees[1])
        realm.block(callees[4])
        let free = [callees[0], callees[2], callees[3]]
        let picks = realm.picks(6000, from: caller).compactMap { pick in
            free.firstIndex { $0 == pick }
        }
        #expect(picks.count == 6000)
        #expect(isChance(picks, among: 3))
    }

    @Test("SR-46 re-routed calls under random are uniform over the untried")
    func randomRerouting() {
        let realm = TestRealm(seed: 5)
        let caller = realm.join()
        let callees = realm.callees(4, "t.x", "random", .callReroute)
        var second = [Int](repeating: 0, count: 3)
        for _ in 0..<6000 {
            let first = realm.call(caller)
            guard case .send(.invocation(let refused), let refusing) = first.first,
                let tried = callees.firstIndex(where: { $0.key == refusing }),
                case .send(.invocation(let served), let serving) =
                    realm.fail(callees[tried], refused.request).first,
                let chosen = callees.firstIndex(where: { $0.key == serving })
            else { return }
            realm.yield(callees[chosen], served.request)
            second[(chosen - tried + 4) % 4 - 1] += 1
        }
        #expect(second.reduce(0, +) == 6000)
        #expect((0.002...13.82).contains(chiSquare(second)))
    }

    @Test("The tests of chance reject a round robin, a favourite and a habit")
    func rejects() {
        var random = SeededRandom(seed: 1)
        let turns = (0..<6000).map { $0 % 3 }
        #expect(!isChance(turns, among: 3))
        let favourite = (0..<6000).map { _ in
            random.index(below: 10) == 0 ? 0 : random.index(below: 3)
        }
        #expect(!isChance(favourite, among: 3))
        // Uniform one by one, but never the same twice in a row.
        var last = 0
        let habit = (0..<6000).map { _ in
            last = (last + 1 + random.index(below: 2)) % 3
            return last
        }
        #expect(!isChance(habit, among: 3))
        #expect(isChance((0..<6000).map { _ in random.index(below: 3) }, among: 3))
    }
}
