// What a router or a client is told about TLS: files in PEM. Values only.

/// The certificate of a router's listeners. The files are read at the start and again with each
/// reload; TLS 1.2 and 1.3 are spoken.
public struct ServerTLS: Hashable, Sendable {
    /// A PEM file: the router's certificate, then those that lead to its root.
    public var certificate: String
    /// A PEM file with the private key of the first certificate.
    public var key: String
    /// A PEM file of authorities. Clients are asked for a certificate; one that is shown must be
    /// signed by one of these, and none need be shown.
    public var clientCA: String?

    /// Paths, which are read when the router listens.
    public init(certificate: String, key: String, clientCA: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.clientCA = clientCA
    }
}

/// Whom a client trusts, and what it shows of itself.
public struct ClientTLS: Hashable, Sendable {
    /// A PEM file of the authorities to trust; nil = those of the system.
    public var ca: String?
    /// A PEM file: the client's certificate, then those that lead to its root. Goes with `key`.
    public var certificate: String?
    /// A PEM file with the private key of the first certificate.
    public var key: String?
    /// Takes any certificate, for any host. Whoever sits between may then read and write along.
    public var isInsecure: Bool

    /// Nothing given: the authorities of the system, and no certificate.
    public init(
        ca: String? = nil, certificate: String? = nil, key: String? = nil, isInsecure: Bool = false
    ) {
        self.ca = ca
        self.certificate = certificate
        self.key = key
        self.isInsecure = isInsecure
    }
}

/// What is wrong with the files given for TLS.
package struct TLSError: Error, Equatable, CustomStringConvertible {
    /// One sentence that names the file.
    package let description: String

    init(_ description: String) { self.description = description }
}

/// What a connection knows of the TLS under it.
package struct TLSInfo: Equatable, Sendable {
    /// The common name in the peer's certificate; nil if it showed none, or if it was not verified.
    package var peerCommonName: String?
    /// 32 bytes that only the two ends of this connection know, to bind an authentication to it:
    /// `tls-exporter` of RFC 9266. Nil with TLS 1.2.
    package var exporter: [UInt8]?
}
