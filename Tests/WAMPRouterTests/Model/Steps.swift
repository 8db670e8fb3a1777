// What can happen, twice: as steps that mean something in any state, so that a sequence can lose
// any of them and still be played, and as the facts that they come to in a given state.

import WAMP

@testable import WAMPRouter

/// One move of a random sequence. The numbers choose a session, a procedure, a call: always modulo
/// what there is.
struct Step: Equatable, Sendable {
    enum Kind: CaseIterable, Sendable {
        case join, register, unregister, lose, goodbye, violate
        case call, yield, unavailable, fail, progress, late, cancel, cancelUnknown, advance, block
        case unblock

        /// How often it occurs, in parts of the sum.
        var weight: Int {
            switch self {
            case .call: 26
            case .register: 14
            case .yield: 12
            case .unavailable: 12
            case .join, .unregister, .cancel: 6
            case .lose, .advance, .block: 4
            case .fail, .unblock: 3
            case .goodbye, .late: 2
            case .violate, .progress, .cancelUnknown: 1
            }
        }
    }

    let kind: Kind
    var who: Int
    /// Which procedure or call; of a session that joins, its features.
    let what: Int
    /// Which rule, mode, time, id.
    let how: Int
}

extension Step {
    /// The most that are there at a time.
    static let sessions = 8
    static let keys = 3
    /// What REGISTER.Options.invoke may hold; nil omits it.
    static let rules: [String?] = [
        "roundrobin", "random", "first", "last", "single", nil, "RoundRobin",
    ]

    private static let bag = Kind.allCases.flatMap { [Kind](repeating: $0, count: $0.weight) }

    /// The sequence that belongs to a seed.
    static func sequence(seed: UInt64) -> [Step] {
        var random = SeededRandom(seed: seed)
        // Few sessions and procedures meet each other more often than many; both have their turn.
        let memberCount = min(1 + random.index(below: sessions), 1 + random.index(below: sessions))
        let keyCount = min(1 + random.index(below: keys), 1 + random.index(below: keys))
        // Mostly one rule per procedure, so that lists grow; now and then any other.
        let usual = (0..<keys).map { _ in max(0, random.index(below: 6) - 2) }
        func step(_ kind: Kind, _ who: Int, _ random: inout SeededRandom) -> Step {
            let what = random.index(below: 60)
            guard kind == .register else {
                return Step(kind: kind, who: who, what: what, how: random.index(below: 64))
            }
            let key = what % keyCount
            let isUsual = random.index(below: 8) != 0
            let rule = isUsual ? usual[key] : random.index(below: rules.count)
            return Step(
                kind: kind, who: who, what: key,
                how: rule + rules.count * random.index(below: 4))
        }
        var steps: [Step] = []
        for member in 0..<memberCount {
            steps.append(step(.join, member, &random))
            if random.index(below: 3) != 0 { steps.append(step(.register, member, &random)) }
        }
        for _ in 0..<(4 + random.index(below: 28)) {
            let kind = bag[random.index(below: bag.count)]
            steps.append(step(kind, random.index(below: memberCount), &random))
        }
        return steps
    }
}

/// A fact: what the router and the model are both told. Sessions and registrations are numbered as
/// they appear.
enum Fact: Equatable {
    case joined(cancels: Bool, reroutes: Bool)
    case register(Int, request: Int, key: Int, rule: String?, retries: Bool)
    /// A registration that never was has the number -1.
    case unregister(Int, request: Int, registration: Int)
    case lost(Int)
    case goodbye(Int)
    case violated(Int)
    /// `timeout` in milliseconds; 0 = none.
    case call(Int, request: Int, key: Int, timeout: Int)
    case yield(Int, id: Int, progress: Bool)
    case error(Int, id: Int, isUnavailable: Bool)
    case cancel(Int, request: Int, mode: String?)
    /// So many milliseconds have passed.
    case advanced(Int)
    case blocked(Int, Bool)
}

/// What is to be seen of the router, in the numbers of the model.
enum Seen: Equatable {
    case registered(Int, request: Int, registration: Int)
    case unregistered(Int, request: Int)
    /// `about` tells the arguments.
    case error(Int, to: String, request: Int, uri: String, about: String)
    /// `call` tells calls apart: it is their only argument.
    case invocation(Int, id: Int, registration: Int, call: Int)
    case interrupt(Int, id: Int, mode: String)
    case result(Int, request: Int, by: Int)
    case event(String, session: Int, registration: Int, about: String)
    case goodbye(Int)
    case abort(Int)
    case ended(Int)
    case strange(String)
}
