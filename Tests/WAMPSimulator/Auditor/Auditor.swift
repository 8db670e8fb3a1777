// The judge: sees every fact that a realm is told and every effect that it orders, and knows WAMP
// in its own plain way. It shares no code and no data structure with the core.
//
// What it holds the realm to are the rules in Tests/Rules.

import WAMP
import WAMPRouter

/// What is wrong, and where it was seen.
package struct Finding: Error, Equatable, CustomStringConvertible {
    package let description: String
}

final class Auditor {
    let scenario: Scenario
    var settings: RealmSettings
    private(set) var failure: Finding?
    private(set) var features: Features = []
    var now = Now(moment: Moment(nanoseconds: 0), unixMilliseconds: 0)
    /// The fact of the present turn.
    var fact: Fact?

    var sessions: [SessionKey: AuditedSession] = [:]
    var keysByID: [SessionID: SessionKey] = [:]
    /// Those that are there, in the order of joining.
    var present: [SessionKey] = []
    var observerKey: SessionKey?

    var calls: [CallKey: AuditedCall] = [:]
    var callsByToken: [UInt64: AuditedCall] = [:]
    var callCount = 0
    /// Calls whose final answer may not have arrived.
    var endedCalls: [CallKey: AuditedCall] = [:]
    /// The last call of each caller that reached each callee without delay.
    var lastOrder: [[SessionKey]: Int] = [:]
    var registrations: [RegistrationID: AuditedRegistration] = [:]
    /// Procedures whose calls wait, or did at some time.
    private(set) var queueRules: [URIPattern] = []
    var usedRegistrationIDs: Set<RegistrationID> = []
    var serialCount = 0

    var subscriptions: [SubscriptionID: AuditedSubscription] = [:]
    var publications: [UInt64: AuditedPublication] = [:]
    var publicationIDs: [UInt64: PublicationID] = [:]
    var delivered: [UInt64: Set<SubscriptionID>] = [:]
    var retained: [String: [AuditedPublication]] = [:]
    /// What was published on the topics whose events are kept.
    var history: [String: [AuditedPublication]] = [:]
    /// Retained events that are due after a SUBSCRIBED.
    var expectedRetained: [(SessionKey, SubscriptionID, UInt64)] = []
    /// The meta events that are due, in order.
    var expectedEvents: [ExpectedEvent] = []
    var isSilent = false
    var isDraining = false

    // What the present turn still owes.
    var mustEnd: [SessionKey] = []
    var mustResolve: [AuditedCall] = []
    var mustInterrupt: [AuditedInvocation] = []
    var mustPublish: [(token: UInt64, subscription: SubscriptionID)] = []
    var mustRevoke: [(SessionKey, UInt64)] = []
    var mustDepart: [SessionKey] = []
    var mustAsk: [AuditedQuestion] = []
    /// The last of each session, by its id.
    var questions: [UInt64: AuditedQuestion] = [:]
    var touched: AuditedCall?

    init(_ scenario: Scenario) {
        self.scenario = scenario
        settings = scenario.settings
        queueRules = scenario.settings.procedures.filter { $0.queue != nil }.map(\.pattern)
    }

    /// Decisions may come later than what they are about.
    var isLenient: Bool { scenario.hasAuthorizer }

    /// Sorted, so that a choice among them is the same in every run.
    var registrationIDs: [RegistrationID] { registrations.keys.sorted() }
    var subscriptionIDs: [SubscriptionID] { subscriptions.keys.sorted() }

    func fail(_ description: @autoclosure () -> String) {
        if failure == nil { failure = Finding(description: description()) }
    }

    func check(_ holds: Bool, _ description: @autoclosure () -> String) {
        if !holds { fail(description()) }
    }

    // MARK: Facts

    func begin(_ fact: Fact, at now: Now) {
        self.now = now
        self.fact = fact
        touched = nil
        switch fact {
        case .joined: break
        case .advanced: expireQuestions()
        case .received(let message, let key): received(message, from: key)
        case .left(let key): depart(key)
        case .broken(let key): sessions[key]?.hasViolated = true
        case .blocked(let isBlocked, let key): sessions[key]?.isBlocked = isBlocked
        case .updated(let settings):
            self.settings = settings
            queueRules += settings.procedures.filter { $0.queue != nil }.map(\.pattern)
        case .undeliverable(let message, let key): undelivered(message, to: key)
        case .drained: isDraining = true
        }
    }

    func begin(_ fact: Fact, at now: Now, key: SessionKey, identity: PeerIdentity) {
        begin(fact, at: now)
        guard case .joined(let newcomer) = fact else { return }
        check(keysByID[identity.session] == nil, "session id \(identity.session) is in use")
        sessions[key] = AuditedSession(key: key, identity: identity, newcomer: newcomer)
        keysByID[identity.session] = key
        present.append(key)
    }

    private func received(_ message: Message, from key: SessionKey) {
        guard let session = sessions[key], session.isPresent else { return }
        if isViolation(message, of: session) {
            session.hasViolated = true
            return
        }
        switch message {
        case .call(let call): received(call, from: session)
        case .yield(let yield):
            received(
                answer: yield.request, from: session, isFinal: !yield.options.progress)
        case .error(let error):
            received(
                answer: error.request, from: session, isFinal: true, with: error.error)
        case .cancel(let cancel):
            touched = calls[CallKey(caller: key, request: cancel.request)]
            if cancel.mode == .kill, touched?.invocation != nil, session.isPresent {
                let callee = touched?.invocation.flatMap { sessions[$0.callee] }
                if callee?.canCancel == true { touched?.wasKilled = true }
            }
        case .register(let register): session.requests[register.request] = .register(register)
        case .unregister(let message):
            session.requests[message.request] = .unregister(message.registration)
        case .subscribe(let subscribe): session.requests[subscribe.request] = .subscribe(subscribe)
        case .unsubscribe(let message):
            session.requests[message.request] = .unsubscribe(message.subscription)
        case .publish(let publish): received(publish, from: session)
        case .abort: depart(key, isEnding: true)
        case .goodbye: goodbye(session)
        default: break
        }
    }

    /// Whether a message breaks the protocol.
    private func isViolation(_ message: Message, of session: AuditedSession) -> Bool {
        if settings.requestIDs == .strict, isOutOfSequence(message, of: session) { return true }
        switch message {
        case .call(let call):
            if call.options.progress, !session.has(.progressiveCallInvocations, as: .caller) {
                return true
            }
            return call.options.custom.isPassthru && !session.has(.payloadPassthruMode, as: .caller)
        case .publish(let publish):
            return publish.options.custom.isPassthru
                && !session.has(.payloadPassthruMode, as: .publisher)
        case .yield(let yield):
            if yield.options.custom.isPassthru, !session.has(.payloadPassthruMode, as: .callee) {
                return true
            }
            return isStray(yield.request, of: session)
        case .error(let error):
            return error.requestType != .invocation || isStray(error.request, of: session)
        case .cancel, .register, .unregister, .subscribe, .unsubscribe, .goodbye, .abort,
            .eventReceived:
            return false
        default: return true
        }
    }

    /// Whether it answers what the session was never asked, and may not.
    private func isStray(_ answer: RequestID, of session: AuditedSession) -> Bool {
        settings.requestIDs == .strict && answer.rawValue > session.lastInvocation
    }

    private func isOutOfSequence(_ message: Message, of session: AuditedSession) -> Bool {
        let request: RequestID
        switch message {
        case .call(let call):
            let key = CallKey(caller: session.key, request: call.request)
            if calls[key] != nil { return false }
            if let ended = session.endedEarly[call.request],
                ended.advanced(milliseconds: 30_000) > now.moment
            {
                return false
            }
            request = call.request
        case .publish(let message): request = message.request
        case .subscribe(let message): request = message.request
        case .unsubscribe(let message): request = message.request
        case .register(let message): request = message.request
        case .unregister(let message): request = message.request
        default: return false
        }
        defer { session.lastRequest = request.rawValue }
        return request.rawValue != session.lastRequest + 1
    }

    // MARK: Effects

    func observe(_ effect: Effect) {
        guard failure == nil else { return }
        switch effect {
        case .send(let message, let key):
            guard let session = sessions[key], session.isPresent else {
                return fail("sent to a departed session: \(message.code.name)")
            }
            observe(message, to: session)
        case .broadcast(let event, let keys): observe(event, to: keys)
        case .ended(let key, _):
            check(mustEnd.contains(key), "ended without a farewell, or twice")
            mustEnd.removeAll { $0 == key }
        case .answered: fail("an answer to a question that the shell did not ask")
        }
    }

    private func observe(_ message: Message, to session: AuditedSession) {
        switch message {
        case .welcome(let welcome):
            guard case .joined = fact else { return fail("WELCOME to somebody who was there") }
            let roles = welcome.details["roles"]?.dictionary
            if let roles = roles.flatMap({ try? Roles(details: $0) }) {
                features = (roles[.broker] ?? []).union(roles[.dealer] ?? [])
            }
            joined(session)
        case .abort(let abort):
            check(session.hasViolated, "ABORT without a violation: \(abort.details)")
            session.hasViolated = false
            depart(session.key, isEnding: true)
        case .goodbye(let goodbye):
            checkFarewell(goodbye, session)
            mustDepart.removeAll { $0 == session.key }
            depart(session.key, isEnding: true)
        case .registered(let answer): registered(answer, session)
        case .unregistered(let answer): unregistered(answer, session)
        case .subscribed(let answer): subscribed(answer, session)
        case .unsubscribed(let answer): unsubscribed(answer, session)
        case .published(let answer): published(answer, session)
        case .event(let event): observe(retained: event, to: session)
        case .invocation(let invocation): observe(invocation, to: session)
        case .interrupt(let interrupt): observe(interrupt, to: session)
        case .result(let result): observe(result, to: session)
        case .error(let error) where error.requestType == .call: observe(error, to: session)
        case .error(let error): refused(error, session)
        default: fail("\(message.code.name) is not for clients")
        }
    }

    // MARK: The end of a turn

    /// Nothing may be left to do.
    func finish(deadline: Moment?) {
        guard failure == nil else { return }
        check(mustEnd.isEmpty, "a session was sent a farewell, and has not ended")
        check(mustDepart.isEmpty, "a session had to leave, and is still there")
        check(mustRevoke.isEmpty, "a revocation was not told to the one who announced it")
        for call in mustResolve where !call.hasEnded && call.invocation == nil {
            check(
                mayWait(call), "the callee of call \(call.token) left, and the caller is not told")
        }
        for invocation in mustInterrupt where !invocation.isRelieved {
            fail("the caller left, and invocation \(invocation.request) is not interrupted")
        }
        if let event = expectedEvents.first { fail("missing: the event \(event)") }
        if let testament = mustPublish.first { fail("missing: the testament \(testament)") }
        mustResolve = []
        mustInterrupt = []
        finishQuestions()
        if failure == nil, !isLenient {
            finishRequests()
            finishWaiting()
        }
        if failure == nil { finishTime(deadline) }
        check(expectedRetained.isEmpty, "a retained EVENT is missing")
        expectedEvents = []
        mustPublish = []
        isSilent = false
    }

    /// Without an authorizer, everything is answered in its own turn.
    private func finishRequests() {
        guard case .received(let message, let key) = fact, let session = sessions[key] else {
            return
        }
        check(!session.hasViolated, "a violation did not end the session: \(message.code.name)")
        guard session.isPresent else { return }
        for (request, asked) in session.requests {
            fail("\(asked.code.name) \(request) was not answered")
        }
        if case .publish(let publish) = message { finish(publish) }
        guard let call = touched, !call.hasEnded else { return }
        check(call.invocation != nil || mayWait(call), "CALL \(call.token) was not answered")
        if case .cancel(let cancel) = message { finish(cancel, call) }
    }

    /// Nobody waits for a callee that is free.
    private func finishWaiting() {
        for call in calls.values
        where !call.hasEnded && call.invocation == nil && !call.isForRouter {
            guard let registration = call.registration.flatMap({ registrations[$0] }),
                registration.isCertain(
                    tried: call.tried, key: stickiness(of: call),
                    isPartitioned: isPartitioned(call)),
                case .oneOf(let callees) = registration.pick(
                    tried: call.tried, key: stickiness(of: call),
                    isPartitioned: isPartitioned(call))
            else { continue }
            fail("call \(call.token) waits, and \(callees[0].session.id) is free for it")
        }
    }

    private func finishTime(_ deadline: Moment?) {
        guard case .advanced = fact else { return }
        if let deadline { check(deadline > now.moment, "a deadline has passed") }
        guard !isLenient else { return }
        for call in calls.values where !call.hasEnded {
            if let deadline = call.deadline, deadline <= now.moment {
                fail("call \(call.token) has run out of time")
            }
        }
    }

    /// A call that goes on after CANCEL is one that its callee was asked to stop (`kill`), once.
    private func finish(_ cancel: Cancel, _ call: AuditedCall) {
        check(
            call.wasKilled && (cancel.mode == .kill || cancel.mode == .skip),
            "CANCEL of call \(call.token) was not answered")
        check(
            call.invocation?.interrupts.contains(.kill) == true,
            "CANCEL kill was not passed on")
    }

    /// Whether a call without a callee may be one that waits for one.
    func mayWait(_ call: AuditedCall) -> Bool {
        guard !call.isForRouter else { return false }
        if isLenient { return true }
        let registration = call.registration.map { registrations[$0] } ?? best(for: call.procedure)
        return queueRules.contains { rule in
            rule.uri.description == registration?.uri || rule.uri.description == call.procedure
        }
    }

    /// Everybody has answered: no call may be open.
    func finishAll() {
        guard failure == nil else { return }
        if let call = calls.values.min(by: { $0.order < $1.order }) {
            fail("call \(call.token) to \(call.procedure) never ended")
        }
        for key in present {
            if let (request, asked) = sessions[key]?.requests.first {
                fail("\(asked.code.name) \(request) was never answered")
            }
            if sessions[key]?.hasViolated == true { fail("a violation did not end the session") }
        }
    }
}
