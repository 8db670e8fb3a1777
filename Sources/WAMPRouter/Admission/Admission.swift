// The first message of a connection: who may join which realm, and how it is to be proved. Pure: a
// message in, a decision out.

package import WAMP

/// What the transport knows of a peer.
package struct TransportFacts: Equatable, Sendable {
    /// Nobody else can listen: TLS, or a peer on this very machine.
    package var isPrivate: Bool
    /// The common name of the client certificate, once the transport has verified it.
    package var certificateName: String?
    /// `tls-exporter` of RFC 9266, 32 bytes.
    package var channelID: [UInt8]?
    /// What an authenticator is told of it.
    package var details: TransportDetails?

    package init(
        isPrivate: Bool = true, certificateName: String? = nil, channelID: [UInt8]? = nil,
        details: TransportDetails? = nil
    ) {
        self.isPrivate = isPrivate
        self.certificateName = certificateName
        self.channelID = channelID
        self.details = details
    }
}

package enum Admission: Equatable {
    /// Join the realm of this name.
    case join(realm: String, Newcomer)
    /// Somebody who has to prove something before joining the realm of this name.
    case authenticate(realm: String, Candidate)
    /// Send this and close the connection.
    case refuse(Abort)
    /// The peer gave up: close the connection without an answer.
    case close

    /// Decides on the message that a connection without a session sent.
    ///
    /// - Parameters:
    ///   - secret: the router's own, by which strangers are told the same every time.
    ///   - principals: who may join a realm; nil if this router has no such realm.
    /// - Returns: a refusal with `wamp.error.invalid_uri`, `no_such_realm`, `invalid_argument`,
    ///   `no_matching_auth_method`, `authentication_required`, `no_such_role` or
    ///   `protocol_violation`, or the newcomer.
    ///
    /// Spec: Basic Profile, Session Establishment; Advanced Profile, Authentication.
    package static func decide(
        on message: Message, limits: Limits, transport: TransportFacts = TransportFacts(),
        secret: [UInt8], principals: (String) -> Principals?
    ) -> Admission {
        let hello: Hello
        switch message {
        case .hello(let message): hello = message
        case .abort: return .close
        default:
            return .refuse(
                Abort(ProtocolViolation("\(message.code.name) before HELLO: no session is open")))
        }
        guard Role.ofClients.contains(where: { hello.roles[$0] != nil }) else {
            return .refuse(
                Abort(ProtocolViolation("HELLO.Details.roles names no role of a client")))
        }
        guard hello.realm.isValid(.loose) else {
            return .refuse(
                explained(
                    .invalidURI,
                    hello.realm.count > URI.maximumLength
                        ? "the realm is longer than \(URI.maximumLength) bytes"
                        : "the realm '\(hello.realm.excerpt)' is not a valid URI"))
        }
        if let refusal = refusal(ofNames: hello, limits) { return .refuse(refusal) }
        let realm = hello.realm.description
        guard let principals = principals(realm) else {
            return .refuse(explained(.noSuchRealm, "this router has no realm '\(realm.excerpt)'"))
        }
        let choice = MethodChoice(hello, principals, transport, secret: secret)
        switch choice.outcome {
        case .anonymous(let role):
            // Where there are users, nobody takes a name without proof.
            let isOpen = principals.users.isEmpty && principals.authenticator == nil
            let authid = isOpen ? hello.authid.flatMap { $0.isEmpty ? nil : $0 } : nil
            return grant(
                Newcomer(roles: hello.roles, authid: authid, authrole: role), hello, realm)
        case .certified(let user):
            return grant(
                Newcomer(
                    roles: hello.roles, authid: user.authid, authrole: user.role,
                    authmethod: AuthenticationMethod.tls.rawValue), hello, realm)
        case .challenged(let method, let knowledge):
            return .authenticate(
                realm: realm,
                Candidate(
                    hello, method: method, knowledge: knowledge, principals: principals,
                    transport: transport, secret: secret))
        case .none:
            let wantsAnonymous =
                hello.authmethods.isEmpty || hello.authmethods.contains("anonymous")
            return .refuse(
                wantsAnonymous
                    ? explained(
                        .authenticationRequired, "this realm lets nobody in without authentication")
                    : explained(
                        .noMatchingAuthMethod, "this realm offers none of the methods asked for"))
        }
    }

    private static func grant(_ newcomer: Newcomer, _ hello: Hello, _ realm: String) -> Admission {
        if let refusal = refusal(ofRole: hello.authrole, granted: newcomer.authrole) {
            return .refuse(refusal)
        }
        return .join(realm: realm, newcomer)
    }

    /// A name that is longer than it may be. They are repeated in answers, logs and meta events.
    private static func refusal(ofNames hello: Hello, _ limits: Limits) -> Abort? {
        func fault(_ what: String, _ name: String?, _ limit: Int = Limits.nameLength) -> Abort? {
            guard let name, name.utf8.count > limit else { return nil }
            return explained(.invalidArgument, "\(what) is longer than \(limit) bytes")
        }
        let longest = min(limits.authidLength, Limits.nameLength)
        return fault("authid", hello.authid, longest) ?? fault("authrole", hello.authrole)
            ?? fault(
                "a name in authmethods",
                hello.authmethods.first { $0.utf8.count > Limits.nameLength })
    }

    /// A role that was asked for and is not the one that is granted.
    static func refusal(ofRole asked: String?, granted: String) -> Abort? {
        guard let asked, !asked.isEmpty, !Name.isSame(asked, granted) else { return nil }
        return explained(.noSuchRole, "the role '\(asked.excerpt)' is not to be had by this authid")
    }

    static func explained(_ reason: ErrorURI, _ message: String) -> Abort {
        Abort(details: ["message": .string(message)], reason: reason)
    }
}
