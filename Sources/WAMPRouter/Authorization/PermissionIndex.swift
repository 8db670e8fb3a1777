import WAMP

struct PermissionIndex: ~Copyable {
    let isOpen: Bool
    init(_ permissions: Permissions, seed: UInt64) { isOpen = permissions.isOpen }
    func rule(
        for role: String, _ action: Action, _ uri: URI, as match: MatchPolicy
    ) -> PermissionRule? { nil }
}
