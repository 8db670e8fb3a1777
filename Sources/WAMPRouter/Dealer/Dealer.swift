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
        counters.calls &+= 1
        let found = registrations.find(call.procedure)
        if found == nil {
            guard call.procedure.isValid(settings.uriRule) else {
                return refuse(.call, call.request, of: caller, .invalidURI, into: &effects)
            }
            if call.procedure.isReserved {
                return answerMeta(call, from: caller, at: now, into: &effects)
            }
        }
        guard let slot = found else {
            // Callees that were idle are gone already: that is no reason to say that there is no
            // such procedure.
            if isDraining { return refuseDraining(call.request, of: caller, into: &effects) }
            return refuse(.call, call.request, of: caller, .noSuchProcedure, into: &effects)
        }
        let details = InvocationDetails(
            custom: call.options.custom.forwardable(withCustom: settings.forwardsCustomOptions))
        guard
            let routed = route(
                call.request, to: slot, timeout: call.options.timeout, from: caller, at: now,
                into: &effects, keeping: { (call.payload.detached(), details) })
        else { return }
        effects.send(
            .invocation(
                Invocation(
                    request: routed.invocation, registration: registrations[slot].id,
                    details: details, payload: call.payload)),
            to: routed.callee)
    }

    /// A plain CALL for a registration, under a request id that is free.
    mutating func pass(
        call plain: PlainMessage, of batch: MessageBatch, to slot: UInt32,
        from caller: SessionKey, at now: Now, into effects: inout Effects
    ) -> Passage? {
        counters.calls &+= 1
        guard
            let routed = route(
                RequestID(plain.id), to: slot, timeout: 0, from: caller, at: now, into: &effects,
                keeping: { (batch.payload(of: plain).detached(), InvocationDetails()) })
        else { return nil }
        return Passage(
            envelope: .invocation(routed.invocation, registrations[slot].id),
            receiver: routed.callee)
    }

    /// Finds a callee for a call and enters the call.
    /// - Parameter keep: what must be kept in case that the call has to be sent again.
    /// - Returns: nil if the call was refused.
    @inline(__always)
    private mutating func route(
        _ request: RequestID, to slot: UInt32, timeout: UInt64, from caller: SessionKey,
        at now: Now, into effects: inout Effects,
        keeping keep: () -> (Payload, InvocationDetails)
    ) -> (callee: SessionKey, invocation: RequestID)? {
        guard !isDraining else {
            refuseDraining(request, of: caller, into: &effects)
            return nil
        }
        guard calls.countMade(by: caller) < limits.pendingCallsPerSession else {
            refuse(
                .call, request, of: caller, .unavailable, kwargs: ["reason": "overload"],
                into: &effects)
            return nil
        }
        let choice = registrations.choose(
            slot, excluding: [], blocked: sessions.blocked, random: &random)
        guard case .callee(let index) = choice else {
            refuse(choice, request, of: caller, into: &effects)
            return nil
        }
        let deadline =
            timeout == 0
            ? Moment(nanoseconds: .max) : now.moment.advanced(milliseconds: timeout)
        let callee = registrations[slot].callees[index]
        var rerouting: Rerouting?
        if mayReroute(registrations[slot].policy, callee) {
            let (payload, details) = keep()
            rerouting = Rerouting(
                payload: payload, details: details, tried: [callee.session],
                attempts: max(8, registrations[slot].callees.count + 4),
                retriesOnLoss: callee.retryOnLoss)
        }
        let invocation = calls.insert(
            PendingCall(
                caller: caller, request: request, callee: callee.session, registration: slot,
                registrationID: registrations[slot].id, deadline: deadline),
            keeping: rerouting)
        return (callee.session, invocation)
    }

    private mutating func refuseDraining(
        _ request: RequestID, of caller: SessionKey, into effects: inout Effects
    ) {
        refuse(
            .call, request, of: caller, .unavailable, kwargs: ["reason": "shutdown"],
            into: &effects)
    }

    /// A plain YIELD that answers the call in `slot`.
    mutating func pass(
        resultOf slot: UInt32, from callee: SessionKey, at now: Now, into effects: inout Effects
    ) -> Passage? {
        guard let call = calls.remove(slot) else { return nil }
        if isDraining { released(call, at: now, into: &effects) }
        return Passage(
            envelope: .result(call.request, from: settings.disclosesCallee ? callee : nil),
            receiver: call.caller)
    }

    /// YIELD: the callee's result becomes the caller's.
    mutating func yield(
        _ yield: consuming Yield, from callee: SessionKey, at now: Now, into effects: inout Effects
    ) throws(ProtocolViolation) {
        guard let slot = try pending(yield.request, of: callee, "YIELD") else { return }
        // Nobody asked for progressive results, so nobody is prepared for one: the call stays open.
        guard !yield.options.progress, let call = calls.remove(slot) else { return }
        let details = OutcomeDetails(
            callee: disclosed(callee),
            custom: yield.options.custom.forwardable(withCustom: settings.forwardsCustomOptions))
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
        let rerouting = calls.rerouting(of: slot)
        guard let call = calls.remove(slot) else { return }
        if error.error == .unavailable, sessions[callee].canReroute, !call.isKilled {
            reroute(call, rerouting, at: now, into: &effects)
        } else {
            counters.errors &+= 1
            let details = OutcomeDetails(
                callee: disclosed(callee),
                custom: error.details.custom.forwardable(withCustom: settings.forwardsCustomOptions)
            )
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

    /// Refuses a call that no callee was found for.
    private mutating func refuse(
        _ choice: Choice, _ request: RequestID, of caller: SessionKey, into effects: inout Effects
    ) {
        let (error, kwargs): (ErrorURI, Value.Dictionary) =
            switch choice {
            case .unreachable: (.networkFailure, [:])
            case .saturated: (.noAvailableCallee, ["reason": "max_concurrency_reached"])
            case .exhausted, .callee: (.noAvailableCallee, [:])
            }
        refuse(.call, request, of: caller, error, kwargs: kwargs, into: &effects)
    }
}

// MARK: Re-routing (SR-46 … SR-51)

extension Realm {
    /// Whether a call to this callee may have to be sent again, so that its arguments must be kept.
    @inline(__always)
    private func mayReroute(_ policy: InvocationPolicy, _ callee: Callee) -> Bool {
        callee.retryOnLoss || (policy != .single && sessions[callee.session].canReroute)
    }

    /// Gives a call that was taken from its callee to another one, as if those tried before did not
    /// exist.
    private mutating func reroute(
        _ call: PendingCall, _ rerouting: Rerouting?, at now: Now, into effects: inout Effects
    ) {
        guard let rerouting, rerouting.tried.count < rerouting.attempts,
            registrations[call.registration].id == call.registrationID
        else {
            return refuse(.call, call.request, of: call.caller, .noAvailableCallee, into: &effects)
        }
        let choice = registrations.choose(
            call.registration, excluding: rerouting.tried, blocked: sessions.blocked,
            random: &random)
        guard case .callee(let index) = choice else {
            return refuse(choice, call.request, of: call.caller, into: &effects)
        }
        let callee = registrations[call.registration].callees[index]
        rerouting.tried.append(callee.session)
        rerouting.retriesOnLoss = callee.retryOnLoss
        let invocation = calls.insert(
            PendingCall(
                caller: call.caller, request: call.request, callee: callee.session,
                registration: call.registration, registrationID: call.registrationID,
                deadline: call.deadline),
            keeping: rerouting)
        effects.send(
            .invocation(
                Invocation(
                    request: invocation, registration: call.registrationID,
                    details: rerouting.details, payload: rerouting.payload)),
            to: callee.session)
    }

    /// The callee of a call left. Its caller learns it at once; the call is not silently given to
    /// another, since the callee may have executed it, unless the procedure was declared idempotent
    /// (SR-51).
    mutating func calleeLeft(_ slot: UInt32, at now: Now, into effects: inout Effects) {
        let rerouting = calls.rerouting(of: slot)
        guard let call = calls.remove(slot) else { return }
        guard sessions.isPresent(call.caller) else { return }
        if let rerouting, rerouting.retriesOnLoss, !call.isKilled {
            reroute(call, rerouting, at: now, into: &effects)
        } else {
            refuse(
                .call, call.request, of: call.caller, .canceled, ["callee left"], into: &effects)
        }
        released(call, at: now, into: &effects)
    }
}
