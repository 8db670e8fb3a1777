// A registration: one procedure, its rule, and the callees that share it.

import WAMP

struct Registration: ~Copyable {
    /// 0 in a vacant slot.
    let id: RegistrationID
    let uri: StoredURI
    let match: MatchPolicy
    let policy: InvocationPolicy
    /// Whether a call may go to any of the callees without details: nothing is to be told, limited
    /// or kept in a queue.
    private(set) var isPlain: Bool
    /// Whether calls that find every callee busy wait.
    private(set) var hasQueue: Bool
    /// When the first callee registered, in milliseconds since 1970.
    let created: Int64
    /// See `InvocationPolicy.choose`.
    var cursor = 0
    /// In the order in which their REGISTER was accepted (SR-22).
    private(set) var callees = CalleeList()

    init(
        id: RegistrationID, uri: consuming StoredURI, match: MatchPolicy,
        policy: InvocationPolicy, created: Int64, hasQueue: Bool, isTrusted: Bool
    ) {
        self.id = id
        self.uri = uri
        self.match = match
        self.policy = policy
        self.created = created
        self.hasQueue = hasQueue
        isPlain = match == .exact && !hasQueue && !isTrusted && !policy.isExtension
    }

    /// - Parameter isValid: whether the URI is one that may be called.
    mutating func configure(hasQueue: Bool, isTrusted: Bool, isValid: Bool) {
        self.hasQueue = hasQueue
        isPlain =
            match == .exact && isValid && !hasQueue && !isTrusted && !policy.isExtension
            && callees.allSatisfy(\.options.isPlain)
    }

    /// Not plain, so that no call is taken for one of it.
    static var vacant: Registration {
        Registration(
            id: RegistrationID(0), uri: StoredURI(), match: .prefix, policy: .single, created: 0,
            hasQueue: false, isTrusted: false)
    }

    /// Where the figures of the first callee are; anywhere if there is none.
    var firstPlace: UInt32 { callees.first?.place ?? 0 }

    /// Adds a callee. One that wants more than the arguments makes every call a special one.
    mutating func append(_ callee: Callee) {
        callees.append(callee)
        if !callee.options.isPlain { isPlain = false }
    }

    /// Takes a callee out of the list. The gap that is the cursor stays between the same
    /// neighbours.
    /// - Returns: where its figures are.
    mutating func remove(_ session: SessionKey) -> UInt32? {
        guard let index = callees.firstIndex(where: { $0.session == session }) else { return nil }
        let place = callees[index].place
        callees.remove(at: index)
        if index < cursor { cursor -= 1 }
        return place
    }
}

/// One callee of a registration.
struct Callee: Equatable {
    let session: SessionKey
    let options: CalleeOptions
    /// Where its figures are (see `CalleeFigures`).
    var place: UInt32 = .max
}

/// What one callee of a registration asked for; others of the same may have asked for other things
/// (SR-17).
struct CalleeOptions: Equatable {
    /// The callee declared the procedure idempotent: its calls may be given to another when it is
    /// lost (SR-51).
    var retriesOnLoss = false
    var disclosesCaller = false
    var forwardsTimeout = false
    /// How many invocations it serves at the same time; 0 = no limit (SR-56).
    var concurrency: UInt32 = 0

    var isPlain: Bool { !disclosesCaller && !forwardsTimeout && concurrency == 0 }
}

/// What a callee of a registration does, kept until its last invocation has ended (SR-84).
struct CalleeFigures {
    /// Invocations that it has not answered, nor been relieved of (SR-59).
    var inFlight: UInt32 = 0
    var isAttached = true
    var calls: UInt64 = 0
    var errors: UInt64 = 0
    var rerouted: UInt64 = 0

    @inline(__always)
    mutating func begin() {
        inFlight += 1
        calls &+= 1
    }

    /// - Returns: whether nothing is left to be counted.
    @inline(__always)
    mutating func end() -> Bool {
        inFlight -= 1
        return inFlight == 0 && !isAttached
    }
}
