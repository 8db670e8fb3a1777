// What may help after a failure. Pure: what it needs to know is handed in.

import WAMP
import WAMPTransport

enum Hints {
    /// For a connection that was refused.
    static func refused(at endpoint: Endpoint) -> [String] {
        guard case .tcp(let host, _) = endpoint.address,
            host == "localhost" || host == "::1" || host.hasPrefix("127.")
        else { return [] }
        return ["is a router running? try 'wampctl router'"]
    }

    /// For `invalid_argument`: a word that looks like a number or a literal was sent as a string.
    static func strings(_ bareWords: [String]) -> [String] {
        guard let word = bareWords.first(where: looksTyped) else { return [] }
        return ["'\(word)' was sent as a string; write :=\(word), or use -j"]
    }

    /// For `no_such_procedure`: a registered one with a similar name.
    static func similar(to procedure: String, among registered: [String]) -> [String] {
        guard let nearest = Similarity.nearest(to: procedure, among: registered) else { return [] }
        return ["did you mean '\(nearest)'?"]
    }

    /// For a REGISTER that another rule, or a single callee, stands against.
    static func conflict(rule: String?, requested: String) -> [String] {
        guard let rule, rule != "single" else {
            return rule == nil ? [] : ["the rule 'single' allows one callee"]
        }
        return requested == rule ? [] : ["to join them, use --invoke \(rule)"]
    }

    private static func looksTyped(_ word: String) -> Bool {
        guard let value = try? JSONText.parse(word) else { return false }
        return value.string == nil
    }
}
