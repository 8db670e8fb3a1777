// A client, as slow and as forgetful as real ones: it learns what the router said only when it
// reads it, and speaks from what it knew before.

import WAMP
import WAMPRouter

final class SimulatedPeer {
    /// A letter and a number, in the order of joining.
    let name: String
    let key: SessionKey
    let identity: PeerIdentity
    let roles: Roles
    let serializer: Serializer
    /// It does something one time in so many.
    let lag: Int
    /// It listens to the meta events, and says nothing else.
    let isObserver: Bool
    /// It serves the dynamic authorizer.
    let isAuthority: Bool

    /// What the router sent and the peer has not read; what the peer sent and has not arrived.
    var inbox = MessageQueue()
    var outbox = MessageQueue()
    var lastRequest: UInt64 = 0
    var isBlocked = false
    /// It says nothing more of its own accord.
    var hasSaidGoodbye = false

    /// What it knows of what it has.
    var registrations: [RegistrationID] = []
    var subscriptions: [SubscriptionID] = []
    var calls: [OpenCall] = []
    var tasks: [Task] = []
    /// Invocations that it has answered: a few of them it answers again.
    var answered: [RequestID] = []

    struct OpenCall {
        let request: RequestID
        let procedure: String
        let token: UInt64
        /// How many parts of the arguments were sent; nil if they were sent in one.
        var chunks: Int?
        var cancelCount = 0
    }

    /// An invocation that it has not answered.
    struct Task {
        let request: RequestID
        let isQuestion: Bool
        var receivesProgress: Bool
        /// The mode of the last INTERRUPT.
        var interrupt: CancelMode?
    }

    init(
        name: String, key: SessionKey, identity: PeerIdentity, roles: Roles,
        serializer: Serializer, lag: Int, isObserver: Bool = false, isAuthority: Bool = false
    ) {
        self.name = name
        self.key = key
        self.identity = identity
        self.roles = roles
        self.serializer = serializer
        self.lag = lag
        self.isObserver = isObserver
        self.isAuthority = isAuthority
    }

    var features: Features {
        Role.allCases.reduce(into: Features()) { $0.formUnion(roles[$1] ?? []) }
    }

    func has(_ feature: Features, as role: Role) -> Bool { roles[role]?.contains(feature) ?? false }

    func nextRequest() -> RequestID {
        lastRequest += 1
        return RequestID(lastRequest)
    }

    /// Learns what the router said.
    func read(_ message: Message) {
        switch message {
        case .registered(let answer):
            if !registrations.contains(answer.registration) {
                registrations.append(answer.registration)
            }
        case .unregistered(let answer):
            if let id = answer.details["registration"]?.unsigned {
                registrations.removeAll { $0.rawValue == id }
            }
        case .subscribed(let answer):
            if !subscriptions.contains(answer.subscription) {
                subscriptions.append(answer.subscription)
            }
        case .unsubscribed(let answer):
            if let id = answer.details["subscription"]?.unsigned {
                subscriptions.removeAll { $0.rawValue == id }
            }
        case .invocation(let invocation):
            guard !tasks.contains(where: { $0.request == invocation.request }) else { return }
            let args = (try? invocation.payload.values())?.args ?? []
            tasks.append(
                Task(
                    request: invocation.request, isQuestion: args.first?.dictionary != nil,
                    receivesProgress: invocation.details.custom.isOn("receive_progress")))
        case .interrupt(let interrupt):
            guard let index = tasks.firstIndex(where: { $0.request == interrupt.request }) else {
                return
            }
            tasks[index].interrupt = interrupt.mode
        case .result(let result):
            if !result.details.progress { calls.removeAll { $0.request == result.request } }
        case .error(let error):
            if error.requestType == .call { calls.removeAll { $0.request == error.request } }
        default: break
        }
    }

    /// Takes a task off the list for good.
    func finish(_ index: Int) {
        answered.append(tasks.remove(at: index).request)
        if answered.count > 8 { answered.removeFirst() }
    }
}

/// Messages on their way, in order.
struct MessageQueue {
    private var messages: [Message] = []
    private var taken = 0

    var isEmpty: Bool { taken == messages.count }
    var count: Int { messages.count - taken }

    mutating func append(_ message: Message) { messages.append(message) }

    mutating func popFirst() -> Message? {
        guard taken < messages.count else { return nil }
        taken += 1
        let message = messages[taken - 1]
        if taken > 64, taken * 2 > messages.count {
            messages.removeFirst(taken)
            taken = 0
        }
        return message
    }
}
