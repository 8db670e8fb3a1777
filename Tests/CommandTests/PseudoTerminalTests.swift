// The commands on a terminal: `script` runs them on a pseudo-terminal of its own.

import Testing
import WAMP

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct PseudoTerminalTests {
    /// Runs a line on a pseudo-terminal, with a router.
    private func onTerminal(
        _ router: TestRouter, _ line: String, _ environment: [String: String] = [:]
    ) async throws -> Outcome {
        var variables = ["TERM": "xterm", "LC_ALL": "C.UTF-8"].merging(environment) { $1 }
        variables.merge(router.environment) { $1 }
        return try await Program(
            ["-qefc", line, "/dev/null"], executable: "script", environment: variables
        ).ended()
    }

    @Test("A tally is drawn and redrawn, and its last picture stays with the verdict")
    func tally() async throws {
        let router = try await TestRouter()
        let callees = try await router.register(
            "t.x", "--invoke", "roundrobin", "--instances", "3", "--name", "callee", "--delay",
            "1ms")
        let outcome = try await onTerminal(router, "wampctl call t.x -n 300 --tally")
        expectCode(0, of: outcome)
        let redraws = outcome.output.ranges(of: "\u{1b}[J").count
        #expect(redraws >= 2)
        let last = try #require(outcome.output.split(separator: "\u{1b}[J").last)
        // A terminal ends lines with CR and LF, which Swift takes for one character.
        let text = String(String.UnicodeScalarView(last.unicodeScalars.filter { $0 != "\r" }))
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        try #require(lines.count > 6, "\(text)")
        #expect(lines[0].hasPrefix("t.x   rule: roundrobin   callees: 3   calls: 300 / 300   "))
        #expect(lines[2].hasPrefix("callee-1  \u{1b}[36m███"))
        #expect(lines[2].contains("100  33.3 %   p50 "))
        #expect(last.contains("expected 100 each, ±0"))
        #expect(last.contains("last 30: 1231231231 2312312312 3123123123"))
        #expect(last.contains("verdict: \u{1b}[1;32m300 of 300 steps in rotation"))
        _ = callees
    }

    @Test("A picture taller than the terminal is cut to it; --verify alone draws one too")
    func small() async throws {
        let router = try await TestRouter()
        let callees = try await router.register(
            "t.x", "--invoke", "roundrobin", "--instances", "20", "--delay", "1ms")
        let outcome = try await onTerminal(
            router, "stty rows 12 cols 80; wampctl call t.x -n 400 --verify")
        expectCode(0, of: outcome)
        let pictures = outcome.output.split(separator: "\u{1b}[J")
        #expect(pictures.count >= 2)
        for picture in pictures.dropLast() {
            #expect(picture.unicodeScalars.count { $0 == "\n" } <= 11, "\(picture)")
            #expect(picture.contains(" more"), "\(picture)")
        }
        _ = callees
    }

    @Test(
        "NO_COLOR, a dumb terminal, and --no-live with --color never send no escape",
        arguments: [
            ("NO_COLOR", "1", ""), ("TERM", "dumb", ""), ("X", "", "--no-live --color never"),
        ]
    )
    func plain(name: String, value: String, options: String) async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.x", "--static", "{\"a\":1}")
        let tally = try await onTerminal(
            router, "wampctl call t.x -n 100 --tally --tally-by kwargs.a \(options)", [name: value])
        #expect(!tally.output.contains("\u{1b}"))
        #expect(tally.output.contains("verdict: "))
        let call = try await onTerminal(router, "wampctl call t.x \(options)", [name: value])
        #expect(call.output == "{\r\n  \"a\": 1\r\n}\r\n")
        _ = callee
    }

    @Test("On a terminal a value is indented and coloured; in a pipe it is neither, unless forced")
    func colors() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.x", "--static", "[true]")
        let terminal = try await onTerminal(router, "wampctl call t.x")
        #expect(terminal.output == "[\r\n  \u{1b}[35mtrue\u{1b}[0m\r\n]\r\n")
        #expect(try await router.run("call", "t.x").output == "[true]\n")
        #expect(
            try await router.run("call", "t.x", "--color", "always").output
                == "[\u{1b}[35mtrue\u{1b}[0m]\n")
        _ = callee
    }

    @Test(
        "With stdout in a file the picture is drawn on the terminal, and the file holds data alone")
    func redirected() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.x", "--delay", "1ms")
        let outcome = try await onTerminal(
            router, "wampctl call t.x -n 200 --tally -o json | cat >/dev/null")
        #expect(outcome.output.contains("\u{1b}[J"))
        #expect(!outcome.output.contains("\"procedure\""))
        _ = callee
    }
}
