// `wampctl keygen`, and the options by which a command says who joins.

import Foundation
import Testing
import WAMP

@testable import wampctl

@Suite("Keys and credentials") struct KeygenTests {
    /// A folder for one test.
    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("wampctl-keygen-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false)
        do {
            try await body(folder)
        } catch {
            try FileManager.default.removeItem(atPath: folder)
            throw error
        }
        try FileManager.default.removeItem(atPath: folder)
    }

    private func text(_ path: String) throws -> String {
        String(decoding: try File.contents(path), as: UTF8.self)
            .trimmingCharacters(in: .newlines)
    }

    @Test("A key pair is written for the owner alone, never over another, and its entry printed")
    func keyPair() async throws {
        try await withFolder { folder in
            let file = "\(folder)/ops.key"
            let made = try await Program.run(
                "keygen", "-f", file, "--authid", "ops", "--role", "admin")
            expectCode(0, of: made)
            let open = try text("\(file).pub")
            let key = try #require(HexText.decode(try text(file), count: 32))
            #expect(Cryptosign.publicKey(of: key).map(HexText.text) == open)
            #expect(
                made.lines == [
                    #"- { authid: "ops", role: "admin", cryptosign: [ "\#(open)" ] }"#
                ])
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions]
            #expect(mode as? Int == 0o600)
            let again = try await Program.run("keygen", "-f", file)
            expectCode(1, of: again)
            #expect(try text("\(file).pub") == open)
            #expect(try await Program.run("keygen", "--from", file).lines == [open])
            expectCode(0, of: try await Program.run("keygen", "-f", file, "--force"))
            #expect(try text("\(file).pub") != open)
        }
    }

    @Test("A verifier is the password's, in the form that router.yaml reads")
    func verifier() async throws {
        try await withFolder { folder in
            let password = "\(folder)/password"
            #expect(File.replace(password, with: "pencil\n"))
            let made = try await Program.run(
                "keygen", "scram", "--secret-file", password, "--kdf", "pbkdf2", "-q")
            expectCode(0, of: made)
            let verifier = try #require(SCRAMVerifier(fields: try made.document))
            #expect(
                verifier
                    == SCRAMVerifier(
                        password: "pencil", derivation: .pbkdf2, salt: verifier.salt,
                        iterations: verifier.iterations, memory: nil))
        }
    }

    @Test("A secret has 256 bits", arguments: ["ticket", "wampcra"])
    func secrets(kind: String) async throws {
        let made = try await Program.run("keygen", kind)
        #expect(HexText.decode(made.lines.first ?? "", count: 32) != nil)
        #expect(try await Program.run("keygen", kind).output != made.output)
    }

    private func fault(_ words: String..., environment: Environment = [:]) -> String? {
        let reading = CommandLineReader(arguments: words, environment: environment).read()
        guard case .fault(let failure, _) = reading, failure.code == .usage else { return nil }
        return failure.message
    }

    @Test(
        "A secret on the line is refused with the four right ways",
        arguments: ["--secret", "--ticket=x", "--password"])
    func secretOnLine(option: String) throws {
        let message = try #require(fault("call", "a.b", option))
        for way in ["--secret-file", "WAMPCTL_SECRET_FILE", "WAMPCTL_SECRET ", "--ask-secret"] {
            #expect(message.contains(way), "\(way): \(message)")
        }
        #expect(!message.contains("=x"))
    }

    @Test("A join that is refused for want of credentials ends with 4 and says what to give")
    func refused() async throws {
        let outcome = try await Program(
            [
                "router", "-p", "0", "--no-anonymous", "--", "sh", "-c",
                "wampctl call a.b || exit $?",
            ]
        ).ended()
        expectCode(4, of: outcome)
        #expect(outcome.talk.contains("wamp.error.authentication_required"))
        #expect(outcome.talk.contains("--secret-file"))
    }

    @Test("What is missing for a method is said before anything is tried")
    func missing() async throws {
        for (words, needed) in [
            (["--authmethod", "ticket", "--authid", "a"], "--secret-file"),
            (["--authmethod", "cryptosign"], "--key-file"),
            (["--key-file", "ops.key.pub"], "--key-file ops.key"),
        ] {
            let outcome = try await Program(["call", "a.b"] + words).ended()
            expectCode(2, of: outcome, "\(words)")
            #expect(outcome.talk.contains(needed), "\(outcome)")
        }
        let nobody = try await Program.run(
            "call", "a.b", environment: ["WAMPCTL_SECRET": "hidden value"])
        expectCode(2, of: nobody)
        #expect(nobody.talk.contains("--authid"))
        #expect(!nobody.talk.contains("hidden value"))
    }
}
