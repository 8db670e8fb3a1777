// The short way of plain messages: a CALL or YIELD without options is passed on as the bytes that
// came, under another head.
//
// It means what the same message means in full; the tests hold one against the other. So whatever
// could make a difference is a blocker, and where there is one, the message goes the long way.

package import WAMP

/// Why calls cannot go the short way. Who has none has nothing to say about a call without options.
struct PlainBlockers: OptionSet {
    let rawValue: UInt16

    // Of a realm.

    /// The sequence of each client's requests is checked.
    static let requestIDs = PlainBlockers(rawValue: 1 << 0)
    /// Calls have a time limit, whether they ask for one or not.
    static let timeLimit = PlainBlockers(rawValue: 1 << 1)
    /// Callees are told who calls, whether anybody asks for it or not.
    static let disclosure = PlainBlockers(rawValue: 1 << 2)

    // Of a registration.

    /// Callees are told which URI was called.
    static let pattern = PlainBlockers(rawValue: 1 << 3)
    /// Calls may have to wait.
    static let queue = PlainBlockers(rawValue: 1 << 4)
    /// Callees are told a trust level.
    static let trustlevel = PlainBlockers(rawValue: 1 << 5)
    /// The rule asks who calls, or how much callees have to do.
    static let extensionRule = PlainBlockers(rawValue: 1 << 6)
    /// The URI is not one that may be called any more.
    static let invalidURI = PlainBlockers(rawValue: 1 << 7)
    /// A callee asked for details, or for no more than so many calls at a time.
    static let calleeOptions = PlainBlockers(rawValue: 1 << 8)
}

extension PlainBlockers {
    init(of settings: RealmSettings) {
        self = []
        if settings.requestIDs == .strict { insert(.requestIDs) }
        if settings.callTimeoutDefault > 0 || settings.callTimeoutMax > 0 { insert(.timeLimit) }
        if settings.callerDisclosure == .always { insert(.disclosure) }
    }

    init(_ match: MatchPolicy, _ rule: InvocationRule) {
        self = []
        if match != .exact { insert(.pattern) }
        if rule.isExtension { insert(.extensionRule) }
    }

    init(_ known: ProcedureSettings?, isValid: Bool) {
        self = []
        if known?.queue != nil { insert(.queue) }
        if known?.trustlevel != nil { insert(.trustlevel) }
        if !isValid { insert(.invalidURI) }
    }

    /// What a reload may change of a registration's.
    static let configured: PlainBlockers = [.queue, .trustlevel, .invalidURI]
}

extension Realm {
    /// Handles a plain message of a session that has joined and not left.
    /// - Returns: what is to be sent before the effects are carried out.
    package mutating func receive(
        _ plain: PlainMessage, of batch: MessageBatch, from session: SessionKey,
        at now: Now, into effects: inout Effects
    ) -> Passage? {
        guard sessions.isPresent(session) else { return nil }
        switch plain.kind {
        case .call:
            if blockers.isEmpty, isUndisturbed(session), mayPass(plain, of: session),
                let registration = registrations.findPlain(plain),
                queues.isEmpty || !isAnyoneWaiting(for: registration),
                calls.find(madeBy: session, RequestID(plain.id)) == nil
            {
                return pass(call: plain, to: registration, from: session, at: now, into: &effects)
            }
        case .yield:
            if let slot = calls.find(servedBy: session, RequestID(plain.id)), calls.isPlain(slot) {
                return pass(resultOf: slot, from: session, at: now, into: &effects)
            }
        default: break
        }
        receive(batch.message(plain), from: session, at: now, into: &effects)
        return nil
    }

    /// Whether nothing that a session sent before bears on its next CALL.
    @inline(__always)
    private func isUndisturbed(_ session: SessionKey) -> Bool {
        postponed.isEmpty && (lateChunks.isEmpty || lateChunks[session] == nil)
    }

    /// Whether the rules of the session's role say of a plain CALL only that it is allowed.
    @inline(__always)
    private func mayPass(_ call: PlainMessage, of session: SessionKey) -> Bool {
        permissions.isOpen || sessions[session].rules?.letsPass(callOf: call.uri) ?? false
    }

    /// A CALL under a request id that is free.
    private mutating func pass(
        call plain: PlainMessage, to registration: RegistrationSlot, from caller: SessionKey,
        at now: Now, into effects: inout Effects
    ) -> Passage? {
        counters.calls &+= 1
        let request = RequestID(plain.id)
        guard mayCall(request, caller, into: &effects) else { return nil }
        let choice = registrations.choose(
            registration, excluding: [], blocked: sessions.blocked, random: &random)
        guard case .callee(let index) = choice else {
            refuse(choice, request, of: caller, at: now, into: &effects)
            return nil
        }
        let callee = registrations[registration].callees[index]
        let id = registrations[registration].id
        let slot = calls.enter(
            CallInFlight(
                caller: caller, request: request, registration: registration, registrationID: id,
                deadline: .never))
        if mayReroute(registrations[registration].rule, callee) {
            let terms = PlainTerms(
                options: callee.options, attempts: attempts(registration),
                disclosure: settings.callerDisclosure)
            calls.keep(plain, terms, slot)
        }
        return Passage(
            envelope: .invocation(assign(slot, to: callee), id), receiver: callee.session)
    }

    /// A YIELD that ends the call in `slot`.
    private mutating func pass(
        resultOf slot: CallSlot, from callee: SessionKey, at now: Now, into effects: inout Effects
    ) -> Passage {
        let (caller, request) = calls.asker(of: slot)
        conclude(slot, as: .silence, at: now, into: &effects)
        return Passage(
            envelope: .result(request, from: settings.disclosesCallee ? callee : nil),
            receiver: caller)
    }
}
