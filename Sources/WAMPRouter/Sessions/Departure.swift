// All that leaving means, in order: a session that says goodbye, is aborted, or loses its
// connection ends here.

import WAMP

extension Realm {
    /// Takes a session out of the realm. What others learn of it, in this order (SR-78): callers it
    /// served get an ERROR, callees that served it are interrupted, then the meta events of its
    /// registrations and of its subscriptions, its testaments, and that it left.
    ///
    /// - Parameter leavingTestaments: whether its testaments are published.
    mutating func depart(
        _ session: SessionKey, leavingTestaments: Bool = true, at now: Now,
        into effects: inout Effects
    ) {
        sessions.setLeaving(session)
        // First of all: whatever is published from here on is not for it.
        var unsubscribed: [SubscriberDeparture] = []
        for slot in subscriptions.slots(of: session) {
            unsubscribed.append(detach(session, from: slot))
        }
        // No call is for it any more, although it is still on the lists.
        sessions.setWriteBlocked(true, session)
        for call in calls.served(by: session)
        where calls[call]?.callee == session && calls[call]?.caller != .router {
            calleeLeft(call, at: now, into: &effects)
        }
        for call in calls.made(by: session) where calls[call]?.caller == session {
            callerLeft(call, at: now, into: &effects)
        }
        for slot in registrations.slots(of: session) {
            detach(session, from: slot, at: now, into: &effects)
        }
        lateChunks[session] = nil
        postponed[session] = nil
        for departure in unsubscribed { announce(departure, into: &effects) }
        for testament in testaments.take(of: session) where leavingTestaments {
            publish(testament, of: session, at: now, into: &effects)
        }
        let identity = sessions[session].identity
        publishMeta("wamp.session.on_leave", into: &effects) { realm in
            let session = Value(identity.session)
            if realm.settings.followsCrossbar { return [session] }
            return [
                session, identity.authid.map(Value.string) ?? .null,
                identity.authrole.map(Value.string) ?? .null,
            ]
        }
        sessions.remove(session)
        // Last, since messages that waited for the answers are handled now: to them, the session is
        // gone.
        for question in calls.served(by: session) where calls[question]?.callee == session {
            calleeLeft(question, at: now, into: &effects)
        }
        calls.forget(session)
    }
}
