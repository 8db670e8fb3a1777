// The dealer's way back: a callee's answer becomes the caller's. Every call ends exactly once:
// where a call is taken out of the table, its caller is answered or gone.
//
// Spec: Basic Profile, Remote Procedure Calls; Advanced Profile, Progressive Call Results.

package import WAMP

extension Realm {
    /// A plain YIELD that answers the call in `slot`, which is not a special one.
    mutating func pass(
        resultOf slot: UInt32, from callee: SessionKey, at now: Now, into effects: inout Effects
    ) -> Passage? {
        guard let call = calls.remove(slot) else { return nil }
        registrations.release(call.place)
        if isDraining || !queues.isEmpty { released(call, at: now, into: &effects) }
        return Passage(
            envelope: .result(call.request, from: settings.disclosesCallee ? callee : nil),
            receiver: call.caller)
    }

    /// YIELD: the callee's result becomes the caller's, or one of several.
    mutating func yield(
        _ yield: consuming Yield, from callee: SessionKey, at now: Now, into effects: inout Effects
    ) throws(ProtocolViolation) {
        if yield.options.custom.isPassthru,
            !sessions[callee].calleeFeatures.contains(.payloadPassthruMode)
        {
            throw ProtocolViolation("YIELD.Options.ppt_scheme needs payload_passthru_mode")
        }
        guard let slot = try pending(yield.request, of: callee, "YIELD"), let call = calls[slot]
        else {
            if yield.options.progress { stopLate(yield.request, of: callee, into: &effects) }
            return
        }
        guard !call.flags.contains(.isAbandoned) else {
            if yield.options.progress {
                // Once it is asked to stop, it need not answer any more.
                guard sessions[callee].canCancel else { return }
                stopLate(yield.request, of: callee, into: &effects)
            }
            end(slot, at: now, into: &effects)
            return
        }
        if yield.options.custom.isPassthru, call.caller != .router,
            !sessions[call.caller].callerFeatures.contains(.payloadPassthruMode)
        {
            // There is no ERROR for a YIELD, and the caller must not wait forever.
            // The callee may have more to say, and is busy until it is told to stop.
            let canStop = yield.options.progress && sessions[callee].canCancel
            if canStop { interrupt(call, .killnowait, into: &effects) }
            return leave(
                slot, with: .featureNotSupported,
                isRelieved: canStop || !yield.options.progress, at: now, into: &effects)
        }
        let details = OutcomeDetails(
            progress: yield.options.progress, callee: disclosed(callee),
            custom: yield.options.custom.forwardable(withCustom: settings.forwardsCustomOptions))
        if yield.options.progress {
            // Nobody asked, so nobody is prepared for it: the call stays open.
            guard call.flags.contains(.receivesProgress) else { return }
            calls.set(.hasProgressed, slot)
            restartTimeout(slot, at: now)
        }
        guard call.caller != .router else {
            end(slot, at: now, into: &effects)
            answer(call.request, Answer(yield.payload), at: now, into: &effects)
            return drained(call, at: now, into: &effects)
        }
        effects.send(
            .result(Result(request: call.request, details: details, payload: yield.payload)),
            to: call.caller)
        guard !yield.options.progress else { return }
        end(slot, at: now, into: &effects)
        drained(call, at: now, into: &effects)
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
        let isPassthru = error.details.custom.isPassthru
        if isPassthru, !sessions[callee].calleeFeatures.contains(.payloadPassthruMode) {
            throw ProtocolViolation("ERROR.Details.ppt_scheme needs payload_passthru_mode")
        }
        guard let slot = try pending(error.request, of: callee, "ERROR"), let call = calls[slot]
        else { return }
        registrations.countError(call.place)
        guard !call.flags.contains(.isAbandoned) else {
            end(slot, at: now, into: &effects)
            return
        }
        if error.error == .unavailable, sessions[callee].canReroute, isReroutable(call) {
            registrations.countRerouted(call.place)
            return reroute(slot, at: now, into: &effects)
        }
        guard call.caller != .router else {
            end(slot, at: now, into: &effects)
            let args = (try? error.payload.values())?.args ?? []
            answer(call.request, .failed(error.error, args), at: now, into: &effects)
            return drained(call, at: now, into: &effects)
        }
        if isPassthru, !sessions[call.caller].callerFeatures.contains(.payloadPassthruMode) {
            return end(slot, with: .featureNotSupported, at: now, into: &effects)
        }
        counters.errors &+= 1
        let details = OutcomeDetails(
            callee: call.flags.contains(.namesCallee) ? disclosed(callee) : nil,
            custom: error.details.custom.forwardable(withCustom: settings.forwardsCustomOptions))
        effects.send(
            .error(
                ErrorMessage(
                    .call, request: call.request, details: details, error: error.error,
                    payload: error.payload)),
            to: call.caller)
        end(slot, at: now, into: &effects)
        drained(call, at: now, into: &effects)
    }

    /// A message that the core sent could not be delivered, not even in fewer words.
    package mutating func undeliverable(
        _ message: Message, to session: SessionKey, because obstacle: Obstacle = .tooLarge,
        at now: Now, into effects: inout Effects
    ) {
        guard sessions.isPresent(session) else { return }
        switch message {
        case .invocation(let invocation):
            guard let slot = calls.find(servedBy: session, invocation.request) else { return }
            guard let call = calls[slot], !call.flags.contains(.isAbandoned) else {
                end(slot, at: now, into: &effects)
                return
            }
            if let first = calls.retained(slot)?.payload, call.flags.contains(.isProgressive),
                first != invocation.payload
            {
                // It has the parts before this one, and is not to wait for more.
                interrupt(call, .killnowait, into: &effects)
            }
            end(slot, with: obstacle.error, obstacle.args, at: now, into: &effects)
        case .result(let result):
            if result.details.progress {
                // The call goes on, or ends by an error of its own: never both.
                guard let slot = calls.find(madeBy: session, result.request),
                    let call = calls[slot]
                else { return }
                let canStop = sessions[call.callee].canCancel
                if canStop { interrupt(call, .killnowait, into: &effects) }
                return leave(
                    slot, with: obstacle.error, obstacle.args, isRelieved: canStop, at: now,
                    into: &effects)
            }
            refuse(
                .call, result.request, of: session, obstacle.error, obstacle.args,
                into: &effects)
        case .error(let error):
            // The router's own is as short as can be.
            let shortest = refusal(error.requestType, error.request, .payloadSizeExceeded)
            guard
                obstacle != .tooLarge || error.error != shortest.error
                    || error.details != shortest.details
                    || error.payload.count > shortest.payload.count
            else { return }
            refuse(
                error.requestType, error.request, of: session, obstacle.error,
                obstacle.args(of: error.error), into: &effects)
        case .event: undeliverableEvents(1)
        case .welcome:
            abort(session, Abort(reason: .payloadSizeExceeded), at: now, into: &effects)
        default:
            break
        }
    }

    /// So many subscribers do not get an event that was sent to them.
    package mutating func undeliverableEvents(_ count: Int) {
        counters.eventsDelivered &-= UInt64(count)
        counters.eventsUndeliverable &+= UInt64(count)
    }

    /// The call of an answer; nil for a late answer to a call that has ended, which is normal, and
    /// for one to an invocation that this session never got: clients that reconnect send what is
    /// left of their former session.
    private mutating func pending(
        _ request: RequestID, of callee: SessionKey, _ name: String
    ) throws(ProtocolViolation) -> UInt32? {
        if let slot = calls.find(servedBy: callee, request) { return slot }
        guard !calls.wasIssued(request, to: callee) else { return nil }
        guard settings.requestIDs == .lenient else {
            throw ProtocolViolation("\(name) answers an INVOCATION \(request) that was never sent")
        }
        counters.strayAnswers &+= 1
        return nil
    }

    /// A callee still sends progressive results of a call that is over: it is asked to stop, once.
    private mutating func stopLate(
        _ invocation: RequestID, of callee: SessionKey, into effects: inout Effects
    ) {
        guard sessions[callee].canCancel, calls.wasIssued(invocation, to: callee) else { return }
        guard calls.remember(stopOf: invocation, callee) else { return }
        effects.send(
            .interrupt(Interrupt(request: invocation, mode: .killnowait)), to: callee)
    }

    func disclosed(_ callee: SessionKey) -> PeerIdentity? {
        settings.disclosesCallee ? sessions[callee].identity : nil
    }
}

// MARK: The end of a call

extension Realm {
    /// Takes a call out of the table. Its callee, if it has one, may take another.
    @discardableResult
    mutating func end(_ slot: UInt32, at now: Now, into effects: inout Effects) -> PendingCall? {
        guard let call = calls.remove(slot) else { return nil }
        if call.flags.contains(.expectsChunks) {
            rememberChunks(of: call.request, call.caller, at: now)
        }
        if call.flags.contains(.isWaiting) {
            stopWaiting(slot, for: call.registration)
        } else {
            registrations.release(call.place)
            if !queues.isEmpty {
                dispatch(call.registration, to: call.callee, at: now, into: &effects)
            }
        }
        return call
    }

    /// Ends a call with an error of the router's own.
    mutating func end(
        _ slot: UInt32, with error: ErrorURI, _ args: [Value] = [],
        kwargs: Value.Dictionary = [:], at now: Now, into effects: inout Effects
    ) {
        guard let call = calls[slot] else { return }
        guard call.caller != .router else {
            end(slot, at: now, into: &effects)
            answer(call.request, .failed(error, args), at: now, into: &effects)
            return drained(call, at: now, into: &effects)
        }
        refuse(.call, call.request, of: call.caller, error, args, kwargs: kwargs, into: &effects)
        end(slot, at: now, into: &effects)
        drained(call, at: now, into: &effects)
    }

    /// Answers the caller of a call, while its callee may go on with it (SR-59).
    /// - Parameter isRelieved: the callee was asked to stop, and can.
    mutating func leave(
        _ slot: UInt32, with error: ErrorURI, _ args: [Value] = [], isRelieved: Bool,
        at now: Now, into effects: inout Effects
    ) {
        guard let call = calls[slot] else { return }
        guard !isRelieved, keepsBusy(call) else {
            return end(slot, with: error, args, at: now, into: &effects)
        }
        abandon(slot, call, at: now)
        guard call.caller != .router else {
            return answer(call.request, .failed(error, args), at: now, into: &effects)
        }
        refuse(.call, call.request, of: call.caller, error, args, into: &effects)
    }

    /// Forgets the caller of a call whose callee goes on with it.
    mutating func abandon(_ slot: UInt32, _ call: PendingCall, at now: Now) {
        if call.flags.contains(.expectsChunks) {
            rememberChunks(of: call.request, call.caller, at: now)
            calls.clear(.expectsChunks, slot)
        }
        calls.abandon(slot)
    }

    /// Whether it matters that a callee which cannot be stopped is still busy.
    func keepsBusy(_ call: PendingCall) -> Bool {
        guard !isDraining, !call.flags.contains(.isWaiting),
            registrations[call.registration].id == call.registrationID,
            registrations.figures(call.place).inFlight <= limits.pendingCallsPerSession
        else {
            return false
        }
        return registrations[call.registration].policy == .leastbusy
            || registrations[call.registration].callees.contains {
                $0.place == call.place && $0.options.concurrency > 0
            }
    }

    /// Forgets the calls that only keep their callees busy: nobody waits for their answers.
    mutating func endAbandoned(at now: Now, into effects: inout Effects) {
        for session in sessions.keys {
            for slot in calls.served(by: session)
            where calls[slot]?.flags.contains(.isAbandoned) == true {
                end(slot, at: now, into: &effects)
            }
        }
    }

    /// A call is over, so another may get its callee; while the realm is drained, so may be the
    /// sessions that it kept.
    mutating func released(_ call: PendingCall, at now: Now, into effects: inout Effects) {
        if !queues.isEmpty {
            dispatch(call.registration, to: call.callee, at: now, into: &effects)
        }
        drained(call, at: now, into: &effects)
    }

    /// While the realm is drained, sessions leave as their last call ends.
    mutating func drained(_ call: PendingCall, at now: Now, into effects: inout Effects) {
        guard isDraining else { return }
        for session in [call.caller, call.callee] where !isBusy(session) {
            dismiss(session, at: now, into: &effects)
        }
    }
}
