// What one loop hands to another: frames for its outboxes and orders for its connections, in order,
// in batches.

import NIOCore
import Synchronization

/// A batch for one loop. All frames but the large ones lie in one buffer.
struct Mail: Sendable {
    enum Entry: Sendable {
        /// The next so many bytes of the buffer.
        case frames(Outbox, count: Int)
        case largeFrame(Outbox, ByteBuffer)
        case overflow(Outbox)
        case close(Outbox, WebSocketCloseCode, String)
        case reading(Outbox, Bool)
    }

    var bytes = ByteBuffer()
    var entries: [Entry] = []

    var isEmpty: Bool { entries.isEmpty }

    /// Notes that `count` bytes were appended to the buffer for `outbox`.
    mutating func addedFrames(_ count: Int, for outbox: Outbox) {
        if case .frames(let last, let before)? = entries.last, last === outbox {
            entries[entries.count - 1] = .frames(outbox, count: before + count)
        } else {
            entries.append(.frames(outbox, count: count))
        }
    }

    /// Moves everything from `other` to the end of this one.
    mutating func take(_ other: inout Mail) {
        if isEmpty {
            swap(&self, &other)
        } else {
            bytes.writeBuffer(&other.bytes)
            entries.append(contentsOf: other.entries)
        }
        other.clear()
    }

    /// Forgets everything; keeps a reasonable amount of memory for the next batch.
    mutating func clear() {
        entries.removeAll(keepingCapacity: entries.capacity <= 4096)
        if bytes.capacity <= 1 << 20 { bytes.clear() } else { bytes = ByteBuffer() }
    }
}

/// The mail a loop has not read yet.
final class Mailbox: Sendable {
    private let content = Mutex(Content())
    /// Told without the lock, so that a loop without mail does not take it.
    private let hasMail = Atomic<Bool>(false)

    // Not private: Swift 6.3 emits a broken reference to the layout of a private struct inside a
    // Mutex.
    struct Content {
        var mail = Mail()
        /// A wake-up is on its way.
        var isWaking = false
    }

    /// Appends a batch under one short lock and leaves it empty.
    /// - Returns: whether the loop must be woken.
    func post(_ mail: inout Mail) -> Bool {
        content.withLock { content in
            content.mail.take(&mail)
            hasMail.store(true, ordering: .releasing)
            defer { content.isWaking = true }
            return !content.isWaking
        }
    }

    /// Takes all mail.
    /// - Parameters:
    ///   - mail: empty; its memory is given in exchange.
    ///   - awake: whether this is the wake-up.
    /// - Returns: whether there was any.
    func collect(into mail: inout Mail, awake: Bool) -> Bool {
        guard awake || hasMail.load(ordering: .acquiring) else { return false }
        return content.withLock { content in
            if awake { content.isWaking = false }
            hasMail.store(false, ordering: .releasing)
            swap(&content.mail, &mail)
            return !mail.isEmpty
        }
    }
}
