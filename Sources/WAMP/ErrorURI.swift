// Every predefined error and close reason.
//
// Where the specification contradicts itself: a call whose callee left ends with `canceled`; the
// URI list spells it so, the prose of the Basic Profile ("Callee Leaving") `cancelled`. A refused
// action is `not_authorized` (Basic Profile); the Advanced Profile's `authorization_denied` is
// accepted from others, never sent.

/// An error URI or close reason: a predefined one, or any other.
public struct ErrorURI: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    public let rawValue: String

    public init(_ rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }

    public var description: String { rawValue }

    public static func == (left: Self, right: Self) -> Bool {
        Name.isSame(left.rawValue, right.rawValue)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(Name(rawValue)) }
}

// Spec: Basic Profile, Predefined URIs; Advanced Profile, Predefined URIs.
extension ErrorURI {
    /// Errors that the specification names; each is the URI that its name is made of.
    public static let invalidURI: Self = "wamp.error.invalid_uri"
    public static let noSuchProcedure: Self = "wamp.error.no_such_procedure"
    public static let procedureAlreadyExists: Self = "wamp.error.procedure_already_exists"
    public static let noSuchRegistration: Self = "wamp.error.no_such_registration"
    public static let noSuchSubscription: Self = "wamp.error.no_such_subscription"
    public static let noSuchSession: Self = "wamp.error.no_such_session"
    public static let noSuchPublication: Self = "wamp.error.no_such_publication"
    public static let invalidArgument: Self = "wamp.error.invalid_argument"
    /// Not in the specification; Autobahn's for arguments that cannot be passed on.
    public static let invalidPayload: Self = "wamp.error.invalid_payload"
    public static let canceled: Self = "wamp.error.canceled"
    public static let timeout: Self = "wamp.error.timeout"
    public static let payloadSizeExceeded: Self = "wamp.error.payload_size_exceeded"
    public static let protocolViolation: Self = "wamp.error.protocol_violation"
    public static let notAuthorized: Self = "wamp.error.not_authorized"
    public static let noSuchRealm: Self = "wamp.error.no_such_realm"
    public static let noMatchingAuthMethod: Self = "wamp.error.no_matching_auth_method"
    public static let optionNotAllowed: Self = "wamp.error.option_not_allowed"
    public static let networkFailure: Self = "wamp.error.network_failure"
    public static let unavailable: Self = "wamp.error.unavailable"
    public static let noAvailableCallee: Self = "wamp.error.no_available_callee"
    public static let featureNotSupported: Self = "wamp.error.feature_not_supported"
    public static let authorizationFailed: Self = "wamp.error.authorization_failed"
    public static let authorizationDenied: Self = "wamp.error.authorization_denied"
    public static let authorizationRequired: Self = "wamp.error.authorization_required"
    public static let noSuchRole: Self = "wamp.error.no_such_role"
    public static let noSuchPrincipal: Self = "wamp.error.no_such_principal"
    public static let authenticationDenied: Self = "wamp.error.authentication_denied"
    public static let authenticationFailed: Self = "wamp.error.authentication_failed"
    public static let authenticationRequired: Self = "wamp.error.authentication_required"
    public static let discloseMeNotAllowed: Self =
        "wamp.error.option_disallowed.disclose_me"

    /// Crossbar.io's URI for a REGISTER whose rule differs from the one in force (SR-05, by
    /// configuration).
    public static let differentInvocationPolicy: Self =
        "wamp.error.procedure_exists_with_different_invocation_policy"

    /// Crossbar.io's URI for events that are not kept (by configuration).
    public static let historyUnavailable: Self = "wamp.error.history_unavailable"

    /// Crossbar.io's URI for a call that finds every callee busy (SR-58, by configuration).
    public static let maxConcurrencyReached: Self = "crossbar.error.max_concurrency_reached"
    /// The reason that callees are told when another takes their procedure (SR-87).
    public static let unregistered: Self = "wamp.error.unregistered"

    /// Reasons to close a session.
    public static let systemShutdown: Self = "wamp.close.system_shutdown"
    public static let closeRealm: Self = "wamp.close.close_realm"
    public static let goodbyeAndOut: Self = "wamp.close.goodbye_and_out"
    public static let closeNormal: Self = "wamp.close.normal"
    public static let killed: Self = "wamp.close.killed"
}

/// What a peer did against the protocol. It ends the peer's session with ABORT
/// `wamp.error.protocol_violation`.
///
/// Spec: Basic Profile, Protocol Violations.
public struct ProtocolViolation: Error, Equatable, CustomStringConvertible {
    /// One sentence for the ABORT's `message` detail. What it says of the peer's own words is cut,
    /// so that it is not too long to be sent.
    public let description: String

    /// One sentence; what is longer is cut.
    public init(_ description: String) { self.description = description.excerpt }
}
