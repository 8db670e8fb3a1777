// From the first byte to an agreed framing and serializer, on either side.

import NIOCore
import WAMP

extension ConnectionHandler {
    /// A client speaks first.
    func sendClientRequest(_ context: ChannelHandlerContext) {
        guard case .client(let transport) = side else { return }
        var request = ByteBuffer()
        switch transport.framing {
        case .rawSocket:
            request.writeBytes(
                RawSocketHandshake.octets(transport.serializer, maximumBytes: settings.maxMessage))
        case .webSocket:
            requestKey = WebSocketUpgrade.newKey()
            request.writeString(
                WebSocketUpgrade.request(
                    host: transport.host, path: transport.path, serializer: transport.serializer,
                    isBatched: transport.isBatched, deflate: transport.deflate, key: requestKey))
        }
        context.writeAndFlush(wrapOutboundOut(request), promise: nil)
    }

    /// Takes bytes of the handshake; what follows it is passed on.
    func handshake(_ bytes: ByteBuffer) {
        partial.writeImmutableBuffer(bytes)
        guard let first = partial.readableBytesView.first else { return }
        switch side {
        case .client(let transport):
            switch transport.framing {
            case .rawSocket: readReply(to: transport)
            case .webSocket:
                guard let head = readHead(lastPiece: bytes) else { return }
                readResponse(head, to: transport)
            }
        case .server:
            switch first {
            case RawSocketHandshake.magic: answerRawSocket()
            case UInt8(ascii: "A")...UInt8(ascii: "Z"):
                guard let head = readHead(lastPiece: bytes) else { return }
                send(answer(to: head))
            case TLSFront.handshakeRecord:
                refuse(.refused("the client speaks TLS, which this listener does not"), reply: nil)
            default:
                // Neither RawSocket nor the first letter of an HTTP method: no answer would be
                // understood.
                refuse(.refused("the first byte is neither RawSocket nor HTTP"), reply: nil)
            }
        }
    }

    private func answer(to head: HTTPHead) -> WebSocketUpgrade.Answer {
        if settings.isFull { return WebSocketUpgrade.full }
        return WebSocketUpgrade.answer(
            head, paths: settings.paths, serializers: settings.serializers,
            deflate: settings.deflate)
    }

    private func readOctets() -> [UInt8]? {
        partial.readBytes(length: RawSocketHandshake.length)
    }

    private func answerRawSocket() {
        guard let octets = readOctets() else { return }
        do throws(RawSocketHandshake.Refusal) {
            let peer = try RawSocketHandshake.request(octets, serializers: settings.serializers)
            if settings.isFull { throw .tooManyConnections }
            write(
                RawSocketHandshake.octets(peer.serializer, maximumBytes: settings.maxMessage))
            openAndGoOn(
                .rawSocket, WebSocketAgreement(peer.serializer), sendLimit: peer.receiveLimit)
        } catch {
            refuse(.refused("RawSocket: \(error)"), reply: ByteBuffer(bytes: error.reply))
        }
    }

    private func readReply(to transport: ClientTransport) {
        guard let octets = readOctets() else { return }
        switch RawSocketHandshake.reply(octets, requested: transport.serializer) {
        case .accepted(let peer):
            openAndGoOn(
                .rawSocket, WebSocketAgreement(peer.serializer), sendLimit: peer.receiveLimit)
        case .refused(let text): refuse(.refused(text), reply: nil)
        }
    }

    /// The whole head, once it is there; refuses what cannot become one.
    private func readHead(lastPiece: ByteBuffer) -> HTTPHead? {
        // A head ends with a line feed. Looking only when one came keeps a peer that sends byte by
        // byte cheap.
        guard
            lastPiece.readableBytesView.contains(UInt8(ascii: "\n"))
                || partial.readableBytes >= HTTPHead.longest
        else { return nil }
        switch HTTPHead.parse(partial) {
        case .incomplete: return nil
        case .complete(let head, let length):
            partial.moveReaderIndex(forwardBy: length)
            return head
        case .tooLong: send(WebSocketUpgrade.headTooLong)
        case .malformed: send(WebSocketUpgrade.badRequest)
        }
        return nil
    }

    private func send(_ answer: WebSocketUpgrade.Answer) {
        switch (answer, side) {
        case (.accept(let agreement, let response), _):
            write(Array(response.utf8))
            // The peer does not say what it takes: no more is sent than would be taken from it.
            openAndGoOn(.webSocket, agreement, sendLimit: settings.maxMessage)
        case (.refuse(let status, let response, let text), .server):
            refuse(.refused("HTTP \(status): \(text)"), reply: ByteBuffer(string: response))
        case (.refuse, .client):
            refuse(.refused("the server's answer is not HTTP"), reply: nil)
        }
    }

    private func readResponse(_ head: HTTPHead, to transport: ClientTransport) {
        switch WebSocketUpgrade.read(
            head, serializer: transport.serializer, isBatched: transport.isBatched,
            deflate: transport.deflate, key: requestKey)
        {
        case .failure(let fault): refuse(.refused(fault.description), reply: nil)
        case .success(let agreement): openAndGoOn(.webSocket, agreement, sendLimit: .max)
        }
    }

    private func write(_ bytes: [UInt8]) {
        guard let context else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }

    private func openAndGoOn(
        _ framing: Framing, _ agreement: WebSocketAgreement, sendLimit: Int
    ) {
        let rest = partial
        partial = ByteBuffer()
        open(framing, agreement, sendLimit: sendLimit)
        if rest.readableBytes > 0 { receive(rest) }
    }
}
