// The calls in flight, with all their indexes: by the caller's request, by the callee's invocation,
// by deadline. Nothing else inserts or removes an entry.

import BasicContainers
import WAMP

struct CallTable: ~Copyable {
    private var slots = UniqueArray<PendingCall>()
    /// By slot: what is kept of a call that may have to be sent again.
    private var retained = UniqueArray<RetainedCall?>()
    /// The same of plain calls, until it is needed.
    private var copies = PlainCopies()
    private var vacant = UniqueArray<UInt32>()
    private var bySession = UniqueArray<SessionCalls>()
    /// A binary heap of slots, the earliest deadline first.
    private var deadlines: [UInt32] = []

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
    subscript(slot: UInt32) -> PendingCall? {
        slots[Int(slot)].isVacant ? nil : slots[Int(slot)]
    }

    /// What is kept of the call in a slot; nil if it goes to one callee, once and at once.
    mutating func retained(_ slot: UInt32) -> RetainedCall? {
        let call = slots[Int(slot)]
        if call.flags.contains(.isCopied) {
            let record = copies.record(in: slot, of: call.callee)
            forgetRecord(slot, call)
            keep(record, slot)
        }
        return retained[Int(slot)]
    }

    /// What a plain YIELD must not pass by.
    @inline(__always)
    func isSpecial(_ slot: UInt32) -> Bool {
        !slots[Int(slot)].flags.isDisjoint(with: .special)
    }

    @inline(__always)
    func find(madeBy caller: SessionKey, _ request: RequestID) -> UInt32? {
        guard let index = index(of: caller) else { return nil }
        return bySession[index].made.find(request.rawValue)
    }

    @inline(__always)
    func find(servedBy callee: SessionKey, _ invocation: RequestID) -> UInt32? {
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
    func served(by callee: SessionKey) -> [UInt32] {
        index(of: callee).map { bySession[$0].serving.slotsByID } ?? []
    }

    /// The calls that a session made, in the order of its requests.
    func made(by caller: SessionKey) -> [UInt32] {
        index(of: caller).map { bySession[$0].made.slotsByID } ?? []
    }

    /// Whether an invocation with this id was ever sent to the session.
    func wasIssued(_ invocation: RequestID, to callee: SessionKey) -> Bool {
        guard let index = index(of: callee) else { return false }
        return invocation.rawValue <= bySession[index].lastInvocation
    }

    /// Adds a call that has a callee and draws its invocation id from the callee's sequence.
    /// - Parameter record: what is kept in case that it has to be sent again.
    mutating func insert(_ call: PendingCall, keeping record: RetainedCall?) -> RequestID {
        let slot = enter(call, keeping: record)
        return invoke(slot)
    }

    /// The same for a call of which nothing is kept.
    mutating func insert(_ call: PendingCall) -> RequestID {
        let slot = enter(call, keeping: nil)
        return invoke(slot)
    }

    /// The same for a plain call, which is copied in case that it has to be sent again.
    mutating func insert(
        _ call: PendingCall, copying plain: PlainMessage, _ terms: PlainTerms
    ) -> RequestID {
        let slot = enter(call, keeping: nil)
        slots[Int(slot)].flags.insert(.isCopied)
        bySession[Int(call.caller.slot)].keptBytes += copies.keep(plain, terms, in: slot)
        return invoke(slot)
    }

    /// Adds a call that waits for a callee.
    mutating func insertWaiting(_ call: PendingCall, keeping record: RetainedCall) -> UInt32 {
        let slot = enter(call, keeping: record)
        slots[Int(slot)].flags.insert(.isWaiting)
        return slot
    }

    /// Gives a call that has no callee to one.
    mutating func assign(_ slot: UInt32, to callee: SessionKey, place: UInt32) -> RequestID {
        slots[Int(slot)].callee = callee
        slots[Int(slot)].place = place
        slots[Int(slot)].flags.remove(.isWaiting)
        return invoke(slot)
    }

    /// Takes a call from its callee. It waits for another.
    mutating func withdraw(_ slot: UInt32) {
        let call = slots[Int(slot)]
        bySession[Int(call.callee.slot)].serving.remove(call.invocation.rawValue)
        slots[Int(slot)].callee = .router
        slots[Int(slot)].place = .max
        slots[Int(slot)].flags.insert(.isWaiting)
    }

    @inline(__always)
    private mutating func enter(_ call: PendingCall, keeping record: RetainedCall?) -> UInt32 {
        prepare(call.caller)
        let slot: UInt32
        if let reused = vacant.popLast() {
            slot = reused
            slots[Int(slot)] = call
        } else {
            slot = UInt32(slots.count)
            slots.append(call)
            retained.append(nil)
        }
        if let record { keep(record, slot) }
        bySession[Int(call.caller.slot)].made.insert(call.request.rawValue, slot: slot)
        if call.deadline.nanoseconds != .max { enqueue(slot) }
        return slot
    }

    @inline(__always)
    private mutating func invoke(_ slot: UInt32) -> RequestID {
        let callee = slots[Int(slot)].callee
        prepare(callee)
        let last = bySession[Int(callee.slot)].lastInvocation
        let invocation = last == RequestID.largest ? 1 : last + 1
        bySession[Int(callee.slot)].lastInvocation = invocation
        slots[Int(slot)].invocation = RequestID(invocation)
        bySession[Int(callee.slot)].serving.insert(invocation, slot: slot)
        return RequestID(invocation)
    }

    /// Takes a call out of all indexes.
    @inline(__always)
    @discardableResult
    mutating func remove(_ slot: UInt32) -> PendingCall? {
        let call = slots[Int(slot)]
        guard !call.isVacant else { return nil }
        if call.deadlineIndex >= 0 { dequeue(Int(call.deadlineIndex)) }
        slots[Int(slot)] = .vacant
        if !call.flags.isDisjoint(with: .isKept) { forgetRecord(slot, call) }
        if !call.flags.contains(.isAbandoned) {
            bySession[Int(call.caller.slot)].made.remove(call.request.rawValue)
        }
        if !call.flags.contains(.isWaiting) {
            bySession[Int(call.callee.slot)].serving.remove(call.invocation.rawValue)
        }
        vacant.append(slot)
        return call
    }

    /// Forgets the caller of a call, while its callee is still busy with it.
    mutating func abandon(_ slot: UInt32) {
        let call = slots[Int(slot)]
        if call.deadlineIndex >= 0 { dequeue(Int(call.deadlineIndex)) }
        if !call.flags.isDisjoint(with: .isKept) { forgetRecord(slot, call) }
        bySession[Int(call.caller.slot)].made.remove(call.request.rawValue)
        slots[Int(slot)].flags.insert(.isAbandoned)
    }

    private mutating func keep(_ record: RetainedCall, _ slot: UInt32) {
        retained[Int(slot)] = record
        slots[Int(slot)].flags.insert(.isRecorded)
        bySession[Int(slots[Int(slot)].caller.slot)].keptBytes += record.size
    }

    @inline(never)
    private mutating func forgetRecord(_ slot: UInt32, _ call: PendingCall) {
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
    mutating func keep(_ part: Payload, isLast: Bool, of slot: UInt32) {
        retained[Int(slot)]?.append(part, isLast: isLast)
        bySession[Int(slots[Int(slot)].caller.slot)].keptBytes += part.count
    }

    /// Takes out all parts that have come of a call, the first included; that one is kept as well.
    mutating func takeParts(of slot: UInt32) -> [(payload: Payload, isLast: Bool)] {
        guard let record = retained[Int(slot)] else { return [] }
        bySession[Int(slots[Int(slot)].caller.slot)].keptBytes -= record.chunkBytes
        return record.takeParts()
    }

    mutating func set(_ flags: PendingCall.Flags, _ slot: UInt32) {
        slots[Int(slot)].flags.formUnion(flags)
    }

    mutating func clear(_ flags: PendingCall.Flags, _ slot: UInt32) {
        slots[Int(slot)].flags.subtract(flags)
    }

    mutating func setDeadline(_ deadline: Moment, _ slot: UInt32) {
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
    func due(at now: Moment) -> UInt32? {
        guard let first = deadlines.first, deadline(of: first) <= now else { return nil }
        return first
    }

    private func deadline(of slot: UInt32) -> Moment {
        slots[Int(slot)].deadline
    }

    private mutating func enqueue(_ slot: UInt32) {
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
