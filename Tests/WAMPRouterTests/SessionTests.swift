// Sessions from WELCOME to their end: protocol.md §3, draining.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Sessions")
struct SessionTests {
    @Test("WELCOME names what works, who the session is, and the realm")
    func welcome() {
        let realm = TestRealm()
        let (_, welcome) = realm.welcome(Newcomer(roles: Roles([.caller: []]), authid: "alice"))
        let details: Value.Dictionary = [
            "roles": [
                "broker": [
                    "features": [
                        "publisher_exclusion": true, "publisher_identification": true,
                        "subscriber_blackwhite_listing": true,
                        "pattern_based_subscription": true, "event_retention": true,
                        "subscription_revocation": true, "subscription_meta_api": true,
                        "session_meta_api": true, "payload_passthru_mode": true,
                    ]
                ],
                "dealer": [
                    "features": [
                        "shared_registration": true, "call_canceling": true, "call_timeout": true,
                        "call_reroute": true, "registration_meta_api": true,
                        "progressive_call_results": true, "progressive_call_invocations": true,
                        "caller_identification": true, "pattern_based_registration": true,
                        "registration_revocation": true, "payload_passthru_mode": true,
                        "session_meta_api": true, "testament_meta_api": true,
                    ]
                ],
            ],
            "agent": "wampctl-1.0.0", "realm": "realm1", "authid": "alice",
            "authrole": "anonymous", "authmethod": "anonymous", "authprovider": "static",
        ]
        #expect(welcome.details == details)
        #expect((1...SessionID.largest).contains(welcome.session.rawValue))
    }

    @Test("What the settings switch on or off is announced or not")
    func announcedBySettings() {
        var settings = RealmSettings()
        settings.publisherDisclosure = .never
        settings.callerDisclosure = .never
        settings.topics = [
            TopicSettings(URIPattern("t.a"), trustlevel: 1),
            TopicSettings(URIPattern("t.b"), history: 5),
        ]
        let (_, welcome) = TestRealm(settings).welcome(Newcomer(roles: Roles([.caller: []])))
        let broker = welcome.details["roles"]?.dictionary?["broker"]?.dictionary
        let features = broker?["features"]?.dictionary
        #expect(features?["publisher_identification"] == nil)
        #expect(features?["publication_trustlevels"] == true)
        #expect(features?["event_history"] == true)
        let dealer = welcome.details["roles"]?.dictionary?["dealer"]?.dictionary
        #expect(dealer?["features"]?.dictionary?["call_timeout"] == true)
        #expect(dealer?["features"]?.dictionary?["caller_identification"] == nil)
    }

    @Test(
        "§3.4 who calls and who publishes is announced where somebody may learn it",
        arguments: ["caller_identification", "publisher_identification"])
    func announcedDisclosure(feature: String) {
        let isOfCallers = feature == "caller_identification"
        let setting: WritableKeyPath<RealmSettings, Disclosure> =
            isOfCallers ? \.callerDisclosure : \.publisherDisclosure
        func isAnnounced(_ realm: Disclosure, byRule rule: Disclosure?) -> Bool {
            var settings = RealmSettings()
            settings[keyPath: setting] = realm
            if let rule {
                let permission = PermissionRule(
                    URIPattern("t.x"), actions: [.call],
                    callerDisclosure: isOfCallers ? rule : nil,
                    publisherDisclosure: isOfCallers ? nil : rule)
                settings.permissions.roles = ["anonymous": RolePermissions(rules: [permission])]
            }
            let (_, welcome) = TestRealm(settings).welcome(Newcomer(roles: Roles([.caller: []])))
            let role = isOfCallers ? "dealer" : "broker"
            let features = welcome.details["roles"]?.dictionary?[role]?.dictionary?["features"]
            return features?.dictionary?[feature] == true
        }
        #expect(isAnnounced(.onRequest, byRule: nil))
        #expect(isAnnounced(.always, byRule: .never))
        #expect(isAnnounced(.never, byRule: .onRequest))
        #expect(!isAnnounced(.never, byRule: nil))
        #expect(!isAnnounced(.never, byRule: .never))
    }

    @Test("Sessions without a name get one each, and every session an id of its own")
    func names() {
        let peers = TestRealm().join(200)
        #expect(Set(peers.map(\.id)).count == 200)
        #expect(Set(peers.map(\.identity.authid)).count == 200)
        #expect(peers.allSatisfy { $0.identity.authid?.count == 24 })
    }

    @Test("GOODBYE is answered, and is the last that is sent")
    func goodbye() {
        let realm = TestRealm()
        let a = realm.join(.callCanceling)
        _ = Listener(a, in: realm)
        realm.register(a, "t.x", "first")
        realm.call(a)
        #expect(realm.goodbye(a) == [a.getsGoodbye(.goodbyeAndOut), a.ends(.goodbyeAnswered)])
        #expect(realm.isEmpty)
        #expect(realm.goodbye(a).isEmpty)
        #expect(realm.leave(a).isEmpty)
    }

    @Test("ABORT is not answered")
    func abort() {
        let realm = TestRealm()
        let a = realm.join()
        let effects = realm.send(.abort(Abort(reason: .closeNormal)), from: a)
        #expect(effects == [a.ends(.abortReceived(Abort(reason: .closeNormal)))])
    }

    static let violations: [Message] = [
        .hello(Hello(realm: "realm1", roles: Roles([.caller: []]))),
        .welcome(Welcome(session: SessionID(1), details: [:])),
        .challenge(Challenge(method: "ticket")),
        .authenticate(Authenticate(signature: "")),
        .published(Published(request: 1, publication: PublicationID(1))),
        .subscribed(Subscribed(request: 1, subscription: SubscriptionID(1))),
        .unsubscribed(Unsubscribed(request: 1)),
        .event(Event(subscription: SubscriptionID(1), publication: PublicationID(1))),
        .result(Result(request: 1)),
        .registered(Registered(request: 1, registration: RegistrationID(1))),
        .unregistered(Unregistered(request: 1)),
        .invocation(Invocation(request: 1, registration: RegistrationID(1))),
        .interrupt(Interrupt(request: 1)),
        .error(ErrorMessage(.call, request: 1, error: "t.error")),
        .error(ErrorMessage(.invocation, request: 1, error: "not a uri")),
        .call(progressiveCall),
    ]

    static var progressiveCall: Call {
        var call = Call(request: 1, procedure: "t.x")
        call.options.progress = true
        return call
    }

    @Test(
        "What a client must not send ends its session with ABORT, and no other",
        arguments: violations)
    func violation(message: Message) {
        let realm = TestRealm()
        let (a, b) = (realm.join(), realm.join())
        realm.register(b, "t.x")
        let effects = realm.send(message, from: a)
        #expect(effects.count == 2)
        #expect(effects.abortReason == .protocolViolation)
        #expect(effects.last == effects.abort.map { a.ends(.abortSent($0)) })
        #expect(realm.realm.sessionCount == 1)
        #expect(realm.pick(from: b) == b)
    }

    @Test("The request id of a call in flight cannot be used for another; afterwards it can")
    func requestInUse() {
        let realm = TestRealm()
        let (caller, a) = (realm.join(), realm.join())
        let id = realm.registration(a)
        let call = Message.call(Call(request: 7, procedure: "t.x"))
        realm.send(call, from: caller)
        realm.yield(a, 1)
        #expect(realm.send(call, from: caller) == [a.getsInvocation(2, id)])
        let effects = realm.run { $0.receive(call, from: caller.key, at: realm.now, into: &$1) }
        #expect(effects.abortReason == .protocolViolation)
    }

    @Test("An answer to an invocation that was sent but has ended is dropped, with or without id 0")
    func lateAnswer() {
        let realm = TestRealm()
        let (caller, a) = (realm.join(), realm.join())
        realm.register(a)
        realm.call(caller)
        #expect(realm.yield(a, 1) == [caller.getsResult(1, from: a)])
        #expect(realm.yield(a, 1).isEmpty)
        #expect(realm.fail(a, 1).isEmpty)
        #expect(realm.yield(a, 0).isEmpty)
        #expect(realm.yield(a, 1).isEmpty)
    }

    @Test("A progressive result that nobody asked for is dropped, and the call stays open")
    func progressiveResult() {
        let realm = TestRealm()
        let (caller, a) = (realm.join(), realm.join())
        realm.register(a)
        realm.call(caller)
        let part = Yield(request: 1, options: OutcomeDetails(progress: true))
        #expect(realm.send(.yield(part), from: a).isEmpty)
        #expect(realm.yield(a, 1) == [caller.getsResult(1, from: a)])
    }

    @Test("Who answered is told, unless the realm keeps it to itself")
    func disclosure() {
        var settings = RealmSettings()
        settings.disclosesCallee = false
        let realm = TestRealm(settings)
        let (caller, a) = (realm.join(), realm.join())
        realm.register(a)
        realm.call(caller)
        #expect(realm.yield(a, 1) == [caller.getsResult(1, from: nil)])
    }

    @Test("Only implementation-specific details travel from YIELD and ERROR to the caller")
    func customDetails() {
        let realm = TestRealm()
        let (caller, a) = (realm.join(), realm.join())
        realm.register(a)
        let details = OutcomeDetails(custom: ["_mine": 1, "other": 2])
        let expected = OutcomeDetails(callee: a.identity, custom: ["_mine": 1])
        realm.call(caller)
        #expect(
            realm.send(.yield(Yield(request: 1, options: details)), from: a) == [
                caller.gets(.result(Result(request: 1, details: expected)))
            ])
        realm.call(caller)
        let error = ErrorMessage(.invocation, request: 2, details: details, error: "t.error")
        let forwarded = ErrorMessage(
            .call, request: 2, details: OutcomeDetails(custom: ["_mine": 1]), error: "t.error")
        #expect(realm.send(.error(error), from: a) == [caller.gets(.error(forwarded))])
    }

    // MARK: Draining

    @Test("Draining sends idle sessions away at once and busy ones with their last call")
    func drain() {
        let realm = TestRealm()
        let (idle, caller, callee) = (realm.join(), realm.join(), realm.join())
        realm.register(callee)
        realm.call(caller)
        realm.call(caller)
        #expect(realm.drain() == [idle.getsGoodbye(.systemShutdown), idle.ends(.goodbyeSent)])
        #expect(realm.yield(callee, 1) == [caller.getsResult(1, from: callee)])
        #expect(
            realm.yield(callee, 2) == [
                caller.getsResult(2, from: callee),
                caller.getsGoodbye(.systemShutdown), caller.ends(.goodbyeSent),
                callee.getsGoodbye(.systemShutdown), callee.ends(.goodbyeSent),
            ])
        #expect(realm.isEmpty)
    }

    @Test("While draining new calls are refused, whether their callee is still there or not")
    func callsWhileDraining() {
        let realm = TestRealm()
        let (idle, caller, callee) = (realm.join(), realm.join(), realm.join())
        realm.register(callee)
        realm.register(idle, "t.idle")
        realm.call(caller)
        realm.drain()
        for uri in ["t.x", "t.idle"] as [URI] {
            let effects = realm.call(caller, uri)
            let request = realm.lastRequest(of: caller)
            #expect(
                effects == [
                    caller.getsError(request, .unavailable, kwargs: ["reason": "shutdown"])
                ], "\(uri)")
        }
    }

    @Test(
        "Draining ends with whatever ends a call",
        arguments: ["cancel", "timeout", "loss", "error"])
    func drainEnds(how: String) {
        let realm = TestRealm()
        let (caller, callee) = (realm.join(), realm.join(.callCanceling))
        realm.register(callee)
        realm.call(caller, timeout: 10)
        #expect(realm.drain().isEmpty)
        switch how {
        case "cancel": realm.cancel(caller, 1)
        case "timeout": realm.advance(milliseconds: 10)
        case "loss": realm.leave(callee)
        default: realm.fail(callee, 1, "t.error")
        }
        #expect(realm.isEmpty)
    }

    @Test("A session that joins a realm that is being drained is sent away at once")
    func joinWhileDraining() {
        let realm = TestRealm()
        realm.drain()
        let key = realm.welcome(Newcomer(roles: Roles([.caller: []]))).key
        #expect(realm.lastJoin.last == .ended(key, .goodbyeSent))
        #expect(realm.isEmpty)
    }

    @Test("A session that leaves while draining is sent no event of those it keeps")
    func eventsWhileDraining() {
        let realm = TestRealm()
        let (callee, caller) = (realm.join(), realm.join())
        _ = Listener(callee, in: realm)
        realm.register(callee)
        realm.register(caller, "t.caller")
        realm.call(caller)
        realm.drain()
        realm.leave(callee)
        #expect(realm.isEmpty)
    }

    @Test("A lost callee's calls are retried while draining, and the session that kept them goes")
    func retryWhileDraining() {
        let realm = TestRealm()
        let (caller, other) = (realm.join(), realm.join())
        let p = realm.callees(2, "t.x", "roundrobin", retryOnLoss: true)
        let id = realm.registration(p[0], "t.x", "roundrobin")
        realm.call(caller)
        realm.call(other)
        realm.drain()
        #expect(realm.leave(p[0]) == [p[1].getsInvocation(2, id)])
        realm.yield(p[1], 1)
        #expect(realm.realm.sessionCount == 2)
        realm.yield(p[1], 2)
        #expect(realm.isEmpty)
    }

    @Test("Shutting down ends every session, busy or not, and every call")
    func shutDown() {
        let realm = TestRealm()
        let peers = realm.join(3, .callCanceling)
        for peer in peers {
            _ = Listener(peer, in: realm)
            realm.register(peer, "t.x", "roundrobin", retryOnLoss: true)
        }
        for peer in peers + peers { realm.call(peer, timeout: 100) }
        let effects = realm.run { $0.shutDown(at: realm.now, into: &$1) }
        for peer in peers {
            #expect(effects.contains(peer.getsGoodbye(.systemShutdown)), "\(peer)")
            #expect(effects.contains(peer.ends(.goodbyeSent)), "\(peer)")
        }
        #expect(realm.isEmpty)
    }
}
