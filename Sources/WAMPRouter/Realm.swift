// The front door of the core: facts go in, effects come out. A realm knows no sockets, clocks,
// locks or tasks; a test, a simulator and the server drive the very same code.

package import WAMP

/// A WAMP realm: its sessions, its dealer and its broker, as one value.
///
/// Every method takes what happened and appends what is to be done about it, in order. The caller
/// carries the effects out before it reports the next fact.
package struct Realm: ~Copyable {
    package let name: String
    package private(set) var settings: RealmSettings
    package private(set) var limits: Limits

    var sessions = SessionTable()
    var registrations: RegistrationTable
    var calls = CallTable()
    var subscriptions: SubscriptionTable
    /// The calls that wait for a callee, by the slot of their registration.
    var queues: [RegistrationSlot: CallQueue] = [:]
    /// Calls that ended before all of their arguments had come, by caller.
    var lateChunks: [SessionKey: LateChunks] = [:]
    /// Messages that wait for the dynamic authorizer, by session.
    var postponed: [SessionKey: Postponed] = [:]
    /// A message that waited is being handled.
    var isReplaying = false
    /// What the dynamic authorizer allowed to remember.
    var decisions: [Inquiry: Decision] = [:]
    /// Which nobody has logged yet.
    var denials: [Denial] = []
    var questions: [RequestID: Question] = [:]
    var lastQuestion: UInt64 = 0
    private(set) var permissions: PermissionIndex
    private(set) var procedureSettings: PatternTable<ProcedureSettings>
    /// What keeps calls from the short way, whoever makes them.
    private(set) var blockers: PlainBlockers
    var retained = RetentionTable()
    var testaments = TestamentTable()
    /// Which of `settings.topics` counts for a topic.
    private(set) var topicRules: PatternTable<TopicSettings>
    var counters = Counters()
    var statistics = Statistics()
    var random: SeededRandom
    /// When the router began, or the realm if it is not told; nil until that is known.
    var started: Moment?
    /// What is there before anybody joins has been made.
    private(set) var isOpen = false
    /// `wamp.session.kill_all` is at work, which makes no meta events.
    var isKillingAll = false
    /// No new calls are taken, and sessions are sent away as their last call ends.
    var isDraining = false

    /// - Parameters:
    ///   - seed: of ids and of the `random` rule.
    ///   - hashSeed: of the tables of URIs; nil = follows from `seed`. Peers see ids, so what they
    ///     follow from is no secret.
    ///   - started: when the router began, if that was before.
    ///   - now: the present; without it, the realm begins with its first session.
    package init(
        name: String, settings: RealmSettings = RealmSettings(), limits: Limits = Limits(),
        seed: UInt64, hashSeed: UInt64? = nil, started: Moment? = nil, at now: Now? = nil
    ) {
        self.name = name
        self.started = started
        self.settings = settings
        self.limits = limits
        random = SeededRandom(seed: seed)
        let followingSeed = random.next()
        var hashes = SeededRandom(seed: hashSeed ?? followingSeed)
        registrations = RegistrationTable(seed: hashes.next())
        subscriptions = SubscriptionTable(seed: hashes.next(), rule: settings.uriRule)
        permissions = PermissionIndex(settings.permissions)
        procedureSettings = PatternTable(settings.procedures, seed: random.next())
        blockers = PlainBlockers(of: settings)
        topicRules = PatternTable(settings.topics, seed: random.next())
        if let now { open(at: now) }
    }

    /// Replaces what the operator decided. Sessions stay, and so do registrations, even those that
    /// would be refused now. Events are kept from now on where that is new.
    package mutating func update(_ settings: RealmSettings, _ limits: Limits, at now: Now) {
        // Nobody has counted the requests of the sessions that are there.
        if settings.requestIDs != self.settings.requestIDs { sessions.forgetSequences() }
        self.settings = settings
        self.limits = limits
        permissions = PermissionIndex(settings.permissions)
        procedureSettings = PatternTable(settings.procedures, seed: random.next())
        registrations.reconfigure(by: procedureSettings, settings.uriRule)
        subscriptions.setRule(settings.uriRule)
        sessions.setRules(of: permissions)
        blockers = PlainBlockers(of: settings)
        decisions = [:]
        topicRules = PatternTable(settings.topics, seed: random.next())
        if isOpen { keepHistories(created: now.unixMilliseconds) }
    }

    /// Makes what is there before anybody joins.
    mutating func open(at now: Now) {
        if started == nil { started = now.moment }
        keepHistories(created: now.unixMilliseconds)
        isOpen = true
    }

    package var sessionCount: Int { sessions.count }
    package var registrationCount: Int { registrations.count }
    package var pendingCallCount: Int { calls.count }

    /// Whether the session has joined and not left.
    package func isPresent(_ session: SessionKey) -> Bool { sessions.isPresent(session) }

    /// Who a session is that has joined and not left.
    package func identity(of session: SessionKey) -> PeerIdentity { sessions[session].identity }

    /// When `advance` is to be called next; nil while nothing has a deadline.
    package var nextDeadline: Moment? {
        guard let due = statistics.due else { return calls.nextDeadline }
        return calls.nextDeadline.map { min($0, due) } ?? due
    }

    /// Handles a message of a session that has joined and not left.
    package mutating func receive(
        _ message: consuming Message, from session: SessionKey, at now: Now,
        into effects: inout Effects
    ) {
        guard sessions.isPresent(session) else { return }
        let code = message.code
        do throws(ProtocolViolation) {
            if settings.requestIDs == .strict { try checkSequence(message, of: session, at: now) }
            guard !waits(message, of: session, at: now, into: &effects) else { return }
            switch consume message {
            case .call(let message): try call(message, from: session, at: now, into: &effects)
            case .yield(let message): try yield(message, from: session, at: now, into: &effects)
            case .error(let message): try error(message, from: session, at: now, into: &effects)
            case .cancel(let message): cancel(message, from: session, at: now, into: &effects)
            case .publish(let message):
                try publish(message, from: session, at: now, into: &effects)
            case .register(let message):
                try register(message, from: session, at: now, into: &effects)
            case .unregister(let message):
                unregister(message, from: session, at: now, into: &effects)
            case .subscribe(let message):
                subscribe(message, from: session, at: now, into: &effects)
            case .unsubscribe(let message): unsubscribe(message, from: session, into: &effects)
            case .eventReceived: break
            case .goodbye:
                let reason: ErrorURI = settings.followsCrossbar ? .closeNormal : .goodbyeAndOut
                effects.send(.goodbye(Goodbye(reason: reason)), to: session)
                finish(session, .goodbyeAnswered, at: now, into: &effects)
            case .abort(let abort):
                finish(session, .abortReceived(abort), at: now, into: &effects)
            case .hello: throw ProtocolViolation("HELLO in an established session")
            default:
                throw ProtocolViolation("\(code.name) must not be sent to a router here")
            }
        } catch {
            abort(session, error, at: now, into: &effects)
        }
    }

    /// Has the processor fetch what the messages of a read from `first` on will need.
    /// - Returns: the first message behind those that it looked at; they are to be handled now.
    @inline(__always)
    package mutating func foresee(_ batch: MessageBatch, from first: Int) -> Int {
        guard registrations.isLarge else { return batch.count }
        return registrations.foresee(batch, from: first)
    }

    /// More waits to be written to the session than the high mark allows, or no longer does.
    package mutating func setWriteBlocked(
        _ isBlocked: Bool, _ session: SessionKey, at now: Now, into effects: inout Effects
    ) {
        guard sessions.isPresent(session) else { return }
        sessions.setWriteBlocked(isBlocked, session)
        guard !isBlocked, !queues.isEmpty else { return }
        for slot in registrations.slots(of: session) {
            dispatch(slot, to: session, at: now, into: &effects)
        }
    }

    /// Ends whatever came due.
    package mutating func advance(to now: Now, into effects: inout Effects) {
        while let call = calls.due(at: now.moment) { timeOut(call, at: now, into: &effects) }
        if statistics.isDue(at: now) { publishStatistics(at: now, into: &effects) }
    }

    /// Refuses a request.
    /// - Parameters:
    ///   - args: begin with a sentence for people; without any, that of the error is said.
    ///   - subject: what the request was about, as the peer named it.
    mutating func refuse(
        _ code: MessageCode, _ request: RequestID, of session: SessionKey, _ error: ErrorURI,
        _ args: [Value] = [], about subject: String? = nil, kwargs: Value.Dictionary = [:],
        into effects: inout Effects
    ) {
        if code == .call { counters.errors &+= 1 }
        let refusal = refusal(code, request, error, args, about: subject, kwargs: kwargs)
        effects.send(.error(refusal), to: session)
    }

    /// An ERROR of the router's own.
    func refusal(
        _ code: MessageCode, _ request: RequestID, _ error: ErrorURI, _ args: [Value] = [],
        about subject: String? = nil, kwargs: Value.Dictionary = [:]
    ) -> ErrorMessage {
        let sentence = error.sentence(refusing: code, about: subject)
        return ErrorMessage(
            code, request: request, error: error,
            payload: Payload(args: args.isEmpty ? [.string(sentence)] : args, kwargs: kwargs))
    }
}
