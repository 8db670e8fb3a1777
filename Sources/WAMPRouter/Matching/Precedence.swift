// The one order of precedence: which of the patterns that match a URI decides about it, for calls,
// permissions and settings alike.
//
// Exact; prefixes that end with a component of the URI, the longest first; wildcards, of two the
// one that is literal where they first differ; other prefixes, the longest first. A prefix matches
// by characters, so one and the same may end a component of one URI and cut one of another: the
// specification's example routes `a1.b2.c33.d4.e5` to the wildcard `a1.b2.c33..e5`, though the
// prefix `a1.b2.c3` is registered.
//
// Spec: Advanced Profile, Pattern-based Registrations.

import WAMP

extension URI {
    /// Whether the first `length` bytes of a URI are whole components, a dot behind them included
    /// or not.
    @inline(__always)
    static func endsComponent<Bytes: RandomAccessCollection<UInt8>>(
        _ length: Int, of uri: Bytes
    ) -> Bool where Bytes.Index == Int {
        let dot = UInt8(ascii: ".")
        return length == 0 || length == uri.count || uri[length] == dot || uri[length - 1] == dot
    }
}

/// How specific a pattern is for a URI that it matches.
private enum Specificity: Int {
    case cuttingPrefix, wildcard, wholePrefix, exact
}

extension ComparablePattern {
    /// Whether this pattern may decide before another, for some URI that all three match.
    func mayPrecede(_ other: ComparablePattern, within question: ComparablePattern) -> Bool {
        let theirs = other.specificities(within: [question, self])
        return specificities(within: [question, other]).contains { own in
            theirs.contains { own == $0 ? isMoreSpecific(than: other) : own.rawValue > $0.rawValue }
        }
    }

    /// Whether this pattern decides before another about a pattern that both cover: where they
    /// differ from URI to URI, as if it were a URI.
    func precedes(_ other: ComparablePattern, for question: ComparablePattern) -> Bool {
        let (own, their) = (
            specificity(for: question.bytes), other.specificity(for: question.bytes)
        )
        return own == their ? isMoreSpecific(than: other) : own.rawValue > their.rawValue
    }

    private func specificity(for uri: [UInt8]) -> Specificity {
        switch match {
        case .exact: .exact
        case .wildcard: .wildcard
        case .prefix: URI.endsComponent(bytes.count, of: uri) ? .wholePrefix : .cuttingPrefix
        }
    }

    /// How specific the pattern can be for URIs that these others match, too.
    private func specificities(within others: [ComparablePattern]) -> [Specificity] {
        guard match == .prefix else { return [specificity(for: bytes)] }
        return [Specificity.wholePrefix, .cuttingPrefix].filter { specificity in
            others.allSatisfy { canEnd(specificity == .wholePrefix, within: $0) }
        }
    }

    /// Whether this prefix ends a component of some URI that another pattern matches, or cuts one.
    private func canEnd(_ isWhole: Bool, within other: ComparablePattern) -> Bool {
        if bytes.isEmpty || bytes.last == UInt8(ascii: ".") { return isWhole }
        let start = other.literalStart
        if start.count > bytes.count || other.match == .exact {
            return URI.endsComponent(bytes.count, of: other.bytes) == isWhole
        }
        guard other.match == .wildcard, !other.components[components.count - 1].isEmpty else {
            return true
        }
        // The component that it ends in is literal, behind a gap.
        return
            (other.components[components.count - 1].count == components[components.count - 1].count)
            == isWhole
    }

    /// Of two patterns that are of one kind for a URI.
    private func isMoreSpecific(than other: ComparablePattern) -> Bool {
        switch match {
        case .exact: return false
        case .prefix: return bytes.count > other.bytes.count
        case .wildcard:
            for (own, their) in zip(components, other.components) where own.isEmpty != their.isEmpty
            {
                return their.isEmpty
            }
            return false
        }
    }
}
