// Whether one pattern matches one URI, by bytes. Looking for all patterns that do is the business
// of PatternIndex.
//
// Spec: Advanced Profile, Pattern-based Subscriptions.

import WAMP

extension MatchPolicy {
    /// Whether `pattern`, taken as this kind of pattern, matches `uri`.
    func matches(_ pattern: UnsafeRawBufferPointer, _ uri: UnsafeRawBufferPointer) -> Bool {
        switch self {
        case .exact: URI.isSame(pattern, uri)
        case .prefix: uri.starts(with: pattern)
        case .wildcard: MatchPolicy.isWildcard(pattern, matching: uri)
        }
    }

    /// Whether `pattern`, taken as this kind of pattern, matches `uri`.
    func matches(_ pattern: URI, _ uri: URI) -> Bool {
        pattern.withBytes { pattern in uri.withBytes { matches(pattern, $0) } }
    }

    /// As many components in both; one that is empty in the pattern stands for any that is not.
    private static func isWildcard(
        _ pattern: UnsafeRawBufferPointer, matching uri: UnsafeRawBufferPointer
    ) -> Bool {
        let dot = UInt8(ascii: ".")
        let wanted = pattern.split(separator: dot, omittingEmptySubsequences: false)
        let given = uri.split(separator: dot, omittingEmptySubsequences: false)
        guard wanted.count == given.count else { return false }
        return zip(wanted, given).allSatisfy { wanted, given in
            wanted.isEmpty ? !given.isEmpty : wanted.elementsEqual(given)
        }
    }

    /// Whether a pattern says nothing about the first component. Such a one is not meant for the
    /// router's own procedures and topics, and matches them for trusted roles only.
    func isSweeping(_ pattern: URI) -> Bool {
        self != .exact && (pattern.count == 0 || pattern.hasPrefix("."))
    }
}
