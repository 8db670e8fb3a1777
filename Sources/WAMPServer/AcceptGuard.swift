// What a listening socket does when the process has no descriptor left: it says so, to one client
// at a time, with a descriptor that was kept for this, and to the log.
//
// The connections that wait make the socket readable all the time, so it is not watched meanwhile:
// SwiftNIO would try again at once and without end.

import Glibc
import NIOCore
import NIOPosix
import WAMPTransport

/// A handler of the listening channel.
// Unchecked: everything is touched on the channel's loop only.
final class AcceptGuard: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    /// - Returns: what stands in front of the channel if it speaks TLS.
    typealias TurnAway = @Sendable (any Channel) throws -> TLSFront?

    private let log: ShortageLog
    /// Makes an accepted channel refuse its client.
    private let turnAway: TurnAway
    private var context: ChannelHandlerContext?
    /// Gives its place to a client that is turned away; nil while it does, or when there was none.
    private var spare: Int32?

    /// How long a client has to say what it speaks and to hear the answer.
    private static let patience = TimeAmount.milliseconds(500)
    /// Until the next try when even the spare descriptor is taken.
    private static let pause = TimeAmount.milliseconds(100)

    init(log: ShortageLog, turnAway: @escaping TurnAway) {
        self.log = log
        self.turnAway = turnAway
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        keepSpare()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        giveSpare()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let shortages = [EMFILE, ENFILE, ENOBUFS, ENOMEM]
        guard let code = (error as? IOError)?.errnoCode, shortages.contains(code) else {
            context.fireErrorCaught(error)
            return
        }
        setWatching(false)
        log.cannotAccept(code)
        turnNextAway()
    }

    private func setWatching(_ isWatching: Bool) {
        try? context?.channel.syncOptions?.setOption(.autoRead, value: isWatching)
    }

    private func keepSpare() {
        guard spare == nil, let descriptor = Self.anyDescriptor() else { return }
        spare = descriptor
    }

    private func giveSpare() {
        if let descriptor = spare.take() { close(descriptor) }
    }

    private static func anyDescriptor() -> Int32? {
        let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
        return descriptor < 0 ? nil : descriptor
    }

    /// Takes the connection that waits longest, and refuses it.
    private func turnNextAway() {
        guard let context else { return }
        giveSpare()
        let listener = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { $0 }
        guard let listener else { return tryLater() }
        let client = accept(listener, nil, nil)
        guard client >= 0 else {
            let isNobodyThere = errno == EAGAIN
            keepSpare()
            if isNobodyThere { setWatching(true) } else { tryLater() }
            return
        }
        _ = fcntl(client, F_SETFD, FD_CLOEXEC)
        log.turnedAway(on: context.eventLoop)
        refuse(client, on: context.eventLoop)
    }

    private func refuse(_ client: Int32, on eventLoop: any EventLoop) {
        let turnAway = turnAway
        ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let tls = try turnAway(channel)
                    // The farewell of TLS would wait for the client's.
                    let end = eventLoop.assumeIsolated().scheduleTask(in: Self.patience) {
                        if let tls { tls.cut() } else { channel.close(promise: nil) }
                    }
                    channel.closeFuture.whenComplete { _ in end.cancel() }
                }
            }
            .withConnectedSocket(client)
            .whenComplete { result in
                guard case .success(let channel) = result else { return self.goOn() }
                channel.closeFuture.whenComplete { _ in self.goOn() }
            }
    }

    /// The spare descriptor is free again. If there is another one beside it, there is room.
    private func goOn() {
        guard context != nil else { return }
        keepSpare()
        guard spare != nil else { return tryLater() }
        guard let another = Self.anyDescriptor() else { return turnNextAway() }
        close(another)
        setWatching(true)
    }

    private func tryLater() {
        context?.eventLoop.scheduleTask(in: Self.pause) { self.goOn() }
    }
}
