// What an operator may decide about a realm. Values only: the file that they come from is read
// elsewhere.

package import WAMP

package struct RealmSettings: Sendable {
    /// Accept registrations under a rule other than `single` (SR-15).
    package var sharedRegistration = true
    /// Honour `runmode: partition` (SR-92).
    package var shardedRegistration = false
    /// Refuse what needs a feature to callees that did not announce it (SR-14).
    package var requiresAnnouncedFeatures = false
    /// Answer a conflict of rules with Crossbar.io's error URI instead of the standard one (SR-05).
    package var crossbarPolicyConflictURI = false
    /// Answer a call that finds all callees busy with Crossbar.io's error URI (SR-58).
    package var crossbarMaxConcurrencyURI = false
    /// Do as Crossbar.io does what its users depend on: what `get_events` returns, how those are
    /// told why who are ended or removed, the answer to GOODBYE, and what is told of a session that
    /// left.
    package var followsCrossbar = false
    /// Abort the session of a callee that names an unknown rule, as Crossbar.io does (SR-08).
    package var strictOptionValues = false
    /// Tell callers who answered: `callee`, `callee_authid`, `callee_authrole`.
    package var disclosesCallee = true
    /// Whether callees learn who calls, and subscribers who published, unless a role says so.
    package var callerDisclosure = Disclosure.onRequest
    package var publisherDisclosure = Disclosure.onRequest
    /// Which characters URIs may hold.
    package var uriRule = URIRule.loose
    package var requestIDs = RequestIDRule.lenient
    /// Carry options beginning with `_` or `x_` over to the paired message.
    package var forwardsCustomOptions = true
    /// The time limit of calls that ask for none, and the longest that a call may ask for, in
    /// milliseconds; 0 = none.
    package var callTimeoutDefault: UInt64 = 0
    package var callTimeoutMax: UInt64 = 0
    /// What holds for some procedures and topics; the most specific pattern wins.
    package var procedures: [ProcedureSettings] = []
    package var topics: [TopicSettings] = []
    /// Who may do what.
    package var permissions = Permissions()
    /// The procedure that decides what the rules of a role leave to it; nil = none.
    package var authorizer: URI?

    package init() {}

    /// All habits of Crossbar.io at once.
    package mutating func followCrossbar() {
        followsCrossbar = true
        crossbarPolicyConflictURI = true
        crossbarMaxConcurrencyURI = true
    }
}

/// Whether the other side learns who a caller or publisher is.
///
/// Spec: Advanced Profile, Caller Identification and Publisher Identification.
package enum Disclosure: String, Sendable, CaseIterable {
    case never
    case onRequest = "on_request"
    case always
}

/// How the ids of a client's requests are checked.
///
/// Spec: Basic Profile, Identifiers.
package enum RequestIDRule: String, Sendable, CaseIterable {
    /// Only: not in use by a request in flight.
    case lenient
    /// Sequential from 1, as the specification demands; anything else ends the session.
    case strict
}

/// A URI or a pattern of URIs, as a setting names it.
package struct URIPattern: Hashable, Sendable {
    package var uri: URI
    package var match: MatchPolicy

    package init(_ uri: URI, match: MatchPolicy = .exact) {
        self.uri = uri
        self.match = match
    }
}

package struct ProcedureSettings: Sendable {
    package var pattern: URIPattern
    package var queue: CallQueueSettings?
    /// `INVOCATION.Details.trustlevel`; nil = not told.
    package var trustlevel: UInt64?

    package init(
        _ pattern: URIPattern, queue: CallQueueSettings? = nil, trustlevel: UInt64? = nil
    ) {
        self.pattern = pattern
        self.queue = queue
        self.trustlevel = trustlevel
    }
}

/// Calls wait, if all callees are busy, instead of being refused (SR-60).
package struct CallQueueSettings: Hashable, Sendable {
    /// How many may wait.
    package var limit: Int
    /// How long one may wait, in milliseconds; 0 = as long as it takes.
    package var maxWait: UInt64

    package init(limit: Int, maxWait: UInt64 = 0) {
        self.limit = limit
        self.maxWait = maxWait
    }
}

package struct TopicSettings: Sendable {
    package var pattern: URIPattern
    /// How many events are kept for `wamp.subscription.get_events`; 0 = none.
    package var history: Int
    /// Whether every event is retained, as if its publisher had asked for it.
    package var retains: Bool
    /// `EVENT.Details.trustlevel`; nil = not told.
    package var trustlevel: UInt64?

    package init(
        _ pattern: URIPattern, history: Int = 0, retains: Bool = false, trustlevel: UInt64? = nil
    ) {
        self.pattern = pattern
        self.history = history
        self.retains = retains
        self.trustlevel = trustlevel
    }
}
