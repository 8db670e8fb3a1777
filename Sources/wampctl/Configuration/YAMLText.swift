// A plan as a file that reads back as the same plan. Strings are in quotes as in JSON, which YAML
// reads too.

import WAMP
import WAMPRouter
import WAMPServer
import WAMPTransport

enum YAMLText {
    /// `{ key: value, … }`.
    static func flow(_ pairs: [(String, Value)]) -> String {
        "{ " + pairs.map { "\($0): \(JSONText.text($1))" }.joined(separator: ", ") + " }"
    }

    /// `{ key: text, … }` of values that are YAML already.
    private static func flow(_ pairs: [(String, String)]) -> String {
        "{ " + pairs.map { "\($0): \($1)" }.joined(separator: ", ") + " }"
    }

    private static func quoted(_ text: String) -> String { JSONText.text(.string(text)) }

    private static func path(_ path: String) -> String { quoted(File.absolute(path)) }

    /// The file that a plan could have come from. Secrets stay in theirs.
    static func text(_ plan: RouterPlan) -> String {
        var lines =
            ["listeners:"]
            + plan.listeners.map { listener in
                "  - \(text(listener, plan.listenerSettings[listener]))"
            }
        if let tls = plan.tls {
            var files = [("cert", path(tls.certificate)), ("key", path(tls.key))]
            if let authority = tls.clientCA { files.append(("client_ca", path(authority))) }
            lines.append("tls: \(flow(files))")
        }
        lines += [
            "allowed_origins: \(text(plan.allowedOrigins))",
            "deflate: \(plan.offersDeflate)", "auto_realms: \(plan.createsRealms)", "realms:",
        ]
        for realm in plan.realms {
            lines += text(realm, users: plan.userEntries[Name(realm.name)] ?? [])
        }
        lines.append("keepalive: \(Notation.text(plan.keepalive))")
        lines.append("limits:")
        lines += text(plan.limits).map { "  \($0): \($1)" }
        var log = [
            ("level", (plan.log.level ?? .info).rawValue),
            ("format", (plan.log.format ?? .text).rawValue),
        ]
        if let file = plan.log.file { log.append(("file", path(file))) }
        lines.append("log: \(flow(log))")
        if let file = plan.pidFile { lines.append("pid_file: \(path(file))") }
        lines.append("drain_timeout: \(Notation.text(plan.drainTimeout))")
        lines.append("threads: \(plan.threads.map { "\($0)" } ?? "auto")")
        return lines.joined(separator: "\n")
    }

    private static func text(_ listener: Endpoint, _ settings: ListenerSettings?) -> String {
        let url = quoted(listener.description)
        guard let origins = settings?.allowedOrigins else { return url }
        return flow([("url", url), ("allowed_origins", text(origins))])
    }

    private static func text(_ origins: [OriginPattern]) -> String {
        "[\(origins.map { quoted($0.description) }.joined(separator: ", "))]"
    }

    private static func text(_ limits: RouterLimits) -> [(String, String)] {
        [
            ("message_size", "\(limits.messageSize)"), ("sessions", "\(limits.sessions)"),
            ("outbound_queue", "\(limits.outboundQueue)"),
            ("slow_consumer", limits.slowConsumer.rawValue),
            ("pending_calls_per_session", "\(limits.core.pendingCallsPerSession)"),
            ("registrations_per_session", "\(limits.core.registrationsPerSession)"),
            ("subscriptions_per_session", "\(limits.core.subscriptionsPerSession)"),
            ("authid_length", "\(limits.core.authidLength)"),
            ("handshake_timeout", Notation.text(limits.handshakeTimeout)),
            ("suspect_after", Notation.text(limits.suspectAfter)),
            ("connections_per_address", "\(limits.connectionsPerAddress)"),
        ]
    }

    private static func text(_ realm: RealmConfiguration, users: [String]) -> [String] {
        let settings = realm.settings
        let role = realm.principals.anonymousRole
        var pairs: [(String, String)] = [
            ("anonymous", role.map { flow([("role", quoted($0))]) } ?? "false"),
            ("compatibility", settings.followsCrossbar ? "crossbar" : "standard"),
            ("disclose_callee", "\(settings.disclosesCallee)"),
            ("disclose_caller", settings.callerDisclosure.rawValue),
            ("disclose_publisher", settings.publisherDisclosure.rawValue),
            ("request_ids", settings.requestIDs.rawValue), ("uris", settings.uriRule.rawValue),
            ("feature_check", settings.requiresAnnouncedFeatures ? "strict" : "lenient"),
            ("strict_option_values", "\(settings.strictOptionValues)"),
            ("policy_conflict_uri", settings.crossbarPolicyConflictURI ? "crossbar" : "standard"),
            ("max_concurrency_uri", settings.crossbarMaxConcurrencyURI ? "crossbar" : "standard"),
            ("forward_custom_options", "\(settings.forwardsCustomOptions)"),
            ("shared_registration", "\(settings.sharedRegistration)"),
            ("sharded_registration", "\(settings.shardedRegistration)"),
            ("call_timeout_default", milliseconds(settings.callTimeoutDefault)),
            ("call_timeout_max", milliseconds(settings.callTimeoutMax)),
        ]
        if let uri = realm.principals.authenticator { pairs.append(("authenticator", quoted(uri))) }
        if let uri = settings.authorizer {
            pairs.append(("authorizer", quoted(uri.description)))
        }
        var lines = ["  - name: \(quoted(realm.name))"] + pairs.map { "    \($0): \($1)" }
        lines += list("procedures", settings.procedures.map(text))
        lines += list("topics", settings.topics.map(text))
        lines += list("users", users)
        guard let roles = settings.permissions.roles else { return lines }
        lines.append(roles.isEmpty ? "    roles: []" : "    roles:")
        for (name, role) in roles.sorted(by: { $0.key.description < $1.key.description }) {
            lines += text(role, name: name.description)
        }
        return lines
    }

    private static func list(_ key: String, _ entries: [String]) -> [String] {
        entries.isEmpty ? [] : ["    \(key):"] + entries.map { "      - \($0)" }
    }

    private static func text(_ role: RolePermissions, name: String) -> [String] {
        let meta = (role.mayReadMeta ? ["read"] : []) + (role.mayKill ? ["kill"] : [])
        let rules = role.rules.map { rule in
            let actions = Action.allCases.filter(rule.actions.contains).map(\.rawValue)
            var pairs =
                text(rule.pattern) + [("actions", "[\(actions.joined(separator: ", "))]")]
            var disclosure: [(String, String)] = []
            if let caller = rule.callerDisclosure { disclosure.append(("caller", caller.rawValue)) }
            if let publisher = rule.publisherDisclosure {
                disclosure.append(("publisher", publisher.rawValue))
            }
            if !disclosure.isEmpty { pairs.append(("disclose", flow(disclosure))) }
            if rule.isCacheable { pairs.append(("cache", "true")) }
            return "          - \(flow(pairs))"
        }
        return ["      - name: \(quoted(name))"]
            + (rules.isEmpty ? [] : ["        allow:"] + rules) + [
                "        meta: [\(meta.joined(separator: ", "))]",
                "        trusted: \(role.isTrusted)",
            ]
    }

    private static func text(_ pattern: URIPattern) -> [(String, String)] {
        [("uri", quoted(pattern.uri.description)), ("match", pattern.match.rawValue)]
    }

    private static func text(_ procedure: ProcedureSettings) -> String {
        var pairs = text(procedure.pattern)
        if let queue = procedure.queue {
            pairs.append(
                (
                    "queue",
                    flow([("limit", "\(queue.limit)"), ("max_wait", milliseconds(queue.maxWait))])
                ))
        }
        if let level = procedure.trustlevel { pairs.append(("trustlevel", "\(level)")) }
        return flow(pairs)
    }

    private static func text(_ topic: TopicSettings) -> String {
        var pairs = text(topic.pattern)
        pairs.append(("history", "\(topic.history)"))
        pairs.append(("retain", "\(topic.retains)"))
        if let level = topic.trustlevel { pairs.append(("trustlevel", "\(level)")) }
        return flow(pairs)
    }

    private static func milliseconds(_ count: UInt64) -> String {
        Notation.text(.milliseconds(Int64(count)))
    }
}

extension Notation {
    /// A duration as `duration` reads it, in the largest unit without a fraction.
    static func text(_ duration: Duration) -> String {
        if duration == .zero { return "0" }
        let (seconds, attoseconds) = duration.components
        if attoseconds == 0 {
            if seconds % 3600 == 0 { return "\(seconds / 3600)h" }
            return seconds % 60 == 0 ? "\(seconds / 60)m" : "\(seconds)s"
        }
        let nanoseconds = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        if nanoseconds % 1_000_000 == 0 { return "\(nanoseconds / 1_000_000)ms" }
        return nanoseconds % 1000 == 0 ? "\(nanoseconds / 1000)us" : "\(nanoseconds)ns"
    }
}
