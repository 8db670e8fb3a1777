// The table of the router's own procedures: their names, and who may call them.
//
// Spec: Advanced Profile, Session, Registration and Subscription Meta API, Event History, Session
// Testament.

import WAMP

/// What a role must be allowed to do, for one of its sessions to call a procedure of the router.
enum MetaPermission {
    /// To see sessions, registrations and subscriptions.
    case read
    /// To end sessions, and to take callees and subscribers away.
    case kill
    /// Nothing: the procedure is about the caller itself.
    case none
}

enum MetaProcedure: String, CaseIterable {
    case sessionCount = "wamp.session.count"
    case sessionList = "wamp.session.list"
    case sessionGet = "wamp.session.get"
    case sessionKill = "wamp.session.kill"
    case sessionKillByAuthid = "wamp.session.kill_by_authid"
    case sessionKillByAuthrole = "wamp.session.kill_by_authrole"
    case sessionKillAll = "wamp.session.kill_all"
    case addTestament = "wamp.session.add_testament"
    case flushTestaments = "wamp.session.flush_testaments"

    case registrationList = "wamp.registration.list"
    case registrationLookup = "wamp.registration.lookup"
    case registrationMatch = "wamp.registration.match"
    case registrationGet = "wamp.registration.get"
    case listCallees = "wamp.registration.list_callees"
    case countCallees = "wamp.registration.count_callees"
    case removeCallee = "wamp.registration.remove_callee"
    case registrationStats = "wampctl.registration.stats"

    case subscriptionList = "wamp.subscription.list"
    case subscriptionLookup = "wamp.subscription.lookup"
    case subscriptionMatch = "wamp.subscription.match"
    case subscriptionGet = "wamp.subscription.get"
    case listSubscribers = "wamp.subscription.list_subscribers"
    case countSubscribers = "wamp.subscription.count_subscribers"
    case removeSubscriber = "wamp.subscription.remove_subscriber"
    case getEvents = "wamp.subscription.get_events"

    case routerStats = "wampctl.router.stats"

    var permission: MetaPermission {
        switch self {
        case .sessionKill, .sessionKillByAuthid, .sessionKillByAuthrole, .sessionKillAll,
            .removeSubscriber, .removeCallee:
            .kill
        case .addTestament, .flushTestaments: .none
        default: .read
        }
    }
}

extension Realm {
    /// Whether the session may call procedures that demand this. A realm without roles lets
    /// everybody see everything.
    func isAllowed(_ permission: MetaPermission, to session: SessionKey) -> Bool {
        switch permission {
        case .none: true
        case .read: settings.permissions.isOpen || permissions(of: session)?.mayReadMeta ?? false
        case .kill:
            settings.permissions.isOpen
                ? settings.permissions.isKillAllowed : permissions(of: session)?.mayKill ?? false
        }
    }

    /// Runs a procedure.
    /// - Parameter consequences: what others are sent because of it, after the caller's answer.
    mutating func answer(
        _ procedure: MetaProcedure, _ arguments: MetaArguments, from caller: SessionKey,
        at now: Now, into consequences: inout Effects
    ) throws(MetaError) -> MetaResult {
        switch procedure {
        case .sessionCount:
            return try MetaResult(.int(Int64(sessionIDs(arguments).count)))
        case .sessionList: return try MetaResult(.list(sessionIDs(arguments)))
        case .sessionGet: return try MetaResult(sessionDetails(arguments))
        case .sessionKill:
            try killSession(arguments, from: caller, at: now, into: &consequences)
            return .nothing
        case .sessionKillByAuthid:
            let killed = try killByAuthid(arguments, from: caller, at: now, into: &consequences)
            return MetaResult(.list(killed))
        case .sessionKillByAuthrole:
            let count = try killByAuthrole(arguments, from: caller, at: now, into: &consequences)
            return MetaResult(.int(Int64(count)))
        case .sessionKillAll:
            let count = try killAll(arguments, from: caller, at: now, into: &consequences)
            return MetaResult(.int(Int64(count)))
        case .addTestament:
            try addTestament(arguments, from: caller)
            return .nothing
        case .flushTestaments:
            try flushTestaments(arguments, from: caller)
            return .nothing

        case .registrationList: return MetaResult(registrationIDs)
        case .registrationLookup: return try MetaResult(lookUpRegistration(arguments))
        case .registrationMatch: return try MetaResult(matchRegistration(arguments))
        case .registrationGet:
            return try MetaResult(.dictionary(details(ofRegistration: registration(arguments))))
        case .listCallees: return try MetaResult(.list(callees(arguments)))
        case .countCallees: return try MetaResult(.int(Int64(callees(arguments).count)))

        case .removeCallee:
            try removeCallee(arguments, at: now, into: &consequences)
            return .nothing
        case .registrationStats: return try MetaResult(registrationStats(arguments))

        case .subscriptionList: return MetaResult(subscriptionIDs)
        case .subscriptionLookup: return try MetaResult(lookUpSubscription(arguments))
        case .subscriptionMatch: return try MetaResult(matchSubscriptions(arguments))
        case .subscriptionGet:
            return try MetaResult(.dictionary(details(ofSubscription: subscription(arguments))))
        case .listSubscribers: return try MetaResult(.list(subscribers(arguments)))
        case .countSubscribers: return try MetaResult(.int(Int64(subscribers(arguments).count)))
        case .removeSubscriber:
            try removeSubscriber(arguments, into: &consequences)
            return .nothing
        case .getEvents: return try events(arguments, for: caller)

        case .routerStats: return MetaResult(.dictionary(statisticsDetails(at: now)))
        }
    }
}
