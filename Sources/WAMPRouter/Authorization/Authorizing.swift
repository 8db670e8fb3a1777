// Whether a session may do what it asks for. The rules of its role decide, before anything is
// looked up, so that whoever is refused learns nothing; what they leave open, a procedure may
// decide.
//
// Spec: Advanced Profile, Authorization.

import WAMP

/// What comes with being allowed.
struct Permission {
    /// Nil: as the realm has it.
    var callerDisclosure: Disclosure?
    var publisherDisclosure: Disclosure?

    static let open = Permission()
}

/// What the dynamic authorizer is asked.
struct Inquiry: Hashable {
    let authid: Name
    let role: Name
    let action: Action
    let uri: URI
    let match: MatchPolicy
}

enum Decision {
    case allowed(Permission)
    case denied
    /// The authorizer did not answer, or not what it should.
    case failed
}

extension Realm {
    /// Whether an action is allowed. If not, the session is told, or its message waits for the
    /// decision.
    /// - Parameters:
    ///   - request: nil if nobody waits for an answer.
    ///   - message: all of it, to be handled once there is a decision.
    mutating func permission(
        for action: Action, _ uri: URI, _ match: MatchPolicy, of session: SessionKey,
        request: RequestID?, message: @autoclosure () -> Message, at now: Now,
        into effects: inout Effects
    ) -> Permission? {
        guard !permissions.isOpen else { return .open }
        let decision: Decision
        if let known = postponed[session]?.decision {
            postponed[session]?.decision = nil
            decision = known
        } else if let decided = decide(action, uri, match, of: session) {
            decision = decided
        } else {
            postpone(message(), of: session)
            inquire(action, uri, match, of: session, at: now, into: &effects)
            return nil
        }
        switch decision {
        case .allowed(let permission): return permission
        case .denied, .failed:
            var error = ErrorURI.notAuthorized
            if case .failed = decision { error = .authorizationFailed }
            note(denied: action, uri, of: session, error)
            if let request {
                refuse(
                    action.code, request, of: session, error, about: uri.excerpt, into: &effects)
            }
            return nil
        }
    }

    /// The same without asking anybody: nil also where only the authorizer could tell.
    func knownPermission(
        for action: Action, _ uri: URI, _ match: MatchPolicy = .exact, of session: SessionKey
    ) -> Permission? {
        guard !permissions.isOpen else { return .open }
        guard case .allowed(let permission) = decide(action, uri, match, of: session) else {
            return nil
        }
        return permission
    }

    /// - Returns: nil if the authorizer has to be asked.
    private func decide(
        _ action: Action, _ uri: URI, _ match: MatchPolicy, of session: SessionKey
    ) -> Decision? {
        // The router's own procedures check for themselves what they do; its topics are news of the
        // same things.
        if uri.isReserved {
            let mayRead = sessions[session].rules?.mayReadMeta ?? false
            return action == .call || (action == .subscribe && mayRead) ? .allowed(.open) : .denied
        }
        if let rule = sessions[session].rules?.rule(for: action, uri, as: match) {
            return .allowed(
                Permission(
                    callerDisclosure: rule.callerDisclosure,
                    publisherDisclosure: rule.publisherDisclosure))
        }
        guard settings.authorizer != nil else { return .denied }
        let inquiry = Inquiry(
            authid: Name(sessions[session].identity.authid ?? ""),
            role: Name(sessions[session].role),
            action: action, uri: uri, match: match)
        return decisions[inquiry]
    }

    private mutating func inquire(
        _ action: Action, _ uri: URI, _ match: MatchPolicy, of session: SessionKey, at now: Now,
        into effects: inout Effects
    ) {
        guard let authorizer = settings.authorizer else { return }
        postponed[session]?.isAsking = true
        let who = sessions[session].details
        // A copy: the decision may be remembered for longer than the buffer that the URI lies in.
        let inquiry = Inquiry(
            authid: Name(sessions[session].identity.authid ?? ""),
            role: Name(sessions[session].role),
            action: action, uri: uri.detached(), match: match)
        ask(
            authorizer,
            [
                .dictionary(who), .string(uri.description), .string(action.rawValue),
                ["match": .string(match.rawValue)],
            ], .permission(session, inquiry), at: now, into: &effects)
    }

    /// The authorizer has answered: the message that waited is handled, and those behind it.
    mutating func decided(
        _ inquiry: Inquiry, _ answer: Answer, of session: SessionKey, at now: Now,
        into effects: inout Effects
    ) {
        let (decision, mayBeKept) = Decision.read(answer)
        if mayBeKept ?? isCacheable(inquiry) {
            if decisions.count >= limits.cachedDecisions { decisions.removeAll() }
            decisions[inquiry] = decision
        }
        guard sessions.isPresent(session), postponed[session] != nil else { return }
        postponed[session]?.isAsking = false
        postponed[session]?.decision = decision
        // Where the authorizer cannot be asked, it has "answered" at once: the loop below goes on.
        guard postponed[session]?.isReplaying == false else { return }
        replay(session, at: now, into: &effects)
    }

    /// Whether the rule that decides about a URI lets the authorizer's decisions be kept. One that
    /// could not be made is asked for again.
    private func isCacheable(_ inquiry: Inquiry) -> Bool {
        permissions.rules(of: inquiry.role.description)?.decidingRule(
            inquiry.uri, as: inquiry.match)?
            .isCacheable ?? false
    }
}

extension Decision {
    /// What the authorizer said: a bool, or a dictionary with `allow`, `disclose` and `cache`.
    /// - Returns: with the decision, whether it may be kept; nil = as the rules have it.
    fileprivate static func read(_ answer: Answer) -> (Decision, mayBeKept: Bool?) {
        guard case .values(let args, _) = answer, let value = args.first else {
            return (.failed, false)
        }
        if let isAllowed = value.bool { return (isAllowed ? .allowed(.open) : .denied, nil) }
        guard let dictionary = value.dictionary, let isAllowed = dictionary["allow"]?.bool else {
            return (.failed, false)
        }
        let mayBeKept = dictionary["cache"]?.bool
        guard isAllowed else { return (.denied, mayBeKept) }
        var permission = Permission()
        if let disclose = dictionary["disclose"]?.bool {
            permission.callerDisclosure = disclose ? .always : .onRequest
            permission.publisherDisclosure = disclose ? .always : .onRequest
        } else if let disclose = dictionary["disclose"]?.dictionary {
            permission.callerDisclosure = .read(disclose["caller"])
            permission.publisherDisclosure = .read(disclose["publisher"])
        }
        return (.allowed(permission), mayBeKept)
    }
}

extension Disclosure {
    /// A name, or a bool: always or on request.
    fileprivate static func read(_ value: Value?) -> Disclosure? {
        if let isOn = value?.bool { return isOn ? .always : .onRequest }
        return value?.string.flatMap(Disclosure.init(rawValue:))
    }
}

extension Action {
    fileprivate var code: MessageCode {
        switch self {
        case .call: .call
        case .register, .forceReregister: .register
        case .publish: .publish
        case .subscribe: .subscribe
        }
    }
}
