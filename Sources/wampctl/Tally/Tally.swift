// Who answered: counts, times and the order of a run of calls, and its split where callees join or
// leave. Pure: facts go in, figures come out. Memory does not grow with the number of calls.

import Histogram
import WAMP

/// What tells one callee from another.
enum CalleeKey: Hashable {
    case session(UInt64)
    case name(String)

    var session: UInt64? {
        switch self {
        case .session(let id): id
        case .name: nil
        }
    }

    var label: String {
        switch self {
        case .session(let id): String(id)
        case .name(let name): name
        }
    }
}

struct Tally {
    /// One callee of the procedure, as far as this run saw or was told of it.
    struct Callee {
        /// The session, where the callee is known by it.
        let session: UInt64?
        /// The key as text, for a callee without a name.
        let keyLabel: String
        var name: String?
        var answers = 0
        var errors = 0
        /// From sending to the answer, in microseconds.
        var latencies: Histogram<UInt32>?

        init(key: CalleeKey) {
            session = key.session
            keyLabel = key.label
        }

        var label: String { session == nil ? keyLabel : name ?? keyLabel }
    }

    /// How one call ended.
    struct Answer {
        /// The caller session, counted from 0.
        var caller: Int
        /// The request id: consecutive among the calls of one caller session.
        var request: UInt64
        /// When it was sent, and when its end came; nanoseconds of one clock.
        var sent: Int64
        var ended: Int64
        var callee: CalleeKey?
        var calleeName: String?
        /// The error it ended with, if any.
        var error: ErrorURI?
    }

    /// A callee that came or went during the run.
    struct Event {
        var time: WallMoment
        var hasJoined: Bool
        var callee: Int
    }

    /// A stretch of the run in which the callees stayed the same.
    struct Segment {
        /// When it began, in the clock of the answers.
        let start: Int64
        /// Indexes of the registered callees in the order of the registration, if the router tells.
        var registered: [Int]?
        /// Whether it began with a callee that left.
        var followsLeave = false
        /// Calls that were sent and answered within the segment, per callee; only those before the
        /// first one that was not, in request order: behind it the quick callees' answers are in,
        /// and those of the slow ones are not.
        var counts: [Int: Int] = [:]
        /// How often one callee's answer was followed by another's, in request order of one caller
        /// session.
        var pairs: [Pair: Int] = [:]
        var judged = 0
        /// Calls under way when the callees changed, and calls nobody answered: they took a turn we
        /// cannot place.
        var unplaced = 0
        /// Whether answers are missing that would belong to it.
        var isCut = false
        /// As many consecutive answers as there are callees, and how many of these rounds did not
        /// hold each callee once.
        var rounds = 0
        var brokenRounds = 0
        /// Whether any call ended that was sent in it.
        var isTouched = false

        struct Pair: Hashable {
            let from: Int
            let to: Int
        }
    }

    let procedure: String
    /// The rule of the registration as the router tells or the user says; nil if nobody knows.
    var rule: String?
    /// Why the router told neither rule nor callees, where it did not.
    var blindness: String?
    /// Why no rule can be tested: the calls went to registrations that do not compare.
    private(set) var mixture: String?
    private(set) var callees: [Callee] = []
    private(set) var segments: [Segment]
    private(set) var events: [Event] = []
    private(set) var calls = 0
    private(set) var succeeded = 0
    /// Calls that were answered with an ERROR.
    private(set) var errors = 0
    /// Calls that ended without anybody having answered: cancelled, timed out, cut off.
    private(set) var unanswered = 0
    /// Answers that could not be attributed to anybody.
    private(set) var unknown = 0
    private(set) var errorCounts: [ErrorURI: Int] = [:]
    /// The last steps in request order: a callee's index, or nil where there is none.
    private(set) var recent: [Int?] = []
    let callerCount: Int

    private var indexOfSession: [UInt64: Int] = [:]
    private var indexOfName: [String: Int] = [:]
    /// Names that more than one session has, as those of one user do.
    private var sharedNames: Set<String> = []
    /// The answers tell something else than the names of registered callees: who is registered then
    /// says nothing about what is counted.
    private var countsOtherKeys = false
    private var sequences: [Sequence]
    /// Answers of the last batch. They are placed when a later one comes: what is heard of in
    /// between may have happened before them.
    private var fresh: [(step: Step, answer: Answer)] = []

    /// Puts the answers of one caller session back into request order.
    private struct Sequence {
        var next: UInt64?
        var waiting: [UInt64: Step] = [:]
        /// The segment of the last step.
        var segment = 0
        /// Whether that step, or one before it in the segment, could not be placed.
        var isCut = false
        /// Whose answer the last step was, if it was placed.
        var last: Int?
        /// The callees since the last full round.
        var round: [Int] = []
        /// When the last of the calls before the segment ended. A callee that leaves may hand its
        /// calls back, and they take turns among the new ones.
        var settled = Int64.min
        /// When the last of all its calls ended.
        var latestEnd = Int64.min
    }

    private struct Step {
        var callee: Int?
        /// The segment that the call was sent in.
        var segment: Int
        /// Whether it was routed in that segment and its end tells who served it.
        var isCertain: Bool
        var sent: Int64
        var ended: Int64
    }

    init(procedure: String, rule: String?, callerCount: Int, start: Int64) {
        self.procedure = procedure
        self.rule = rule
        self.callerCount = callerCount
        segments = [Segment(start: start)]
        sequences = Array(repeating: Sequence(), count: callerCount)
    }

    // MARK: Facts

    /// The registered callees before the first call, in the order of the registration.
    mutating func began(with registered: [(session: UInt64, name: String?)]) {
        segments[segments.count - 1].registered = registered.map {
            index(of: .session($0.session), name: $0.name)
        }
    }

    /// The request id that the first call of a caller session has.
    mutating func caller(_ caller: Int, startsAt request: UInt64) {
        sequences[caller].next = request
    }

    /// The figures of all that has ended so far.
    func settled() -> Tally {
        var settled = self
        settled.placeFresh(afterChange: false)
        return settled
    }

    /// The figures when nothing more will end: what waits for calls that never ended is taken
    /// without them.
    func concluded() -> Tally {
        var concluded = settled()
        for caller in sequences.indices {
            for (request, step) in concluded.sequences[caller].waiting.sorted(by: {
                $0.key < $1.key
            }) {
                if request != concluded.sequences[caller].next {
                    concluded.interrupt(caller, isCut: segments.count > 1)
                }
                concluded.follow(step, of: caller)
                concluded.sequences[caller].next = request + 1
            }
            concluded.sequences[caller].waiting = [:]
        }
        return concluded
    }

    /// Another registration takes the calls from now on.
    /// - Parameter invoke: its rule, if the router tells.
    mutating func replaced(by invoke: String?) {
        if let rule, let invoke, invoke != rule {
            mixture = "the rule changed from \(rule) to \(invoke) during the run"
        } else if segments.last?.registered?.isEmpty == false {
            mixture = "another registration took the procedure over during the run"
        }
    }

    mutating func joined(_ session: UInt64, at moment: Int64, time: WallMoment) {
        let index = index(of: .session(session), name: nil)
        let registered = segments.last?.registered
        guard registered?.contains(index) != true else { return }
        events.append(Event(time: time, hasJoined: true, callee: index))
        beginSegment(
            at: moment, registered: countsOtherKeys ? nil : (registered ?? []) + [index],
            followsLeave: false)
    }

    mutating func left(_ session: UInt64, at moment: Int64, time: WallMoment) {
        let index = index(of: .session(session), name: nil)
        let registered = segments.last?.registered
        guard registered?.contains(index) != false else { return }
        events.append(Event(time: time, hasJoined: false, callee: index))
        beginSegment(
            at: moment, registered: registered?.filter { $0 != index }, followsLeave: true)
    }

    /// A callee's name, learnt later than its first answer.
    mutating func named(_ session: UInt64, _ name: String) {
        guard let index = indexOfSession[session] else { return }
        self.name(index, name)
    }

    mutating func ended(_ answer: Answer) {
        calls += 1
        let isUnanswered = answer.error.map(Self.meansNoAnswer) ?? false
        if let error = answer.error {
            if !isUnanswered { errors += 1 }
            errorCounts[error, default: 0] += 1
        } else {
            succeeded += 1
        }
        if isUnanswered { unanswered += 1 }

        var index: Int?
        if let key = answer.callee, !isUnanswered {
            let isSession = key.session != nil
            let isNew = !isSession && indexOfName[key.label] == nil
            let callee = self.index(of: key, name: isSession ? answer.calleeName : nil)
            index = callee
            if isNew, segments.last?.registered?.isEmpty == false { countOtherKeys() }
            callees[callee].answers += 1
            if answer.error != nil { callees[callee].errors += 1 }
            let microseconds = UInt64(max(0, answer.ended - answer.sent) / 1000)
            if callees[callee].latencies == nil {
                callees[callee].latencies = Histogram(
                    highestTrackableValue: 3_600_000_000,
                    numberOfSignificantValueDigits: callees.count <= 64 ? .three : .two)
            }
            _ = callees[callee].latencies?.record(min(max(1, microseconds), 3_600_000_000))
        } else if answer.error == nil {
            unknown += 1
        }

        // Whoever answers without being in the list has joined: the event is still on its way. One
        // that left may still answer what it was asked before.
        if let index, let segment = segments.last, answer.sent >= segment.start,
            let registered = segment.registered, !registered.contains(index),
            let session = callees[index].session
        {
            joined(session, at: answer.ended, time: .now())
        }
        if let last = fresh.last, last.answer.ended != answer.ended {
            placeFresh(afterChange: false)
        }
        let home = segments.lastIndex { $0.start <= answer.sent } ?? 0
        segments[home].isTouched = true
        // A call that was cancelled was its callee's, whoever that was.
        let step = Step(
            callee: index, segment: home,
            isCertain: home == segments.count - 1 && !(answer.error.map(Self.meansLeft) ?? false),
            sent: answer.sent, ended: answer.ended)
        fresh.append((step, answer))
    }

    /// Calls whose end never came.
    mutating func abandoned(_ count: Int) {
        calls += count
        unanswered += count
        segments[segments.count - 1].unplaced += count
        if count > 0 { segments[segments.count - 1].isCut = true }
    }

    // MARK: Figures

    /// What people call a callee: its name, with the first digits of its session if others have
    /// that name too, as many as tell them apart.
    func label(of index: Int) -> String {
        let callee = callees[index]
        guard let session = callee.session, let name = callee.name, sharedNames.contains(name)
        else { return callee.label }
        let digits = String(session)
        let others = callees.enumerated().filter { $0.offset != index && $0.element.name == name }
            .compactMap { $0.element.session.map { String($0) } }
        let length = (4...16).first { length in
            !others.contains { $0.prefix(length) == digits.prefix(length) }
        }
        let shown = digits.prefix(length ?? digits.count)
        return "\(name) · \(shown)" + (shown.count < digits.count ? "…" : "")
    }

    /// Which callees are registered now, in order; those seen answering where the router does not
    /// tell.
    var present: [Int] {
        segments.last?.registered
            ?? callees.indices.filter { !countsOtherKeys || callees[$0].answers > 0 }
    }

    /// Indexes of all callees: the registered ones in their order, then those that left.
    var listing: [Int] {
        let present = present
        let all = present + callees.indices.filter { !present.contains($0) }
        return countsOtherKeys ? all.filter { callees[$0].answers > 0 } : all
    }

    func share(_ index: Int) -> Double {
        part(callees[index].answers)
    }

    /// The share of the answers that name no callee.
    var unknownShare: Double { part(unknown) }

    /// Whether no answer names its callee: then rows of callees would say nothing.
    var isAllUnknown: Bool { unknown > 0 && callees.allSatisfy { $0.answers == 0 } }

    private func part(_ answers: Int) -> Double {
        let total = callees.reduce(unknown) { $0 + $1.answers }
        return total == 0 ? 0 : Double(answers) / Double(total)
    }

    // MARK: Order and segments

    private mutating func countOtherKeys() {
        countsOtherKeys = true
        for index in segments.indices { segments[index].registered = nil }
    }

    /// Whether nobody has answered a call that ended so.
    static func meansNoAnswer(_ error: ErrorURI) -> Bool {
        error == .timeout || meansLeft(error)
    }

    private static func meansLeft(_ error: ErrorURI) -> Bool {
        error == .canceled || error == "wamp.error.cancelled"
    }

    private mutating func index(of key: CalleeKey, name: String?) -> Int {
        let known: Int? =
            switch key {
            case .session(let id): indexOfSession[id]
            case .name(let name): indexOfName[name]
            }
        if let known {
            if let name, callees[known].name == nil { self.name(known, name) }
            return known
        }
        let index = callees.count
        callees.append(Callee(key: key))
        if case .session(let id) = key { indexOfSession[id] = index }
        if case .name(let name) = key { indexOfName[name] = index }
        if let name { self.name(index, name) }
        return index
    }

    private mutating func name(_ index: Int, _ name: String) {
        callees[index].name = name
        if let other = indexOfName[name], other != index {
            sharedNames.insert(name)
        } else {
            indexOfName[name] = index
        }
    }

    /// Places the answers of the last batch; those that came with a change belong to neither side
    /// of it.
    private mutating func placeFresh(afterChange: Bool) {
        for (step, answer) in fresh {
            var step = step
            if afterChange { step.isCertain = false }
            place(step, of: answer)
        }
        fresh.removeAll(keepingCapacity: true)
    }

    private mutating func beginSegment(
        at moment: Int64, registered: [Int]?, followsLeave: Bool
    ) {
        placeFresh(afterChange: true)
        if !segments[segments.count - 1].isTouched { segments.removeLast() }
        segments.append(
            Segment(start: moment, registered: registered, followsLeave: followsLeave))
    }

    private mutating func place(_ step: Step, of answer: Answer) {
        let caller = answer.caller
        if sequences[caller].next == nil { sequences[caller].next = answer.request }
        guard sequences[caller].next == answer.request else {
            sequences[caller].waiting[answer.request] = step
            return
        }
        follow(step, of: caller)
        var next = answer.request + 1
        while let step = sequences[caller].waiting.removeValue(forKey: next) {
            follow(step, of: caller)
            next += 1
        }
        sequences[caller].next = next
    }

    /// Takes the next step in request order.
    private mutating func follow(_ step: Step, of caller: Int) {
        recent.append(step.callee)
        if recent.count > 60 { recent.removeFirst(30) }
        if sequences[caller].segment != step.segment {
            sequences[caller].segment = step.segment
            interrupt(caller, isCut: false)
            sequences[caller].isCut = false
            sequences[caller].settled = sequences[caller].latestEnd
        }
        sequences[caller].latestEnd = max(sequences[caller].latestEnd, step.ended)
        let isDisturbed =
            segments[step.segment].followsLeave && step.sent < sequences[caller].settled
        if !step.isCertain {
            interrupt(caller, isCut: true)
        } else if !isDisturbed, !sequences[caller].isCut, let callee = step.callee {
            judge(callee, in: step.segment, of: caller)
            return
        } else {
            interrupt(caller, isCut: false)
        }
        segments[step.segment].unplaced += 1
    }

    /// Breaks the order: what comes next follows nothing.
    private mutating func interrupt(_ caller: Int, isCut: Bool) {
        sequences[caller].last = nil
        sequences[caller].round.removeAll(keepingCapacity: true)
        guard isCut else { return }
        sequences[caller].isCut = true
        segments[sequences[caller].segment].isCut = true
    }

    private mutating func judge(_ callee: Int, in segment: Int, of caller: Int) {
        segments[segment].judged += 1
        segments[segment].counts[callee, default: 0] += 1
        if let last = sequences[caller].last {
            segments[segment].pairs[Segment.Pair(from: last, to: callee), default: 0] += 1
        }
        sequences[caller].last = callee
        guard let members = segments[segment].registered?.count else { return }
        sequences[caller].round.append(callee)
        guard sequences[caller].round.count >= members else { return }
        segments[segment].rounds += 1
        if Set(sequences[caller].round).count < members { segments[segment].brokenRounds += 1 }
        sequences[caller].round.removeAll(keepingCapacity: true)
    }
}
