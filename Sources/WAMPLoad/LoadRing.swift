// The operations in flight of one session, at their request id modulo the ring's size. Pure.

/// What is known of an operation that was sent.
struct PendingOperation {
    /// 0 = nothing.
    var request: UInt64 = 0
    /// When it should have been sent, in nanoseconds of the loop's clock.
    var due: Int64 = 0
    var sent: Int64 = 0
    /// The scenario's own: the step it is in.
    var step: UInt8 = 0
}

struct LoadRing {
    private var slots: [PendingOperation]
    private(set) var count = 0

    /// Of more operations the oldest is forgotten, and counts as unanswered.
    private static let largest = 1 << 20

    init(capacity: Int) {
        var size = 64
        while size < capacity, size < LoadRing.largest { size *= 2 }
        slots = Array(repeating: PendingOperation(), count: size)
    }

    mutating func insert(_ operation: PendingOperation) {
        var place = Int(truncatingIfNeeded: operation.request) & (slots.count - 1)
        while slots[place].request != 0, slots.count < LoadRing.largest {
            grow()
            place = Int(truncatingIfNeeded: operation.request) & (slots.count - 1)
        }
        if slots[place].request == 0 { count += 1 }
        slots[place] = operation
    }

    mutating func remove(_ request: UInt64) -> PendingOperation? {
        let place = Int(truncatingIfNeeded: request) & (slots.count - 1)
        guard request != 0, slots[place].request == request else { return nil }
        let found = slots[place]
        slots[place].request = 0
        count -= 1
        return found
    }

    /// All that have no answer.
    var pending: [PendingOperation] { slots.filter { $0.request != 0 } }

    private mutating func grow() {
        let old = pending
        slots = Array(repeating: PendingOperation(), count: slots.count * 2)
        for operation in old {
            slots[Int(truncatingIfNeeded: operation.request) & (slots.count - 1)] = operation
        }
    }
}
