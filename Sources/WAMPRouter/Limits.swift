// Every bound of the core in one place.

package struct Limits: Sendable {
    /// Calls that one session may have in flight; those beyond are refused with
    /// `wamp.error.unavailable`.
    package var pendingCallsPerSession = 10_000
    /// What is kept of the calls of one session that wait or may have to be sent again, in bytes;
    /// with more, calls are refused likewise.
    package var keptBytesPerSession = 256 << 20
    /// Registrations and subscriptions of one session; those beyond are refused likewise.
    package var registrationsPerSession = 4_000_000
    package var subscriptionsPerSession = 1_000_000
    /// The longest authid a client may ask for, in bytes; no more than `nameLength`.
    package var authidLength = 256
    /// The longest name of whatever kind that anybody may ask for or be given, in bytes.
    package static let nameLength = 1024
    /// Topics of which events are retained, and their size in bytes. What is beyond is not kept.
    package var retainedTopics = 10_000
    package var retainedBytes = 64 << 20
    /// The size of the history of one subscription, in bytes. The oldest events give way.
    package var historyBytes = 64 << 20
    /// Events that one call of `wamp.subscription.get_events` returns, and their size in bytes.
    /// What is beyond is left for the next call, so that none holds others up.
    package var historyAnswerEvents = 1000
    package var historyAnswerBytes = 1 << 20
    /// Testaments of one session, and their size in bytes; those beyond are refused with
    /// `wamp.error.unavailable`.
    package var testamentsPerSession = 100
    package var testamentBytesPerSession = 1 << 20

    /// Further parts of one call that waits for a callee, and their size in bytes; with more it
    /// ends with `wamp.error.unavailable`.
    package var waitingChunks = 1000
    package var waitingChunkBytes = 64 << 20
    /// Messages of one session that may wait for the dynamic authorizer, and their size in bytes;
    /// those beyond are refused.
    package var postponedMessages = 1000
    package var postponedBytes = 64 << 20
    /// Decisions of the dynamic authorizer that are remembered.
    package var cachedDecisions = 10_000

    package init() {}
}
