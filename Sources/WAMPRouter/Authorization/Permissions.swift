// Who may do what: roles, their rules, and the decision that follows from them.
//
// Spec: Advanced Profile, Authorization (which leaves the model to the router).

package import WAMP

/// What a session does that needs a permission.
package enum Action: String, Sendable, CaseIterable {
    case call, register, publish, subscribe
    /// Taking a procedure from its callees by REGISTER with `force_reregister` (SR-88).
    case forceReregister = "force_reregister"
}

/// The roles of a realm and what each may do.
package struct Permissions: Sendable {
    /// Nil: no roles are configured, and everybody may do everything.
    package var roles: [Name: RolePermissions]?
    /// Without configured roles: whether sessions may be ended through the meta API.
    package var isKillAllowed = true

    package init(roles: [Name: RolePermissions]? = nil) { self.roles = roles }

    /// Whether there is nothing to decide: every action is allowed to everybody.
    package var isOpen: Bool { roles == nil }
}

package struct RolePermissions: Sendable {
    package var rules: [PermissionRule]
    /// May ask the meta API for sessions, registrations and subscriptions.
    package var mayReadMeta: Bool
    /// May end sessions and remove callees and subscribers through the meta API.
    package var mayKill: Bool
    /// Patterns of this role that begin with an empty component match the router's own topics.
    package var isTrusted: Bool

    package init(
        rules: [PermissionRule] = [], mayReadMeta: Bool = false, mayKill: Bool = false,
        isTrusted: Bool = false
    ) {
        self.rules = rules
        self.mayReadMeta = mayReadMeta
        self.mayKill = mayKill
        self.isTrusted = isTrusted
    }
}

package struct PermissionRule: Sendable {
    package var pattern: URIPattern
    package var actions: Set<Action>
    /// Nil: as the realm has it.
    package var callerDisclosure: Disclosure?
    package var publisherDisclosure: Disclosure?
    /// Whether a decision of the dynamic authorizer that this rule leads to may be kept.
    package var isCacheable: Bool

    package init(
        _ pattern: URIPattern, actions: Set<Action>, callerDisclosure: Disclosure? = nil,
        publisherDisclosure: Disclosure? = nil, isCacheable: Bool = false
    ) {
        self.pattern = pattern
        self.actions = actions
        self.callerDisclosure = callerDisclosure
        self.publisherDisclosure = publisherDisclosure
        self.isCacheable = isCacheable
    }
}
