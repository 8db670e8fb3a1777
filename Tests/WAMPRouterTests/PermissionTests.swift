// What the rules of a role allow: tables of rules and questions.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Permissions")
struct PermissionTests {
    /// A role from rules such as `prefix com.example. call subscribe`.
    static func role(_ rules: [String]) throws -> RoleRules {
        RoleRules(
            RolePermissions(
                rules: try rules.map { text in
                    let words = text.split(separator: " ", omittingEmptySubsequences: false)
                        .map(String.init)
                    let match = try #require(MatchPolicy(rawValue: words[0]))
                    return PermissionRule(
                        URIPattern(URI(words[1]), match: match),
                        actions: Set(words.dropFirst(2).compactMap(Action.init)))
                }))
    }

    @Test(
        "§11 the most specific rule decides alone, in the order that calls are routed by",
        arguments: [
            // A prefix that cuts a component yields to one that does not, and to wildcards.
            ("com.example.secretary", true), ("org.y.book", true), ("org.y.b", true),
            ("com.example.add", true), ("com.example.secret.x", false),
            ("com.example.secret.open", true), ("com.example.secret", true),
            ("com.examples.x", false), ("org.a.b", true), ("org.x.b", false), ("org.a.c", false),
            ("net.a", false),
        ] as [(URI, Bool)])
    func mostSpecific(uri: URI, isAllowed: Bool) throws {
        let role = try Self.role([
            "prefix com. ", "prefix com.example. call", "prefix com.example.secret. publish",
            "exact com.example.secret.open call", "prefix com.example.secretar publish",
            "prefix org.y.b call", "prefix org.y.boo publish", "wildcard org.y. call",
            "wildcard org..b call", "wildcard org.x. publish",
            "wildcard ..c publish",
        ])
        #expect(role.isAllowed(.call, uri) == isAllowed)
        #expect((role.rule(for: .call, uri) != nil) == isAllowed)
        #expect(uri.withBytes { role.isAllowed(.call, $0) } == isAllowed)
    }

    @Test("§11 no rule and no such role deny, and so does an action that the rule does not name")
    func denied() {
        let index = PermissionIndex(
            Permissions(roles: [
                "none": RolePermissions(),
                "caller": RolePermissions(
                    rules: [PermissionRule(URIPattern("", match: .prefix), actions: [.call])]),
            ]))
        #expect(index.rule(for: "none", .call, "com.a") == nil)
        #expect(index.rule(for: "missing", .call, "com.a") == nil)
        #expect(index.rule(for: "caller", .call, "com.a") != nil)
        for action in Action.allCases where action != .call {
            #expect(index.rule(for: "caller", action, "com.a") == nil, "\(action)")
        }
        #expect(index.rules(of: "missing") == nil && !index.isOpen)
    }

    @Test("§11 a realm without roles allows everything to everybody, killing as it is told")
    func open() {
        var permissions = Permissions()
        permissions.isKillAllowed = false
        let index = PermissionIndex(permissions)
        #expect(index.isOpen)
        for action in Action.allCases {
            for match in MatchPolicy.allCases {
                #expect(
                    index.rule(for: "anything", action, "com.a", as: match) != nil,
                    "\(action) \(match)")
            }
        }
        #expect(index.rules(of: "anything")?.mayReadMeta == true)
        #expect(index.rules(of: "anything")?.mayKill == false)
        #expect(PermissionIndex().rules(of: "anything")?.mayKill == true)
    }

    @Test(
        "§11 a pattern needs a rule that covers every URI it can match",
        arguments: [
            // A prefix rule and the literal start of what is asked for.
            ("prefix com.example.", MatchPolicy.prefix, "com.example.", true),
            ("prefix com.example.", .prefix, "com.example.sub.", true),
            ("prefix com.example.", .prefix, "com.example", false),
            ("prefix com.example.", .prefix, "com.", false),
            ("prefix com.example.", .prefix, "", false),
            ("prefix com.ex", .prefix, "com.example", true),
            ("prefix com.example.", .wildcard, "com.example..x", true),
            ("prefix com.example.", .wildcard, "com.example.x.", true),
            ("prefix com.example.", .wildcard, "com..x", false),
            ("prefix com.example.", .wildcard, ".example.x", false),
            ("prefix com.example.", .wildcard, "com.example", false),
            ("prefix com.example", .wildcard, "com.example", true),
            ("prefix ", .prefix, "", true),
            ("prefix ", .wildcard, "..", true),
            // An exact rule covers no pattern.
            ("exact com.example.a", .prefix, "com.example.a", false),
            ("exact com.example.a", .wildcard, "com.example.a", false),
            // A wildcard rule covers no prefix: that one also matches longer URIs.
            ("wildcard com..x", .prefix, "com.a.x", false),
            ("wildcard com.", .prefix, "com.", false),
            ("wildcard com..x", .wildcard, "com..x", true),
            ("wildcard com..x", .wildcard, "com.a.x", true),
            ("wildcard com..", .wildcard, "com..x", true),
            ("wildcard com..x", .wildcard, "com..", false),
            ("wildcard com..x", .wildcard, "com.a.", false),
            ("wildcard com..x", .wildcard, "com..x.", false),
            ("wildcard com..x", .wildcard, "..x", false),
        ] as [(String, MatchPolicy, URI, Bool)])
    func coverage(rule: String, match: MatchPolicy, pattern: URI, isAllowed: Bool) throws {
        let role = try Self.role([rule + " subscribe"])
        #expect(role.isAllowed(.subscribe, pattern, as: match) == isAllowed)
        #expect((role.rule(for: .subscribe, pattern, as: match) != nil) == isAllowed)
        #expect(!role.isAllowed(.register, pattern, as: match))
    }

    @Test(
        "§11 a pattern does not go round a rule that decides before and denies some of it",
        arguments: [
            (["prefix com. subscribe", "exact com.secret"], MatchPolicy.prefix, "com.", false),
            (["prefix com. subscribe", "exact org.secret"], .prefix, "com.", true),
            (["prefix com. subscribe", "exact com.secret"], .prefix, "com.public.", true),
            (["prefix com. subscribe", "exact com.secret"], .wildcard, "com.", false),
            (["prefix com. subscribe", "exact com.secret.x"], .wildcard, "com.", true),
            (["prefix com. subscribe", "prefix com.secret. call"], .prefix, "com.", false),
            (["prefix com. subscribe", "prefix com.secret. call"], .prefix, "com.s", false),
            (["prefix com. subscribe", "prefix com.secret. call"], .prefix, "com.p", true),
            (["prefix com. subscribe", "prefix com.secret. call"], .wildcard, "com..x", false),
            (["prefix com. subscribe", "prefix com.secret.y call"], .wildcard, "com..x", true),
            (["prefix com. subscribe", "prefix com.secret.y call"], .wildcard, "com..yes", true),
            (["wildcard com.. subscribe", "prefix com.secret.y call"], .wildcard, "com..y", false),
            (
                ["wildcard com.. subscribe", "prefix com.secret.y call"], .wildcard, "com..yes",
                true
            ),
            // A prefix that cuts a component of some of the URIs yields to others there.
            (["prefix com.a subscribe", "prefix com. call"], .prefix, "com.a", false),
            (["prefix com.a subscribe", "prefix com. call"], .prefix, "com.a.", true),
            (["prefix com.a subscribe", "wildcard com. call"], .prefix, "com.a", false),
            (["prefix com.a subscribe", "wildcard com.a. call"], .prefix, "com.a", true),
            (
                ["prefix com.a subscribe", "prefix com. subscribe", "wildcard com. call"], .prefix,
                "com.a", true
            ),
            // A prefix decides before any wildcard, a longer one before a shorter one.
            (["prefix com. subscribe", "wildcard com..x call"], .prefix, "com.", true),
            (["prefix com.a. subscribe", "prefix com. call"], .prefix, "com.a.", true),
            (["wildcard com..x subscribe", "prefix com.a. call"], .wildcard, "com..x", false),
            (["wildcard com.. subscribe", "wildcard com..x call"], .wildcard, "com..", false),
            (["wildcard com..x subscribe", "wildcard com.. call"], .wildcard, "com..x", true),
            (["wildcard com..x subscribe", "wildcard ..x call"], .wildcard, "com..x", true),
            (["wildcard com.. subscribe", "wildcard com.a. subscribe"], .wildcard, "com..", true),
        ] as [([String], MatchPolicy, URI, Bool)])
    func exceptions(rules: [String], match: MatchPolicy, pattern: URI, isAllowed: Bool) throws {
        let role = try Self.role(rules)
        #expect(role.isAllowed(.subscribe, pattern, as: match) == isAllowed)
    }

    /// Every pattern over three words and up to three components, against every URI of such.
    @Test("§11 what is allowed for a pattern is allowed for each URI that it matches")
    func soundness() {
        let words = ["", "a", "ab", "b"]
        var uris: [URI] = [], patterns: [URIPattern] = []
        for first in words {
            patterns.append(URIPattern(URI(first), match: .wildcard))
            if !first.isEmpty { uris.append(URI(first)) }
            for second in words {
                let two = "\(first).\(second)"
                patterns.append(URIPattern(URI(two), match: .wildcard))
                if !first.isEmpty { patterns.append(URIPattern(URI(two), match: .prefix)) }
                if !first.isEmpty, !second.isEmpty { uris.append(URI(two)) }
                for third in words where !first.isEmpty && !second.isEmpty && !third.isEmpty {
                    uris.append(URI("\(two).\(third)"))
                }
            }
        }
        patterns.append(URIPattern("", match: .prefix))
        patterns += uris.map { URIPattern($0) }
        var random = SeededRandom(seed: 11)
        var allowed = 0
        for _ in 0..<3000 {
            let rules = (0..<4).map { _ in
                PermissionRule(
                    patterns[Int(random.next() % UInt64(patterns.count))],
                    actions: random.next() % 3 == 0 ? [] : [.register])
            }
            let role = RoleRules(RolePermissions(rules: rules))
            for pattern in patterns where pattern.match != .exact {
                guard role.isAllowed(.register, pattern.uri, as: pattern.match) else { continue }
                allowed += 1
                let question = ComparablePattern(pattern)
                for uri in uris where question.covers(ComparablePattern(uri, match: .exact)) {
                    #expect(
                        role.isAllowed(.register, uri), "\(pattern) allowed, but not \(uri)")
                }
            }
        }
        #expect(allowed > 1000)
    }

    @Test("Two rules for one pattern are one with the actions of both")
    func united() throws {
        let role = try Self.role(["prefix com. call", "prefix com. publish"])
        #expect(role.isAllowed(.call, "com.a") && role.isAllowed(.publish, "com.a"))
        #expect(!role.isAllowed(.subscribe, "com.a"))
    }

    @Test("The rule that allows tells its own disclosure")
    func disclosure() {
        let role = RoleRules(
            RolePermissions(rules: [
                PermissionRule(URIPattern("com.", match: .prefix), actions: [.call]),
                PermissionRule(
                    URIPattern("com.a"), actions: [.call], callerDisclosure: .always,
                    isCacheable: true),
            ]))
        #expect(role.rule(for: .call, "com.a")?.callerDisclosure == .always)
        #expect(role.rule(for: .call, "com.a")?.isCacheable == true)
        #expect(role.rule(for: .call, "com.b")?.callerDisclosure == nil)
    }
}
