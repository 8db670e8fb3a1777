// A session for tasks: join, call, register, publish, subscribe, leave.

public import NIOCore
import Synchronization
public import WAMP
public import WAMPTransport

/// A joined session. It may be used from any task.
public final class Session: Sendable {
    package typealias Answer = Swift.Result<Message, ClientError>

    /// The router's id for it, and the realm that it joined.
    public let id: SessionID
    public let realm: String
    /// Who the router takes us for.
    public let authid: String?
    public let authrole: String?
    /// WELCOME.Details.
    public let welcome: Value.Dictionary
    public let serializer: Serializer
    /// The loop on which registrations and subscriptions are called.
    public let eventLoop: any EventLoop
    /// What the router announced: its roles and their features.
    public let router: Roles
    /// Whether the router keeps the time limit of calls.
    package let routerKeepsTimeouts: Bool
    let link: ClientLink
    private let lastToken = Atomic<Int>(0)

    /// Connects to a router and joins a realm.
    ///
    /// - Throws: `connect` if no connection came about, `refused` if the router did not want us.
    public static func join(
        _ endpoint: Endpoint, options: SessionOptions = SessionOptions(),
        on group: any EventLoopGroup
    ) async throws(ClientError) -> Session {
        let (link, welcome) = try await Connector.join(endpoint, options, on: group)
        return Session(link, welcome, realm: options.realm)
    }

    private init(_ link: ClientLink, _ welcome: Welcome, realm: String) {
        self.link = link
        id = welcome.session
        self.realm = welcome.details["realm"]?.string ?? realm
        authid = welcome.details["authid"]?.string
        authrole = welcome.details["authrole"]?.string
        self.welcome = welcome.details
        serializer = link.serializer
        eventLoop = link.loop.eventLoop
        let roles = welcome.details["roles"]?.dictionary.flatMap { try? Roles(details: $0) }
        router = roles ?? Roles([:])
        routerKeepsTimeouts = router[.dealer]?.contains(.callTimeout) ?? false
    }

    /// Says GOODBYE and returns when the session is over.
    ///
    /// - Parameter patience: how long the router has to answer.
    public func leave(
        reason: ErrorURI = .closeNormal, patience: Duration = .seconds(5)
    ) async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            link.submit { link in
                link.leave(reason, patience: TimeAmount(patience)) { continuation.resume() }
            }
        }
    }

    /// Cuts the connection at once, without GOODBYE.
    public func abandon() { link.submit { $0.abandon() } }

    /// How the session ended; nil while it lasts.
    package var end: SessionEnd? { link.currentEnd }

    /// How the session ended; waits until it has.
    public var ended: SessionEnd {
        get async { await link.ended() }
    }

    /// Tells one subscription of this session from another.
    func nextToken() -> Int { lastToken.add(1, ordering: .relaxed).newValue }

    /// Sends a request and waits for its answer.
    func request(
        _ send: @escaping @Sendable (ClientLink, @escaping ClientLink.Waiter) -> Void
    ) async throws(ClientError) -> Message {
        let outcome = await withUnsafeContinuation {
            (continuation: UnsafeContinuation<Answer, Never>) in
            link.submit { link in send(link) { continuation.resume(returning: $0) } }
        }
        return try Session.checked(outcome)
    }

    /// The answer, if it is not ERROR.
    static func checked(_ outcome: Answer) throws(ClientError) -> Message {
        let message = try outcome.get()
        guard case .error(let error) = message else { return message }
        throw ClientError(error)
    }

    /// A payload in the session's serializer.
    func encoded(_ payload: Payload) throws(ClientError) -> Payload {
        do throws(TranscodingError) {
            return try payload.transcoded(to: serializer)
        } catch {
            throw ClientError(.invalidPayload, error.description)
        }
    }

    /// Options that can be written as they are.
    func checked(_ options: Value.Dictionary) throws(ClientError) -> Value.Dictionary {
        // They stand as deep in their message as keyword arguments do.
        guard let flaw = Payload(kwargs: options, as: serializer).flaw else { return options }
        throw ClientError(.invalidArgument, "option " + flaw.dropFirst("kwargs.".count))
    }
}

extension ClientError {
    /// What an ERROR says. In place of arguments that cannot be decoded it says why.
    init(_ error: ErrorMessage) {
        let (uri, details) = (error.error, error.details.dictionary)
        do throws(ProtocolViolation) {
            let (args, kwargs) = try error.payload.values()
            self = .error(uri: uri, args: args, kwargs: kwargs, details: details)
        } catch {
            self = .error(
                uri: .invalidPayload, args: [.string("\(uri): \(error.description)")],
                kwargs: [:], details: details)
        }
    }

    /// An error of our own.
    init(_ uri: ErrorURI, _ sentence: String) {
        self = .error(uri: uri, args: [.string(sentence)], kwargs: [:], details: [:])
    }
}

extension OutcomeDetails {
    /// As a dictionary, in the names of the wire.
    package var dictionary: Value.Dictionary {
        var all = Value.Dictionary()
        if progress { all.append("progress", true) }
        if let callee {
            all.append("callee", Value(callee.session))
            if let authid = callee.authid { all.append("callee_authid", .string(authid)) }
            if let authrole = callee.authrole { all.append("callee_authrole", .string(authrole)) }
        }
        for (key, value) in custom.entries { all.append(key, value) }
        return all
    }
}
