// What WELCOME announces: just what works and is switched on.
//
// Spec: Advanced Profile, Feature Announcement.

import WAMP

extension Realm {
    var announcement: Roles { Roles([.broker: brokerFeatures, .dealer: dealerFeatures]) }

    private var brokerFeatures: Features { [.publisherExclusion] }

    private var dealerFeatures: Features {
        var features: Features = [
            .progressiveCallResults, .progressiveCallInvocations, .callTimeout, .callCanceling,
            .callReroute, .callerIdentification, .patternBasedRegistration,
            .registrationRevocation, .registrationMetaAPI, .payloadPassthruMode,
        ]
        if settings.sharedRegistration { features.insert(.sharedRegistration) }
        if settings.shardedRegistration { features.insert(.shardedRegistration) }
        if settings.procedures.contains(where: { $0.trustlevel != nil }) {
            features.insert(.callTrustlevels)
        }
        return features
    }
}
