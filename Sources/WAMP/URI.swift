// URIs of procedures, topics, realms and errors. On the way of a call a URI is a slice of the bytes
// that arrived; a String is made only for people.

import CScan
package import NIOCore

/// A URI as bytes. Two URIs are equal when their bytes are.
public struct URI: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    package let bytes: ByteBuffer

    package init(_ bytes: ByteBuffer) { self.bytes = bytes }

    /// Takes any text: whether it is a URI is looked at by who uses it.
    public init(_ string: String) { bytes = ByteBuffer(string: string) }

    public init(stringLiteral value: String) { self.init(value) }

    /// - Parameter bytes: are copied.
    package init(copying bytes: some Collection<UInt8>) { self.init(ByteBuffer(bytes: bytes)) }

    public var description: String { String(buffer: bytes) }

    /// The length in UTF-8 bytes.
    package var count: Int { bytes.readableBytes }

    /// A copy that shares no memory with the buffer it was received in, for keeping beyond the
    /// moment.
    package func detached() -> URI { URI(ByteBuffer(bytes: bytes.readableBytesView)) }

    /// Runs `body` on the bytes, without copying them.
    package func withBytes<T>(_ body: (UnsafeRawBufferPointer) -> T) -> T {
        bytes.withUnsafeReadableBytes(body)
    }

    /// Whether the URI begins with these bytes.
    package func hasPrefix(_ prefix: StaticString) -> Bool {
        withBytes { bytes in
            bytes.count >= prefix.utf8CodeUnitCount
                && UnsafeRawBufferPointer(start: prefix.utf8Start, count: prefix.utf8CodeUnitCount)
                    .elementsEqual(bytes.prefix(prefix.utf8CodeUnitCount))
        }
    }
}

/// How the URI of a registration or subscription is matched.
///
/// Spec: Advanced Profile, Pattern-based Registrations and Subscriptions.
public enum MatchPolicy: String, Sendable, CaseIterable {
    case exact, prefix, wildcard
}

/// Which characters a URI component may hold.
///
/// Spec: Basic Profile, URIs.
public enum URIRule: String, Sendable {
    /// Anything but `.`, `#` and white space.
    case loose
    /// Only `0-9`, `a-z` and `_`.
    case strict
}

extension URI {
    /// Whether the bytes of two URIs are the same.
    package static func isSame(
        _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer
    ) -> Bool {
        guard left.count == right.count else { return false }
        guard let left = left.bindMemory(to: UInt8.self).baseAddress,
            let other = right.bindMemory(to: UInt8.self).baseAddress
        else { return true }
        return cscan_equal(left, other, right.count)
    }

    /// The longest URI accepted, in bytes.
    package static let maximumLength = 1024

    /// Whether the URI is well formed under `rule`, as a whole (`exact`) or as a pattern.
    ///
    /// A prefix pattern may end in an empty component, a wildcard pattern may hold empty ones
    /// anywhere.
    package func isValid(_ rule: URIRule, as match: MatchPolicy = .exact) -> Bool {
        guard count <= URI.maximumLength else { return false }
        return withBytes { bytes in
            var componentIsEmpty = true
            var index = 0
            while index < bytes.count {
                let byte = bytes[index]
                if byte == UInt8(ascii: ".") {
                    if componentIsEmpty, match != .wildcard { return false }
                    componentIsEmpty = true
                    index += 1
                    continue
                }
                componentIsEmpty = false
                switch rule {
                case .strict:
                    guard URI.isStrict(byte) else { return false }
                    index += 1
                case .loose:
                    let length = URI.looseLength(bytes, at: index)
                    guard length > 0 else { return false }
                    index += length
                }
            }
            return !componentIsEmpty || match != .exact
        }
    }

    private static func isStrict(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// The length of the character at `index`, or 0 if a loose URI must not hold it: `#`, white
    /// space, bad UTF-8.
    private static func looseLength(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Int {
        let first = bytes[index]
        if first < 0x80 {
            return first == UInt8(ascii: "#") || first == 0x20 || (0x09...0x0d).contains(first)
                || (0x1c...0x1f).contains(first)
                ? 0 : 1
        }
        var decoder = UTF8()
        var rest = bytes[index...].prefix(4).makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&rest) else { return 0 }
        return scalar.properties.isWhitespace ? 0 : UTF8.width(scalar)
    }
}
