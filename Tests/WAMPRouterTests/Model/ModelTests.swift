// shared-registrations.md K.1, K.5, K.6: random sequences against the plain model there.
//
// A failure prints the seed of its sequence and the shortest sequence that still fails. To play it
// again, with all that was seen: WAMPCTL_MODEL_SEED=seed swift test --filter ModelTests
// WAMPCTL_MODEL_SEQUENCES changes how many are played.

import Foundation
import Testing
import WAMP

@testable import WAMPRouter

@Suite("Model")
struct ModelTests {
    static let environment = ProcessInfo.processInfo.environment
    /// Sequences are played in blocks, side by side.
    static let blocks = 4
    static let count = environment["WAMPCTL_MODEL_SEQUENCES"].flatMap { Int($0) } ?? 10_000
    static let replayed = environment["WAMPCTL_MODEL_SEED"].flatMap { UInt64($0) }

    /// Why the sequence fails; nil if it does not.
    private static func failure(
        of steps: [Step], seed: UInt64, isTracing: Bool = false
    ) -> (any Error)? {
        do {
            var run = try ModelRun(seed: seed, isTracing: isTracing)
            try run.play(steps)
            return nil
        } catch {
            return error
        }
    }

    /// The shortest sequence that can be found and still fails.
    private static func shrink(_ steps: [Step], fails: ([Step]) -> Bool) -> [Step] {
        var shortest = removingPieces(steps, fails)
        while true {
            // With lower numbers fewer sessions are needed.
            for index in shortest.indices {
                var simpler = shortest
                for who in 0..<simpler[index].who {
                    simpler[index].who = who
                    if fails(simpler) {
                        shortest = simpler
                        break
                    }
                }
            }
            let shorter = removingPieces(shortest, fails)
            if shorter.count == shortest.count { return shorter }
            shortest = shorter
        }
    }

    /// Leaves out ever smaller pieces for as long as the rest fails.
    private static func removingPieces(_ steps: [Step], _ fails: ([Step]) -> Bool) -> [Step] {
        var steps = steps
        var size = max(1, steps.count / 2)
        while size > 0 {
            var hasShrunk = false
            var start = 0
            while start < steps.count {
                var shorter = steps
                shorter.removeSubrange(start..<min(start + size, steps.count))
                if fails(shorter) {
                    steps = shorter
                    hasShrunk = true
                } else {
                    start += size
                }
            }
            if !hasShrunk || size > 1 { size /= 2 }
        }
        return steps
    }

    /// - Returns: whether the router and the model agree about the sequence of this seed.
    private static func check(seed: UInt64) -> Bool {
        let steps = Step.sequence(seed: seed)
        guard failure(of: steps, seed: seed) != nil else { return true }
        let shortest = shrink(steps) { failure(of: $0, seed: seed) != nil }
        let story = failure(of: shortest, seed: seed, isTracing: true)
        Issue.record(
            """
            WAMPCTL_MODEL_SEED=\(seed): the router differs from the model after
            \(story.map { "\($0)" } ?? "nothing")
            """)
        return false
    }

    @Test(
        "SR-01 … SR-55, SR-66 … SR-68, SR-74 … SR-82 random sequences, against the model",
        .enabled(if: replayed == nil), arguments: 0..<blocks)
    func sequences(block: Int) {
        for number in 0..<ModelTests.count / ModelTests.blocks {
            // One failure of a block says enough.
            guard ModelTests.check(seed: UInt64(block * 1_000_000 + number)) else { return }
        }
    }

    @Test("One sequence again", .enabled(if: replayed != nil))
    func replay() {
        if let seed = ModelTests.replayed { #expect(ModelTests.check(seed: seed)) }
    }

    @Test("The same seed gives the same effects, another one others")
    func deterministic() throws {
        var differing = 0
        for seed in 0..<100 as Range<UInt64> {
            let steps = Step.sequence(seed: seed)
            func effects(_ realmSeed: UInt64) throws -> [Effect] {
                var run = try ModelRun(seed: realmSeed, isLogging: true)
                try run.play(steps)
                return run.log
            }
            #expect(try effects(seed) == effects(seed), "\(seed)")
            if try effects(seed) != effects(seed + 1) { differing += 1 }
        }
        #expect(differing > 50)
    }

    @Test("The sequences reach what they are for")
    func coverage() throws {
        var reached: Set<String> = []
        for seed in 0..<300 as Range<UInt64> {
            var run = try ModelRun(seed: seed, isLogging: true)
            try run.play(Step.sequence(seed: seed))
            for case .send(let message, _) in run.log {
                reached.insert(message.code.name)
                if case .error(let error) = message { reached.insert(error.error.rawValue) }
                if case .interrupt(let interrupt) = message, let mode = interrupt.mode {
                    reached.insert(mode.rawValue)
                }
            }
        }
        let wanted: Set<String> = [
            "REGISTERED", "UNREGISTERED", "INVOCATION", "INTERRUPT", "RESULT", "ERROR", "GOODBYE",
            "ABORT", "kill", "killnowait", "t.error",
        ]
        let errors: [ErrorURI] = [
            .procedureAlreadyExists, .invalidArgument, .noSuchRegistration, .noSuchProcedure,
            .canceled, .timeout, .unavailable, .noAvailableCallee, .networkFailure,
        ]
        #expect(wanted.union(errors.map(\.rawValue)).subtracting(reached).isEmpty)
    }
}
