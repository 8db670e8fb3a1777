// The ids of the protocol, one type each, so that a caller's request id is never mistaken for a
// callee's.

/// An id of WAMP: an integer in `1 ... 2^53`.
///
/// Spec: Basic Profile, Identifiers.
public protocol WAMPIdentifier: Hashable, Sendable, CustomStringConvertible, Comparable {
    var rawValue: UInt64 { get }
    init(_ rawValue: UInt64)
}

extension WAMPIdentifier {
    /// The largest id, 2^53: the largest integer up to which a double is exact.
    public static var largest: UInt64 { 1 << 53 }

    public var description: String { String(rawValue) }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A session, in the global scope: random, unused at the moment it is drawn.
public struct SessionID: WAMPIdentifier {
    public let rawValue: UInt64
    @inlinable
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// A request, in the session scope: sequential from 1, one counter per session and direction.
public struct RequestID: WAMPIdentifier {
    public let rawValue: UInt64
    @inlinable
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// A registration, in the router scope.
public struct RegistrationID: WAMPIdentifier {
    public let rawValue: UInt64
    @inlinable
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// A subscription, in the router scope.
public struct SubscriptionID: WAMPIdentifier {
    public let rawValue: UInt64
    @inlinable
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// A publication, in the global scope.
public struct PublicationID: WAMPIdentifier {
    public let rawValue: UInt64
    @inlinable
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}
