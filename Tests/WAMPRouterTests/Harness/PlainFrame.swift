// A plain message as a connection would receive it, and effects on it told in full.

import NIOCore
import WAMP

@testable import WAMPRouter

struct PlainFrame {
    let batch: MessageBatch
    let plain: PlainMessage

    /// - Returns: nil if the message is not a plain one.
    init?(_ message: Message) {
        let batch = MessageBatch()
        let serializer = message.payload.serializer
        guard let frame = try? MessageCoder.encode(message, as: serializer) else { return nil }
        let buffer = batch.add(frame)
        do {
            try batch.decode(buffer, from: 0, count: frame.readableBytes, as: serializer)
        } catch {
            return nil
        }
        guard let plain = batch.plain(at: 0) else { return nil }
        self.batch = batch
        self.plain = plain
    }

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
