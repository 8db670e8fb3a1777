// REGISTER and UNREGISTER: who may share a procedure, and under which rule.
//
// Spec: Basic Profile, Registering and Unregistering; Advanced Profile, Shared Registration.

import WAMP

extension Realm {
    /// REGISTER. Every check comes before the first change (SR-01 … SR-21).
    mutating func register(
        _ register: Register, from session: SessionKey, at now: Now, into effects: inout Effects
    ) throws(ProtocolViolation) {
        func refuse(_ error: ErrorURI, _ args: [Value] = [], kwargs: Value.Dictionary = [:]) {
            self.refuse(
                .register, register.request, of: session, error, args,
                about: register.procedure.excerpt, kwargs: kwargs, into: &effects)
        }
        let match = register.options.match
        guard register.procedure.isValid(settings.uriRule, as: match),
            !register.procedure.isReserved
        else {
            return refuse(.invalidURI, register.procedure.reservation)
        }
        let name = register.options.invoke ?? InvocationRule.single.rawValue
        guard let rule = InvocationRule(rawValue: name) else {
            let known = InvocationRule.allCases.map(\.rawValue).joined(separator: ", ")
            let message = "unknown invocation rule '\(name.excerpt)'; the rules are \(known)"
            if settings.strictOptionValues {
                throw ProtocolViolation("REGISTER.Options.invoke: \(message)")
            }
            return refuse(.invalidArgument, [.string(message)])
        }
        if rule != .single {
            guard settings.sharedRegistration else {
                return refuse(.optionNotAllowed, ["this realm takes no shared registrations"])
            }
            guard hasAnnounced(.sharedRegistration, session) else {
                return refuse(
                    .featureNotSupported, ["the callee did not announce shared_registration"])
            }
        }
        guard match == .exact || hasAnnounced(.patternBasedRegistration, session) else {
            return refuse(
                .featureNotSupported, ["the callee did not announce pattern_based_registration"])
        }
        guard let options = CalleeOptions(register.options) else {
            return refuse(.invalidArgument, ["concurrency must not be negative"])
        }
        guard
            let permission = permission(
                for: .register, register.procedure, match, of: session,
                request: register.request, message: .register(register), at: now, into: &effects)
        else { return }
        let disclosure = permission.callerDisclosure ?? settings.callerDisclosure
        guard !options.disclosesCaller || disclosure != .never else {
            return refuse(.discloseMeNotAllowed)
        }
        let callee = Callee(session: session, options: options)
        var isFull = registrations.count(of: session) >= limits.registrationsPerSession
        var found = registrations.find(register.procedure, as: match)
        var consequences = Effects()
        if let slot = found, register.options.custom.isOn("force_reregister") {
            guard mayForce(slot, session, register.procedure, match) else {
                note(denied: .forceReregister, register.procedure, of: session)
                return refuse(
                    .notAuthorized,
                    [.string("this session may not take '\(register.procedure.excerpt)' over")])
            }
            if registrations.isCallee(session, of: slot) { isFull = false }
            guard !isFull else { return refuse(.unavailable, kwargs: ["reason": "overload"]) }
            revoke(registration: slot, at: now, into: &effects, &consequences)
            // While the realm is drained, a call of its own that ends is the end of its session.
            guard sessions.isPresent(session) else {
                return effects.append(contentsOf: &consequences)
            }
            found = nil
        }
        guard let slot = found else {
            guard !isFull else { return refuse(.unavailable, kwargs: ["reason": "overload"]) }
            let slot = registrations.create(
                register.procedure, match: match, rule: rule, created: now.unixMilliseconds,
                known: procedureSettings.best(for: register.procedure, as: match),
                random: &random)
            return join(
                callee, to: slot, register.request, isNew: true, after: &consequences, at: now,
                into: &effects)
        }
        let existing = registrations[slot].rule
        guard existing != .single else { return refuse(.procedureAlreadyExists) }
        guard existing == rule else {
            return refuse(
                settings.crossbarPolicyConflictURI
                    ? .differentInvocationPolicy : .procedureAlreadyExists,
                [
                    .string(
                        "'\(register.procedure.excerpt)' is registered under the rule "
                            + "'\(existing.rawValue)', not '\(rule.rawValue)'")
                ],
                kwargs: [
                    "reason": "invocation_policy_conflict",
                    "invoke": .string(existing.rawValue),
                    "requested": .string(rule.rawValue),
                ])
        }
        if registrations.isCallee(session, of: slot) {
            // SR-10: asking again changes nothing.
            let answer = Registered(request: register.request, registration: registrations[slot].id)
            effects.send(.registered(answer), to: session)
        } else if isFull {
            refuse(.unavailable, kwargs: ["reason": "overload"])
        } else {
            join(
                callee, to: slot, register.request, isNew: false, after: &consequences, at: now,
                into: &effects)
        }
    }

    /// Whether a callee may use a feature: it announced it, or need not (SR-14).
    private func hasAnnounced(_ feature: Features, _ callee: SessionKey) -> Bool {
        !settings.requiresAnnouncedFeatures || sessions[callee].calleeFeatures.contains(feature)
    }

    /// UNREGISTER by a callee of the registration; anybody else's is an error (SR-24).
    mutating func unregister(
        _ unregister: Unregister, from session: SessionKey, at now: Now, into effects: inout Effects
    ) {
        guard let slot = registrations.find(unregister.registration),
            registrations.isCallee(session, of: slot)
        else {
            return refuse(
                .unregister, unregister.request, of: session, .noSuchRegistration,
                about: "\(unregister.registration)", into: &effects)
        }
        effects.send(.unregistered(Unregistered(request: unregister.request)), to: session)
        detach(session, from: slot, at: now, into: &effects)
    }

    /// Adds a callee to the list, answers it, then tells everybody (SR-74, SR-75, SR-80).
    /// - Parameter earlier: what others learn of before this, though after the answer.
    private mutating func join(
        _ callee: Callee, to slot: RegistrationSlot, _ request: RequestID, isNew: Bool,
        after earlier: inout Effects, at now: Now, into effects: inout Effects
    ) {
        registrations.join(callee, to: slot)
        let id = registrations[slot].id
        effects.send(
            .registered(Registered(request: request, registration: id)), to: callee.session)
        effects.append(contentsOf: &earlier)
        let session = Value(sessions[callee.session].identity.session)
        if isNew {
            publishMeta("wamp.registration.on_create", into: &effects) {
                [session, .dictionary($0.details(ofRegistration: slot))]
            }
        }
        publishMeta("wamp.registration.on_register", into: &effects) { _ in [session, Value(id)] }
        dispatch(slot, toNewcomer: callee, at: now, into: &effects)
    }

    /// Takes a callee off a registration and tells everybody (SR-76, SR-77). Calls it serves go on
    /// (SR-28).
    mutating func detach(
        _ session: SessionKey, from slot: RegistrationSlot, at now: Now,
        into effects: inout Effects
    ) {
        let args = [
            Value(sessions[session].identity.session), Value(registrations[slot].id),
        ]
        let isDeleted = registrations.remove(session, from: slot)
        publishMeta("wamp.registration.on_unregister", into: &effects) { _ in args }
        if isDeleted {
            publishMeta("wamp.registration.on_delete", into: &effects) { _ in args }
            dissolveQueue(slot, at: now, into: &effects)
        } else {
            dispatch(slot, without: session, at: now, into: &effects)
        }
    }
}

extension CalleeOptions {
    /// - Returns: nil if they make no sense.
    fileprivate init?(_ options: RegisterOptions) {
        retriesOnLoss = options.retryOnLoss
        disclosesCaller = options.custom.isOn("disclose_caller")
        forwardsTimeout = options.custom.isOn("forward_timeout")
        if let concurrency = options.custom["concurrency"] {
            guard let number = concurrency.unsigned else { return nil }
            self.concurrency = UInt32(clamping: number)
        }
    }
}

extension URI {
    /// Why a URI that is the router's own is refused; empty of any other.
    var reservation: [Value] {
        isReserved ? [.string("'\(excerpt)' is reserved for the router")] : []
    }

    /// Whether the URI lies in the part of the name space that belongs to the router.
    ///
    /// Spec: Basic Profile, Reserved URIs. `wampctl.router.` and its kin are ours.
    package var isReserved: Bool {
        guard hasPrefix("wamp") else { return false }
        return count == 4 || hasPrefix("wamp.") || hasPrefix("wampctl.router.")
            || hasPrefix("wampctl.registration.") || hasPrefix("wampctl.cluster.")
    }
}
