// What may help after a failure. Pure: what it needs to know is handed in.

import WAMP
import WAMPClient
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

    /// For a refusal after which another method may be tried: of those that take a secret the
    /// router picks one.
    static func otherMethods(
        after error: ClientError, _ authentication: Authentication
    ) -> [String] {
        guard case .refused(let reason, _, let details) = error, authentication.method == .auto,
            authentication.secret != nil, authentication.privateKey == nil,
            [.authenticationDenied, .authenticationFailed, .noMatchingAuthMethod, .notAuthorized]
                .contains(reason)
        else { return [] }
        let tried = details["authmethod"]?.string
        let others = [Authentication.Method.ticket, .wampcra, .scram].map(\.rawValue).filter {
            $0 != tried && "wamp-\($0)" != tried
        }
        return ["another method alone: --authmethod \(others.joined(separator: ", or "))"]
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

    /// For a URL that is none, or none of ours: an address without scheme, that of a web page, one
    /// of RawSocket with a path or without a port.
    static func url(meantBy text: String) -> [String] {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard let scheme = parts.first?.lowercased(), parts.count == 2 else {
            return url(firstOf: barePath(text) + ["ws://\(withPath(text))"])
        }
        var rest = String(parts[1].drop { $0 == "/" })
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        if parts[1].hasPrefix("//"), let bracketed = bracketed(authority) {
            rest = bracketed + rest.dropFirst(authority.count)
        }
        switch scheme {
        case "unix": return url(firstOf: ["unix:///\(rest)"])
        case "tcp", "tls":
            let host = rest.prefix { $0 != "/" }
            let web = scheme == "tcp" ? "ws" : "wss"
            let paths = rest.count > host.count + 1 ? ["\(web)://\(rest)"] : []
            return url(firstOf: paths + ["\(scheme)://\(host)", "\(scheme)://\(host):8080"])
        case "ws", "wss": return url(firstOf: ["\(scheme)://\(rest)"])
        case _ where parts[1].hasPrefix("//"):
            return url(firstOf: ["\(scheme.hasSuffix("s") ? "wss" : "ws")://\(withPath(rest))"])
        default: return url(firstOf: barePath(text) + ["ws://\(withPath(text))"])
        }
    }

    /// An IPv6 address without brackets, with a port or without one, as it should be written; nil
    /// if it is none.
    static func bracketed(_ authority: Substring) -> String? {
        guard !authority.hasPrefix("["), authority.count(where: { $0 == ":" }) > 1,
            authority.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." })
        else { return nil }
        let colon = authority.lastIndex(of: ":") ?? authority.startIndex
        let port = authority[authority.index(after: colon)...]
        // No part of an address has five digits; one of four may be a port.
        guard port.count > 3, UInt16(port) != nil else { return "[\(authority)]" }
        return "[\(authority[..<colon])]:\(port)"
    }

    /// For a procedure of the meta API that the role may not call.
    static func meta(_ procedure: String) -> [String] {
        let parts = ["session", "registration", "subscription"].map { "wamp.\($0)." }
        guard parts.contains(where: procedure.hasPrefix) else { return [] }
        let changes = ["wamp.session.kill", "wamp.registration.remove_callee"]
        let right = changes.contains(where: procedure.hasPrefix) ? "kill" : "read"
        return ["the role lacks 'meta: [\(right)]' in the configuration of the router"]
    }

    private static func url(firstOf candidates: [String]) -> [String] {
        candidates.first { (try? Endpoint($0)) != nil }.map { ["did you mean '\($0)'?"] } ?? []
    }

    /// The path of a socket, written bare.
    private static func barePath(_ text: String) -> [String] {
        text.hasPrefix("/") || text.hasPrefix(".") ? ["unix://\(text)"] : []
    }

    /// Where a router listens if nothing else is said.
    private static func withPath(_ text: String) -> String {
        let host = text.prefix { $0 != "/" }
        return host.count + 1 < text.count ? text : "\(host)/ws"
    }

    /// For a request that was refused, perhaps because the URI is the router's own.
    static func reserved(_ uri: String, error: ErrorURI?) -> [String] {
        guard let error,
            [.invalidURI, .notAuthorized, .noSuchProcedure].contains(error),
            let prefix = reservedPrefix(of: uri)
        else { return [] }
        return ["URIs that begin with '\(prefix)' are reserved for the router"]
    }

    /// For a subscription that the router took, to a topic on which only it may publish and which
    /// none of its own is.
    static func silent(_ topic: String) -> [String] {
        guard let prefix = reservedPrefix(of: topic),
            !MetaWatch.allTopics.contains(topic), topic != "wampctl.router.on_stats"
        else { return [] }
        return [
            "'\(topic)' will stay silent: URIs that begin with '\(prefix)' are reserved for the "
                + "router, which has no such topic"
        ]
    }

    private static func reservedPrefix(of uri: String) -> String? {
        let prefixes = ["wamp.", "wampctl.router.", "wampctl.registration.", "wampctl.cluster."]
        return uri == "wamp" ? "wamp." : prefixes.first(where: uri.hasPrefix)
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
