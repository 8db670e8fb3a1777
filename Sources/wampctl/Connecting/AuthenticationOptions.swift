// Options about who joins, shared by every command that joins a realm. Secrets come from files, the
// environment or the terminal, never from the line, which everybody on the machine can read.

import ArgumentParser
import WAMP
import WAMPClient

struct AuthenticationOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "auto, anonymous, ticket, wampcra, scram or cryptosign (default: auto).",
            valueName: "m"),
        transform: Self.method)
    var authmethod: Authentication.Method?

    @Option(
        name: .long, help: ArgumentHelp("Authentication ID to join with.", valueName: "id"))
    var authid: String?

    @Option(name: .long, help: ArgumentHelp("Role to ask for.", valueName: "role"))
    var authrole: String?

    @Option(
        name: .customLong("secret-file"),
        help: ArgumentHelp("File with the ticket, secret or password.", valueName: "file"))
    var secretFile: String?

    @Option(
        name: .customLong("key-file"),
        help: ArgumentHelp(
            "File with the Ed25519 private key of cryptosign, in hex.", valueName: "file"))
    var keyFile: String?

    @Flag(
        name: .customLong("ask-secret"), help: "Ask for the secret on the terminal, without echo.")
    var askSecret = false

    static let variables = [
        EnvironmentVariable(name: "WAMPCTL_AUTHMETHOD", option: "--authmethod"),
        EnvironmentVariable(name: "WAMPCTL_AUTHID", option: "--authid"),
        EnvironmentVariable(name: "WAMPCTL_AUTHROLE", option: "--authrole"),
        EnvironmentVariable(name: "WAMPCTL_SECRET_FILE", option: "--secret-file"),
        EnvironmentVariable(name: "WAMPCTL_KEY_FILE", option: "--key-file"),
    ]

    /// Variables that hold the value itself.
    static let secretVariable = "WAMPCTL_SECRET"
    static let keyVariable = "WAMPCTL_KEY"

    static let environment = [
        (name: secretVariable, meaning: "the secret itself, in place of --secret-file"),
        (name: keyVariable, meaning: "the private key itself, in hex, in place of --key-file"),
    ]

    private static let fourWays =
        "--secret-file FILE, WAMPCTL_SECRET_FILE=FILE, WAMPCTL_SECRET or --ask-secret"

    private static func method(_ text: String) throws -> Authentication.Method {
        guard let method = Authentication.Method(rawValue: text) else {
            throw NotationError(
                OutputOptions.choices(Authentication.Method.allCases.map(\.rawValue)))
        }
        return method
    }

    func validate() throws {
        if secretFile == "-" || keyFile == "-" {
            throw ValidationError("stdin is for data: a secret comes from a file, not from '-'")
        }
    }

    /// For commands that can go on in the background, where there is nobody to ask.
    func validate(with readiness: ReadinessOptions) throws {
        if readiness.detach, askSecret {
            throw ValidationError("--detach and --ask-secret exclude each other; use --secret-file")
        }
    }

    /// The first option on the line by which somebody tries to hand a secret over.
    static func forbidden(among words: ArraySlice<String>) -> String? {
        let names = ["--secret", "--ticket", "--password"]
        return words.lazy.compactMap { word in
            names.first { word == $0 || word.hasPrefix("\($0)=") }
        }.first
    }

    static func failure(for option: String) -> CommandFailure {
        CommandFailure(
            .usage,
            "there is no \(option): everybody on the machine can read the line; use \(fourWays)")
    }

    /// What there is to prove oneself with.
    /// - Throws: a usage failure if something is missing or cannot be read.
    func authentication(
        _ environment: Environment, isQuiet: Bool
    ) throws(CommandFailure) -> Authentication {
        var authentication = Authentication(authmethod ?? .auto)
        guard authentication.method != .anonymous else { return authentication }
        if authentication.method == .auto || authentication.method == .cryptosign {
            authentication.privateKey = try privateKey(environment, isQuiet: isQuiet)
        }
        if authentication.method == .cryptosign {
            guard authentication.privateKey != nil else {
                throw CommandFailure(
                    .usage,
                    "--authmethod cryptosign needs a key: use --key-file FILE, "
                        + "WAMPCTL_KEY_FILE=FILE or WAMPCTL_KEY")
            }
            return authentication
        }
        if authentication.privateKey != nil { return authentication }
        authentication.secret = try secret(environment, isQuiet: isQuiet)
        if authentication.secret == nil, authentication.method != .auto {
            throw CommandFailure(
                .usage,
                "--authmethod \(authentication.method.rawValue) needs a secret: use "
                    + Self.fourWays)
        }
        if authentication.secret != nil, authid == nil {
            throw CommandFailure(.usage, "a secret belongs to somebody: say whom with --authid")
        }
        return authentication
    }

    private func privateKey(
        _ environment: Environment, isQuiet: Bool
    ) throws(CommandFailure) -> [UInt8]? {
        if let keyFile {
            guard !keyFile.hasSuffix(".pub") else {
                throw CommandFailure(
                    .usage, "'\(keyFile)' holds a public key; proving needs the private one",
                    hints: ["--key-file \(keyFile.dropLast(4))"])
            }
            return try SecretFile.privateKey(keyFile, isQuiet: isQuiet)
        }
        guard let text = environment[Self.keyVariable], !text.isEmpty else { return nil }
        return try SecretFile.privateKey(in: text, of: Self.keyVariable)
    }

    private func secret(
        _ environment: Environment, isQuiet: Bool
    ) throws(CommandFailure) -> String? {
        if askSecret {
            return try SecretPrompt.ask(authid.map { "Secret of \($0): " } ?? "Secret: ")
        }
        if let secretFile { return try SecretFile.text(secretFile, isQuiet: isQuiet) }
        return environment[Self.secretVariable].flatMap { $0.isEmpty ? nil : $0 }
    }
}
