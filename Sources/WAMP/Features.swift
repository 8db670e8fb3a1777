// Roles and features: the one table of their names.

/// A role that a peer announces in HELLO or WELCOME.
public enum Role: String, Sendable, CaseIterable {
    case publisher, subscriber, caller, callee
    case broker, dealer

    /// Those of which a client must have one.
    package static let ofClients: [Role] = [.publisher, .subscriber, .caller, .callee]
}

/// Features of the Advanced Profile, whichever role announces them.
///
/// Spec: Advanced Profile, Feature Announcement.
public struct Features: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Each as the specification has it, in snake case.
    public static let publisherExclusion = Features(rawValue: 1 << 0)
    public static let sharedRegistration = Features(rawValue: 1 << 1)
    public static let callCanceling = Features(rawValue: 1 << 2)
    public static let callTimeout = Features(rawValue: 1 << 3)
    public static let callReroute = Features(rawValue: 1 << 4)
    public static let registrationMetaAPI = Features(rawValue: 1 << 5)
    public static let publisherIdentification = Features(rawValue: 1 << 6)
    public static let subscriberBlackwhiteListing = Features(rawValue: 1 << 7)
    public static let publicationTrustlevels = Features(rawValue: 1 << 8)
    public static let patternBasedSubscription = Features(rawValue: 1 << 9)
    public static let eventHistory = Features(rawValue: 1 << 10)
    public static let eventRetention = Features(rawValue: 1 << 11)
    public static let subscriptionRevocation = Features(rawValue: 1 << 12)
    public static let subscriptionMetaAPI = Features(rawValue: 1 << 13)
    public static let sessionMetaAPI = Features(rawValue: 1 << 14)
    public static let payloadPassthruMode = Features(rawValue: 1 << 15)
    public static let progressiveCallResults = Features(rawValue: 1 << 16)
    public static let progressiveCallInvocations = Features(rawValue: 1 << 17)
    public static let callerIdentification = Features(rawValue: 1 << 18)
    public static let callTrustlevels = Features(rawValue: 1 << 19)
    public static let patternBasedRegistration = Features(rawValue: 1 << 20)
    public static let shardedRegistration = Features(rawValue: 1 << 21)
    public static let registrationRevocation = Features(rawValue: 1 << 22)
    public static let testamentMetaAPI = Features(rawValue: 1 << 23)

    /// Spelling on the wire → feature. The first spelling of a feature is the one we announce; the
    /// progressive invocations section of the specification writes `call_cancelling` once, so both
    /// are understood.
    static let names: [(name: String, feature: Features)] = [
        ("publisher_exclusion", .publisherExclusion),
        ("shared_registration", .sharedRegistration),
        ("call_canceling", .callCanceling),
        ("call_cancelling", .callCanceling),
        ("call_timeout", .callTimeout),
        ("call_reroute", .callReroute),
        ("registration_meta_api", .registrationMetaAPI),
        ("publisher_identification", .publisherIdentification),
        ("subscriber_blackwhite_listing", .subscriberBlackwhiteListing),
        ("publication_trustlevels", .publicationTrustlevels),
        ("pattern_based_subscription", .patternBasedSubscription),
        ("event_history", .eventHistory),
        ("event_retention", .eventRetention),
        ("subscription_revocation", .subscriptionRevocation),
        ("subscription_meta_api", .subscriptionMetaAPI),
        ("session_meta_api", .sessionMetaAPI),
        ("payload_passthru_mode", .payloadPassthruMode),
        ("progressive_call_results", .progressiveCallResults),
        ("progressive_call_invocations", .progressiveCallInvocations),
        ("caller_identification", .callerIdentification),
        ("call_trustlevels", .callTrustlevels),
        ("pattern_based_registration", .patternBasedRegistration),
        ("sharded_registration", .shardedRegistration),
        ("registration_revocation", .registrationRevocation),
        ("testament_meta_api", .testamentMetaAPI),
    ]
}

/// The roles of a peer with the features announced for each.
public struct Roles: Hashable, Sendable {
    private var features: [Role: Features]

    /// Roles, each with what is announced for it.
    public init(_ features: [Role: Features]) { self.features = features }

    /// Whether there is no role at all.
    public var isEmpty: Bool { features.isEmpty }

    /// The features of a role; nil if the peer does not have the role.
    public subscript(role: Role) -> Features? {
        get { features[role] }
        set { features[role] = newValue }
    }

    /// Reads `Details.roles`. Roles and features that are not known are skipped.
    /// - Throws: a violation if a role, its `features` or a known feature has the wrong type.
    package init(details: Value.Dictionary) throws(ProtocolViolation) {
        features = [:]
        for (key, value) in details.entries {
            guard let role = Role(rawValue: key) else { continue }
            guard let description = value.dictionary else {
                throw ProtocolViolation("roles.\(key) must be a dictionary")
            }
            var announced: Features = []
            if let list = description["features"] {
                guard let list = list.dictionary else {
                    throw ProtocolViolation("roles.\(key).features must be a dictionary")
                }
                for (name, feature) in Features.names {
                    guard let flag = list[name] else { continue }
                    guard let isOn = flag.bool else {
                        throw ProtocolViolation("roles.\(key).features.\(name) must be a bool")
                    }
                    if isOn { announced.insert(feature) }
                }
            }
            features[role] = announced
        }
    }

    /// As `Details.roles` is written: roles and features in the order of their tables.
    package var details: Value.Dictionary {
        var details = Value.Dictionary()
        for role in Role.allCases {
            guard let announced = features[role] else { continue }
            var list = Value.Dictionary()
            var written: Features = []
            for (name, feature) in Features.names
            where announced.contains(feature) && !written.contains(feature) {
                list.append(name, .bool(true))
                written.insert(feature)
            }
            details.append(role.rawValue, list.isEmpty ? [:] : ["features": .dictionary(list)])
        }
        return details
    }
}
