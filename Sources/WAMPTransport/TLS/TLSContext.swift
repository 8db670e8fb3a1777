// What all TLS connections of a listener or a client share: certificate, key and whom to trust,
// read from files once. Immutable, so that a reload makes a new one for new connections.

import Glibc
package import NIOCore
import NIOSSL
import WAMP

package final class TLSContext: Sendable {
    private let context: NIOSSLContext
    private let keys: TLSKeyLog
    private let isServer: Bool
    /// Whether what the peer's certificate says is known to be true.
    private let verifiesPeer: Bool
    /// When the certificate shown to peers is valid, in seconds since 1970; nil if there is none.
    package let validity: Range<Int>?

    private init(
        _ configuration: TLSConfiguration, isServer: Bool, certificate: NIOSSLCertificate?,
        files: String
    ) throws(TLSError) {
        let keys = TLSKeyLog()
        var configuration = configuration
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = .seconds(2)
        configuration.keyLogCallback = { keys.log($0) }
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw TLSError("the TLS files \(files) do not fit together")
        }
        self.keys = keys
        self.isServer = isServer
        verifiesPeer = configuration.certificateVerification != .none
        validity = certificate.map { certificate in
            let begin = Int(certificate.notValidBefore)
            return begin..<max(begin, Int(certificate.notValidAfter))
        }
    }

    /// Reads a router's files.
    package static func server(_ files: ServerTLS) throws(TLSError) -> TLSContext {
        let chain = try certificates(in: files.certificate)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(try privateKey(in: files.key)))
        configuration.applicationProtocols = ["http/1.1"]
        if let clientCA = files.clientCA {
            configuration.trustRoots = .certificates(try certificates(in: clientCA))
            configuration.certificateVerification = .optionalVerification
        }
        return try TLSContext(
            configuration, isServer: true, certificate: chain.first,
            files: "'\(files.certificate)' and '\(files.key)'")
    }

    /// Reads a client's files.
    package static func client(_ options: ClientTLS) throws(TLSError) -> TLSContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let ca = options.ca {
            configuration.trustRoots = .certificates(try certificates(in: ca))
        }
        if options.isInsecure { configuration.certificateVerification = .none }
        guard (options.certificate == nil) == (options.key == nil) else {
            throw TLSError("a client's certificate and its key go together; one of them is missing")
        }
        var shown: NIOSSLCertificate?
        if let certificate = options.certificate, let key = options.key {
            let chain = try certificates(in: certificate)
            shown = chain.first
            configuration.certificateChain = chain.map { .certificate($0) }
            configuration.privateKey = .privateKey(try privateKey(in: key))
        }
        return try TLSContext(
            configuration, isServer: false, certificate: shown,
            files: "'\(options.certificate ?? "")' and '\(options.key ?? "")'")
    }

    private static func certificates(in path: String) throws(TLSError) -> [NIOSSLCertificate] {
        try requireReadable(path)
        let found = try? NIOSSLCertificate.fromPEMFile(path)
        guard let found, !found.isEmpty else {
            throw TLSError("'\(path)' holds no certificate in PEM")
        }
        return found
    }

    private static func privateKey(in path: String) throws(TLSError) -> NIOSSLPrivateKey {
        try requireReadable(path)
        if let key = try? NIOSSLPrivateKey(file: path, format: .pem) { return key }
        guard isLocked(path) else {
            throw TLSError("'\(path)' holds no private key in PEM that can be read")
        }
        throw TLSError(
            "'\(path)' holds a private key with a passphrase, which is not asked for; "
                + "'openssl pkey -in \(path) -out FILE' writes it without")
    }

    private static func isLocked(_ path: String) -> Bool {
        guard let file = fopen(path, "r") else { return false }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 64 * 1024)
        let count = fread(&bytes, 1, bytes.count, file)
        return PrivateKeyText(String(decoding: bytes[..<count], as: UTF8.self))?.isLocked == true
    }

    private static func requireReadable(_ path: String) throws(TLSError) {
        guard access(path, R_OK) == 0 else {
            throw TLSError("cannot read '\(path)': \(String(cString: strerror(errno)))")
        }
    }

    /// Puts TLS in front of the handlers of a channel, which has none yet. On its loop.
    /// - Parameter host: for a client, the name or address it connects to.
    package func install(on channel: any Channel, host: String = "") throws -> TLSFront {
        let handler: NIOSSLHandler
        if isServer {
            handler = NIOSSLServerHandler(context: context)
        } else {
            // An address is compared with the one connected to; names are sent along, too.
            let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
            handler = try NIOSSLClientHandler(
                context: context, serverHostname: isAddress ? nil : host)
        }
        let front = TLSFront(
            handler: handler, keys: keys, isServer: isServer, verifiesPeer: verifiesPeer,
            host: host)
        try channel.pipeline.syncOperations.addHandler(front)
        try channel.pipeline.syncOperations.addHandler(handler)
        return front
    }
}
