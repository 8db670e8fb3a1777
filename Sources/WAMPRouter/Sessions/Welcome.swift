// How a session joins: its id, its identity, WELCOME, and what others are told.

package import WAMP

extension Realm {
    static let agent = Release.agent

    /// Draws an id for somebody who is to prove who it is before it may join; it is kept until then
    /// or until it is released.
    package mutating func reserveSessionID() -> SessionID {
        let id = unusedSessionID()
        sessions.reserve(id)
        return id
    }

    /// Nobody is going to join with a reserved id.
    package mutating func release(_ id: SessionID) { sessions.release(id) }

    private mutating func unusedSessionID() -> SessionID {
        var id: SessionID = random.id()
        while !sessions.isFree(id) { id = random.id() }
        return id
    }

    /// Lets a session in and sends it WELCOME.
    package mutating func join(
        _ newcomer: Newcomer, at now: Now, into effects: inout Effects
    ) -> SessionKey {
        if !isOpen { open(at: now) }
        let id = newcomer.session ?? unusedSessionID()
        sessions.release(id)
        let authid = newcomer.authid ?? random.name()
        let identity = PeerIdentity(session: id, authid: authid, authrole: newcomer.authrole)
        let key = sessions.insert(
            Session(
                identity: identity, roles: newcomer.roles, authmethod: newcomer.authmethod,
                authprovider: newcomer.authprovider, transport: newcomer.transport,
                rules: permissions.rules(of: newcomer.authrole)))
        var details: Value.Dictionary = [
            "roles": .dictionary(announcement.details),
            "agent": .string(Realm.agent),
            "realm": .string(name),
            "authid": .string(authid),
            "authrole": .string(newcomer.authrole),
            "authmethod": .string(newcomer.authmethod),
            "authprovider": .string(newcomer.authprovider),
        ]
        if let authextra = newcomer.authextra {
            details.append("authextra", .dictionary(authextra))
        }
        effects.send(.welcome(Welcome(session: id, details: details)), to: key)
        publishMeta("wamp.session.on_join", into: &effects) {
            [.dictionary($0.sessions[key].details)]
        }
        // It was let in before the realm was drained.
        if isDraining { dismiss(key, at: now, into: &effects) }
        return key
    }
}
