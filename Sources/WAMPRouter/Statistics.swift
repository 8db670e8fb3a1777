// What the realm counts, and how often those who listen are told.

import WAMP

/// Counts since the realm was made.
struct Counters {
    /// CALLs, to whatever procedure.
    var calls: UInt64 = 0
    /// ERRORs that callers got.
    var errors: UInt64 = 0
    /// YIELDs and ERRORs for invocations that their session never got. They were dropped.
    var strayAnswers: UInt64 = 0
    /// Accepted PUBLISHes, and testaments.
    var eventsPublished: UInt64 = 0
    /// EVENTs sent, one for each receiver.
    var eventsDelivered: UInt64 = 0
    /// EVENTs that were too large for their receivers, or that their serializers cannot hold; and
    /// PUBLISHes whose arguments are broken.
    var eventsUndeliverable: UInt64 = 0
}

/// When the statistics are published next: once a second, as long as somebody listens.
struct Statistics {
    static let topic: URI = "wampctl.router.on_stats"
    /// In milliseconds.
    private static let interval: UInt64 = 1000

    private var listenerCount = 0
    /// Nil while nobody listens.
    private(set) var due: Moment?

    mutating func addListener(at now: Now) {
        listenerCount += 1
        if due == nil { schedule(at: now) }
    }

    mutating func removeListener() {
        listenerCount -= 1
        if listenerCount == 0 { due = nil }
    }

    /// Whether they are to be published now.
    func isDue(at now: Now) -> Bool { due.map { $0 <= now.moment } ?? false }

    mutating func schedule(at now: Now) {
        due = now.moment.advanced(milliseconds: Statistics.interval)
    }
}
