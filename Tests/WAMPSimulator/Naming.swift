// How URIs and patterns match, said in the plainest way: the core's indexes are judged by it.
//
// Spec: Advanced Profile, Pattern-based Registrations and Subscriptions.

import WAMP

enum Naming {
    static func parts(_ uri: String) -> [Substring] {
        uri.split(separator: ".", omittingEmptySubsequences: false)
    }

    static func matches(_ match: MatchPolicy, _ pattern: String, _ uri: String) -> Bool {
        switch match {
        case .exact: return pattern == uri
        case .prefix: return uri.utf8.starts(with: pattern.utf8)
        case .wildcard:
            let (wanted, given) = (parts(pattern), parts(uri))
            return wanted.count == given.count
                && zip(wanted, given).allSatisfy { $0.isEmpty || $0 == $1 }
        }
    }

    /// Which of two patterns that match a URI decides about it.
    static func isBetter(
        _ left: (match: MatchPolicy, uri: String), than right: (match: MatchPolicy, uri: String),
        for uri: String
    ) -> Bool {
        let (one, other) = (rank(left.match, left.uri, uri), rank(right.match, right.uri, uri))
        if one != other { return one < other }
        switch left.match {
        case .exact: return false
        case .prefix: return left.uri.utf8.count > right.uri.utf8.count
        case .wildcard:
            for (one, other) in zip(parts(left.uri), parts(right.uri))
            where one.isEmpty != other.isEmpty {
                return !one.isEmpty
            }
            return false
        }
    }

    /// A prefix counts before wildcards only where it takes in whole components.
    private static func rank(_ match: MatchPolicy, _ pattern: String, _ uri: String) -> Int {
        switch match {
        case .exact: 0
        case .prefix:
            pattern.isEmpty || pattern == uri || pattern.hasSuffix(".")
                || uri.hasPrefix(pattern + ".") ? 1 : 3
        case .wildcard: 2
        }
    }

    /// What is certain about every URI that a wildcard pattern matches.
    static func literalStart(of pattern: String) -> String {
        var start = ""
        for part in parts(pattern) {
            if part.isEmpty { return start }
            start += part + "."
        }
        return start
    }

    static func isReserved(_ uri: String) -> Bool {
        uri.utf8.starts(with: "wamp.".utf8) || uri.utf8.starts(with: "wampctl.".utf8)
    }

    /// Whether a URI without a pattern is a valid one, for the URIs that are used here.
    static func isValid(_ uri: String) -> Bool {
        !uri.isEmpty && !parts(uri).contains { $0.isEmpty || $0.contains("#") }
    }
}
