// Subscriptions to topics, and their events: protocol.md §6.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Broker")
struct BrokerTests {
    let realm = TestRealm()

    @discardableResult
    private func publish(
        _ peer: Peer, _ topic: URI = "t.topic", acknowledge: Bool = false, excludeMe: Bool = true,
        custom: Value.Dictionary = [:]
    ) -> [Effect] {
        realm.publish(peer, topic, acknowledge: acknowledge, excludeMe: excludeMe, custom)
    }

    /// The one broadcast among effects.
    private func broadcast(in effects: [Effect]) -> (event: Event, receivers: Set<SessionKey>)? {
        for case .broadcast(let event, let receivers) in effects {
            return (event, Set(receivers))
        }
        return nil
    }

    @Test("An event goes to all subscribers of the topic, not to others, not to the publisher")
    func delivery() throws {
        let (a, b, c, other) = (realm.join(), realm.join(), realm.join(), realm.join())
        let id = try #require(realm.subscribe(a, "t.topic"))
        for peer in [b, c] { #expect(realm.subscribe(peer, "t.topic") == id, "\(peer)") }
        #expect(realm.subscribe(other, "t.topic2") != id)
        let (event, receivers) = try #require(broadcast(in: publish(a)))
        #expect(receivers == [b.key, c.key])
        #expect(event.subscription == id)
        #expect(event.payload == Payload(args: ["news"]))
    }

    @Test("exclude_me: false includes the publisher")
    func includeMe() throws {
        let a = realm.join()
        realm.subscribe(a, "t.topic")
        #expect(publish(a).isEmpty)
        let (_, receivers) = try #require(broadcast(in: publish(a, excludeMe: false)))
        #expect(receivers == [a.key])
    }

    @Test("PUBLISHED comes only if asked for, before the event, with the event's publication id")
    func acknowledge() throws {
        let (a, b) = (realm.join(), realm.join())
        realm.subscribe(b, "t.topic")
        let effects = publish(a, acknowledge: true)
        let (event, _) = try #require(broadcast(in: effects))
        let answer = Published(request: 1, publication: event.publication)
        #expect(effects.first == a.gets(.published(answer)))
        #expect(publish(a).count == 1)
        #expect(publish(a, "t.nobody", acknowledge: true).count == 1)
        #expect(publish(a, "t.nobody").isEmpty)
    }

    @Test("Failures are silent unless acknowledged", arguments: ["wamp.session.on_join", "t..x"])
    func failures(topic: String) {
        let a = realm.join()
        #expect(publish(a, URI(topic)).isEmpty)
        #expect(
            publish(a, URI(topic), acknowledge: true) == [a.getsError(.publish, 2, .invalidURI)])
    }

    @Test("Nobody can publish a meta event, even if there are subscribers")
    func forgedMetaEvent() {
        let (a, b) = (realm.join(), realm.join())
        realm.subscribe(b, "wamp.registration.on_create")
        #expect(publish(a, "wamp.registration.on_create").isEmpty)
    }

    @Test("Only implementation-specific options travel with an event")
    func customOptions() throws {
        let (a, b) = (realm.join(), realm.join())
        realm.subscribe(b, "t.topic")
        let effects = publish(a, custom: ["_mine": 1, "x_theirs": 2, "retain": true])
        #expect(broadcast(in: effects)?.event.details.custom == ["_mine": 1, "x_theirs": 2])
    }

    @Test("Subscribing again gives the same id; one UNSUBSCRIBE ends it")
    func again() throws {
        let (a, b) = (realm.join(), realm.join())
        let id = try #require(realm.subscribe(a, "t.topic"))
        #expect(realm.subscribe(a, "t.topic") == id)
        #expect(broadcast(in: publish(b))?.receivers == [a.key])
        #expect(realm.unsubscribe(b, id).refusal == .noSuchSubscription)
        #expect(
            realm.unsubscribe(a, id) == [
                a.gets(.unsubscribed(Unsubscribed(request: realm.lastRequest(of: a))))
            ])
        #expect(realm.unsubscribe(a, id).refusal == .noSuchSubscription)
        #expect(publish(b).isEmpty)
        #expect(realm.subscribe(a, "t.topic") != id)
    }

    @Test("Subscribing again is answered even at the bound of subscriptions")
    func bound() {
        var limits = Limits()
        limits.subscriptionsPerSession = 1
        let realm = TestRealm(limits: limits)
        let a = realm.join()
        let id = realm.subscribe(a, "t.topic")
        #expect(id != nil)
        #expect(realm.subscribe(a, "t.topic") == id)
        #expect(realm.subscribe(a, "t.other") == nil)
    }

    @Test("Malformed topics and patterns are refused")
    func refused() {
        let a = realm.join()
        #expect(realm.subscribe(a, "t..x") == nil)
        #expect(realm.subscribe(a, "t.") == nil)
        #expect(realm.subscribe(a, "t..x", .prefix) == nil)
        for match in MatchPolicy.allCases {
            #expect(realm.trySubscribe(a, "t.#", match).refusal == .invalidURI, "\(match)")
        }
        #expect(realm.realm.subscriptions.count == 0)
    }

    @Test("Subscribers that leave in any order leave the others subscribed")
    func leaving() throws {
        var random = SeededRandom(seed: 5)
        for round in 1...50 {
            let realm = TestRealm()
            let publisher = realm.join()
            var present = realm.join(6)
            for peer in present {
                realm.subscribe(peer, "t.a")
                realm.subscribe(peer, "t.topic")
            }
            while !present.isEmpty {
                let peer = present.remove(at: random.index(below: present.count))
                realm.leave(peer)
                let effects = realm.send(
                    .publish(
                        Publish(request: realm.request(of: publisher), topic: "t.topic")),
                    from: publisher)
                #expect(
                    (broadcast(in: effects)?.receivers ?? []) == Set(present.map(\.key)), "\(round)"
                )
            }
            #expect(realm.realm.subscriptions.count == 0, "\(round)")
        }
    }

    @Test("EVENT_RECEIVED is accepted and ignored")
    func eventReceived() {
        let a = realm.join()
        #expect(
            realm.send(
                .eventReceived(EventReceived(publication: PublicationID(1))), from: a
            ).isEmpty)
    }
}
