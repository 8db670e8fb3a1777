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

    @OptionGroup(title: "Connection")
    var tls: TLSOptions

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

    @OptionGroup(title: "Authentication")
    var authentication: AuthenticationOptions

    static let defaultURL = "ws://localhost:8080/ws"

    static let variables =
        [
            EnvironmentVariable(name: "WAMPCTL_URL", option: "--url"),
            EnvironmentVariable(name: "WAMPCTL_REALM", option: "--realm"),
            EnvironmentVariable(name: "WAMPCTL_SERIALIZER", option: "--serializer"),
        ] + TLSOptions.variables + [
            EnvironmentVariable(name: "WAMPCTL_CONNECT_TIMEOUT", option: "--connect-timeout"),
            EnvironmentVariable(name: "WAMPCTL_RETRY", option: "--retry"),
            EnvironmentVariable(name: "WAMPCTL_TRACE", option: "--trace", kind: .flag),
        ] + AuthenticationOptions.variables

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
        if connectTimeout == .zero {
            throw ValidationError("--connect-timeout must be above 0")
        }
    }
}
