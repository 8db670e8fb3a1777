// How patterns lie to one another: which one takes in all that another can match, and which two
// have a URI in common. Which one decides is the matter of Precedence.swift.
//
// Spec: Advanced Profile, Pattern-based Registrations and Subscriptions.

import WAMP

/// A pattern taken apart, to be compared with others. It keeps no bytes of a peer alive.
struct ComparablePattern {
    let match: MatchPolicy
    let bytes: [UInt8]
    /// An empty component of a wildcard matches any one that is not empty.
    let components: [ArraySlice<UInt8>]

    init(_ uri: URI, match: MatchPolicy) {
        self.match = match
        bytes = uri.withBytes { Array($0) }
        components = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    }

    init(_ pattern: URIPattern) { self.init(pattern.uri, match: pattern.match) }

    /// Whether every URI that `other` matches is matched by this pattern. An exact URI covers no
    /// pattern, not even one that could match nothing else.
    func covers(_ other: ComparablePattern) -> Bool {
        switch match {
        case .exact: other.match == .exact && bytes == other.bytes
        case .prefix: other.literalStart.starts(with: bytes)
        case .wildcard:
            other.match != .prefix && components.count == other.components.count
                && zip(components, other.components).allSatisfy { own, their in
                    own.isEmpty ? other.match == .wildcard || !their.isEmpty : own == their
                }
        }
    }

    /// Whether some URI is matched by both.
    func overlaps(_ other: ComparablePattern) -> Bool {
        switch (match, other.match) {
        case (.exact, .exact): bytes == other.bytes
        case (.exact, _): other.covers(self)
        case (_, .exact): covers(other)
        case (.prefix, .prefix): bytes.starts(with: other.bytes) || other.bytes.starts(with: bytes)
        case (.prefix, .wildcard): begins(other)
        case (.wildcard, .prefix): other.begins(self)
        case (.wildcard, .wildcard):
            components.count == other.components.count
                && zip(components, other.components).allSatisfy { own, their in
                    own.isEmpty || their.isEmpty || own == their
                }
        }
    }

    /// What every URI that the pattern matches begins with.
    var literalStart: ArraySlice<UInt8> {
        guard match == .wildcard, let gap = components.first(where: \.isEmpty) else {
            return bytes[...]
        }
        return bytes[..<gap.startIndex]
    }

    /// Whether some URI of a wildcard begins with this prefix, the last component of which may be
    /// the start of a longer one.
    private func begins(_ wildcard: ComparablePattern) -> Bool {
        guard components.count <= wildcard.components.count, let last = components.last else {
            return false
        }
        let place = components.count - 1
        let end = wildcard.components[place]
        return (end.isEmpty || end.starts(with: last))
            && zip(components[..<place], wildcard.components).allSatisfy { own, their in
                their.isEmpty ? !own.isEmpty : own == their
            }
    }
}
