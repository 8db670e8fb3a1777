// Runs by seed: the entry of the tests and of `scripts/simulate`.

import WAMP
import WAMPRouter

/// One run of a realm under chance. The same seed gives the same run, in every process.
package struct Simulation: Sendable {
    package var seed: UInt64
    package var steps: Int
    /// Steps that are left out: what is left of a run that was made shorter.
    package var skipped: Set<Int> = []

    package init(seed: UInt64, steps: Int) {
        self.seed = seed
        self.steps = steps
    }

    /// What came of a run.
    package struct Outcome: Sendable {
        package var finding: Finding?
        /// The step at which it was found.
        package var step = 0
        /// The same for two runs with the same effects.
        package var digest: UInt64 = 0
        /// How many messages of each kind, and errors of each URI, the realm sent.
        package var counts: [String: Int] = [:]
        /// What happened, if that was asked for.
        package var story: [String] = []
    }

    package func run(isTracing: Bool = false, isHashing: Bool = false) -> Outcome {
        let world = World(seed: seed, isTracing: isTracing, isHashing: isHashing)
        var outcome = Outcome()
        for number in 0..<steps where !skipped.contains(number) {
            outcome.step = number
            world.trace?.note("")
            world.trace?.note("step \(number)")
            world.step(number)
            if world.auditor.failure != nil { break }
        }
        if world.auditor.failure == nil {
            outcome.step = steps
            world.trace?.note("")
            world.trace?.note("the end")
            world.conclude()
        }
        outcome.finding = world.auditor.failure
        outcome.digest = world.digest
        outcome.counts = world.counts
        outcome.story = world.trace?.lines ?? []
        return outcome
    }

    /// Leaves out ever smaller pieces for as long as the rest fails in the same way.
    package func shrunk() -> Simulation {
        let first = run()
        guard let finding = first.finding else { return self }
        var shortest = self
        shortest.steps = min(steps, first.step + 1)
        let kind = Simulation.kind(of: finding)
        func fails(_ simulation: Simulation) -> Bool {
            simulation.run().finding.map(Simulation.kind) == kind
        }
        guard fails(shortest) else { return self }
        var size = max(1, shortest.steps / 2)
        while size > 0 {
            var start = 0
            while start < shortest.steps {
                var shorter = shortest
                shorter.skipped.formUnion(start..<min(start + size, shortest.steps))
                if shorter.skipped != shortest.skipped, fails(shorter) { shortest = shorter }
                start += size
            }
            size /= 2
        }
        return shortest
    }

    /// The finding without its numbers.
    private static func kind(of finding: Finding) -> String {
        String(finding.description.filter { !$0.isNumber }.prefix(40))
    }
}

extension World {
    /// Everybody answers what is open: then no call may be left. Then everybody leaves: then
    /// nothing may be left.
    func conclude() {
        random = SeededRandom(seed: seed)
        for peer in peers where peer.isBlocked {
            peer.isBlocked = false
            tell(.blocked(false, peer.key))
        }
        var rounds = 0
        while auditor.failure == nil, hasWork, rounds < 100 {
            rounds += 1
            for peer in peers {
                while !peer.inbox.isEmpty { read(peer) }
                while !peer.tasks.isEmpty { yieldFinally(peer, 0) }
                while !peer.outbox.isEmpty, self.peer(peer.key) != nil { deliver(peer) }
            }
        }
        pass(nanoseconds: 1_000_000)
        tell(.advanced)
        auditor.finishAll()
        check { $0.calls == 0 && $0.inFlight == 0 && $0.waiting == 0 && $0.questions == 0 }
        if scenario.endsByDraining {
            tell(.drained)
        } else {
            while let peer = any(peers), auditor.failure == nil { tell(.left(peer.key)) }
            if let observer, auditor.failure == nil { tell(.left(observer.key)) }
        }
        check { $0 == Census() }
    }

    private var hasWork: Bool {
        peers.contains { !$0.inbox.isEmpty || !$0.outbox.isEmpty || !$0.tasks.isEmpty }
    }

    private func check(_ isEmpty: (Census) -> Bool) {
        let census = realm.census
        auditor.check(isEmpty(census), "something remains: \(census)")
    }
}
