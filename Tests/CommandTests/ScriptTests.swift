// The project's own scripts: what fails in them is told by their exit codes.

import Glibc
import Testing

@testable import wampctl

@Suite(.timeLimit(.minutes(10))) struct ScriptTests {
    /// Runs lines of a shell in a new folder that holds copies of some scripts; `$scripts` is where
    /// they come from.
    private func run(_ lines: String, with scripts: [String]) async throws -> Outcome {
        let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let setting = """
            folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"; mkdir scripts
            for name in \(scripts.joined(separator: " ")); do cp '\(root)'/scripts/$name scripts/; done
            """
        return try await Program(
            ["bash", "-c", "\(setting)\n\(lines)"], executable: "/usr/bin/env",
            environment: ["GIT_CEILING_DIRECTORIES": "/tmp"]
        ).ended()
    }

    /// A path on which some tools are missing.
    private static func path(without missing: String) -> String {
        """
        mkdir bin
        for tool in bash env git sed cut sort seq paste wc head awk cat grep dirname; do
            [ $tool = \(missing) ] || ln -s "$(command -v $tool)" bin/
        done
        PATH=$PWD/bin
        """
    }

    @Test("Outside a checkout, and without git, nothing is found in order")
    func noGit() async throws {
        let outside = try await run("scripts/tidy", with: ["tidy"])
        expectCode(not: 0, of: outside)
        #expect(outside.talk.contains("not a git repository"), "\(outside)")
        let empty = try await run("git init -q && scripts/tidy", with: ["tidy"])
        expectCode(1, of: empty)
        #expect(empty.talk.contains("git lists no sources"), "\(empty)")
        for script in ["tidy", "tidy --rows"] {
            let bare = try await run(
                "git init -q\n\(Self.path(without: "git"))\nscripts/\(script)", with: ["tidy"])
            expectCode(127, of: bare, "\(script)")
            #expect(!bare.talk.contains("in order"), "\(bare)")
        }
    }

    @Test("The formatter's own check of widths fails outside a checkout")
    func format() async throws {
        let outside = try await run(
            "mkdir bin && ln -s /bin/true bin/swift && PATH=$PWD/bin:$PATH scripts/format --check",
            with: ["format"])
        expectCode(not: 0, of: outside)
        #expect(outside.talk.contains("not a git repository"), "\(outside)")
    }

    @Test("A check that breaks is a fault, not a check that finds none")
    func brokenCheck() async throws {
        let outcome = try await run(
            """
            git init -q && mkdir -p Sources/WAMP Tests .ci && touch .ci/run && chmod +x .ci/run
            echo '// One.' | tee Sources/WAMP/One.swift >Tests/One.swift
            \(Self.path(without: "awk"))
            scripts/tidy
            """, with: ["tidy"])
        expectCode(1, of: outcome)
        #expect(outcome.output.contains("unchecked promises"), "\(outcome)")
        #expect(outcome.output.contains("the check itself failed"))
    }

    @Test("Folders for what was found in other software belong at the top, others do not")
    func top() async throws {
        let outcome = try await run(
            "git init -q && mkdir -p Sources/WAMP Tests findings odd && "
                + "touch findings/a odd/b Sources/WAMP/One.swift Tests/One.swift && scripts/tidy",
            with: ["tidy"])
        let places = outcome.output.split(separator: "unexpected names at the top\n").last?
            .split(separator: "tidy:").first
        #expect(places?.contains("odd") == true && places?.contains("findings") == false)
    }

    @Test("scripts/demo --build goes no further when setting up or building fails")
    func demo() async throws {
        for (setup, build, code) in [(3, 0, 3), (0, 4, 4)] as [(Int, Int, Int32)] {
            let outcome = try await run(
                """
                mkdir -p .build/debug
                printf '#!/bin/sh\nexit \(setup)\n' >scripts/setup
                printf '#!/bin/sh\necho built\nexit \(build)\n' >scripts/build
                printf '#!/bin/sh\necho started\n' >.build/debug/wampctl
                chmod +x scripts/* .build/debug/wampctl
                scripts/demo --build
                """, with: ["demo"])
            expectCode(code, of: outcome, "\(setup) \(build)")
            #expect(outcome.output == (setup == 0 ? "built\n" : ""), "\(outcome)")
        }
    }
}
