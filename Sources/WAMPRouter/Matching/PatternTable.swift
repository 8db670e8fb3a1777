// What is said of URIs by pattern; the most specific pattern that matches a URI decides.

import BasicContainers
import WAMP

struct PatternTable<Element>: ~Copyable {
    private var exact: [URI: Element] = [:]
    private var index: PatternIndex
    private var patterns = UniqueArray<StoredURI>()
    private var elements: [Element] = []

    /// - Parameter seed: of the hashing of patterns.
    init(_ entries: [(URIPattern, Element)], seed: UInt64) {
        index = PatternIndex(seed: seed)
        for (pattern, element) in entries {
            if pattern.match == .exact {
                exact[pattern.uri] = element
                continue
            }
            patterns.append(StoredURI(pattern.uri))
            elements.append(element)
            index.insert(
                patterns[patterns.count - 1].bytes, as: pattern.match,
                slot: UInt32(elements.count - 1))
        }
    }

    var isEmpty: Bool { exact.isEmpty && index.isEmpty }

    /// What is said of a URI, or of just this pattern; of other patterns, what is said of the most
    /// specific one that begins like it.
    func best(for uri: URI, as match: MatchPolicy) -> Element? {
        guard match != .exact, !index.isEmpty else { return best(for: uri) }
        let slot = uri.withBytes { bytes in
            index.find(bytes, as: match) { patterns[Int($0)].bytes }
        }
        return slot.map { elements[Int($0)] } ?? best(for: uri)
    }

    func best(for uri: URI) -> Element? {
        if isEmpty { return nil }
        if let element = exact[uri] { return element }
        guard !index.isEmpty else { return nil }
        let slot = uri.withBytes { bytes in
            index.best(for: bytes) { patterns[Int($0)].bytes }
        }
        return slot.map { elements[Int($0)] }
    }
}

extension PatternTable<TopicSettings> {
    init(_ topics: [TopicSettings], seed: UInt64) {
        self.init(topics.map { ($0.pattern, $0) }, seed: seed)
    }
}

extension PatternTable<ProcedureSettings> {
    init(_ procedures: [ProcedureSettings], seed: UInt64) {
        self.init(procedures.map { ($0.pattern, $0) }, seed: seed)
    }
}
