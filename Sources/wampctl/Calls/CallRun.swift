// `call`: what is to be called with what, and which kind of run does it.

import Glibc
import UnixSignals
import WAMP
import WAMPClient

struct CallRun {
    let command: CallCommand
    let context: CommandContext

    func run() async throws(CommandFailure) -> Int32 {
        let client = try Client(
            command.connection, output: command.output, environment: context.environment)
        let options = try options()
        sayNeedlessOptions()
        if command.isBatch || command.arguments.stdin?.isLines == true {
            return try await LineRun(
                command: command, context: context, client: client, options: options
            ).run()
        }
        let payload = try payload()
        if command.isRun {
            return try await LoadRun(
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
            sessions: isInherited("SESSIONS") ? nil : command.load.sessions,
            rate: isInherited("RATE") ? nil : command.load.rate,
            calls: command.load.goal)
        for hint in hints { Streams.shared.say("hint: \(hint)") }
    }

    private func options() throws(CommandFailure) -> Value.Dictionary {
        var options = Value.Dictionary()
        for word in command.arguments.option {
            do throws(NotationError) {
                let (key, value) = try ArgumentSyntax().option(word)
                options[key] = value
            } catch {
                throw CommandFailure(.usage, error.description)
            }
        }
        return options
    }

    private func payload() throws(CommandFailure) -> WrittenPayload {
        do throws(NotationError) {
            if let mode = command.arguments.stdin {
                var bytes: [UInt8] = []
                guard File.readAll(STDIN_FILENO, into: &bytes) else {
                    throw NotationError("cannot read stdin: \(File.reason())")
                }
                return try mode.payload(bytes)
            }
            return try ArgumentSyntax(wordsAreJSON: command.arguments.jsonArgs).payload(
                words: command.words, args: command.arguments.args,
                kwargs: command.arguments.kwargs)
        } catch {
            throw CommandFailure(.usage, error.description)
        }
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
