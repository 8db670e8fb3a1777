// Sequences of calls for the tests of tallies.

import Testing
import WAMP
@testable import wampctl

/// Feeds a tally with a sequence of callees, one caller session, one call after another.
struct Feed {
    var tally: Tally
    var request: UInt64 = 1
    var clock: Int64 = 0

    init(
        rule: String?, registered: Int? = nil, callers: Int = 1,
        procedure: String = "com.example.hello"
    ) {
        tally = Tally(procedure: procedure, rule: rule, callerCount: callers, start: 0)
        if let registered {
            tally.began(
                with: (1...registered).map { (session: UInt64($0), name: "callee-\($0)") })
        }
        for caller in 0..<callers { tally.caller(caller, startsAt: 1) }
    }

    mutating func calls(_ callees: [UInt64]) {
        for callee in callees { call(callee) }
    }

    mutating func call(_ callee: UInt64?, error: ErrorURI? = nil, milliseconds: Int64 = 1) {
        tally.ended(
            Tally.Answer(
                caller: 0, request: request, sent: clock, ended: clock + milliseconds * 1_000_000,
                callee: callee.map { .session($0) }, calleeName: callee.map { "callee-\($0)" },
                error: error))
        request += 1
        clock += milliseconds * 1_000_000
    }

    var verdict: Verdict { Verdict(tally) }
}

/// A generator with a fixed seed, for sequences that are random in every run alike.
struct Dice: RandomNumberGenerator {
    private var generator: SplitMix64

    init(state: UInt64) { generator = SplitMix64(seed: state) }

    mutating func next() -> UInt64 { generator.next() }

    mutating func picks(_ count: Int, of callees: UInt64) -> [UInt64] {
        (0..<count).map { _ in UInt64.random(in: 1...callees, using: &self) }
    }
}

func rotation(_ count: Int, of callees: UInt64) -> [UInt64] {
    (0..<count).map { UInt64($0) % callees + 1 }
}
