// The client's core: messages in, deliveries out, with names for those who wait.

import Testing
import WAMP

@testable import WAMPClient

/// Waiters, responders and listeners are names.
private typealias Core = ClientCore<String, String, String>

/// What a delivery says, as text.
private func text(_ delivery: Delivery<String, String, String>) -> String {
    switch delivery {
    case .none: "none"
    case .answered(let waiter, let message): "\(waiter) ← \(message.code.name)"
    case .invocation(let invocation, let responder): "\(responder)(\(invocation.request))"
    case .strayInvocation(let invocation): "stray \(invocation.request)"
    case .interrupt(let request): "interrupt \(request)"
    case .event(_, let listeners): "event → \(listeners.joined(separator: ","))"
    case .progressed(let waiter, _): "\(waiter) … RESULT"
    case .registrationRevoked(let responder, let revocation):
        "\(responder ?? "nobody") revoked: \(revocation.reason ?? "")"
    case .subscriptionRevoked(let listeners, let revocation):
        "\(listeners.joined(separator: ",")) revoked: \(revocation.reason ?? "")"
    case .goodbye: "goodbye"
    case .aborted: "aborted"
    case .violation: "violation"
    }
}

@Suite struct ClientCoreTests {
    private func invocation(_ request: UInt64, _ registration: UInt64) -> Message {
        .invocation(
            Invocation(
                request: RequestID(request), registration: RegistrationID(registration)))
    }

    private func event(_ subscription: UInt64) -> Message {
        .event(Event(subscription: SubscriptionID(subscription), publication: PublicationID(1)))
    }

    @Test("request ids are sequential from 1 over all kinds of requests")
    func ids() {
        var core = Core()
        #expect(core.call("a") == RequestID(1))
        #expect(core.register("r", "b") == RequestID(2))
        #expect(core.publish("c") == RequestID(3))
        #expect(core.subscribe("l", token: 1, "d") == RequestID(4))
        #expect(core.nextRequest() == RequestID(5))
        #expect(core.unregister(RegistrationID(9), "e") == RequestID(6))
    }

    @Test("every answer finds its waiter once, in whatever order answers come")
    func answers() {
        var core = Core()
        let first = core.call("a")
        let second = core.call("b")
        #expect(text(core.receive(.result(Result(request: second)))) == "b ← RESULT")
        #expect(
            text(core.receive(.error(ErrorMessage(.call, request: first, error: .timeout))))
                == "a ← ERROR")
        #expect(text(core.receive(.result(Result(request: first)))) == "none")
        #expect(core.end().isEmpty)
    }

    @Test("an answer to a request never made, or of another kind, is a violation")
    func wrongAnswers() {
        var core = Core()
        #expect(text(core.receive(.result(Result(request: RequestID(1))))) == "violation")
        let request = core.call("a")
        #expect(
            text(
                core.receive(
                    .registered(
                        Registered(request: request, registration: RegistrationID(1)))))
                == "violation")
        #expect(
            text(
                core.receive(
                    .error(ErrorMessage(.register, request: request, error: .invalidURI))))
                == "violation")
        #expect(core.isPending(request))
    }

    @Test("the late answer to a call that was given up is ignored")
    func givenUp() {
        var core = Core()
        let request = core.call("a")
        #expect(core.abandon(request) == "a")
        #expect(core.abandon(request) == nil)
        #expect(text(core.receive(.result(Result(request: request)))) == "none")
    }

    @Test("a progressive result is not the answer")
    func progressive() {
        var core = Core()
        let request = core.call("a")
        #expect(
            text(
                core.receive(
                    .result(Result(request: request, details: OutcomeDetails(progress: true)))))
                == "none")
        #expect(core.isPending(request))
    }

    @Test("an invocation right behind REGISTERED finds its responder; after UNREGISTERED none")
    func registration() {
        var core = Core()
        let request = core.register("respond", "w")
        #expect(text(core.receive(invocation(1, 7))) == "stray 1")
        _ = core.receive(
            .registered(Registered(request: request, registration: RegistrationID(7))))
        #expect(text(core.receive(invocation(2, 7))) == "respond(2)")
        let back = core.unregister(RegistrationID(7), "u")
        #expect(text(core.receive(invocation(3, 7))) == "respond(3)")
        #expect(
            text(core.receive(.unregistered(Unregistered(request: back)))) == "u ← UNREGISTERED")
        #expect(text(core.receive(invocation(4, 7))) == "stray 4")
    }

    @Test("results ahead of the last one reach who asked for them, and leave the call open")
    func progress() {
        var core = Core()
        let asking = core.call("a", receivesProgress: true)
        let plain = core.call("b")
        func ahead(_ request: RequestID) -> Message {
            .result(Result(request: request, details: OutcomeDetails(progress: true)))
        }
        #expect(text(core.receive(ahead(asking))) == "a … RESULT")
        #expect(text(core.receive(ahead(plain))) == "none")
        #expect(core.isPending(asking) && core.isPending(plain))
        #expect(text(core.receive(.result(Result(request: asking)))) == "a ← RESULT")
        #expect(text(core.receive(ahead(asking))) == "none")
        let other = core.publish("c")
        #expect(text(core.receive(ahead(other))) == "violation")
        #expect(text(core.receive(ahead(RequestID(9)))) == "violation")
    }

    @Test("a revoked registration is forgotten")
    func revoked() {
        var core = Core()
        let request = core.register("respond", "w")
        _ = core.receive(
            .registered(Registered(request: request, registration: RegistrationID(7))))
        #expect(
            text(
                core.receive(
                    .unregistered(Unregistered(request: nil, details: ["registration": 7]))))
                == "respond revoked: ")
        #expect(text(core.receive(invocation(1, 7))) == "stray 1")
    }

    @Test("listeners of one topic share its subscription until the last is gone")
    func sharedSubscription() {
        var core = Core()
        let first = core.subscribe("one", token: 1, "a")
        let second = core.subscribe("two", token: 2, "b")
        for request in [first, second] {
            _ = core.receive(
                .subscribed(Subscribed(request: request, subscription: SubscriptionID(5))))
        }
        #expect(text(core.receive(event(5))) == "event → one,two")
        let isLast = core.removeListener(1, of: SubscriptionID(5))
        #expect(!isLast)
        #expect(text(core.receive(event(5))) == "event → two")
        let isLastNow = core.removeListener(2, of: SubscriptionID(5))
        #expect(isLastNow)
        #expect(text(core.receive(event(5))) == "none")
    }

    @Test("messages that are not for a client in a session are violations")
    func notForClients() {
        var core = Core()
        for message: Message in [
            .welcome(Welcome(session: SessionID(1), details: [:])),
            .challenge(Challenge(method: "")),
            .call(Call(request: RequestID(1), procedure: "a")),
            .yield(Yield(request: RequestID(1))),
            .hello(Hello(realm: "a", roles: Roles([.caller: []]))),
        ] {
            #expect(text(core.receive(message)) == "violation")
        }
    }

    @Test("the end of a session is told to all who wait, in the order they asked")
    func ends() {
        var core = Core()
        let names = (1...40).map { "w\($0)" }
        for name in names { _ = core.call(name) }
        #expect(core.end() == names)
        #expect(core.end().isEmpty)
    }
}
