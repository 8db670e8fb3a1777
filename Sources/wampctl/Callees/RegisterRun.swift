// The course of a `register`, from its registrations to its end. Pure.
//
// It serves until it is told to end; then it drains: it unregisters, waits for what is still being
// served, and leaves. It leaves without draining once no instance is registered any more.

import WAMPClient

struct RegisterRun: Run {
    enum Event: Equatable {
        /// A signal that wants the process to end.
        case signal(Int32)
        /// Somebody asks how far it is.
        case figuresAsked
        /// The reader of stdout went away.
        case outputBroken
        /// As many invocations as asked for have come.
        case countReached
        case sessionEnded(instance: Int, SessionEnd)
        /// If the router had gone, all sessions would have ended by now.
        case lossesSettled
        /// The router took the registration of an instance away.
        case revoked(instance: Int, Revocation)
        /// The router has let go of all registrations.
        case unregistered
        /// Which instances serve an invocation.
        case serving(instances: Set<Int>)
        /// An instance serves nothing any more.
        case idle(instance: Int)
        /// The time for draining is over.
        case drainExpired
    }

    enum Action: Equatable {
        case sayFigures
        case sayEnded(instance: Int, SessionEnd)
        case sayRevoked(instance: Int, Revocation)
        /// Tell `lossesSettled` in a moment.
        case awaitLosses
        /// Unregister, and tell `unregistered`; tell `drainExpired` when the time is over.
        case drain
        /// Answer with `serving`.
        case askWhoServes
        /// Leave all sessions, and end.
        case leave(End)
        /// End without waiting for anything.
        case endAtOnce(signal: Int32)
    }

    enum End: Equatable {
        case done
        case interrupted(signal: Int32)
        case outputBroken
        case sessionEnded(SessionEnd)
        case revoked
    }

    private let instances: Set<Int>
    /// Whether it has failed if a signal ends it.
    private let hasGoal: Bool
    /// How it ends when it is drained; nil while it serves.
    private var drainEnd: End?
    private var revoked: Set<Int> = []
    /// Those whose session has ended, and of them those that were not told of yet.
    private var lost: Set<Int> = []
    private var untold: [Action] = []
    /// Those that still serve once nobody is registered any more; nil before: an idle instance may
    /// get another invocation then.
    private var serving: Set<Int>?

    init(instances: Set<Int>, hasGoal: Bool) {
        self.instances = instances
        self.hasGoal = hasGoal
    }

    mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .signal(let signal):
            guard drainEnd == nil else { return [.endAtOnce(signal: signal)] }
            return drain(hasGoal ? .interrupted(signal: signal) : .done)
        case .figuresAsked: return [.sayFigures]
        case .outputBroken: return drain(.outputBroken)
        case .countReached: return drain(.done)
        case .sessionEnded(let instance, let end): return sessionEnded(instance, end)
        case .lossesSettled: return takeUntold()
        case .revoked(let instance, let revocation):
            guard drainEnd == nil else { return [] }
            revoked.insert(instance)
            return [.sayRevoked(instance: instance, revocation)]
                + (isUnregistered ? [.leave(.revoked)] : [])
        case .unregistered: return [.askWhoServes]
        case .serving(let instances):
            serving = instances.subtracting(lost)
            return leaveIfIdle()
        case .idle(let instance):
            serving?.remove(instance)
            return leaveIfIdle()
        case .drainExpired: return [.leave(drainEnd ?? .done)]
        }
    }

    /// Only the first reason to drain counts.
    private mutating func drain(_ end: End) -> [Action] {
        guard drainEnd == nil else { return [] }
        drainEnd = end
        return takeUntold() + [.drain]
    }

    private mutating func sessionEnded(_ instance: Int, _ end: SessionEnd) -> [Action] {
        lost.insert(instance)
        guard drainEnd == nil else {
            serving?.remove(instance)
            return leaveIfIdle()
        }
        // The end of the last one is the end of the command, which tells of it.
        if isUnregistered { return [.leave(.sessionEnded(end))] }
        untold.append(.sayEnded(instance: instance, end))
        return untold.count == 1 ? [.awaitLosses] : []
    }

    private mutating func takeUntold() -> [Action] {
        defer { untold = [] }
        return untold
    }

    private var isUnregistered: Bool { revoked.union(lost) == instances }

    private func leaveIfIdle() -> [Action] {
        guard let drainEnd, let serving, serving.isEmpty else { return [] }
        return [.leave(drainEnd)]
    }
}
