// Whole realms under chance, against the auditor. More of it: scripts/simulate --seeds 0..999
//
// A failure prints the seed and the command that plays it again.

import Testing
import WAMPSimulator

@Suite("Simulation")
struct SimulationTests {
    static let seeds: Range<UInt64> = 0..<48
    static let blocks = 4

    @Test("Whatever happens, the auditor finds nothing (SR-01 … SR-94)", arguments: 0..<blocks)
    func nothingFound(block: Int) {
        for seed in SimulationTests.seeds where Int(seed) % SimulationTests.blocks == block {
            let outcome = Simulation(seed: seed, steps: 1000).run()
            if let finding = outcome.finding {
                Issue.record("\(finding); to see it again: scripts/simulate \(seed) 1000 -v")
            }
        }
    }

    @Test("The same seed gives the same effects, another one others")
    func deterministic() {
        var digests: Set<UInt64> = []
        for seed in 100..<106 as Range<UInt64> {
            let simulation = Simulation(seed: seed, steps: 500)
            let digest = simulation.run(isHashing: true).digest
            #expect(digest == simulation.run(isHashing: true).digest, "\(seed)")
            digests.insert(digest)
        }
        #expect(digests.count == 6)
    }

    @Test("The runs reach what they are for")
    func coverage() {
        var reached: Set<String> = []
        for seed in 0..<24 as Range<UInt64> {
            reached.formUnion(Simulation(seed: seed, steps: 1000).run().counts.keys)
        }
        let messages: Set<String> = [
            "REGISTERED", "UNREGISTERED", "SUBSCRIBED", "UNSUBSCRIBED", "PUBLISHED", "EVENT",
            "INVOCATION", "INTERRUPT", "RESULT", "ERROR", "GOODBYE", "ABORT",
        ]
        let errors = [
            "procedure_already_exists", "invalid_argument", "no_such_registration",
            "no_such_procedure", "canceled", "timeout", "unavailable", "no_available_callee",
            "network_failure", "feature_not_supported", "not_authorized",
            "option_disallowed.disclose_me", "payload_size_exceeded",
        ]
        #expect(messages.union(errors.map { "wamp.error.\($0)" }).subtracting(reached).isEmpty)
    }
}
