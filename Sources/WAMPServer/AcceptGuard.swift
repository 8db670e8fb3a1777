// What a listening socket does when the process has no descriptor left: it says so, to one client
// at a time, with a descriptor that was kept for this, and to the log, once a second at most.
//
// The connections that wait make the socket readable all the time, so it is not watched meanwhile:
// SwiftNIO would try again at once and without end.

import Glibc
import Logging
import NIOCore
import NIOPosix

/// A handler of the listening channel.
// Unchecked: everything is touched on the channel's loop only.
final class AcceptGuard: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel

    private let logger: Logger
    /// Makes an accepted channel refuse its client.
    private let turnAway: @Sendable (any Channel) throws -> Void
    private var context: ChannelHandlerContext?
    /// Gives its place to a client that is turned away; nil while it does, or when there was none.
    private var spare: Int32?
    /// Clients turned away since the log was told.
    private var turnedAway = 0
    private var lastSaid: NIODeadline?

    /// How long a client has to say what it speaks and to hear the answer.
    private static let patience = TimeAmount.milliseconds(500)
    /// Until the next try when even the spare descriptor is taken.
    private static let pause = TimeAmount.milliseconds(100)

    init(logger: Logger, turnAway: @escaping @Sendable (any Channel) throws -> Void) {
        self.logger = logger
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
        say(code)
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

    private func say(_ code: Int32) {
        let now = NIODeadline.now()
        if let lastSaid, now - lastSaid < .seconds(1) { return }
        lastSaid = now
        let cause = String(cString: strerror(code)).lowercased()
        logger.warning(
            "cannot accept connections",
            metadata: ["cause": "\(cause)", "turned_away": "\(turnedAway)"])
        turnedAway = 0
    }

    /// Takes the connection that waits longest, and refuses it.
    private func turnNextAway() {
        guard let context else { return }
        giveSpare()
        let listener = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { $0 }
        guard let listener else { return }
        let client = accept(listener, nil, nil)
        guard client >= 0 else {
            let isNobodyThere = errno == EAGAIN
            keepSpare()
            if isNobodyThere { setWatching(true) } else { tryLater() }
            return
        }
        _ = fcntl(client, F_SETFD, FD_CLOEXEC)
        turnedAway += 1
        refuse(client, on: context.eventLoop)
    }

    private func refuse(_ client: Int32, on eventLoop: any EventLoop) {
        let turnAway = turnAway
        ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try turnAway(channel) }
            }
            .withConnectedSocket(client)
            .whenComplete { result in
                guard case .success(let channel) = result else { return self.goOn() }
                let end = eventLoop.scheduleTask(in: Self.patience) {
                    channel.close(promise: nil)
                }
                channel.closeFuture.whenComplete { _ in
                    end.cancel()
                    self.goOn()
                }
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
