// What a client must see of the Advanced Profile, whichever client it is that looks.

import Testing

/// Calls: results ahead, an end in time, the table of precedence, identity, limits.
func checkCalls(_ seen: Observations) throws {
    #expect(try seen("progressive results") == [0, 1, 2, 3, 4])
    #expect(try seen("final result") == "done")
    #expect(try seen("outcome late") == "wamp.error.timeout")
    for (uri, pattern) in [
        "a1.b2.c3.d98.e74": "a1.b2.c3", "a1.b2.c3.d4.e325": "a1.b2.c3.d4",
        "a1.b2.c55.d4.e5": "a1.b2..d4.e5", "a1.b2.c33.d4.e5": "a1.b2.c33..e5",
        "a1.b2.c88.d4.e5.f6.g7": "a1.b2..d4.e5..g7",
    ] {
        #expect(try seen("pattern \(uri)") == [pattern, uri], "\(uri)")
    }
    #expect(try seen("pattern exact") == "a1.b2.c3.d4.e55")
    #expect(try seen("pattern none") == "wamp.error.no_such_procedure")
    #expect(try seen("caller is disclosed") == true)
    let refused = "wamp.error.no_available_callee"
    #expect(try seen("beyond the limit") == [refused])
    #expect(try seen("running") == [0, 0, 1, 1])
    #expect(try seen("after all") == ["ok", "ok", "ok", "ok", refused])
    #expect(try seen("slots come back") == "ok")
    #expect(try seen("taken over") == "new")
}

/// Events: patterns, conditions, what is kept of them, testaments.
func checkEvents(_ seen: Observations) throws {
    let exact: Seen = ["exact", 0, "com.example.news.sport"]
    #expect(try seen("events by patterns") == [exact] + eventsByPatterns)
    #expect(try seen("receivers exclude") == [1, 2])
    #expect(try seen("receivers exclude_authid") == [1, 2])
    #expect(try seen("receivers exclude_authrole") == [Int]())
    #expect(try seen("receivers eligible") == [0])
    #expect(try seen("receivers eligible_authid") == [0])
    #expect(try seen("receivers eligible_authrole") == [0, 1, 2])
    #expect(try seen("receivers both") == [1, 2])
    let retained: Seen = [[2, true, true], [3, false, true]]
    #expect(try seen("retained, then live") == retained)
    let history: [Seen] = (0..<5).map { [.number(Double($0)), "m"] }
    #expect(try seen("history") == history)
    #expect(try seen("history, limit") == Array(history.prefix(2)))
    #expect(try seen("history, reverse and limit") == [history[4], history[3]])
    #expect(try seen("history, from and before") == [history[1], history[2]])
    let wills: Seen = [["clean", ["last": "will"]], ["broken", ["last": "will"]]]
    #expect(try seen("testaments") == wills)
}

/// What a prefix and a wildcard subscription of each client get of the same publications.
let eventsByPatterns: [Seen] = [
    ["prefix", 0, "com.example.news.sport"], ["prefix", 1, "com.example.newsletter"],
    ["wildcard", 0, "com.example.news.sport"], ["wildcard", 2, "com.other.news.sport"],
]

/// The meta API: procedures, events in their order, and kill.
func checkMeta(_ seen: Observations) throws {
    #expect(try seen("session count") == 2)
    #expect(try seen("session count of others") == 0)
    #expect(try seen("session listed") == true)
    let details: Seen = [true, "anonymous", "anonymous"]
    #expect(try seen("session details") == details)
    #expect(try seen("no such session") == "wamp.error.no_such_session")
    #expect(try seen("wrong argument") == "wamp.error.invalid_argument")
    let policies: Seen = [true, ["exact", "prefix", "wildcard"]]
    for kind in ["registration", "subscription"] {
        #expect(try seen("\(kind) listed") == policies, "\(kind)")
        #expect(try seen("\(kind) lookup") == true, "\(kind)")
        #expect(try seen("\(kind) lookup of another match") == Seen.null, "\(kind)")
        #expect(try seen("\(kind) match") == true, "\(kind)")
        #expect(try seen("\(kind) members") == true, "\(kind)")
        #expect(try seen("\(kind) member count") == 1, "\(kind)")
        #expect(try seen("no such \(kind)") == "wamp.error.no_such_\(kind)", "\(kind)")
    }
    // `created` is as long as 2026-01-01T00:00:00.000Z.
    let got: Seen = [true, "com.example.proc", "exact", "roundrobin", 24, "Z"]
    #expect(try seen("registration get") == got)
    let topic: Seen = [true, "com.example.topic", "exact", nil, 24, "Z"]
    #expect(try seen("subscription get") == topic)
    #expect(try seen("kill reason") == "com.example.enough")
    #expect(try seen("kill of the own session") == "wamp.error.no_such_session")
    #expect(try seen("killed by authrole") == 2)
    #expect(try seen("kill reason by default") == ["wamp.close.killed", "wamp.close.killed"])
    #expect(try seen("killed by authid") == true)
    #expect(try seen("arguments of on_leave") == true)
    #expect(
        try seen("story") == [
            "session.on_join", "registration.on_create com.example.proc",
            "registration.on_register", "subscription.on_create com.example.topic",
            "subscription.on_subscribe", "registration.on_unregister",
            "registration.on_delete", "subscription.on_unsubscribe",
            "subscription.on_delete", "session.on_leave",
        ])
}

/// Who may join the realm of users and as whom, who may not, and what a guest is denied there.
func checkAuthentication(_ seen: Observations) throws {
    #expect(try seen("joined ticket") == ["tina", "master", "ticket"])
    #expect(try seen("joined wampcra") == ["carl", "guest", "wampcra"])
    #expect(try seen("joined wampcra salted") == ["sally", "guest", "wampcra"])
    #expect(try seen("joined cryptosign") == ["chris", "guest", "cryptosign"])
    #expect(try seen("joined cryptosign without a name") == ["chris", "guest", "cryptosign"])
    for name in [
        "wrong ticket", "wrong secret", "wrong salted secret", "wrong key",
        "unknown user, ticket", "unknown user, wampcra", "unknown key",
    ] {
        #expect(try seen("refused \(name)") == "wamp.error.authentication_denied", "\(name)")
    }
    #expect(try seen("refused anonymous") == "wamp.error.authentication_required")
    #expect(try seen("allowed call") == "open")
    #expect(try seen("allowed subscription") == "ok")
    let denied = "wamp.error.not_authorized"
    for action in ["call", "register", "subscribe", "publish"] {
        #expect(try seen("denied \(action)") == [denied, denied], "\(action)")
    }
    #expect(try seen("denied meta") == denied)
}
