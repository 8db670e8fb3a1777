// Calls in several parts, as the callee's end sees them: which invocation a part belongs to.

public import WAMP

/// One part of a call that comes in several.
///
/// Spec: Advanced Profile, Progressive Call Invocations.
public struct CallPart: Sendable {
    /// The arguments, not decoded; they share memory with what was received.
    public let payload: Payload
    /// Whether no more parts follow.
    public let isLast: Bool

    /// The arguments, decoded.
    /// - Throws: a violation for more than a million elements.
    public func values() throws(ProtocolViolation) -> (args: [Value], kwargs: Value.Dictionary) {
        try payload.values()
    }
}

/// The invocations whose last part has not come. Pure.
struct OpenInvocations {
    enum Continuation {
        /// It is a part of this invocation.
        case part(of: InvocationRequest)
        /// The invocation it belongs to has been answered.
        case late
    }

    private var open: [RequestID: InvocationRequest] = [:]
    /// Answered before their last part came, the oldest first: the router may have sent more parts
    /// before it saw the answer.
    private var answered: [RequestID] = []

    /// The most ids that are remembered.
    private static let answeredLimit = 1024

    var isEmpty: Bool { open.isEmpty && answered.isEmpty }

    mutating func add(_ request: InvocationRequest) { open[request.id] = request }

    mutating func answered(_ request: RequestID) {
        guard open.removeValue(forKey: request) != nil else { return }
        answered.append(request)
        if answered.count > OpenInvocations.answeredLimit { answered.removeFirst() }
    }

    /// What an invocation continues; nil if it is a new one.
    mutating func continuation(_ request: RequestID, isLast: Bool) -> Continuation? {
        if let found = open[request] {
            if isLast { open[request] = nil }
            return .part(of: found)
        }
        guard let place = answered.firstIndex(of: request) else { return nil }
        if isLast { answered.remove(at: place) }
        return .late
    }

    mutating func removeAll() {
        open = [:]
        answered = []
    }
}
