// wampctl.router.stats and wampctl.router.on_stats: what a realm counts.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Statistics")
struct StatisticsTests {
    let realm = TestRealm()
    static let topic: URI = "wampctl.router.on_stats"

    @Test("The procedure tells how many there are, and what has been done")
    func counts() {
        let (a, b) = (realm.join(), realm.join())
        realm.register(b, "t.x")
        realm.subscribe(a, "t.topic")
        realm.subscribe(b, "t.topic")
        realm.publish(a)
        realm.publish(a, excludeMe: false)
        realm.publish(a, "t.nobody")
        realm.publish(a, "wamp.forbidden")
        realm.call(a, "t.x")
        realm.call(a, "t.x")
        realm.call(a, "t.x")
        realm.yield(b, 1)
        realm.fail(b, 2, "t.error")
        realm.call(a, "t.none")
        realm.advance(milliseconds: 1500)
        let expected: Value = [
            "uptime_ms": 1500, "sessions": 2, "registrations": 1, "subscriptions": 1,
            "calls_in_flight": 1, "calls": 5, "errors": 2, "stray_answers": 0,
            "events_published": 3, "events_delivered": 3, "events_undeliverable": 0,
        ]
        #expect(realm.meta("wampctl.router.stats", from: a) == expected)
    }

    @Test("The time counts from the start of the router, whenever a realm came to be")
    func uptime() {
        let start = Moment(nanoseconds: 1_000_000_000)
        func now(_ milliseconds: UInt64) -> Now {
            Now(moment: start.advanced(milliseconds: milliseconds), unixMilliseconds: 0)
        }
        var early = Realm(name: "a", seed: 1, started: start, at: now(0))
        var late = Realm(name: "b", seed: 1, started: start, at: now(5000))
        var effects = Effects()
        for _ in 0..<2 {
            _ = early.join(Newcomer(roles: Roles([.caller: []])), at: now(6000), into: &effects)
            _ = late.join(Newcomer(roles: Roles([.caller: []])), at: now(6000), into: &effects)
        }
        #expect(early.statisticsDetails(at: now(7000))["uptime_ms"] == 7000)
        #expect(late.statisticsDetails(at: now(7000))["uptime_ms"] == 7000)
    }

    @Test("SR-84 the load of a registration is told by its URI, too")
    func byURI() {
        let (a, b) = (realm.join(), realm.join())
        realm.register(b, "t.x")
        realm.register(b, "t.", "first", match: .prefix)
        realm.call(a, "t.x")
        let uri: URI = "wampctl.registration.stats"
        for (args, id) in [
            (["t.x"], realm.id(of: "t.x")), (["t.x", ["match": "exact"]], realm.id(of: "t.x")),
            (["t.", ["match": "prefix"]], realm.id(of: "t.", .prefix)),
        ] as [([Value], RegistrationID)] {
            let stats = realm.meta(uri, args, from: a)
            #expect(stats != nil && stats == realm.meta(uri, [Value(id)], from: a), "\(args)")
        }
        for args in [["t.none"], ["t."], ["t.x", ["match": "prefix"]]] as [[Value]] {
            #expect(realm.call(a, uri, args).refusal == .noSuchRegistration, "\(args)")
        }
        #expect(realm.call(a, uri, [["t.x"]]).refusal == .invalidArgument)
    }

    @Test("The topic is published once a second, only while somebody listens")
    func topic() throws {
        let (a, b) = (realm.join(), realm.join())
        #expect(realm.realm.nextDeadline == nil)
        let id = try #require(realm.subscribe(a, StatisticsTests.topic))
        #expect(realm.realm.nextDeadline == realm.moment.advanced(milliseconds: 1000))
        #expect(realm.advance(milliseconds: 999).isEmpty)
        let events = realm.advance(milliseconds: 1).events(to: a)
        #expect(events.map { $0.args.first?.dictionary?["sessions"] } == [2])
        realm.subscribe(b, "wampctl.router.", .prefix)
        #expect(realm.advance(milliseconds: 999).isEmpty)
        #expect(realm.advance(milliseconds: 1).count == 2)
        realm.unsubscribe(a, id)
        #expect(realm.advance(milliseconds: 1000).count == 1)
        realm.leave(b)
        #expect(realm.realm.nextDeadline == nil)
        #expect(realm.advance(milliseconds: 5000).isEmpty)
    }

    @Test("Those who listen to everything are not told, and start no timer")
    func sweeping() {
        let a = realm.join()
        realm.subscribe(a, "", .prefix)
        #expect(realm.realm.nextDeadline == nil)
        realm.subscribe(realm.join(), StatisticsTests.topic)
        #expect(realm.advance(milliseconds: 1000).events(to: a).isEmpty)
    }

    @Test("A call's deadline and the statistics share the timer: the earlier one counts")
    func deadlines() {
        let (a, b) = (realm.join(), realm.join())
        realm.register(b, "t.x")
        realm.subscribe(a, StatisticsTests.topic)
        realm.call(a, "t.x", timeout: 400)
        #expect(realm.realm.nextDeadline == realm.moment.advanced(milliseconds: 400))
        realm.yield(b, 1)
        #expect(realm.realm.nextDeadline == realm.moment.advanced(milliseconds: 1000))
    }
}
