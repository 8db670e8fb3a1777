// How things end for a client: a request, and a session. Values only.

public import WAMP

/// Why a request or an attempt to join failed.
public enum ClientError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No connection came about; the text says why.
    case connect(String)
    /// The router refused the session with ABORT.
    case refused(reason: ErrorURI, message: String?, details: Value.Dictionary)
    /// The answer was a WAMP ERROR.
    case error(
        uri: ErrorURI, args: [Value], kwargs: Value.Dictionary, details: Value.Dictionary)
    /// The time given to the request is over.
    case timeout
    /// The request was cancelled by its own task.
    case canceled
    /// The session ended before the answer came.
    case connectionLost(String)
    /// The session ended because of a message: it was too large, or against the protocol.
    case rejected(String)
    /// The router broke the protocol.
    case protocolViolation(String)
    /// This version of the client cannot do it.
    case notSupported(String)

    public var description: String {
        switch self {
        case .connect(let text), .connectionLost(let text), .rejected(let text),
            .notSupported(let text):
            text
        case .refused(let reason, let message, _):
            message.map { "the router refused the session: \(reason): \($0)" }
                ?? "the router refused the session: \(reason)"
        case .error(let uri, let args, _, _):
            args.first?.string.map { "\(uri): \($0)" } ?? "\(uri)"
        case .timeout: "no answer within the time limit"
        case .canceled: "canceled"
        case .protocolViolation(let text): "the router broke the protocol: \(text)"
        }
    }
}

/// How a session that had been joined ended.
public enum SessionEnd: Equatable, Sendable, CustomStringConvertible {
    /// By `leave`.
    case left
    /// The router said GOODBYE.
    case goodbye(reason: ErrorURI, message: String?)
    /// The router ended it with ABORT.
    case aborted(reason: ErrorURI, message: String?)
    case connectionLost(String)
    /// A message was too large, or against the rules of the transport, so that an end closed the
    /// connection.
    case rejected(String)
    /// The router broke the protocol, and we ended the session with ABORT.
    case protocolViolation(String)

    public var description: String {
        switch self {
        case .left: "the session was left"
        case .goodbye(let reason, let message):
            message.map { "the router closed the session: \(reason): \($0)" }
                ?? "the router closed the session: \(reason)"
        case .aborted(let reason, let message):
            message.map { "the router aborted the session: \(reason): \($0)" }
                ?? "the router aborted the session: \(reason)"
        case .connectionLost(let text): "the connection was lost: \(text)"
        case .rejected(let text): "the connection ended over a message: \(text)"
        case .protocolViolation(let text): "the router broke the protocol: \(text)"
        }
    }
}

extension SessionEnd {
    /// What it is for a request that waited for its answer.
    package var error: ClientError {
        switch self {
        case .protocolViolation(let text): .protocolViolation(text)
        case .rejected: .rejected(description)
        case .aborted(let reason, _)
        where reason == .protocolViolation || reason == .payloadSizeExceeded:
            .rejected(description)
        case .left, .goodbye, .aborted, .connectionLost: .connectionLost(description)
        }
    }
}
