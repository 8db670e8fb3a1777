// wampctl.router.stats and its topic wampctl.router.on_stats: what the realm has done so far.

import WAMP

extension Realm {
    /// What the procedure returns, and what its topic tells. Counts begin when the realm is made.
    func statisticsDetails(at now: Now) -> Value.Dictionary {
        var details: Value.Dictionary = [:]
        if let started {
            let elapsed = now.moment.nanoseconds - min(started.nanoseconds, now.moment.nanoseconds)
            details.append("uptime_ms", Value(elapsed / 1_000_000))
        }
        details.append("sessions", Value(UInt64(sessions.count)))
        details.append("registrations", Value(UInt64(registrations.count)))
        details.append("subscriptions", Value(UInt64(subscriptions.count)))
        details.append("calls_in_flight", Value(UInt64(calls.count)))
        details.append("calls", Value(counters.calls))
        details.append("errors", Value(counters.errors))
        details.append("stray_answers", Value(counters.strayAnswers))
        details.append("events_published", Value(counters.eventsPublished))
        details.append("events_delivered", Value(counters.eventsDelivered))
        details.append("events_undeliverable", Value(counters.eventsUndeliverable))
        return details
    }

    /// Tells those who listen, and when it is to be done next.
    mutating func publishStatistics(at now: Now, into effects: inout Effects) {
        statistics.schedule(at: now)
        publishMeta("wampctl.router.on_stats", into: &effects) {
            [.dictionary($0.statisticsDetails(at: now))]
        }
    }
}
