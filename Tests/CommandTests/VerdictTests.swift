// Verdicts: what a sequence of answers says about the rule, and what it does not.

import Testing
import WAMP
@testable import wampctl

@Suite struct VerdictTests {
    @Test("random: uniform picks agree with the rule, by shares and by order")
    func uniform() {
        var dice = Dice(state: 42)
        var feed = Feed(rule: "random", registered: 4)
        feed.calls(dice.picks(4000, of: 4))
        let verdict = feed.verdict
        #expect(verdict.isOK)
        #expect(verdict.reason == "consistent with uniform random selection")
        #expect(verdict.tests.map(\.name) == ["shares", "order"])
        #expect(verdict.tests.map(\.degrees) == [3, 9])
    }

    @Test("random: about one uniform run in a thousand fails, not more")
    func falseAlarms() {
        var dice = Dice(state: 1)
        var failures = 0
        for _ in 0..<1000 {
            var feed = Feed(rule: "random", registered: 3)
            feed.calls(dice.picks(150, of: 3))
            if !feed.verdict.isOK { failures += 1 }
        }
        #expect(failures <= 5)
    }

    @Test(
        "random: a router that picks fairly fails one run in a thousand at most, from the fewest calls on",
        arguments: [
            (2, 10), (2, 12), (3, 15), (3, 24), (4, 20), (5, 40), (8, 40), (10, 50), (10, 100),
            (20, 100), (20, 120), (20, 200),
        ] as [(UInt64, Int)])
    func promise(callees: UInt64, calls: Int) {
        var dice = Dice(state: callees * 1000 + UInt64(calls))
        var failures = 0
        for _ in 0..<2000 {
            var feed = Feed(rule: "random", registered: Int(callees))
            feed.calls(dice.picks(calls, of: callees))
            if !feed.verdict.isOK { failures += 1 }
        }
        // Two are expected; more than nine come in one of twenty thousand series.
        #expect(failures <= 9)
    }

    @Test("random: a silent callee fails the run as soon as chance can hardly be the cause")
    func silence() {
        var dice = Dice(state: 9)
        for (calls, isJudged) in [(160, false), (300, true)] {
            var feed = Feed(rule: "random", registered: 20)
            // Each of nineteen has its share, so that the shares alone say little.
            feed.calls((0..<calls).map { UInt64($0 % 19) + 1 }.shuffled(using: &dice))
            let verdict = feed.verdict
            #expect(verdict.isOK == !isJudged, "\(calls)")
            #expect(
                verdict.silent
                    == (isJudged
                        ? ["callee-20 is registered but answered 0 of 15 expected calls"] : []),
                "\(calls)")
        }
    }

    @Test("Each test names its stretch where callees came or went, and only there")
    func stretches() {
        var dice = Dice(state: 4)
        var feed = Feed(rule: "random", registered: 2)
        feed.calls(dice.picks(100, of: 2))
        #expect(feed.verdict.tests.map(\.stretch) == [nil, nil])
        feed.tally.joined(3, at: feed.clock, time: .now())
        feed.clock += 1
        feed.calls(dice.picks(100, of: 3))
        #expect(feed.verdict.tests.map(\.stretch) == [1, 1, 2, 2])
    }

    @Test("random: a rotation fails by its order although its shares are perfect")
    func rotationIsNotRandom() throws {
        var feed = Feed(rule: "random", registered: 3)
        feed.calls(rotation(300, of: 3))
        let verdict = feed.verdict
        #expect(!verdict.isOK)
        let shares = try #require(verdict.tests.first)
        #expect(shares.probability == 1)
        #expect(verdict.reason == "not uniform random selection: order")
    }

    @Test("random: unequal shares fail, and a silent callee is named with what was expected")
    func unequal() {
        var dice = Dice(state: 7)
        var feed = Feed(rule: "random", registered: 4)
        feed.calls(dice.picks(1004, of: 3))
        let verdict = feed.verdict
        #expect(!verdict.isOK)
        #expect(
            verdict.silent == ["callee-4 is registered but answered 0 of 251 expected calls"])
    }

    @Test("Where no callee answered, that is the reason")
    func nobody() {
        var feed = Feed(rule: nil)
        for _ in 1...100 { feed.call(nil, error: .noSuchProcedure) }
        #expect(!feed.verdict.isOK)
        #expect(feed.verdict.reason == "nothing to judge: no callee answered")
    }

    @Test("random: below 5 expected calls per callee there are too few; the order needs 5 k²")
    func tooFew() {
        var dice = Dice(state: 3)
        var feed = Feed(rule: "random", registered: 4)
        feed.calls(dice.picks(19, of: 4))
        #expect(
            feed.verdict.reason == "too few calls: 19, and random with 4 callees needs 20")
        #expect(!feed.verdict.isOK)
        feed.calls(dice.picks(60, of: 4))
        #expect(feed.verdict.tests.map(\.name) == ["shares"])
        #expect(feed.verdict.reason.hasSuffix("; order: not tested, needs 80 calls"))
        feed.calls(dice.picks(1, of: 4))
        #expect(feed.verdict.tests.map(\.name) == ["shares", "order"])
    }

    @Test(
        "Every rule needs 5 expected calls per callee",
        arguments: [("roundrobin", 3, 15), ("first", 3, 5), ("last", 3, 5), ("single", 1, 5)])
    func tooFewFor(rule: String, callees: Int, needed: Int) {
        var feed = Feed(rule: rule, registered: callees)
        let picks =
            rule == "roundrobin"
            ? rotation(needed, of: 3)
            : Array(repeating: rule == "last" ? UInt64(callees) : 1, count: needed)
        feed.calls(Array(picks.dropLast()))
        #expect(!feed.verdict.isOK)
        let subject = rule == "roundrobin" ? "roundrobin with 3 callees" : rule
        #expect(
            feed.verdict.reason
                == "too few calls: \(needed - 1), and \(subject) needs \(needed)")
        feed.calls([picks[needed - 1]])
        #expect(feed.verdict.isOK, "\(feed.verdict.reason)")
    }

    @Test("roundrobin: every step in the registered order")
    func inRotation() {
        var feed = Feed(rule: "roundrobin", registered: 3)
        feed.calls(rotation(1000, of: 3))
        #expect(feed.verdict.isOK)
        #expect(feed.verdict.reason == "1 000 of 1 000 steps in rotation")
    }

    @Test("roundrobin: without the list, the cycle that the answers show counts")
    func unlistedRotation() {
        var feed = Feed(rule: "roundrobin")
        for _ in 1...5 { feed.calls([9, 4, 7]) }
        feed.call(9)
        #expect(feed.verdict.reason == "16 of 16 steps in rotation")
        var short = Feed(rule: "roundrobin")
        short.calls([1, 2, 1, 2, 1, 2, 1, 2, 3, 3, 3, 3, 3, 3, 3])
        #expect(!short.verdict.isOK)
    }

    @Test("roundrobin: random picks fail")
    func randomIsNoRotation() {
        var dice = Dice(state: 5)
        var feed = Feed(rule: "roundrobin", registered: 3)
        feed.calls(dice.picks(3000, of: 3))
        #expect(!feed.verdict.isOK)
    }

    @Test("roundrobin: even shares that do not come in rounds fail, and the reason says how")
    func blocks() {
        var feed = Feed(rule: "roundrobin", registered: 2)
        feed.calls(Array(repeating: 1, count: 500) + Array(repeating: 2, count: 500))
        #expect(!feed.verdict.isOK)
        #expect(
            feed.verdict.reason
                == "2 of 1 000 steps in rotation, 0 of 500 rounds hold each callee once "
                + "(other callers, or callees that decline, would also do this)")
        var unlisted = Feed(rule: "roundrobin")
        for _ in 1...4 { unlisted.calls([1, 1, 2, 2]) }
        #expect(!unlisted.verdict.isOK)
    }

    @Test("roundrobin: rounds that hold each callee once pass, though their order changes")
    func rounds() {
        var feed = Feed(rule: "roundrobin", registered: 3)
        for _ in 1...2 { feed.calls([1, 2, 3, 2, 1, 3, 3, 1, 2]) }
        #expect(feed.verdict.isOK)
        #expect(
            feed.verdict.reason
                == "each callee answered once in every round; 9 of 18 steps in rotation")
        feed.calls([1, 1, 2])
        #expect(!feed.verdict.isOK)
    }

    @Test(
        "A slow callee whose answers come after another one left is not accused",
        arguments: ["roundrobin", "random"])
    func slowCallee(rule: String) {
        // Callee 2 answers a second later than 1 and 3; 3 leaves before that.
        var feed = Feed(rule: rule, registered: 3)
        for callee in rotation(60, of: 3) {
            if callee == 2 { feed.request += 1 } else { feed.call(callee) }
        }
        feed.tally.left(3, at: feed.clock, time: .now())
        let change = feed.clock
        for request in 1...60 where UInt64(request - 1) % 3 + 1 == 2 {
            feed.tally.ended(
                Tally.Answer(
                    caller: 0, request: UInt64(request), sent: 0, ended: change + 1,
                    callee: .session(2), calleeName: "callee-2"))
        }
        #expect(feed.verdict.silent.isEmpty)
        #expect(
            rule == "roundrobin"
                || feed.verdict.reason
                    == "too few calls: 59 were under way when callees joined or left"
        )
        feed.clock += 2
        var dice = Dice(state: 11)
        let later = dice.picks(200, of: 2)
        feed.calls(rule == "random" ? later : rotation(200, of: 2))
        #expect(feed.verdict.isOK, "\(feed.verdict.reason)")
    }

    @Test("roundrobin: calls that a leaving callee hands back take turns among the next ones")
    func handedBack() {
        var feed = Feed(rule: "roundrobin", registered: 3)
        feed.calls(rotation(14, of: 3))
        let handedBack = feed.request
        feed.request += 1
        feed.tally.left(3, at: feed.clock, time: .now())
        // Routed as 1, then the one handed back as 2, then 1 again.
        feed.calls([1, 1])
        feed.tally.ended(
            Tally.Answer(
                caller: 0, request: handedBack, sent: 0, ended: feed.clock, callee: .session(2),
                calleeName: nil))
        feed.calls(rotation(10, of: 2).reversed())
        #expect(feed.verdict.isOK, "\(feed.verdict.reason)")
        #expect(feed.verdict.reason == "23 of 23 steps in rotation")
    }

    @Test("random: calls cut off with a callee that died say nothing about the shares")
    func died() {
        var dice = Dice(state: 17)
        var feed = Feed(rule: "random", registered: 3)
        for callee in dice.picks(300, of: 3) {
            feed.call(callee == 3 ? nil : callee, error: callee == 3 ? .canceled : nil)
        }
        feed.tally.left(3, at: feed.clock, time: .now())
        #expect(feed.verdict.silent.isEmpty)
        feed.calls(dice.picks(100, of: 2))
        #expect(feed.verdict.isOK, "\(feed.verdict.reason)")
    }

    @Test("roundrobin: with several caller sessions only the shares are judged")
    func severalSessions() {
        var feed = Feed(rule: "roundrobin", registered: 2, callers: 2)
        feed.calls([1, 1, 2, 2, 1, 1, 2, 2, 1, 2, 1])
        #expect(feed.verdict.isOK)
        #expect(feed.verdict.reason.contains("several sessions called"))
        feed.calls([1, 1])
        #expect(!feed.verdict.isOK)
        #expect(feed.verdict.reason == "shares differ by 3 calls (several sessions called)")
    }

    @Test("roundrobin: a call nobody answered breaks no rotation")
    func unanswered() {
        var feed = Feed(rule: "roundrobin", registered: 3)
        feed.calls([1, 2])
        feed.call(nil, error: .timeout)
        feed.calls(rotation(13, of: 3))
        #expect(feed.verdict.isOK)
        #expect(feed.verdict.reason == "15 of 15 steps in rotation")
    }

    @Test(
        "first and last: all from the callee at that end of the list", arguments: ["first", "last"])
    func designated(rule: String) {
        var feed = Feed(rule: rule, registered: 3)
        feed.calls(Array(repeating: rule == "first" ? 1 : 3, count: 10))
        #expect(feed.verdict.isOK)
        #expect(feed.verdict.reason == "all calls went to the \(rule) callee")

        var wrong = Feed(rule: rule, registered: 3)
        wrong.calls(Array(repeating: 2, count: 10))
        #expect(!wrong.verdict.isOK)

        var several = Feed(rule: rule, registered: 3)
        several.calls([1, 3, 1, 3, 1])
        #expect(several.verdict.reason == "2 callees answered, not only the \(rule) one")
    }

    @Test("last: a newcomer takes over with its join")
    func takesOver() {
        var feed = Feed(rule: "last", registered: 1)
        feed.calls([1, 1, 1])
        feed.tally.joined(2, at: feed.clock, time: .now())
        feed.calls([2, 2, 2])
        #expect(feed.verdict.isOK)
    }

    @Test("single: one callee for all")
    func single() {
        var feed = Feed(rule: "single", registered: 1)
        feed.calls([1, 1, 1, 1, 1])
        #expect(feed.verdict.isOK)
        feed.tally.began(with: [])
        var two = Feed(rule: "single")
        two.calls([1, 2, 1, 1, 1])
        #expect(two.verdict.reason == "2 callees answered, not one")
    }

    @Test("Callees that cannot be told apart, no calls and no rule are no agreement")
    func undecidable() {
        var unknown = Feed(rule: "random", registered: 2)
        unknown.call(nil)
        #expect(unknown.verdict.reason == "callees not identifiable")
        #expect(!unknown.verdict.isOK)
        #expect(
            Feed(rule: "first").verdict.reason == "too few calls: 0, and first needs 5")
        #expect(
            Feed(rule: "random").verdict.reason
                == "too few calls: 0, and random needs 5 for each callee")
        var ruleless = Feed(rule: nil)
        ruleless.call(1)
        #expect(!ruleless.verdict.isOK)
        #expect(ruleless.verdict.reason.contains("--rule"))
    }
}
