// wamp.session.*: who is here.

import WAMP

extension Realm {
    /// The ids of all sessions, or of those with one of the roles given as the first argument.
    func sessionIDs(_ arguments: MetaArguments) throws(MetaError) -> [Value] {
        var roles: [String]?
        if arguments.isGiven(0) {
            let list = arguments.args[0].list?.compactMap(\.string)
            guard let list, list.count == arguments.args[0].list?.count else {
                throw MetaError(.invalidArgument, "argument 1 must be a list of roles")
            }
            roles = list
        }
        return sessions.keys.compactMap { key in
            let identity = sessions[key].identity
            if let roles, !roles.contains(identity.authrole ?? "") { return nil }
            return Value(identity.session)
        }
    }

    func sessionDetails(_ arguments: MetaArguments) throws(MetaError) -> Value {
        guard let key = try sessions.key(of: arguments.id(0, "session")) else {
            throw MetaError(.noSuchSession)
        }
        return .dictionary(sessions[key].details)
    }
}
