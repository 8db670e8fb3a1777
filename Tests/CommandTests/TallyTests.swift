// Tallies: figures, order, segments, verdicts, and how they are shown.

import Testing
import WAMP

@testable import wampctl

/// Feeds a tally with a sequence of callees, one caller session, one call after another.
private struct Feed {
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

/// A generator with a fixed seed (SplitMix64), for sequences that are random in every run alike.
private struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func picks(_ count: Int, of callees: UInt64) -> [UInt64] {
        (0..<count).map { _ in UInt64.random(in: 1...callees, using: &self) }
    }
}

private func rotation(_ count: Int, of callees: UInt64) -> [UInt64] {
    (0..<count).map { UInt64($0) % callees + 1 }
}

@Suite struct TallyTests {
    @Test("Answers, errors and times are counted per callee")
    func counts() {
        var feed = Feed(rule: "random")
        for milliseconds in 1...99 { feed.call(1, milliseconds: Int64(milliseconds)) }
        feed.call(2, error: "com.example.bad")
        feed.call(nil, error: .canceled)
        let tally = feed.tally
        #expect(tally.calls == 101)
        #expect(tally.succeeded == 99)
        #expect(tally.errors == 2)
        #expect(tally.unanswered == 1)
        #expect(tally.callees.map(\.answers) == [99, 1])
        #expect(tally.callees.map(\.errors) == [0, 1])
        #expect(tally.share(0) == 0.99)
        let half = TallyReport.milliseconds(tally.callees[0], 50) ?? 0
        #expect(abs(half - 50) < 0.2)
        #expect(tally.errorCounts == ["com.example.bad": 1, .canceled: 1])
    }

    @Test("Answers that come out of order are put back into request order")
    func order() {
        var tally = Tally(procedure: "p", rule: "roundrobin", callerCount: 1, start: 0)
        tally.caller(0, startsAt: 5)
        for request in [7, 5, 8, 6, 9, 11, 10, 12, 14, 13] as [UInt64] {
            tally.ended(
                Tally.Answer(
                    caller: 0, request: request, sent: 0, ended: 1,
                    callee: .session(request % 2), calleeName: nil))
        }
        // Callee of request 7 was seen first and is number 0: the order is 0, 1, 0, 1, 0 …
        #expect(tally.settled().recent == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
        #expect(Verdict(tally).reason == "10 of 10 steps in rotation")
    }

    @Test("Memory does not grow with the calls")
    func bounded() {
        var feed = Feed(rule: "random", registered: 3)
        feed.calls(rotation(1000, of: 3))
        #expect(feed.tally.recent.count <= 60)
        #expect(feed.tally.segments.count == 1)
        #expect(feed.tally.segments[0].pairs.count == 3)
    }

    @Test("A join and a leave split the run; calls under way belong to neither part")
    func segments() {
        var feed = Feed(rule: "roundrobin", registered: 2)
        feed.calls(rotation(4, of: 2))
        feed.tally.joined(3, at: feed.clock + 1, time: .now())
        // Sent before the newcomer was heard of, answered after.
        feed.call(1)
        feed.clock += 10
        feed.calls([2, 3, 1, 2, 3, 1])
        feed.tally.left(1, at: feed.clock, time: .now())
        feed.calls([2, 3, 2, 3, 2])
        // The last answer before each change may have been routed after it, and is not judged
        // either.
        #expect(feed.tally.settled().segments.map(\.judged) == [3, 5, 5])
        #expect(feed.tally.settled().segments.map(\.registered) == [[0, 1], [0, 1, 2], [1, 2]])
        #expect(feed.tally.events.map(\.hasJoined) == [true, false])
        #expect(feed.verdict.isOK)
        #expect(feed.verdict.reason == "13 of 13 steps in rotation")
    }

    @Test("Whoever answers without being listed has joined, but one that left may still finish")
    func unlisted() {
        var feed = Feed(rule: "random", registered: 1)
        feed.call(1)
        feed.call(2)
        #expect(feed.tally.present.count == 2)
        feed.tally.left(2, at: feed.clock + 1, time: .now())
        feed.call(2)
        #expect(feed.tally.present.count == 1)
        #expect(feed.tally.events.count == 2)
    }

    @Test("A callee known by session is found again by the name it answers with")
    func names() {
        var tally = Tally(procedure: "p", rule: "first", callerCount: 1, start: 0)
        tally.began(with: [(session: 7, name: "callee-1"), (session: 8, name: "callee-2")])
        for request in 1...5 as ClosedRange<UInt64> {
            tally.ended(
                Tally.Answer(
                    caller: 0, request: request, sent: 0, ended: 1, callee: .name("callee-1"),
                    calleeName: nil))
        }
        #expect(tally.callees.count == 2)
        #expect(tally.callees[0].answers == 5)
        #expect(Verdict(tally).reason == "all calls went to the first callee")
    }

    @Test("What --tally-by selects is the name of a row in every form, and no list is beside it")
    func keys() {
        var tally = Tally(procedure: "p", rule: "roundrobin", callerCount: 1, start: 0)
        tally.began(with: [(session: 7, name: "1.1")])
        for request in 1...20 as ClosedRange<UInt64> {
            tally.ended(
                Tally.Answer(
                    caller: 0, request: request, sent: 0, ended: Int64(request),
                    callee: .name("n\(request % 2)"), calleeName: "1.1"))
        }
        let report = TallyReport(
            tally: tally.settled(), verdict: Verdict(tally), duration: .seconds(1))
        #expect(report.rows.map { $0.prefix(6) } == ["\tn1\t10", "\tn0\t10"])
        let callees = report.document["callees"]?.list?.map { $0.dictionary?["name"] }
        #expect(callees == ["n1", "n0"])
        let lines = TallyPicture(report: report).lines
        #expect(lines.contains { $0.hasPrefix("n1  ") } && lines.contains { $0.hasPrefix("n0  ") })
        #expect(!lines.contains { $0.contains("1.1") })
        #expect(report.verdict.isOK)
    }

    @Test(
        "Selectors find the callee in details, the first argument or a keyword",
        arguments: [
            ("auto", 7, CalleeKey.session(7)), ("auto", nil, .name("a")),
            ("details.callee", nil, nil), ("args.0", 7, .name("a")),
            ("kwargs.id", 7, .name("3")), ("kwargs.none", 7, nil),
        ] as [(String, UInt64?, CalleeKey?)])
    func selectors(text: String, session: UInt64?, expected: CalleeKey?) throws {
        let selector = try TallySelector(written: text)
        #expect(
            selector.callee(session: session, arguments: { (args: ["a"], kwargs: ["id": 3]) })
                == expected)
    }

    @Test("An unknown selector is refused", arguments: ["args.1", "kwargs.", "callee", ""])
    func badSelectors(text: String) {
        #expect(throws: NotationError.self) { try TallySelector(written: text) }
    }
}

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

    @Test("random: below 5 expected calls per callee there are too few; the order needs 5 k²")
    func tooFew() {
        var dice = Dice(state: 3)
        var feed = Feed(rule: "random", registered: 4)
        feed.calls(dice.picks(19, of: 4))
        #expect(feed.verdict.reason == "too few calls")
        #expect(!feed.verdict.isOK)
        feed.calls(dice.picks(60, of: 4))
        #expect(feed.verdict.tests.map(\.name) == ["shares"])
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
        #expect(feed.verdict.reason == "too few calls")
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
        #expect(Feed(rule: "first").verdict.reason == "too few calls")
        var ruleless = Feed(rule: nil)
        ruleless.call(1)
        #expect(!ruleless.verdict.isOK)
        #expect(ruleless.verdict.reason.contains("--rule"))
    }
}

@Suite struct TallyReportTests {
    /// The figures of the picture in cli-design 9.3.
    private var report: TallyReport {
        var feed = Feed(rule: "random", registered: 4)
        let counts = [251, 238, 262, 249]
        for (index, count) in counts.enumerated() {
            for _ in 0..<count { feed.call(UInt64(index + 1)) }
        }
        return TallyReport(
            tally: feed.tally.settled(),
            verdict: Verdict(
                isOK: true, rule: "random",
                tests: [
                    StatisticalTest(
                        name: "shares", statistic: 1.16, degrees: 3, probability: 0.7626),
                    StatisticalTest(name: "order", statistic: 6.85, degrees: 9, probability: 0.653),
                ], reason: "consistent with uniform random selection"),
            duration: .milliseconds(411))
    }

    @Test("The picture is that of the design")
    func picture() {
        let lines = TallyPicture(report: report, goal: 1000, width: 100).lines
        #expect(
            lines == [
                "com.example.hello   rule: random   callees: 4   calls: 1 000 / 1 000   2 433/s   errors: 0",
                "",
                "callee-1  ██████████████████████████████████████▎   251  25.1 %   p50 1.0  p99 1.0 ms",
                "callee-2  ████████████████████████████████████▎     238  23.8 %   p50 1.0  p99 1.0 ms",
                "callee-3  ████████████████████████████████████████  262  26.2 %   p50 1.0  p99 1.0 ms",
                "callee-4  ██████████████████████████████████████    249  24.9 %   p50 1.0  p99 1.0 ms",
                "                                        expected 250 each, ±45 at 99.9 %",
                "  last 30: 4444444444 4444444444 4444444444",
                "",
                "verdict: consistent with uniform random selection",
                "         shares: chi-square 1.16, 3 df, p = 0.763      order: chi-square 6.85, 9 df, p = 0.653",
            ])
    }

    @Test(
        "Without UTF-8 the bars are #, without colour there is no escape, narrow ones are shorter")
    func plain() {
        let lines = TallyPicture(report: report, width: 60, isUTF8: false).lines
        #expect(lines.allSatisfy { line in line.utf8.allSatisfy { $0 < 0x80 && $0 >= 0x20 } })
        #expect(lines[4].contains("####"))
        #expect(lines[4].count <= 60)
        let colored = TallyPicture(report: report, isColored: true).lines
        #expect(colored.contains { $0.hasPrefix("callee-1  \u{1b}[") })
    }

    @Test(
        "Every line fits the terminal, with counts, shares, errors and all of the verdict",
        arguments: [40, 60, 72, 80, 120], [true, false])
    func fits(width: Int, isLive: Bool) {
        var feed = Feed(rule: "random", registered: 4, procedure: "com.example.somewhat.longer")
        for _ in 1...62_742 { feed.call(1, milliseconds: 120) }
        feed.call(2, error: "com.example.bad")
        var report = TallyReport(
            tally: feed.tally.settled(), verdict: report.verdict, duration: .seconds(7))
        let lines = TallyPicture(
            report: report, goal: 100_000, width: width, isLive: isLive
        ).lines
        #expect(lines.allSatisfy { $0.count < width }, "\(lines)")
        let text = lines.joined(separator: "\n")
        #expect(text.contains("calls: 62 743 / 100 000") && text.contains("errors: 1"))
        #expect(text.contains("62 742") && text.contains("100.0 %") && text.contains("errors 1"))
        #expect(text.contains(" ms") == (width >= 72))
        report = self.report
        #expect(TallyPicture(report: report, width: 80).lines.contains { $0.hasSuffix(" ms") })
        if !isLive { #expect(text.contains("p = 0.763") && text.contains("p = 0.653")) }
    }

    @Test("Beside rows in a pipe, stderr tells who came and went, and that the run was cut short")
    func talk() {
        var feed = Feed(rule: "roundrobin", registered: 2)
        feed.calls(rotation(10, of: 2))
        feed.tally.left(2, at: feed.clock, time: .now())
        let report = TallyReport(
            tally: feed.tally.settled(), verdict: feed.verdict, duration: .seconds(1),
            wasInterrupted: true)
        let talk = TallyPicture(report: report).talk
        #expect(talk.count == 3)
        #expect(talk.first?.hasSuffix("  callee-2 left") == true)
        #expect(talk.dropFirst().first == "interrupted after 10 calls")
        #expect(talk.last?.hasPrefix("verdict: ") == true)
    }

    @Test("While the run goes on there is no verdict; rows that do not fit are counted")
    func live() {
        let lines = TallyPicture(report: report, isLive: true, rowLimit: 3).lines
        #expect(!lines.contains { $0.contains("verdict") })
        #expect(lines.contains("… and 1 more"))
    }

    @Test("Rows for a pipe: callee, name, count, share, errors, p50, p99")
    func rows() {
        #expect(report.rows[0] == "1\tcallee-1\t251\t0.2510\t0\t1.0\t1.0")
        #expect(report.rows.count == 4)
    }

    @Test("The object for scripts holds figures, callees, events and the verdict")
    func document() throws {
        let document = report.document
        #expect(document["calls"] == 1000)
        #expect(document["ok"] == 1000)
        #expect(document["rate"] == 2433.1)
        let callees = try #require(document["callees"]?.list)
        #expect(callees.count == 4)
        #expect(callees[0].dictionary?["name"] == "callee-1")
        #expect(callees[0].dictionary?["count"] == 251)
        #expect(document["events"] == [])
        let verdict = try #require(document["verdict"]?.dictionary)
        #expect(verdict["ok"] == true)
        #expect(
            verdict["tests"]?.list?.first
                == ["name": "shares", "statistic": 1.16, "df": 3, "p": 0.7626])
    }

    @Test("Lines are cut by columns, and escapes take none")
    func cut() {
        #expect("abcdef".prefixOfColumns(3) == "abc")
        #expect("\u{1b}[31mabc\u{1b}[0m".prefixOfColumns(2) == "\u{1b}[31mab\u{1b}[0m")
    }
}
