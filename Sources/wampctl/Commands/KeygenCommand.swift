// `wampctl keygen`: keys and secrets, and the verifiers of passwords.

import ArgumentParser
import Glibc
import WAMP

struct KeygenCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "keygen", abstract: page.summary, usage: page.usage[0],
        discussion: page.discussion)

    static let page = HelpPage(
        summary: "Make keys and credentials.",
        description: [
            "Makes what a user proves itself with: an Ed25519 key pair for cryptosign, a secret "
                + "for WAMP-CRA, a ticket, or the verifier of a password for WAMP-SCRAM, from "
                + "which the password cannot be computed back.",
            "Secrets are written to files that only their owner can read, and no file is "
                + "overwritten unless told so.",
        ],
        usage: [
            "wampctl keygen [cryptosign|wampcra|ticket|scram] [-f FILE] [--authid ID --role ROLE]"
        ],
        examples: [
            "wampctl keygen -f ops.key --authid ops --role admin",
            "wampctl keygen ticket -f cron.ticket",
            "wampctl keygen scram -f eve.scram --authid eve --role worker",
        ],
        notes: [
            .init(
                title: "OUTPUT FORMATS",
                lines: [
                    "text   what has no file of its own, a line each; with --authid the "
                        + "users: entry",
                    "json   an object: type, file, private, public, secret, verifier, user",
                    HelpPage.Note.errors,
                    HelpPage.Note.errorObject,
                ])
        ],
        environment: EnvironmentVariable.table(variables),
        exitCodes: [.ok, .failure, .usage, .interrupted, .brokenPipe],
        seeAlso: "wampctl router, wampctl-router.yaml(5), wampctl help exit-codes")

    static let variables = OutputOptions.variables

    enum Kind: String, CaseIterable {
        case cryptosign, wampcra, ticket, scram
    }

    @Argument(
        help: ArgumentHelp(
            "cryptosign, wampcra, ticket or scram (default: cryptosign).", valueName: "kind"),
        transform: Self.kind)
    var kind: Kind?

    @Option(
        name: [.customShort("f", allowingJoined: true), .long],
        help: ArgumentHelp(
            "Write to this file, and a public key to FILE.pub (default: stdout).",
            valueName: "file"))
    var file: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Print the entry of this user for router.yaml.", valueName: "id"))
    var authid: String?

    @Option(name: .long, help: ArgumentHelp("The role of that user.", valueName: "role"))
    var role: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Print the public key of this private key.", valueName: "file"))
    var from: String?

    @Option(
        name: .customLong("secret-file"),
        help: ArgumentHelp(
            "File with the password of scram (default: asked for).", valueName: "file"))
    var secretFile: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "pbkdf2 or argon2id13, for scram (default: argon2id13).", valueName: "kdf"),
        transform: Self.derivation)
    var kdf: SCRAMVerifier.Derivation?

    @Flag(name: .long, help: "Overwrite files that are there.")
    var force = false

    @OptionGroup(title: "Output")
    var output: OutputOptions

    private static func kind(_ text: String) throws -> Kind {
        guard let kind = Kind(rawValue: text) else {
            throw NotationError(OutputOptions.choices(Kind.allCases.map(\.rawValue)))
        }
        return kind
    }

    private static func derivation(_ text: String) throws -> SCRAMVerifier.Derivation {
        guard let derivation = SCRAMVerifier.Derivation(rawValue: text) else {
            throw NotationError("use pbkdf2 or argon2id13")
        }
        return derivation
    }

    func validate() throws {
        try output.require([.text, .json], for: "wampctl keygen")
        let kind = kind ?? .cryptosign
        if (authid == nil) != (role == nil) {
            throw ValidationError("--authid and --role belong together")
        }
        if from != nil, kind != .cryptosign || file != nil {
            throw ValidationError("--from prints the public key of a cryptosign key, and no more")
        }
        if secretFile != nil || kdf != nil, kind != .scram {
            throw ValidationError("--secret-file and --kdf are for scram")
        }
        if authid != nil, file == nil, kind != .cryptosign {
            throw ValidationError("--authid needs -f FILE: the entry of the user names the file")
        }
    }

    func execute(in context: CommandContext) async throws(CommandFailure) -> Int32 {
        switch kind ?? .cryptosign {
        case .cryptosign: try makeKeyPair()
        case .wampcra: try makeSecret("wampcra")
        case .ticket: try makeSecret("ticket")
        case .scram: try makeVerifier()
        }
        return ExitCode.ok.rawValue
    }

    // MARK: The four kinds

    private func makeKeyPair() throws(CommandFailure) {
        var privateKey = Self.randomBytes(32)
        if let from {
            privateKey = try SecretFile.privateKey(from, isQuiet: output.quiet)
        }
        guard let publicKey = Cryptosign.publicKey(of: privateKey) else {
            throw CommandFailure(.failure, "cannot make a key")
        }
        let texts = (own: HexText.text(privateKey), open: HexText.text(publicKey))
        var facts: Value.Dictionary = ["type": "cryptosign"]
        var lines: [String] = []
        if let file {
            if !force, access("\(file).pub", F_OK) == 0 {
                throw CommandFailure(
                    .failure, "'\(file).pub' is there already", hints: ["replace it: --force"])
            }
            try SecretFile.write(texts.own, to: file, isForced: force)
            try SecretFile.write(texts.open, to: "\(file).pub", mode: 0o644, isForced: force)
            say("private key in \(file), public key in \(file).pub")
            facts.append("file", .string(file))
        } else if from == nil {
            facts.append("private", .string(texts.own))
            lines.append("private \(texts.own)")
            lines.append("public  \(texts.open)")
        } else {
            lines.append(texts.open)
        }
        facts.append("public", .string(texts.open))
        report(facts, lines, user: "cryptosign: [ \"\(texts.open)\" ]")
    }

    private func makeSecret(_ type: String) throws(CommandFailure) {
        let secret = HexText.text(Self.randomBytes(32))
        var facts: Value.Dictionary = ["type": .string(type)]
        var lines: [String] = []
        if let file {
            try SecretFile.write(secret, to: file, isForced: force)
            say("\(type == "ticket" ? "ticket" : "secret") in \(file)")
            facts.append("file", .string(file))
        } else {
            facts.append("secret", .string(secret))
            lines.append(secret)
        }
        report(facts, lines, user: "\(type)_file: \(path)")
    }

    /// Parameters that take a fraction of a second, and 64 MiB for argon2id13.
    private func makeVerifier() throws(CommandFailure) {
        let password =
            if let secretFile {
                try SecretFile.text(secretFile, isQuiet: output.quiet)
            } else {
                try askPassword()
            }
        let derivation = kdf ?? .argon2id13
        let isArgon = derivation == .argon2id13
        let verifier = SCRAMVerifier(
            password: password, derivation: derivation, salt: Self.randomBytes(16),
            iterations: isArgon ? 3 : 600_000, memory: isArgon ? 65_536 : nil)
        guard let verifier else {
            throw CommandFailure(.usage, "the password has characters that none may have")
        }
        let text = JSONText.text(.dictionary(verifier.fields))
        var facts: Value.Dictionary = ["type": "scram"]
        var lines: [String] = []
        if let file {
            try SecretFile.write(text, to: file, isForced: force)
            say("verifier in \(file)")
            facts.append("file", .string(file))
        } else {
            facts.append("verifier", .dictionary(verifier.fields))
            lines.append(text)
        }
        report(facts, lines, user: "scram_file: \(path)")
    }

    private func askPassword() throws(CommandFailure) -> String {
        let password = try SecretPrompt.ask("Password: ")
        guard try SecretPrompt.ask("Once more: ") == password else {
            throw CommandFailure(.usage, "the two passwords differ")
        }
        return password
    }

    // MARK: Output

    private func report(_ facts: Value.Dictionary, _ lines: [String], user credential: String) {
        var facts = facts
        var lines = lines
        if let authid, let role {
            let names = (JSONText.text(.string(authid)), JSONText.text(.string(role)))
            let entry = "- { authid: \(names.0), role: \(names.1), \(credential) }"
            facts.append("user", .string(entry))
            lines.append(entry)
        }
        if output.format == .json {
            Streams.shared.print(JSONText.text(.dictionary(facts)))
        } else {
            for line in lines { Streams.shared.print(line) }
        }
    }

    private func say(_ text: String) {
        if !output.quiet { Streams.shared.say(text) }
    }

    /// The file as the router finds it from anywhere, quoted for YAML.
    private var path: String {
        let file = file ?? ""
        guard !file.hasPrefix("/") else { return JSONText.text(.string(file)) }
        var room = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard let name = getcwd(&room, room.count), let folder = String(validatingCString: name)
        else { return JSONText.text(.string(file)) }
        return JSONText.text(.string("\(folder)/\(file)"))
    }

    private static func randomBytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
