// The words of the line and the variables of the environment, byte for byte.

import Glibc
import Testing
import WAMP

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct WordsTests {
    /// Runs a line of bash, which can write any bytes.
    private func shell(
        _ line: String, _ environment: [String: String] = [:]
    ) async throws -> Outcome {
        try await Program(["-c", line], executable: "bash", environment: environment).ended()
    }

    @Test(
        "A word that is not UTF-8 is refused by its name, with the way that bytes are sent",
        arguments: [
            #"call e.cho $'caf\xe9'"#, #"call $'caf\xe9'"#, #"call e.cho k=$'caf\xe9'"#,
            #"publish t.x $'caf\xe9'"#, #"register $'caf\xe9'"#, #"subscribe $'caf\xe9'"#,
            #"call e.cho --authid $'caf\xe9'"#, #"call e.cho --stdin text -r $'caf\xe9'"#,
            #"keygen -f $'caf\xe9'"#, #"router --config $'caf\xe9'"#, #"$'caf\xe9'"#,
            #"meta session kill $'caf\xe9'"#, #"call e.cho -- $'caf\xe9'"#,
            #"register t.x --static $'"caf\xe9"'"#,
        ])
    func words(line: String) async throws {
        let outcome = try await shell("wampctl \(line)")
        expectCode(2, of: outcome)
        #expect(outcome.output.isEmpty)
        let start = line.contains("k=") ? "k=" : line.contains("--static") ? "\"" : ""
        #expect(
            outcome.talk.contains(": argument '\(start)caf\\xe9"), "\(outcome)")
        #expect(outcome.talk.contains("' is not UTF-8 text\nhint: "))
        #expect(outcome.talk.contains("%=@FILE"))
        let object = try await shell("wampctl \(line)", ["WAMPCTL_OUTPUT": "json"])
        let error = try JSONText.parse(object.talk).dictionary?["error"]?.dictionary
        #expect(error?["code"] == 2)
    }

    @Test("What is UTF-8 arrives as it is, composed or not")
    func text() async throws {
        let router = try await TestRouter()
        let callee = try await router.register("t.echo", "--echo")
        for word in ["café", "cafe\u{301}", "日本語", "\u{1F600}", ""] {
            let outcome = try await router.run("call", "t.echo", word, "-o", "raw")
            #expect(Array(outcome.output.utf8) == Array("\(word)\n".utf8), "\(outcome)")
        }
        _ = callee
    }

    @Test("A variable that is not UTF-8 is named, and its value is not")
    func variables() async throws {
        for name in ["WAMPCTL_REALM", "WAMPCTL_SECRET", "WAMPCTL_URL", "WAMPCTL_CALL_RATE"] {
            let outcome = try await shell(#"\#(name)=$'caf\xe9' wampctl call t.x"#)
            expectCode(2, of: outcome, "\(name)")
            #expect(outcome.talk.contains("\(name) is not UTF-8 text"), "\(outcome)")
            #expect(!outcome.talk.contains("caf"), "\(outcome)")
        }
    }

    @Test("A command that the router runs gets its words and variables byte for byte")
    func passedOn() async throws {
        let outcome = try await shell(
            #"""
            V=$'\xe9\xff' wampctl router -q -p 0 -- \
                sh -c 'printf "%s %s" "$V" "$1" | od -An -tx1' - $'caf\xe9'
            """#)
        expectCode(0, of: outcome)
        #expect(outcome.output == " e9 ff 20 63 61 66 e9\n")
    }

    @Test("The words are there although a preloaded library has moved the environment")
    func preloaded() async throws {
        let folder = try TemporaryFolder()
        let source = "\(folder.path)/moves.c", library = "\(folder.path)/moves.so"
        let code = """
            #include <stdlib.h>
            __attribute__((constructor)) static void move(void) {
                setenv("MOVED", "1", 1);
                setenv("MOVED_TOO", "1", 1);
            }
            """
        #expect(File.replace(source, with: code))
        let compiled = try await Program(
            ["-shared", "-fPIC", "-o", library, source], executable: "cc"
        ).ended()
        try requireCode(0, of: compiled)
        let preload = ["LD_PRELOAD": library]
        let version = try await Program(["--version"], environment: preload).ended()
        expectCode(0, of: version)
        #expect(version.output.hasPrefix("wampctl "))
        let script =
            "wampctl register t.x --detach >/dev/null && wampctl call t.x --time && echo $MOVED"
        let run = try await Program(
            ["router", "-q", "-p", "0", "--", "sh", "-c", script], environment: preload
        ).ended()
        expectCode(0, of: run)
        #expect(run.output.hasSuffix("\n1\n"))
    }

    @Test("WAMPCTL_OUTPUT gives each command the nearest format that it has; -o stays strict")
    func nearestFormat() throws {
        func format(_ line: String, _ variable: String) -> OutputFormat? {
            let reader = CommandLineReader(
                arguments: line.split(separator: " ").map(String.init),
                environment: ["WAMPCTL_OUTPUT": variable])
            guard case .command(let command) = reader.read() else { return nil }
            return command.output.format
        }
        for line in ["subscribe t.x", "register t.x", "call t.x -n 2", "call -", "meta watch"] {
            #expect(format(line, "json") == .jsonl, "\(line)")
            #expect(format("\(line) -o json", "json") == nil, "\(line)")
            #expect(format("\(line) -o text", "json") == .text, "\(line)")
        }
        #expect(format("keygen", "jsonl") == .json)
        #expect(format("keygen -o jsonl", "jsonl") == nil)
        for line in ["call t.x", "call t.x -n 2 --tally", "meta session list", "router"] {
            #expect(format(line, "json") == .json, "\(line)")
        }
        for line in ["keygen", "register t.x", "call t.x", "meta session count", "router"] {
            #expect(format(line, "table") == .text, "\(line)")
        }
        #expect(format("meta session list", "table") == .table)
        #expect(format("call t.x -n 2", "raw") == .raw)
        // What is wrong with the line is told without a word about the format.
        let wrong = CommandLineReader(
            arguments: ["subscribe", "..."], environment: ["WAMPCTL_OUTPUT": "json"])
        guard case .fault(let failure, _) = wrong.read() else {
            Issue.record("no fault")
            return
        }
        #expect(failure.message.hasPrefix("'...' is not a topic"))
    }

    @Test("Private keys with a passphrase, and those of other programs, are told from broken ones")
    func keys() async throws {
        let folder = try TemporaryFolder()
        func openSSH(_ body: String) -> String {
            "-----BEGIN OPENSSH PRIVATE KEY-----\n\(body)\n-----END OPENSSH PRIVATE KEY-----\n"
        }
        let locked = [
            openSSH("b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAA"),
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n",
        ]
        let path = "\(folder.path)/key"
        for text in locked {
            #expect(File.replace(path, with: text), "\(text)")
            for words in [["call", "t.x", "--key-file", path], ["keygen", "--from", path]] {
                let outcome = try await Program(words).ended()
                expectCode(2, of: outcome, "\(text) \(words)")
                #expect(
                    outcome.talk.contains("'\(path)' holds a private key with a passphrase"),
                    "\(outcome)")
            }
            let variable = try await Program.run(
                "call", "t.x", environment: ["WAMPCTL_KEY": text])
            #expect(
                variable.talk.contains("WAMPCTL_KEY holds a private key with a passphrase"),
                "\(variable)")
        }
        #expect(File.replace(path, with: openSSH("b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE")))
        let open = try await Program.run("call", "t.x", "--key-file", path)
        #expect(open.talk.contains("holds a private key of OpenSSH, not 64 hexadecimal digits"))
        #expect(File.replace(path, with: "nothing"))
        let broken = try await Program.run("call", "t.x", "--key-file", path)
        #expect(broken.talk.contains("does not hold a private key: 64 hexadecimal digits"))
    }
}
