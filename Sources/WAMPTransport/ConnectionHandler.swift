// The one channel handler of a connection, for servers and clients: bytes in, a read's batch of
// messages to the owner; outgoing frames come from the outbox. It knows phases and deadlines; the
// bytes are read beside it, in ConnectionHandler+Handshake and ConnectionHandler+Receiving.

import Glibc
package import NIOCore
package import WAMP

/// Which end of the connection we are.
package enum ConnectionSide: Sendable {
    case server
    indirect case client(ClientTransport)
}

/// What a client asks of the server's transport.
package struct ClientTransport: Sendable {
    package var framing: Framing
    package var serializer: Serializer
    /// For the `Host` field of WebSocket.
    package var host: String
    /// For WebSocket.
    package var path: String
    /// Whether to ask for batches of messages, with WebSocket.
    package var isBatched: Bool
    /// Whether to offer permessage-deflate, with WebSocket.
    package var deflate: Bool

    package init(
        _ endpoint: Endpoint, serializer: Serializer, isBatched: Bool = false, deflate: Bool = false
    ) {
        framing = endpoint.framing
        self.serializer = serializer
        self.isBatched = isBatched
        self.deflate = deflate
        path = endpoint.path
        host =
            switch endpoint.address {
            case .tcp(let host, let port): Endpoint.authority(host: host, port: port)
            case .unix: "localhost"
            }
    }
}

package final class ConnectionHandler<Owner: ConnectionOwner>: ChannelInboundHandler,
    ConnectionControl
{
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    enum Phase: Equatable {
        /// From the start until framing and serializer are agreed.
        case handshake
        case open
        /// After a violation, until the owner closes: messages are ignored.
        case deaf
        /// We are closing: what waits is being written, then the peer gets time to close its side.
        case closing
        /// Nothing is left to do but wait for the channel's end.
        case done
    }

    let owner: Owner
    let loop: IOLoop
    let settings: ConnectionSettings
    let side: ConnectionSide
    /// Nil without TLS.
    private let tls: TLSFront?

    var context: ChannelHandlerContext?
    var phase = Phase.handshake
    var connection: Connection?
    /// In the handshake: what has come of it. With RawSocket: the frame that is not whole yet.
    var partial = ByteBuffer()
    /// The longest RawSocket frame we announced to take.
    var receiveLimit = 0
    var webSocket: WebSocketReceiver?
    /// The key of a client's WebSocket request.
    var requestKey = ""

    private var isFinished = false
    /// The peer's close frame came, or none is to be expected: the output ends once it is written.
    var endsAfterDrain = false
    private var isDrained = false
    var place: Int?

    /// Whether bytes came since the last tick.
    private var isHeard = false
    private var isReading = true
    private var lastHeard = NIODeadline.now()
    private var unansweredPings = 0
    /// Whether the peer is known to answer pings. A WebSocket peer must; of RawSocket clients and
    /// routers in use some leave pings unanswered, and some end the connection over one.
    var answersPings = false
    private var progress: Int?
    private var lastProgress = NIODeadline.now()
    /// In the handshake and in closing.
    private var deadline = NIODeadline.distantFuture

    package init(
        owner: Owner, loop: IOLoop, settings: ConnectionSettings, side: ConnectionSide = .server,
        tls: TLSFront? = nil
    ) {
        self.owner = owner
        self.loop = loop
        self.settings = settings
        self.side = side
        self.tls = tls
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { start(context) }
    }

    package func channelActive(context: ChannelHandlerContext) { start(context) }

    private func start(_ context: ChannelHandlerContext) {
        guard deadline == .distantFuture else { return }
        lastHeard = loop.now
        deadline = lastHeard + settings.handshakeTimeout
        loop.add(self)
        sendClientRequest(context)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        loop.hasRead(bytes)
        isHeard = true
        switch phase {
        case .handshake: handshake(bytes)
        case .open, .deaf, .closing: receive(bytes)
        case .done: break
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) { loop.reuseReadBuffer() }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if let outbox = connection?.outbox, context.channel.isWritable { loop.markDirty(outbox) }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let tls, !(error is IOError) {
            // Without a meaning of its own it only comes before the end of the channel.
            guard let reason = tls.meaning(of: error) else { return }
            finish(reason)
            if tls.isParting {
                phase = .closing
                deadline = loop.now + settings.lingerTime
            } else {
                abandon()
            }
            return
        }
        // The library's own text names system calls, not what happened.
        let text =
            (error as? IOError).map { String(cString: strerror($0.errnoCode)).lowercased() }
        finish(.io(text ?? "\(error)"))
        abandon()
    }

    package func channelInactive(context: ChannelHandlerContext) { end() }

    package func handlerRemoved(context: ChannelHandlerContext) { end() }

    private func end() {
        let reason: CloseReason =
            switch (phase, side) {
            case (.closing, _), (.done, _): .closedHere
            case (.handshake, .client): .refused("the server closed the connection at once")
            default: .peerClosed
            }
        phase = .done
        loop.remove(self)
        connection?.outbox.detach()
        context = nil
        partial = ByteBuffer()
        webSocket = nil
        finish(reason)
    }

    /// Tells the owner that it is over, once.
    func finish(_ reason: CloseReason) {
        guard !isFinished else { return }
        isFinished = true
        owner.closed(reason)
    }

    /// Framing and serializer are agreed.
    func open(_ framing: Framing, _ agreement: WebSocketAgreement, sendLimit: Int) {
        guard let context else { return }
        let isClient = if case .client = side { true } else { false }
        let serializer = agreement.serializer
        let format = FrameFormat(
            framing: framing, serializer: serializer, isMasked: isClient,
            isBatched: agreement.isBatched, deflateBits: agreement.deflateBits)
        let outbox = Outbox(
            loop: loop, format: format, sendLimit: sendLimit, bound: settings.outboundQueue)
        outbox.context = context
        outbox.control = self
        answersPings = framing == .webSocket
        if framing == .webSocket {
            webSocket = WebSocketReceiver(
                masked: !isClient, text: serializer == .json, limit: settings.maxMessage,
                deflates: agreement.deflateBits > 0)
        } else {
            receiveLimit = RawSocketHandshake.announced(settings.maxMessage)
        }
        let connection = Connection(
            outbox: outbox, remoteAddress: context.remoteAddress, tls: tls?.info())
        self.connection = connection
        phase = .open
        lastProgress = loop.now
        owner.opened(connection)
    }

    /// Ends a handshake that went wrong, after what there is to say.
    func refuse(_ reason: CloseReason, reply: ByteBuffer?) {
        guard let context else { return }
        finish(reason)
        if let reply { context.writeAndFlush(wrapOutboundOut(reply), promise: nil) }
        phase = .closing
        isDrained = true
        endsAfterDrain = true
        endOutput()
    }

    // Closing.

    func close(_ code: WebSocketCloseCode, _ reason: String) {
        // Once the owner was told of the end, the handler closes in its own way.
        guard !isFinished else { return }
        switch phase {
        case .open, .deaf: startClosing(WebSocketFrame.closePayload(code, reason))
        case .handshake: refuse(.closedHere, reply: nil)
        case .closing, .done: break
        }
    }

    private func startClosing(_ payload: [UInt8]) {
        guard let connection else { return }
        phase = .closing
        if connection.framing == .rawSocket { endsAfterDrain = true }
        deadline = .distantFuture
        connection.outbox.finish(closePayload: payload)
        // Someone who stopped reading from the peer would not see its answer.
        if !isReading { setReading(true) }
    }

    /// Ends the connection for something the peer's transport did.
    func fail(_ reason: CloseReason, _ fault: WebSocketFault) {
        finish(reason)
        endsAfterDrain = true
        // What the peer goes on sending is taken and dropped: leaving it unread would answer with a
        // reset, which may overtake the close frame.
        webSocket = nil
        startClosing(WebSocketFrame.closePayload(fault.code, fault.description))
    }

    /// The peer's close frame came.
    func peerClosed(_ close: WebSocketFrame.Close) {
        if phase == .closing {
            endsAfterDrain = true
            endOutput()
            return
        }
        finish(
            close.code.flatMap { code in
                code == .normal ? nil : .peerClosedWith(code, close.reason)
            } ?? .peerClosed)
        endsAfterDrain = true
        startClosing(close.code.map { WebSocketFrame.closePayload($0, "") } ?? [])
    }

    func outboxDrained() {
        isDrained = true
        deadline = loop.now + settings.lingerTime
        endOutput()
    }

    /// Closes our side of the connection when all is written. Closing both at once could destroy,
    /// by a reset, what the peer has not read yet.
    func endOutput() {
        guard isDrained, endsAfterDrain else { return }
        deadline = loop.now + settings.lingerTime
        context?.close(mode: .output, promise: nil)
    }

    func abandon() {
        phase = .done
        connection?.outbox.discard()
        if let tls { tls.cut() } else { context?.close(promise: nil) }
    }

    func outboxOverflowed() { dropSlowConsumer() }

    private func dropSlowConsumer() {
        guard let outbox = connection?.outbox else { return }
        finish(.slowConsumer)
        guard outbox.format.framing == .webSocket, outbox.isAtFrameBoundary else {
            abandon()
            return
        }
        // The reason goes into the channel behind what it holds, for a peer that reads on within
        // the linger time.
        outbox.discard()
        outbox.lastWord(WebSocketFrame.closePayload(.policyViolation, "slow consumer"))
        phase = .closing
        isDrained = true
        endsAfterDrain = true
        endOutput()
    }

    func outboxBlocked(_ isBlocked: Bool) {
        if phase == .open { owner.writeBlocked(isBlocked) }
    }

    func setReading(_ isReading: Bool) {
        guard self.isReading != isReading, let context else { return }
        self.isReading = isReading
        try? context.channel.syncOptions?.setOption(.autoRead, value: isReading)
    }

    // The clock.

    func tick(_ now: NIODeadline) {
        switch phase {
        case .handshake:
            if now >= deadline {
                finish(.handshakeTimeout)
                abandon()
            }
        case .open, .deaf:
            keepAlive(now)
            if phase == .open || phase == .deaf, isStalled(now) { dropSlowConsumer() }
            if phase == .open || phase == .deaf { owner.tick(now) }
        case .closing:
            if now >= deadline || isStalled(now) { abandon() }
        case .done: break
        }
    }

    private func keepAlive(_ now: NIODeadline) {
        // A peer we do not read from may be as lively as it likes.
        if isHeard || !isReading {
            isHeard = false
            lastHeard = now
            unansweredPings = 0
        }
        guard answersPings, settings.keepalive > .zero,
            now - lastHeard >= settings.keepalive * (unansweredPings + 1)
        else { return }
        if unansweredPings == 2 {
            finish(.keepAliveTimeout)
            abandon()
        } else {
            unansweredPings += 1
            connection?.outbox.appendPing(true)
        }
    }

    func expectPongs() { answersPings = true }

    private func isStalled(_ now: NIODeadline) -> Bool {
        let current = connection?.outbox.progress
        if current == nil || current != progress {
            progress = current
            lastProgress = now
        }
        return now - lastProgress >= settings.writeTimeout
    }
}
