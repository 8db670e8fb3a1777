// A realm with `compatibility: crossbar`: one test for each habit of Crossbar.io that its users
// depend on.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Habits of Crossbar.io")
struct CrossbarTests {
    let realm: TestRealm
    let a: Peer
    let b: Peer

    init() {
        var settings = RealmSettings()
        settings.followCrossbar()
        settings.topics = [TopicSettings(URIPattern("t.log"), history: 100)]
        realm = TestRealm(settings)
        a = realm.join()
        b = realm.join()
    }

    @Test("scaling-microservices: a callee beyond the rule, and a call beyond all callees")
    func conflicts() {
        realm.register(a, "t.x", "roundrobin", options: ["concurrency": 1])
        #expect(realm.register(b, "t.x", "single").refusal == .differentInvocationPolicy)
        #expect(realm.said.last == "'t.x' is registered under the rule 'roundrobin', not 'single'")
        realm.call(b, "t.x")
        #expect(realm.call(b, "t.x").refusal == .maxConcurrencyReached)
        #expect(realm.said.last?.contains("maximum concurrency") == true)
    }

    private func events(_ args: [Value], kwargs: Value.Dictionary = [:]) -> [Value]? {
        let uri: URI = "wamp.subscription.get_events"
        let result = realm.call(b, uri, args, kwargs: kwargs).result
        guard let result, result.args.count == 1, result.kwargs.isEmpty else { return nil }
        return result.args[0].list
    }

    @Test("event-history: one list, the latest first; the limit is the second argument, else 10")
    func history() throws {
        let id = try #require(realm.meta("wamp.subscription.lookup", ["t.log"], from: b))
        #expect(events([id]) == [])
        for number in 1...12 { realm.publish(a, "t.log", [.int(Int64(number))]) }
        func numbers(_ list: [Value]?) -> [Value]? {
            list?.compactMap { $0.dictionary?["args"]?.list?.first }
        }
        #expect(numbers(events([id, 3])) == [12, 11, 10])
        #expect(numbers(events([id], kwargs: ["limit": 2])) == [12, 11])
        #expect(numbers(events([id, .null])) == (3...12).reversed().map { Value.int(Int64($0)) })
        #expect(numbers(events([id, 100]))?.count == 12)
        #expect(numbers(events([id, 2], kwargs: ["reverse": false])) == [1, 2])
        let latest = events([id, 1])?.first?.dictionary
        #expect(latest?["topic"] == "t.log" && latest?["kwargs"] == [:])
        let wrong = realm.call(b, "wamp.subscription.get_events", [id, "3"])
        #expect(wrong.refusal == .invalidArgument)
    }

    @Test("event-history: without a history there is an ERROR")
    func noHistory() throws {
        let id = try #require(realm.subscribe(b, "t.other"))
        let effects = realm.call(b, "wamp.subscription.get_events", [Value(id)])
        #expect(effects.refusal == .historyUnavailable)
    }

    @Test(
        "monitor: those who end sessions say why in positional arguments",
        arguments: ["", "_by_authid", "_by_authrole", "_all"])
    func kill(procedure: String) {
        let victim = realm.join("worker", authid: "joe")
        let subject: [Value] =
            switch procedure {
            case "": [Value(victim.id)]
            case "_by_authid": ["joe"]
            case "_by_authrole": ["worker"]
            default: []
            }
        let uri = URI("wamp.session.kill" + procedure)
        #expect(realm.call(a, uri, subject + ["no uri"]).refusal == .invalidURI)
        #expect(realm.call(a, uri, subject + ["t.why", 1]).refusal == .invalidArgument)
        let effects = realm.call(a, uri, subject + ["t.why", "enough"])
        #expect(
            effects.goodbye(to: victim) == Goodbye(details: ["message": "enough"], reason: "t.why"))
        let next = realm.join("worker", authid: "joe")
        let again: [Value] = procedure.isEmpty ? [Value(next.id)] : subject
        let plain = realm.call(a, uri, again + [.null], kwargs: ["message": "m"])
        #expect(plain.goodbye(to: next) == Goodbye(details: ["message": "m"], reason: .killed))
    }

    @Test("Removing a callee or a subscriber takes its reason as the third argument")
    func remove() throws {
        let c = realm.join(
            "worker", subscribing: .subscriptionRevocation)
        let callee = realm.join(callee: .registrationRevocation)
        realm.register(callee, "t.x", "first")
        let subscription = try #require(realm.subscribe(c, "t.topic"))
        let removed = realm.call(
            a, "wamp.registration.remove_callee",
            [Value(realm.id(of: "t.x")), Value(callee.id), "t.why"])
        #expect(removed.revocations(of: callee).first?["reason"] == "t.why")
        let effects = realm.call(
            a, "wamp.subscription.remove_subscriber",
            [Value(subscription), Value(c.id), "t.why"])
        let details: Value.Dictionary = ["subscription": Value(subscription), "reason": "t.why"]
        #expect(
            effects.contains(c.gets(.unsubscribed(Unsubscribed(request: nil, details: details)))))
    }

    @Test("GOODBYE is answered with wamp.close.normal")
    func goodbye() {
        let effects = realm.send(.goodbye(Goodbye(reason: .closeNormal)), from: a)
        #expect(effects.goodbye(to: a)?.reason == .closeNormal)
    }

    @Test("monitor: of a session that left, its id is told and nothing else")
    func left() {
        let listener = Listener(b, to: ["wamp.session.on_leave"], in: realm)
        let effects = realm.leave(a)
        #expect(
            listener.events(in: effects) == [
                MetaEvent("wamp.session.on_leave", [Value(a.id)])
            ])
    }

    @Test("Without the key, none of it holds")
    func standard() throws {
        var settings = RealmSettings()
        settings.topics = [TopicSettings(URIPattern("t.log"), history: 100)]
        let realm = TestRealm(settings)
        let (a, b) = (realm.join(), realm.join())
        realm.publish(a, "t.log", [1])
        realm.publish(a, "t.log", [2])
        let id = try #require(realm.meta("wamp.subscription.lookup", ["t.log"], from: b))
        let found = realm.call(b, "wamp.subscription.get_events", [id, 1]).result
        #expect(found?.args.count == 2 && found?.kwargs == ["is_limit_reached": false])
        let listener = Listener(b, to: ["wamp.session.on_leave"], in: realm)
        let effects = realm.call(b, "wamp.session.kill", [Value(a.id), "t.why", "enough"])
        #expect(effects.goodbye(to: a) == Goodbye(reason: .killed))
        #expect(listener.events(in: effects).first?.args.count == 3)
        let answer = realm.send(.goodbye(Goodbye(reason: .closeNormal)), from: b)
        #expect(answer.goodbye(to: b)?.reason == .goodbyeAndOut)
    }
}
