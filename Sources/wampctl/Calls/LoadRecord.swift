// What a run of many calls has seen so far. Written on the event loop, read by whoever draws or
// reports.

import NIOCore
import Synchronization
import WAMP
import WAMPClient
import WAMPLoad

final class LoadRecord: Sendable {
    private struct State {
        var figures = RunFigures()
        var tally: Tally
        var start = NIODeadline.now()
        var end: NIODeadline?
        /// Calls that were sent and have not ended.
        var outstanding = 0
        /// The registration whose callees are counted; nil while nobody is registered or the router
        /// does not tell.
        var registration: UInt64?
        /// What was heard before the list of callees was there.
        var early: [@Sendable (inout State) -> Void]? = []
        var toldFailures = 0
        var lostCalls = false
    }

    /// Failures that are told one by one; the rest only in the summary.
    private static let toldFailures = 10

    private let state: Mutex<State>
    private let command: CallCommand
    private let terminal: Terminal
    private let selector: TallySelector
    private let role: String?

    /// - Parameter role: that of the callers.
    init(command: CallCommand, terminal: Terminal, callerCount: Int, role: String?) {
        self.command = command
        self.terminal = terminal
        self.role = role
        selector = command.distribution.tallyBy ?? .automatic
        var tally = Tally(
            procedure: command.uri, rule: command.distribution.rule, callerCount: callerCount,
            start: 0)
        for caller in 0..<callerCount { tally.caller(caller, startsAt: 1) }
        state = Mutex(State(tally: tally))
    }

    // MARK: The registration

    /// Learns rule and callees from the router, and goes on listening for changes.
    func observe(_ session: Session, rule: String?) async {
        let procedure = command.uri
        // All three together may take no longer than one look-up.
        let deadline = ContinuousClock.now + RegistrationFacts.limit
        for topic in RegistrationEvent.Topic.allCases {
            await topic.listen(in: session, before: deadline) { [self] event in
                let moment = Self.nanoseconds(.now())
                heard { state in
                    switch event {
                    case .created(let created):
                        guard created.isExactly(procedure) else { return }
                        if let former = state.registration, former != created.id {
                            state.tally.replaced(by: rule ?? created.rule)
                        }
                        state.registration = created.id
                        if rule == nil { state.tally.rule = created.rule }
                    case .registered(let callee, let id):
                        guard state.registration == id else { return }
                        state.tally.joined(callee, at: moment, time: .now())
                    case .unregistered(let callee, let id):
                        guard state.registration == id else { return }
                        state.tally.left(callee, at: moment, time: .now())
                    }
                }
            }
        }
        var facts: RegistrationFacts?, blindness: String?
        do throws(RegistrationFacts.Refusal) {
            facts = try await RegistrationFacts.of(procedure, through: session)
        } catch {
            blindness = error.sentence(role: session.authrole)
        }
        state.withLock { state in
            state.tally.blindness = blindness
            if let facts {
                state.registration = facts.id
                if rule == nil { state.tally.rule = facts.rule }
                if let callees = facts.callees { state.tally.began(with: callees) }
            }
            let early = state.early ?? []
            state.early = nil
            for fact in early { fact(&state) }
        }
    }

    private func heard(_ fact: @escaping @Sendable (inout State) -> Void) {
        state.withLock { state in
            if state.early == nil { fact(&state) } else { state.early?.append(fact) }
        }
    }

    /// Asks for the names of callees that no answer told.
    func learnNames(through session: Session) async {
        let nameless = state.withLock { state in
            state.tally.callees.filter { $0.name == nil }.compactMap(\.session)
        }
        guard !nameless.isEmpty else { return }
        let names = await RegistrationFacts.names(of: nameless, through: session)
        state.withLock { state in
            for (session, name) in names { state.tally.named(session, name) }
        }
    }

    // MARK: The run

    func begin() { state.withLock { $0.start = .now() } }

    /// The run is over: what ends now does not count any more, and what is outstanding stays
    /// unanswered.
    func end() {
        state.withLock { state in
            guard state.end == nil else { return }
            state.end = .now()
            state.tally.abandoned(state.outstanding)
            for _ in 0..<state.outstanding { state.figures.fail(.timeout, "unanswered") }
        }
    }

    /// A call is being sent.
    func began() {
        state.withLock { $0.outstanding += 1 }
    }

    /// A call has ended.
    /// - Returns: whether it failed.
    func ended(_ call: DrivenCall, caller: Int, _ outcome: CallOutcome) -> Bool {
        let isOver = state.withLock { state in
            state.outstanding -= 1
            return state.end != nil
        }
        if isOver { return false }
        let answered = read(outcome)
        if command.tallies {
            count(call, caller: caller, answered)
        } else {
            write(call, answered)
        }
        return state.withLock { state in
            if let code = answered.loss {
                state.lostCalls = true
                state.figures.fail(code, code.kind)
            } else if let error = answered.error {
                state.figures.fail(error)
            } else if answered.flaw != nil {
                state.figures.fail(.protocolFault, ExitCode.protocolFault.kind)
            } else {
                state.figures.succeed()
                return false
            }
            return true
        }
    }

    /// Calls that were sent and have not ended.
    var outstanding: Int { state.withLock { $0.outstanding } }

    /// Whether calls were lost with their session.
    var lostCalls: Bool { state.withLock { $0.lostCalls } }

    /// What an outcome says, its arguments decoded only where they are needed.
    private struct Answered {
        var details = OutcomeDetails()
        var error: ErrorURI?
        /// No answer came, because the session ended.
        var loss: ExitCode?
        var payload = Payload()

        /// The arguments that are printed.
        var args: [Value] = []
        var kwargs: Value.Dictionary = [:]
        /// Why they are not, if they are not.
        var flaw: String?

        func values() -> (args: [Value], kwargs: Value.Dictionary)? { try? payload.values() }

        /// Decodes what is to be printed.
        mutating func decode(asJSON: Bool) {
            do throws(Unprintable) {
                (args, kwargs) = try payload.printable(asJSON: asJSON)
            } catch {
                flaw = error.reason
            }
        }
    }

    private func read(_ outcome: CallOutcome) -> Answered {
        var answered: Answered
        switch outcome {
        case .result(let result):
            answered = Answered(details: result.details, payload: result.payload)
        case .error(let error):
            answered = Answered(
                details: error.details, error: error.error, payload: error.payload)
        case .lost(let error):
            let failure = CommandFailure(error, subject: "")
            answered = Answered(
                error: failure.recordURI, loss: failure.code,
                payload: Payload(args: [.string(failure.message)]))
        }
        if !command.tallies { answered.decode(asJSON: command.output.format == .jsonl) }
        return answered
    }

    private func count(
        _ call: DrivenCall, caller: Int, _ answered: Answered
    ) {
        var answer = Tally.Answer(
            caller: caller, request: UInt64(call.index) + 1, sent: Self.nanoseconds(call.sent),
            ended: Self.nanoseconds(call.ended), callee: nil,
            calleeName: answered.details.callee?.authid, error: answered.error)
        // What the router says of itself, and what a callee says in an error, names no callee by
        // its arguments.
        answer.callee = selector.callee(session: answered.details.callee?.session.rawValue) {
            answered.error == nil ? answered.values() : nil
        }
        if answered.loss != nil {
            state.withLock { $0.tally.abandoned(1) }
        } else {
            state.withLock { $0.tally.ended(answer) }
        }
        if command.output.format == .jsonl {
            Streams.shared.append(
                JSONText.text(
                    .dictionary(
                        TallyReport.record(of: answer, name: answer.calleeName, at: .now()))))
        }
    }

    private func write(_ call: DrivenCall, _ answered: Answered) {
        var outcome = AnsweredCall(
            procedure: command.uri, args: answered.args, kwargs: answered.kwargs,
            details: answered.details.dictionary, callee: answered.details.callee?.session.rawValue,
            calleeName: answered.details.callee?.authid,
            latency: .nanoseconds(Self.nanoseconds(call.ended) - Self.nanoseconds(call.sent)))
        outcome.error = answered.error
        let failure = failure(of: answered)
        if command.output.format == .jsonl {
            if let failure, answered.flaw != nil {
                outcome.error = failure.recordURI
                if failure.uri == nil { outcome.args = [.string(failure.message)] }
                tell(failure)
            }
            Streams.shared.append(
                JSONText.text(
                    .dictionary(
                        ResultText.record(
                            outcome, id: .int(Int64(call.index) + 1), at: .now()))))
        } else if answered.loss != nil {
            // The end of the session is told once, by the end of the run.
        } else if let failure {
            tell(failure)
        } else if command.output.format == .raw {
            Streams.shared.append(ResultText.raw(args: outcome.args))
        } else if let text = ResultText.text(
            args: outcome.args, kwargs: outcome.kwargs, pretty: false,
            colored: terminal.stdoutHasColor)
        {
            Streams.shared.append(text)
        }
    }

    /// How one call failed: by an ERROR, or by a result that the output cannot hold.
    private func failure(of answered: Answered) -> CommandFailure? {
        guard let error = answered.error else {
            return answered.flaw.map {
                CommandFailure(.protocolFault, "the result \($0)", subject: command.uri)
            }
        }
        return CommandFailure(
            error: error, args: answered.args, kwargs: answered.kwargs, subject: command.uri,
            role: role, hints: answered.flaw.map { ["the arguments of the error \($0)"] } ?? [])
    }

    private func tell(_ failure: CommandFailure) {
        let number = state.withLock { state in
            state.toldFailures += 1
            return state.toldFailures
        }
        guard number <= Self.toldFailures else { return }
        var failure = failure
        if number == 1 { failure.hintAtReserved(command.uri) }
        Streams.shared.say(failure.text(command: CallCommand.fullName))
    }

    // MARK: Figures

    /// Whether failures were told one by one.
    var hasToldFailures: Bool { state.withLock { $0.toldFailures > 0 } }

    /// The rule that the distribution is measured by, if it is known.
    var rule: String? { state.withLock { $0.tally.rule } }

    var figures: RunFigures { state.withLock { $0.figures } }

    private static func duration(_ state: borrowing State) -> Duration {
        .nanoseconds(nanoseconds(state.end ?? .now()) - nanoseconds(state.start))
    }

    func summary(isInterrupted: Bool) -> String {
        let (figures, duration) = state.withLock { ($0.figures, Self.duration($0)) }
        return figures.summary(in: duration, isInterrupted: isInterrupted)
    }

    func report(isInterrupted: Bool) -> TallyReport {
        let (tally, duration) = state.withLock { ($0.tally.settled(), Self.duration($0)) }
        return TallyReport(
            tally: tally, verdict: Verdict(tally), duration: duration,
            wasInterrupted: isInterrupted)
    }

    /// The picture while the run goes on.
    func picture(width: Int, height: Int, isColored: Bool) -> TallyPicture {
        let (tally, duration) = state.withLock { ($0.tally.settled(), Self.duration($0)) }
        let undecided = Verdict(isOK: false, rule: tally.rule, reason: "")
        return TallyPicture(
            report: TallyReport(tally: tally, verdict: undecided, duration: duration),
            goal: command.load.goal, width: width, isUTF8: terminal.isUTF8, isColored: isColored,
            isLive: true, rowLimit: 16, height: height)
    }

    private static func nanoseconds(_ deadline: NIODeadline) -> Int64 {
        Int64(clamping: deadline.uptimeNanoseconds)
    }
}

/// Stands between a session's driver and the record of the run.
final class LoadObserver: CallObserver {
    private let caller: Int
    private let payload: Payload
    private let record: LoadRecord
    private let events: RunEvents<LoadRun.Event>
    private let stopsAtFailure: Bool

    init(
        caller: Int, payload: Payload, record: LoadRecord, stopsAtFailure: Bool = false,
        events: RunEvents<LoadRun.Event>
    ) {
        self.caller = caller
        self.payload = payload
        self.record = record
        self.stopsAtFailure = stopsAtFailure
        self.events = events
    }

    func payload(_ index: Int) -> Payload {
        record.began()
        return payload
    }

    func ended(_ call: DrivenCall, _ outcome: CallOutcome) {
        if record.ended(call, caller: caller, outcome), stopsAtFailure { events.send(.callFailed) }
    }

    func finished() { events.send(.sessionFinished) }
}
