// Questions on the terminal, and how they end. `script` gives each a pseudo-terminal of its own.

import Glibc
import Testing
import WAMP

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct PromptTests {
    /// A line of the shell on a terminal, and somebody who types.
    private struct Typist {
        private let program: Program
        private let screen: Transcript
        private let keys: Int32

        init(_ line: String, environment: [String: String] = [:]) throws {
            let typed = try ChildProcess.pipe(), shown = try ChildProcess.pipe()
            program = try Program(
                ["-qefc", line, "/dev/null"], executable: "script",
                environment: ["SHELL": "/bin/sh"].merging(environment) { $1 },
                output: shown.write, typed: typed.read)
            close(typed.read)
            close(shown.write)
            keys = typed.write
            screen = Transcript(of: shown.read)
        }

        func sees(_ text: String, times: Int = 1) async throws {
            try #require(await screen.holds(text, times: times), "it never showed '\(text)'")
        }

        /// All that is shown until now.
        var shown: String { screen.soFar }

        func types(_ text: String) { _ = File.write(Array(text.utf8), to: keys) }

        /// - Returns: all that was shown.
        func ended() async throws -> String {
            _ = try await program.ended()
            close(keys)
            return await screen.whole()
        }
    }

    /// Runs on after a command has been interrupted, and shows how the terminal is left.
    private func watched(_ command: String) -> String {
        "trap : INT TERM HUP QUIT; sh -c 'echo pid $$; exec \(command)'; echo code=$?; "
            + "stty -a | grep -o -- '-*echo '"
    }

    private static let prompts = [
        ("wampctl call t.x --authid bob --ask-secret", "Secret of bob: "),
        ("wampctl subscribe t.x --authid bob --ask-secret", "Secret of bob: "),
        ("wampctl keygen scram", "Password: "),
    ]

    @Test(
        "Ctrl-C at the question for a secret ends at once, with the terminal as it was",
        arguments: prompts)
    func interrupt(command: String, question: String) async throws {
        for (key, code) in [("\u{3}", 130), ("half\u{3}", 130), ("\u{1c}", 130)] {
            let typist = try Typist(watched(command))
            try await typist.sees(question)
            typist.types(key)
            let screen = try await typist.ended()
            #expect(screen.contains("code=\(code)\r\n"), "\(key): \(screen)")
            #expect(screen.contains("\r\necho \r\n"), "\(key): \(screen)")
            #expect(!screen.contains("half"), "\(key): \(screen)")
        }
    }

    @Test("Other signals end the question as well", arguments: prompts)
    func signals(command: String, question: String) async throws {
        for (signal, code) in [(SIGTERM, 143), (SIGHUP, 129)] {
            let typist = try Typist(watched(command))
            try await typist.sees(question)
            let words = typist.shown.split(whereSeparator: \.isWhitespace)
            let id = try #require(
                words.firstIndex(of: "pid").flatMap { pid_t(words[$0 + 1]) }, "\(signal)")
            kill(id, signal)
            let screen = try await typist.ended()
            #expect(screen.contains("code=\(code)\r\n"), "\(signal): \(screen)")
            #expect(screen.contains("\r\necho \r\n"), "\(signal): \(screen)")
        }
    }

    @Test("What is typed is not shown, and the second question follows the first")
    func silence() async throws {
        let typist = try Typist(watched("wampctl keygen scram --kdf pbkdf2"))
        try await typist.sees("Password: ")
        typist.types("hidden\n")
        try await typist.sees("Once more: ")
        typist.types("hidden\n")
        let screen = try await typist.ended()
        #expect(screen.contains("code=0\r\n"), "\(screen)")
        #expect(screen.contains("salt"))
        #expect(!screen.contains("hidden"))
        #expect(screen.contains("\r\necho \r\n"))
    }

    @Test("No to a kill is a decision, and no failure of the program")
    func refusal() async throws {
        let router = try await TestRouter()
        for answer in ["n\n", "\n", "\u{4}"] {
            let typist = try Typist(
                watched("wampctl meta session kill --all"), environment: router.environment)
            try await typist.sees("kill all other sessions? [y/N] ")
            typist.types(answer)
            let screen = try await typist.ended()
            #expect(screen.contains("wampctl meta: nothing was done\r\n"), "\(answer): \(screen)")
            #expect(screen.contains("code=9\r\n"), "\(answer): \(screen)")
        }
        let typist = try Typist(
            watched("wampctl meta session kill --all"), environment: router.environment)
        try await typist.sees("[y/N] ")
        typist.types("y\n")
        #expect(try await typist.ended().contains("code=0\r\n"))
    }
}
