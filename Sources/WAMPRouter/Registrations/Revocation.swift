// Registrations that the router takes away: by the meta API, or because another callee takes the
// procedure over (SR-85 … SR-90).
//
// Spec: Advanced Profile, Registration Revocation.

import WAMP

extension Realm {
    /// Takes one callee off a registration. Calls that it serves go on.
    /// - Parameters:
    ///   - reason: what a callee is told that announced `registration_revocation`.
    ///   - effects: what that callee is told.
    ///   - consequences: what others learn of it.
    private mutating func revoke(
        registration slot: RegistrationSlot, of session: SessionKey, reason: String, at now: Now,
        into effects: inout Effects, _ consequences: inout Effects
    ) {
        if sessions[session].calleeFeatures.contains(.registrationRevocation) {
            let details: Value.Dictionary = [
                "registration": Value(registrations[slot].id), "reason": .string(reason),
            ]
            effects.send(
                .unregistered(Unregistered(request: nil, details: details)), to: session)
        }
        detach(session, from: slot, at: now, into: &consequences)
    }

    /// Takes every callee off a registration, which is deleted with the last one. What others learn
    /// of it has to come after the answer to whoever wanted it (SR-80).
    mutating func revoke(
        registration slot: RegistrationSlot, at now: Now, into effects: inout Effects,
        _ consequences: inout Effects
    ) {
        // Calls that wait must not go to a callee that is next to be put out (SR-23).
        let waiting = queues.removeValue(forKey: slot)?.all.map(\.slot) ?? []
        for callee in registrations[slot].callees {
            revoke(
                registration: slot, of: callee.session, reason: ErrorURI.unregistered.rawValue,
                at: now, into: &effects, &consequences)
        }
        for call in waiting {
            conclude(call, as: .refusal(.noSuchProcedure), at: now, into: &consequences)
        }
    }

    /// SR-88: whoever is permitted, or owns every callee that is there.
    func mayForce(
        _ slot: RegistrationSlot, _ session: SessionKey, _ procedure: URI, _ match: MatchPolicy
    ) -> Bool {
        if permissions.isOpen { return true }
        let identity = sessions[session].identity
        if permissions.rule(
            for: identity.authrole ?? "", .forceReregister, procedure, as: match) != nil
        {
            return true
        }
        // Anonymous sessions choose their names: a name says nothing about them.
        func isProven(_ key: SessionKey) -> Bool { sessions[key].authmethod != "anonymous" }
        return registrations[slot].callees.allSatisfy {
            $0.session == session
                || isProven($0.session) && isProven(session)
                    && Name.isSame(sessions[$0.session].identity.authid, identity.authid)
        }
    }

    /// `wamp.registration.remove_callee` (SR-85).
    mutating func removeCallee(
        _ arguments: MetaArguments, at now: Now, into effects: inout Effects
    ) throws(MetaError) {
        let slot = try registration(arguments)
        let id: SessionID = try arguments.id(1, "session")
        let reason = try arguments.reason(orAt: 2, otherwise: .unregistered)
        guard let session = sessions.key(of: id), registrations.isCallee(session, of: slot) else {
            throw MetaError(
                .noSuchSession,
                "no session \(id) is a callee of registration "
                    + "\(registrations[slot].id)")
        }
        var consequences = Effects()
        revoke(
            registration: slot, of: session, reason: reason.rawValue, at: now, into: &effects,
            &consequences)
        effects.append(contentsOf: &consequences)
    }
}
