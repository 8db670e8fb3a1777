// What waits to be written to a stream, by records: lines, or the values of `-o raw`. Pure.

struct OutputQueue {
    private struct Batch {
        var bytes: [UInt8] = []
        /// Where each record ends.
        var ends: [Int] = []
    }

    /// How many bytes may wait behind those that are being written.
    var bound: Int
    private var current = Batch()
    private var waiting = Batch()
    /// How much of the current batch is written, in bytes and in whole records.
    private var written = (bytes: 0, records: 0)

    /// All bytes that ever came in, and that ever went out.
    private(set) var totals = (added: 0, written: 0)

    /// Records for which there was no room.
    private(set) var dropped = 0

    init(bound: Int) { self.bound = bound }

    var isEmpty: Bool { totals.added == totals.written }
    var isFull: Bool { waiting.bytes.count > bound }

    /// Records that are not written, not in full, or were dropped.
    var unwritten: Int {
        current.ends.count - written.records + waiting.ends.count + dropped
    }

    mutating func add(_ bytes: some Collection<UInt8>) {
        guard !bytes.isEmpty else { return }
        waiting.bytes.append(contentsOf: bytes)
        waiting.ends.append(waiting.bytes.count)
        totals.added += bytes.count
    }

    mutating func drop() { dropped += 1 }

    /// Begins to count those without room anew, once there is room.
    /// - Returns: how many there were.
    mutating func takeDropped() -> Int {
        guard !isFull else { return 0 }
        defer { dropped = 0 }
        return dropped
    }

    /// What to write next: as many whole records as the limit allows, else a part of one; nil if
    /// nothing waits.
    mutating func piece(limit: Int) -> ArraySlice<UInt8>? {
        if written.bytes == current.bytes.count {
            current.bytes.removeAll(keepingCapacity: true)
            current.ends.removeAll(keepingCapacity: true)
            swap(&current, &waiting)
            written = (0, 0)
        }
        guard written.bytes < current.bytes.count else { return nil }
        let limit = written.bytes + limit
        var end = min(limit, current.bytes.count), record = written.records
        while record < current.ends.count, current.ends[record] <= limit {
            end = current.ends[record]
            record += 1
        }
        return current.bytes[written.bytes..<end]
    }

    mutating func wrote(_ count: Int) {
        written.bytes += count
        totals.written += count
        while written.records < current.ends.count,
            current.ends[written.records] <= written.bytes
        {
            written.records += 1
        }
    }
}
