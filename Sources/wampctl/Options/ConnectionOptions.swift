// Options about where to connect and which realm to join, shared by every command that joins one.

import ArgumentParser
import WAMP

struct ConnectionOptions: ParsableArguments {
    @Option(
        name: [.customShort("u", allowingJoined: true), .long],
        help: ArgumentHelp(
            "Router: ws://, tcp:// (RawSocket), wss:// or tls:// (both with TLS), or unix://PATH "
                + "(default: \(Self.defaultURL)).",
            valueName: "url"))
    var url: String?

    @Option(
        name: [.customShort("r", allowingJoined: true), .long],
        help: ArgumentHelp("Realm to join (default: realm1).", valueName: "uri"))
    var realm: String?

    @Option(
        name: .long,
        help: ArgumentHelp("json, msgpack or cbor (default: json).", valueName: "name"),
        transform: Self.serializer)
    var serializer: Serializer?

    @Option(
        name: .customLong("tls-ca"),
        help: ArgumentHelp(
            "Trust the authorities in this PEM file (default: the system's).", valueName: "file"))
    var tlsCA: String?

    @Option(
        name: .customLong("tls-cert"),
        help: ArgumentHelp("Client certificate, PEM; with --tls-key.", valueName: "file"))
    var tlsCert: String?

    @Option(
        name: .customLong("tls-key"),
        help: ArgumentHelp("Private key of the client certificate, PEM.", valueName: "file"))
    var tlsKey: String?

    @Flag(name: .long, help: "Accept any certificate: TLS without knowing whom one talks to.")
    var insecure = false

    @Option(
        name: .customLong("connect-timeout"),
        help: ArgumentHelp("Limit for connecting and joining (default: 5s).", valueName: "d"),
        transform: Notation.duration)
    var connectTimeout: Duration?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Keep trying to connect for so long, at the start (default: 0).", valueName: "d"),
        transform: Notation.duration)
    var retry: Duration?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Ping after so much silence; 2 unanswered end the connection; 0 = off (default: 10s).",
            valueName: "d"),
        transform: Notation.duration)
    var keepalive: Duration?

    @Flag(name: .long, help: "Every WAMP message sent and received, one line each, on stderr.")
    var trace = false

    static let defaultURL = "ws://localhost:8080/ws"

    static let variables = [
        EnvironmentVariable(name: "WAMPCTL_URL", option: "--url"),
        EnvironmentVariable(name: "WAMPCTL_REALM", option: "--realm"),
        EnvironmentVariable(name: "WAMPCTL_SERIALIZER", option: "--serializer"),
        EnvironmentVariable(name: "WAMPCTL_TLS_CA", option: "--tls-ca"),
        EnvironmentVariable(name: "WAMPCTL_TLS_CERT", option: "--tls-cert"),
        EnvironmentVariable(name: "WAMPCTL_TLS_KEY", option: "--tls-key"),
        EnvironmentVariable(name: "WAMPCTL_CONNECT_TIMEOUT", option: "--connect-timeout"),
        EnvironmentVariable(name: "WAMPCTL_RETRY", option: "--retry"),
        EnvironmentVariable(name: "WAMPCTL_TRACE", option: "--trace", kind: .flag),
    ]

    static let environment = EnvironmentVariable.table(variables)

    private static func serializer(_ text: String) throws -> Serializer {
        guard let serializer = Serializer(name: text) else {
            throw NotationError(OutputOptions.choices(Serializer.allCases.map(\.name)))
        }
        return serializer
    }

    func validate() throws {
        if let realm, !URI(realm).isValid(.loose) {
            throw ValidationError("'\(realm)' is not a realm: a URI such as com.example.realm")
        }
        if (tlsCert == nil) != (tlsKey == nil) {
            throw ValidationError("--tls-cert and --tls-key go together")
        }
        if connectTimeout == .zero {
            throw ValidationError("--connect-timeout must be above 0")
        }
    }
}
