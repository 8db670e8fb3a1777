// The arguments of a message as bytes. The router checks them, forwards them, and decodes them only
// when the receiver speaks another serializer.

package import NIOCore

/// `args` and `kwargs` as one opaque slice of validated bytes in the serializer they came in.
///
/// The bytes are the encoded list, followed (after a comma in JSON) by the encoded dictionary if
/// there is one: exactly the tail of a WAMP message. Empty `args` and `kwargs` are equivalent to
/// absent ones, so a payload without any is empty and `{}` is never kept.
///
/// Spec: Basic Profile, Messages.
public struct Payload: Sendable {
    package var bytes: ByteBuffer
    package var serializer: Serializer
    package var shape: Shape

    /// What the bytes hold.
    package enum Shape: UInt8, Sendable {
        case empty
        /// One list.
        case arguments
        /// A list, possibly empty, and a dictionary.
        case argumentsAndKeywords
        /// One binary or string in place of the list: an end-to-end encrypted payload (`enc_algo`),
        /// passed through.
        case opaque
        /// Nothing that could be passed on; the bytes are the sentence that says why.
        case broken
    }

    package init(bytes: ByteBuffer, serializer: Serializer, shape: Shape) {
        self.bytes = bytes
        self.serializer = serializer
        self.shape = shape
    }

    /// No arguments.
    public init() { self.init(bytes: ByteBuffer(), serializer: .json, shape: .empty) }

    /// - Parameter bytes: are copied.
    package init(copying bytes: some Collection<UInt8>, serializer: Serializer, shape: Shape) {
        self.init(bytes: ByteBuffer(bytes: bytes), serializer: serializer, shape: shape)
    }

    /// What stands in the place of arguments that are broken inside an intact message, or that
    /// their serializer cannot hold: it costs its message, never a session.
    /// - Parameter flaw: one sentence, which names the place.
    static func broken(_ flaw: String) -> Payload {
        Payload(bytes: ByteBuffer(string: flaw), serializer: .json, shape: .broken)
    }

    /// Why the arguments can be sent to nobody; nil if they can.
    package var flaw: String? { shape == .broken ? String(buffer: bytes) : nil }

    /// Whether the bytes are what a peer with that serializer may be sent.
    package func isReady(for serializer: Serializer) -> Bool {
        shape == .empty || self.serializer == serializer && shape != .broken
    }

    /// Whether there are no arguments.
    public var isEmpty: Bool { shape == .empty }

    /// The size of the bytes.
    public var count: Int { bytes.readableBytes }

    /// A copy that shares no memory with the buffer it was received in, for keeping beyond the
    /// moment.
    package func detached() -> Payload {
        var copy = self
        copy.bytes = ByteBuffer(bytes: bytes.readableBytesView)
        return copy
    }
}

extension Payload: Equatable {
    /// Equal when the bytes are, in the same serializer; all empty payloads are equal.
    public static func == (left: Payload, right: Payload) -> Bool {
        if left.isEmpty || right.isEmpty { return left.isEmpty && right.isEmpty }
        return left.shape == right.shape && left.serializer == right.serializer
            && left.bytes == right.bytes
    }
}

/// The serializations of WAMP that this library speaks.
///
/// Spec: Basic Profile, Serializers. The raw value is RawSocket's number.
public enum Serializer: UInt8, Sendable, CaseIterable {
    case json = 1
    case msgpack = 2
    case cbor = 3

    /// The WebSocket subprotocol.
    public var subprotocol: String { "wamp.2.\(name)" }

    /// The name in subprotocols and options: `json`, `msgpack`, `cbor`.
    public var name: String {
        switch self {
        case .json: "json"
        case .msgpack: "msgpack"
        case .cbor: "cbor"
        }
    }

    /// The serializer of a name; nil if there is none.
    public init?(name: String) {
        guard let match = Serializer.allCases.first(where: { $0.name == name }) else { return nil }
        self = match
    }
}
