// The messages that open and close a session. Spec: Basic Profile, Sessions.

package struct Hello: Equatable, Sendable {
    package var realm: URI
    package var roles: Roles
    package var agent: String?
    package var authmethods: [String]
    package var authid: String?
    package var authrole: String?
    package var authextra: Value.Dictionary?

    package init(
        realm: URI, roles: Roles, agent: String? = nil, authmethods: [String] = [],
        authid: String? = nil,
        authrole: String? = nil, authextra: Value.Dictionary? = nil
    ) {
        self.realm = realm
        self.roles = roles
        self.agent = agent
        self.authmethods = authmethods
        self.authid = authid
        self.authrole = authrole
        self.authextra = authextra
    }
}

package struct Welcome: Equatable, Sendable {
    package var session: SessionID
    package var details: Value.Dictionary

    package init(session: SessionID, details: Value.Dictionary) {
        self.session = session
        self.details = details
    }
}

package struct Abort: Equatable, Sendable {
    package var details: Value.Dictionary
    package var reason: ErrorURI
    package var payload: Payload

    package init(details: Value.Dictionary = [:], reason: ErrorURI, payload: Payload = Payload()) {
        self.details = details
        self.reason = reason
        self.payload = payload
    }

    /// The answer to a peer that broke the protocol.
    package init(_ violation: ProtocolViolation) {
        self.init(
            details: ["message": .string(violation.description)], reason: .protocolViolation)
    }
}

package struct Challenge: Equatable, Sendable {
    package var method: String
    package var extra: Value.Dictionary

    package init(method: String, extra: Value.Dictionary = [:]) {
        self.method = method
        self.extra = extra
    }
}

package struct Authenticate: Equatable, Sendable {
    package var signature: String
    package var extra: Value.Dictionary

    package init(signature: String, extra: Value.Dictionary = [:]) {
        self.signature = signature
        self.extra = extra
    }
}

package struct Goodbye: Equatable, Sendable {
    package var details: Value.Dictionary
    package var reason: ErrorURI

    package init(details: Value.Dictionary = [:], reason: ErrorURI) {
        self.details = details
        self.reason = reason
    }
}

/// Who a session is, as others may be told. Shared by reference: it is named in every RESULT.
package final class PeerIdentity: Equatable, Sendable {
    package let session: SessionID
    package let authid: String?
    package let authrole: String?

    package init(session: SessionID, authid: String? = nil, authrole: String? = nil) {
        self.session = session
        self.authid = authid
        self.authrole = authrole
    }

    package static func == (left: PeerIdentity, right: PeerIdentity) -> Bool {
        left === right
            || (left.session == right.session && Name.isSame(left.authid, right.authid)
                && Name.isSame(left.authrole, right.authrole))
    }
}
