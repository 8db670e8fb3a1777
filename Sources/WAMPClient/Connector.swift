// From an endpoint to a joined session, once or again and again until a deadline.

import NIOCore
import NIOPosix
import WAMP
import WAMPTransport

enum Connector {
    private static let firstPause = Duration.milliseconds(100)
    private static let longestPause = Duration.seconds(2)

    /// Joins; while there is no router, tries again for as long as the options say.
    /// - Parameter lookUp: how the addresses of a name are found.
    static func join(
        _ endpoint: Endpoint, _ options: SessionOptions, on group: any EventLoopGroup,
        lookUp: @escaping Dialing.LookUp = HostAddresses.of
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
                return try await dial(endpoint, options, on: group.next(), lookUp)
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

    private static func dial(
        _ endpoint: Endpoint, _ options: SessionOptions, on eventLoop: any EventLoop,
        _ lookUp: @escaping Dialing.LookUp
    ) async throws(ClientError) -> (ClientLink, Welcome) {
        var settings = ConnectionSettings()
        settings.maxMessage = options.maxMessage
        settings.keepalive = TimeAmount(options.keepalive)
        settings.handshakeTimeout = TimeAmount(options.connectTimeout)
        settings.outboundQueue = options.outboundQueue
        let dialing = Dialing(
            endpoint, options, settings,
            loop: IOLoop(eventLoop: eventLoop, tickPeriod: settings.tickPeriod), lookUp: lookUp)
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                eventLoop.execute { dialing.start { continuation.resume(returning: $0) } }
            }
        } onCancel: {
            eventLoop.execute { dialing.giveUp(.canceled) }
        }
        return try outcome.get()
    }
}
