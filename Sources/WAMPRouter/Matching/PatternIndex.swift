// Patterns that a URI is looked up in: prefixes and wildcards, by bytes. Shared by dealer and
// broker. Exact URIs are in a table of their own.
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

    /// The pattern that a call of `uri` is routed to: the longest prefix, else the wildcard with
    /// the longest run of literal components from the left.
    ///
    /// A prefix matches by characters, so it may end within a component. Such a one yields to a
    /// wildcard: the specification's example routes `a1.b2.c33.d4.e5` to `a1.b2.c33..e5`, though
    /// the prefix `a1.b2.c3` is registered.
    func best(
        for uri: UnsafeRawBufferPointer, stored: (UInt32) -> UnsafeRawBufferPointer
    ) -> UInt32? {
        let prefix = longestPrefix(of: uri, stored: stored)
        if let prefix, endsComponent(prefix.length, of: uri) { return prefix.slot }
        return firstWildcard(matching: uri) ?? prefix?.slot
    }

    /// The longest prefix that `uri` begins with.
    func longestPrefix(
        of uri: UnsafeRawBufferPointer, stored: (UInt32) -> UnsafeRawBufferPointer
    ) -> (slot: UInt32, length: Int)? {
        for (length, _) in lengths where length <= uri.count {
            let start = UnsafeRawBufferPointer(rebasing: uri[..<length])
            if let slot = prefixes.find(start, isSame: { URI.isSame(stored($0), start) }) {
                return (slot, length)
            }
        }
        return nil
    }

    /// The wildcard that matches `uri` and has the longest run of literal components from the left.
    func firstWildcard(matching uri: UnsafeRawBufferPointer) -> UInt32? {
        wildcards.isEmpty ? nil : wildcards.first(matching: uri)
    }

    /// Whether the first `length` bytes are whole components.
    private func endsComponent(_ length: Int, of uri: UnsafeRawBufferPointer) -> Bool {
        let dot = UInt8(ascii: ".")
        return length == 0 || length == uri.count || uri[length] == dot || uri[length - 1] == dot
    }

    /// All patterns that match `uri`: prefixes from the longest on, then wildcards in the order of
    /// their precedence.
    func all(
        for uri: UnsafeRawBufferPointer, stored: (UInt32) -> UnsafeRawBufferPointer
    ) -> [UInt32] {
        guard !isEmpty else { return [] }
        var found: [UInt32] = []
        for (length, _) in lengths where length <= uri.count {
            let start = UnsafeRawBufferPointer(rebasing: uri[..<length])
            if let slot = prefixes.find(start, isSame: { URI.isSame(stored($0), start) }) {
                found.append(slot)
            }
        }
        if !wildcards.isEmpty { wildcards.collect(uri, into: &found) }
        return found
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
