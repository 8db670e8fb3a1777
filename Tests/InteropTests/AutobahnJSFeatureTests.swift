// Autobahn|JS and what it uses of the Advanced Profile; each title names rows of the features.

import Testing

private let missing = Comment("Autobahn|JS, Node or its ws module is missing: run scripts/setup")

@Suite(
    "Autobahn|JS and the Advanced Profile", .serialized,
    .enabled(if: Installed.hasJavaScript, missing)
)
struct AutobahnJSFeatureTests {
    @Test(
        """
        progressive_call_results (from an Autobahn|Python callee), call_timeout, \
        pattern_based_registration, caller_identification, concurrency (SR-58)
        """,
        .enabled(if: Installed.hasPython), arguments: Link.serializers)
    func calls(_ serializer: String) async throws {
        try await withFeatureRouter { router in
            let callee = autobahnFeaturesArguments(
                "serve", at: router, over: Link(transport: .rawsocket, serializer: "cbor"))
            _ = try await whileRunning(Installed.python, callee) { lines in
                var iterator = lines.makeAsyncIterator()
                #expect(await iterator.next() != nil, "the callee did not come up")
                try checkCalls(
                    try await autobahnJS("calls", at: router, "asked", serializer: serializer))
            }
        }
    }

    private func checkCalls(_ seen: Observations) throws {
        let item = "com.example.area.item"
        #expect(try seen("pattern \(item)") == ["exact", item])
        #expect(try seen("pattern com.example.area.x") == ["prefix", "com.example.area.x"])
        #expect(try seen("pattern com.b.area.item") == ["wildcard", "com.b.area.item"])
        #expect(try seen("pattern none") == "wamp.error.no_such_procedure")
        #expect(try seen("caller unless asked") == "nobody")
        #expect(try seen("caller when asked") == true)
        #expect(try seen("beyond the limit") == "wamp.error.no_available_callee")
        #expect(try seen("late") == "wamp.error.timeout")
        #expect(try seen("progressive results") == [0, 1, 2, 3])
        #expect(try seen("final result") == "done")
    }

    @Test(
        """
        pattern_based_subscription, subscriber_blackwhite_listing, publisher_identification, \
        event_retention, event_history, testament_meta_api
        """,
        arguments: exactSerializers)
    func events(_ serializer: String) async throws {
        try await withFeatureRouter { router in
            let seen = try await autobahnJS("events", at: router, "asked", serializer: serializer)
            #expect(try seen("events by patterns") == eventsByPatterns)
            #expect(try seen("chosen") == chosenEvents)
            let state: Seen = [[2, true], [3, false]]
            #expect(try seen("retained, then live") == state)
            #expect(try seen("history") == [2, 1])
            let wills: Seen = [[["bye"], ["last": "will"]]]
            #expect(try seen("testaments") == wills)
        }
    }

    @Test(
        "session_meta_api, registration_meta_api (SR-74 to SR-79), and kill",
        arguments: exactSerializers)
    func meta(_ serializer: String) async throws {
        try await withFeatureRouter { router in
            let seen = try await autobahnJS("meta", at: router, "asked", serializer: serializer)
            #expect(try seen("session count") == 2)
            #expect(try seen("session listed") == true)
            let details: Seen = [true, "anonymous"]
            #expect(try seen("session details") == details)
            #expect(try seen("registration lookup") == true)
            #expect(try seen("callees") == 1)
            #expect(try seen("no such registration") == "wamp.error.no_such_registration")
            #expect(try seen("kill reason") == "com.example.enough")
            #expect(
                try seen("story") == [
                    "session.on_join", "registration.on_create", "registration.on_register",
                    "registration.on_unregister", "registration.on_delete", "session.on_leave",
                ])
        }
    }

    @Test("ticket, wampcra plain and salted, cryptosign; static authorization")
    func authentication() async throws {
        try await withFeatureRouter { router in
            let seen = try await autobahnJS("auth", at: router, "secured", serializer: "json")
            #expect(try seen("joined tina") == ["tina", "master", "ticket"])
            #expect(try seen("joined carl") == ["carl", "guest", "wampcra"])
            #expect(try seen("joined sally") == ["sally", "guest", "wampcra"])
            #expect(try seen("joined chris") == ["chris", "guest", "cryptosign"])
            for name in ["tina", "carl", "sally", "chris", "nobody"] {
                #expect(
                    try seen("refused \(name)") == "wamp.error.authentication_denied", "\(name)")
            }
            #expect(
                try seen("denied") == Array(repeating: "wamp.error.not_authorized", count: 4))
            #expect(try seen("allowed") == "ok")
        }
    }
}

/// This release writes session ids as floats in MessagePack, which are no ids in options.
private let exactSerializers = ["json", "cbor"]

/// What a prefix and a wildcard subscription of each client get of the same publications.
let eventsByPatterns: Seen = [
    ["prefix", 0, "com.example.news.sport"], ["prefix", 1, "com.example.newsletter"],
    ["wildcard", 0, "com.example.news.sport"], ["wildcard", 2, "com.other.news.sport"],
]

/// Who gets which event, and whether its publisher is told of.
let chosenEvents: Seen = [
    ["other", "exclude", false], ["other", "exclude_authid", false],
    ["subscriber", "eligible", false], ["subscriber", "eligible_authid", true],
]
