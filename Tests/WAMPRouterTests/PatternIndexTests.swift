// Looking a URI up among patterns.

import BasicContainers
import Testing
import WAMP

@testable import WAMPRouter

@Suite("Pattern index")
struct PatternIndexTests {
    /// The index with its patterns, as a table holds them.
    final class Patterns {
        var index = PatternIndex(seed: 7)
        var count: Int { index.count }
        var stored = UniqueArray<StoredURI>()
        var patterns: [(pattern: URI, match: MatchPolicy)] = []

        func add(_ pattern: URI, _ match: MatchPolicy) {
            pattern.withBytes { index.insert($0, as: match, slot: UInt32(patterns.count)) }
            stored.append(StoredURI(pattern))
            patterns.append((pattern, match))
        }

        /// Adds a pattern such as `prefix a.b`.
        func add(_ text: String) {
            let (match, pattern) = Patterns.parts(text)
            add(URI(pattern), match)
        }

        private static func parts(_ text: String) -> (MatchPolicy, String) {
            text.hasPrefix("prefix ")
                ? (.prefix, String(text.dropFirst(7))) : (.wildcard, String(text.dropFirst(9)))
        }

        static func matches(_ text: String, _ uri: String) -> Bool {
            let (match, pattern) = parts(text)
            return match.matches(URI(pattern), URI(uri))
        }

        /// The greater, the more specific: a text to be compared as such.
        static func rank(_ text: String, _ uri: String) -> String {
            let (match, pattern) = parts(text)
            if match == .wildcard {
                let components = pattern.split(separator: ".", omittingEmptySubsequences: false)
                return "1" + components.map { $0.isEmpty ? "0" : "1" }.joined()
            }
            let isWhole =
                pattern.isEmpty || pattern.hasSuffix(".") || uri == pattern
                || uri.hasPrefix(pattern + ".")
            return (isWhole ? "2" : "0") + String(pattern.utf8.count)
        }

        func remove(_ pattern: URI, _ match: MatchPolicy) {
            guard let slot = patterns.firstIndex(where: { $0 == (pattern, match) }) else { return }
            pattern.withBytes { index.remove($0, as: match, slot: UInt32(slot)) }
        }

        func best(_ uri: URI) -> URI? {
            uri.withBytes { index.best(for: $0, stored: { stored[Int($0)].bytes }) }.map {
                patterns[Int($0)].pattern
            }
        }

        func all(_ uri: URI) -> [URI] {
            uri.withBytes { index.all(for: $0, stored: { stored[Int($0)].bytes }) }.map {
                patterns[Int($0)].pattern
            }
        }
    }

    @Test(
        "SR-69, SR-72 the specification's examples of precedence",
        arguments: [
            ("a1.b2.c3.d98.e74", "a1.b2.c3"), ("a1.b2.c3.d4.e325", "a1.b2.c3.d4"),
            ("a1.b2.c55.d4.e5", "a1.b2..d4.e5"), ("a1.b2.c33.d4.e5", "a1.b2.c33..e5"),
            ("a1.b2.c88.d4.e5.f6.g7", "a1.b2..d4.e5..g7"), ("a2.b2.c2.d2.e2", nil),
        ] as [(URI, URI?)])
    func precedence(uri: URI, expected: URI?) {
        let patterns = Patterns()
        patterns.add("a1.b2.c3", .prefix)
        patterns.add("a1.b2.c3.d4", .prefix)
        for wildcard in ["a1.b2..d4.e5", "a1.b2.c33..e5", "a1.b2..d4.e5..g7", "a1.b2..d4..f6.g7"] {
            patterns.add(URI(wildcard), .wildcard)
        }
        #expect(patterns.best(uri) == expected)
    }

    @Test(
        "SR-69 a prefix that cuts a component yields to whole ones, then to wildcards",
        arguments: [
            (["prefix a.b", "prefix a.b.c3", "wildcard a.b."], "a.b.c33", "a.b"),
            (["prefix a.b.c3", "wildcard a.b."], "a.b.c33", "a.b."),
            (["prefix a.b.c3", "wildcard a.b."], "a.b.c3", "a.b.c3"),
            (["prefix a.b.c3.", "prefix a.b.c3", "wildcard a.b.."], "a.b.c3.d", "a.b.c3."),
            (["prefix a.b.c3", "prefix a.b.c33", "prefix a.b"], "a.b.c334", "a.b"),
            (["prefix a.b.c3", "prefix a.b.c33"], "a.b.c334", "a.b.c33"),
            (["prefix ", "wildcard a.b."], "a.b.c", ""),
            (["prefix ", "prefix a.b.c"], "a.b.cd", ""),
            (["prefix é", "wildcard "], "é", "é"), (["prefix e", "wildcard "], "e\u{301}", ""),
        ] as [([String], URI, URI)])
    func cutComponents(texts: [String], uri: URI, expected: URI) {
        for order in [texts, texts.reversed()] {
            let patterns = Patterns()
            for text in order { patterns.add(text) }
            #expect(patterns.best(uri) == expected, "\(order)")
            #expect(patterns.all(uri).first == expected, "\(order)")
        }
    }

    @Test("SR-69 SR-72 the order of precedence is total, and the plainest way finds the same")
    func naive() {
        let uris = ["a", "a.b", "a.bb", "a.bb.c", "a.b.c", "a.b.cc", "aa.b.c", "ab", "a.b.c.d"]
        let texts =
            ["", "a", "a.", "a.b", "a.b.", "a.bb", "a.b.c", "a.b.c.", "ab"].map { "prefix " + $0 }
            + ["", ".", "a.", ".b", "..", "a..", "a.b.", ".b.", "a..c", "..c", "a.b.c", "..."]
            .map { "wildcard " + $0 }
        var random = SeededRandom(seed: 5)
        for round in 0..<500 {
            let chosen = Array(Set((0..<8).map { _ in texts[random.index(below: texts.count)] }))
            let patterns = Patterns()
            for text in chosen { patterns.add(text) }
            for uri in uris {
                let all = patterns.all(URI(uri)).map { "\($0)" }
                let naive = chosen.filter { Patterns.matches($0, uri) }
                    .sorted { Patterns.rank($0, uri) > Patterns.rank($1, uri) }
                    .map { String($0.drop { $0 != " " }.dropFirst()) }
                #expect(all == naive, "\(uri) among \(chosen)")
                #expect(patterns.best(URI(uri)).map { "\($0)" } == naive.first, "\(round) \(uri)")
            }
        }
    }

    @Test("A prefix is a prefix of the string, not of the components")
    func stringPrefix() {
        let patterns = Patterns()
        patterns.add("com.app.e", .prefix)
        #expect(patterns.best("com.app.emergency") == "com.app.e")
        #expect(patterns.best("com.app.e") == "com.app.e")
        #expect(patterns.best("com.app.") == nil)
    }

    @Test("The empty prefix matches everything, behind all others")
    func emptyPrefix() {
        let patterns = Patterns()
        patterns.add("", .prefix)
        patterns.add("com.", .prefix)
        #expect(patterns.all("com.x") == ["com.", ""])
        #expect(patterns.all("org") == [""])
    }

    @Test("A wildcard matches just as many components, none of them empty")
    func wildcardComponents() {
        let patterns = Patterns()
        patterns.add("a..c", .wildcard)
        patterns.add("..", .wildcard)
        #expect(patterns.all("a.b.c") == ["a..c", ".."])
        #expect(patterns.all("a..c") == [])
        #expect(patterns.all("a.b.c.d") == [])
        #expect(patterns.all("a.b") == [])
    }

    @Test("A pattern that was removed matches no more, its neighbours do")
    func removal() {
        let patterns = Patterns()
        patterns.add("a..c", .wildcard)
        patterns.add("a..d", .wildcard)
        patterns.add("a.", .prefix)
        patterns.add("b.", .prefix)
        patterns.remove("a..c", .wildcard)
        patterns.remove("a.", .prefix)
        #expect(patterns.all("a.b.c") == [])
        #expect(patterns.all("a.b.d") == ["a..d"])
        #expect(patterns.all("b.x") == ["b."])
        #expect(patterns.count == 2)
        patterns.remove("a..d", .wildcard)
        patterns.remove("b.", .prefix)
        #expect(patterns.count == 0)
    }
}
