// The dealer: routes calls to callees and their answers back. Every call ends exactly once: where a
// call is taken out of the table, its caller is answered or gone.
//
// Spec: Basic Profile, Remote Procedure Calls; Advanced Profile, Call Re-Routing.

package import WAMP

extension Realm {
    /// CALL: finds the registration, lets its rule choose a callee, and invokes it.
    mutating func call(
        _ call: consuming Call, from caller: SessionKey, at now: Now, into effects: inout Effects
    ) throws(ProtocolViolation) {
        if call.options.progress {
            throw ProtocolViolation("CALL.Options.progress needs progressive_call_invocations")
        }
        if calls.find(madeBy: caller, call.request) != nil {
            throw ProtocolViolation("CALL.Request \(call.request) is in use by a call in flight")
        }
        let found = registrations.find(call.procedure)
        if found == nil {
            guard call.procedure.isValid(settings.uriRule) else {
                return refuse(.call, call.request, of: caller, .invalidURI, into: &effects)
            }
            if call.procedure.isReserved {
                return answerMeta(call, from: caller, into: &effects)
            }
        }
        // Callees that were idle are gone already: that is no reason to say that there is no such
        // procedure.
        guard !isDraining else {
            return refuse(
                .call, call.request, of: caller, .unavailable, kwargs: ["reason": "shutdown"],
                into: &effects)
        }
        guard let slot = found else {
            return refuse(.call, call.request, of: caller, .noSuchProcedure, into: &effects)
        }
        guard calls.countMade(by: caller) < limits.pendingCallsPerSession else {
            return refuse(
                .call, call.request, of: caller, .unavailable, kwargs: ["reason": "overload"],
                into: &effects)
        }
        let choice = choose(slot, tried: [])
        guard case .callee(let index) = choice else {
            let (error, kwargs) = explain(choice)
            return refuse(.call, call.request, of: caller, error, kwargs: kwargs, into: &effects)
        }
        let deadline =
            call.options.timeout == 0
            ? Moment(nanoseconds: .max) : now.moment.advanced(milliseconds: call.options.timeout)
        let details = InvocationDetails(custom: call.options.custom.forwardable)
        let callee = registrations[slot].callees[index]
        let count = registrations[slot].callees.count
        var rerouting: Rerouting?
        if mayReroute(registrations[slot].policy, callee) {
            rerouting = Rerouting(
                payload: call.payload.detached(), details: details, tried: [callee.session],
                attempts: max(8, count + 4), retriesOnLoss: callee.retryOnLoss)
        }
        invoke(
            PendingCall(
                caller: caller, request: call.request, callee: callee.session, registration: slot,
                registrationID: registrations[slot].id, deadline: deadline, rerouting: rerouting),
            details, call.payload, into: &effects)
    }

    /// YIELD: the callee's result becomes the caller's.
    mutating func yield(
        _ yield: consuming Yield, from callee: SessionKey, at now: Now, into effects: inout Effects
    ) throws(ProtocolViolation) {
        guard let slot = try pending(yield.request, of: callee, "YIELD") else { return }
        // Nobody asked for progressive results, so nobody is prepared for one: the call stays open.
        guard !yield.options.progress, let call = calls.remove(slot) else { return }
        let details = OutcomeDetails(
            callee: disclosed(callee), custom: yield.options.custom.forwardable)
        effects.send(
            .result(Result(request: call.request, details: details, payload: yield.payload)),
            to: call.caller)
        released(call, at: now, into: &effects)
    }

    /// ERROR: the callee's error becomes the caller's, unless it asks for another callee.
    mutating func error(
        _ error: ErrorMessage, from callee: SessionKey, at now: Now, into effects: inout Effects
    ) throws(ProtocolViolation) {
        guard error.requestType == .invocation else {
            throw ProtocolViolation(
                "ERROR to a \(error.requestType.name) must not be sent to a router")
        }
        guard URI(error.error.rawValue).isValid(.loose) else {
            throw ProtocolViolation("ERROR.Error is not a valid URI")
        }
        guard let slot = try pending(error.request, of: callee, "ERROR") else { return }
        guard let call = calls.remove(slot) else { return }
        if error.error == .unavailable, sessions[callee].canReroute, !call.isKilled {
            reroute(call, at: now, into: &effects)
        } else {
            let details = OutcomeDetails(
                callee: disclosed(callee), custom: error.details.custom.forwardable)
            effects.send(
                .error(
                    ErrorMessage(
                        .call, request: call.request, details: details, error: error.error,
                        payload: error.payload)),
                to: call.caller)
        }
        released(call, at: now, into: &effects)
    }

    /// A message that the core sent could not be delivered: it is larger than its receiver accepts.
    package mutating func undeliverable(
        _ message: Message, to session: SessionKey, at now: Now, into effects: inout Effects
    ) {
        guard sessions.isPresent(session) else { return }
        switch message {
        case .invocation(let invocation):
            guard let slot = calls.find(servedBy: session, invocation.request),
                let call = calls.remove(slot)
            else { return }
            refuse(.call, call.request, of: call.caller, .payloadSizeExceeded, into: &effects)
            released(call, at: now, into: &effects)
        case .result(let result):
            refuse(.call, result.request, of: session, .payloadSizeExceeded, into: &effects)
        case .error(let error):
            guard !error.payload.isEmpty || error.error != .payloadSizeExceeded else { return }
            refuse(
                error.requestType, error.request, of: session, .payloadSizeExceeded, into: &effects)
        default:
            break
        }
    }

    /// The call of an answer; nil for a late answer to a call that has ended, which is normal.
    private func pending(
        _ request: RequestID, of callee: SessionKey, _ name: String
    ) throws(ProtocolViolation) -> UInt32? {
        if let slot = calls.find(servedBy: callee, request) { return slot }
        guard calls.wasIssued(request, to: callee) else {
            throw ProtocolViolation("\(name) answers an INVOCATION \(request) that was never sent")
        }
        return nil
    }

    private func disclosed(_ callee: SessionKey) -> PeerIdentity? {
        settings.disclosesCallee ? sessions[callee].identity : nil
    }

    /// Sends the INVOCATION of a call that has its callee.
    private mutating func invoke(
        _ call: PendingCall, _ details: consuming InvocationDetails, _ payload: consuming Payload,
        into effects: inout Effects
    ) {
        let request = calls.insert(call)
        effects.send(
            .invocation(
                Invocation(
                    request: request, registration: call.registrationID, details: details,
                    payload: payload)),
            to: call.callee)
    }

    private mutating func choose(_ slot: UInt32, tried: [SessionKey]) -> Choice {
        let isAnyBlocked = sessions.blockedCount > 0
        var cursor = registrations[slot].cursor
        let choice = registrations[slot].policy.choose(
            among: registrations[slot].callees, cursor: &cursor, random: &random,
            isTried: { tried.contains($0.session) },
            isBlocked: { [sessions] in isAnyBlocked && sessions[$0.session].isWriteBlocked })
        registrations[slot].cursor = cursor
        return choice
    }

    private func explain(_ choice: Choice) -> (ErrorURI, Value.Dictionary) {
        switch choice {
        case .unreachable: (.networkFailure, [:])
        case .saturated: (.noAvailableCallee, ["reason": "max_concurrency_reached"])
        case .exhausted, .callee: (.noAvailableCallee, [:])
        }
    }
}

// MARK: Re-routing (SR-46 … SR-51)

extension Realm {
    /// Whether a call to this callee may have to be sent again, so that its arguments must be kept.
    private func mayReroute(_ policy: InvocationPolicy, _ callee: Callee) -> Bool {
        callee.retryOnLoss || (policy != .single && sessions[callee.session].canReroute)
    }

    /// Gives a call that was taken from its callee to another one, as if those tried before did not
    /// exist.
    private mutating func reroute(_ call: PendingCall, at now: Now, into effects: inout Effects) {
        guard var rerouting = call.rerouting, rerouting.tried.count < rerouting.attempts,
            registrations[call.registration].id == call.registrationID
        else {
            return refuse(.call, call.request, of: call.caller, .noAvailableCallee, into: &effects)
        }
        let choice = choose(call.registration, tried: rerouting.tried)
        guard case .callee(let index) = choice else {
            let (error, kwargs) = explain(choice)
            return refuse(
                .call, call.request, of: call.caller, error, kwargs: kwargs, into: &effects)
        }
        let callee = registrations[call.registration].callees[index]
        rerouting.tried.append(callee.session)
        rerouting.retriesOnLoss = callee.retryOnLoss
        invoke(
            PendingCall(
                caller: call.caller, request: call.request, callee: callee.session,
                registration: call.registration, registrationID: call.registrationID,
                deadline: call.deadline, rerouting: rerouting),
            rerouting.details, rerouting.payload, into: &effects)
    }

    /// The callee of a call left. Its caller learns it at once; the call is not silently given to
    /// another, since the callee may have executed it, unless the procedure was declared idempotent
    /// (SR-51).
    mutating func calleeLeft(_ slot: UInt32, at now: Now, into effects: inout Effects) {
        guard let call = calls.remove(slot) else { return }
        guard sessions.isPresent(call.caller) else { return }
        if let rerouting = call.rerouting, rerouting.retriesOnLoss, !call.isKilled {
            reroute(call, at: now, into: &effects)
        } else {
            refuse(
                .call, call.request, of: call.caller, .canceled, ["callee left"], into: &effects)
        }
        released(call, at: now, into: &effects)
    }
}
