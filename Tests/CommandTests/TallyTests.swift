// Tallies: figures, order and segments, and how they are shown.

import Testing
import WAMP
@testable import wampctl

@Suite struct TallyTests {
    @Test("Calls to registrations that do not compare get no verdict")
    func mixture() {
        var tally = Tally(procedure: "t.x", rule: "roundrobin", callerCount: 1, start: 0)
        tally.began(with: [(session: 7, name: "a"), (session: 8, name: "b")])
        var changed = tally
        changed.replaced(by: "random")
        #expect(
            Verdict(changed.settled()).reason
                == "no verdict: the rule changed from roundrobin to random during the run")
        // A pattern's callees are still there when an exact registration supersedes it.
        var superseded = tally
        superseded.replaced(by: "roundrobin")
        let verdict = Verdict(superseded.settled())
        #expect(
            verdict.reason
                == "no verdict: another registration took the procedure over during the run")
        #expect(!verdict.isOK && verdict.silent.isEmpty)
        // After the last callee has left, one with the same rule goes on.
        for (moment, session) in [(1, 7), (2, 8)] as [(Int64, UInt64)] {
            tally.left(session, at: moment, time: .now())
        }
        tally.replaced(by: "roundrobin")
        #expect(tally.mixture == nil)
    }

    @Test("Answers, errors and times are counted per callee")
    func counts() {
        var feed = Feed(rule: "random")
        for milliseconds in 1...99 { feed.call(1, milliseconds: Int64(milliseconds)) }
        feed.call(2, error: "com.example.bad")
        feed.call(nil, error: .canceled)
        let tally = feed.tally
        #expect(tally.calls == 101)
        #expect(tally.succeeded == 99)
        #expect(tally.errors == 1)
        #expect(tally.unanswered == 1)
        #expect(tally.callees.map(\.answers) == [99, 1])
        #expect(tally.callees.map(\.errors) == [0, 1])
        #expect(tally.share(0) == 0.99)
        let half = TallyReport.milliseconds(tally.callees[0], 50) ?? 0
        #expect(abs(half - 50) < 0.2)
        #expect(tally.errorCounts == ["com.example.bad": 1, .canceled: 1])
    }

    @Test("Answers that name no callee are a row of their own")
    func unknownCallees() {
        var feed = Feed(rule: "random")
        for _ in 1...3 { feed.call(nil) }
        let report = TallyReport(
            tally: feed.tally, verdict: Verdict(feed.tally), duration: .seconds(1))
        #expect(report.rows == ["\tunknown\t3\t1.0000\t0\t\t"])
        let picture = TallyPicture(report: report).lines
        #expect(picture.contains { $0.hasPrefix("unknown  3  100.0 %") }, "\(picture)")
    }

    @Test("Callees of one name are told apart by their sessions")
    func sharedName() {
        var tally = Tally(procedure: "t.x", rule: nil, callerCount: 1, start: 0)
        tally.began(with: [(11, "ops"), (12, "ops"), (13, "app")])
        #expect((0...2).map(tally.label) == ["ops · 11", "ops · 12", "app"])
    }

    @Test("The first digits of a session stand for it, as many as tell it from its namesakes")
    func sharedLongName() {
        var tally = Tally(procedure: "t.x", rule: "random", callerCount: 1, start: 0)
        let sessions: [UInt64] = [1_234_567_890, 1_234_999_999, 9_876_543_210]
        tally.began(with: sessions.map { (session: $0, name: "app") })
        let labels = ["app · 12345…", "app · 12349…", "app · 9876…"]
        #expect((0...2).map(tally.label) == labels)
        let report = TallyReport(tally: tally, verdict: Verdict(tally), duration: .seconds(1))
        #expect(report.rows.map { $0.split(separator: "\t")[1] } == labels.map { $0[...] })
        let picture = TallyPicture(report: report).lines
        #expect(labels.allSatisfy { label in picture.contains { $0.hasPrefix(label) } })
        let plain = TallyPicture(report: report, isUTF8: false).lines
        #expect(plain.contains { $0.hasPrefix("app - 12345...") })
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
        "Selectors find the callee in details, an argument or a keyword, however deep",
        arguments: [
            ("auto", 7, CalleeKey.session(7)), ("auto", nil, .name("a")),
            ("details.callee", nil, nil), ("args.0", 7, .name("a")),
            ("kwargs.id", 7, .name("3")), ("kwargs.none", 7, nil),
            ("args.1", 7, .name("{\"who\":{\"name\":\"b\"},\"all\":[\"c\"],\"x.y\":\"d\"}")),
            ("args.1.who.name", 7, .name("b")), ("args.1.all.0", 7, .name("c")),
            ("args.1.x.y", 7, .name("d")), ("args.1.all.1", 7, nil), ("args.1.all.-1", 7, nil),
            ("args.1.who.name.first", 7, nil), ("args.2", 7, nil),
            ("kwargs.by.host", 7, .name("h")),
        ] as [(String, UInt64?, CalleeKey?)])
    func selectors(text: String, session: UInt64?, expected: CalleeKey?) throws {
        let selector = try TallySelector(written: text)
        #expect(
            selector.callee(session: session) {
                (
                    args: ["a", ["who": ["name": "b"], "all": ["c"], "x.y": "d"]],
                    kwargs: ["id": 3, "by": ["host": "h"]]
                )
            } == expected)
    }

    @Test(
        "An unknown selector is refused",
        arguments: [
            "args", "args.x", "args.-1", "args.0.", "args..a", "kwargs.", "kwargs", "callee", "",
            "auto.x", "details", "details.callee.x",
        ])
    func badSelectors(text: String) {
        #expect(throws: NotationError.self) { try TallySelector(written: text) }
    }
}

@Suite struct TallyReportTests {
    /// Of four callees under random, after a thousand calls.
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
        arguments: [60, 72, 80, 120], [true, false])
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

    @Test("A verdict that holds for few answered calls does not shine; the failures do")
    func failures() {
        var feed = Feed(rule: "random", registered: 1)
        for _ in 1...10 { feed.call(1) }
        for _ in 1...90 { feed.call(nil, error: .noSuchProcedure) }
        let report = TallyReport(
            tally: feed.tally.settled(), verdict: feed.verdict, duration: .seconds(1))
        let lines = TallyPicture(report: report, isColored: true).verdictLines
        #expect(lines.first == "verdict: one callee answered all calls")
        #expect(lines.last?.contains("\u{1b}[1;31merrors: 90 wamp.error.no_such") == true)
    }

    @Test("While the run goes on there is no verdict; rows that do not fit are counted")
    func live() {
        let lines = TallyPicture(report: report, isLive: true, rowLimit: 3).lines
        #expect(!lines.contains { $0.contains("verdict") })
        #expect(lines.contains("… and 1 more"))
    }

    @Test(
        "While the run goes on, the picture is no taller than the terminal, and counts what is left out",
        arguments: [9, 12, 15, 23, 40])
    func height(limit: Int) {
        var feed = Feed(rule: "random", registered: 30)
        for callee in 1...30 as ClosedRange<UInt64> { feed.call(callee) }
        for callee in 31...50 as ClosedRange<UInt64> {
            feed.tally.joined(callee, at: feed.clock, time: .now())
            feed.call(callee)
        }
        let report = TallyReport(
            tally: feed.tally.settled(), verdict: feed.verdict, duration: .seconds(1))
        let lines = TallyPicture(
            report: report, isLive: true, rowLimit: 16, height: limit
        ).lines
        #expect(lines.count <= limit, "\(lines)")
        let rows = lines.count { $0.hasPrefix("callee-") }
        #expect(lines.contains("… and \(50 - rows) more"))
        let events = lines.count { $0.hasSuffix(" joined") }
        #expect(lines.contains("  … \(20 - events) earlier joins and leaves"))
        #expect(limit < 40 ? rows > 0 : rows == 16 && events == 10)
        #expect(TallyPicture(report: report).lines.count { $0.hasSuffix(" joined") } == 10)
    }

    @Test("A verdict about several stretches says which test is about which, and of many the worst")
    func stretches() {
        func test(_ stretch: Int, _ probability: Double) -> StatisticalTest {
            StatisticalTest(
                name: "shares", statistic: 1, degrees: 2, probability: probability, stretch: stretch
            )
        }
        func lines(_ tests: [StatisticalTest]) -> [String] {
            let verdict = Verdict(isOK: true, rule: "random", tests: tests, reason: "fine")
            return TallyPicture(
                report: TallyReport(
                    tally: report.tally, verdict: verdict, duration: .seconds(1))
            ).verdictLines
        }
        #expect(
            lines([test(1, 0.5), test(1, 0.4), test(2, 0.3)]) == [
                "verdict: fine",
                "         stretch 1   shares: chi-square 1.00, 2 df, p = 0.500"
                    + "   shares: chi-square 1.00, 2 df, p = 0.400",
                "         stretch 2   shares: chi-square 1.00, 2 df, p = 0.300",
            ])
        let many = lines((1...12).map { test($0, Double($0) / 100) })
        #expect(many.count == 8)
        #expect(many[6].contains("stretch 6 "))
        #expect(many[7] == "         … and 6 tests with a higher p")
    }

    @Test("Rows for a pipe: callee, name, count, share, errors, p50, p99")
    func rows() {
        #expect(report.rows[0] == "1\tcallee-1\t251\t0.2510\t0\t1.000\t1.000")
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
                == ["name": "shares", "statistic": 1.16, "df": 3, "p": 0.7626, "stretch": nil])
    }

    @Test("Lines are cut by columns, and escapes take none")
    func cut() {
        #expect("abcdef".prefixOfColumns(3) == "abc")
        #expect("日本語".prefixOfColumns(5) == "日本")
        #expect(Columns.left("日本", 6) + "|" == "日本  |")
        #expect("e\u{301}→█".columnCount == 3)
        #expect("\u{1b}[31mabc\u{1b}[0m".prefixOfColumns(2) == "\u{1b}[31mab\u{1b}[0m")
    }
}
