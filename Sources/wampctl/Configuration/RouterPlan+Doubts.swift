// What a router would do with a plan and nobody can have meant: patterns that match nothing, rules
// that allow nothing, listeners that let everybody in.

import WAMP
import WAMPRouter
import WAMPServer
import WAMPTransport

extension RouterPlan {
    /// What is said of a listener that anybody may use who reaches it.
    static func danger(of endpoint: Endpoint) -> String {
        "is open to the network, without "
            + (endpoint.isSecure ? "authentication" : "TLS and authentication")
    }

    /// The listeners that let in whoever reaches them from other machines. They are told of by
    /// themselves when the router listens.
    var openings: [FileProblem] {
        guard isAnonymous else { return [] }
        return listeners.filter { !$0.isLoopback }.map { endpoint in
            var problem = listenerPlaces[endpoint] ?? .ofLine("")
            problem.isWarning = true
            problem.text =
                "\(endpoint) \(Self.danger(of: endpoint)); listen on 127.0.0.1, or say "
                + "'anonymous: false' and who may join"
            return problem
        }
    }

    /// All that is worth a word before the router runs.
    var doubts: [FileProblem] { warnings + openings }

    /// Where the options of the line name places in which nothing can be written.
    func doubts(about command: RouterCommand) -> [FileProblem] {
        var doubts: [String] = []
        for (option, path) in [
            ("--log-file", command.logFile), ("--pid-file", command.pidFile),
            ("--port-file", command.portFile),
        ] {
            if let fault = path.flatMap(File.fault(ofPlace:)) {
                doubts.append("\(option): \(fault)")
            }
        }
        for url in command.listen {
            guard let endpoint = try? Endpoint(url), case .unix(let path) = endpoint.address,
                let fault = File.fault(ofSocket: path)
            else { continue }
            doubts.append("--listen \(url): \(fault)")
        }
        if let fault = command.tlsKey.flatMap(File.fault(ofSecret:)) {
            doubts.append("--tls-key: \(fault)")
        }
        if command.noAnonymous {
            let closed = realms.filter { realm in
                realm.principals.admitsNobody
                    && !warnings.contains { $0.text.hasPrefix("nobody can join '\(realm.name)'") }
            }
            doubts += closed.map {
                "nobody can join: realm '\($0.name)' has no users, and --no-anonymous is given; "
                    + "--config names a file with users"
            }
        }
        return doubts.map { .ofLine($0) }
    }

    /// What of a realm cannot work as it stands.
    func lookForDoubts(about realm: RealmConfiguration, in section: FileSection) {
        if realm.principals.admitsNobody {
            section.value.warn(
                "nobody can join '\(realm.name)': add 'users', an 'authenticator' or 'anonymous'")
        }
        guard let roles = realm.settings.permissions.roles else { return }
        let permissions = PermissionIndex(realm.settings.permissions)
        for key in ["authenticator", "authorizer"] {
            guard let value = section[key], let text = value.raw else { continue }
            let isServed = roles.keys.contains {
                permissions.rule(for: $0.description, .register, URI(text)) != nil
            }
            if !isServed {
                value.warn(
                    "no role may register '\(text)', so nobody can answer for it: add a rule with "
                        + "'actions: [register]'")
            }
        }
    }
}

extension Principals {
    fileprivate var admitsNobody: Bool {
        anonymousRole == nil && users.isEmpty && authenticator == nil
    }
}

extension FileProblem {
    private static let theLine = "wampctl router"

    /// As it stands in a log, which has a column for how bad it is.
    var logged: String {
        var problem = self
        problem.isWarning = false
        return file == Self.theLine ? text : problem.description
    }

    /// A word about the line and not about a file.
    static func ofLine(_ text: String) -> FileProblem {
        FileProblem(file: theLine, text: text, isWarning: true)
    }
}

extension FileValue {
    /// Warns of characters that stand for others in other programs, and here for themselves.
    func checkWildcards(of uri: URI) {
        let text = uri.description
        let signs = ["*", "**", "+", ">", "?", "%"]
        let components = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.contains("*") || components.contains(where: { signs.contains(String($0)) })
        else { return }
        let stem = text.trimmingSuffix { "*+>?%".contains($0) }
        let open = components.map { signs.contains(String($0)) ? "" : String($0) }
            .joined(separator: ".")
        let cure =
            if !stem.contains("*"), stem.isEmpty || stem.hasSuffix(".") || text.hasSuffix("*") {
                "did you mean { uri: \"\(stem)\", match: prefix }?"
            } else if !open.contains("*") {
                "did you mean { uri: \"\(open)\", match: wildcard }?"
            } else {
                "with 'match: wildcard', a component that is empty stands for any"
            }
        warn("'\(text)' is taken word for word: no sign in it stands for others; \(cure)")
    }

    /// Warns of a name that is the router's own.
    func checkReserved(_ uri: URI, _ consequence: String) {
        guard uri.isReserved else { return }
        warn("what begins with 'wamp.' is the router's own: \(consequence)")
    }
}

extension String {
    fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> String {
        var text = self[...]
        while let last = text.last, isTrimmed(last) { text.removeLast() }
        return String(text)
    }
}
