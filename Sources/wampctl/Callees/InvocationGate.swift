// How many invocations an instance serves at once, and how many may wait. Pure.

struct InvocationGate<Invocation> {
    /// Invocations at once; 0 = no limit.
    let limit: Int
    let queueLimit: Int
    private(set) var running = 0
    private var waiting: [Invocation] = []
    private var firstWaiting = 0

    init(limit: Int, queueLimit: Int) {
        self.limit = limit
        self.queueLimit = queueLimit
    }

    enum Admission: Equatable {
        case serve, wait, refuse
    }

    var waitingCount: Int { waiting.count - firstWaiting }

    /// Whether nothing is served and nothing waits.
    var isIdle: Bool { running == 0 && waitingCount == 0 }

    /// Takes an invocation in: it is served now, kept for later, or has no place.
    mutating func arrived(_ invocation: Invocation) -> Admission {
        if limit == 0 || running < limit {
            running += 1
            return .serve
        }
        guard waitingCount < queueLimit else { return .refuse }
        waiting.append(invocation)
        return .wait
    }

    /// One has been answered.
    /// - Returns: the one to serve next, which has waited longest.
    mutating func answered() -> Invocation? {
        guard waitingCount > 0 else {
            running -= 1
            return nil
        }
        let next = waiting[firstWaiting]
        firstWaiting += 1
        if firstWaiting > 256, firstWaiting * 2 > waiting.count {
            waiting.removeFirst(firstWaiting)
            firstWaiting = 0
        }
        return next
    }
}
