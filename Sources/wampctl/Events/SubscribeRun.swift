// The course of a `subscribe`, from its subscriptions to its end. Pure.

import WAMPClient

struct SubscribeRun: Run {
    enum Event: Equatable {
        /// A signal that wants the process to end.
        case signal(Int32)
        /// The reader of stdout went away.
        case outputBroken
        /// As many events as asked for have come.
        case countReached
        /// Nothing has come for as long as `--idle` says.
        case idleLimitReached
        /// The time for the events that were asked for is over; so many have come.
        case timeLimitReached(count: Int)
        case sessionEnded(SessionEnd)
        /// The router took the subscription of a topic away, the numbered one.
        case revoked(topic: Int, Revocation)
        /// GOODBYE has been answered, or the time for that is over.
        case left
    }

    enum Action: Equatable {
        case sayRevoked(topic: Int, Revocation)
        /// Say GOODBYE, and tell `left`.
        case sayGoodbye
        /// Leave the session, and end.
        case leave(End)
        /// End without waiting for anything.
        case endAtOnce(signal: Int32)
    }

    enum End: Equatable {
        case done
        case interrupted(signal: Int32)
        case outputBroken
        case late
        case sessionEnded(SessionEnd)
        case revoked
    }

    private let topicCount: Int
    /// How many events are wanted; nil = any number.
    private let goal: Int?
    private var stoppedBy: Int32?
    private var revoked: Set<Int> = []

    init(topicCount: Int, goal: Int?) {
        self.topicCount = topicCount
        self.goal = goal
    }

    mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .signal(let signal):
            guard stoppedBy == nil else { return [.endAtOnce(signal: signal)] }
            stoppedBy = signal
            return [.sayGoodbye]
        case .outputBroken: return [.leave(.outputBroken)]
        case .countReached, .idleLimitReached: return [.leave(.done)]
        // Without a goal the limit is for the first event.
        case .timeLimitReached(let count): return count < goal ?? 1 ? [.leave(.late)] : []
        case .sessionEnded(let end): return stoppedBy == nil ? [.leave(.sessionEnded(end))] : []
        case .revoked(let topic, let revocation):
            revoked.insert(topic)
            return [.sayRevoked(topic: topic, revocation)]
                + (revoked.count == topicCount ? [.leave(.revoked)] : [])
        case .left:
            guard let stoppedBy, goal != nil else { return [.leave(.done)] }
            return [.leave(.interrupted(signal: stoppedBy))]
        }
    }
}
