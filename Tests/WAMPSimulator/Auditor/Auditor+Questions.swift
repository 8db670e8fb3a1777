// What the router asks of the dynamic authorizer: every question is asked again where a call would
// be re-routed, and nobody who says GOODBYE is gone before all is decided that came before it.

import WAMP
import WAMPRouter

extension Auditor {
    static let routersKey = "of the router"

    /// An INVOCATION of the authorizer.
    func observe(
        question invocation: Invocation, to callee: AuditedSession, _ entry: AuditedCallee,
        _ registration: AuditedRegistration
    ) {
        let args = (try? invocation.payload.values())?.args
        guard let asker = args?.first?.dictionary?["session"]?.unsigned else {
            return fail("a question that names no session")
        }
        let question = question(of: asker, at: registration)
        check(question.invocation == nil, "the authorizer is asked twice")
        check(!question.tried.contains(callee.key), "an authorizer is asked again")
        let pick = registration.pick(
            tried: question.tried, key: Self.routersKey, isPartitioned: false)
        if case .oneOf(let callees) = pick {
            check(
                callees.contains { $0.session === callee },
                "\(registration.policy) does not choose the authorizer \(callee.id)")
        } else {
            fail("a question to an authorizer that is busy, or was asked before")
        }
        registration.went(
            to: entry, key: Self.routersKey, isPartitioned: false,
            isFirst: question.tried.isEmpty)
        let known = AuditedInvocation(
            invocation, callee: callee.key, serial: entry.serial, call: nil)
        known.question = question
        known.retriesOnLoss = entry.options.retryOnLoss
        question.tried.append(callee.key)
        question.isTimedByCallee = entry.keepsTime
        question.invocation = known
        callee.invocations[invocation.request] = known
    }

    /// The one that is open, or a new one. One that no other authorizer could be asked is over:
    /// what waited behind it is asked for in the same turn.
    private func question(
        of asker: UInt64, at registration: AuditedRegistration
    ) -> AuditedQuestion {
        if let open = questions[asker], open.isOpen,
            open.invocation != nil || canBeAsked(open, at: registration)
        {
            check(
                open.registration == registration.id, "a question goes on to another registration")
            return open
        }
        let question = AuditedQuestion(registration.id, at: now.moment)
        questions[asker] = question
        return question
    }

    private func canBeAsked(
        _ question: AuditedQuestion, at registration: AuditedRegistration
    ) -> Bool {
        guard question.registration == registration.id, question.tried.count < 8,
            case .oneOf = registration.pick(
                tried: question.tried, key: Self.routersKey, isPartitioned: false)
        else { return false }
        return true
    }

    /// An authorizer has answered, or failed to.
    func answered(_ invocation: AuditedInvocation, with error: ErrorURI?, by callee: AuditedSession)
    {
        guard let question = invocation.question, question.invocation === invocation else { return }
        question.invocation = nil
        if error == .unavailable, callee.has(.callReroute, as: .callee) {
            mustAsk.append(question)
        } else {
            question.close()
        }
    }

    /// An authorizer has left.
    func lost(_ invocation: AuditedInvocation) {
        guard let question = invocation.question, question.invocation === invocation else { return }
        question.invocation = nil
        if invocation.retriesOnLoss { mustAsk.append(question) } else { question.close() }
    }

    /// The authorizer has five seconds, and five more if it keeps the time itself.
    func expireQuestions() {
        for question in questions.values where question.deadline <= now.moment { question.close() }
    }

    func isAsking(_ session: AuditedSession) -> Bool {
        questions[session.id.rawValue]?.isOpen == true
    }

    /// A session says GOODBYE: it may stay as long as the authorizer decides.
    func goodbye(_ session: AuditedSession) {
        if isAsking(session) { session.isLeaving = true } else { mustDepart.append(session.key) }
    }

    /// A GOODBYE is answered.
    func checkFarewell(_ goodbye: Goodbye, _ session: AuditedSession) {
        guard session.isLeaving, goodbye.reason == .goodbyeAndOut else { return }
        check(!isAsking(session), "a GOODBYE is answered before all is decided")
        check(session.requests.isEmpty, "a GOODBYE is answered before what came before it")
    }

    func finishQuestions() {
        for question in mustAsk where question.invocation == nil {
            question.isOpen = false
            guard let registration = registrations[question.registration],
                registration.isCertain(
                    tried: question.tried, key: Self.routersKey, isPartitioned: false),
                canBeAsked(question, at: registration)
            else { continue }
            fail("an authorizer cannot answer, and another one is not asked")
        }
        mustAsk = []
        for key in present {
            guard let session = sessions[key], session.isLeaving else { continue }
            check(isAsking(session), "all is decided, and a session that said GOODBYE is there")
        }
    }
}
