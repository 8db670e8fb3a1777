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
        case .wildcard: wildcards.find(components(of: pattern)[...])
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
        wildcards.isEmpty ? nil : wildcards.first(matching: components(of: uri)[...])
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
        if !wildcards.isEmpty { wildcards.collect(components(of: uri)[...], into: &found) }
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
        case .wildcard: wildcards.insert(components(of: pattern)[...], slot: slot)
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
        case .wildcard: wildcards.remove(components(of: pattern)[...])
        }
        count -= 1
    }

    private func components(of uri: UnsafeRawBufferPointer) -> [[UInt8]] {
        uri.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map(Array.init)
    }
}

/// Wildcard patterns as a tree, component by component.
///
/// At each component the literal branch is taken before the wildcard. The first pattern found is
/// thus the one that is literal where the first two differ, which is the order of precedence.
struct WildcardNode {
    private var literals: [[UInt8]: WildcardNode] = [:]
    /// None or one: an empty component of the pattern, which matches any one that is not empty.
    private var anything: [WildcardNode] = []
    /// The pattern that ends here.
    private var slot: UInt32?

    var isEmpty: Bool { literals.isEmpty && anything.isEmpty && slot == nil }

    func find(_ pattern: ArraySlice<[UInt8]>) -> UInt32? {
        guard let component = pattern.first else { return slot }
        let next = component.isEmpty ? anything.first : literals[component]
        return next?.find(pattern.dropFirst())
    }

    func first(matching uri: ArraySlice<[UInt8]>) -> UInt32? {
        guard let component = uri.first else { return slot }
        let rest = uri.dropFirst()
        if let found = literals[component]?.first(matching: rest) { return found }
        return component.isEmpty ? nil : anything.first?.first(matching: rest)
    }

    func collect(_ uri: ArraySlice<[UInt8]>, into found: inout [UInt32]) {
        guard let component = uri.first else {
            if let slot { found.append(slot) }
            return
        }
        let rest = uri.dropFirst()
        literals[component]?.collect(rest, into: &found)
        if !component.isEmpty { anything.first?.collect(rest, into: &found) }
    }

    mutating func insert(_ pattern: ArraySlice<[UInt8]>, slot: UInt32) {
        guard let component = pattern.first else {
            self.slot = slot
            return
        }
        if component.isEmpty {
            if anything.isEmpty { anything.append(WildcardNode()) }
            anything[0].insert(pattern.dropFirst(), slot: slot)
        } else {
            literals[component, default: WildcardNode()].insert(pattern.dropFirst(), slot: slot)
        }
    }

    /// Removes a pattern, and the branch that led only to it.
    mutating func remove(_ pattern: ArraySlice<[UInt8]>) {
        guard let component = pattern.first else {
            slot = nil
            return
        }
        if component.isEmpty {
            guard !anything.isEmpty else { return }
            anything[0].remove(pattern.dropFirst())
            if anything[0].isEmpty { anything = [] }
        } else {
            literals[component]?.remove(pattern.dropFirst())
            if literals[component]?.isEmpty == true { literals[component] = nil }
        }
    }
}
