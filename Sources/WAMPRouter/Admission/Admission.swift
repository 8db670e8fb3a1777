// The first message of a connection: who may join which realm. Pure: a message in, a decision out.

package import WAMP

package enum Admission: Equatable {
    /// Join the realm of this name.
    case join(realm: String, Newcomer)
    /// Send this and close the connection.
    case refuse(Abort)
    /// The peer gave up: close the connection without an answer.
    case close

    /// Decides on the message that a connection without a session sent.
    ///
    /// - Parameters:
    ///   - realmExists: whether this router has the realm.
    /// - Returns: a refusal with `wamp.error.invalid_uri`, `no_such_realm`, `invalid_argument`,
    ///   `no_matching_auth_method` or `protocol_violation`, or the newcomer.
    ///
    /// Spec: Basic Profile, Session Establishment.
    package static func decide(
        on message: Message, limits: Limits, realmExists: (String) -> Bool
    ) -> Admission {
        let hello: Hello
        switch message {
        case .hello(let message): hello = message
        case .abort: return .close
        default:
            return .refuse(
                Abort(ProtocolViolation("\(message.code.name) before HELLO: no session is open")))
        }
        guard !hello.roles.isEmpty else {
            return .refuse(Abort(ProtocolViolation("HELLO.Details.roles names no role")))
        }
        guard hello.realm.isValid(.loose) else {
            return .refuse(explained(.invalidURI, "the realm is not a valid URI"))
        }
        let realm = hello.realm.description
        guard realmExists(realm) else {
            return .refuse(explained(.noSuchRealm, "this router has no realm '\(realm)'"))
        }
        guard hello.authmethods.isEmpty || hello.authmethods.contains("anonymous") else {
            return .refuse(
                explained(.noMatchingAuthMethod, "this router offers the method anonymous"))
        }
        if let authid = hello.authid, authid.utf8.count > limits.authidLength {
            return .refuse(
                explained(
                    .invalidArgument, "authid is longer than \(limits.authidLength) bytes"))
        }
        let authid = hello.authid.flatMap { $0.isEmpty ? nil : $0 }
        return .join(realm: realm, Newcomer(roles: hello.roles, authid: authid))
    }

    private static func explained(_ reason: ErrorURI, _ message: String) -> Abort {
        Abort(details: ["message": .string(message)], reason: reason)
    }
}
