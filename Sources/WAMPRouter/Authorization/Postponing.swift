// Messages that wait while the dynamic authorizer decides: those of a session keep their order.
//
// Spec: Advanced Profile, Authorization.

import DequeModule
import WAMP

/// The messages of a session that wait, the first of them for a decision.
struct Postponed {
    private(set) var messages: Deque<Message> = []
    /// What they hold, about, in bytes.
    private(set) var size = 0
    /// The decision on the first message, once it is there.
    var decision: Decision?
    /// The authorizer was asked and has not answered.
    var isAsking = false
    /// They are being handled, one after the other.
    var isReplaying = false
    /// The last of them is a GOODBYE.
    private(set) var endsSession = false

    mutating func append(_ message: Message) {
        if case .goodbye = message { endsSession = true }
        size += message.weight
        messages.append(message.detached())
    }

    /// Puts a message in front of those that came later.
    mutating func prepend(_ message: Message) {
        size += message.weight
        messages.prepend(message.detached())
    }

    mutating func popFirst() -> Message? {
        let message = messages.popFirst()
        size -= message?.weight ?? 0
        return message
    }

    /// Whether a CALL under this id is among them.
    func holdsCall(_ request: RequestID) -> Bool {
        messages.contains { message in
            guard case .call(let call) = message else { return false }
            return call.request == request
        }
    }
}

extension Realm {
    /// Handles the messages of a session that waited, up to the next that needs a decision.
    mutating func replay(
        _ session: SessionKey, at now: Now, into effects: inout Effects
    ) {
        postponed[session]?.isReplaying = true
        while sessions.isPresent(session), postponed[session]?.isAsking == false,
            let message = postponed[session]?.popFirst()
        {
            let behind = postponed[session]?.messages.count ?? 0
            isReplaying = true
            receive(message, from: session, at: now, into: &effects)
            isReplaying = false
            // The decision was for this message, unless it has to wait for another.
            if postponed[session]?.messages.count == behind { postponed[session]?.decision = nil }
        }
        postponed[session]?.isReplaying = false
        if postponed[session]?.messages.isEmpty == true { postponed[session] = nil }
        if isDraining, !isBusy(session) { dismiss(session, at: now, into: &effects) }
    }

    /// Whether the message of a session that was handled last waits for a decision.
    func isDeciding(_ session: SessionKey) -> Bool {
        guard !postponed.isEmpty, let waiting = postponed[session] else { return false }
        return waiting.isAsking || waiting.decision != nil
    }

    /// The message waits; it keeps its place in front of those that came later.
    mutating func postpone(_ message: Message, of session: SessionKey) {
        postponed[session, default: Postponed()].prepend(message)
    }

    /// Whether a session has said GOODBYE, which takes effect as soon as all is decided that came
    /// before it. What comes after it means nothing.
    package func hasSaidGoodbye(_ session: SessionKey) -> Bool {
        !postponed.isEmpty && postponed[session]?.endsSession == true
    }

    /// Whether a message must wait behind others of its session. Answers to invocations never do:
    /// somebody may wait for them in order to decide. Nor does ABORT.
    mutating func waits(
        _ message: Message, of session: SessionKey, at now: Now, into effects: inout Effects
    ) -> Bool {
        guard !postponed.isEmpty, !isReplaying, postponed[session] != nil else { return false }
        switch message {
        case .call, .cancel, .publish, .register, .unregister, .subscribe, .unsubscribe: break
        case .goodbye:
            if !hasSaidGoodbye(session) { postponed[session]?.append(message) }
            return true
        default: return false
        }
        guard !hasSaidGoodbye(session) else { return true }
        if let waiting = postponed[session],
            waiting.messages.count >= limits.postponedMessages
                || waiting.size >= limits.postponedBytes
        {
            overflow(message, of: session, at: now, into: &effects)
            return true
        }
        postponed[session]?.append(message)
        return true
    }

    /// Refuses a message for which there is no room among those that wait.
    private mutating func overflow(
        _ message: Message, of session: SessionKey, at now: Now, into effects: inout Effects
    ) {
        switch message {
        case .publish(let publish) where !publish.options.acknowledge: return
        case .call(let call):
            guard !isLateChunk(call, from: session, at: now) else { return }
            if let slot = calls.find(madeBy: session, call.request), let pending = calls[slot] {
                // The callee has the parts before this one, and is not to wait for more.
                if pending.phase == .served, sessions[pending.callee].canCancel {
                    interrupt(pending, .killnowait, into: &effects)
                }
                return conclude(
                    slot, as: .refusal(.unavailable, kwargs: ["reason": "overload"]), at: now,
                    into: &effects)
            }
            // What waits or is to come of its arguments must not become a call of its own.
            if call.options.progress || postponed[session]?.holdsCall(call.request) == true {
                rememberChunks(of: call.request, session, at: now)
            }
        default: break
        }
        guard let (code, request) = message.requestOfClient else { return }
        refuse(
            code, request, of: session, .unavailable, kwargs: ["reason": "overload"],
            into: &effects)
    }
}
