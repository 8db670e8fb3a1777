// What a client says and allows when it joins a realm. Values only.

public import WAMP
public import WAMPTransport

/// How to join a realm.
public struct SessionOptions: Sendable {
    /// Where to join, in which language, and as whom; what is nil is left to the router.
    public var realm: String
    public var serializer: Serializer
    public var authid: String?
    public var authrole: String?
    /// How to prove who we are.
    public var authentication = Authentication()
    /// Time for connecting, the transport's handshake and joining together.
    public var connectTimeout = Duration.seconds(5)
    /// How long to go on trying while there is no router (100 ms between tries, doubling to 2 s).
    public var retry = Duration.zero
    /// Silence after which the router is pinged; two unanswered pings end the session. Zero = off.
    public var keepalive = Duration.seconds(10)
    /// The longest message accepted, in bytes.
    public var maxMessage = 16 << 20
    /// Bytes that may wait to be sent.
    public var outboundQueue = 64 << 20
    /// With WebSocket, whether messages travel in batches, for routers that only speak so.
    public var isBatched = false
    /// With WebSocket, whether to offer permessage-deflate.
    public var deflate = false
    /// For `wss` and `tls`: whom to trust, and the client's own certificate.
    public var tls = ClientTLS()
    /// The program's name and version, for HELLO.
    public var agent: String?

    /// Sees every message, sent (true) or received, with its arguments, on the session's loop.
    package var trace: (@Sendable (_ isSent: Bool, Message, Payload) -> Void)?

    /// The files named in `tls`, if they were read in advance.
    package var tlsContext: TLSContext?

    /// Reads the files named in `tls` now, once for all sessions that join with these options.
    /// - Throws: what is wrong with them, as a sentence.
    package mutating func readTLSFiles() throws(TLSError) {
        tlsContext = try TLSContext.client(tls)
    }

    /// As a client that asks for nothing in particular.
    public init(realm: String = "realm1", serializer: Serializer = .json) {
        self.realm = realm
        self.serializer = serializer
    }

    var hello: Hello {
        Hello(
            realm: URI(realm),
            roles: SessionOptions.roles,
            agent: agent, authid: authid, authrole: authrole)
    }

    /// What this client does in each role.
    ///
    /// Spec: Advanced Profile, Feature Announcement.
    static var roles: Roles {
        Roles([
            .publisher: [
                .publisherIdentification, .publisherExclusion, .subscriberBlackwhiteListing,
                .payloadPassthruMode,
            ],
            .subscriber: [
                .publisherIdentification, .publicationTrustlevels, .patternBasedSubscription,
                .subscriptionRevocation, .payloadPassthruMode,
            ],
            .caller: [
                .progressiveCallResults, .progressiveCallInvocations, .callTimeout,
                .callCanceling, .callerIdentification, .shardedRegistration,
                .payloadPassthruMode,
            ],
            .callee: [
                .progressiveCallResults, .progressiveCallInvocations, .callTimeout,
                .callCanceling, .callReroute, .callerIdentification, .callTrustlevels,
                .patternBasedRegistration, .sharedRegistration, .registrationRevocation,
                .payloadPassthruMode,
            ],
        ])
    }
}
