// The list of a registration and its rule, after the model of shared-registrations.md, with other
// means: what the core keeps as the index of a gap is here a mark that stands in the list.

import WAMP
import WAMPRouter

final class AuditedRegistration {
    enum Entry {
        case callee(AuditedCallee)
        /// Stands directly behind the callee that the previous call went to.
        case mark
    }

    enum Pick {
        /// One of these, whichever: one only, unless the rule is chance.
        case oneOf([AuditedCallee])
        case saturated
        case unreachable
        case exhausted
    }

    let id: RegistrationID
    let match: MatchPolicy
    let uri: String
    let policy: String
    /// Whether the router counts all that a callee still does: of those that it has given up, it
    /// counts so many only.
    private let knowsLoad: Bool
    private var entries: [Entry] = [.mark]
    /// What a key went to, as long as nobody joins or leaves.
    private var stuck: [String: SessionKey] = [:]

    init(
        _ id: RegistrationID, _ match: MatchPolicy, _ uri: String, policy: String, knowsLoad: Bool
    ) {
        self.knowsLoad = knowsLoad
        self.id = id
        self.match = match
        self.uri = uri
        self.policy = policy
    }

    var callees: [AuditedCallee] {
        entries.compactMap { if case .callee(let callee) = $0 { callee } else { nil } }
    }

    func callee(_ key: SessionKey) -> AuditedCallee? { callees.first { $0.session.key == key } }

    func append(_ callee: AuditedCallee) {
        entries.append(.callee(callee))
        stuck = [:]
    }

    func remove(_ key: SessionKey) {
        entries.removeAll {
            if case .callee(let callee) = $0 { callee.session.key == key } else { false }
        }
        stuck = [:]
    }

    /// The callees in the order of their turn: from the mark on, and round.
    private var inTurn: [AuditedCallee] {
        guard let mark = entries.firstIndex(where: { if case .mark = $0 { true } else { false } })
        else { return callees }
        return (entries[mark...] + entries[..<mark]).compactMap {
            if case .callee(let callee) = $0 { callee } else { nil }
        }
    }

    /// Whom the rule gives a call to.
    func pick(tried: [SessionKey], key: String, isPartitioned: Bool) -> Pick {
        let untried = inTurn.filter { !tried.contains($0.session.key) }
        let free = untried.filter { !$0.session.isBlocked && !$0.isFull(id) }
        guard !untried.isEmpty else { return .exhausted }
        func designate(_ callee: AuditedCallee?) -> Pick {
            guard let callee else { return .exhausted }
            if callee.session.isBlocked { return .unreachable }
            return callee.isFull(id) ? .saturated : .oneOf([callee])
        }
        if isPartitioned || policy == "_sticky" {
            // Who it is, is up to the router; but it stays so.
            if tried.isEmpty, let known = stuck[key] {
                return designate(untried.first { $0.session.key == known })
            }
            return free.isEmpty ? .saturated : .oneOf(free)
        }
        switch policy {
        case "single", "first":
            return designate(callees.first { !tried.contains($0.session.key) })
        case "last": return designate(callees.last { !tried.contains($0.session.key) })
        case "roundrobin": return free.first.map { .oneOf([$0]) } ?? .saturated
        case "_leastbusy" where knowsLoad:
            let least = free.map { $0.load(id) }.min()
            return free.first { $0.load(id) == least }.map { .oneOf([$0]) } ?? .saturated
        default: return free.isEmpty ? .saturated : .oneOf(free)
        }
    }

    /// Whether it is known whom a call goes to: of a key, only once a call with it went somewhere.
    func isCertain(tried: [SessionKey], key: String, isPartitioned: Bool) -> Bool {
        guard isPartitioned || policy == "_sticky" else { return true }
        return tried.isEmpty && stuck[key] != nil
    }

    /// Whether a call that nobody has had waits for this callee, for all that is known.
    func isWaited(for callee: SessionKey, key: String, isPartitioned: Bool) -> Bool {
        if isPartitioned || policy == "_sticky" { return stuck[key] == callee }
        switch policy {
        case "single", "first": return callees.first?.session.key == callee
        case "last": return callees.last?.session.key == callee
        default: return true
        }
    }

    /// A call went to this callee, or would have if it could have served it.
    func went(to callee: AuditedCallee, key: String, isPartitioned: Bool, isFirst: Bool) {
        if isPartitioned || policy == "_sticky" {
            if isFirst { stuck[key] = callee.session.key }
            return
        }
        guard policy == "roundrobin" || policy == "_leastbusy" else { return }
        entries.removeAll { if case .mark = $0 { true } else { false } }
        let place = entries.firstIndex {
            if case .callee(let other) = $0 {
                other.session.key == callee.session.key
            } else {
                false
            }
        }
        entries.insert(.mark, at: (place ?? entries.count - 1) + 1)
    }
}

struct AuditedCallee {
    let session: AuditedSession
    /// Tells apart the stays of one session on one registration.
    let serial: Int
    let options: RegisterOptions

    var concurrency: Int { Int(options.custom["concurrency"]?.unsigned ?? 0) }

    func load(_ registration: RegistrationID) -> Int {
        session.load(of: registration, since: serial)
    }

    func isFull(_ registration: RegistrationID) -> Bool {
        concurrency > 0 && load(registration) >= concurrency
    }

    var keepsTime: Bool {
        options.custom.isOn("forward_timeout") && session.has(.callTimeout, as: .callee)
    }
}
