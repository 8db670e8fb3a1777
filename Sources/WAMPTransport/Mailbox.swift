// What one loop hands to another: frames for its outboxes and orders for its connections, in order,
// in batches.

import NIOCore
import Synchronization

/// A batch for one loop. All frames but the large ones lie in one buffer, which has an end: its
/// indices have 32 bits, and what one message causes may be more.
struct Mail: Sendable {
    /// The bytes after which a batch is complete and the next one begins.
    static let piece = 1 << 20

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

    /// Whether so many bytes still belong to this batch.
    func hasRoom(for count: Int) -> Bool { bytes.readableBytes + count <= Mail.piece }

    /// Moves everything from `other` to the end of this one, which has room for it.
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
        if bytes.capacity <= Mail.piece { bytes.clear() } else { bytes = ByteBuffer() }
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
        /// What came when that was complete.
        var further: [Mail] = []
        /// A wake-up is on its way.
        var isWaking = false
    }

    /// Appends a batch under one short lock and leaves it empty.
    /// - Returns: whether the loop must be woken.
    func post(_ mail: inout Mail) -> Bool {
        content.withLock { content in
            content.append(&mail)
            hasMail.store(true, ordering: .releasing)
            defer { content.isWaking = true }
            return !content.isWaking
        }
    }

    /// Takes all mail.
    /// - Parameters:
    ///   - mail: empty; its memory is given in exchange.
    ///   - further: what follows after that; empty.
    ///   - awake: whether this is the wake-up.
    /// - Returns: whether there was any.
    func collect(into mail: inout Mail, _ further: inout [Mail], awake: Bool) -> Bool {
        guard awake || hasMail.load(ordering: .acquiring) else { return false }
        return content.withLock { content in
            if awake { content.isWaking = false }
            hasMail.store(false, ordering: .releasing)
            swap(&content.mail, &mail)
            swap(&content.further, &further)
            return !mail.isEmpty
        }
    }
}

extension Mailbox.Content {
    /// Appends a batch, to one that is there if it has room, and leaves it empty.
    fileprivate mutating func append(_ other: inout Mail) {
        let count = other.bytes.readableBytes
        if further.isEmpty, mail.isEmpty || mail.hasRoom(for: count) {
            mail.take(&other)
        } else if let last = further.indices.last, further[last].hasRoom(for: count) {
            further[last].take(&other)
        } else {
            further.append(other)
            other = Mail()
        }
    }
}
