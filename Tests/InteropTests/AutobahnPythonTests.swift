// Autobahn|Python against our router, over every transport and serializer that it has.

import Testing

private let missing = Comment("Autobahn|Python is not installed: run scripts/setup")

@Suite("Autobahn|Python and our router", .serialized, .enabled(if: Installed.hasPython, missing))
struct AutobahnPythonTests {
    @Test("SR-29, SR-38, SR-40 to SR-42: each rule chooses as it says", arguments: Link.all)
    func rules(_ link: Link) async throws {
        try await withRouter { router in
            let seen = try await autobahnPython("rules", at: router, over: link)
            let one = Array(repeating: 0, count: 400)
            #expect(try seen("answers single") == one)
            #expect(try seen("answers first") == one)
            #expect(try seen("answers last") == Array(repeating: 3, count: 400))
            #expect(try seen("answers roundrobin") == (0..<400).map { $0 % 4 })
            let random: [Int] = try #require(try seen("answers random"))
            // 400 calls to 4 callees: 16.27 is the 0.999 quantile for 3 degrees of freedom, and
            // 40 leaves no doubt about the rule without failing a right router.
            let statistic = (0..<4).reduce(0.0) { sum, callee in
                let count = random.count { $0 == callee }
                return sum + Double((count - 100) * (count - 100)) / 100
            }
            #expect(statistic < 40, "\(random)")
            // A disguised rotation never calls one callee twice in a row.
            #expect(zip(random, random.dropFirst()).contains { $0 == $1 })
            for rule in ["single", "roundrobin", "random", "first", "last"] {
                #expect(try seen("callee in details \(rule)") == 400, "\(rule)")
                #expect(
                    try seen("after the last \(rule)") == "wamp.error.no_such_procedure", "\(rule)")
            }
        }
    }

    @Test("SR-33, SR-40, SR-41: when the called one leaves, the right one is next")
    func heirs() async throws {
        try await withRouter { router in
            let seen = try await autobahnPython("rules", at: router, over: Link.all[0])
            #expect(try seen("heirs first") == [1, 2, 3])
            #expect(try seen("heirs last") == [2, 1, 0])
            // 0 is called and leaves, 1 answers; 2 is called and leaves, 3 answers; 1, then 3.
            #expect(try seen("heirs roundrobin") == [1, 3, 3])
        }
    }

    @Test(
        "SR-03, SR-05 to SR-07: a second registration that may not be is refused",
        arguments: Link.all)
    func conflicts(_ link: Link) async throws {
        try await withRouter { router in
            let seen = try await autobahnPython("conflicts", at: router, over: link)
            let refused = "wamp.error.procedure_already_exists"
            for rule in ["omitted", "single", "roundrobin", "random", "first", "last"] {
                #expect(try seen("single, then \(rule)") == refused, "\(rule)")
                if rule == "roundrobin" { continue }
                #expect(try seen("roundrobin, then \(rule)") == refused, "\(rule)")
            }
            #expect(try seen("roundrobin, then roundrobin") == "ok")
            #expect(
                try seen("answers of the shared one")
                    == ["holder", "newcomer", "holder", "newcomer"])
        }
    }

    @Test("SR-08: an unknown rule is refused and the session lives on", arguments: Link.all)
    func unknownRules(_ link: Link) async throws {
        try await withRouter { router in
            let seen = try await autobahnPython("unknown_rules", at: router, over: link)
            for rule in ["'all'", "'RoundRobin'", "'_mine'"] {
                #expect(try seen("rule \(rule)") == "wamp.error.invalid_argument", "\(rule)")
            }
            #expect(try seen("the session lives on") == "kept")
            #expect(try seen("nothing was registered") == "wamp.error.no_such_procedure")
        }
    }

    @Test("Events arrive once, in order, and not at their publisher", arguments: Link.all)
    func events(_ link: Link) async throws {
        try await withRouter { router in
            let seen = try await autobahnPython("pubsub", at: router, over: link)
            #expect(try seen("acknowledged") == 100)
            let events: [Event] = try #require(try seen("events"))
            #expect(events == (0..<100).map { Event(number: $0, note: "n") })
            #expect(try seen("events of its own") == 0)
            #expect(try seen("events of its own, asked for") == 1)
            #expect(try seen("events after UNSUBSCRIBE") == 0)
        }
    }

    @Test(
        "SR-66: a cancelled call ends in each mode, and the callee hears of it",
        arguments: Link.all)
    func cancel(_ link: Link) async throws {
        try await withRouter { router in
            let seen = try await autobahnPython("cancel", at: router, over: link)
            for mode in ["skip", "kill", "killnowait"] {
                #expect(try seen("outcome \(mode)") == "wamp.error.canceled", "\(mode)")
                #expect(try seen("interrupted \(mode)") == (mode != "skip"), "\(mode)")
            }
        }
    }

    @Test(
        "SR-25, SR-51: a lost callee's call ends with canceled and its heir takes the next ones",
        arguments: Link.all)
    func loss(_ link: Link) async throws {
        try await withRouter { router in
            let seen = try await autobahnPython("loss", at: router, over: link)
            for rule in ["first", "roundrobin"] {
                #expect(try seen("lost call \(rule)") == "wamp.error.canceled", "\(rule)")
                let next: [String]? = try seen("next calls \(rule)")
                #expect(next == ["second", "second", "second"], "\(rule)")
            }
        }
    }

    @Test(
        "Every value arrives exactly, there and back, between any two serializers",
        arguments: Link.all, Link.serializers)
    func values(_ callee: Link, _ callerSerializer: String) async throws {
        // The caller comes over the other transport, so that both are crossed in each run.
        let other: Link.Transport = callee.transport == .websocket ? .rawsocket : .websocket
        let caller = Link(transport: other, serializer: callerSerializer)
        try await withRouter { router in
            let seen = try await autobahnPython("values", at: router, over: callee, caller: caller)
            let names = seen.names.filter { $0 != "count" && $0 != "end" }
            #expect(try seen("count") == names.count)
            #expect(names.count > 20)
            for name in names {
                // As sent; as the callee saw the argument and the keyword argument; as returned.
                let views: [String] = try #require(try seen(name), "\(name)")
                #expect(views.count == 4 && Set(views).count == 1, "\(name): \(views)")
            }
        }
    }
}

private struct Event: Decodable, Equatable {
    let number: Int
    let note: String

    init(number: Int, note: String) {
        self.number = number
        self.note = note
    }

    init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        number = try list.decode(Int.self)
        note = try list.decode(String.self)
    }
}
