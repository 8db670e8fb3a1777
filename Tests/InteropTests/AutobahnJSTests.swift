// Autobahn|JS under Node against our router: the registrations as web applications write them.

import Testing

private let missing = Comment("Autobahn|JS, Node or its ws module is missing: run scripts/setup")

@Suite("Autobahn|JS and our router", .serialized, .enabled(if: Installed.hasJavaScript, missing))
struct AutobahnJSTests {
    @Test(
        "SR-02, SR-29, SR-38, SR-40 to SR-42: registrations under each rule work unchanged",
        arguments: Link.serializers)
    func rules(_ serializer: String) async throws {
        try await withRouter { router in
            let seen = try await autobahnJS("rules", at: router, serializer: serializer)
            let zeros = Array(repeating: 0, count: 300)
            #expect(try seen("answers omitted") == zeros)
            #expect(try seen("answers single") == zeros)
            #expect(try seen("answers first") == zeros)
            #expect(try seen("answers last") == Array(repeating: 2, count: 300))
            #expect(try seen("answers roundrobin") == (0..<300).map { $0 % 3 })
            let random: [Int] = try #require(try seen("answers random"))
            #expect(Set(random) == [0, 1, 2])
            #expect(zip(random, random.dropFirst()).contains { $0 == $1 })
            for rule in ["omitted", "single", "roundrobin", "random", "first", "last"] {
                #expect(
                    try seen("after the last \(rule)") == "wamp.error.no_such_procedure", "\(rule)")
            }
        }
    }

    @Test(
        "SR-03, SR-05, SR-06: a second registration that may not be is refused, whatever is held",
        arguments: Link.serializers)
    func conflicts(_ serializer: String) async throws {
        try await withRouter { router in
            let seen = try await autobahnJS("conflicts", at: router, serializer: serializer)
            let tried = seen.names.filter { $0.contains(", then ") }
            // Six registrations held, six tried for the two single ones and five for the others.
            #expect(tried.count == 2 * 6 + 4 * 5)
            for name in tried {
                #expect(try seen(name) == "wamp.error.procedure_already_exists", "\(name)")
            }
            for held in ["omitted", "single", "roundrobin", "random", "first", "last"] {
                #expect(try seen("\(held) answers") == "holder", "\(held)")
            }
        }
    }

    @Test(
        "SR-08: an unknown rule is refused and the session lives on",
        arguments: Link.serializers)
    func unknownRules(_ serializer: String) async throws {
        try await withRouter { router in
            let seen = try await autobahnJS("unknown_rules", at: router, serializer: serializer)
            for rule in ["all", "RoundRobin", "foo", ""] {
                #expect(try seen("rule \(rule)") == "wamp.error.invalid_argument", "\(rule)")
            }
            #expect(try seen("the session lives on") == "kept")
            #expect(try seen("nothing was registered") == "wamp.error.no_such_procedure")
        }
    }

    @Test("Values, errors and events arrive as they were sent", arguments: Link.serializers)
    func values(_ serializer: String) async throws {
        try await withRouter { router in
            let seen = try await autobahnJS("values", at: router, serializer: serializer)
            #expect(try seen("values") == 26)
            #expect(try seen("changed") == [String]())
            let error: ReceivedError = try #require(try seen("error"))
            #expect(
                error == ReceivedError(uri: "com.myapp.error", args: ["no"], kwargs: ["code": 7]))
            #expect(try seen("events") == Array(0..<50))
        }
    }
}

private struct ReceivedError: Decodable, Equatable {
    let uri: String
    let args: [String]
    let kwargs: [String: Int]

    init(uri: String, args: [String], kwargs: [String: Int]) {
        self.uri = uri
        self.args = args
        self.kwargs = kwargs
    }

    init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        uri = try list.decode(String.self)
        args = try list.decode([String].self)
        kwargs = try list.decode([String: Int].self)
    }
}
