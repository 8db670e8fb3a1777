// `meta watch`: the router's own events, as they come.

import Glibc
import UnixSignals
import WAMP
import WAMPClient

struct MetaWatch: Sendable {
    let command: MetaCommand
    let context: CommandContext
    /// nil = all of them.
    let subject: MetaSubject?

    private enum Event {
        case signal(Int32)
        /// The reader of stdout went away.
        case outputBroken
        /// The session is joined and subscribed, or could not be.
        case started
        case sessionEnded(SessionEnd)
    }

    private static func topics(of subject: MetaSubject) -> [String] {
        switch subject {
        case .session: ["on_join", "on_leave"]
        case .registration: ["on_create", "on_register", "on_unregister", "on_delete"]
        case .subscription: ["on_create", "on_subscribe", "on_unsubscribe", "on_delete"]
        }
    }

    /// The topics of all subjects, as URIs.
    static let allTopics = MetaSubject.allCases.flatMap { subject in
        topics(of: subject).map { "wamp.\(subject.rawValue).\($0)" }
    }

    func run() async throws(CommandFailure) -> Int32 {
        let client = try Client(
            command.connection, output: command.output, environment: context.environment)
        Streams.shared.dropOutput(beyond: EventLine.bound)
        let events = await RunEvents<Event>(
            trapping: [.sigint, .sigterm, .sighup], onSignal: { .signal($0) },
            onBrokenOutput: .outputBroken)
        let starting = events.starting(telling: .started) { () async throws(CommandFailure) in
            try await start(client, events)
        }
        var session: Session?
        for await event in events.stream {
            switch event {
            case .started:
                session = try await starting.value.get()
                if !command.output.quiet { Streams.shared.say("watching \(names)") }
            case .signal(let signal):
                guard let session else { return ExitCode.ended(by: signal) }
                return await leave(session, ExitCode.ok.rawValue)
            case .outputBroken:
                let code = (Streams.shared.failure ?? .brokenPipe).rawValue
                guard let session else { return code }
                return await leave(session, code)
            case .sessionEnded(let end):
                Streams.shared.settle()
                throw CommandFailure(end)
            }
        }
        return ExitCode.failure.rawValue
    }

    private var subjects: [MetaSubject] { subject.map { [$0] } ?? MetaSubject.allCases }

    private var names: String {
        let names = subjects.map { "\($0.rawValue)s" }
        return names.count == 1
            ? names[0] : names.dropLast().joined(separator: ", ") + " and " + names[names.count - 1]
    }

    private func start(
        _ client: Client, _ events: RunEvents<Event>
    ) async throws(CommandFailure) -> Session {
        let session = try await client.join()
        // A router lets anybody subscribe to events that it never sends.
        let meta = MetaAPI(session: session)
        for subject in subjects { try await meta.ask("wamp.\(subject.rawValue).list") }
        let isJSON = command.output.format == .jsonl
        let isColored = context.terminal.stdoutHasColor
        for topic in subjects.flatMap({ subject in
            Self.topics(of: subject).map { "wamp.\(subject.rawValue).\($0)" }
        }) {
            do throws(ClientError) {
                _ = try await session.subscribe(URI(topic)) { event in
                    do throws(Unprintable) {
                        let line = try EventLine(event, topic: topic, asJSON: isJSON)
                        line.print(as: isJSON ? .jsonl : .text, isColored: isColored)
                    } catch {
                        Streams.shared.leaveOut(
                            "\(MetaCommand.fullName): \(topic): an event \(error.reason)")
                    }
                }
            } catch {
                throw CommandFailure(error, subject: topic, in: session)
            }
        }
        Task { events.send(.sessionEnded(await session.ended)) }
        return session
    }

    private func leave(_ session: Session, _ code: Int32) async -> Int32 {
        await session.leave(patience: Client.farewell)
        Streams.shared.settle()
        return Streams.shared.failure?.rawValue ?? code
    }
}
