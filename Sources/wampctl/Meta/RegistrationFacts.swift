// What the registration meta API tells about a procedure: its rule and its callees.

import WAMP
import WAMPClient

struct RegistrationFacts {
    let id: UInt64
    var rule: String?
    /// In the order of the registration; nil if the router does not tell.
    var callees: [(session: UInt64, name: String?)]?

    /// How many callees are asked for their names.
    private static let namedLimit = 256

    /// How long a router may take to answer what it can look up.
    static let limit = Duration.seconds(2)

    /// The same, but not beyond a deadline.
    static func patience(until deadline: ContinuousClock.Instant) -> Duration {
        max(.milliseconds(1), min(limit, ContinuousClock.now.duration(to: deadline)))
    }

    /// The router does not tell: it has no such procedure, or not for us.
    struct Refusal: Error {
        let procedure: URI
        let error: ErrorURI

        /// - Parameter role: that of the session that asked.
        func sentence(role: String?) -> String {
            error == .noSuchProcedure
                ? "the router has no \(procedure)"
                : "\(role.map { "role '\($0)'" } ?? "this session") may not call \(procedure)"
        }
    }

    /// Asks the router; nil if nobody is registered, or it does not answer in time.
    ///
    /// - Parameters:
    ///   - match: how the procedure is registered; nil = whatever would serve a call of it.
    ///   - deadline: for the answer whether somebody is; nil = soon.
    static func of(
        _ procedure: String, as match: MatchPolicy? = nil, through session: Session,
        before deadline: ContinuousClock.Instant? = nil
    ) async throws(Refusal) -> RegistrationFacts? {
        let limit = deadline.map(patience) ?? limit
        let found =
            if let match {
                try await ask(
                    session, "wamp.registration.lookup",
                    [.string(procedure), ["match": .string(match.rawValue)]], within: limit)
            } else {
                try await ask(
                    session, "wamp.registration.match", [.string(procedure)], within: limit)
            }
        guard let id = found?.unsigned else { return nil }
        async let list = try? ask(session, "wamp.registration.list_callees", [Value(id)])
        let description = try await ask(session, "wamp.registration.get", [Value(id)])
        let sessions = await list?.list?.compactMap(\.unsigned)
        let names = await names(of: sessions ?? [], through: session)
        return RegistrationFacts(
            id: id, rule: description?.dictionary?["invoke"]?.string,
            callees: sessions?.map { ($0, names[$0]) })
    }

    /// The authids of sessions, as far as the router tells.
    static func names(of sessions: [UInt64], through session: Session) async -> [UInt64: String] {
        await withTaskGroup(of: (UInt64, String?).self) { tasks in
            for id in sessions.prefix(namedLimit) {
                tasks.addTask {
                    let details = try? await ask(session, "wamp.session.get", [Value(id)])
                    return (id, details?.dictionary?["authid"]?.string)
                }
            }
            var names: [UInt64: String] = [:]
            for await (id, name) in tasks { names[id] = name }
            return names
        }
    }

    /// The URIs of exact registrations, at most a few hundred.
    static func procedures(through session: Session) async -> [String] {
        let lists = try? await ask(session, "wamp.registration.list", [])
        let ids = lists?.dictionary?["exact"]?.list ?? []
        return await withTaskGroup(of: String?.self) { tasks in
            for id in ids.prefix(namedLimit) {
                tasks.addTask {
                    let details = try? await ask(session, "wamp.registration.get", [id])
                    return details?.dictionary?["uri"]?.string
                }
            }
            var procedures: [String] = []
            for await procedure in tasks { if let procedure { procedures.append(procedure) } }
            return procedures
        }
    }

    private static func ask(
        _ session: Session, _ procedure: URI, _ args: [Value], within limit: Duration = limit
    ) async throws(Refusal) -> Value? {
        do throws(ClientError) {
            return try await session.call(procedure, args: args, timeout: limit).args.first
        } catch {
            guard case .error(let uri, _, _, _) = error,
                uri == .noSuchProcedure || ExitCode(uri) == .notAuthorized
            else { return nil }
            throw Refusal(procedure: procedure, error: uri)
        }
    }
}
