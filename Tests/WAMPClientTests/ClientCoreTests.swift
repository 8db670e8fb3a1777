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
        "\(responder.joined(separator: ",")) revoked: \(revocation.reason ?? "")"
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
        #expect(core.register("r", token: 1, "b") == RequestID(2))
        #expect(core.publish("c") == RequestID(3))
        #expect(core.subscribe("l", token: 1, "d") == RequestID(4))
        #expect(core.nextRequest() == RequestID(5))
        #expect(core.unregister(RegistrationID(9), token: 1, "e") == RequestID(6))
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
        let request = core.register("respond", token: 1, "w")
        #expect(text(core.receive(invocation(1, 7))) == "stray 1")
        _ = core.receive(
            .registered(Registered(request: request, registration: RegistrationID(7))))
        #expect(text(core.receive(invocation(2, 7))) == "respond(2)")
        let back = core.unregister(RegistrationID(7), token: 1, "u")
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
        let request = core.register("respond", token: 1, "w")
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
        #expect(core.removeListener(1, of: SubscriptionID(5), "x") == "x")
        #expect(core.nextTakingBack() == nil)
        #expect(text(core.receive(event(5))) == "event → two")
        #expect(core.removeListener(2, of: SubscriptionID(5), "y") == nil)
        #expect(core.nextTakingBack() == .subscription(SubscriptionID(5), "y"))
        #expect(core.nextTakingBack() == nil)
        #expect(text(core.receive(event(5))) == "none")
    }

    @Test("a listener on its way keeps the subscription that the last other one leaves")
    func subscribedMeanwhile() {
        var core = Core()
        let id = SubscriptionID(5)
        let first = core.subscribe("one", token: 1, "a")
        _ = core.receive(.subscribed(Subscribed(request: first, subscription: id)))
        let second = core.subscribe("two", token: 2, "b")
        #expect(core.removeListener(1, of: id, "x") == nil)
        #expect(text(core.receive(event(5))) == "none")
        // UNSUBSCRIBE now would end what the router is about to give to the second.
        #expect(core.nextTakingBack() == nil)
        _ = core.receive(.subscribed(Subscribed(request: second, subscription: id)))
        #expect(
            core.nextTakingBack() == .needless("x", .unsubscribed(Unsubscribed(request: nil))))
        #expect(text(core.receive(event(5))) == "event → two")
        #expect(core.removeListener(2, of: id, "y") == nil)
        #expect(core.nextTakingBack() == .subscription(id, "y"))
    }

    @Test("what is on its way and comes to nothing, or to another topic, keeps nothing")
    func subscribedElsewhere() {
        var core = Core()
        let id = SubscriptionID(5)
        for outcome in 0..<3 {
            let first = core.subscribe("one", token: 1, "a")
            _ = core.receive(.subscribed(Subscribed(request: first, subscription: id)))
            let second = core.subscribe("two", token: 2, "b")
            #expect(core.removeListener(1, of: id, "x") == nil, "\(outcome)")
            let call = core.call("c")
            // What was asked for later comes after the UNSUBSCRIBE.
            let third = core.subscribe("three", token: 3, "d")
            #expect(core.nextTakingBack() == nil, "\(outcome)")
            switch outcome {
            case 0:
                _ = core.receive(.error(ErrorMessage(.subscribe, request: second, error: .timeout)))
            case 1:
                _ = core.receive(
                    .subscribed(Subscribed(request: second, subscription: SubscriptionID(6))))
            default: _ = core.abandon(second)
            }
            #expect(core.nextTakingBack() == .subscription(id, "x"), "\(outcome)")
            _ = core.abandon(third)
            _ = core.abandon(call)
        }
    }

    @Test("of one procedure registered twice each is taken back for itself; the younger answers")
    func sharedRegistration() {
        var core = Core()
        let id = RegistrationID(7)
        for (token, name) in [(1, "one"), (2, "two")] {
            let request = core.register(name, token: token, "w")
            _ = core.receive(.registered(Registered(request: request, registration: id)))
        }
        #expect(text(core.receive(invocation(1, 7))) == "two(1)")
        #expect(core.removeResponder(2, of: id, "x") == "x")
        #expect(core.nextTakingBack() == nil)
        #expect(text(core.receive(invocation(2, 7))) == "one(2)")
        // Once more, it takes nothing from the other.
        #expect(core.removeResponder(2, of: id, "again") == "again")
        #expect(core.removeResponder(1, of: id, "y") == nil)
        #expect(core.nextTakingBack() == .registration(id, token: 1, "y"))
        let back = core.unregister(id, token: 1, "y")
        #expect(text(core.receive(invocation(3, 7))) == "one(3)")
        _ = core.receive(.unregistered(Unregistered(request: back)))
        #expect(text(core.receive(invocation(4, 7))) == "stray 4")
    }

    @Test("a REGISTER on its way keeps the registration that the last other one leaves")
    func registeredMeanwhile() {
        var core = Core()
        let id = RegistrationID(7)
        let first = core.register("one", token: 1, "a")
        _ = core.receive(.registered(Registered(request: first, registration: id)))
        let second = core.register("two", token: 2, "b")
        #expect(core.removeResponder(1, of: id, "x") == nil)
        #expect(core.nextTakingBack() == nil)
        // The router may still ask, so somebody answers.
        #expect(text(core.receive(invocation(1, 7))) == "one(1)")
        _ = core.receive(.registered(Registered(request: second, registration: id)))
        #expect(
            core.nextTakingBack() == .needless("x", .unregistered(Unregistered(request: nil))))
        #expect(core.removeResponder(2, of: id, "y") == nil)
        #expect(core.nextTakingBack() == .registration(id, token: 2, "y"))
    }

    @Test("a revocation is told to all who share a registration")
    func revokedForAll() {
        var core = Core()
        for (token, name) in [(1, "one"), (2, "two")] {
            let request = core.register(name, token: token, "w")
            _ = core.receive(
                .registered(Registered(request: request, registration: RegistrationID(7))))
        }
        let revocation = Unregistered(request: nil, details: ["registration": 7])
        #expect(text(core.receive(.unregistered(revocation))) == "one,two revoked: ")
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
            #expect(text(core.receive(message)) == "violation", "\(message)")
        }
    }

    @Test("the end of a session is told to all who wait, in the order they asked")
    func ends() {
        var core = Core()
        let names = (1...40).map { "w\($0)" }
        for name in names { _ = core.call(name) }
        let request = core.subscribe("one", token: 1, "a")
        _ = core.receive(
            .subscribed(Subscribed(request: request, subscription: SubscriptionID(5))))
        #expect(core.removeListener(1, of: SubscriptionID(5), "x") == nil)
        #expect(core.end() == names + ["x"])
        #expect(core.end().isEmpty)
    }
}
