// The command behind scripts/simulate: one seed, or many.

import WAMPSimulator

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

let usage = """
    usage: simulate SEED [STEPS] [-v] [--shrink]
           simulate --seeds A..B [STEPS]
    """

func quit(_ message: String, _ status: Int32) -> Never {
    print(message)
    exit(status)
}

func report(_ outcome: Simulation.Outcome, _ simulation: Simulation) {
    guard let finding = outcome.finding else { return }
    print("seed \(simulation.seed), step \(outcome.step): \(finding)")
    print("to see it again: scripts/simulate \(simulation.seed) \(simulation.steps) -v")
}

var isVerbose = false
var isShrinking = false
var range: ClosedRange<UInt64>?
var numbers: [UInt64] = []
var arguments = Array(CommandLine.arguments.dropFirst())
while !arguments.isEmpty {
    let argument = arguments.removeFirst()
    switch argument {
    case "-v": isVerbose = true
    case "--shrink": isShrinking = true
    case "--seeds":
        let bounds = arguments.isEmpty ? "" : arguments.removeFirst()
        let parts = bounds.split(separator: ".", omittingEmptySubsequences: true)
        guard parts.count == 2, let first = UInt64(parts[0]), let last = UInt64(parts[1]),
            first <= last
        else { quit(usage, 2) }
        range = first...last
    default:
        guard let number = UInt64(argument) else { quit(usage, 2) }
        numbers.append(number)
    }
}

if let range {
    let steps = Int(numbers.first ?? 1000)
    var failures = 0
    var counts: [String: Int] = [:]
    for seed in range {
        let simulation = Simulation(seed: seed, steps: steps)
        let outcome = simulation.run()
        for (name, count) in outcome.counts { counts[name, default: 0] += count }
        if outcome.finding != nil {
            failures += 1
            report(outcome, simulation)
        }
    }
    for name in counts.keys.sorted() { print("\(counts[name] ?? 0)\t\(name)") }
    print("\(range.count) seeds of \(steps) steps, \(failures) with a finding")
    exit(failures == 0 ? 0 : 1)
}

guard let seed = numbers.first, numbers.count <= 2 else { quit(usage, 2) }
var simulation = Simulation(seed: seed, steps: numbers.count > 1 ? Int(numbers[1]) : 1000)
if isShrinking { simulation = simulation.shrunk() }
let outcome = simulation.run(isTracing: isVerbose || isShrinking, isHashing: true)
for line in outcome.story { print(line) }
if let finding = outcome.finding {
    print("\nseed \(seed), step \(outcome.step): \(finding)")
    exit(1)
}
print(
    "seed \(seed), \(simulation.steps) steps: nothing found; digest \(String(outcome.digest, radix: 16))"
)
