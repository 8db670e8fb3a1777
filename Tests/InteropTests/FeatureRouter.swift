// A router with a configuration file, as the clients' use of the Advanced Profile needs it.

import Foundation

/// Runs `body` beside a router of four realms: `open` discloses everybody, `asked` whoever asks
/// for it, `crossbar` has the habits of Crossbar.io, and `secured` lets in its users only.
/// - Parameter options: more options of `wampctl router`.
func withFeatureRouter(
    _ options: [String] = [],
    _ body: @Sendable (RouterAddresses) async throws -> Void
) async throws {
    let directory = FileManager.default.temporaryDirectory
        .appending(path: "wampctl-features-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
        at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(at: directory) }
    let secrets = [
        "tina": "tina's ticket", "carl": "carl's secret",
        // Of a salted secret the router knows the derived key only: this one is of "secret".
        "sally": "MDS8Yxpu4J/vkHJ8dNEgqECYsI0uRDh2oZ5eN0vYPvo=",
    ]
    for (name, text) in secrets { try write(text, to: directory.appending(path: name)) }
    let file = directory.appending(path: "router.yaml")
    try write(configuration, to: file)
    try await withRouter(["--config", file.path] + options, body)
}

/// Writes a file that only its owner may read.
func write(_ text: String, to file: URL) throws {
    try Data((text + "\n").utf8).write(to: file)
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
}

private let configuration = """
    realms:
      - name: open
        disclose_caller: always
        disclose_publisher: always
        topics: [ { uri: com.example.logged, history: 100 } ]
      - name: asked
        topics: [ { uri: com.example.logged, history: 100 } ]
      - name: crossbar
        compatibility: crossbar
        topics: [ { uri: com.example.logged, history: 100 } ]
      - name: secured
        anonymous: false
        users:
          - { authid: tina, role: master, ticket_file: tina }
          - { authid: carl, role: guest, wampcra_file: carl }
          - authid: sally
            role: guest
            wampcra_file: sally
            salt: salt123
            iterations: 1000
            keylen: 32
          - authid: chris
            role: guest
            cryptosign: [ "1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d" ]
        roles:
          - name: master
            allow: [ { uri: "", match: prefix, actions: [call, register, publish, subscribe] } ]
            meta: [read, kill]
          - name: guest
            allow: [ { uri: com.example.open., match: prefix, actions: [call, subscribe] } ]
    """

/// Any value of a peer's observation, to be compared as a whole.
enum Seen: Decodable, Equatable, Sendable, ExpressibleByNilLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    case null
    case bool(Bool)
    case number(Double)
    case text(String)
    case list([Seen])
    case dictionary([String: Seen])

    init(nilLiteral: ()) { self = .null }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(integerLiteral value: Int) { self = .number(Double(value)) }
    init(floatLiteral value: Double) { self = .number(value) }
    init(stringLiteral value: String) { self = .text(value) }
    init(arrayLiteral elements: Seen...) { self = .list(elements) }
    init(dictionaryLiteral elements: (String, Seen)...) {
        self = .dictionary(Dictionary(elements) { $1 })
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([Seen].self) {
            self = .list(value)
        } else {
            self = .dictionary(try container.decode([String: Seen].self))
        }
    }
}
