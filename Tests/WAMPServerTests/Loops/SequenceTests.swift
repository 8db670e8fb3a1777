// shared-registrations.md K.1, K.5, K.6 through the real server with two loops: random sequences of
// several connections, judged without knowing in which order the loops handle them.
//
// A failure prints the seed of its sequence and, when it is played again, what was sent and seen.
// To play it again, many times, for its course depends on the threads:
// WAMPCTL_LOOPS_SEED=seed swift test --filter SequenceTests
// WAMPCTL_LOOPS_SEQUENCES changes how many are played.

import Foundation
import Testing
import WAMPServer

@Suite("Sequences on two loops", .serialized)
struct SequenceTests {
    static let environment = ProcessInfo.processInfo.environment
    static let count = environment["WAMPCTL_LOOPS_SEQUENCES"].flatMap { Int($0) } ?? 150
    static let replayed = environment["WAMPCTL_LOOPS_SEED"].flatMap { UInt64($0) }
    /// Each with a realm of its own; they share the loops.
    static let lanes = 3

    /// Plays sequences side by side, each lane its own.
    private func play(
        isTracing: Bool, _ count: Int, seed: @escaping @Sendable (_ lane: Int, Int) -> UInt64
    ) async throws {
        let realms = (0..<Self.lanes).map { "realm\($0)" }
        try await withRouter({
            $0.threads = 2
            $0.realms = realms.map { RealmConfiguration(name: $0) }
        }) { port, router in
            try Lanes.run(
                realms.enumerated().map { lane, realm in
                    { lanes in
                        let player = try SequencePlayer(
                            port: port, realm: realm, isTracing: isTracing)
                        for number in 0..<count where !lanes.hasFailed {
                            let seed = seed(lane, number)
                            do {
                                try player.play(seed: seed)
                            } catch {
                                throw Breach("WAMPCTL_LOOPS_SEED=\(seed):\n\(error)")
                            }
                        }
                    }
                })
            let count = router.pendingCallCount
            guard count == 0 else { throw Breach("\(count) calls are left") }
        }
    }

    @Test(
        "SR-18, SR-22 … SR-25, SR-46 … SR-51, SR-55, SR-66 … SR-68, SR-74 … SR-82 on two loops",
        .enabled(if: replayed == nil))
    func sequences() async throws {
        try await play(isTracing: false, Self.count) { lane, number in
            UInt64(lane * 1_000_000 + number)
        }
    }

    @Test("One sequence again and again", .enabled(if: replayed != nil))
    func replay() async throws {
        guard let seed = Self.replayed else { return }
        try await play(isTracing: true, Self.count) { _, _ in seed }
    }
}
