// What must hold for every list of effects, whatever the test is about.

import Testing
import WAMP

@testable import WAMPRouter

/// Watches facts and effects: no effect names a session that has left, REGISTERED and SUBSCRIBED
/// come first, no EVENT goes to a session that does not hold the subscription, and every call ends
/// exactly once, or its caller has left.
struct Auditor {
    private struct CallKey: Hashable {
        let caller: SessionKey
        let request: RequestID
    }

    private var present: Set<SessionKey> = []
    private var open: Set<CallKey> = []
    /// The calls of which more arguments may come: these CALLs begin nothing.
    private var inParts: Set<CallKey> = []
    private var registered: Set<RegistrationID> = []
    /// Who holds which subscription, as far as has been said.
    private var subscribed: [SubscriptionID: Set<SessionKey>] = [:]
    /// What an UNSUBSCRIBE, or a CALL that takes a subscriber away, takes away when it is granted.
    private var leaving: [CallKey: (SubscriptionID, SessionKey)] = [:]

    var openCallCount: Int { open.count }

    mutating func joined(_ session: SessionKey) { present.insert(session) }

    mutating func left(_ session: SessionKey) {
        present.remove(session)
        open = open.filter { $0.caller != session }
        for id in subscribed.keys { subscribed[id]?.remove(session) }
    }

    /// - Parameter key: finds a session by its id.
    mutating func sent(
        _ message: Message, from session: SessionKey, key: (Value) -> SessionKey?
    ) {
        guard present.contains(session) else { return }
        switch message {
        case .call(let call):
            let name = CallKey(caller: session, request: call.request)
            if !inParts.contains(name) { open.insert(name) }
            if call.options.progress { inParts.insert(name) } else { inParts.remove(name) }
            guard call.procedure == "wamp.subscription.remove_subscriber",
                let args = try? call.payload.values().args, args.count == 2,
                let id = args[0].unsigned, let subscriber = key(args[1])
            else { return }
            leaving[name] = (SubscriptionID(id), subscriber)
        case .unsubscribe(let message):
            let name = CallKey(caller: session, request: message.request)
            leaving[name] = (message.subscription, session)
        default: break
        }
    }

    private mutating func granted(_ request: CallKey) {
        guard let (id, session) = leaving.removeValue(forKey: request) else { return }
        subscribed[id]?.remove(session)
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
                let holders = subscribed[event.subscription] ?? []
                #expect(holders.isSuperset(of: sessions), "EVENT without a subscription: \(effect)")
                #expect(
                    Set(sessions).count == sessions.count,
                    "an EVENT twice to one session: \(effect)")
                #expect(!sessions.isEmpty, "an EVENT to nobody: \(effect)")
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
            granted(call)
        case .error(let error) where error.requestType == .call:
            let call = CallKey(caller: session, request: error.request)
            #expect(open.remove(call) != nil, "the call had ended before: \(message)")
        case .registered(let answer): registered.insert(answer.registration)
        case .subscribed(let answer):
            subscribed[answer.subscription, default: []].insert(session)
        case .unsubscribed(let answer):
            if let request = answer.request { granted(CallKey(caller: session, request: request)) }
        case .event(let event):
            let holders = subscribed[event.subscription] ?? []
            #expect(holders.contains(session), "EVENT without a subscription: \(message)")
        case .invocation(let invocation):
            #expect(registered.contains(invocation.registration), "INVOCATION before REGISTERED")
        default: break
        }
    }
}
