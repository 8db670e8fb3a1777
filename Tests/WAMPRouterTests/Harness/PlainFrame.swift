// A plain message as a connection would receive it, and effects on it told in full.

import NIOCore
import WAMP

@testable import WAMPRouter

struct PlainFrame: ~Copyable {
    let batch: MessageBatch
    let plain: PlainMessage

    /// - Returns: nil if the message is not a plain one.
    init?(_ message: Message) {
        var batch = MessageBatch()
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

    /// The effects with every `pass` as the `send` it stands for.
    func inFull(
        _ effects: [Effect], naming identity: (SessionKey) -> PeerIdentity?
    ) -> [Effect] {
        effects.map { effect in
            guard case .pass(let passage, let session) = effect else { return effect }
            return .send(
                passage.message(passing: plain, of: batch, naming: identity), to: session)
        }
    }
}
