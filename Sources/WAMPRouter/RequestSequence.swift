// The ids of a client's requests, where they must be sequential.
//
// Spec: Basic Profile, Identifiers; Advanced Profile, Progressive Call Invocations.

import WAMP

extension Message {
    /// The code and the request id of a message that draws its id from the client's sequence.
    var requestOfClient: (MessageCode, RequestID)? {
        switch self {
        case .call(let message): (.call, message.request)
        case .publish(let message): (.publish, message.request)
        case .subscribe(let message): (.subscribe, message.request)
        case .unsubscribe(let message): (.unsubscribe, message.request)
        case .register(let message): (.register, message.request)
        case .unregister(let message): (.unregister, message.request)
        default: nil
        }
    }

    /// A copy that shares no memory with the buffer in which the message arrived.
    func detached() -> Message {
        switch self {
        case .call(var message):
            message.payload = message.payload.detached()
            message.procedure = message.procedure.detached()
            return .call(message)
        case .publish(var message):
            message.payload = message.payload.detached()
            message.topic = message.topic.detached()
            return .publish(message)
        case .subscribe(var message):
            message.topic = message.topic.detached()
            return .subscribe(message)
        case .register(var message):
            message.procedure = message.procedure.detached()
            return .register(message)
        default: return self
        }
    }
}

extension Realm {
    /// Checks that a request continues its session's sequence, or goes on with a progressive call.
    /// - Throws: a violation on a gap or a repeat.
    mutating func checkSequence(
        _ message: Message, of session: SessionKey, at now: Now
    ) throws(ProtocolViolation) {
        guard !isReplaying, let (code, request) = message.requestOfClient else { return }
        let next = sessions[session].lastRequest.map { $0 == RequestID.largest ? 1 : $0 + 1 }
        if request.rawValue == next {
            sessions.setLastRequest(request.rawValue, session)
            return
        }
        if case .call = message, isGoingOn(request, of: session, at: now) { return }
        guard let next else { return sessions.setLastRequest(request.rawValue, session) }
        throw ProtocolViolation(
            "\(code.name).Request is \(request), but the session's next request is \(next)")
    }

    /// Whether more of the arguments of this call may come: it is in flight, waits for the
    /// authorizer, or ended a short time ago.
    private func isGoingOn(_ request: RequestID, of session: SessionKey, at now: Now) -> Bool {
        if calls.find(madeBy: session, request) != nil { return true }
        if lateChunks[session]?.contains(request, at: now.moment) == true { return true }
        return postponed[session]?.messages.contains { message in
            guard case .call(let call) = message else { return false }
            return call.request == request && call.options.progress
        } ?? false
    }
}
