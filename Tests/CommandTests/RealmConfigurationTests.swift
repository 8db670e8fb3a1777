// What the configuration file says of realms: compatibility, names that look alike, old keys.

import Testing
import WAMP
import WAMPRouter
import WAMPServer

@testable import wampctl

@Suite("Realms of the configuration file") struct RealmConfigurationTests {
    @Test("One key switches all habits of Crossbar.io on, and single keys keep their say")
    func crossbar() throws {
        let folder = try TemporaryFolder()
        for (lines, expected) in [
            ("", [false, false, false]), ("compatibility: standard", [false, false, false]),
            ("compatibility: crossbar", [true, true, true]),
            ("policy_conflict_uri: standard\n    compatibility: crossbar", [true, false, true]),
            ("max_concurrency_uri: crossbar", [false, false, true]),
        ] {
            let (plan, problems) = ConfigurationTests.read(
                "realms:\n  - name: realm1\n    \(lines)\n", in: folder)
            let settings = try #require(plan.realms.first?.settings, "\(lines)")
            #expect(problems.isEmpty, "\(lines): \(problems)")
            #expect(
                expected == [
                    settings.followsCrossbar, settings.crossbarPolicyConflictURI,
                    settings.crossbarMaxConcurrencyURI,
                ], "\(lines)")
        }
    }

    @Test("Names that only look alike are of two users, two roles and two realms")
    func lookalikes() throws {
        let folder = try TemporaryFolder()
        let (plan, problems) = ConfigurationTests.read(
            """
            realms:
              - name: "caf\u{e9}"
                users:
                  - { authid: "caf\u{e9}", role: "caf\u{e9}", ticket_file: ticket }
                  - { authid: "cafe\u{301}", role: "cafe\u{301}", ticket_file: ticket }
                roles: [ { name: "caf\u{e9}" }, { name: "cafe\u{301}", trusted: true } ]
              - name: "cafe\u{301}"
            """, in: folder)
        #expect(problems.isEmpty, "\(problems)")
        #expect(plan.realms.count == 2 && plan.realms.first?.principals.users.count == 2)
        let roles = plan.realms.first?.settings.permissions.roles
        #expect(roles?.count == 2 && roles?["caf\u{e9}"]?.isTrusted == false)
        let (_, twice) = ConfigurationTests.read(
            "realms: [ { name: \"caf\u{e9}\" }, { name: \"caf\u{e9}\" } ]", in: folder)
        #expect(twice.contains { "\($0)".contains("is there already") })
    }

    @Test("Salted WAMP-CRA takes any number of iterations, and few with a warning")
    func iterations() throws {
        let folder = try TemporaryFolder()
        for (count, isFew) in [(1, true), (999, true), (1000, false), (600_000, false)] {
            let (plan, problems) = ConfigurationTests.read(
                """
                realms:
                  - name: realm1
                    anonymous: false
                    users:
                      - authid: a
                        role: guest
                        wampcra_file: ticket
                        salt: s
                        iterations: \(count)
                    roles: [ { name: guest } ]
                """, in: folder)
            guard
                case .wampcra(_, let salt?)? = plan.realms.first?.principals.users.first?
                    .credentials.first
            else {
                Issue.record("\(problems)")
                continue
            }
            #expect(salt.iterations == count, "\(count)")
            #expect(problems.map(\.isWarning) == (isFew ? [true] : []), "\(count)")
            #expect(
                problems.allSatisfy { $0.line == 9 && $0.text.contains("fewer than 1000") },
                "\(count)")
        }
    }
}
