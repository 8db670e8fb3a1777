// A table from request ids to slots, for ids that count up: a ring by the low bits of the id.

import BasicContainers

import BasicContainers

/// Ids in flight and the slots that belong to them. The id is stored and checked; a long-running
/// entry that a newer one would overwrite moves to a dictionary, so the ring stays as small as what
/// is really in flight.
struct InFlightRing: ~Copyable {
    struct Entry {
        var id: UInt64
        var slot: CallSlot
    }

    /// An id of 0 marks a free place. Allocated with the first entry: an idle session has none.
    private var ring = UniqueArray<Entry>()
    private var ringCount = 0
    private var displaced: [UInt64: CallSlot] = [:]

    var count: Int { ringCount + displaced.count }

    @inline(__always)
    func find(_ id: UInt64) -> CallSlot? {
        if !ring.isEmpty, id != 0 {
            let entry = ring[Int(truncatingIfNeeded: id) & (ring.count - 1)]
            if entry.id == id { return entry.slot }
        }
        return displaced.isEmpty ? nil : displaced[id]
    }

    /// Adds an id that is not in the table.
    @inline(__always)
    mutating func insert(_ id: UInt64, slot: CallSlot) {
        if ring.isEmpty { ring = UniqueArray(repeating: Entry(id: 0, slot: Slot(0)), count: 16) }
        if (ringCount + 1) * 2 > ring.count { grow() }
        place(Entry(id: id, slot: slot))
    }

    @discardableResult
    @inline(__always)
    mutating func remove(_ id: UInt64) -> CallSlot? {
        if !ring.isEmpty, id != 0 {
            let index = Int(truncatingIfNeeded: id) & (ring.count - 1)
            if ring[index].id == id {
                ring[index].id = 0
                ringCount -= 1
                return ring[index].slot
            }
        }
        return displaced.isEmpty ? nil : displaced.removeValue(forKey: id)
    }

    /// All slots, by ascending id.
    var slotsByID: [CallSlot] {
        var all = displaced.map { ($0.key, $0.value) }
        for index in ring.indices where ring[index].id != 0 {
            all.append((ring[index].id, ring[index].slot))
        }
        return all.sorted { $0.0 < $1.0 }.map(\.1)
    }

    @inline(__always)
    private mutating func place(_ entry: Entry) {
        let index = Int(truncatingIfNeeded: entry.id) & (ring.count - 1)
        if ring[index].id == 0 {
            ringCount += 1
        } else {
            displaced[ring[index].id] = ring[index].slot
        }
        ring[index] = entry
    }

    @inline(never)
    private mutating func grow() {
        var old = UniqueArray(repeating: Entry(id: 0, slot: Slot(0)), count: ring.count * 2)
        swap(&old, &ring)
        ringCount = 0
        for index in old.indices where old[index].id != 0 { place(old[index]) }
    }
}
