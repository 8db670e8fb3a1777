// What a realm holds at the moment, for those who check that nothing is left behind.

/// How much is in the tables of a realm.
package struct Census: Equatable, Sendable {
    package var sessions = 0
    package var registrations = 0
    /// Those that somebody holds: a history alone is no subscriber.
    package var subscribers = 0
    package var calls = 0
    /// Invocations that count against some callee.
    package var inFlight = 0
    /// Calls that wait for a callee.
    package var waiting = 0
    /// Sessions that messages are kept of, or that cannot be written to.
    package var lateChunks = 0
    package var postponed = 0
    package var blocked = 0
    package var questions = 0
    package var testaments = false
    package var deadline = false

    package init() {}
}

extension Realm {
    package var census: Census {
        var census = Census()
        census.sessions = sessions.count
        census.registrations = registrations.count
        census.subscribers = subscriptions.all.reduce(0) {
            $0 + subscriptions[$1].subscribers.count
        }
        census.calls = calls.count
        census.inFlight = registrations.inFlightCount
        census.waiting = queues.values.reduce(0) { $0 + $1.count }
        census.lateChunks = lateChunks.count
        census.postponed = postponed.count
        census.blocked = sessions.blocked.count
        census.questions = questions.count
        census.testaments = !testaments.isEmpty
        census.deadline = nextDeadline != nil
        return census
    }
}
