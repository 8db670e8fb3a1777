// Autobahn|JS and what it uses of the Advanced Profile; each title names rows of the features.
//
// In MessagePack this client writes every id above 2^32 that it was told as a float.

import Testing

private let missing = Comment("Autobahn|JS, Node or its ws module is missing: run scripts/setup")

@Suite(
    "Autobahn|JS and the Advanced Profile", .serialized,
    .enabled(if: Installed.hasJavaScript, missing)
)
struct AutobahnJSFeatureTests {
    @Test(
        """
        progressive_call_results (from an Autobahn|Python callee; SR-65), call_timeout, \
        pattern_based_registration, caller_identification, concurrency (SR-58), force_reregister
        """,
        .enabled(if: Installed.hasPython), arguments: Link.serializers)
    func calls(_ serializer: String) async throws {
        try await withFeatureRouter { router in
            let callee = autobahnFeaturesArguments(
                "serve", at: router, over: Link(transport: .rawsocket, serializer: "cbor"))
            _ = try await whileRunning(Installed.python, callee) { lines in
                var iterator = lines.makeAsyncIterator()
                #expect(await iterator.next() != nil, "the callee did not come up")
                let seen = try await features("calls", at: router, serializer: serializer)
                try checkCalls(seen)
                #expect(try seen("progress for a callee that takes no INTERRUPT") == true)
                #expect(try seen("caller unless asked") == true)
            }
        }
    }

    @Test(
        """
        pattern_based_subscription, subscriber_blackwhite_listing, publisher_identification, \
        event_retention, event_history, testament_meta_api
        """,
        arguments: Link.serializers)
    func events(_ serializer: String) async throws {
        try await withFeatureRouter { router in
            let seen = try await features("events", at: router, serializer: serializer)
            try checkEvents(seen)
            let told: Seen = [[false, false], [true, true]]
            #expect(try seen("publisher, unless asked and when asked") == told)
        }
    }

    @Test(
        """
        session_meta_api, registration_meta_api, subscription_meta_api (SR-74 to SR-84), kill, \
        registration_revocation, subscription_revocation
        """,
        arguments: Link.serializers)
    func meta(_ serializer: String) async throws {
        try await withFeatureRouter { router in
            let seen = try await features("meta", at: router, serializer: serializer)
            try checkMeta(seen)
            #expect(try seen("revoked registration") == "com.example.enough")
            #expect(try seen("revoked subscription") == "com.example.enough")
        }
    }

    @Test(
        """
        ticket, wampcra plain and salted, cryptosign; refusals are alike, and static \
        authorization does not tell what exists
        """,
        arguments: Link.serializers)
    func authentication(_ serializer: String) async throws {
        try await withFeatureRouter { router in
            try checkAuthentication(
                try await features("auth", at: router, "secured", serializer: serializer))
        }
    }

    private func features(
        _ scenario: String, at router: RouterAddresses, _ realm: String = "asked",
        serializer: String
    ) async throws -> Observations {
        try await autobahnJS(
            scenario, at: router, realm, serializer: serializer,
            script: "autobahn_js_features.js")
    }
}
