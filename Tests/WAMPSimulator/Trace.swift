// A run as people read it: a line for each fact, and below it what came of it.

import NIOCore
import WAMP
import WAMPRouter

struct Trace {
    private(set) var lines: [String] = []

    mutating func note(_ line: String) { lines.append(line) }

    mutating func add(_ fact: Fact, name: (SessionKey) -> String) {
        switch fact {
        case .joined(let newcomer):
            let roles = Role.allCases.compactMap { role in
                newcomer.roles[role].map { "\(role.rawValue) \(Trace.names($0))" }
            }
            lines.append("+ joined as \(newcomer.authrole): \(roles.joined(separator: "; "))")
        case .received(let message, let key):
            lines.append("> \(name(key)) \(Trace.text(message))")
        case .left(let key): lines.append("- \(name(key)) is lost")
        case .broken(let key): lines.append("> \(name(key)) sends what is no message")
        case .blocked(let isBlocked, let key):
            lines.append("! \(name(key)) \(isBlocked ? "cannot" : "can") be written to")
        case .advanced: lines.append("! time passes")
        case .updated: lines.append("! new settings")
        case .undeliverable(let message, let key):
            lines.append("! too large for \(name(key)): \(Trace.text(message))")
        case .drained: lines.append("! the realm is drained")
        }
    }

    mutating func add(_ effect: Effect, name: (SessionKey) -> String) {
        switch effect {
        case .send(let message, let key):
            lines.append("    < \(name(key)) \(Trace.text(message))")
        case .broadcast(let event, let keys):
            lines.append(
                "    < \(keys.map(name).joined(separator: ",")) \(Trace.text(.event(event)))")
        case .ended(let key, let ending): lines.append("    . \(name(key)) ended: \(ending)")
        case .answered(let token, let answer): lines.append("    . answered \(token): \(answer)")
        }
    }

    /// The message as its JSON frame, behind its name.
    static func text(_ message: Message) -> String {
        guard let frame = try? MessageCoder.encode(message, as: .json) else { return "\(message)" }
        return "\(message.code.name) \(String(buffer: frame))"
    }

    private static func names(_ features: Features) -> String {
        let details = Roles([.callee: features]).details["callee"]?.dictionary
        return (details?["features"]?.dictionary?.keys ?? []).joined(separator: " ")
    }
}
