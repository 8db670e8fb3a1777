// Options about how often something is sent, shared by the commands that can repeat it.

import ArgumentParser

/// How many calls or events are made, and at what pace.
struct LoadOptions: ParsableArguments {
    @Option(
        name: [.customShort("n", allowingJoined: true), .customLong("repeat")],
        help: ArgumentHelp(
            "How many; 0 = until --duration or a signal (default: 1).", valueName: "n"),
        transform: Notation.count)
    var repeatCount: Int?

    @Option(
        name: .long, help: ArgumentHelp("Stop after so long.", valueName: "d"),
        transform: Notation.duration)
    var duration: Duration?

    @Option(
        name: [.customShort("c", allowingJoined: true), .long],
        help: ArgumentHelp("So many in flight per session (default: 1).", valueName: "n"),
        transform: Notation.positiveCount)
    var concurrency: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Send on a schedule of so many per second, over all sessions.", valueName: "r"),
        transform: Notation.rate)
    var rate: Double?

    @Flag(name: .customLong("fail-fast"), help: "Stop at the first error.")
    var failFast = false

    /// `-c` alone serves the line modes too.
    var isRepeated: Bool {
        repeatCount.map { $0 != 1 } ?? false || duration != nil || rate != nil
    }

    /// How many; nil without a limit.
    var goal: Int? {
        switch repeatCount {
        case 0: nil
        case let count?: count
        case nil: duration == nil ? 1 : nil
        }
    }
}
