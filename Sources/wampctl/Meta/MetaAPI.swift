// The router's meta API: calls whose errors become the command's, and URIs that become ids.

import WAMP
import WAMPClient

/// What the meta API knows about.
enum MetaSubject: String, CaseIterable, Sendable {
    case session, registration, subscription

    var unknown: ErrorURI {
        switch self {
        case .session: "wamp.error.no_such_session"
        case .registration: "wamp.error.no_such_registration"
        case .subscription: "wamp.error.no_such_subscription"
        }
    }
}

struct MetaAPI: Sendable {
    let session: Session

    /// How long a router may take to answer what it can look up.
    private static let limit = Duration.seconds(10)
    /// How many questions are under way at once.
    private static let width = 64

    /// The first value of a procedure's result; null if it has none.
    @discardableResult
    func ask(
        _ procedure: String, _ args: [Value] = [], _ kwargs: Value.Dictionary = [:]
    ) async throws(CommandFailure) -> Value {
        try await call(procedure, args, kwargs).args.first ?? .null
    }

    func call(
        _ procedure: String, _ args: [Value] = [], _ kwargs: Value.Dictionary = [:]
    ) async throws(CommandFailure) -> CallResult {
        do throws(ClientError) {
            return try await session.call(
                URI(procedure), args: args, kwargs: kwargs, timeout: Self.limit)
        } catch {
            throw failure(error, procedure, args)
        }
    }

    private func failure(
        _ error: ClientError, _ procedure: String, _ args: [Value]
    ) -> CommandFailure {
        var subject = procedure
        if case .error(let uri, _, _, _) = error, let id = args.first,
            MetaSubject.allCases.contains(where: { $0.unknown == uri })
        {
            subject = JSONText.text(id)
        }
        var failure = CommandFailure(error, subject: subject, in: session)
        guard case .error(let uri, _, _, _) = error else { return failure }
        if uri == .noSuchProcedure {
            let part = procedure.split(separator: ".").dropFirst().first ?? ""
            failure.code = .protocolFault
            failure.message = "the router does not have this part of the \(part) meta API"
        } else if MetaSubject.allCases.contains(where: { $0.unknown == uri }) {
            failure.code = .noSuchProcedure
        }
        return failure
    }

    /// The same question about each of several ids, in their order; nil where there was no answer,
    /// as for one that has gone in the meantime.
    func each(
        _ ids: [Value], _ question: @escaping @Sendable (Value) async -> Value?
    ) async -> [(id: Value, answer: Value?)] {
        await withTaskGroup(of: (Int, Value?).self) { tasks in
            var answers: [(id: Value, answer: Value?)] = ids.map { ($0, nil) }
            var next = 0
            func add() {
                guard next < ids.count else { return }
                let index = next
                next += 1
                tasks.addTask { (index, await question(ids[index])) }
            }
            for _ in 0..<Self.width { add() }
            while let (index, answer) = await tasks.next() {
                answers[index].answer = answer
                add()
            }
            return answers
        }
    }

    /// The id of a registration or subscription that is named by its id or its URI.
    func id(
        of name: String, _ subject: MetaSubject, match: MatchPolicy?
    ) async throws(CommandFailure) -> Value {
        if let id = UInt64(name) { return Value(id) }
        let options: Value.Dictionary = match.map { ["match": .string($0.rawValue)] } ?? [:]
        let args: [Value] = [.string(name)] + (options.isEmpty ? [] : [.dictionary(options)])
        let found = try await ask("wamp.\(subject.rawValue).lookup", args)
        // Some routers answer 0 in place of null.
        guard let id = found.unsigned, id > 0 else {
            throw Self.missing(subject, name)
        }
        return found
    }

    static func missing(_ subject: MetaSubject, _ name: String) -> CommandFailure {
        CommandFailure(.noSuchProcedure, "no such \(subject.rawValue)", subject: name)
    }
}
