// `call`: what is to be called with what, and which kind of run does it.

import WAMP
import WAMPClient

struct CallRun {
    let command: CallCommand
    let context: CommandContext

    func run() async throws(CommandFailure) -> Int32 {
        let client = try Client(
            command.connection, output: command.output, environment: context.environment)
        let options = try command.arguments.options(beside: command.namedOptions)
        sayNeedlessOptions()
        // What is printed where answers are taken in must not keep a router's ping waiting.
        let readsLines = command.isBatch || command.arguments.stdin?.isLines == true
        if command.progress || command.isRun && !readsLines {
            Streams.shared.dropOutput(beyond: EventLine.bound)
        }
        if readsLines {
            return try await LineRun(
                action: CallAction(command: command, terminal: context.terminal),
                source: command.isBatch
                    ? .batch : .lines(command.arguments.stdin ?? .lines, target: command.uri),
                client: client, options: options, load: command.load,
                isQuiet: command.output.quiet
            ).run()
        }
        let payload = try command.arguments.payload(words: command.words)
        if command.isRun {
            return try await LoadRunner(
                command: command, context: context, client: client, options: options,
                payload: payload
            ).run()
        }
        return try await SingleCall(
            command: command, context: context, client: client, options: options, payload: payload
        ).run()
    }

    private func sayNeedlessOptions() {
        let readsLines = command.isBatch || command.arguments.stdin?.isLines == true
        guard !readsLines, !command.output.quiet else { return }
        // Variables are for all calls, and say nothing about this one.
        let isInherited = { (name: String) -> Bool in
            context.environment["WAMPCTL_CALL_\(name)"] != nil
        }
        let hints = Hints.needless(
            concurrency: isInherited("CONCURRENCY") ? nil : command.load.concurrency,
            sessions: isInherited("SESSIONS") ? nil : command.sessions,
            rate: isInherited("RATE") ? nil : command.load.rate,
            calls: command.load.goal)
        for hint in hints { Streams.shared.say("hint: \(hint)") }
    }
}

extension CallCommand {
    /// The limit of a call made with these options, of which a `timeout` beats the named option;
    /// nil = none.
    func limit(with options: Value.Dictionary) -> Duration? {
        if let milliseconds = options["timeout"]?.unsigned {
            return milliseconds == 0 ? nil : .milliseconds(Int64(clamping: milliseconds))
        }
        return switch timeout {
        case .zero: nil
        case let timeout?: timeout
        case nil: .seconds(30)
        }
    }
}
