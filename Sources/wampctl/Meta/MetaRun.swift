// One question or order of `meta`: ask, print, leave.

import Glibc
import WAMP
import WAMPClient

struct MetaRun: Sendable {
    let command: MetaCommand
    let context: CommandContext
    let query: MetaQuery

    /// What is printed.
    private enum Answer: Sendable {
        case listing(MetaListing)
        /// A bare value for people, and the object around it for scripts.
        case value(Value, key: String)
        case object(Value.Dictionary, kind: String)
        /// Something was done: a sentence for stderr, an object for scripts.
        case done(String, Value.Dictionary)
    }

    func run() async throws(CommandFailure) -> Int32 {
        let client = try Client(
            command.connection, output: command.output, environment: context.environment)
        if query.isDangerous, !command.yes { try confirm() }
        let end = try await OneShot.run { () async throws(CommandFailure) -> Answer in
            let session = try await client.join()
            do throws(CommandFailure) {
                let answer = try await answer(MetaAPI(session: session))
                await session.leave(patience: Client.farewell)
                return answer
            } catch {
                await session.leave(patience: Client.farewell)
                throw error
            }
        }
        switch end {
        case .interrupted(let code): return code
        case .done(let answer):
            print(answer)
            return (Streams.shared.failure ?? .ok).rawValue
        }
    }

    // MARK: Asking first

    private func confirm() throws(CommandFailure) {
        guard isatty(STDIN_FILENO) == 1, context.terminal.stderrIsTerminal else {
            throw CommandFailure(.usage, "\(deed) needs --yes where nobody can be asked")
        }
        _ = File.write(Array("\(deed)? [y/N] ".utf8), to: STDERR_FILENO)
        let line = readLine()?.lowercased()
        guard line == "y" || line == "yes" else {
            throw CommandFailure(.canceled, "nothing was done")
        }
    }

    private var deed: String {
        switch query {
        case .kill(.session(let id)): "kill session \(id)"
        case .kill(.authid(let authid)): "kill all sessions of '\(authid)'"
        case .kill(.authrole(let role)): "kill all sessions of the role '\(role)'"
        case .kill(.all): "kill all other sessions"
        case .removeCallee(let name, let session): "take session \(session) out of \(name)"
        default: ""
        }
    }

    // MARK: Asking the router

    private func answer(_ meta: MetaAPI) async throws(CommandFailure) -> Answer {
        switch query {
        case .list(.session): return .listing(try await sessions(meta))
        case .list(let subject): return .listing(try await entries(of: subject, meta))
        case .countSessions:
            return .value(try await meta.ask("wamp.session.count"), key: "count")
        case .get(let subject, let id):
            let answer = try await meta.ask("wamp.\(subject.rawValue).get", [Value(id)])
            return .object(answer.dictionary ?? [:], kind: subject.rawValue)
        case .lookup(let subject, let uri):
            return .value(try await meta.id(of: uri, subject, match: command.match), key: "id")
        case .match(let subject, let uri): return try await matches(subject, uri, meta)
        case .members(let subject, let name):
            return .listing(try await members(subject, name, meta))
        case .events(let name): return .listing(try await events(name, meta))
        case .kill(let target): return try await kill(target, meta)
        case .removeCallee(let name, let session):
            let id = try await meta.id(of: name, .registration, match: command.match)
            let reason = command.reason.map { Value.Dictionary([("reason", .string($0))]) }
            try await meta.ask(
                "wamp.registration.remove_callee", [id, Value(session)], reason ?? [:])
            return .done(
                "took session \(session) out of \(name)",
                ["registration": id, "session": Value(session)])
        case .watch: return .done("", [:])
        }
    }

    private func sessions(_ meta: MetaAPI) async throws(CommandFailure) -> MetaListing {
        let ids = try await meta.ask("wamp.session.list").list ?? []
        var listing = MetaListing(
            kind: "session",
            columns: ["session", "authid", "authrole", "authmethod", "authprovider"])
        for (id, answer) in await meta.each(
            ids, { try? await meta.ask("wamp.session.get", [$0]) })
        {
            // One that has left in the meantime is none.
            guard let details = answer?.dictionary else { continue }
            var row = Value.Dictionary([("session", id)])
            for key in listing.columns.dropFirst() { row.append(key, details[key] ?? .null) }
            row.append("transport", details["transport"] ?? .null)
            listing.rows.append(row)
        }
        return listing
    }

    private func entries(
        of subject: MetaSubject, _ meta: MetaAPI
    ) async throws(CommandFailure) -> MetaListing {
        let lists = try await meta.ask("wamp.\(subject.rawValue).list").dictionary ?? [:]
        let matches = command.match.map { [$0] } ?? MatchPolicy.allCases
        let ids = matches.flatMap { lists[$0.rawValue]?.list ?? [] }
        let members = subject == .registration ? "callees" : "subscribers"
        var listing = MetaListing(
            kind: subject.rawValue,
            columns: subject == .registration
                ? ["id", "uri", "match", "invoke", members, "created"]
                : ["id", "uri", "match", members, "created"])
        let found = await meta.each(ids) { id in
            guard
                let details = try? await meta.ask("wamp.\(subject.rawValue).get", [id]),
                var row = details.dictionary
            else { return nil }
            let count = try? await meta.ask("wamp.\(subject.rawValue).count_\(members)", [id])
            row[members] = count ?? .null
            return .dictionary(row)
        }
        for (id, answer) in found {
            guard let details = answer?.dictionary,
                command.uri.map({ details["uri"]?.string?.hasPrefix($0) == true }) ?? true
            else { continue }
            var row = Value.Dictionary([("id", id)])
            for key in listing.columns.dropFirst() { row.append(key, details[key] ?? .null) }
            listing.rows.append(row)
        }
        return listing
    }

    private func matches(
        _ subject: MetaSubject, _ uri: String, _ meta: MetaAPI
    ) async throws(CommandFailure) -> Answer {
        let found = try await meta.ask("wamp.\(subject.rawValue).match", [.string(uri)])
        if subject == .subscription {
            guard let ids = found.list, !ids.isEmpty else { throw MetaAPI.missing(subject, uri) }
            return .value(found, key: "ids")
        }
        guard let id = found.unsigned, id > 0 else { throw MetaAPI.missing(subject, uri) }
        return .value(found, key: "id")
    }

    private func members(
        _ subject: MetaSubject, _ name: String, _ meta: MetaAPI
    ) async throws(CommandFailure) -> MetaListing {
        let id = try await meta.id(of: name, subject, match: command.match)
        let (members, kind) =
            subject == .registration ? ("callees", "callee") : ("subscribers", "subscriber")
        let ids = try await meta.ask("wamp.\(subject.rawValue).list_\(members)", [id]).list ?? []
        var listing = MetaListing(kind: kind, columns: ["session", "authid", "authrole"])
        for (id, answer) in await meta.each(
            ids, { try? await meta.ask("wamp.session.get", [$0]) })
        {
            let details = answer?.dictionary ?? [:]
            listing.rows.append([
                "session": id, "authid": details["authid"] ?? .null,
                "authrole": details["authrole"] ?? .null,
            ])
        }
        return listing
    }

    private func events(
        _ name: String, _ meta: MetaAPI
    ) async throws(CommandFailure) -> MetaListing {
        let id = try await meta.id(of: name, .subscription, match: command.match)
        var listing = MetaListing(
            kind: "event",
            columns: ["timestamp", "subscription", "publication", "args", "kwargs", "details"])
        var filter = Value.Dictionary()
        var hasMore = true
        // A router may give so many at once and tell that there are more.
        while hasMore {
            if let limit = command.limit {
                filter["limit"] = .int(Int64(limit - listing.rows.count))
            }
            let result = try await meta.call("wamp.subscription.get_events", [id], filter)
            // Some routers give the list as one argument.
            let list = result.args.count == 1 ? result.args[0].list ?? result.args : result.args
            for event in list.compactMap(\.dictionary) {
                listing.rows.append([
                    "timestamp": event["timestamp"] ?? .null,
                    "subscription": event["subscription"] ?? .null,
                    "publication": event["publication"] ?? .null, "args": event["args"] ?? [],
                    "kwargs": event["kwargs"] ?? [:], "details": event["details"] ?? [:],
                ])
            }
            let last = list.last?.dictionary?["publication"]
            filter["after_publication"] = last
            hasMore =
                result.kwargs["is_limit_reached"] == true && last != nil
                && listing.rows.count < command.limit ?? .max
        }
        return listing
    }

    private func kill(
        _ target: MetaQuery.MetaTarget, _ meta: MetaAPI
    ) async throws(CommandFailure) -> Answer {
        var kwargs = Value.Dictionary()
        if let reason = command.reason { kwargs.append("reason", .string(reason)) }
        if let message = command.message { kwargs.append("message", .string(message)) }
        let answer =
            switch target {
            case .session(let id): try await meta.ask("wamp.session.kill", [Value(id)], kwargs)
            case .authid(let authid):
                try await meta.ask("wamp.session.kill_by_authid", [.string(authid)], kwargs)
            case .authrole(let role):
                try await meta.ask("wamp.session.kill_by_authrole", [.string(role)], kwargs)
            case .all: try await meta.ask("wamp.session.kill_all", [], kwargs)
            }
        // Routers differ in whether they give the sessions or their number.
        let count: Value
        if case .session = target {
            count = 1
        } else {
            count = answer.list.map { .int(Int64($0.count)) } ?? answer
        }
        let number = count.unsigned.map { Figures.counted(Int(clamping: $0), "session") }
        return .done(
            "killed \(number ?? "an unknown number of sessions")",
            ["killed": count, "sessions": answer.list.map { .list($0) } ?? .null])
    }

    // MARK: Printing

    private func print(_ answer: Answer) {
        let format = command.output.format
        let isText = format == .text
        let isJSONLines = format == .jsonl
        switch answer {
        case .listing(let listing):
            // The default follows the terminal.
            let chosen: OutputFormat =
                isText ? context.terminal.stdoutIsTerminal ? .table : .tsv : format
            if let text = listing.text(as: chosen) { Streams.shared.print(text) }
        case .value(let value, let key):
            if isText {
                print(text: value)
            } else {
                print(object: [key: value], kind: key, isJSONLines)
            }
        case .object(let object, let kind):
            if isText {
                print(text: .dictionary(object))
            } else {
                print(object: object, kind: kind, isJSONLines)
            }
        case .done(let sentence, let object):
            if isText {
                if !command.output.quiet { Streams.shared.say(sentence) }
            } else {
                print(object: object, kind: "done", isJSONLines)
            }
        }
    }

    private func print(text value: Value) {
        let text = ResultText.text(
            args: [value], kwargs: [:], pretty: context.terminal.stdoutIsTerminal,
            colored: context.terminal.stdoutHasColor)
        if let text { Streams.shared.print(text) }
    }

    private func print(object: Value.Dictionary, kind: String, _ isRecord: Bool) {
        var record = Value.Dictionary()
        if isRecord {
            record.append("type", .string(kind))
            record.append("time", .string(WallMoment.now().timestamp))
        }
        for (key, value) in object.entries { record.append(key, value) }
        Streams.shared.print(JSONText.text(.dictionary(record)))
    }
}
