// The invocation rules: each as a choice from the list of a registration's callees.

import WAMP

/// Which callee of a shared registration is invoked. The raw value is REGISTER.Options.invoke.
///
/// Spec: Advanced Profile, Shared Registration.
///
/// The names beginning with `_` are ours (SR-94).
package enum InvocationPolicy: String, CaseIterable, Sendable {
    case single, roundrobin, random, first, last
    /// Whoever has the fewest invocations in flight; in turn among equals.
    case leastbusy = "_leastbusy"
    /// The same caller, or the same `rkey`, goes to the same callee as long as it is there.
    case sticky = "_sticky"

    /// Whether the rule is one of ours.
    var isExtension: Bool { self == .leastbusy || self == .sticky }

    /// Whether the rule names one callee, whoever may take a call (SR-53).
    var designates: Bool {
        switch self {
        case .single, .first, .last, .sticky: true
        case .roundrobin, .random, .leastbusy: false
        }
    }
}

/// What came of choosing a callee.
enum Choice: Equatable {
    /// The place in the list of the callee to invoke.
    case callee(Int)
    /// There are callees that were not tried, but none that may take a call now (SR-52, SR-58).
    case saturated
    /// The callee that the rule designates cannot be written to (SR-52).
    case unreachable
    /// Every callee was tried (SR-48).
    case exhausted
}

extension InvocationPolicy {
    /// Chooses among `callees`, the list in the order of registering.
    ///
    /// `cursor` is a gap in the list, not an element: the number of callees in front of it. It sits
    /// directly behind the callee that the previous call went to, so that `roundrobin` goes on with
    /// the one after it, whoever joined or left in between (SR-29 … SR-35).
    func choose(
        among callees: CalleeList, cursor: inout Int, random: inout SeededRandom, key: UInt64 = 0,
        isTried: (Callee) -> Bool, isBlocked: (Callee) -> Bool, inFlight: (Callee) -> UInt32
    ) -> Choice {
        switch self {
        case .single, .first:
            // As `designated` has it: written out, since most calls come this way.
            return designate(callees.indices.first { !isTried(callees[$0]) })
        case .last, .sticky:
            return designate(designated(among: callees, key: key, isTried: isTried))
        case .roundrobin:
            return nextInTurn()
        case .random:
            return anyone()
        case .leastbusy:
            return leastBusy()
        }

        func isFull(_ callee: Callee) -> Bool {
            callee.options.concurrency > 0 && inFlight(callee) >= callee.options.concurrency
        }

        func mayTake(_ callee: Callee) -> Bool {
            !isTried(callee) && !isBlocked(callee) && !isFull(callee)
        }

        /// SR-53: a designated callee that is busy is not passed over; the rule is about liveness,
        /// not load.
        func designate(_ index: Int?) -> Choice {
            guard let index else { return .exhausted }
            if isBlocked(callees[index]) { return .unreachable }
            return isFull(callees[index]) ? .saturated : .callee(index)
        }

        func leastBusy() -> Choice {
            guard callees.contains(where: { !isTried($0) }) else { return .exhausted }
            var best: Int?
            for step in callees.indices {
                let index = (cursor + step) % callees.count
                guard mayTake(callees[index]) else { continue }
                if let found = best, inFlight(callees[index]) >= inFlight(callees[found]) {
                    continue
                }
                best = index
            }
            guard let best else { return .saturated }
            cursor = best + 1
            return .callee(best)
        }

        func nextInTurn() -> Choice {
            var outcome = Choice.exhausted
            // Only a call that is forwarded moves the cursor (SR-37): at the end of the list it
            // stays there until then, so that whoever joins meanwhile is next (SR-34).
            var index = cursor < callees.count ? cursor : 0
            for _ in callees.indices {
                if !isTried(callees[index]) {
                    if !isBlocked(callees[index]), !isFull(callees[index]) {
                        cursor = index + 1
                        return .callee(index)
                    }
                    outcome = .saturated
                }
                index = index + 1 == callees.count ? 0 : index + 1
            }
            return outcome
        }

        func anyone() -> Choice {
            guard !callees.isEmpty else { return .exhausted }
            // Nearly always everybody may take the call. If not, the first draw is as good as any
            // among those who may: the choice stays uniform, and costs a list only when it must.
            let first = random.index(below: callees.count)
            if mayTake(callees[first]) { return .callee(first) }
            let untried = callees.indices.filter { !isTried(callees[$0]) }
            guard !untried.isEmpty else { return .exhausted }
            let eligible = untried.filter { mayTake(callees[$0]) }
            guard !eligible.isEmpty else { return .saturated }
            return .callee(eligible[random.index(below: eligible.count)])
        }
    }

    /// The place of the callee that a rule names which leaves no choice; nil if all were tried.
    func designated(
        among callees: CalleeList, key: UInt64, isTried: (Callee) -> Bool
    ) -> Int? {
        switch self {
        case .last: callees.indices.last { !isTried(callees[$0]) }
        case .sticky: closest(among: callees, key: key, isTried: isTried)
        default: callees.indices.first { !isTried(callees[$0]) }
        }
    }

    /// Rendezvous hashing: each callee draws a number for the key, the highest wins. When one
    /// leaves, only its keys move.
    private func closest(
        among callees: CalleeList, key: UInt64, isTried: (Callee) -> Bool
    ) -> Int? {
        var best: (index: Int, rank: UInt64)?
        for (index, callee) in callees.enumerated() where !isTried(callee) {
            let identity = UInt64(callee.session.slot) << 32 | UInt64(callee.session.generation)
            var draw = SplitMix64(seed: key ^ (identity &* 0x9E37_79B9_7F4A_7C15))
            let rank = draw.next()
            if best.map({ rank > $0.rank }) ?? true { best = (index, rank) }
        }
        return best?.index
    }
}
