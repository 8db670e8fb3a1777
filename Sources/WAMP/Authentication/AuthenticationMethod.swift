// The ways to prove who one is, by their names on the wire.

/// A method of authentication that this library knows.
///
/// Spec: Advanced Profile, Authentication.
package enum AuthenticationMethod: String, Sendable, CaseIterable {
    case anonymous, ticket, wampcra, cryptosign
    case scram = "wamp-scram"
    /// A client certificate of the transport.
    case tls

    /// Who authenticated a session, for `WELCOME.Details.authprovider`: the router's own list of
    /// users, or a procedure.
    package static let staticProvider = "static"
    package static let dynamicProvider = "dynamic"
}
