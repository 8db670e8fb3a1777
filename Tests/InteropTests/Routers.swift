// Starts a router for one test, ours or a foreign one, and says where it listens.

import BareSockets
import Foundation
import Subprocess
import Testing

/// A transport and a serializer: one way to talk to a router.
struct Link: Sendable, CustomTestStringConvertible {
    let transport: Transport
    let serializer: String

    enum Transport: String, CaseIterable, Sendable { case websocket, rawsocket }

    static let serializers = ["json", "msgpack", "cbor"]

    static let all = Transport.allCases.flatMap { transport in
        serializers.map { Link(transport: transport, serializer: $0) }
    }

    var testDescription: String { "\(transport) \(serializer)" }
}

/// A running router's addresses.
struct RouterAddresses: Sendable {
    let webSocketPort: Int
    let rawSocketPort: Int
    var isSecure = false

    var webSocket: String { "\(isSecure ? "wss" : "ws")://127.0.0.1:\(webSocketPort)/ws" }
    var rawSocket: String { "\(isSecure ? "tls" : "tcp")://127.0.0.1:\(rawSocketPort)" }

    func address(_ transport: Link.Transport) -> String {
        switch transport {
        case .websocket: webSocket
        case .rawsocket: rawSocket
        }
    }
}

/// Runs `body` beside a `wampctl router` on a port that the system chose, and expects the router
/// to end cleanly afterwards.
/// - Parameter options: more options of `wampctl router`.
func withRouter(
    _ options: [String] = [], _ body: @Sendable (RouterAddresses) async throws -> Void
) async throws {
    let arguments = ["router", "-p", "0", "--print-port", "--log-level", "error"] + options
    let (_, ended) = try await whileRunning(Installed.wampctl, arguments) { lines in
        var iterator = lines.makeAsyncIterator()
        guard let line = await iterator.next(),
            let port = Int(line.trimmingCharacters(in: .whitespacesAndNewlines))
        else { throw Trouble(description: "the router printed no port") }
        try await body(
            RouterAddresses(
                webSocketPort: port, rawSocketPort: port,
                isSecure: options.contains("--tls-cert")))
    }
    expectCode(0, of: ended)
}

/// Runs `body` beside a Crossbar.io router that lets everybody do everything.
func withCrossbar(_ body: @Sendable (RouterAddresses) async throws -> Void) async throws {
    let directory = FileManager.default.temporaryDirectory
        .appending(path: "wampctl-crossbar-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let arguments = ["start", "--cbdir", directory.path, "--loglevel", "none"]
    // A port that was free may be taken before Crossbar.io asks for it: then with others.
    for _ in 1...3 {
        let addresses = RouterAddresses(
            webSocketPort: try freePort(), rawSocketPort: try freePort())
        try crossbarConfiguration(addresses)
            .write(to: directory.appending(path: "config.json"), atomically: true, encoding: .utf8)
        let (isUp, _) = try await whileRunning(Installed.crossbar, arguments) { _ in
            guard try await isCrossbarUp(addresses) else { return false }
            try await body(addresses)
            return true
        }
        if isUp { return }
    }
    throw Trouble(description: "Crossbar.io did not listen, three times")
}

/// `--retry` is how one waits for a router: each port answers once its transport is up.
private func isCrossbarUp(_ addresses: RouterAddresses) async throws -> Bool {
    for address in [addresses.webSocket, addresses.rawSocket] {
        let tried = try await wampctl(
            "call", "wamp.session.count", "-u", address, "--retry", "90s")
        guard tried.status == .exited(0) else { return false }
    }
    return true
}

private func crossbarConfiguration(_ addresses: RouterAddresses) -> String {
    func transport(_ type: String, _ id: String, _ port: Int) -> String {
        """
        {"type": "\(type)", "id": "\(id)", "serializers": ["json", "msgpack", "cbor"],
         "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": \(port)},
         "auth": {"anonymous": {"type": "static", "role": "anonymous"}}}
        """
    }
    return """
        {"version": 2, "workers": [{"type": "router",
         "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [
           {"uri": "", "match": "prefix",
            "allow": {"call": true, "register": true, "publish": true, "subscribe": true}}]}]}],
         "transports": [
           \(transport("websocket", "web", addresses.webSocketPort)),
           \(transport("rawsocket", "raw", addresses.rawSocketPort))]}]}
        """
}
