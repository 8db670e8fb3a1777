// What the meta API tells: shared-registrations.md, section H; protocol.md §8.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Meta API")
struct MetaTests {
    let realm = TestRealm()
    let listener: Listener

    init() { listener = Listener(realm.join(), in: realm) }

    @Test("SR-74 SR-80 the first callee: REGISTERED, then on_create, then on_register")
    func create() throws {
        let a = realm.join()
        let own = Listener(a, in: realm)
        let effects = realm.register(a, "t.x", "roundrobin")
        guard case .send(.registered(let answer), a.key) = effects.first else {
            Issue.record("REGISTERED must come first: \(effects)")
            return
        }
        let id = answer.registration
        let details: Value = [
            "id": Value(id), "created": TestRealm.created, "uri": "t.x", "match": "exact",
            "invoke": "roundrobin",
        ]
        let expected = [
            MetaEvent("on_create", [Value(a.id), details]), MetaEvent("on_register", a, id),
        ]
        #expect(effects.count == 3)
        #expect(listener.events(in: effects) == expected)
        #expect(own.events(in: effects) == expected)
    }

    @Test("SR-75 a further callee: REGISTERED and on_register only")
    func join() {
        let (a, b) = (realm.join(), realm.join())
        let id = realm.registration(a, "t.x", "last")
        let effects = realm.register(b, "t.x", "last")
        #expect(effects.first == b.getsRegistered(1, id))
        #expect(effects.count == 2)
        #expect(listener.events(in: effects) == [MetaEvent("on_register", b, id)])
    }

    @Test("SR-76 SR-77 on_unregister for each that leaves, on_delete with the last one's session")
    func delete() {
        let (a, b) = (realm.join(), realm.join())
        let id = realm.registration(a, "t.x", "last")
        realm.register(b, "t.x", "last")
        let first = realm.unregister(a, id)
        #expect(first.first == a.getsUnregistered(2))
        #expect(listener.events(in: first) == [MetaEvent("on_unregister", a, id)])
        let last = realm.leave(b)
        #expect(
            listener.events(in: last) == [
                MetaEvent("on_unregister", b, id), MetaEvent("on_delete", b, id),
            ])
    }

    @Test("SR-78 a lost session: ERRORs first, then its registrations in the order of joining")
    func lost() {
        let (a, other, caller) = (realm.join(), realm.join(), realm.join())
        _ = Listener(a, in: realm)
        let y = realm.registration(other, "t.y", "first")
        let z = realm.registration(a, "t.z")
        realm.register(a, "t.y", "first")
        let x = realm.registration(a, "t.x")
        realm.call(caller, "t.x")
        realm.call(caller, "t.z")
        let effects = realm.leave(a)
        #expect(
            effects.prefix(2) == [
                caller.getsError(1, .canceled, ["callee left"]),
                caller.getsError(2, .canceled, ["callee left"]),
            ])
        #expect(
            listener.events(in: effects) == [
                MetaEvent("on_unregister", a, z), MetaEvent("on_delete", a, z),
                MetaEvent("on_unregister", a, y),
                MetaEvent("on_unregister", a, x), MetaEvent("on_delete", a, x),
            ])
        #expect(effects.count == 7)
    }

    @Test("SR-78 the order of joining is kept when a registration's place is used again")
    func lostAfterReuse() {
        let (a, b) = (realm.join(), realm.join())
        let gone = realm.registration(b, "t.gone")
        let x = realm.registration(a, "t.x")
        realm.unregister(b, gone)
        let y = realm.registration(a, "t.y")
        #expect(
            listener.events(in: realm.leave(a)).filter { $0.name == "on_delete" } == [
                MetaEvent("on_delete", a, x), MetaEvent("on_delete", a, y),
            ])
    }

    @Test("SR-79 refused REGISTER and UNREGISTER make no event")
    func refused() {
        let (a, b) = (realm.join(), realm.join())
        let id = realm.registration(a)
        for effects in [
            realm.register(b), realm.register(b, "t.y", "foo"), realm.register(b, "wamp.x"),
            realm.unregister(b, id),
        ] {
            #expect(effects.count == 1, "\(effects)")
            #expect(effects.refusal != nil, "\(effects)")
        }
    }

    @Test("SR-80 nobody is excluded: the session that caused an event receives it too")
    func ownEvent() {
        let a = realm.join()
        let own = Listener(a, in: realm)
        let id = realm.registration(a, "t.x", "first")
        #expect(
            own.events(in: realm.unregister(a, id)) == [
                MetaEvent("on_unregister", a, id), MetaEvent("on_delete", a, id),
            ])
    }

    @Test("SR-81 get tells five things; created is the time of the first callee")
    func get() {
        let (a, b) = (realm.join(), realm.join())
        let id = realm.registration(a, "t.x", "first")
        realm.advance(milliseconds: 5000)
        realm.register(b, "t.x", "first")
        let expected: Value = [
            "id": Value(id), "created": TestRealm.created, "uri": "t.x", "match": "exact",
            "invoke": "first",
        ]
        #expect(realm.meta("wamp.registration.get", [Value(id)], from: b) == expected)
    }

    @Test("SR-82 list_callees is in the order of registering, count_callees its number")
    func callees() {
        let p = realm.callees(3, "t.x", "random")
        let id = realm.registration(p[1], "t.x", "random")
        let list = realm.meta("wamp.registration.list_callees", [Value(id)], from: p[0])
        #expect(list == .list(p.map { Value($0.id) }))
        #expect(realm.meta("wamp.registration.count_callees", [Value(id)], from: p[0]) == 3)
        realm.leave(p[0])
        #expect(realm.meta("wamp.registration.count_callees", [Value(id)], from: p[1]) == 2)
    }

    @Test(
        "SR-82 an unknown registration is no_such_registration, a wrong argument invalid_argument",
        arguments: ["get", "list_callees", "count_callees"])
    func unknown(name: String) {
        let a = realm.join()
        let procedure = URI("wamp.registration.\(name)")
        #expect(
            realm.call(a, procedure, [4711]) == [
                a.getsError(1, .noSuchRegistration)
            ])
        for args in [[], ["4711"], [-1], [1.5], [nil]] as [[Value]] {
            #expect(realm.call(a, procedure, args).refusal == .invalidArgument, "\(args)")
        }
        #expect(realm.call(a, procedure, [.uint(.max)]).refusal == .noSuchRegistration)
    }

    @Test("§8 ids that a client wrote as whole floats, as JavaScript does, are understood")
    func floatIDs() {
        let a = realm.join()
        let id = realm.registration(a, "t.x")
        for name in ["get", "list_callees", "count_callees"] {
            let procedure = URI("wamp.registration.\(name)")
            let written = realm.meta(procedure, [Value(id)], from: a)
            #expect(
                realm.meta(procedure, [.double(Double(id.rawValue))], from: a) == written, "\(name)"
            )
            for other in [1.5, -1, 1e300, .infinity, .nan] {
                let refusal = realm.call(a, procedure, [.double(other)]).refusal
                #expect(refusal == .invalidArgument, "\(name) \(other)")
            }
        }
    }

    @Test("SR-83 list names a shared registration once, oldest first, under exact")
    func list() {
        let (a, b) = (realm.join(), realm.join())
        let x = realm.registration(a, "t.x", "first")
        let y = realm.registration(a, "t.y")
        realm.register(b, "t.x", "first")
        let expected: Value = ["exact": [Value(x), Value(y)], "prefix": [], "wildcard": []]
        #expect(realm.meta("wamp.registration.list", from: b) == expected)
    }

    @Test("SR-83 lookup and match find a registration whatever its rule, and move no cursor")
    func lookup() {
        let p = realm.callees(2, "t.x", "roundrobin")
        let id = Value(realm.registration(p[0], "t.x", "roundrobin"))
        let caller = realm.join()
        for (args, expected) in [
            (["t.x"], id), (["t.x", ["match": "exact", "invoke": "first"]], id),
            (["t.x", nil], id),
            (["t.x", ["match": "prefix"]], nil), (["t.x", ["match": "wildcard"]], nil),
            (["t.none"], nil), (["wamp.registration.list"], nil),
        ] as [([Value], Value)] {
            #expect(
                realm.meta("wamp.registration.lookup", args, from: caller) == expected, "\(args)")
        }
        #expect(realm.meta("wamp.registration.match", ["t.x"], from: caller) == id)
        #expect(realm.meta("wamp.registration.match", ["t.none"], from: caller) == .null)
        #expect(realm.picks(2, from: caller) == [p[0], p[1]])
    }

    @Test("SR-83 lookup and match refuse arguments that are no URI or no match policy")
    func lookupArguments() {
        let a = realm.join()
        for args in [[], [1], ["t.x", 1], ["t.x", ["match": "glob"]], ["t.x", ["match": 1]]]
            as [[Value]]
        {
            #expect(
                realm.call(a, "wamp.registration.lookup", args).refusal == .invalidArgument,
                "\(args)")
        }
        #expect(realm.call(a, "wamp.registration.match").refusal == .invalidArgument)
    }

    @Test("An unknown procedure below wamp. is no_such_procedure, a malformed one invalid_uri")
    func unknownProcedure() {
        let a = realm.join()
        for uri in ["wamp.registration.nothing", "wamp.x", "wampctl.router.x"] as [URI] {
            #expect(realm.call(a, uri).refusal == .noSuchProcedure, "\(uri)")
        }
        #expect(realm.call(a, "wamp..x").refusal == .invalidURI)
        #expect(realm.call(a, "wamp.registration.").refusal == .invalidURI)
    }

    @Test("session.count, session.list and session.get tell who is here")
    func sessions() {
        let realm = TestRealm()
        let (a, b) = (realm.join(authid: "alice"), realm.join())
        #expect(realm.meta("wamp.session.count", from: a) == 2)
        #expect(realm.meta("wamp.session.list", from: a) == [Value(a.id), Value(b.id)])
        #expect(realm.meta("wamp.session.count", [["anonymous", "x"]], from: a) == 2)
        #expect(realm.meta("wamp.session.list", [["admin"]], from: a) == [])
        #expect(realm.call(a, "wamp.session.list", ["admin"]).refusal == .invalidArgument)
        #expect(realm.call(a, "wamp.session.list", [[1]]).refusal == .invalidArgument)
        let details: Value = [
            "session": Value(a.id), "authid": "alice", "authrole": "anonymous",
            "authmethod": "anonymous", "authprovider": "static",
        ]
        #expect(realm.meta("wamp.session.get", [Value(a.id)], from: b) == details)
        realm.leave(a)
        #expect(realm.call(b, "wamp.session.get", [Value(a.id)]).refusal == .noSuchSession)
        #expect(realm.call(b, "wamp.session.get", ["x"]).refusal == .invalidArgument)
        #expect(realm.meta("wamp.session.count", from: b) == 1)
    }

    @Test("A call of the meta API leaves nothing in flight")
    func nothingInFlight() {
        let a = realm.join()
        _ = realm.meta("wamp.registration.list", from: a)
        #expect(realm.realm.pendingCallCount == 0)
        #expect(realm.auditor.openCallCount == 0)
    }
}
