// Every ERROR has a reason: it must be true.

import WAMP
import WAMPRouter

extension Auditor {
    /// An ERROR to a CALL.
    func checkReason(_ error: ErrorMessage, _ call: AuditedCall) {
        if case .received(.error(let original), let key) = fact, touched === call,
            original.error == error.error, original.payload == error.payload
        {
            return checkForwarded(error, from: key, call)
        }
        check(error.details.callee == nil, "an error of the router's own names a callee")
        let payload = try? error.payload.values()
        check(
            payload?.args.first?.string?.isEmpty == false, "an ERROR without a sentence: \(error)")
        if call.isForRouter { return }
        let reason = payload?.kwargs["reason"]?.string
        if !isJustified(error.error, reason: reason, call) {
            fail(
                "call \(call.token) to \(call.procedure) was refused: \(error.error), \(reason ?? "no reason")"
            )
        }
    }

    private func checkForwarded(
        _ error: ErrorMessage, from key: SessionKey, _ call: AuditedCall
    ) {
        let callee = sessions[key]
        check(
            error.details.callee?.session
                == (settings.disclosesCallee && call.wantsCallee ? callee?.id : nil),
            "the callee must be named, if the caller wants it")
        let isReroutable =
            error.error == .unavailable && callee?.has(.callReroute, as: .callee) == true
            && !call.wasKilled && !call.hasProgressed && !call.options.progress
        check(isLenient || !isReroutable, "a call was not given to another callee (SR-46)")
    }

    private func isJustified(_ error: ErrorURI, reason: String?, _ call: AuditedCall) -> Bool {
        let isDirect = touched === call
        switch error {
        case .invalidURI: return !Naming.isValid(call.procedure)
        case .noSuchProcedure:
            // Those who waited for a registration that is no more are told later.
            return !isDirect || isLenient || best(for: call.procedure) == nil
        case .noAvailableCallee where reason == "max_concurrency_reached":
            return isSaturated(call)
        case .noAvailableCallee: return hasTriedAll(call)
        case .networkFailure:
            return registration(of: call)?.callees.contains { $0.session.isBlocked } ?? false
        case .featureNotSupported: return lacksFeature(call)
        case .canceled:
            if case .received(.cancel, _) = fact, isDirect { return true }
            return isLenient || mustResolve.contains { $0 === call }
        case .timeout: return isLenient || call.deadline.map { $0 <= now.moment } ?? false
        case .unavailable where reason == "shutdown": return isDraining
        case .unavailable where reason == "overload":
            return calls.keys.count { $0.caller == call.key.caller }
                > scenario.limits.pendingCallsPerSession || isLenient
        case .notAuthorized:
            guard let role = sessions[call.key.caller]?.role else { return false }
            return isLenient || !scenario.isAllowed(role, call.procedure, as: .exact)
        case .authorizationFailed: return isLenient
        case .payloadSizeExceeded:
            if case .undeliverable = fact { return true }
            return false
        case .discloseMeNotAllowed:
            return isLenient
                || settings.callerDisclosure == .never && call.options.custom.isOn("disclose_me")
        case .invalidArgument: return isPartitioned(call) && call.options.custom["rkey"] == nil
        default: return false
        }
    }

    private func registration(of call: AuditedCall) -> AuditedRegistration? {
        if let id = call.registration { return registrations[id] }
        return best(for: call.procedure)
    }

    private func pick(for call: AuditedCall) -> AuditedRegistration.Pick? {
        registration(of: call)?.pick(
            tried: call.tried, key: stickiness(of: call), isPartitioned: isPartitioned(call))
    }

    private func isSaturated(_ call: AuditedCall) -> Bool {
        if isLenient || touched !== call { return true }
        guard let registration = registration(of: call), let pick = pick(for: call) else {
            return false
        }
        switch pick {
        case .saturated: return true
        case .oneOf:
            // Whom a key designates is the router's to know: somebody who is busy, at least.
            return !registration.isCertain(
                tried: call.tried, key: stickiness(of: call), isPartitioned: isPartitioned(call))
                && registration.callees.contains { $0.isFull(registration.id) }
        case .unreachable: return mayWait(call)
        case .exhausted: return false
        }
    }

    private func hasTriedAll(_ call: AuditedCall) -> Bool {
        guard !call.tried.isEmpty else { return isLenient }
        guard let registration = registration(of: call) else { return true }
        return call.tried.count >= 8
            || registration.callees.allSatisfy { call.tried.contains($0.session.key) }
    }

    /// Either the chosen callee cannot serve the call, and was chosen all the same (SR-37, SR-64),
    /// or the callee answered in a way that the caller cannot understand.
    private func lacksFeature(_ call: AuditedCall) -> Bool {
        if case .received(.yield(let yield), _) = fact, touched === call {
            return yield.options.custom.isPassthru
                && sessions[call.key.caller]?.has(.payloadPassthruMode, as: .caller) == false
        }
        guard case .oneOf(let callees)? = pick(for: call), let registration = registration(of: call)
        else { return false }
        let unable = callees.filter { !canServe($0.session, call) }
        if unable.count == 1 {
            registration.went(
                to: unable[0], key: stickiness(of: call), isPartitioned: isPartitioned(call),
                isFirst: call.tried.isEmpty)
        }
        return !unable.isEmpty
    }

    /// An ERROR to any other request.
    func refused(_ error: ErrorMessage, _ session: AuditedSession) {
        guard let asked = session.requests.removeValue(forKey: error.request),
            asked.code == error.requestType
        else { return fail("ERROR to a request that was answered: \(error.error)") }
        let reason = (try? error.payload.values())?.kwargs["reason"]?.string
        let isJustified =
            switch asked {
            case .register(let register): isJustified(error.error, reason, register, session)
            case .unregister(let id):
                error.error == .noSuchRegistration && registrations[id]?.callee(session.key) == nil
            case .subscribe(let subscribe): isJustified(error.error, subscribe, session)
            case .unsubscribe(let id):
                error.error == .noSuchSubscription
                    && subscriptions[id]?.subscribers.contains(session.key) != true
            case .publish(let publication): !isPublishable(publication) || isLenient
            }
        check(
            isJustified, "\(asked.code.name) was refused: \(error.error), \(reason ?? "no reason")")
    }

    private func isJustified(
        _ error: ErrorURI, _ reason: String?, _ register: Register, _ session: AuditedSession
    ) -> Bool {
        let (match, uri) = (register.options.match, register.procedure.description)
        let existing = registrations.values.first { $0.match == match && $0.uri == uri }
        let policy = register.options.invoke ?? "single"
        switch error {
        case .invalidURI: return Naming.isReserved(uri) || match == .exact && !Naming.isValid(uri)
        case .invalidArgument: return !Scenario.rules.contains(policy)
        case .featureNotSupported:
            return settings.requiresAnnouncedFeatures
                && (policy != "single" && !session.has(.sharedRegistration, as: .callee)
                    || match != .exact && !session.has(.patternBasedRegistration, as: .callee))
        case .discloseMeNotAllowed:
            return register.options.custom.isOn("disclose_caller")
                && (settings.callerDisclosure == .never || isLenient)
        case .procedureAlreadyExists:
            guard let existing else { return false }
            return existing.policy == "single"
                ? reason == nil
                : policy != existing.policy && reason == "invocation_policy_conflict"
        case .unavailable:
            return reason == "overload"
                && session.registrations.count >= scenario.limits.registrationsPerSession
        case .notAuthorized:
            return isLenient || !scenario.isAllowed(session.role, uri, as: match)
                || register.options.custom.isOn("force_reregister") && session.role != "admin"
        case .authorizationFailed: return isLenient
        default: return false
        }
    }

    private func isJustified(
        _ error: ErrorURI, _ subscribe: Subscribe, _ session: AuditedSession
    ) -> Bool {
        let (match, topic) = (subscribe.options.match, subscribe.topic.description)
        switch error {
        case .invalidURI: return match == .exact && !Naming.isValid(topic)
        case .unavailable:
            return session.subscriptions.count >= scenario.limits.subscriptionsPerSession
        case .notAuthorized:
            return isLenient || !scenario.isAllowed(session.role, topic, as: match)
                || Naming.isReserved(topic) && session.role == "guest"
        case .authorizationFailed: return isLenient
        default: return false
        }
    }
}
