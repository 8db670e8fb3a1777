// Effects of a plain message, told in full.

import WAMP
import WAMPSimulator

@testable import WAMPRouter

extension PlainFrame {
    /// The message in the serializer of its payload.
    init?(_ message: Message) { self.init(message, as: message.payload.serializer) }

    /// Hands the message to a realm.
    /// - Returns: what it causes, as if the message had been received in full.
    func tell(
        _ realm: inout Realm, from session: SessionKey, at now: Now, _ effects: inout Effects,
        naming identity: (SessionKey) -> PeerIdentity?
    ) -> [Effect] {
        let passage = realm.receive(plain, of: batch, from: session, at: now, into: &effects)
        guard let passage else { return effects.list }
        let message = passage.message(passing: plain, of: batch, naming: identity)
        return [.send(message, to: passage.receiver)] + effects.list
    }
}
