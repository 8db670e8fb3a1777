// Options about TLS, shared by every command that connects.

import ArgumentParser

struct TLSOptions: ParsableArguments {
    @Option(
        name: .customLong("tls-ca"),
        help: ArgumentHelp(
            "Trust the authorities in this PEM file (default: the system's).", valueName: "file"))
    var authorities: String?

    @Option(
        name: .customLong("tls-cert"),
        help: ArgumentHelp("Client certificate, PEM; with --tls-key.", valueName: "file"))
    var certificate: String?

    @Option(
        name: .customLong("tls-key"),
        help: ArgumentHelp("Private key of the client certificate, PEM.", valueName: "file"))
    var key: String?

    @Flag(name: .long, help: "Accept any certificate: TLS without knowing whom one talks to.")
    var insecure = false

    static let variables = [
        EnvironmentVariable(name: "WAMPCTL_TLS_CA", option: "--tls-ca"),
        EnvironmentVariable(name: "WAMPCTL_TLS_CERT", option: "--tls-cert"),
        EnvironmentVariable(name: "WAMPCTL_TLS_KEY", option: "--tls-key"),
    ]

    func validate() throws {
        if (certificate == nil) != (key == nil) {
            throw ValidationError("--tls-cert and --tls-key go together")
        }
    }
}
