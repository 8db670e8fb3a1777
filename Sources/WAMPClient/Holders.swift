// Who of one session holds what under one id. The router knows the session only: it gives the same
// id for the same URI, and takes it back from all at once.

package import WAMP

/// The holders of the registrations, or of the subscriptions, of a session, oldest first.
struct Holders<ID: Hashable, Holder> {
    private var all: [ID: [(token: Int, holder: Holder)]] = [:]

    /// Those of one id.
    subscript(id: ID) -> [(token: Int, holder: Holder)] { all[id] ?? [] }

    /// Whether another than the one with this token holds it.
    func isHeld(_ id: ID, besides token: Int) -> Bool { self[id].contains { $0.token != token } }

    mutating func add(_ holder: Holder, _ token: Int, to id: ID) {
        all[id, default: []].append((token, holder))
    }

    /// - Returns: false if it did not hold it.
    @discardableResult
    mutating func remove(_ token: Int, of id: ID) -> Bool {
        guard let index = all[id]?.firstIndex(where: { $0.token == token }) else { return false }
        all[id]?.remove(at: index)
        if all[id]?.isEmpty == true { all[id] = nil }
        return true
    }

    mutating func removeAll(of id: ID) -> [Holder] {
        (all.removeValue(forKey: id) ?? []).map(\.holder)
    }
}

/// What a session takes back from the router, and who waits for that.
package enum TakingBack<Waiter> {
    case subscription(SubscriptionID, Waiter)
    case registration(RegistrationID, token: Int, Waiter)
    /// Another of the session holds it by now: the router is not asked, and this is the answer.
    case needless(Waiter, Message)

    var waiter: Waiter {
        switch self {
        case .subscription(_, let waiter), .registration(_, _, let waiter),
            .needless(let waiter, _):
            waiter
        }
    }
}

extension TakingBack: Equatable where Waiter: Equatable {}
