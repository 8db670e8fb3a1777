// From connection options to a joined session, and from a client's errors to a command's failure.

import NIOPosix
import Synchronization
import WAMP
import WAMPClient
import WAMPTransport

/// Joins sessions as the options of the line say.
struct Client: Sendable {
    let endpoint: Endpoint
    let options: SessionOptions
    private let group: MultiThreadedEventLoopGroup
    private let isVerbose: Bool
    private let hasWarned = Flag()

    private final class Flag: Sendable { let value = Atomic<Bool>(false) }

    init(
        _ connection: ConnectionOptions, output: OutputOptions, environment: Environment,
        loopCount: Int = 1
    ) throws(CommandFailure) {
        endpoint = try Endpoint.written(connection.url ?? ConnectionOptions.defaultURL)
        var options = SessionOptions(
            realm: connection.realm ?? "realm1", serializer: connection.serializer ?? .json)
        options.connectTimeout = connection.connectTimeout ?? .seconds(5)
        options.retry = connection.retry ?? .zero
        options.keepalive = connection.keepalive ?? .seconds(10)
        options.agent = Release.agent
        options.tls = ClientTLS(
            ca: connection.tls.authorities, certificate: connection.tls.certificate,
            key: connection.tls.key, isInsecure: connection.tls.insecure)
        if endpoint.isSecure {
            do throws(TLSError) {
                try options.readTLSFiles()
            } catch {
                throw CommandFailure(.usage, error.description)
            }
            if connection.tls.insecure {
                Streams.shared.say(
                    "warning: --insecure: \(endpoint) may be anybody, and others may read along")
            }
        }
        let identity = connection.authentication
        options.authentication = try identity.authentication(
            environment, isQuiet: output.quiet)
        options.authid = identity.authid
        options.authrole = identity.authrole
        if connection.trace {
            options.trace = { isSent, message, payload in
                Streams.shared.say(
                    TraceLine.text(message, payload: payload, isSent: isSent, at: .now()))
            }
        }
        self.options = options
        isVerbose = output.verbose > 0
        group = MultiThreadedEventLoopGroup(numberOfThreads: loopCount)
    }

    var serializer: Serializer { options.serializer }

    /// How long the router may take to answer GOODBYE.
    static let farewell = Duration.seconds(1)
    /// The same behind what was sent without acknowledgement: it may ask its authorizer about that
    /// first, which has five seconds for each.
    static let decisions = Duration.seconds(10)

    /// Joins the realm.
    /// - Parameter name: the authid to ask for if the line says none. It is not asked for where a
    ///   key or a certificate proves who we are: the router knows whose they are.
    func join(as name: String? = nil) async throws(CommandFailure) -> Session {
        var options = options
        let isKnown =
            options.authentication.privateKey != nil || options.tls.certificate != nil
        if options.authid == nil, !isKnown { options.authid = name }
        do throws(ClientError) {
            let session = try await Session.join(endpoint, options: options, on: group)
            warn(of: session)
            if isVerbose {
                Streams.shared.say(
                    "joined \(session.realm) at \(endpoint) as session \(session.id), "
                        + "authid \(session.authid ?? "none"), "
                        + "role \(session.authrole ?? "none")")
            }
            return session
        } catch {
            var failure = Self.failure(error, at: endpoint)
            let others = Hints.otherMethods(after: error, options.authentication)
            if !others.isEmpty { failure.hints = others }
            throw failure
        }
    }

    /// Says that the router does not take us for who the line says, where nothing was there to
    /// prove it; once, however many sessions there are.
    func warn(of session: Session) {
        let identity = options.authentication
        guard let asked = options.authid, !Name.isSame(session.authid, asked),
            identity.secret == nil,
            identity.privateKey == nil, !hasWarned.value.exchange(true, ordering: .relaxed)
        else { return }
        let method = session.welcome["authmethod"]?.string ?? "anonymous"
        let role = session.authrole.map { " with the role '\($0)'" } ?? ""
        Streams.shared.say(
            Terminal.sanitized(
                "warning: joined as \(method)\(role), not as '\(asked)': there was no secret or "
                    + "key to prove it"))
    }

    /// What a failure to join means for the command.
    static func failure(_ error: ClientError, at endpoint: Endpoint) -> CommandFailure {
        guard case .connect(let text) = error else {
            return CommandFailure(error, subject: "\(endpoint)")
        }
        return CommandFailure(.connect, text, hints: Hints.unreachable(endpoint, because: text))
    }
}

extension Endpoint {
    /// Reads a URL of the line.
    static func written(_ url: String) throws(CommandFailure) -> Endpoint {
        let rest = url.firstRange(of: "://").map { url[$0.upperBound...] } ?? url[...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        if authority.contains("@"), !url.lowercased().hasPrefix("unix:") {
            // Not repeated: there may be a password in it.
            throw CommandFailure(
                .usage,
                "credentials do not belong in the URL; use --authid and --secret-file")
        }
        if let bracketed = Hints.bracketed(authority) {
            throw CommandFailure(
                .usage, "an IPv6 address stands in brackets: write \(bracketed)",
                hints: Hints.url(meantBy: url))
        }
        do throws(EndpointError) {
            return try Endpoint(url)
        } catch {
            throw CommandFailure(.usage, error.description, hints: Hints.url(meantBy: url))
        }
    }
}

extension CommandFailure {
    /// The failure of a request about `subject` that a session made.
    init(_ error: ClientError, subject: String, in session: Session) {
        if let end = session.end, error == end.error {
            self.init(end)
            self.subject = subject
        } else {
            self.init(error, subject: subject, role: session.authrole)
        }
    }

    /// The failure of a request about `subject`.
    /// - Parameter role: of the session that made it.
    init(_ error: ClientError, subject: String, role: String? = nil) {
        switch error {
        case .connect(let text): self.init(.connect, text, subject: subject)
        case .refused(let reason, let message, _):
            self.init(
                error: reason, args: message.map { [.string($0)] } ?? [], kwargs: [:],
                subject: subject)
            code = .joinRefused
            hints = Hints.refused(because: reason)
        case .error(let uri, let args, let kwargs, _):
            self.init(error: uri, args: args, kwargs: kwargs, subject: subject, role: role)
        case .timeout:
            self.init(.timeout, "no answer in time", subject: subject)
            uri = .timeout
        case .canceled:
            self.init(.canceled, "canceled", subject: subject)
            uri = .canceled
        case .connectionLost(let text): self.init(.connectionLost, text, subject: subject)
        case .rejected(let text): self.init(.protocolFault, text, subject: subject)
        case .protocolViolation(let text): self.init(.protocolFault, text, subject: subject)
        case .notSupported(let text): self.init(.protocolFault, text, subject: subject)
        }
    }

    /// Adds the hint that a URI is the router's own, unless the router has said so.
    mutating func hintAtReserved(_ subject: String) {
        guard !message.contains("reserved") else { return }
        hints += Hints.reserved(subject, error: uri)
    }

    /// The end of a session that still had work to do.
    init(_ end: SessionEnd) {
        self.init(end.error, subject: "")
        // The reason follows the sentence by itself.
        switch end {
        case .goodbye(let reason, let text):
            message = "the router closed the session" + (text.map { ": \($0)" } ?? "")
            uri = reason
        case .aborted(let reason, let text):
            message = "the router aborted the session" + (text.map { ": \($0)" } ?? "")
            uri = reason
        case .left, .connectionLost, .rejected, .protocolViolation: break
        }
    }
}
