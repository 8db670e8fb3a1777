// The invocation rules: everything about choosing the callee of a call is in this file.

/// Which callee of a shared registration is invoked. The raw value is REGISTER.Options.invoke.
///
/// Spec: Advanced Profile, Shared Registration.
package enum InvocationPolicy: String, CaseIterable, Sendable {
    case single, roundrobin, random, first, last
}

/// One callee of a registration.
struct Callee: Equatable {
    let session: SessionKey
    /// The callee declared the procedure idempotent: its calls may be given to another when it is
    /// lost (SR-51).
    let retryOnLoss: Bool
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
        among callees: [Callee], cursor: inout Int, random: inout SeededRandom,
        isTried: (Callee) -> Bool, isBlocked: (Callee) -> Bool
    ) -> Choice {
        switch self {
        case .single, .first:
            return designate(callees.indices.first { !isTried(callees[$0]) })
        case .last:
            return designate(callees.indices.last { !isTried(callees[$0]) })
        case .roundrobin:
            return nextInTurn()
        case .random:
            return anyone()
        }

        /// SR-53: a designated callee that is busy is not passed over; the rule is about liveness,
        /// not load.
        func designate(_ index: Int?) -> Choice {
            guard let index else { return .exhausted }
            return isBlocked(callees[index]) ? .unreachable : .callee(index)
        }

        func nextInTurn() -> Choice {
            var outcome = Choice.exhausted
            // Only a call that is forwarded moves the cursor (SR-37): at the end of the list it
            // stays there until then, so that whoever joins meanwhile is next (SR-34).
            var index = cursor < callees.count ? cursor : 0
            for _ in callees.indices {
                if !isTried(callees[index]) {
                    if !isBlocked(callees[index]) {
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
            if !isTried(callees[first]), !isBlocked(callees[first]) { return .callee(first) }
            let untried = callees.indices.filter { !isTried(callees[$0]) }
            guard !untried.isEmpty else { return .exhausted }
            let eligible = untried.filter { !isBlocked(callees[$0]) }
            guard !eligible.isEmpty else { return .saturated }
            return .callee(eligible[random.index(below: eligible.count)])
        }
    }
}
