// A session as the realm sees it: who it is and what it can do. What it does is kept by the tables.

package import WAMP

/// Somebody who was admitted and is about to join.
package struct Newcomer: Equatable, Sendable {
    package var roles: Roles
    /// The name asked for; the realm makes one up if there is none.
    package var authid: String?
    package var authrole: String
    package var authmethod: String
    package var authprovider: String
    /// Nil if others are not to know.
    package var transport: TransportDetails?
    /// `WELCOME.Details.authextra`; nil = none.
    package var authextra: Value.Dictionary?
    /// The id that was reserved; the realm draws one if there is none.
    package var session: SessionID?

    package init(
        roles: Roles, authid: String? = nil, authrole: String = "anonymous",
        authmethod: String = "anonymous", authprovider: String = "static",
        transport: TransportDetails? = nil,
        authextra: Value.Dictionary? = nil, session: SessionID? = nil
    ) {
        self.roles = roles
        self.authid = authid
        self.authrole = authrole
        self.authmethod = authmethod
        self.authprovider = authprovider
        self.transport = transport
        self.authextra = authextra
        self.session = session
    }
}

struct Session {
    let identity: PeerIdentity
    let authmethod: String
    let authprovider: String
    let transport: TransportDetails?
    /// The features announced for each role.
    let callerFeatures: Features
    let calleeFeatures: Features
    let publisherFeatures: Features
    let subscriberFeatures: Features
    /// What its role may do, as long as the permissions hold; nil = nothing, or no such role.
    var rules: RoleRules?
    /// The last id of its sequence of requests, where that is checked; nil = not known.
    var lastRequest: UInt64? = 0
    /// It has left; nothing may be sent to it while what it leaves behind is put in order.
    var isLeaving = false

    init(
        identity: PeerIdentity, roles: Roles, authmethod: String, authprovider: String,
        transport: TransportDetails? = nil, rules: RoleRules? = nil, isLeaving: Bool = false
    ) {
        self.identity = identity
        self.authmethod = authmethod
        self.authprovider = authprovider
        self.transport = transport
        callerFeatures = roles[.caller] ?? []
        calleeFeatures = roles[.callee] ?? []
        publisherFeatures = roles[.publisher] ?? []
        subscriberFeatures = roles[.subscriber] ?? []
        self.rules = rules
        self.isLeaving = isLeaving
    }

    var role: String { identity.authrole ?? "" }
    var canCancel: Bool { calleeFeatures.contains(.callCanceling) }
    var canReroute: Bool { calleeFeatures.contains(.callReroute) }
    /// It announced progressive results, and cancelling, without which nothing could stop them.
    var canProgress: Bool {
        calleeFeatures.isSuperset(of: [.progressiveCallResults, .callCanceling])
    }

    /// What `wamp.session.get` and `wamp.session.on_join` tell.
    var details: Value.Dictionary {
        var details: Value.Dictionary = [
            "session": Value(identity.session),
            "authid": identity.authid.map(Value.string) ?? .null,
            "authrole": identity.authrole.map(Value.string) ?? .null,
            "authmethod": .string(authmethod),
            "authprovider": .string(authprovider),
        ]
        if let transport { details.append("transport", .dictionary(transport.dictionary)) }
        return details
    }
}
