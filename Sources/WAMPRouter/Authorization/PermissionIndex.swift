// The decision that follows from the rules of a role, by look-ups that do not depend on how many
// rules there are: this is asked for every call.
//
// Spec: Advanced Profile, Authorization (which leaves the model to the router).

import BasicContainers
package import WAMP

/// The permissions of a realm, ready to be asked. Built once from `Permissions`.
package struct PermissionIndex: Sendable {
    /// Nil: no roles are configured.
    private let roles: [Name: RoleRules]?
    /// What everybody may do if no roles are configured.
    private let open: RoleRules

    package init(_ permissions: Permissions = Permissions()) {
        open = RoleRules(
            RolePermissions(
                rules: [PermissionRule(URIPattern("", match: .prefix), actions: Action.all)],
                mayReadMeta: true, mayKill: permissions.isKillAllowed))
        roles = permissions.roles?.mapValues(RoleRules.init)
        isOpen = permissions.isOpen
    }

    /// Whether everything is allowed to everybody.
    package let isOpen: Bool

    /// What a role may do; nil = there is no such role, and it may do nothing.
    ///
    /// A session keeps the answer for as long as the permissions hold.
    package func rules(of role: String) -> RoleRules? {
        guard let roles else { return open }
        return roles[Name(role)]
    }

    /// The rule that allows `action`; nil = denied.
    package func rule(
        for role: String, _ action: Action, _ uri: URI, as match: MatchPolicy = .exact
    ) -> PermissionRule? {
        rules(of: role)?.rule(for: action, uri, as: match)
    }
}

extension Action {
    package static let all = Set(Action.allCases)

    fileprivate var bit: UInt8 {
        switch self {
        case .call: 1
        case .register: 2
        case .publish: 4
        case .subscribe: 8
        case .forceReregister: 16
        }
    }
}

/// The rules of one role. The most specific one that matches a URI decides about it alone. What no
/// rule matches is denied.
// Unchecked: the tables, which point to memory of their own, are never changed after `init`.
package final class RoleRules: @unchecked Sendable {
    package let mayReadMeta: Bool
    package let mayKill: Bool
    package let isTrusted: Bool

    /// Beside the actions of a rule: it allows calls, and discloses callers as the realm does.
    private static let plainCall: UInt8 = 128

    private let rules: [PermissionRule]
    /// By rule: its actions, a bit each, and `plainCall`.
    private let actions: [UInt8]
    /// By rule: its pattern.
    private let patterns: [ComparablePattern]
    private let stored: UniqueArray<StoredURI>
    private let exact: URITable
    private let index: PatternIndex

    /// Of rules with the same pattern the first holds, with the actions of all.
    package init(_ role: RolePermissions) {
        mayReadMeta = role.mayReadMeta
        mayKill = role.mayKill
        isTrusted = role.isTrusted
        var rules: [PermissionRule] = []
        var places: [URIPattern: Int] = [:]
        for rule in role.rules {
            if let place = places[rule.pattern] {
                rules[place].actions.formUnion(rule.actions)
            } else {
                places[rule.pattern] = rules.count
                rules.append(rule)
            }
        }
        // The operator chose what is in the tables, so their seed is no secret.
        var stored = UniqueArray<StoredURI>()
        var exact = URITable(seed: 0)
        var index = PatternIndex(seed: 0)
        for (place, rule) in rules.enumerated() {
            let uri = StoredURI(rule.pattern.uri)
            if rule.pattern.match == .exact {
                exact.insert(uri.bytes, slot: UInt32(place))
            } else {
                index.insert(uri.bytes, as: rule.pattern.match, slot: UInt32(place))
            }
            stored.append(uri)
        }
        self.rules = rules
        actions = rules.map { rule in
            let isPlain = rule.actions.contains(.call) && rule.callerDisclosure == nil
            return rule.actions.reduce(isPlain ? Self.plainCall : 0) { $0 | $1.bit }
        }
        patterns = rules.map { ComparablePattern($0.pattern) }
        self.stored = stored
        self.exact = exact
        self.index = index
    }

    /// Whether `action` is allowed on a URI, as calling and publishing ask. Allocates nothing as
    /// long as the role has no wildcard rules.
    package func isAllowed(_ action: Action, _ uri: UnsafeRawBufferPointer) -> Bool {
        guard let place = place(of: uri) else { return false }
        return actions[place] & action.bit != 0
    }

    /// Whether calling is allowed, and the rule says nothing else about it.
    func letsPass(callOf uri: UnsafeRawBufferPointer) -> Bool {
        guard let place = place(of: uri) else { return false }
        return actions[place] & Self.plainCall != 0
    }

    /// The same for a URI or pattern: see `rule(for:_:as:)`.
    package func isAllowed(
        _ action: Action, _ uri: URI, as match: MatchPolicy = .exact
    ) -> Bool {
        match == .exact
            ? uri.withBytes { isAllowed(action, $0) } : patternPlace(action, uri, match) != nil
    }

    /// The rule that allows `action` on a URI, or on a pattern; nil = denied.
    ///
    /// A pattern needs a rule that covers every URI it can match. One that goes before it for some
    /// of these and does not allow the action denies it: the pattern would go round that rule.
    package func rule(
        for action: Action, _ uri: URI, as match: MatchPolicy = .exact
    ) -> PermissionRule? {
        if match != .exact { return patternPlace(action, uri, match).map { rules[$0] } }
        guard let place = uri.withBytes({ place(of: $0) }), actions[place] & action.bit != 0
        else { return nil }
        return rules[place]
    }

    /// The rule that decides about a URI, whatever it allows; of patterns, the rule for just this
    /// one. Nil = there is none.
    func decidingRule(_ uri: URI, as match: MatchPolicy) -> PermissionRule? {
        guard match == .exact else {
            return rules.first { $0.pattern == URIPattern(uri, match: match) }
        }
        return uri.withBytes { place(of: $0) }.map { rules[$0] }
    }

    /// The rule that decides about a URI.
    private func place(of uri: UnsafeRawBufferPointer) -> Int? {
        if let slot = exact.find(uri, isSame: { URI.isSame(stored[Int($0)].bytes, uri) }) {
            return Int(slot)
        }
        if index.isEmpty { return nil }
        return index.best(for: uri) { stored[Int($0)].bytes }.map(Int.init)
    }

    /// The rule that allows an action on a pattern: one that covers it, and yields at none of the
    /// URIs that the pattern matches to a rule that does not allow it. Looks at every rule:
    /// patterns are registered and subscribed to rarely.
    private func patternPlace(_ action: Action, _ uri: URI, _ match: MatchPolicy) -> Int? {
        let pattern = ComparablePattern(uri, match: match)
        let denying = patterns.indices.filter {
            actions[$0] & action.bit == 0 && patterns[$0].overlaps(pattern)
        }
        var best: Int?
        for place in patterns.indices
        where actions[place] & action.bit != 0 && patterns[place].covers(pattern) {
            let rule = patterns[place]
            if denying.contains(where: { patterns[$0].mayPrecede(rule, within: pattern) }) {
                continue
            }
            if let other = best, !rule.precedes(patterns[other], for: pattern) { continue }
            best = place
        }
        return best
    }
}
