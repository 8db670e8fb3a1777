// Who is on which list, as the router's answers tell it, and what everybody must learn of it.

import WAMP
import WAMPRouter

extension Auditor {
    func registered(_ answer: Registered, _ session: AuditedSession) {
        guard case .register(let register)? = session.requests.removeValue(forKey: answer.request)
        else { return fail("REGISTERED without a REGISTER") }
        let (match, uri) = (register.options.match, register.procedure.description)
        let policy = register.options.invoke ?? "single"
        check(
            isLenient || scenario.isAllowed(session.role, uri, as: match),
            "\(session.role) may not register \(uri)")
        check(Scenario.rules.contains(policy), "the rule \(policy) does not exist")
        check(
            match != .exact || Naming.isValid(uri) && !Naming.isReserved(uri),
            "\(uri) cannot be registered")
        serialCount += 1
        let callee = AuditedCallee(session: session, serial: serialCount, options: register.options)
        if let existing = registrations[answer.registration] {
            check(existing.match == match && existing.uri == uri, "REGISTERED for something else")
            check(existing.policy == policy && policy != "single", "\(policy) cannot join here")
            guard existing.callee(session.key) == nil else { return }
            existing.append(callee)
            join(existing, session)
            return
        }
        check(
            usedRegistrationIDs.insert(answer.registration).inserted,
            "registration id \(answer.registration) was used before")
        if let former = registrations.values.first(where: { $0.match == match && $0.uri == uri }) {
            // No callee could be told of it; whoever listens is told after this answer (SR-80).
            guard register.options.custom.isOn("force_reregister") else {
                return fail("a second registration of \(uri)")
            }
            revoke(former)
        }
        let created = AuditedRegistration(
            answer.registration, match, uri, policy: policy,
            knowsLoad: scenario.limits.pendingCallsPerSession > 100)
        registrations[created.id] = created
        created.append(callee)
        expect(
            "wamp.registration.on_create", [Value(session.id), Value(created.id)],
            about: "\(match.rawValue) \(uri) \(policy)")
        join(created, session)
    }

    private func join(_ registration: AuditedRegistration, _ session: AuditedSession) {
        session.registrations.append(registration.id)
        check(
            session.registrations.count <= scenario.limits.registrationsPerSession,
            "more registrations than a session may have")
        expect("wamp.registration.on_register", [Value(session.id), Value(registration.id)])
    }

    func unregistered(_ answer: Unregistered, _ session: AuditedSession) {
        if let request = answer.request {
            guard case .unregister(let id)? = session.requests.removeValue(forKey: request),
                let registration = registrations[id], registration.callee(session.key) != nil
            else { return fail("UNREGISTERED for what the session does not have") }
            return leave(registration, session)
        }
        check(
            session.has(.registrationRevocation, as: .callee),
            "a revocation to a callee that did not announce it")
        guard let id = answer.details["registration"]?.unsigned else {
            return fail("a revocation of nothing")
        }
        if let due = mustRevoke.firstIndex(where: { $0 == (session.key, id) }) {
            mustRevoke.remove(at: due)
            return
        }
        guard isForced(RegistrationID(id), of: session) else {
            return fail("a revocation without a reason")
        }
        mustRevoke.removeAll { $0 == (session.key, id) }
    }

    /// Whether somebody takes this registration over, and may; then it is revoked from all callees.
    func isForced(_ id: RegistrationID, of callee: AuditedSession) -> Bool {
        guard let registration = registrations[id], registration.callee(callee.key) != nil else {
            return false
        }
        for key in present {
            guard let session = sessions[key] else { continue }
            for case .register(let register) in session.requests.values {
                guard register.options.custom.isOn("force_reregister"),
                    register.options.match == registration.match,
                    register.procedure.description == registration.uri
                else { continue }
                let isOwner = registration.callees.allSatisfy {
                    $0.session === session
                        || $0.session.authmethod != "anonymous"
                            && $0.session.identity.authid == session.identity.authid
                }
                guard !scenario.hasRoles || session.role == "admin" || isOwner else { continue }
                revoke(registration)
                return true
            }
        }
        return false
    }

    func revoke(_ registration: AuditedRegistration) {
        for callee in registration.callees { revoke(registration, callee.session) }
    }

    func revoke(_ registration: AuditedRegistration, _ session: AuditedSession) {
        if session.has(.registrationRevocation, as: .callee) {
            mustRevoke.append((session.key, registration.id.rawValue))
        }
        leave(registration, session)
    }

    func leave(_ registration: AuditedRegistration, _ session: AuditedSession) {
        registration.remove(session.key)
        session.registrations.removeAll { $0 == registration.id }
        let args = [Value(session.id), Value(registration.id)]
        expect("wamp.registration.on_unregister", args)
        guard registration.callees.isEmpty else { return }
        registrations[registration.id] = nil
        expect("wamp.registration.on_delete", args)
    }

    // MARK: Leaving

    /// A session is no more. All that it leaves behind must be put in order in the same turn.
    func depart(_ key: SessionKey, isEnding: Bool = false) {
        guard let session = sessions[key], session.isPresent else { return }
        session.isPresent = false
        present.removeAll { $0 == key }
        keysByID[session.id] = nil
        if isEnding { mustEnd.append(key) }
        mustDepart.removeAll { $0 == key }
        if observerKey == key {
            observerKey = nil
            expectedEvents = []
        }
        session.requests = [:]
        for invocation in session.invocations.values {
            lost(invocation)
            guard let call = invocation.call, !call.hasEnded, call.invocation === invocation else {
                continue
            }
            call.lose()
            mustResolve.append(call)
        }
        session.invocations = [:]
        for call in calls.values where call.key.caller == key {
            call.hasEnded = true
            calls[call.key] = nil
            guard let invocation = call.invocation, !invocation.isRelieved,
                let callee = sessions[invocation.callee], callee.isPresent
            else { continue }
            if callee.canCancel { mustInterrupt.append(invocation) }
        }
        let subscribed = session.subscriptions.compactMap { subscriptions[$0] }
        for subscription in subscribed { remove(session, from: subscription) }
        for id in session.registrations {
            if let registration = registrations[id] { leave(registration, session) }
        }
        for subscription in subscribed { expectLeaving(session, subscription) }
        session.registrations = []
        session.subscriptions = []
        expectTestaments(of: session)
        expect(
            "wamp.session.on_leave",
            [
                Value(session.id), session.identity.authid.map(Value.string) ?? .null,
                session.identity.authrole.map(Value.string) ?? .null,
            ])
    }
}
