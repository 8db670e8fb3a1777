// What the auditor remembers of sessions, calls and events.

import WAMP
import WAMPRouter

final class AuditedSession {
    let key: SessionKey
    let identity: PeerIdentity
    let roles: Roles
    let authmethod: String
    var isPresent = true
    var isBlocked = false
    /// The id of the last request, where ids must be sequential.
    var lastRequest: UInt64 = 0
    var lastInvocation: UInt64 = 0
    /// A message broke the protocol: an ABORT is due.
    var hasViolated = false
    /// In the order of joining them.
    var registrations: [RegistrationID] = []
    var subscriptions: [SubscriptionID] = []
    var testaments: [(scope: String, token: UInt64, topic: String)] = []
    /// REGISTER, SUBSCRIBE and their kin that were not answered, by request.
    var requests: [RequestID: AuditedRequest] = [:]
    /// It has said GOODBYE, and something of it waits for the authorizer.
    var isLeaving = false
    /// Invocations that it has not answered.
    var invocations: [RequestID: AuditedInvocation] = [:]
    /// Calls of its own that ended before all of their parts had come, and when.
    var endedEarly: [RequestID: Moment] = [:]

    init(key: SessionKey, identity: PeerIdentity, newcomer: Newcomer) {
        self.key = key
        self.identity = identity
        roles = newcomer.roles
        authmethod = newcomer.authmethod
    }

    var id: SessionID { identity.session }
    var role: String { identity.authrole ?? "" }

    func has(_ features: Features, as role: Role) -> Bool {
        roles[role]?.isSuperset(of: features) ?? false
    }

    var canCancel: Bool { has(.callCanceling, as: .callee) }

    /// Invocations of a registration that count against its limit: those it has neither answered
    /// nor been relieved of.
    func load(of registration: RegistrationID, since serial: Int) -> Int {
        invocations.values.count {
            $0.registration == registration && $0.serial == serial && !$0.isRelieved
        }
    }
}

enum AuditedRequest {
    case register(Register)
    case unregister(RegistrationID)
    case subscribe(Subscribe)
    case unsubscribe(SubscriptionID)
    case publish(AuditedPublication)

    var code: MessageCode {
        switch self {
        case .register: .register
        case .unregister: .unregister
        case .subscribe: .subscribe
        case .unsubscribe: .unsubscribe
        case .publish: .publish
        }
    }
}

struct CallKey: Hashable {
    let caller: SessionKey
    let request: RequestID
}

final class AuditedCall {
    let key: CallKey
    let procedure: String
    let options: CallOptions
    let token: UInt64
    /// Arguments, of a call to the router itself.
    let payload: Payload
    /// Counts all calls, in the order in which they arrived.
    let order: Int
    let arrived: Moment
    /// The settings when it arrived: they may change.
    let timeout: UInt64
    let disclosure: Disclosure
    var lastProgress: Moment?
    /// What is numbered so came first: 0, unless parts of a call that ended long ago come again.
    let firstChunk: Int
    var chunks = 1
    var isComplete: Bool
    var hasEnded = false
    var wasKilled = false
    var hasProgressed = false
    var registration: RegistrationID?
    var invocation: AuditedInvocation?
    var tried: [SessionKey] = []
    /// It was given to another callee, or waited: it may have been overtaken.
    var wasDelayed = false
    /// Its callee keeps the time.
    var isTimedByCallee = false

    init(
        _ call: Call, key: CallKey, token: UInt64, order: Int, at now: Now, timeout: UInt64,
        disclosure: Disclosure
    ) {
        self.key = key
        procedure = call.procedure.description
        options = call.options
        payload = call.payload
        self.token = token
        self.order = order
        arrived = now.moment
        self.timeout = timeout
        self.disclosure = disclosure
        firstChunk = Auditor.chunk(of: call.payload)
        isComplete = !call.options.progress
    }

    var isForRouter: Bool { Naming.isReserved(procedure) }
    var isPassthru: Bool { options.custom.isPassthru }
    var wantsCallee: Bool { options.custom.isOn("_disclose_callee") }
    var isPartitioned: Bool { options.custom["runmode"]?.string == "partition" }

    /// It has no callee any more. Until it has another, the router keeps the time.
    func lose() {
        invocation = nil
        isTimedByCallee = false
    }

    /// When its time is over; nil if it has no limit.
    var deadline: Moment? {
        guard timeout > 0 else { return nil }
        let start = lastProgress ?? arrived
        return start.advanced(milliseconds: isTimedByCallee ? timeout + 5000 : timeout)
    }
}

final class AuditedInvocation {
    let callee: SessionKey
    let request: RequestID
    let registration: RegistrationID
    /// Which of the callee's stays on the registration it belongs to.
    let serial: Int
    /// Nil for a question of the router's own.
    let call: AuditedCall?
    /// What the authorizer is asked by it.
    var question: AuditedQuestion?
    /// Its callee declared the procedure idempotent.
    var retriesOnLoss = false
    var chunks = 1
    var receivesProgress = false
    /// The caller, if it was disclosed.
    var caller: Value?
    var isRelieved = false
    var interrupts: [CancelMode] = []

    init(
        _ invocation: Invocation, callee: SessionKey, serial: Int, call: AuditedCall?
    ) {
        self.callee = callee
        request = invocation.request
        registration = invocation.registration
        self.serial = serial
        self.call = call
    }
}

/// What the authorizer is asked about one message of a session.
final class AuditedQuestion {
    let registration: RegistrationID
    let asked: Moment
    var tried: [SessionKey] = []
    /// Nil between two authorizers, and when it is over.
    var invocation: AuditedInvocation?
    var isOpen = true
    /// Whoever has it keeps the time.
    var isTimedByCallee = false

    /// When nobody is to answer it any more.
    var deadline: Moment { asked.advanced(milliseconds: isTimedByCallee ? 10_000 : 5000) }

    init(_ registration: RegistrationID, at now: Moment) {
        self.registration = registration
        asked = now
    }

    /// Nobody is to answer it any more.
    func close() {
        isOpen = false
        invocation = nil
    }
}

struct AuditedPublication {
    let token: UInt64
    let publisher: SessionKey
    let identity: PeerIdentity
    let topic: String
    var options: PublishOptions
    let isEmpty: Bool
    let order: Int
    let unixMilliseconds: Int64

    /// The six conditions, and whether the publisher itself is meant.
    func admits(_ session: AuditedSession) -> Bool {
        let identity = session.identity
        if options.excludeMe, session.key == publisher { return false }
        func names(_ key: String, _ name: String?) -> Bool? {
            (options.custom[key]?.list).map { list in
                list.contains { $0.string == name && name != nil }
            }
        }
        func ids(_ key: String) -> Bool? {
            (options.custom[key]?.list).map { list in
                list.contains { $0.unsigned == identity.session.rawValue }
            }
        }
        return ids("eligible") ?? true && names("eligible_authid", identity.authid) ?? true
            && names("eligible_authrole", identity.authrole) ?? true && !(ids("exclude") ?? false)
            && !(names("exclude_authid", identity.authid) ?? false)
            && !(names("exclude_authrole", identity.authrole) ?? false)
    }

    var isRestricted: Bool {
        [
            "eligible", "exclude", "eligible_authid", "exclude_authid", "eligible_authrole",
            "exclude_authrole",
        ].contains { options.custom[$0] != nil }
    }
}

final class AuditedSubscription {
    let id: SubscriptionID
    let match: MatchPolicy
    let topic: String
    var subscribers: [SessionKey] = []

    init(_ id: SubscriptionID, _ match: MatchPolicy, _ topic: String) {
        self.id = id
        self.match = match
        self.topic = topic
    }

    /// A pattern that begins with an empty component: topics of the router are not meant.
    var isSweeping: Bool {
        match == .prefix && topic.isEmpty || match == .wildcard && topic.hasPrefix(".")
    }
}
