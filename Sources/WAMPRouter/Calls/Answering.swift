// The dealer's way back: a callee's answer becomes the caller's.
//
// Spec: Basic Profile, Remote Procedure Calls; Advanced Profile, Progressive Call Results.

package import WAMP

extension Realm {
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
        guard call.phase != .abandoned else {
            if yield.options.progress {
                // Once it is asked to stop, it need not answer any more.
                guard sessions[callee].canCancel else { return }
                stopLate(yield.request, of: callee, into: &effects)
            }
            return conclude(slot, as: .silence, at: now, into: &effects)
        }
        if yield.options.custom.isPassthru, !call.isQuestion,
            !sessions[call.caller].callerFeatures.contains(.payloadPassthruMode)
        {
            // There is no ERROR for a YIELD, and the caller must not wait forever.
            // The callee may have more to say, and is busy until it is told to stop.
            let canStop = yield.options.progress && sessions[callee].canCancel
            if canStop { interrupt(call, .killnowait, into: &effects) }
            return settle(
                slot, as: .refusal(.featureNotSupported),
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
        guard yield.options.progress, !call.isQuestion else {
            return conclude(
                slot, as: .result(details, yield.payload), at: now, into: &effects)
        }
        effects.send(
            .result(Result(request: call.request, details: details, payload: yield.payload)),
            to: call.caller)
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
        guard call.phase != .abandoned else {
            return conclude(slot, as: .silence, at: now, into: &effects)
        }
        if error.error == .unavailable, sessions[callee].canReroute, isReroutable(call) {
            registrations.countRerouted(call.place)
            return reroute(slot, at: now, into: &effects)
        }
        if isPassthru, !call.isQuestion,
            !sessions[call.caller].callerFeatures.contains(.payloadPassthruMode)
        {
            return conclude(slot, as: .refusal(.featureNotSupported), at: now, into: &effects)
        }
        let details = OutcomeDetails(
            callee: call.flags.contains(.namesCallee) ? disclosed(callee) : nil,
            custom: error.details.custom.forwardable(withCustom: settings.forwardsCustomOptions))
        conclude(
            slot, as: .failure(error.error, details, error.payload), at: now, into: &effects)
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
            guard let call = calls[slot], call.phase != .abandoned else {
                return conclude(slot, as: .silence, at: now, into: &effects)
            }
            if let first = calls.retained(slot)?.payload, call.flags.contains(.isProgressive),
                first != invocation.payload
            {
                // It has the parts before this one, and is not to wait for more.
                interrupt(call, .killnowait, into: &effects)
            }
            conclude(
                slot, as: .refusal(obstacle.error, obstacle.args), at: now, into: &effects)
        case .result(let result):
            if result.details.progress {
                // The call goes on, or ends by an error of its own: never both.
                guard let slot = calls.find(madeBy: session, result.request),
                    let call = calls[slot]
                else { return }
                let canStop = sessions[call.callee].canCancel
                if canStop { interrupt(call, .killnowait, into: &effects) }
                return settle(
                    slot, as: .refusal(obstacle.error, obstacle.args), isRelieved: canStop,
                    at: now, into: &effects)
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
    ) throws(ProtocolViolation) -> CallSlot? {
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
