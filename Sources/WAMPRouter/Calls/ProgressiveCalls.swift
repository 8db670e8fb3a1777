// Calls whose arguments come in several CALLs, and whose results in several YIELDs.
//
// Spec: Advanced Profile, Progressive Call Invocations and Progressive Call Results.

import WAMP

extension Realm {
    /// A CALL under the id of one in flight: the next part of its arguments, which goes to the same
    /// callee under the same invocation (SR-62).
    /// - Throws: a violation if the call in flight expects no more, or is of another procedure.
    mutating func proceed(
        _ slot: CallSlot, with call: consuming Call, at now: Now, into effects: inout Effects
    ) throws(ProtocolViolation) {
        guard let pending = calls[slot] else { return }
        guard pending.flags.contains(.expectsChunks), let record = calls.retained(slot) else {
            throw ProtocolViolation("CALL.Request \(call.request) is in use by a call in flight")
        }
        guard call.procedure == record.terms.procedure else {
            throw ProtocolViolation(
                "CALL \(call.request) goes on with another procedure than it began with")
        }
        let isLast = !call.options.progress
        if isLast { calls.clear(.expectsChunks, slot) }
        if pending.phase == .waiting {
            guard record.chunks.count < limits.waitingChunks,
                record.chunkBytes < limits.waitingChunkBytes,
                calls.keptBytes(of: pending.caller) < limits.keptBytesPerSession
            else {
                return conclude(
                    slot, as: .refusal(.unavailable, kwargs: ["reason": "overload"]), at: now,
                    into: &effects)
            }
            calls.keep(call.payload, isLast: isLast, of: slot)
            return
        }
        // The callee may have left the registration meanwhile: it goes on with what it began.
        let callee = Callee(
            session: pending.callee, options: record.options, place: pending.place)
        effects.send(
            .invocation(
                Invocation(
                    request: pending.invocation, registration: pending.registrationID,
                    details: details(for: callee, of: pending, record.terms, isLast: isLast),
                    payload: call.payload)),
            to: pending.callee)
    }

    /// The time limit of a call with progressive results is that between two of them.
    mutating func restartTimeout(_ slot: CallSlot, at now: Now) {
        guard let call = calls[slot], let record = calls.retained(slot), record.terms.timeout > 0
        else { return }
        let callee = Callee(session: call.callee, options: record.options, place: call.place)
        let limit = now.moment.advanced(milliseconds: record.terms.timeout)
        calls.setDeadline(backstop(of: limit, at: callee), slot)
    }
}

// MARK: Parts that come too late

/// The calls of one session that ended before the last part of their arguments had come.
struct LateChunks {
    private var entries: [(request: RequestID, until: Moment)] = []

    /// In calls.
    static let capacity = 1024
    /// In milliseconds.
    static let patience: UInt64 = 30_000

    mutating func insert(_ request: RequestID, at now: Moment) {
        entries.removeAll { $0.until <= now || $0.request == request }
        if entries.count == LateChunks.capacity { entries.removeFirst() }
        entries.append((request, now.advanced(milliseconds: LateChunks.patience)))
    }

    /// Whether a CALL under this id belongs to a call that has ended.
    /// - Parameter isLast: nothing more will come of it.
    mutating func take(_ request: RequestID, isLast: Bool, at now: Moment) -> Bool {
        entries.removeAll { $0.until <= now }
        guard let index = entries.firstIndex(where: { $0.request == request }) else {
            return false
        }
        if isLast { entries.remove(at: index) }
        return true
    }

    func contains(_ request: RequestID, at now: Moment) -> Bool {
        entries.contains { $0.request == request && now < $0.until }
    }

    var isEmpty: Bool { entries.isEmpty }
}

extension Realm {
    /// More of the arguments of this call may be on the way. It must not become a new call.
    mutating func rememberChunks(of request: RequestID, _ caller: SessionKey, at now: Now) {
        guard sessions.isPresent(caller) else { return }
        lateChunks[caller, default: LateChunks()].insert(request, at: now.moment)
    }

    /// Whether a CALL is a part of one that has ended, and to be dropped.
    mutating func isLateChunk(_ call: Call, from caller: SessionKey, at now: Now) -> Bool {
        guard !lateChunks.isEmpty, lateChunks[caller] != nil else { return false }
        let isLate =
            lateChunks[caller]?.take(
                call.request, isLast: !call.options.progress, at: now.moment) ?? false
        if lateChunks[caller]?.isEmpty == true { lateChunks[caller] = nil }
        return isLate
    }
}
