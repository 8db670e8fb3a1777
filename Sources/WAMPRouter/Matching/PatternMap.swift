// What settings say about some URIs: of all patterns that match, the most specific one counts.
// Filled once, when the realm is made.

import BasicContainers
import WAMP

/// The index of the most specific of a list of patterns: exact, else the longest prefix, else the
/// wildcard of the highest precedence.
struct PatternMap: ~Copyable {
    private var patterns = UniqueArray<StoredURI>()
    private var exact: URITable
    private var index: PatternIndex

    /// - Parameter patterns: of two that are the same, the first counts.
    init(_ patterns: [URIPattern], seed: UInt64) {
        exact = URITable(seed: seed)
        index = PatternIndex(seed: seed)
        for (slot, pattern) in patterns.enumerated() {
            let isKnown = find(pattern) != nil
            self.patterns.append(StoredURI(pattern.uri))
            guard !isKnown else { continue }
            let bytes = self.patterns[slot].bytes
            if pattern.match == .exact {
                exact.insert(bytes, slot: UInt32(slot))
            } else {
                index.insert(bytes, as: pattern.match, slot: UInt32(slot))
            }
        }
    }

    private func find(_ pattern: URIPattern) -> UInt32? {
        pattern.uri.withBytes { bytes in
            pattern.match == .exact
                ? exact.find(bytes) { URI.isSame(patterns[Int($0)].bytes, bytes) }
                : index.find(bytes, as: pattern.match) { patterns[Int($0)].bytes }
        }
    }

    /// The place in the list of the pattern that counts for `uri`; nil if none matches.
    func best(for uri: URI) -> Int? {
        guard !patterns.isEmpty else { return nil }
        return uri.withBytes { bytes in
            if let slot = exact.find(bytes, isSame: { URI.isSame(patterns[Int($0)].bytes, bytes) })
            {
                return Int(slot)
            }
            return index.best(for: bytes) { patterns[Int($0)].bytes }.map(Int.init)
        }
    }
}
