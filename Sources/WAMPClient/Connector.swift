// From an endpoint to a joined session, once or again and again until a deadline.

import Glibc
import NIOCore
import NIOPosix
import WAMP
import WAMPTransport

enum Connector {
    private static let firstPause = Duration.milliseconds(100)
    private static let longestPause = Duration.seconds(2)

    /// Joins; while there is no router, tries again for as long as the options say.
    static func join(
        _ endpoint: Endpoint, _ options: SessionOptions, on group: any EventLoopGroup
    ) async throws(ClientError) -> (ClientLink, Welcome) {
        var options = options
        if endpoint.isSecure, options.tlsContext == nil {
            do throws(TLSError) {
                try options.readTLSFiles()
            } catch {
                throw .connect(error.description)
            }
        }
        let clock = ContinuousClock()
        let giveUp = clock.now + options.retry
        var pause = firstPause
        while true {
            do throws(ClientError) {
                return try await attempt(endpoint, options, on: group.next())
            } catch {
                // Only a missing router is waited for: one that refuses would refuse again.
                guard case .connect = error, clock.now < giveUp else { throw error }
            }
            do {
                try await clock.sleep(until: min(clock.now + pause, giveUp))
            } catch {
                throw .canceled
            }
            pause = min(pause * 2, longestPause)
        }
    }

    private static func attempt(
        _ endpoint: Endpoint, _ options: SessionOptions, on eventLoop: any EventLoop
    ) async throws(ClientError) -> (ClientLink, Welcome) {
        var settings = ConnectionSettings()
        settings.maxMessage = options.maxMessage
        settings.keepalive = TimeAmount(options.keepalive)
        settings.handshakeTimeout = TimeAmount(options.connectTimeout)
        settings.outboundQueue = options.outboundQueue
        let attempt = Attempt(
            endpoint, options, settings,
            loop: IOLoop(eventLoop: eventLoop, tickPeriod: settings.tickPeriod))
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                eventLoop.execute { attempt.start { continuation.resume(returning: $0) } }
            }
        } onCancel: {
            eventLoop.execute { attempt.giveUp(.canceled) }
        }
        return try outcome.get()
    }
}

/// One try. On its loop only, hence unchecked.
private final class Attempt: @unchecked Sendable {
    typealias Outcome = Swift.Result<(ClientLink, Welcome), ClientError>

    private let endpoint: Endpoint
    private let options: SessionOptions
    private let settings: ConnectionSettings
    private let loop: IOLoop
    private var link: ClientLink?
    private var refusal: ClientError?

    init(
        _ endpoint: Endpoint, _ options: SessionOptions, _ settings: ConnectionSettings,
        loop: IOLoop
    ) {
        self.endpoint = endpoint
        self.options = options
        self.settings = settings
        self.loop = loop
    }

    func start(_ done: @escaping @Sendable (Outcome) -> Void) {
        if let refusal {
            done(.failure(refusal))
            return
        }
        let timeout = loop.eventLoop.assumeIsolated().scheduleTask(
            in: TimeAmount(options.connectTimeout)
        ) {
            self.giveUp(
                .connect("no answer that opens a session within \(self.options.connectTimeout)"))
        }
        let link = ClientLink(loop: loop, options: options) { outcome in
            timeout.cancel()
            let link = self.link
            self.link = nil
            switch outcome {
            case .success(let welcome):
                if let link { done(.success((link, welcome))) }
            case .failure(.connect(let text)):
                done(.failure(.connect("cannot connect to \(self.endpoint): \(text)")))
            case .failure(let error): done(.failure(error))
            }
        }
        self.link = link
        connect(link)
    }

    func giveUp(_ error: ClientError) {
        refusal = error
        link?.abandonJoining(error)
    }

    private func connect(_ link: ClientLink) {
        let loop = loop
        let settings = settings
        let side = ConnectionSide.client(
            ClientTransport(
                endpoint, serializer: options.serializer, isBatched: options.isBatched,
                deflate: options.deflate))
        let tls = endpoint.isSecure ? options.tlsContext : nil
        let host = if case .tcp(let host, _) = endpoint.address { host } else { "" }
        let bootstrap = ClientBootstrap(group: loop.eventLoop)
            .connectTimeout(TimeAmount(options.connectTimeout))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try ChannelConfiguration.apply(settings, to: channel)
                    let front = try tls?.install(on: channel, host: host)
                    let handler = ConnectionHandler(
                        owner: link, loop: loop, settings: settings, side: side, tls: front)
                    link.channel = channel
                    link.handler = handler
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
        let connected =
            switch endpoint.address {
            case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
            case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
            }
        connected.whenFailure { error in
            link.abandonJoining(.connect(Attempt.text(error)))
        }
    }

    /// What went wrong in connecting, for people.
    private static func text(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return text(first.error) }
            return "there is no host \"\(error.host)\""
        case let error as IOError:
            return String(cString: strerror(error.errnoCode)).lowercased()
        case ChannelError.connectTimeout: return "the connection timed out"
        default: return "\(error)"
        }
    }
}
