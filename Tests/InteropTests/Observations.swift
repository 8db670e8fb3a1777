// What a peer printed: named values, one JSON line each. The judging is the tests' work.

import Foundation
import Subprocess

/// The observations of one run of a peer, by name.
struct Observations: Sendable {
    private let values: [String: Data]
    /// Names in the order in which the peer printed them.
    let names: [String]

    init(_ text: String) throws {
        var values: [String: Data] = [:]
        var names: [String] = []
        for line in text.split(separator: "\n") {
            guard
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
                    as? [String: Any],
                let name = object["name"] as? String, let value = object["value"]
            else { throw Trouble(description: "not an observation: \(line)") }
            values[name] = try JSONSerialization.data(
                withJSONObject: value, options: .fragmentsAllowed)
            names.append(name)
        }
        self.values = values
        self.names = names
    }

    /// The value of that name, or nil if the peer did not get to see it.
    func callAsFunction<Value: Decodable>(
        _ name: String, as type: Value.Type = Value.self
    ) throws -> Value? {
        guard let data = values[name] else { return nil }
        return try JSONDecoder().decode(Value.self, from: data)
    }
}

/// Plays a scenario of Autobahn|Python over `link`; `caller` is a second address and serializer.
func autobahnPython(
    _ scenario: String, at router: RouterAddresses, over link: Link, caller: Link? = nil
) async throws -> Observations {
    var arguments = [Installed.scripts + "/autobahn_python.py", scenario]
    arguments += [router.address(link.transport), "realm1", link.serializer]
    if let caller { arguments += [router.address(caller.transport), caller.serializer] }
    return try await observe(Installed.python, arguments)
}

/// Lets Autobahn|Python use a group of features of a `withFeatureRouter`.
/// - Parameter authority: a file with the certificate that it trusts, for TLS.
func autobahnFeatures(
    _ group: String, at router: RouterAddresses, over link: Link, authority: String? = nil
) async throws -> Observations {
    try await observe(
        Installed.python, autobahnFeaturesArguments(group, at: router, over: link),
        environment: authority.map { ["SSL_CERT_FILE": $0] } ?? [:])
}

func autobahnFeaturesArguments(
    _ group: String, at router: RouterAddresses, over link: Link
) -> [String] {
    [
        Installed.scripts + "/autobahn_features.py", group, router.address(link.transport),
        link.serializer,
    ]
}

/// Lets a client that is not Autobahn use all that it can of a `withFeatureRouter`.
func otherClient(
    _ script: String, at router: RouterAddresses, over link: Link
) async throws -> Observations {
    try await observe(
        Installed.otherClients,
        [Installed.scripts + "/" + script, router.address(link.transport), link.serializer])
}

/// Plays a scenario of Autobahn|JS under Node.
func autobahnJS(
    _ scenario: String, at router: RouterAddresses, _ realm: String = "realm1", serializer: String,
    script: String = "autobahn_js.js", authority: String? = nil
) async throws -> Observations {
    var environment = ["NODE_PATH": Installed.nodeModules]
    environment["NODE_EXTRA_CA_CERTS"] = authority
    return try await observe(
        "node",
        [
            Installed.scripts + "/" + script, Installed.autobahnJS, scenario, router.webSocket,
            realm, serializer,
        ],
        environment: environment)
}

/// Plays a group of the peer that brings its own TLS, with the certificates in a folder.
func tlsPeer(_ group: String, at address: String, _ folder: String) async throws -> Observations {
    try await observe(
        Installed.python, [Installed.scripts + "/tls_peer.py", group, address, folder])
}

private func observe(
    _ program: String, _ arguments: [String], environment: [String: String] = [:]
) async throws -> Observations {
    let ended = try await run(program, arguments, environment: environment)
    let observations = try Observations(ended.output)
    guard ended.status == .exited(0), observations.names.last == "end" else {
        throw Trouble(
            description: """
                the peer gave up (\(ended.status)) after \(observations.names.last ?? "nothing"):
                \(ended.errors.suffix(2000))
                """)
    }
    return observations
}
