// What must hold for every list of effects, whatever the test is about.

import Testing
import WAMP

@testable import WAMPRouter

/// Watches facts and effects: no effect names a session that has left, REGISTERED and SUBSCRIBED
/// come first, and every call ends exactly once, or its caller has left.
struct Auditor {
    private struct CallKey: Hashable {
        let caller: SessionKey
        let request: RequestID
    }

    private var present: Set<SessionKey> = []
    private var open: Set<CallKey> = []
    private var registered: Set<RegistrationID> = []
    private var subscribed: Set<SubscriptionID> = []

    var openCallCount: Int { open.count }

    mutating func joined(_ session: SessionKey) { present.insert(session) }

    mutating func left(_ session: SessionKey) {
        present.remove(session)
        open = open.filter { $0.caller != session }
    }

    mutating func sent(_ message: Message, from session: SessionKey) {
        guard case .call(let call) = message, present.contains(session) else { return }
        open.insert(CallKey(caller: session, request: call.request))
    }

    /// A final answer that did not arrive has not ended the call.
    mutating func undelivered(_ message: Message, to session: SessionKey) {
        switch message {
        case .result(let result): open.insert(CallKey(caller: session, request: result.request))
        case .error(let error) where error.requestType == .call:
            open.insert(CallKey(caller: session, request: error.request))
        default: break
        }
    }

    mutating func check(_ effects: [Effect]) {
        for effect in effects {
            switch effect {
            case .send(let message, let session):
                #expect(present.contains(session), "sent to a departed session: \(effect)")
                check(message, to: session)
            case .broadcast(let event, let sessions):
                #expect(
                    present.isSuperset(of: sessions), "sent to a departed session: \(effect)")
                #expect(subscribed.contains(event.subscription), "EVENT before SUBSCRIBED")
                #expect(Set(sessions).count == sessions.count, "an EVENT twice to one session")
                #expect(!sessions.isEmpty, "an EVENT to nobody")
            case .ended(let session, _):
                #expect(present.contains(session), "ended twice: \(effect)")
                left(session)
            case .answered: break
            }
        }
    }

    private mutating func check(_ message: Message, to session: SessionKey) {
        switch message {
        case .result(let result):
            let call = CallKey(caller: session, request: result.request)
            #expect(open.contains(call), "the call had ended before: \(message)")
            if !result.details.progress { open.remove(call) }
        case .error(let error) where error.requestType == .call:
            let call = CallKey(caller: session, request: error.request)
            #expect(open.remove(call) != nil, "the call had ended before: \(message)")
        case .registered(let answer): registered.insert(answer.registration)
        case .subscribed(let answer): subscribed.insert(answer.subscription)
        case .invocation(let invocation):
            #expect(registered.contains(invocation.registration), "INVOCATION before REGISTERED")
        default: break
        }
    }
}
