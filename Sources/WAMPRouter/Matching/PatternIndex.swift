// Patterns that a URI is looked up in: prefixes and wildcards, by bytes. Shared by dealer, broker,
// permissions and settings. Exact URIs are in a table of their own.
//
// Of the patterns that match a URI, the most specific one decides (see Precedence.swift).
//
// Spec: Advanced Profile, Pattern-based Registrations and Subscriptions.

import WAMP

/// Maps patterns to slots of a table that stores the patterns themselves.
///
/// A look-up costs one probe for each length of prefix that occurs, and one walk through the
/// components; how many patterns there are does not matter.
struct PatternIndex: ~Copyable {
    private var prefixes: URITable
    /// The lengths of the prefixes, longest first, and how many prefixes have each.
    private var lengths: [(length: Int, count: Int)] = []
    private var wildcards = WildcardNode()
    private(set) var count = 0

    init(seed: UInt64) { prefixes = URITable(seed: seed) }

    var isEmpty: Bool { count == 0 }

    /// The slot of just this pattern.
    /// - Parameter stored: the pattern in a slot.
    func find(
        _ pattern: UnsafeRawBufferPointer, as match: MatchPolicy,
        stored: (UInt32) -> UnsafeRawBufferPointer
    ) -> UInt32? {
        switch match {
        case .exact: nil
        case .prefix: prefixes.find(pattern) { URI.isSame(stored($0), pattern) }
        case .wildcard: wildcards.find(pattern)
        }
    }

    /// The most specific pattern that matches `uri`: the longest prefix that ends with one of its
    /// components, else the wildcard that comes first in their order, else the longest prefix.
    func best(
        for uri: UnsafeRawBufferPointer, stored: (UInt32) -> UnsafeRawBufferPointer
    ) -> UInt32? {
        var longest: UInt32?
        for (length, _) in lengths where length <= uri.count {
            guard let slot = prefix(of: uri, length, stored: stored) else { continue }
            if URI.endsComponent(length, of: uri) { return slot }
            if longest == nil { longest = slot }
        }
        let wildcard = wildcards.isEmpty ? nil : wildcards.first(matching: uri)
        return wildcard ?? longest
    }

    /// All patterns that match `uri`, the most specific first.
    func all(
        for uri: UnsafeRawBufferPointer, stored: (UInt32) -> UnsafeRawBufferPointer
    ) -> [UInt32] {
        guard !isEmpty else { return [] }
        var found: [UInt32] = []
        var others: [UInt32] = []
        for (length, _) in lengths where length <= uri.count {
            guard let slot = prefix(of: uri, length, stored: stored) else { continue }
            if URI.endsComponent(length, of: uri) {
                found.append(slot)
            } else {
                others.append(slot)
            }
        }
        if !wildcards.isEmpty { wildcards.collect(uri, into: &found) }
        return others.isEmpty ? found : found + others
    }

    /// The prefix that is just the first `length` bytes of `uri`.
    @inline(__always)
    private func prefix(
        of uri: UnsafeRawBufferPointer, _ length: Int, stored: (UInt32) -> UnsafeRawBufferPointer
    ) -> UInt32? {
        let start = UnsafeRawBufferPointer(rebasing: uri[..<length])
        return prefixes.find(start) { URI.isSame(stored($0), start) }
    }

    /// Adds a pattern that is not in the index.
    mutating func insert(_ pattern: UnsafeRawBufferPointer, as match: MatchPolicy, slot: UInt32) {
        switch match {
        case .exact: return
        case .prefix:
            prefixes.insert(pattern, slot: slot)
            let length = pattern.count
            if let place = lengths.firstIndex(where: { $0.length == length }) {
                lengths[place].count += 1
            } else {
                let place = lengths.firstIndex { $0.length < length } ?? lengths.count
                lengths.insert((length, 1), at: place)
            }
        case .wildcard: wildcards.insert(pattern, slot: slot)
        }
        count += 1
    }

    mutating func remove(_ pattern: UnsafeRawBufferPointer, as match: MatchPolicy, slot: UInt32) {
        switch match {
        case .exact: return
        case .prefix:
            prefixes.remove(pattern, slot: slot)
            if let place = lengths.firstIndex(where: { $0.length == pattern.count }) {
                lengths[place].count -= 1
                if lengths[place].count == 0 { lengths.remove(at: place) }
            }
        case .wildcard: wildcards.remove(pattern)
        }
        count -= 1
    }
}
