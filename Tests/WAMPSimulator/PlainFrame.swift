// A plain message as a connection would receive it.

import NIOCore
package import WAMP

/// The message, and the batch that holds its bytes.
package struct PlainFrame {
    package let batch: MessageBatch
    package let plain: PlainMessage

    /// - Returns: nil if the message is not a plain one.
    package init?(_ message: Message, as serializer: Serializer) {
        let batch = MessageBatch()
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
}
