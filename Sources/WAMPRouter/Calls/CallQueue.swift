// The calls that wait for one registration, in the order of their turn.
//
// A call waits for those callees that may serve it: all but those that were tried, or the one that
// the rule or a key names. Calls that wait for the same callees form a lane. So whoever becomes
// free looks at the heads of a few lanes, however many calls wait for somebody else.

import WAMP

/// By their slots in the call table.
struct CallQueue {
    /// Whom calls wait for.
    enum Lane: Hashable {
        /// The callee that the rule or the call's key names, busy or not.
        case only(SessionKey)
        /// Whoever was not tried.
        case anyone(but: Set<SessionKey>)
    }

    /// A link of the list that is a lane.
    private struct Place {
        let lane: Lane
        let turn: Int
        var previous: CallSlot?
        var next: CallSlot?
    }

    private var places: [CallSlot: Place] = [:]
    /// The first and the last of each lane that is not empty.
    private var ends: [Lane: (first: CallSlot, last: CallSlot)] = [:]
    /// The lanes of more than one callee.
    private var shared: Set<Lane> = []
    private var firstTurn = 0
    private var endOfTurns = 0

    var count: Int { places.count }
    var isEmpty: Bool { places.isEmpty }

    /// With their lanes, in the order of their turn.
    var all: [(slot: CallSlot, lane: Lane)] {
        places.sorted { $0.value.turn < $1.value.turn }.map { ($0.key, $0.value.lane) }
    }

    /// Whether all wait for whoever is free first: who comes and goes changes nothing about that.
    var isForAnyone: Bool { ends.keys.allSatisfy { $0 == .anyone(but: []) } }

    func isAnyone(in lane: Lane) -> Bool { ends[lane] != nil }

    /// The first that this callee may serve.
    func first(for callee: SessionKey) -> CallSlot? {
        var best = ends[.only(callee)]?.first
        for lane in shared {
            guard case .anyone(let tried) = lane, !tried.contains(callee) else { continue }
            guard let head = ends[lane]?.first, comes(head, before: best) else { continue }
            best = head
        }
        return best
    }

    private func comes(_ slot: CallSlot, before other: CallSlot?) -> Bool {
        guard let other, let turn = places[other]?.turn else { return true }
        return places[slot].map { $0.turn < turn } ?? false
    }

    mutating func append(_ slot: CallSlot, to lane: Lane) {
        let last = ends[lane]?.last
        places[slot] = Place(lane: lane, turn: endOfTurns, previous: last)
        endOfTurns += 1
        if let last { places[last]?.next = slot }
        extend(lane, first: ends[lane]?.first ?? slot, last: slot)
    }

    /// Puts a call in front of all others.
    mutating func prepend(_ slot: CallSlot, to lane: Lane) {
        firstTurn -= 1
        let first = ends[lane]?.first
        places[slot] = Place(lane: lane, turn: firstTurn, next: first)
        if let first { places[first]?.previous = slot }
        extend(lane, first: slot, last: ends[lane]?.last ?? slot)
    }

    private mutating func extend(_ lane: Lane, first: CallSlot, last: CallSlot) {
        ends[lane] = (first, last)
        if case .anyone = lane { shared.insert(lane) }
    }

    mutating func remove(_ slot: CallSlot) {
        guard let place = places.removeValue(forKey: slot) else { return }
        if let previous = place.previous { places[previous]?.next = place.next }
        if let next = place.next { places[next]?.previous = place.previous }
        if place.previous == nil, place.next == nil {
            ends[place.lane] = nil
            shared.remove(place.lane)
        } else if let next = place.next, place.previous == nil {
            ends[place.lane]?.first = next
        } else if let previous = place.previous, place.next == nil {
            ends[place.lane]?.last = previous
        }
    }
}
