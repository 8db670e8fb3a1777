// Clients that were not written by the Autobahn project, and what they use of the router.

import Testing

private let missing = Comment("xconn and swampyer are not installed: run scripts/setup")

@Suite(
    "xconn, swampyer and our router", .serialized, .enabled(if: Installed.hasOtherClients, missing))
struct OtherClientTests {
    @Test(
        """
        xconn: Basic Profile, call_timeout, caller_identification, pattern_based_registration, \
        shared_registration (SR-05, SR-38), pattern_based_subscription, \
        subscriber_blackwhite_listing, publisher_identification, event_retention, meta API, \
        ticket, wampcra, cryptosign, authorization
        """,
        arguments: Link.all)
    func xconn(_ link: Link) async throws {
        try await withFeatureRouter { router in
            let seen = try await otherClient("xconn_peer.py", at: router, over: link)
            let echo: Seen = [[1, "a", [nil, ["b": 1.5]]], ["key": true]]
            #expect(try seen("echo") == echo)
            #expect(try seen("error") == "com.example.error")
            #expect(try seen("caller unless asked") == [false])
            #expect(try seen("caller when asked") == [true])
            #expect(try seen("late") == "wamp.error.timeout")
            try checkCalls(seen)
            #expect(try seen("another rule") == "wamp.error.procedure_already_exists")
            #expect(try seen("events by patterns") == eventsByPatterns)
            let chosen: Seen = [
                ["other", "exclude", false], ["other", "exclude_authid", false],
                ["subscriber", "eligible", false], ["subscriber", "eligible_authid", true],
            ]
            #expect(try seen("chosen") == chosen)
            try checkRest(seen)
            #expect(try seen("joined tina") == ["tina", "master"])
            for name in ["carl", "sally", "chris"] {
                #expect(try seen("joined \(name)") == [name, "guest"], "\(name)")
            }
            for name in ["tina", "carl", "sally", "chris", "nobody"] {
                #expect(
                    try seen("refused \(name)") == "wamp.error.authentication_denied", "\(name)")
            }
            #expect(
                try seen("denied") == Array(repeating: "wamp.error.not_authorized", count: 4))
        }
    }

    @Test(
        """
        swampyer: Basic Profile, caller_identification, pattern_based_registration, \
        shared_registration (SR-05, SR-38), pattern_based_subscription, \
        subscriber_blackwhite_listing, publisher_identification, event_retention, meta API, ticket
        """,
        arguments: Link.all)
    func swampyer(_ link: Link) async throws {
        try await withFeatureRouter { router in
            let seen = try await otherClient("swampyer_peer.py", at: router, over: link)
            let echo: Seen = [[1, "a", [nil, ["b": 1.5]]], ["key": true]]
            #expect(try seen("echo") == echo)
            #expect(try seen("caller when asked") == true)
            // swampyer shows what an ERROR says, in place of its URI.
            try checkCalls(seen, refusal: "no callee has registered 'com.example.echo'")
            #expect(try seen("another rule") != "ok")
            #expect(try seen("events by patterns") == eventsByPatterns)
            let chosen: Seen = [["eligible", false], ["plain", true]]
            #expect(try seen("chosen") == chosen)
            #expect(try seen("nothing else") == true)
            try checkRest(seen, refusal: "there is no session 1")
            #expect(try seen("joined tina") == ["tina", "master", "ticket"])
            #expect(try seen("allowed") == "ok")
            // swampyer shows the text of an ABORT, which does not tell the two apart.
            let refusals = try ["tina", "nobody"].map { try seen("refused \($0)", as: String.self) }
            #expect(refusals[0] != nil && refusals[0] != "ok")
            #expect(refusals[0] == refusals[1])
        }
    }

    private func checkCalls(
        _ seen: Observations, refusal: String = "wamp.error.no_such_procedure"
    ) throws {
        #expect(try seen("after UNREGISTER") == refusal)
        #expect(try seen("pattern com.example.area.x") == ["prefix", "com.example.area.x"])
        #expect(try seen("pattern com.b.area.item") == ["wildcard", "com.b.area.item"])
        #expect(try seen("answers roundrobin") == [0, 1, 2, 0, 1, 2])
    }

    private func checkRest(
        _ seen: Observations, refusal: String = "wamp.error.no_such_session"
    ) throws {
        let retained: Seen = [[2, true]]
        #expect(try seen("retained") == retained)
        #expect(try seen("session listed") == true)
        #expect(try seen("session details") == true)
        #expect(try seen("registration lookup") == true)
        #expect(try seen("no such session") == refusal)
    }
}
