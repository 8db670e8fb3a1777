// A call as one of many that a LineRun makes.

import WAMP
import WAMPClient

struct CallAction: LineAction {
    let command: CallCommand
    let terminal: Terminal

    var noun: String { "call" }
    var key: String { "procedure" }
    var commandName: String { CallCommand.fullName }
    var printsRecords: Bool { command.isBatch || command.output.format == .jsonl }

    func perform(_ item: LineItem, in session: Session) async throws(ClientError) -> LineOutput {
        let start = ContinuousClock.now
        var onProgress: (@Sendable (CallResult) -> Void)?
        if command.progress {
            onProgress = { result in
                guard result.isPrintable(for: item.target, asJSON: printsRecords) else { return }
                let outcome = AnsweredCall(result, of: item.target, since: start)
                output(outcome, of: item, isLast: false).print()
            }
        }
        let result = try await session.call(
            URI(item.target), args: item.payload.args, kwargs: item.payload.kwargs,
            options: item.options, cancelMode: command.cancelMode ?? .kill,
            timeout: command.limit(with: item.options), onProgress: onProgress
        ).printable(asJSON: printsRecords)
        return output(AnsweredCall(result, of: item.target, since: start), of: item, isLast: true)
    }

    private func sayGap(_ gap: String, of item: LineItem) {
        Streams.shared.say(Terminal.sanitized("\(commandName): \(item.target): \(gap)"))
    }

    private func output(_ outcome: AnsweredCall, of item: LineItem, isLast: Bool) -> LineOutput {
        if printsRecords {
            return .record(
                ResultText.record(outcome, id: item.identity, isLast: isLast, at: .now()))
        }
        if command.output.format == .raw { return .bytes(ResultText.raw(args: outcome.args)) }
        let text = ResultText.text(
            args: outcome.args, kwargs: outcome.kwargs, pretty: false,
            colored: terminal.stdoutHasColor)
        return text.map { .line($0) } ?? .nothing
    }

    func record(
        _ failure: CommandFailure, of item: LineItem, latency: Duration
    ) -> Value.Dictionary {
        if let gap = failure.gap { sayGap(gap, of: item) }
        var outcome = AnsweredCall(procedure: item.target, latency: latency)
        if failure.gap == nil { (outcome.args, outcome.kwargs) = (failure.args, failure.kwargs) }
        outcome.error = failure.recordURI
        if failure.uri == nil { outcome.args = [.string(failure.message)] }
        return ResultText.record(outcome, id: item.identity, at: .now())
    }
}
