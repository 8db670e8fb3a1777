// Testaments: what sessions want published when they are no more.
//
// Spec: Advanced Profile, Session Testament.

import WAMP

struct Testament {
    let topic: URI
    let options: PublishOptions
    let payload: Payload

    /// About what it costs to keep, in bytes.
    fileprivate var size: Int { payload.count + topic.count + options.custom.weight + 256 }
}

/// When a testament is published. Sessions are never resumed here, so that both moments are one:
/// what is for `detached` comes first.
enum TestamentScope: String, CaseIterable {
    case detached, destroyed
}

struct TestamentTable {
    private var bySession: [SessionKey: [TestamentScope: [Testament]]] = [:]

    var isEmpty: Bool { bySession.isEmpty }

    /// - Returns: false if the session has as many as it may have.
    mutating func add(
        _ testament: Testament, of session: SessionKey, _ scope: TestamentScope, limits: Limits
    ) -> Bool {
        let others = (bySession[session] ?? [:]).values.flatMap { $0 }
        let size = others.reduce(testament.size) { $0 + $1.size }
        guard others.count < limits.testamentsPerSession,
            size <= limits.testamentBytesPerSession
        else { return false }
        bySession[session, default: [:]][scope, default: []].append(testament)
        return true
    }

    mutating func flush(_ scope: TestamentScope, of session: SessionKey) {
        bySession[session]?[scope] = nil
        if bySession[session]?.isEmpty == true { bySession[session] = nil }
    }

    /// Takes all of a session, in the order in which they are to be published.
    mutating func take(of session: SessionKey) -> [Testament] {
        guard !bySession.isEmpty, let scopes = bySession.removeValue(forKey: session) else {
            return []
        }
        return (scopes[.detached] ?? []) + (scopes[.destroyed] ?? [])
    }
}
