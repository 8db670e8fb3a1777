// The dealer's way to a callee: finds the registration of a call, lets its rule choose a callee,
// and invokes it.
//
// Spec: Basic Profile, Remote Procedure Calls; Advanced Profile, Pattern-based Registrations,
// Caller Identification, Payload Passthru Mode.

import WAMP

extension Realm {
    /// CALL. Every check comes before the choice of a callee, so that a call that is refused moves
    /// no cursor (SR-37).
    mutating func call(
        _ call: consuming Call, from caller: SessionKey, at now: Now, into effects: inout Effects
    ) throws(ProtocolViolation) {
        let features = sessions[caller].callerFeatures
        if call.options.progress, !features.contains(.progressiveCallInvocations) {
            throw ProtocolViolation("CALL.Options.progress needs progressive_call_invocations")
        }
        if call.options.custom.isPassthru, !features.contains(.payloadPassthruMode) {
            throw ProtocolViolation("CALL.Options.ppt_scheme needs payload_passthru_mode")
        }
        if let slot = calls.find(madeBy: caller, call.request) {
            return try proceed(slot, with: call, at: now, into: &effects)
        }
        guard !isLateChunk(call, from: caller, at: now) else { return }
        counters.calls &+= 1
        guard call.options.progress else {
            return begin(call, from: caller, at: now, into: &effects)
        }
        let request = call.request
        begin(call, from: caller, at: now, into: &effects)
        // Refused at once: what follows of its arguments must not become a call of its own.
        if calls.find(madeBy: caller, request) == nil, !isDeciding(caller) {
            rememberChunks(of: request, caller, at: now)
        }
    }

    /// The first, or only, CALL of a call.
    private mutating func begin(
        _ call: consuming Call, from caller: SessionKey, at now: Now, into effects: inout Effects
    ) {
        let request = call.request
        guard call.procedure.isValid(settings.uriRule) else {
            return refuse(
                .call, request, of: caller, .invalidURI, about: call.procedure.excerpt,
                into: &effects)
        }
        guard
            let permission = permission(
                for: .call, call.procedure, .exact, of: caller, request: request,
                message: .call(call), at: now, into: &effects)
        else { return }
        if let flaw = call.payload.flaw {
            return refuse(
                .call, request, of: caller, .invalidPayload, [.string(flaw)], into: &effects)
        }
        if call.procedure.isReserved {
            return answerMeta(call, from: caller, at: now, into: &effects)
        }
        let disclosure = permission.callerDisclosure ?? settings.callerDisclosure
        let asksForDisclosure = call.options.custom.isOn("disclose_me")
        guard disclosure != .never || !asksForDisclosure else {
            return refuse(
                .call, request, of: caller, .discloseMeNotAllowed,
                about: call.procedure.excerpt, into: &effects)
        }
        let isSharded =
            settings.shardedRegistration && call.options.custom["runmode"]?.string == "partition"
        let rkey = call.options.custom["rkey"]?.string
        guard !isSharded || rkey != nil else {
            return refuse(
                .call, request, of: caller, .invalidArgument,
                ["runmode partition needs an rkey"], into: &effects)
        }
        guard let slot = registrations.best(for: call.procedure) else {
            // Callees that were idle are gone already: that is no reason to say that there is no
            // such procedure.
            if isDraining { return refuseDraining(request, of: caller, into: &effects) }
            return refuse(
                .call, request, of: caller, .noSuchProcedure, about: call.procedure.excerpt,
                into: &effects)
        }
        let terms = CallTerms(
            procedure: call.procedure, timeout: timeLimit(call.options.timeout),
            receivesProgress: call.options.receiveProgress, isProgressive: call.options.progress,
            isPassthru: call.options.custom.isPassthru,
            isForPattern: registrations[slot].match != .exact, disclosure: disclosure,
            disclosesCaller: asksForDisclosure,
            wantsCallee: call.options.custom.isOn(Value.Dictionary.discloseCallee),
            key: stickiness(of: caller, rkey: rkey), isSharded: isSharded,
            trustlevel: procedureSettings.best(for: call.procedure)?.trustlevel,
            custom: call.options.custom.forwardable(withCustom: settings.forwardsCustomOptions))
        route(
            request, terms, call.payload, to: slot, from: caller, at: now, into: &effects)
    }

    /// Finds a callee for a call, or a place in the queue, and enters the call. The router's own
    /// are calls like any others.
    mutating func route(
        _ request: RequestID, _ terms: CallTerms, _ payload: Payload,
        to registration: RegistrationSlot,
        from caller: SessionKey, at now: Now, into effects: inout Effects
    ) {
        let isQuestion = caller == .router
        guard isQuestion || mayCall(request, caller, into: &effects) else { return }
        let end =
            terms.timeout == 0 ? Moment.never : now.moment.advanced(milliseconds: terms.timeout)
        var call = CallInFlight(
            caller: caller, request: request, registration: registration,
            registrationID: registrations[registration].id, deadline: end)
        if terms.isProgressive { call.flags = [.isProgressive, .expectsChunks] }
        if terms.wantsCallee { call.flags.insert(.namesCallee) }
        func retain() -> RetainedCall {
            let record = RetainedCall(
                terms: terms, payload: payload.detached(), isComplete: !terms.isProgressive,
                attempts: attempts(registration))
            record.limit = end
            return record
        }
        let mustWait = !queues.isEmpty && isAnyoneWaiting(for: registration, like: terms)
        let choice =
            mustWait
            ? .saturated
            : registrations.choose(
                registration, excluding: [], blocked: sessions.blocked, random: &random,
                key: terms.key, isSharded: terms.isSharded)
        guard case .callee(let index) = choice else {
            if choice == .saturated, let settings = queueWithRoom(registration) {
                return wait(call, retain(), settings, at: now)
            }
            return refuse(choice, request, of: caller, at: now, into: &effects)
        }
        let callee = registrations[registration].callees[index]
        guard canServe(callee.session, terms) else {
            return refuse(.call, request, of: caller, .featureNotSupported, into: &effects)
        }
        if terms.receivesProgress, mayProgress(callee.session) {
            call.flags.insert(.receivesProgress)
        }
        call.deadline = backstop(of: end, at: callee)
        let slot = calls.enter(call)
        if mayReroute(registrations[registration].rule, callee) || terms.isProgressive
            || call.flags.contains(.receivesProgress) && terms.timeout > 0
        {
            let record = retain()
            record.tried = [callee.session]
            record.options = callee.options
            calls.keep(record, slot)
        }
        effects.send(
            .invocation(
                Invocation(
                    request: assign(slot, to: callee), registration: call.registrationID,
                    details: details(
                        for: callee, of: call, terms, isLast: !terms.isProgressive),
                    payload: payload)),
            to: callee.session)
    }

    /// Gives a call that waits to a callee. There is no other way to one.
    /// - Returns: the id of the INVOCATION.
    @inline(__always)
    mutating func assign(_ slot: CallSlot, to callee: Callee) -> RequestID {
        registrations.occupy(callee.place)
        return calls.assign(slot, to: callee)
    }

    /// SR-49: how many callees may be tried with a call that is made now.
    func attempts(_ registration: RegistrationSlot) -> Int {
        max(8, registrations[registration].callees.count + 4)
    }

    /// Whether a session may make one more call; it is told if it may not.
    @inline(__always)
    mutating func mayCall(
        _ request: RequestID, _ caller: SessionKey, into effects: inout Effects
    ) -> Bool {
        guard !isDraining else {
            refuseDraining(request, of: caller, into: &effects)
            return false
        }
        let hasRoom = calls.hasRoom(
            for: caller, count: limits.pendingCallsPerSession, bytes: limits.keptBytesPerSession)
        guard hasRoom else {
            refuse(
                .call, request, of: caller, .unavailable, kwargs: ["reason": "overload"],
                into: &effects)
            return false
        }
        return true
    }

    private mutating func refuseDraining(
        _ request: RequestID, of caller: SessionKey, into effects: inout Effects
    ) {
        refuse(
            .call, request, of: caller, .unavailable, ["the router is being stopped"],
            kwargs: ["reason": "shutdown"], into: &effects)
    }

    /// Refuses a call that no callee was found for; a question of the router's own is answered so.
    mutating func refuse(
        _ choice: Choice, _ request: RequestID, of caller: SessionKey, at now: Now,
        into effects: inout Effects
    ) {
        let outcome = refusal(choice)
        guard caller == .router else { return tell(caller, request, outcome, into: &effects) }
        // The sentence is for callers: nobody may take it for the procedure's own.
        guard case .refusal(let error, _, _) = outcome else { return }
        answer(request, .failed(error, []), at: now, into: &effects)
    }

    /// What callers are told when no callee was found.
    func refusal(_ choice: Choice) -> Outcome {
        switch choice {
        case .unreachable: .refusal(.networkFailure)
        case .saturated:
            .refusal(
                settings.crossbarMaxConcurrencyURI ? .maxConcurrencyReached : .noAvailableCallee,
                ["the maximum concurrency of every callee of the procedure is reached"],
                kwargs: ["reason": "max_concurrency_reached"])
        case .exhausted, .callee: .refusal(.noAvailableCallee)
        }
    }

    /// SR-64: a callee that lacks what the call needs is not passed over.
    func canServe(_ callee: SessionKey, _ terms: CallTerms) -> Bool {
        let features = sessions[callee].calleeFeatures
        if terms.isProgressive,
            !features.isSuperset(of: [.progressiveCallInvocations, .callCanceling])
        {
            return false
        }
        return !terms.isPassthru || features.contains(.payloadPassthruMode)
    }

    /// INVOCATION.Details of a call for a callee.
    /// - Parameters:
    ///   - isLast: whether no more of the call's arguments will come.
    ///   - timeout: what is left of the time limit, in milliseconds; nil = all of it.
    func details(
        for callee: Callee, of call: CallInFlight, _ terms: CallTerms, isLast: Bool,
        timeout: UInt64? = nil
    ) -> InvocationDetails {
        var details = InvocationDetails(custom: terms.custom)
        if terms.isForPattern { details.procedure = terms.procedure }
        if keepsTime(callee) { details.timeout = timeout ?? terms.timeout }
        if call.flags.contains(.receivesProgress) {
            details.custom.append("receive_progress", true)
        }
        if !isLast { details.custom.append("progress", true) }
        if !call.isQuestion, terms.isDisclosed(to: callee) {
            let identity = sessions[call.caller].identity
            details.custom.append("caller", Value(identity.session))
            if let authid = identity.authid {
                details.custom.append("caller_authid", .string(authid))
            }
            if let role = identity.authrole {
                details.custom.append("caller_authrole", .string(role))
            }
        }
        if let trustlevel = terms.trustlevel {
            details.custom.append("trustlevel", Value(trustlevel))
        }
        return details
    }

    /// SR-65: where features are checked, progressive results are for callees that announced that
    /// they can send them, and be stopped. Many send them and announce neither.
    func mayProgress(_ callee: SessionKey) -> Bool {
        !settings.requiresAnnouncedFeatures || sessions[callee].canProgress
    }

    /// When the router ends a call with this time limit: a callee that keeps the time itself gets
    /// some more, in case that it does not.
    func backstop(of limit: Moment, at callee: Callee) -> Moment {
        keepsTime(callee) ? limit.advanced(milliseconds: 5000) : limit
    }

    /// Whether the callee ends the call when its time is over.
    ///
    /// Spec: Advanced Profile, Call Timeouts.
    func keepsTime(_ callee: Callee) -> Bool {
        callee.options.forwardsTimeout
            && sessions[callee.session].calleeFeatures.contains(.callTimeout)
    }

    /// The time limit of a call that asks for this one, in milliseconds; 0 = none.
    private func timeLimit(_ asked: UInt64) -> UInt64 {
        let timeout = asked == 0 ? settings.callTimeoutDefault : asked
        guard settings.callTimeoutMax > 0 else { return timeout }
        return timeout == 0 ? settings.callTimeoutMax : min(timeout, settings.callTimeoutMax)
    }

    private func stickiness(of caller: SessionKey, rkey: String?) -> UInt64 {
        guard let rkey else { return UInt64(caller.slot) << 32 | UInt64(caller.generation) }
        // FNV-1a.
        return rkey.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

extension CallTerms {
    /// Spec: Advanced Profile, Caller Identification.
    func isDisclosed(to callee: Callee) -> Bool {
        switch disclosure {
        case .never: false
        case .onRequest: disclosesCaller || callee.options.disclosesCaller
        case .always: true
        }
    }
}
