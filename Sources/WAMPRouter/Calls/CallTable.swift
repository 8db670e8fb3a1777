// The calls in flight, with all their indexes: by the caller's request, by the callee's invocation,
// by deadline. Nothing else inserts or removes an entry.

import BasicContainers
import WAMP

typealias CallSlot = Slot<CallInFlight>

struct CallTable: ~Copyable {
    private var slots = UniqueArray<CallInFlight>()
    /// By slot: what is kept of a call that may have to be sent again.
    private var retained = UniqueArray<RetainedCall?>()
    /// The same of plain calls, until it is needed.
    private var copies = PlainCopies()
    private var vacant = UniqueArray<CallSlot>()
    private var bySession = UniqueArray<SessionCalls>()
    /// A binary heap of slots, the earliest deadline first.
    private var deadlines: [CallSlot] = []

    struct SessionCalls: ~Copyable {
        /// The session this entry belongs to: a slot is used again by later sessions.
        var generation: UInt32
        /// The calls it made, by its own request id.
        var made = InFlightRing()
        /// The calls it serves, by invocation id.
        var serving = InFlightRing()
        /// What is kept of the calls it made, in bytes.
        var keptBytes = 0
        /// Invocation ids are sequential from 1 for each callee.
        var lastInvocation: UInt64 = 0
        /// Invocations that it was asked to stop because it went on after their end; the last ones.
        var stopped: [UInt64] = []
    }

    var count: Int { slots.count - vacant.count }

    /// The call in a slot; nil if there is none any more.
    subscript(slot: CallSlot) -> CallInFlight? {
        slots[Int(slot)].phase == .vacant ? nil : slots[Int(slot)]
    }

    /// What is kept of the call in a slot; nil if it goes to one callee, once and at once. Of a
    /// plain call, this is when the record is made of the copy.
    mutating func retained(_ slot: CallSlot) -> RetainedCall? {
        let call = slots[Int(slot)]
        if call.flags.contains(.isCopied) {
            let record = copies.record(in: slot, of: call.callee)
            forgetKept(slot, call)
            keep(record, slot)
        }
        return retained[Int(slot)]
    }

    /// Who asked, and under which request, in a slot that is taken.
    @inline(__always)
    func asker(of slot: CallSlot) -> (caller: SessionKey, request: RequestID) {
        (slots[Int(slot)].caller, slots[Int(slot)].request)
    }

    /// Whether a plain YIELD may end the call in a slot.
    @inline(__always)
    func isPlain(_ slot: CallSlot) -> Bool { slots[Int(slot)].isPlain }

    @inline(__always)
    func find(madeBy caller: SessionKey, _ request: RequestID) -> CallSlot? {
        guard let index = index(of: caller) else { return nil }
        return bySession[index].made.find(request.rawValue)
    }

    @inline(__always)
    func find(servedBy callee: SessionKey, _ invocation: RequestID) -> CallSlot? {
        guard let index = index(of: callee) else { return nil }
        return bySession[index].serving.find(invocation.rawValue)
    }

    /// Whether a session has fewer calls in flight than this, and less is kept of them.
    @inline(__always)
    func hasRoom(for caller: SessionKey, count: Int, bytes: Int) -> Bool {
        guard let index = index(of: caller) else { return true }
        return bySession[index].made.count < count && bySession[index].keptBytes < bytes
    }

    /// What is kept of the calls that a session made, in bytes.
    func keptBytes(of caller: SessionKey) -> Int {
        guard let index = index(of: caller) else { return 0 }
        return bySession[index].keptBytes
    }

    /// Whether the session waits for the answer to a call or owes one.
    func isBusy(_ session: SessionKey) -> Bool {
        guard let index = index(of: session) else { return false }
        return bySession[index].made.count + bySession[index].serving.count > 0
    }

    /// The calls that a session serves, in the order in which it got them.
    func served(by callee: SessionKey) -> [CallSlot] {
        index(of: callee).map { bySession[$0].serving.slotsByID } ?? []
    }

    /// The calls that a session made, in the order of its requests.
    func made(by caller: SessionKey) -> [CallSlot] {
        index(of: caller).map { bySession[$0].made.slotsByID } ?? []
    }

    /// Whether an invocation with this id was ever sent to the session.
    func wasIssued(_ invocation: RequestID, to callee: SessionKey) -> Bool {
        guard let index = index(of: callee) else { return false }
        return invocation.rawValue <= bySession[index].lastInvocation
    }

    /// Adds a call. It waits for a callee.
    @inline(__always)
    mutating func enter(_ call: CallInFlight) -> CallSlot {
        prepare(call.caller)
        let slot: CallSlot
        if let reused = vacant.popLast() {
            slot = reused
            slots[Int(slot)] = call
        } else {
            slot = Slot(slots.count)
            slots.append(call)
            retained.append(nil)
        }
        bySession[Int(call.caller.slot)].made.insert(call.request.rawValue, slot: slot)
        if call.deadline.nanoseconds != .max { enqueue(slot) }
        return slot
    }

    /// Gives a call that waits to a callee, under the next id of that callee's sequence.
    @inline(__always)
    mutating func assign(_ slot: CallSlot, to callee: Callee) -> RequestID {
        let session = Int(callee.session.slot)
        prepare(callee.session)
        let last = bySession[session].lastInvocation
        let invocation = last == RequestID.largest ? 1 : last + 1
        bySession[session].lastInvocation = invocation
        bySession[session].serving.insert(invocation, slot: slot)
        slots[Int(slot)].callee = callee.session
        slots[Int(slot)].place = callee.place
        slots[Int(slot)].invocation = RequestID(invocation)
        slots[Int(slot)].phase = .served
        return RequestID(invocation)
    }

    /// Takes a call from its callee. It waits for another.
    mutating func withdraw(_ slot: CallSlot) {
        let call = slots[Int(slot)]
        bySession[Int(call.callee.slot)].serving.remove(call.invocation.rawValue)
        slots[Int(slot)].callee = .router
        slots[Int(slot)].place = .none
        slots[Int(slot)].phase = .waiting
    }

    /// Takes a call out of all indexes.
    @inline(__always)
    @discardableResult
    mutating func remove(_ slot: CallSlot) -> CallInFlight? {
        let call = slots[Int(slot)]
        guard call.phase != .vacant else { return nil }
        if call.deadlineIndex >= 0 { dequeue(Int(call.deadlineIndex)) }
        slots[Int(slot)].phase = .vacant
        if !call.flags.isDisjoint(with: .isKept) { forgetKept(slot, call) }
        if call.phase != .abandoned {
            bySession[Int(call.caller.slot)].made.remove(call.request.rawValue)
        }
        if call.phase != .waiting {
            bySession[Int(call.callee.slot)].serving.remove(call.invocation.rawValue)
        }
        vacant.append(slot)
        return call
    }

    /// Forgets the caller of a call, while its callee is still busy with it.
    mutating func abandon(_ slot: CallSlot) {
        let call = slots[Int(slot)]
        if call.deadlineIndex >= 0 { dequeue(Int(call.deadlineIndex)) }
        if !call.flags.isDisjoint(with: .isKept) { forgetKept(slot, call) }
        bySession[Int(call.caller.slot)].made.remove(call.request.rawValue)
        slots[Int(slot)].flags.remove(.expectsChunks)
        slots[Int(slot)].phase = .abandoned
    }

    /// Keeps what is needed of a call that may have to be sent again, waits, or goes on.
    mutating func keep(_ record: RetainedCall, _ slot: CallSlot) {
        retained[Int(slot)] = record
        slots[Int(slot)].flags.insert(.isRecorded)
        bySession[Int(slots[Int(slot)].caller.slot)].keptBytes += record.size
    }

    /// The same of a plain call, as a copy of its bytes.
    @inline(__always)
    mutating func keep(_ plain: PlainMessage, _ terms: PlainTerms, _ slot: CallSlot) {
        slots[Int(slot)].flags.insert(.isCopied)
        bySession[Int(slots[Int(slot)].caller.slot)].keptBytes += copies.keep(
            plain, terms, in: slot)
    }

    @inline(never)
    private mutating func forgetKept(_ slot: CallSlot, _ call: CallInFlight) {
        let size: Int
        if call.flags.contains(.isCopied) {
            size = copies.forget(slot)
        } else {
            size = retained[Int(slot)]?.size ?? 0
            retained[Int(slot)] = nil
        }
        slots[Int(slot)].flags.subtract(.isKept)
        bySession[Int(call.caller.slot)].keptBytes -= size
    }

    /// Keeps a further part of a call that waits for a callee.
    mutating func keep(_ part: Payload, isLast: Bool, of slot: CallSlot) {
        retained[Int(slot)]?.append(part, isLast: isLast)
        bySession[Int(slots[Int(slot)].caller.slot)].keptBytes += part.count
    }

    /// Takes out all parts that have come of a call, the first included; that one is kept as well.
    mutating func takeParts(of slot: CallSlot) -> [(payload: Payload, isLast: Bool)] {
        guard let record = retained[Int(slot)] else { return [] }
        bySession[Int(slots[Int(slot)].caller.slot)].keptBytes -= record.chunkBytes
        return record.takeParts()
    }

    mutating func set(_ flags: CallInFlight.Flags, _ slot: CallSlot) {
        slots[Int(slot)].flags.formUnion(flags)
    }

    mutating func clear(_ flags: CallInFlight.Flags, _ slot: CallSlot) {
        slots[Int(slot)].flags.subtract(flags)
    }

    mutating func setDeadline(_ deadline: Moment, _ slot: CallSlot) {
        if slots[Int(slot)].deadlineIndex >= 0 { dequeue(Int(slots[Int(slot)].deadlineIndex)) }
        slots[Int(slot)].deadline = deadline
        if deadline != .never { enqueue(slot) }
    }

    /// Remembers that a callee was asked to stop an invocation that is over.
    /// - Returns: whether it was not before.
    mutating func remember(stopOf invocation: RequestID, _ callee: SessionKey) -> Bool {
        guard let index = index(of: callee),
            !bySession[index].stopped.contains(invocation.rawValue)
        else { return false }
        if bySession[index].stopped.count == 32 { bySession[index].stopped.removeFirst() }
        bySession[index].stopped.append(invocation.rawValue)
        return true
    }

    /// Forgets a session whose calls have all been removed.
    mutating func forget(_ session: SessionKey) {
        guard let index = index(of: session) else { return }
        bySession[index] = SessionCalls(generation: session.generation)
    }

    @inline(__always)
    private func index(of session: SessionKey) -> Int? {
        let index = Int(session.slot)
        return index < bySession.count && bySession[index].generation == session.generation
            ? index : nil
    }

    @inline(__always)
    private mutating func prepare(_ session: SessionKey) {
        if index(of: session) == nil { makeRoom(for: session) }
    }

    @inline(never)
    private mutating func makeRoom(for session: SessionKey) {
        let index = Int(session.slot)
        while bySession.count <= index { bySession.append(SessionCalls(generation: .max)) }
        bySession[index] = SessionCalls(generation: session.generation)
    }
}

// MARK: Deadlines

extension CallTable {
    /// The earliest deadline of all calls.
    var nextDeadline: Moment? { deadlines.first.map { deadline(of: $0) } }

    /// A call whose deadline has come, if there is one.
    func due(at now: Moment) -> CallSlot? {
        guard let first = deadlines.first, deadline(of: first) <= now else { return nil }
        return first
    }

    private func deadline(of slot: CallSlot) -> Moment {
        slots[Int(slot)].deadline
    }

    private mutating func enqueue(_ slot: CallSlot) {
        deadlines.append(slot)
        slots[Int(slot)].deadlineIndex = Int32(deadlines.count - 1)
        siftUp(deadlines.count - 1)
    }

    private mutating func dequeue(_ index: Int) {
        slots[Int(deadlines[index])].deadlineIndex = -1
        let last = deadlines.removeLast()
        guard index < deadlines.count else { return }
        deadlines[index] = last
        slots[Int(last)].deadlineIndex = Int32(index)
        siftDown(index)
        siftUp(index)
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0, deadline(of: deadlines[index]) < deadline(of: deadlines[(index - 1) / 2]) {
            exchange(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < deadlines.count
                && deadline(of: deadlines[child]) < deadline(of: deadlines[least])
            {
                least = child
            }
            guard least != index else { return }
            exchange(index, least)
            index = least
        }
    }

    private mutating func exchange(_ left: Int, _ right: Int) {
        deadlines.swapAt(left, right)
        slots[Int(deadlines[left])].deadlineIndex = Int32(left)
        slots[Int(deadlines[right])].deadlineIndex = Int32(right)
    }
}
