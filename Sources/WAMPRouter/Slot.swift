// Where things lie in the tables of a realm. A slot is used again when what lay there is gone; who
// keeps one beyond that checks an id as well.

/// A place in one table. Those of different tables do not mix.
struct Slot<Thing: ~Copyable>: Sendable {
    let index: UInt32

    init(_ index: UInt32) { self.index = index }

    init(_ index: Int) { self.index = UInt32(index) }

    /// No place at all.
    static var none: Slot { Slot(UInt32.max) }
}

extension Slot: Equatable where Thing: ~Copyable {}
extension Slot: Hashable where Thing: ~Copyable {}

extension Slot: Comparable where Thing: ~Copyable {
    static func < (left: Slot, right: Slot) -> Bool { left.index < right.index }
}

extension Int {
    init<Thing: ~Copyable>(_ slot: Slot<Thing>) { self = Int(slot.index) }
}
