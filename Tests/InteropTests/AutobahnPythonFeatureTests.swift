// Autobahn|Python and what it uses of the Advanced Profile; each title names rows of the features.

import Testing

private let missing = Comment("Autobahn|Python is not installed: run scripts/setup")

@Suite(
    "Autobahn|Python and the Advanced Profile", .serialized,
    .enabled(if: Installed.hasPython, missing)
)
struct AutobahnPythonFeatureTests {
    @Test(
        """
        progressive_call_results, call_canceling, call_timeout, pattern_based_registration, \
        shared_registration with concurrency (SR-58), force_reregister, caller_identification
        """,
        arguments: Link.all)
    func calls(_ link: Link) async throws {
        try await withFeatureRouter { router in
            let seen = try await autobahnFeatures("calls", at: router, over: link)
            try checkCalls(seen)
            #expect(try seen("no progress unless asked for") == true)
            #expect(try seen("outcome cancelled") == "cancelled")
            #expect(try seen("interrupted cancelled") == true)
            #expect(try seen("interrupted late") == true)
        }
    }

    @Test(
        """
        pattern_based_subscription, subscriber_blackwhite_listing, publisher_identification, \
        event_retention, event_history, testament_meta_api
        """,
        arguments: Link.all)
    func events(_ link: Link) async throws {
        try await withFeatureRouter { router in
            try checkEvents(try await autobahnFeatures("events", at: router, over: link))
        }
    }

    @Test(
        """
        session_meta_api, registration_meta_api, subscription_meta_api (SR-74 to SR-84): \
        procedures, events in their order, and kill
        """,
        arguments: Link.all)
    func meta(_ link: Link) async throws {
        try await withFeatureRouter { router in
            try checkMeta(try await autobahnFeatures("meta", at: router, over: link))
        }
    }

    @Test(
        """
        compatibility: crossbar: event history, monitor and scaled microservice as its examples \
        have them
        """,
        arguments: Link.all)
    func crossbar(_ link: Link) async throws {
        try await withFeatureRouter { router in
            let seen = try await autobahnFeatures("crossbar", at: router, over: link)
            #expect(try seen("history") == [11, 10, 9])
            #expect(try seen("history by default") == 10)
            #expect(
                try seen("another rule") == [
                    "wamp.error.procedure_exists_with_different_invocation_policy", true,
                ] as Seen)
            #expect(
                try seen("too many calls") == [
                    "crossbar.error.max_concurrency_reached", true,
                ] as Seen)
            #expect(try seen("first call") == "done")
            #expect(try seen("kill reason") == "com.example.enough")
            #expect(try seen("told of the session alone") == true)
            #expect(try seen("reason of leaving") == "wamp.close.normal")
        }
    }

    @Test(
        """
        ticket, wampcra plain and salted, cryptosign; refusals are alike, and static \
        authorization does not tell what exists
        """,
        arguments: Link.all)
    func authentication(_ link: Link) async throws {
        try await withFeatureRouter { router in
            try checkAuthentication(try await autobahnFeatures("auth", at: router, over: link))
        }
    }
}
