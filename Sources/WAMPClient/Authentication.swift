// What a client can prove itself with, and how it is chosen. Values only.

/// Who a client is, as far as it can prove it.
///
/// Spec: Advanced Profile, Authentication.
public struct Authentication: Sendable {
    /// A way to prove oneself, by the name on the command line.
    public enum Method: String, Sendable, CaseIterable {
        /// Cryptosign with a key, else what the router chooses among the methods that the secret
        /// serves, else nothing.
        case auto
        case anonymous, ticket, wampcra, scram, cryptosign
    }

    /// Which of them to offer.
    public var method = Method.auto
    /// The ticket, the shared secret of WAMP-CRA, or the password of WAMP-SCRAM.
    public var secret: String?
    /// An Ed25519 private key, 32 bytes.
    public var privateKey: [UInt8]?
    /// The Ed25519 public key by which the router must prove itself in cryptosign, 32 bytes; nil =
    /// it need not.
    public var routerKey: [UInt8]?
    /// Bind cryptosign and SCRAM to the TLS connection, and accept nothing less.
    public var bindsChannel = false
    /// The transport shows a client certificate, by which a router may know us.
    public var hasCertificate = false

    /// A method with what it needs.
    public init(
        _ method: Method = .auto, secret: String? = nil, privateKey: [UInt8]? = nil
    ) {
        self.method = method
        self.secret = secret
        self.privateKey = privateKey
    }
}
