// One call: join, perhaps wait for the procedure, call, print, leave.

import Glibc
import UnixSignals
import WAMP
import WAMPClient

struct SingleCall: Sendable {
    let command: CallCommand
    let context: CommandContext
    let client: Client
    let options: Value.Dictionary
    let payload: WrittenPayload

    /// How long an interrupted call may take to end in order.
    private static let farewell = Duration.seconds(2)

    func run() async throws(CommandFailure) -> Int32 {
        let events = await RunEvents(trapping: [.sigint, .sigterm, .sighup])
        let work = Task { () async -> Swift.Result<AnsweredCall, CommandFailure> in
            defer { events.send(.finished) }
            do throws(CommandFailure) {
                return .success(try await outcome())
            } catch {
                return .failure(error)
            }
        }
        var stoppedBy: Int32?
        for await event in events.stream {
            switch event {
            case .finished:
                if let stoppedBy { return ExitCode.ended(by: stoppedBy) }
                return try print(try await work.value.get())
            case .signal(let signal):
                guard stoppedBy == nil else { return ExitCode.ended(by: signal) }
                stoppedBy = signal
                work.cancel()
                Task {
                    try await Task.sleep(for: Self.farewell)
                    events.send(.drainExpired)
                }
            case .drainExpired: return ExitCode.ended(by: stoppedBy ?? SIGTERM)
            default: continue
            }
        }
        return ExitCode.failure.rawValue
    }

    private func outcome() async throws(CommandFailure) -> AnsweredCall {
        let session = try await client.join()
        do throws(CommandFailure) {
            let outcome = try await callOrWait(session)
            await session.leave(patience: Client.farewell)
            return outcome
        } catch {
            let failure = await withHints(error, session)
            await session.leave(patience: Client.farewell)
            throw failure
        }
    }

    private func callOrWait(_ session: Session) async throws(CommandFailure) -> AnsweredCall {
        guard let patience = command.wait, patience > .zero else { return try await call(session) }
        let deadline = ContinuousClock.now + patience
        let watch = await RegistrationWatch(of: command.uri, in: session, before: deadline)
        while true {
            do throws(CommandFailure) {
                return try await call(session)
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

    private func call(_ session: Session) async throws(CommandFailure) -> AnsweredCall {
        let start = ContinuousClock.now
        let limit = command.limit(with: options)
        do throws(ClientError) {
            let result = try await session.call(
                URI(command.uri), args: payload.args, kwargs: payload.kwargs, options: options,
                timeout: limit)
            return AnsweredCall(
                procedure: command.uri, args: result.args, kwargs: result.kwargs,
                details: result.details, callee: result.callee?.rawValue,
                calleeName: result.details["callee_authid"]?.string,
                latency: start.duration(to: .now))
        } catch {
            if let end = session.end, error == end.error {
                var failure = CommandFailure(end)
                failure.subject = command.uri
                throw failure
            }
            var failure = CommandFailure(error, subject: command.uri)
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
        if failure.code == .noSuchProcedure, !Task.isCancelled {
            failure.hints += Hints.similar(
                to: command.uri, among: await RegistrationFacts.procedures(through: session))
        }
        return failure
    }

    private func print(_ outcome: AnsweredCall) throws(CommandFailure) -> Int32 {
        let terminal = context.terminal
        switch command.output.format {
        case .json: Streams.shared.print(JSONText.text(.dictionary(ResultText.document(outcome))))
        case .jsonl:
            Streams.shared.print(
                JSONText.text(.dictionary(ResultText.record(outcome, id: nil, at: .now()))))
        case .raw: Streams.shared.write(ResultText.raw(args: outcome.args))
        default:
            if let text = ResultText.text(
                args: outcome.args, kwargs: outcome.kwargs, pretty: terminal.stdoutIsTerminal,
                colored: terminal.stdoutHasColor)
            {
                Streams.shared.print(text)
            }
        }
        if command.output.verbose > 0 {
            let callee = outcome.calleeName ?? outcome.callee.map { String($0) } ?? "unknown"
            Streams.shared.say(
                "answered by \(Terminal.sanitized(callee)) in "
                    + "\(Figures.fixed(outcome.latency.milliseconds, 3)) ms")
        }
        return (Streams.shared.failure ?? .ok).rawValue
    }
}
