// The command behind scripts/payloads: a router of its own, and so many payloads through it.

import Glibc
import Logging
import PayloadTrials
import WAMPServer
import WAMPTransport

let usage = "usage: payloads [COUNT] [--seed SEED] [--from NUMBER]"

func quit(_ message: String, _ status: Int32) -> Never {
    print(message)
    exit(status)
}

var count = 20_000
var first = 0
var seed = UInt64.random(in: 0..<1_000_000)
var arguments = Array(CommandLine.arguments.dropFirst())
while !arguments.isEmpty {
    let argument = arguments.removeFirst()
    switch argument {
    case "--seed":
        guard let number = arguments.first.flatMap({ UInt64($0) }) else { quit(usage, 2) }
        seed = number
        arguments.removeFirst()
    case "--from":
        guard let number = arguments.first.flatMap({ Int($0) }), number >= 0 else { quit(usage, 2) }
        first = number
        arguments.removeFirst()
    default:
        guard let number = Int(argument), number > 0 else { quit(usage, 2) }
        count = number
    }
}
print("seed \(seed), payloads \(first) to \(first + count - 1)")

var logger = Logger(label: "payloads")
logger.logLevel = .critical
let router = RouterServer(
    configuration: Configuration(listeners: [try Endpoint("tcp://127.0.0.1:0")]), logger: logger)
guard case .tcp(_, let port) = try await router.start()[0].address else {
    quit("the router has no TCP port", 1)
}
let report = try PayloadTrials(port: port, seed: seed).run(first..<(first + count))
await router.stop()
for outcome in report.counts.keys.sorted() { print("\(report.counts[outcome] ?? 0)\t\(outcome)") }
for finding in report.findings {
    print(finding)
    print("to see it again: scripts/payloads 1 --seed \(seed) --from NUMBER")
}
print("\(count) payloads through every pair of serializers, \(report.findings.count) findings")
exit(report.findings.isEmpty ? 0 : 1)
