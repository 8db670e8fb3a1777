// What scripts/tidy refuses of citations and comments, shown by files that break one rule each.

import Testing

@testable import wampctl

@Suite(.timeLimit(.minutes(10))) struct TidyTests {
    /// A file in a checkout that is otherwise in order, and what is said of it.
    struct Case: Sendable, CustomTestStringConvertible {
        let fault: String
        let place: String
        let content: String

        var testDescription: String { fault }
    }

    // What is not there is written so that tidy does not find it in this file, too.
    private static let row = "SR-\(0)1"

    private static let cases = [
        Case(
            fault: "sections that Tests/Rules/protocol.md lacks", place: "Sources/WAMP/One.swift",
            content: "// Spec: §1.2 and §1.\(9)."),
        Case(
            fault: "rows of the shared registrations that the table",
            place: "Sources/WAMP/One.swift", content: "// Of two rows: \(row), SR-\(96)."),
        Case(
            fault: "sections and further rows", place: "Tests/One.swift",
            content: "// Of \(row): section A, K.1 and K.\(9)."),
        Case(
            fault: "sections and further rows", place: "Tests/WAMPRouterTests/One.swift",
            content: "// Of \(row).\n@Test(\"X9 X1 the first is no fault of anybody\")"),
        Case(
            fault: "documents that are not here", place: "Tests/One.swift",
            content: "// Of \(row): protocol.md, \("elsewhere").md."),
        Case(
            fault: "doc comments above an import", place: "Sources/WAMP/One.swift",
            content: "// One.\n\n/// One thing.\nimport NIOCore\n\nstruct One {}"),
        Case(
            fault: "public symbols without a doc comment", place: "Sources/WAMP/One.swift",
            content: "// One.\n\n/// One.\npublic struct One {\n    public var two = 2\n}"),
        Case(
            fault: "public functions that throw", place: "Sources/WAMP/One.swift",
            content: "// One.\n\n/// One.\npublic func one(\n    _ two: Int\n) throws(Three) {}"),
        Case(
            fault: "functions with more than six parameters, where 0 are known",
            place: "Sources/WAMP/One.swift",
            content: "// One.\n\nfunc one(\n    a: Int, b: [Int: Int], c: (Int, Int) -> Int,\n"
                + "    d: Int, e: Int, f: Int, g: Int\n) {}"),
    ]

    /// Runs tidy in a checkout of two documents of rules, one source and one test, in order but for
    /// the lines put over them.
    private func run(_ lines: String) async throws -> Outcome {
        let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let setting = """
            folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
            git init -q && mkdir -p .ci scripts Sources/WAMP Tests/Rules Tests/WAMPRouterTests
            cp '\(root)'/scripts/declarations.awk scripts/
            sed 's/^many_parameters=.*/many_parameters=0/' '\(root)'/scripts/tidy >scripts/tidy
            touch .ci/run CONTRIBUTING.md && chmod +x .ci/run scripts/tidy
            printf '%s\\n' '## A. First' '| \(Self.row) | a |' '## K. Second' '| K.1 | b |' \
                '| X1 | c |' >Tests/Rules/shared-registrations.md
            printf '%s\\n' '## 1. First' '### 1.2 Second' >Tests/Rules/protocol.md
            echo '// \(Self.row).' >Tests/One.swift
            echo '// One.' >Sources/WAMP/One.swift
            """
        return try await Program(
            ["bash", "-c", "\(setting)\n\(lines)"], executable: "/usr/bin/env",
            environment: ["GIT_CEILING_DIRECTORIES": "/tmp"]
        ).ended()
    }

    @Test("A file that breaks a rule is refused, for that and nothing else", arguments: cases)
    func refused(_ example: Case) async throws {
        let outcome = try await run(
            "cat >\(example.place) <<'END'\n\(example.content)\nEND\nscripts/tidy")
        expectCode(1, of: outcome)
        let faults = outcome.output.split(separator: "\n").filter { $0.hasPrefix("tidy: ") }
        #expect(faults.count == 1, "\(outcome)")
        #expect(faults.first?.contains(example.fault) == true, "\(outcome)")
        let places = outcome.output.split(separator: "\n").filter { $0.hasPrefix("    ") }
        #expect(places.count == 1, "\(outcome)")
        #expect(places.first?.contains(example.place) == true, "\(outcome)")
    }

    @Test("What keeps the rules is in order")
    func inOrder() async throws {
        let outcome = try await run(
            """
            cat >Sources/WAMP/One.swift <<'END'
            // Spec: §1.2; \(Self.row).

            import NIOCore

            /// One.
            public struct One {
                /// Two numbers.
                public var two = 2
                public var three = 3

                /// Four.
                /// - Throws: if there are five.
                @discardableResult
                public func four(_ five: (Int, Int, Int, Int, Int, Int, Int)) throws -> Int { 4 }
            }
            END
            scripts/tidy
            """)
        expectCode(0, of: outcome)
    }
}
