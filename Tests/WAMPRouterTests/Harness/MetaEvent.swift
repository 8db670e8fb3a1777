// Meta events as the tests see them: without the random publication id.

import WAMP

@testable import WAMPRouter

/// A session that listens to meta events, and tells them apart by topic.
struct Listener {
    static let names = ["on_create", "on_register", "on_unregister", "on_delete"]

    let peer: Peer
    private var topics: [SubscriptionID: String] = [:]

    init(_ peer: Peer, in realm: TestRealm) {
        self.peer = peer
        for name in Listener.names {
            if let id = realm.subscribe(peer, URI("wamp.registration.\(name)")) {
                topics[id] = name
            }
        }
    }

    /// Listens to topics and calls events by their names in full.
    init(_ peer: Peer, to names: [String], in realm: TestRealm) {
        self.peer = peer
        for name in names {
            if let id = realm.subscribe(peer, URI(name)) { topics[id] = name }
        }
    }

    /// The meta events among effects, in order.
    func events(in effects: [Effect]) -> [MetaEvent] {
        effects.compactMap { effect in
            guard case .broadcast(let event, let receivers) = effect, receivers.contains(peer.key),
                let name = topics[event.subscription],
                let args = try? event.payload.values().args
            else { return nil }
            return MetaEvent(name, args)
        }
    }
}

struct MetaEvent: Equatable {
    let name: String
    let args: [Value]

    init(_ name: String, _ args: [Value]) {
        self.name = name
        self.args = args
    }

    /// on_register, on_unregister and on_delete say who and what.
    init(_ name: String, _ session: Peer, _ id: some WAMPIdentifier) {
        self.init(name, [Value(session.id), Value(id)])
    }
}
