// One call: join, perhaps wait for the procedure, call, print, leave.

import Synchronization
import WAMP
import WAMPClient

struct SingleCall: Sendable {
    let command: CallCommand
    let context: CommandContext
    let client: Client
    let options: Value.Dictionary
    let payload: WrittenPayload

    func run() async throws(CommandFailure) -> Int32 {
        let ahead = ResultsAhead()
        let end = try await OneShot.run { () async throws(CommandFailure) -> AnsweredCall in
            try await outcome(ahead)
        }
        switch end {
        case .interrupted(let code): return code
        case .done(var outcome):
            if command.progress { outcome.progress = ahead.results }
            return print(outcome)
        }
    }

    private func outcome(
        _ ahead: ResultsAhead
    ) async throws(CommandFailure) -> AnsweredCall {
        let session = try await client.join()
        do throws(CommandFailure) {
            let outcome = try await callOrWait(session, ahead)
            await session.leave(patience: Client.farewell)
            return outcome
        } catch {
            let failure = await withHints(error, session)
            await session.leave(patience: Client.farewell)
            throw failure
        }
    }

    private func callOrWait(
        _ session: Session, _ ahead: ResultsAhead
    ) async throws(CommandFailure) -> AnsweredCall {
        guard let patience = command.wait, patience > .zero else {
            return try await call(session, ahead)
        }
        let deadline = ContinuousClock.now + patience
        let watch = await RegistrationWatch(of: command.uri, in: session, before: deadline)
        while true {
            do throws(CommandFailure) {
                return try await call(session, ahead)
            } catch {
                guard error.code == .noSuchProcedure, !Task.isCancelled else { throw error }
                guard await watch.registered(before: deadline) else {
                    var failure = error
                    failure.message += " after \(Figures.duration(patience))"
                    throw failure
                }
            }
        }
    }

    private func call(
        _ session: Session, _ ahead: ResultsAhead
    ) async throws(CommandFailure) -> AnsweredCall {
        let start = ContinuousClock.now
        let limit = command.limit(with: options)
        var onProgress: (@Sendable (CallResult) -> Void)?
        if command.progress { onProgress = { print(progress: $0, since: start, ahead) } }
        do throws(ClientError) {
            let result = try await session.call(
                URI(command.uri), args: payload.args, kwargs: payload.kwargs, options: options,
                cancelMode: command.cancelMode ?? .kill, timeout: limit,
                onProgress: onProgress
            ).printable(asJSON: command.output.format.isJSON)
            return AnsweredCall(result, of: command.uri, since: start)
        } catch {
            var failure = CommandFailure(error, subject: command.uri, in: session)
            if error == .timeout, let limit {
                failure.message = "no answer within \(Figures.duration(limit))"
            }
            throw failure
        }
    }

    /// What the router can tell cheaply that may help.
    private func withHints(_ failure: CommandFailure, _ session: Session) async -> CommandFailure {
        var failure = failure
        if failure.uri == .invalidArgument {
            failure.hints += Hints.strings(payload.bareWords)
        }
        let meta = failure.code == .notAuthorized ? Hints.meta(command.uri) : []
        if meta.isEmpty { failure.hintAtReserved(command.uri) } else { failure.hints += meta }
        if failure.code == .noSuchProcedure, !Task.isCancelled {
            failure.hints += Hints.similar(
                to: command.uri, among: await RegistrationFacts.procedures(through: session))
        }
        return failure
    }

    /// Prints a result ahead of the last one; where there is one document, it is kept for that.
    private func print(
        progress result: CallResult, since start: ContinuousClock.Instant, _ ahead: ResultsAhead
    ) {
        guard
            result.isPrintable(for: command.uri, asJSON: command.output.format.isJSON)
        else { return }
        if command.output.format == .json {
            ahead.add(result)
        } else {
            print(AnsweredCall(result, of: command.uri, since: start), isLast: false)
        }
    }

    private func print(_ outcome: AnsweredCall) -> Int32 {
        print(outcome, isLast: true)
        if command.output.verbose > 0 || command.time {
            let callee = outcome.calleeName ?? outcome.callee.map { String($0) }
            let who = callee.map { " by \(Terminal.sanitized($0))" } ?? ""
            Streams.shared.say(
                "answered\(who) in "
                    + "\(Figures.fixed(outcome.latency.milliseconds, 3)) ms")
        }
        return (Streams.shared.failure ?? .ok).rawValue
    }

    private func print(_ outcome: AnsweredCall, isLast: Bool) {
        guard let written = bytes(of: outcome, isLast: isLast) else { return }
        if isLast {
            Streams.shared.write(written)
        } else {
            // The session's loop is not held up by a reader who takes his time.
            Streams.shared.append(written, isUrgent: true)
        }
    }

    private func bytes(of outcome: AnsweredCall, isLast: Bool) -> [UInt8]? {
        let terminal = context.terminal
        let line: String?
        switch command.output.format {
        case .json: line = JSONText.text(.dictionary(ResultText.document(outcome)))
        case .jsonl:
            line = JSONText.text(
                .dictionary(ResultText.record(outcome, id: nil, isLast: isLast, at: .now())))
        case .raw: return ResultText.raw(args: outcome.args)
        default:
            line = ResultText.text(
                args: outcome.args, kwargs: outcome.kwargs, pretty: terminal.stdoutIsTerminal,
                colored: terminal.stdoutHasColor)
        }
        return line.map { Array("\($0)\n".utf8) }
    }
}

/// The results that came ahead of the last one.
final class ResultsAhead: Sendable {
    private let list = Mutex<[Value]>([])

    var results: [Value] { list.withLock { $0 } }

    func add(_ result: CallResult) {
        list.withLock {
            $0.append(["args": .list(result.args), "kwargs": .dictionary(result.kwargs)])
        }
    }
}

extension AnsweredCall {
    init(_ result: CallResult, of procedure: String, since start: ContinuousClock.Instant) {
        self.init(
            procedure: procedure, args: result.args, kwargs: result.kwargs,
            details: result.details, callee: result.callee?.rawValue,
            calleeName: result.details["callee_authid"]?.string,
            latency: start.duration(to: .now))
    }
}
