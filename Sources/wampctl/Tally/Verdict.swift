// Whether a distribution agrees with an invocation rule.
//
// Alpha is shared between all that can fail a run by chance, so a correct router fails one run in a
// thousand.

import WAMP

struct Verdict: Equatable {
    var isOK: Bool
    var rule: String?
    var tests: [StatisticalTest] = []
    /// One sentence.
    var reason: String
    /// Callees that should have answered and did not, a sentence each; under `random` only where
    /// chance can hardly be the cause.
    var silent: [String] = []

    static let alpha = 0.001

    /// Expected calls per callee below which shares say nothing.
    static let fewestPerCallee = 5

    /// The part of alpha that each of so many tests has. One more part is for silent callees; where
    /// it is not used up, it makes good for the chi-square distribution, which for few calls is a
    /// little below the truth.
    static func part(of tests: Int) -> Double { alpha / Double(tests + 1) }

    /// The rules that a distribution can be tested against.
    static let testedRules = ["single", "roundrobin", "random", "first", "last"]

    static func sentence(untested rule: String) -> String {
        "there is no test for the rule \(rule)"
    }

    init(isOK: Bool, rule: String?, tests: [StatisticalTest] = [], reason: String) {
        self.isOK = isOK
        self.rule = rule
        self.tests = tests
        self.reason = reason
    }

    init(_ tally: Tally) {
        let judge = Judge(tally: tally.concluded())
        self = judge.verdict()
        silent = judge.silentCallees(chance: Self.part(of: tests.count))
        if isOK, let first = silent.first {
            isOK = false
            reason = first
        }
    }
}

private struct Judge {
    let tally: Tally

    /// The stretches in which something was answered.
    private var segments: [Tally.Segment] { tally.segments.filter { $0.judged > 0 } }

    private func found(_ isOK: Bool, _ reason: String, tests: [StatisticalTest] = []) -> Verdict {
        Verdict(isOK: isOK, rule: tally.rule, tests: tests, reason: reason)
    }

    func verdict() -> Verdict {
        guard tally.unknown == 0 else { return found(false, "callees not identifiable") }
        if let mixture = tally.mixture { return found(false, "no verdict: \(mixture)") }
        guard !segments.isEmpty else {
            let nobody = tally.calls > 0 && tally.callees.allSatisfy { $0.answers == 0 }
            return nobody ? found(false, "nothing to judge: no callee answered") : tooFewCalls
        }
        guard let rule = tally.rule else {
            let reason = tally.blindness.map { ": \($0)" } ?? ""
            return found(false, "the rule is not known\(reason); name it with --rule")
        }
        switch rule {
        case "random": return random()
        case "roundrobin": return roundrobin()
        case "first", "last": return designated(rule)
        case "single": return single()
        default: return found(false, Verdict.sentence(untested: rule))
        }
    }

    /// Nothing to judge: too little was answered, or too little of it has a certain place.
    private var tooFewCalls: Verdict {
        found(false, (["too few calls"] + [missing].compactMap { $0 }).joined(separator: ": "))
    }

    /// How many calls there are to judge, and how many it takes.
    private var missing: String? {
        let unplaced = tally.segments.reduce(0) { $0 + $1.unplaced }
        if tally.segments.count > 1, unplaced > 0 {
            return "\(Figures.grouped(unplaced)) were under way when callees joined or left"
        }
        guard let rule = tally.rule, Self.rules.contains(rule) else { return nil }
        let judged = segments.reduce(0) { $0 + $1.judged }
        let each = Verdict.fewestPerCallee
        guard rule == "random" || rule == "roundrobin" else {
            return "\(judged), and \(rule) needs \(each)"
        }
        let callees = tally.segments.count == 1 ? members(of: tally.segments[0]).count : 0
        guard callees > 0 else { return "\(judged), and \(rule) needs \(each) for each callee" }
        guard judged < each * callees else {
            return "\(Figures.grouped(unplaced)) more have no certain place"
        }
        return "\(judged), and \(rule) with \(Figures.counted(callees, "callee")) needs "
            + Figures.grouped(each * callees)
    }

    private static let rules = Verdict.testedRules

    // MARK: random

    private func random() -> Verdict {
        var tests: [StatisticalTest] = []
        var calleeCount = 1, isJudged = false
        /// How many calls the order would have needed, where there were fewer.
        var missing: Int?
        for (index, segment) in segments.enumerated() {
            let stretch = segments.count > 1 ? index + 1 : nil
            let members = members(of: segment)
            calleeCount = max(calleeCount, members.count)
            if members.count == 1 {
                isJudged = true
                continue
            }
            guard segment.judged >= Verdict.fewestPerCallee * members.count else { continue }
            isJudged = true
            if var test = Statistics.shares(members.map { segment.counts[$0] ?? 0 }) {
                test.stretch = stretch
                tests.append(test)
            }
            let needed = Verdict.fewestPerCallee * members.count * members.count
            guard segment.judged >= needed else {
                missing = max(missing ?? 0, needed)
                continue
            }
            let pairs = members.map { from in
                members.map { to in segment.pairs[.init(from: from, to: to)] ?? 0 }
            }
            if var test = Statistics.order(pairs) {
                test.stretch = stretch
                tests.append(test)
            }
        }
        guard isJudged else { return tooFewCalls }
        let failed = tests.filter { $0.probability < Verdict.part(of: tests.count) }
        if !failed.isEmpty {
            let names = failed.map(\.name).reduce(into: [String]()) { names, name in
                if !names.contains(name) { names.append(name) }
            }
            return found(
                false, "not uniform random selection: \(names.joined(separator: " and "))",
                tests: tests)
        }
        let reason =
            calleeCount == 1
            ? "one callee answered all calls" : "consistent with uniform random selection"
        let order = missing.map { "; order: not tested, needs \(Figures.grouped($0)) calls" } ?? ""
        return found(true, reason + order, tests: tests)
    }

    // MARK: roundrobin

    private func roundrobin() -> Verdict {
        let expected = segments.reduce(0.0) { expected, segment in
            expected + Double(segment.judged) / Double(max(1, members(of: segment).count))
        }
        guard expected >= Double(Verdict.fewestPerCallee) else { return tooFewCalls }
        if tally.callerCount > 1 { return evenShares() }
        var steps = 0, judged = 0, rounds = 0, broken = 0
        for segment in segments {
            steps += stepsInRotation(segment)
            judged += segment.judged
            rounds += segment.rounds
            broken += segment.brokenRounds
        }
        let all = Figures.grouped(judged)
        if steps == judged { return found(true, "\(all) of \(all) steps in rotation") }
        let inRotation = "\(Figures.grouped(steps)) of \(all) steps in rotation"
        if rounds > 0, broken == 0 {
            return found(true, "each callee answered once in every round; \(inRotation)")
        }
        let roundsText =
            rounds == 0
            ? ""
            : ", \(Figures.grouped(rounds - broken)) of \(Figures.grouped(rounds)) rounds hold each "
                + "callee once"
        return found(
            false,
            "\(inRotation)\(roundsText) (other callers, or callees that decline, would also do this)"
        )
    }

    /// How many answers came from the callee whose turn it was. The first of a segment, and one
    /// behind a call that has no place, has no predecessor and counts as right.
    private func stepsInRotation(_ segment: Tally.Segment) -> Int {
        let members = members(of: segment)
        let successors = successors(among: members, in: segment)
        var followed = 0, inRotation = 0
        for (pair, count) in segment.pairs {
            followed += count
            if successors[pair.from] == pair.to { inRotation += count }
        }
        return segment.judged - followed + inRotation
    }

    /// Who comes after whom: the order of the registration, or the cycle that the answers
    /// themselves show.
    private func successors(among members: [Int], in segment: Tally.Segment) -> [Int: Int] {
        var successors: [Int: Int] = [:]
        if segment.registered != nil {
            for (position, member) in members.enumerated() {
                successors[member] = members[(position + 1) % members.count]
            }
            return successors
        }
        for member in members {
            let followers = segment.pairs.filter { $0.key.from == member }
            successors[member] =
                followers.max { ($0.value, $1.key.to) < ($1.value, $0.key.to) }?.key.to
        }
        guard let start = members.first else { return [:] }
        var at = successors[start], length = 1
        while let next = at, next != start, length <= members.count {
            at = successors[next]
            length += 1
        }
        // A shorter cycle within the members, or one that never closes, is no rotation.
        return at == nil || (at == start && length == members.count) ? successors : [:]
    }

    /// Shares that differ by no more than one: all that can be said of several sessions, whose
    /// common order is not known.
    private func evenShares() -> Verdict {
        let cause = "several sessions called"
        let unplaced = tally.segments.reduce(0) { $0 + $1.unplaced }
        var widest = 0, calls = 0
        for segment in segments {
            let counts = members(of: segment).map { segment.counts[$0] ?? 0 }
            guard let least = counts.min(), let most = counts.max() else { continue }
            calls += segment.judged
            widest = max(widest, most - least)
            // Calls without a place took turns too.
            if most - least > 1 + unplaced {
                return found(
                    false, "shares differ by \(Figures.counted(most - least, "call")) (\(cause))")
            }
        }
        guard unplaced < calls else { return tooFewCalls }
        return found(
            true,
            "shares differ by \(Figures.counted(widest, "call")); the order was not judged, "
                + "because \(cause)")
    }

    // MARK: first, last, single

    /// Whether there are as many calls as the one callee that should get all of them needs.
    private var hasEnoughForOne: Bool {
        segments.reduce(0) { $0 + $1.judged } >= Verdict.fewestPerCallee
    }

    private func designated(_ rule: String) -> Verdict {
        guard hasEnoughForOne else { return tooFewCalls }
        var isPlaced = true
        for segment in segments {
            let answering = segment.counts.keys.sorted()
            guard answering.count == 1, let callee = answering.first else {
                return found(false, "\(answering.count) callees answered, not only the \(rule) one")
            }
            guard let registered = segment.registered else {
                isPlaced = false
                continue
            }
            let designated = rule == "first" ? registered.first : registered.last
            if let designated, designated != callee {
                return found(
                    false,
                    "\(tally.label(of: callee)) answered, but the \(rule) one is "
                        + tally.label(of: designated))
            }
        }
        return found(
            true,
            isPlaced
                ? "all calls went to the \(rule) callee"
                : "one callee answered all calls; whether it is the \(rule) one is not known")
    }

    private func single() -> Verdict {
        guard hasEnoughForOne else { return tooFewCalls }
        for segment in segments where segment.counts.count > 1 {
            return found(false, "\(segment.counts.count) callees answered, not one")
        }
        return found(true, "one callee answered all calls")
    }

    // MARK: Members

    /// Who could have answered in the segment, in the order of the registration if it is known.
    private func members(of segment: Tally.Segment) -> [Int] {
        let answering = segment.counts.keys.sorted()
        guard let registered = segment.registered else { return answering }
        return registered + answering.filter { !registered.contains($0) }
    }

    /// A sentence for each callee that is registered, should have had calls, and answered none.
    ///
    /// - Parameter chance: how likely a correct `random` may be accused, in the whole run.
    func silentCallees(chance: Double) -> [String] {
        guard tally.unknown == 0, tally.mixture == nil else { return [] }
        return stretchesWithoutSilence(chance: chance).flatMap { segment in
            let members = members(of: segment)
            let expected = (segment.judged + members.count / 2) / members.count
            return members.filter { segment.counts[$0] == nil }.map { callee in
                "\(tally.label(of: callee)) is registered but answered 0 of "
                    + "\(Figures.grouped(expected)) expected calls"
            }
        }
    }

    /// The stretches that were long enough for each callee to answer.
    private func stretchesWithoutSilence(chance: Double) -> [Tally.Segment] {
        let whole = segments.filter { !$0.isCut && ($0.registered?.count ?? 0) > 1 }
        switch tally.rule {
        case "roundrobin": return whole.filter { $0.judged * 2 >= members(of: $0).count * 3 }
        case "random":
            let chances = whole.map {
                Statistics.silence(calls: $0.judged, calleeCount: members(of: $0).count)
            }
            var total = 0.0
            let judged = chances.indices.sorted { chances[$0] < chances[$1] }.prefix {
                total += chances[$0]
                return total <= chance
            }
            return judged.sorted().map { whole[$0] }
        default: return []
        }
    }
}
