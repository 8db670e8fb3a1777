// A registration: one procedure, its rule, and the callees that share it.

import WAMP

typealias RegistrationSlot = Slot<Registration>

struct Registration: ~Copyable {
    /// 0 in a vacant slot.
    let id: RegistrationID
    let uri: StoredURI
    let match: MatchPolicy
    let rule: InvocationRule
    /// What keeps its calls from the short way.
    private(set) var blockers: PlainBlockers
    /// When the first callee registered, in milliseconds since 1970.
    let created: Int64
    var callees = CalleeList()

    /// - Parameter known: what is configured for the procedure.
    init(
        id: RegistrationID, uri: consuming StoredURI, match: MatchPolicy, rule: InvocationRule,
        created: Int64, known: ProcedureSettings?
    ) {
        self.id = id
        self.uri = uri
        self.match = match
        self.rule = rule
        self.created = created
        blockers = PlainBlockers(match, rule).union(PlainBlockers(known, isValid: true))
    }

    /// What is configured for the procedure has changed, or what a URI is.
    /// - Parameter isValid: whether the URI is one that may be called.
    mutating func configure(_ known: ProcedureSettings?, isValid: Bool) {
        blockers.subtract(.configured)
        blockers.formUnion(PlainBlockers(known, isValid: isValid))
    }

    /// Not plain, so that no call is taken for one of it.
    static var vacant: Registration {
        Registration(
            id: RegistrationID(0), uri: StoredURI(), match: .prefix, rule: .single, created: 0,
            known: nil)
    }

    /// Where the figures of the first callee are; anywhere if there is none.
    var firstPlace: Place { callees.first?.place ?? Slot(0) }

    /// Whether calls that find every callee busy wait.
    var hasQueue: Bool { blockers.contains(.queue) }

    mutating func append(_ callee: Callee) {
        callees.append(callee)
        if !callee.options.isPlain { blockers.insert(.calleeOptions) }
    }

    /// - Returns: where the callee's figures are.
    mutating func remove(_ session: SessionKey) -> Place? {
        let place = callees.remove(session)
        if callees.allSatisfy(\.options.isPlain) { blockers.remove(.calleeOptions) }
        return place
    }
}

/// One callee of a registration.
struct Callee: Equatable {
    let session: SessionKey
    let options: CalleeOptions
    /// Where its figures are (see `CalleeFigures`).
    var place = Place.none
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

typealias Place = Slot<CalleeFigures>

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
    mutating func finish() -> Bool {
        inFlight -= 1
        return inFlight == 0 && !isAttached
    }
}
