// Calls that wait until a callee may take them, where a procedure has a queue (SR-60, SR-61).

import DequeModule
import WAMP

/// The waiting calls of one registration, by their slots in the call table.
struct CallQueue {
    private var slots: Deque<UInt32> = []

    var count: Int { slots.count }
    var first: UInt32? { slots.first }
    /// In the order of their turn.
    var all: [UInt32] { Array(slots) }

    mutating func append(_ slot: UInt32) { slots.append(slot) }

    mutating func prepend(_ slot: UInt32) { slots.prepend(slot) }

    mutating func remove(_ slot: UInt32) {
        if slots.first == slot {
            slots.removeFirst()
        } else if let index = slots.firstIndex(of: slot) {
            slots.remove(at: index)
        }
    }
}

extension Realm {
    func isAnyoneWaiting(for registration: UInt32) -> Bool {
        (queues[registration]?.count ?? 0) > 0
    }

    func waitingCount(for registration: UInt32) -> Int { queues[registration]?.count ?? 0 }

    /// The settings of a registration's queue, if it has one and one more call may wait.
    func queueWithRoom(_ registration: UInt32) -> CallQueueSettings? {
        guard registrations[registration].hasQueue,
            let settings = queueSettings(of: registration),
            waitingCount(for: registration) < settings.limit
        else { return nil }
        return settings
    }

    private func queueSettings(of registration: UInt32) -> CallQueueSettings? {
        procedureSettings.best(
            for: URI(registrations[registration].uri.string), as: registrations[registration].match
        )?.queue
    }

    /// When a call that begins to wait now, and has this time limit, has waited for too long.
    private func end(ofWaiting settings: CallQueueSettings?, _ limit: Moment, at now: Now)
        -> Moment
    {
        guard let settings, settings.maxWait > 0 else { return limit }
        return min(limit, now.moment.advanced(milliseconds: settings.maxWait))
    }

    /// Lets a call wait.
    mutating func wait(
        _ call: PendingCall, _ record: RetainedCall, _ settings: CallQueueSettings, at now: Now
    ) {
        var call = call
        call.deadline = end(ofWaiting: settings, record.limit, at: now)
        let slot = calls.insertWaiting(call, keeping: record)
        queues[call.registration, default: CallQueue()].append(slot)
    }

    /// Lets a call wait that another callee had: it has waited for its turn before, so it goes to
    /// the head.
    mutating func waitAgain(
        _ slot: UInt32, _ record: RetainedCall, for registration: UInt32, at now: Now
    ) {
        calls.setDeadline(
            end(ofWaiting: queueSettings(of: registration), record.limit, at: now), slot)
        queues[registration, default: CallQueue()].prepend(slot)
    }

    /// Something happened that may have freed a callee: calls that wait go to whoever may take
    /// them, in their order.
    mutating func dispatch(
        _ registration: UInt32, at now: Now, into effects: inout Effects
    ) {
        while let slot = queues[registration]?.first {
            guard let record = calls.retained(slot), let call = calls[slot],
                sessions.isPresent(call.caller)
            else {
                queues[registration]?.remove(slot)
                continue
            }
            let choice = registrations.choose(
                registration, excluding: record.tried, blocked: sessions.blocked,
                random: &random, key: record.terms.key, isSharded: record.terms.isSharded)
            switch choice {
            case .callee(let index):
                queues[registration]?.remove(slot)
                give(
                    slot, record, to: registrations[registration].callees[index], at: now,
                    into: &effects)
            case .exhausted:
                queues[registration]?.remove(slot)
                end(slot, with: .noAvailableCallee, at: now, into: &effects)
            case .saturated, .unreachable:
                return
            }
        }
        queues[registration] = nil
    }

    /// The registration is no more: nobody will ever serve those who wait.
    mutating func dissolveQueue(
        _ registration: UInt32, at now: Now, into effects: inout Effects
    ) {
        guard let queue = queues.removeValue(forKey: registration) else { return }
        for slot in queue.all {
            end(slot, with: .noSuchProcedure, at: now, into: &effects)
        }
    }
}
