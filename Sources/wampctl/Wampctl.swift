// The entry point: which command, its help or what is wrong with the line, and the exit code.

import ArgumentParser
import Glibc
import WAMP

@main
struct Wampctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wampctl", abstract: "WAMP v2 router and tools",
        discussion: page.discussion, subcommands: commands)

    static let version = Release.version

    /// In the order of the list.
    static let commands: [any Command.Type] = [
        RouterCommand.self, CallCommand.self, RegisterCommand.self, PublishCommand.self,
        SubscribeCommand.self, MetaCommand.self, BenchCommand.self,
        KeygenCommand.self,
    ]

    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        let streams = Streams.shared
        Glibc.exit(streams.finish(await run(.own, environment: .process)))
    }

    /// Runs the line and returns the exit code.
    private static func run(_ words: ProgramWords, environment: Environment) async -> Int32 {
        let line = CommandLineReader(arguments: words.texts, environment: environment)
        if let fault = words.fault ?? ProgramEnvironment.inherited.fault {
            let command = line.arguments.first.flatMap(CommandLineReader.command)
            return report(fault, of: command, usage: command?.page, as: line.outputFormat)
        }
        switch line.read() {
        case .help(let text):
            Streams.shared.print(text)
            return ExitCode.ok.rawValue
        case .overview:
            Streams.shared.say(overview)
            return ExitCode.usage.rawValue
        case .version(let format):
            Streams.shared.print(format == .json ? versionObject : versionLine)
            return ExitCode.ok.rawValue
        case .fault(let failure, let command):
            return report(
                failure.shortened(line.arguments), of: command, usage: command?.page,
                as: line.outputFormat)
        case .command(let command):
            let terminal = Terminal.current(
                color: command.output.colorChoice, live: !command.output.noLive,
                environment: environment)
            let context = CommandContext(environment: environment, terminal: terminal)
            do throws(CommandFailure) {
                return try await command.execute(in: context)
            } catch {
                return report(
                    error.shortened(line.arguments), of: type(of: command),
                    usage: error.code == .usage ? type(of: command).page : nil,
                    as: line.outputFormat)
            }
        }
    }

    /// Says what went wrong: one line, hints, and for a wrong line its usage.
    private static func report(
        _ failure: CommandFailure, of command: (any Command.Type)?, usage: HelpPage?,
        as format: OutputFormat?
    ) -> Int32 {
        if format == .json || format == .jsonl {
            Streams.shared.say(failure.json)
            return failure.code.rawValue
        }
        Streams.shared.say(failure.text(command: command?.fullName ?? "wampctl"))
        if failure.code == .usage {
            Streams.shared.say("usage: \(usage?.usage.first ?? Wampctl.page.usage[0])")
        }
        return failure.code.rawValue
    }

    #if arch(x86_64)
        private static let architecture = "x86_64"
    #elseif arch(arm64)
        private static let architecture = "aarch64"
    #else
        private static let architecture = "unknown"
    #endif

    static let versionLine = "wampctl \(version) (linux \(architecture), swift 6.3)"

    private static var versionObject: String {
        JSONText.text([
            "name": "wampctl", "version": .string(version), "platform": "linux",
            "architecture": .string(architecture), "swift": "6.3",
        ])
    }

    // MARK: Help

    static let page = HelpPage(
        summary: "WAMP v2 router and tools.",
        description: [
            "WAMP lets programs call each other's procedures and publish events through a router. "
                + "wampctl is such a router, and the tools to talk to it or to any other one: "
                + "callees that serve a procedure, and callers that call it once or many times.",
            "Its subject is the shared registration. Several callees register the same procedure "
                + "with the same rule, and the router chooses one of them for each call by that "
                + "rule. A tally counts whom it chose and tests the choices against the rule.",
            "Results are written to standard output and everything else to standard error. Each "
                + "kind of failure has an exit code of its own.",
        ],
        usage: ["wampctl COMMAND [options] [arguments]"],
        examples: [
            "wampctl router",
            "wampctl register com.example.hello --invoke random --instances 3",
            "wampctl call com.example.hello -n 1000 --tally",
        ],
        environment: [],
        seeAlso: "wampctl help COMMAND, wampctl help exit-codes")

    private static let groups: [(title: String, commands: [any Command.Type])] = [
        ("Run", [RouterCommand.self]),
        (
            "Talk",
            [
                CallCommand.self, RegisterCommand.self, PublishCommand.self, SubscribeCommand.self,
            ]
        ), ("Look", [MetaCommand.self]),
        ("Measure", [BenchCommand.self]),
        ("Set up", [KeygenCommand.self]),
    ]

    /// The list of commands and three examples.
    static var overview: String {
        var lines = [page.summary, "", "Usage: \(page.usage[0])", ""]
        for group in groups {
            for (index, command) in group.commands.enumerated() {
                lines.append(
                    "  " + Columns.left(index == 0 ? group.title : "", 11)
                        + Columns.left(command.name, 13) + command.page.summary)
            }
        }
        lines += ["", "Examples:"] + page.examples.map { "  \($0)" }
        lines += [
            "", "See also: 'wampctl help COMMAND', 'wampctl help exit-codes', 'wampctl --version'.",
        ]
        return lines.joined(separator: "\n")
    }
}

/// What a command is given beside its options.
struct CommandContext {
    let environment: Environment
    let terminal: Terminal
}

/// One subcommand.
protocol Command: ParsableCommand {
    static var page: HelpPage { get }
    /// Variables of the environment that stand for options.
    static var variables: [EnvironmentVariable] { get }
    var output: OutputOptions { get }

    /// Does the work and returns the exit code.
    func execute(in context: CommandContext) async throws(CommandFailure) -> Int32
}

extension Command {
    static var name: String { configuration.commandName ?? "" }
    static var fullName: String { "wampctl \(name)" }
}
