// `publish`: one event, or many on one session.

import WAMP
import WAMPClient

struct PublishRun: Sendable {
    let command: PublishCommand
    let context: CommandContext

    func run() async throws(CommandFailure) -> Int32 {
        let client = try Client(
            command.connection, output: command.output, environment: context.environment)
        let options = try command.arguments.options(beside: command.namedOptions)
        let action = PublishAction(command: command)
        if command.isBatch || command.arguments.stdin?.isLines == true {
            let source: LineSource =
                command.isBatch
                ? .batch : .lines(command.arguments.stdin ?? .lines, target: command.topic)
            return try await many(source, action, client, options)
        }
        let item = LineItem(
            number: 1, target: command.topic,
            payload: try command.arguments.payload(words: command.words), options: options)
        if command.isRun { return try await many(.repetition(item), action, client, options) }
        let end = try await OneShot.run { () async throws(CommandFailure) -> PublicationID? in
            try await publish(item, client)
        }
        switch end {
        case .interrupted(let code): return code
        case .done(let publication):
            print(publication, of: item)
            return (Streams.shared.failure ?? .ok).rawValue
        }
    }

    private func many(
        _ source: LineSource, _ action: PublishAction, _ client: Client,
        _ options: Value.Dictionary
    ) async throws(CommandFailure) -> Int32 {
        let subscribers = SubscriberCheck(command)
        return try await LineRun(
            action: action, source: source, client: client, options: options,
            load: command.load, isQuiet: command.output.quiet, farewell: farewell,
            prepare: { session async throws(CommandFailure) in try await subscribers.wait(session) }
        ).run()
    }

    /// What nobody acknowledges has been taken once GOODBYE is answered.
    private var farewell: Duration {
        command.acknowledgement == .noAck ? Client.decisions : Client.farewell
    }

    private func publish(
        _ item: LineItem, _ client: Client
    ) async throws(CommandFailure) -> PublicationID? {
        let session = try await client.join()
        do throws(CommandFailure) {
            try await SubscriberCheck(command).wait(session)
            let publication = try await send(item, session)
            await session.leave(patience: farewell)
            return publication
        } catch {
            await session.leave(patience: Client.farewell)
            throw error
        }
    }

    private func send(
        _ item: LineItem, _ session: Session
    ) async throws(CommandFailure) -> PublicationID? {
        do throws(ClientError) {
            return try await session.publish(
                URI(item.target), args: item.payload.args, kwargs: item.payload.kwargs,
                options: item.options)
        } catch {
            var failure = CommandFailure(error, subject: item.target, in: session)
            failure.hintAtReserved(item.target)
            throw failure
        }
    }

    private func print(_ publication: PublicationID?, of item: LineItem) {
        switch command.output.format {
        case .json, .jsonl:
            let isRecord = command.output.format == .jsonl
            let record = PublishAction.record(publication, of: item, id: nil, isRecord: isRecord)
            Streams.shared.print(JSONText.text(.dictionary(record)))
        default:
            guard !command.output.quiet else { return }
            let id = command.output.verbose > 0 ? publication.map { " as \($0)" } : nil
            Streams.shared.say(
                publication == nil ? "sent, not acknowledged" : "published\(id ?? "")")
        }
    }
}

/// An event as one of many that a LineRun publishes.
struct PublishAction: LineAction {
    let command: PublishCommand

    var noun: String { "event" }
    var key: String { "topic" }
    var commandName: String { PublishCommand.fullName }
    var printsRecords: Bool { command.isBatch || command.output.format == .jsonl }

    func perform(_ item: LineItem, in session: Session) async throws(ClientError) -> LineOutput {
        let publication = try await session.publish(
            URI(item.target), args: item.payload.args, kwargs: item.payload.kwargs,
            options: item.options)
        guard printsRecords else { return .nothing }
        return .record(
            Self.record(publication, of: item, id: item.identity, isRecord: true))
    }

    func record(
        _ failure: CommandFailure, of item: LineItem, latency: Duration
    ) -> Value.Dictionary {
        [
            "type": "error", "time": .string(WallMoment.now().timestamp), "id": item.identity,
            "uri": .string(failure.recordURI.rawValue), "topic": .string(item.target),
            "publication": .null, "acknowledged": false,
            "args": .list(failure.uri == nil ? [.string(failure.message)] : failure.args),
            "kwargs": .dictionary(failure.kwargs),
        ]
    }

    /// - Parameter isRecord: one of a stream, with its type and time.
    static func record(
        _ publication: PublicationID?, of item: LineItem, id: Value?, isRecord: Bool
    ) -> Value.Dictionary {
        var record = Value.Dictionary()
        if isRecord {
            record.append("type", "published")
            record.append("time", .string(WallMoment.now().timestamp))
            if let id { record.append("id", id) }
            record.append("uri", .null)
        }
        record.append("topic", .string(item.target))
        record.append("publication", publication.map { Value($0) } ?? .null)
        record.append("acknowledged", .bool(publication != nil))
        return record
    }
}

/// `--require-subscribers`: waits until a topic has as many.
struct SubscriberCheck: Sendable {
    let topic: String
    let wanted: Int
    let patience: Duration

    /// How often is looked.
    private static let period = Duration.milliseconds(100)

    init(_ command: PublishCommand) {
        topic = command.topic
        wanted = command.requiredSubscribers ?? 0
        patience = command.wait ?? .zero
    }

    func wait(_ session: Session) async throws(CommandFailure) {
        guard wanted > 0 else { return }
        let meta = MetaAPI(session: session)
        let deadline = ContinuousClock.now + patience
        while true {
            let count = try await subscribers(meta)
            if count >= wanted { return }
            guard .now < deadline, !Task.isCancelled else {
                throw CommandFailure(
                    patience > .zero ? .timeout : .checkFailed,
                    "\(count) of \(wanted) subscribers"
                        + (patience > .zero ? " after \(Figures.duration(patience))" : ""),
                    subject: topic)
            }
            try? await Task.sleep(for: Self.period)
        }
    }

    /// The sessions whose subscriptions match the topic.
    private func subscribers(_ meta: MetaAPI) async throws(CommandFailure) -> Int {
        var sessions: Set<UInt64> = []
        for id in try await meta.ask("wamp.subscription.match", [.string(topic)]).list ?? [] {
            let list = try? await meta.ask("wamp.subscription.list_subscribers", [id])
            sessions.formUnion(list?.list?.compactMap(\.unsigned) ?? [])
        }
        return sessions.count
    }
}
