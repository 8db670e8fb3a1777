// wamp.session.*: who is here, and who is to go.
//
// Spec: Advanced Profile, Session Meta API.

import WAMP

extension Realm {
    /// The ids of all sessions, or of those with one of the roles given as the first argument.
    func sessionIDs(_ arguments: MetaArguments) throws(MetaError) -> [Value] {
        var roles: Set<Name>?
        if arguments.isGiven(0) {
            let list = arguments.args[0].list?.compactMap(\.string)
            guard let list, list.count == arguments.args[0].list?.count else {
                throw MetaError(.invalidArgument, "argument 1 must be a list of roles")
            }
            roles = Set(list.map { Name($0) })
        }
        return sessions.keys.compactMap { key in
            let identity = sessions[key].identity
            if let roles, !roles.contains(Name(identity.authrole ?? "")) { return nil }
            return Value(identity.session)
        }
    }

    func sessionDetails(_ arguments: MetaArguments) throws(MetaError) -> Value {
        let id: SessionID = try arguments.id(0, "session")
        guard let key = sessions.key(of: id) else {
            throw MetaError(.noSuchSession, about: "\(id)")
        }
        return .dictionary(sessions[key].details)
    }

    // MARK: Ending sessions. The caller's own is always spared.

    mutating func killSession(
        _ arguments: MetaArguments, from caller: SessionKey, at now: Now,
        into effects: inout Effects
    ) throws(MetaError) {
        let id: SessionID = try arguments.id(0, "session")
        let farewell = try arguments.farewell(behind: 1)
        guard let session = sessions.key(of: id) else {
            throw MetaError(.noSuchSession, about: "\(id)")
        }
        guard session != caller else {
            throw MetaError(.noSuchSession, "a session cannot end itself so")
        }
        dismiss(session, farewell, at: now, into: &effects)
    }

    /// - Returns: the ids of the sessions that were ended.
    mutating func killByAuthid(
        _ arguments: MetaArguments, from caller: SessionKey, at now: Now,
        into effects: inout Effects
    ) throws(MetaError) -> [Value] {
        let authid = try arguments.string(0, "an authid")
        let farewell = try arguments.farewell(behind: 1)
        let killed = others(than: caller).filter {
            Name.isSame(sessions[$0].identity.authid, authid)
        }
        let ids = killed.map { Value(sessions[$0].identity.session) }
        for session in killed { dismiss(session, farewell, at: now, into: &effects) }
        return ids
    }

    /// - Returns: how many sessions were ended.
    mutating func killByAuthrole(
        _ arguments: MetaArguments, from caller: SessionKey, at now: Now,
        into effects: inout Effects
    ) throws(MetaError) -> Int {
        let role = try arguments.string(0, "a role")
        let farewell = try arguments.farewell(behind: 1)
        let killed = others(than: caller).filter {
            Name.isSame(sessions[$0].identity.authrole, role)
        }
        for session in killed { dismiss(session, farewell, at: now, into: &effects) }
        return killed.count
    }

    /// Ends all sessions but the caller's, without meta events and without testaments.
    /// - Returns: how many sessions were ended.
    mutating func killAll(
        _ arguments: MetaArguments, from caller: SessionKey, at now: Now,
        into effects: inout Effects
    ) throws(MetaError) -> Int {
        let farewell = try arguments.farewell(behind: 0)
        let killed = others(than: caller)
        isKillingAll = true
        for session in killed {
            dismiss(session, farewell, leavingTestaments: false, at: now, into: &effects)
        }
        isKillingAll = false
        return killed.count
    }

    private func others(than caller: SessionKey) -> [SessionKey] {
        sessions.keys.filter { $0 != caller && sessions.isPresent($0) }
    }
}

extension MetaArguments {
    /// The GOODBYE of a session that is ended, with the `reason` and the `message` asked for.
    /// - Parameter count: how many arguments come before them where they are positional.
    fileprivate func farewell(behind count: Int) throws(MetaError) -> Goodbye {
        let message = try keyword("message", orAt: count + 1, "a string", \.string)
        return Goodbye(
            details: message.map { ["message": .string($0)] } ?? [:],
            reason: try reason(orAt: count, otherwise: .killed))
    }
}
