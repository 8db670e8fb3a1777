// What WELCOME announces: just what works and is switched on.
//
// Spec: Advanced Profile, Feature Announcement.

import WAMP

extension Realm {
    var announcement: Roles { Roles([.broker: brokerFeatures, .dealer: dealerFeatures]) }

    /// Sends a WELCOME again that was too large for a peer that takes 512 bytes, say: without the
    /// features, of which it then uses none, and without what it knows. If even that is too large,
    /// the session ends.
    mutating func shorten(
        _ welcome: Welcome, to session: SessionKey, at now: Now, into effects: inout Effects
    ) {
        let bare = Roles([.broker: [], .dealer: []]).details
        guard welcome.details["roles"] != .dictionary(bare) else {
            return abort(
                session, Abort(reason: .payloadSizeExceeded), at: now, into: &effects)
        }
        var details: Value.Dictionary = ["roles": .dictionary(bare)]
        for (key, value) in welcome.details.entries
        where !["roles", "agent", "realm"].contains(key) {
            details.append(key, value)
        }
        effects.send(.welcome(Welcome(session: welcome.session, details: details)), to: session)
    }

    private var brokerFeatures: Features {
        var features: Features = [
            .publisherExclusion, .subscriberBlackwhiteListing, .patternBasedSubscription,
            .eventRetention, .subscriptionRevocation, .subscriptionMetaAPI, .sessionMetaAPI,
            .payloadPassthruMode,
        ]
        if discloses(settings.publisherDisclosure, \.publisherDisclosure) {
            features.insert(.publisherIdentification)
        }
        if settings.topics.contains(where: { $0.trustlevel != nil }) {
            features.insert(.publicationTrustlevels)
        }
        if settings.topics.contains(where: { $0.history > 0 }) { features.insert(.eventHistory) }
        return features
    }

    /// Whether anybody may learn who called or published: a rule of a role goes before the realm's
    /// setting.
    private func discloses(
        _ setting: Disclosure, _ rule: KeyPath<PermissionRule, Disclosure?>
    ) -> Bool {
        if setting != .never { return true }
        return settings.permissions.roles?.values.contains { role in
            role.rules.contains { $0[keyPath: rule].map { $0 != .never } ?? false }
        } ?? false
    }

    private var dealerFeatures: Features {
        var features: Features = [
            .progressiveCallResults, .progressiveCallInvocations, .callTimeout, .callCanceling,
            .callReroute, .patternBasedRegistration, .registrationRevocation,
            .registrationMetaAPI, .payloadPassthruMode, .sessionMetaAPI, .testamentMetaAPI,
        ]
        if discloses(settings.callerDisclosure, \.callerDisclosure) {
            features.insert(.callerIdentification)
        }
        if settings.sharedRegistration { features.insert(.sharedRegistration) }
        if settings.shardedRegistration { features.insert(.shardedRegistration) }
        if settings.procedures.contains(where: { $0.trustlevel != nil }) {
            features.insert(.callTrustlevels)
        }
        return features
    }
}
