// Every bound of the core in one place.

package import WAMP

package struct Limits: Sendable {
    /// Calls that one session may have in flight; those beyond are refused with
    /// `wamp.error.unavailable`.
    package var pendingCallsPerSession = 10_000
    /// Registrations and subscriptions of one session; those beyond are refused likewise.
    package var registrationsPerSession = 4_000_000
    package var subscriptionsPerSession = 1_000_000
    /// The longest authid a client may ask for, in bytes.
    package var authidLength = 256

    package init() {}
}

/// What an operator may decide about a realm.
package struct RealmSettings: Sendable {
    /// Accept registrations under a rule other than `single` (SR-15).
    package var sharedRegistration = true
    /// Refuse such registrations to callees that did not announce `shared_registration` (SR-14).
    package var requiresAnnouncedFeatures = false
    /// Answer a conflict of rules with Crossbar.io's error URI instead of the standard one (SR-05).
    package var crossbarPolicyConflictURI = false
    /// Abort the session of a callee that names an unknown rule, as Crossbar.io does (SR-08).
    package var strictOptionValues = false
    /// Tell callers who answered: `callee`, `callee_authid`, `callee_authrole`.
    package var disclosesCallee = true
    /// Which characters URIs may hold.
    package var uriRule = URIRule.loose

    package init() {}
}
