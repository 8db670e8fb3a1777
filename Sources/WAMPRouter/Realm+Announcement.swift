// What WELCOME announces: just what works and is switched on.
//
// Spec: Advanced Profile, Feature Announcement.

import WAMP

extension Realm {
    var announcement: Roles { Roles([.broker: brokerFeatures, .dealer: dealerFeatures]) }

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
