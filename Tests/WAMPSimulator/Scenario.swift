// What a seed decides once: how the realm is set up, who may be there, and what is called how.

import WAMP
import WAMPRouter

/// The circumstances of one run.
struct Scenario {
    var settings = RealmSettings()
    var limits = Limits()
    /// How many sessions may be there at a time.
    var peerCount = 2
    /// Procedures and topics come from this pool, patterns from the other.
    var names: [String] = []
    var patterns: [(MatchPolicy, String)] = []
    /// The rule that is usual for a procedure: mixed ones would only refuse each other.
    var usualRules: [String] = []
    /// Rules decide who may do what, and some of them ask the authorizer.
    var hasRoles = false
    var hasAuthorizer = false
    /// Messages that cannot be delivered, in thousands.
    var undeliverable = 0
    /// The realm is emptied by `drain` at the end, instead of by losing everybody.
    var endsByDraining = false

    static let historyLength = 5
    static let authorizer = "auth.check"
    static let roles = ["guest", "user", "admin"]
    static let authids = ["ann", "bob", "cid"]
    static let rules = [
        "single", "roundrobin", "random", "first", "last", "_leastbusy", "_sticky",
    ]
    static let serializers = Serializer.allCases

    private static let allNames = [
        "p.0", "p.1", "p.1.x", "p.1.y", "p.12.x", "q.1.x", "q.0", "r.1.x.y",
    ]
    private static let allPatterns: [(MatchPolicy, String)] = [
        (.prefix, "p"), (.prefix, "p.1"), (.prefix, "p.1."), (.prefix, ""), (.prefix, "r"),
        (.wildcard, "p..x"), (.wildcard, "..x"), (.wildcard, "p.1."), (.wildcard, ".1."),
        (.wildcard, "r...y"), (.wildcard, "."),
    ]

    init(seed: UInt64) {
        var random = SeededRandom(seed: seed ^ 0x5CE4_A210)
        func chance(_ percent: Int) -> Bool { random.index(below: 100) < percent }
        // Few sessions and few names meet each other more often than many; both have their turn.
        peerCount = 2 + min(random.index(below: 10), random.index(below: 10))
        names = Array(Scenario.allNames.shuffled(using: &random).prefix(2 + random.index(below: 5)))
        patterns = Array(
            Scenario.allPatterns.shuffled(using: &random).prefix(random.index(below: 7)))
        usualRules = (names.map { _ in () } + patterns.map { _ in () }).map {
            Scenario.rules[random.index(below: Scenario.rules.count)]
        }
        if chance(15) { settings.requestIDs = .strict }
        if chance(15) { settings.requiresAnnouncedFeatures = true }
        if chance(30) { settings.shardedRegistration = true }
        if chance(10) { settings.disclosesCallee = false }
        if chance(10) { settings.forwardsCustomOptions = false }
        if chance(10) { settings.callerDisclosure = chance(50) ? .never : .always }
        if chance(10) { settings.publisherDisclosure = chance(50) ? .never : .always }
        if chance(15) { settings.callTimeoutDefault = 200 }
        if chance(10) { settings.callTimeoutMax = 150 }
        if chance(40) {
            for name in names where chance(60) {
                settings.procedures.append(
                    ProcedureSettings(
                        URIPattern(URI(name)),
                        queue: CallQueueSettings(
                            limit: 1 + random.index(below: 4), maxWait: chance(50) ? 100 : 0),
                        trustlevel: chance(20) ? 7 : nil))
            }
        }
        if chance(20) {
            settings.topics = names.map {
                TopicSettings(URIPattern(URI($0)), history: Scenario.historyLength)
            }
        }
        if chance(15) { limits.pendingCallsPerSession = 3 }
        if chance(10) { limits.registrationsPerSession = 2 }
        if chance(10) { limits.subscriptionsPerSession = 2 }
        if chance(20) { undeliverable = 1 + random.index(below: 20) }
        endsByDraining = chance(30)
        if chance(25) { setRoles(withAuthorizer: chance(60)) }
    }

    /// Guests may do as they like below `p.`, users below `p.` and `q.`, admins everywhere.
    private mutating func setRoles(withAuthorizer isDynamic: Bool) {
        hasRoles = true
        hasAuthorizer = isDynamic
        if isDynamic { settings.authorizer = URI(Scenario.authorizer) }
        func rules(_ prefixes: [URI]) -> [PermissionRule] {
            prefixes.map {
                PermissionRule(
                    URIPattern($0, match: .prefix),
                    actions: [.call, .register, .publish, .subscribe])
            }
        }
        settings.permissions.roles = [
            "guest": RolePermissions(rules: rules(["p."])),
            "user": RolePermissions(rules: rules(["p.", "q."]), mayReadMeta: true),
            "admin": RolePermissions(
                rules: [
                    PermissionRule(
                        URIPattern("", match: .prefix),
                        actions: [.call, .register, .publish, .subscribe, .forceReregister])
                ], mayReadMeta: true, mayKill: true, isTrusted: true),
        ]
    }

    /// Whether the rules of a role allow something, by looking at them in the plainest way.
    func isAllowed(_ role: String, _ uri: String, as match: MatchPolicy) -> Bool {
        guard hasRoles, role != "admin" else { return true }
        let prefixes = role == "user" ? ["p.", "q."] : ["p."]
        return prefixes.contains { start in
            // Of a wildcard pattern, what stands before the first empty component is certain.
            let certain =
                match == .wildcard
                ? Naming.literalStart(of: uri) : uri
            return certain.utf8.starts(with: start.utf8)
        }
    }
}
