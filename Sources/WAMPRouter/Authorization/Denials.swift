// Requests that were denied. Whoever asked learns next to nothing; the operator's log may tell all.

package import WAMP

/// A request that a session was not allowed.
package struct Denial: Equatable, Sendable {
    package let identity: PeerIdentity
    package let action: Action
    /// As it is repeated in the log.
    package let uri: String
    /// What it was told, if it waits for an answer.
    package let error: ErrorURI
}

extension Realm {
    /// How many are kept for whoever logs them. More in one go are not worth a line each.
    private static let mostDenials = 100

    mutating func note(
        denied action: Action, _ uri: URI, of session: SessionKey,
        _ error: ErrorURI = .notAuthorized
    ) {
        guard denials.count < Self.mostDenials else { return }
        denials.append(
            Denial(
                identity: sessions[session].identity, action: action, uri: uri.excerpt,
                error: error))
    }

    /// What was denied since this was last asked for.
    package mutating func takeDenials() -> [Denial] {
        guard !denials.isEmpty else { return [] }
        defer { denials = [] }
        return denials
    }
}
