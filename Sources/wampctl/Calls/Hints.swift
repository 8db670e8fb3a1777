// What may help after a failure. Pure: what it needs to know is handed in.

import WAMP
import WAMPTransport

enum Hints {
    /// What to try when the router refused the session.
    static func refused(because reason: ErrorURI) -> [String] {
        switch reason {
        case .authenticationRequired, .noMatchingAuthMethod:
            ["who to join as: --authid ID with --secret-file FILE, or --key-file FILE"]
        default: []
        }
    }

    /// For a connection that did not come about, by what it failed for.
    static func unreachable(_ endpoint: Endpoint, because text: String) -> [String] {
        if text.contains("connection refused") { return refused(at: endpoint) }
        if text.contains("not signed by an authority") {
            return ["for a private authority: --tls-ca FILE"]
        }
        if text.contains("may not speak TLS"), endpoint.isSecure {
            return ["without TLS write \(endpoint.framing == .webSocket ? "ws" : "tcp")://"]
        }
        if text.contains("closed the connection at once"), !endpoint.isSecure {
            return ["with TLS write \(endpoint.framing == .webSocket ? "wss" : "tls")://"]
        }
        if text.contains("HTTP 404"), endpoint.path != "/ws" {
            return ["is the path right? that of 'wampctl router' is /ws"]
        }
        if text.contains("opens a session"), endpoint.framing == .rawSocket {
            return ["does a router listen there for RawSocket? for WebSocket write ws://"]
        }
        return []
    }

    /// For an address without scheme, or with that of a web page.
    static func url(meantBy text: String) -> [String] {
        var text = text
        for scheme in ["http://", "https://"] where text.hasPrefix(scheme) {
            text.removeFirst(scheme.count)
        }
        let candidate =
            text.hasPrefix("/")
            ? "unix://\(text)" : "ws://\(text)" + (text.contains("/") ? "" : "/ws")
        guard (try? Endpoint(candidate)) != nil else { return [] }
        return ["did you mean '\(candidate)'?"]
    }

    /// For a REGISTER that the router refused because the URI is its own.
    static func reserved(_ procedure: String, error: ErrorURI?) -> [String] {
        let prefixes = ["wamp.", "wampctl.router.", "wampctl.registration.", "wampctl.cluster."]
        guard error == .invalidURI, let prefix = prefixes.first(where: procedure.hasPrefix) else {
            return []
        }
        return ["URIs that begin with '\(prefix)' are reserved for the router"]
    }

    /// For options that many calls need, given for one.
    static func needless(
        concurrency: Int?, sessions: Int?, rate: Double? = nil, calls: Int?
    ) -> [String] {
        guard calls == 1 else { return [] }
        var names: [String] = []
        if concurrency ?? 1 > 1 { names.append("--concurrency") }
        if sessions ?? 1 > 1 { names.append("--sessions") }
        if rate != nil { names.append("--rate") }
        guard !names.isEmpty else { return [] }
        return [
            "\(names.joined(separator: " and ")): one call is made; -n or --duration says how many"
        ]
    }

    /// For a connection that was refused.
    private static func refused(at endpoint: Endpoint) -> [String] {
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
