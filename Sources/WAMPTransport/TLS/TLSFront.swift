// Stands before the TLS of a connection: turns away who does not speak TLS, finds what identifies
// the connection, says in plain words what went wrong, and lets the peer hear why it is refused.

import Glibc
package import NIOCore
import NIOSSL

/// The first handler of a channel with TLS. On the channel's loop only.
package final class TLSFront: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private let handler: NIOSSLHandler
    private let keys: TLSKeyLog
    private let isServer: Bool
    private let verifiesPeer: Bool
    private let host: String
    private var context: ChannelHandlerContext?
    private var secret: [UInt8]?
    private var isHandshaking = true
    private var isFirstRead = true
    /// The handshake failed, and TLS has told the peer why: the output ends, and what still comes
    /// is dropped until the peer has read that. Left unread it would be answered with a reset,
    /// which may overtake the reason.
    private(set) var isParting = false

    init(
        handler: NIOSSLHandler, keys: TLSKeyLog, isServer: Bool, verifiesPeer: Bool, host: String
    ) {
        self.handler = handler
        self.keys = keys
        self.isServer = isServer
        self.verifiesPeer = verifiesPeer
        self.host = host
    }

    package func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    package func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    package func close(
        context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?
    ) {
        context.close(mode: isParting && mode == .all ? .output : mode, promise: promise)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isParting { return }
        guard isHandshaking else {
            context.fireChannelRead(data)
            return
        }
        if isFirstRead, let first = unwrapInboundIn(data).readableBytesView.first {
            isFirstRead = false
            // A RawSocket handshake is shorter than what TLS waits for, and would wait forever.
            guard first == TLSFront.handshakeRecord else {
                context.fireErrorCaught(NotTLS())
                return
            }
        }
        let found = keys.secret { context.fireChannelRead(data) }
        secret = found ?? secret
    }

    /// The first octet a TLS connection has, from either side, but for an alert.
    static let handshakeRecord: UInt8 = 0x16

    /// The first octet is none of TLS.
    private struct NotTLS: Error {}

    /// What is known of the connection, which is past its TLS handshake.
    func info() -> TLSInfo {
        isHandshaking = false
        defer { secret = nil }
        let certificate = verifiesPeer ? handler.peerCertificate : nil
        return TLSInfo(
            peerCommonName: certificate.flatMap { try? $0.toDERBytes() }.flatMap(CommonName.of),
            exporter: secret.flatMap(TLSExporter.channelBinding))
    }

    /// Closes the connection past TLS, whose farewell may wait for the peer's.
    package func cut() { context?.close(promise: nil) }

    /// What a failure means: nil for one that is none, an end without TLS's farewell.
    func meaning(of error: any Error) -> CloseReason? {
        switch error {
        case NIOSSLError.uncleanShutdown: nil
        case is NotTLS:
            .refused(
                isServer
                    ? "the client does not speak TLS" : "the server does not speak TLS on this port"
            )
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            .refused("the server's certificate is not for '\(host)'")
        case NIOSSLError.unableToValidateCertificate:
            .refused("the server's certificate is not for '\(host)'")
        case NIOSSLError.handshakeFailed(let cause): .refused(handshakeFailure(cause))
        case let cause as BoringSSLError:
            // With TLS 1.3 a client learns that its certificate is refused after its handshake.
            complaint(TLSFront.text(cause)).map { .refused($0) }
                ?? .io("TLS: \(TLSFront.text(cause))")
        default: .io("TLS: \(error)")
        }
    }

    private func handshakeFailure(_ cause: BoringSSLError) -> String {
        if case .sslError(let stack) = cause, stack == [.eofDuringHandshake] {
            return "\(peer) closed the connection during the TLS handshake"
                + (isServer ? "" : "; it may not speak TLS on this port")
        }
        isParting = isServer
        let text = TLSFront.text(cause)
        switch text {
        case "certificate verify failed": return certificateFault
        case "wrong version number", "http request": return "\(peer) does not speak TLS"
        default: return complaint(text) ?? "the TLS handshake failed: \(text)"
        }
    }

    private var peer: String { isServer ? "the client" : "the server" }

    /// What the peer says of the certificate that it was shown, if that is what it says.
    private func complaint(_ text: String) -> String? {
        guard let start = text.range(ofLast: " alert ") else { return nil }
        let alert = text[start...]
        switch alert {
        case "unknown ca", "bad certificate", "certificate unknown", "certificate expired",
            "certificate revoked", "unsupported certificate":
            return "\(peer) does not accept the certificate shown to it: \(alert)"
        default: return nil
        }
    }

    /// Why the peer's certificate did not pass, as far as it tells itself.
    private var certificateFault: String {
        if let certificate = handler.peerCertificate {
            let now = Glibc.time(nil)
            if certificate.notValidAfter < now { return "\(peer)'s certificate has expired" }
            if certificate.notValidBefore > now {
                return "\(peer)'s certificate is not valid yet"
            }
        }
        return "\(peer)'s certificate is not signed by an authority that is trusted here, "
            + "or not meant for \(isServer ? "clients" : "servers")"
    }

    /// The library's name of the first error, in words.
    private static func text(_ error: BoringSSLError) -> String {
        switch error {
        case .sslError(let stack), .unknownError(let stack):
            guard let first = stack.first?.description,
                let start = first.range(ofLast: "OPENSSL_internal:")
            else { return "\(error)" }
            return first[start...].prefix { $0 != " " }.lowercased().replacing("_", with: " ")
        default: return "\(error)"
        }
    }
}

extension String {
    /// The index after the last place where `mark` stands.
    fileprivate func range(ofLast mark: String) -> Index? { ranges(of: mark).last?.upperBound }
}
