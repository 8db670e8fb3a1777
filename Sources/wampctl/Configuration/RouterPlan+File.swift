// `router.yaml` on its top level; realms and users are read beside it.

import WAMPRouter
import WAMPServer
import WAMPTransport

extension RouterPlan {
    /// Reads a file over the defaults. What cannot be read is reported there, all of it at once.
    init(reading reader: FileReader) {
        guard let file = reader.root() else { return }
        readListeners(file["listeners"])
        readTLS(file["tls"])
        set(&allowedOrigins, file["allowed_origins"]?.origins())
        set(&offersDeflate, file["deflate"]?.bool())
        set(&createsRealms, file["auto_realms"]?.bool())
        readRealms(file["realms"])
        set(&keepalive, file["keepalive"]?.duration())
        readLimits(file["limits"]?.settings())
        readHTTP(file["http"]?.settings())
        readLog(file["log"]?.settings())
        pidFile = file["pid_file"]?.place()
        set(&drainTimeout, file["drain_timeout"]?.duration())
        readThreads(file["threads"])
        file.finish(elsewhere: Self.places)
    }

    /// Keys of sections that are looked for on the top level, by the section.
    private static let places: [String: Set<String>] = [
        "realms": [
            "compatibility", "disclose_callee", "disclose_caller", "disclose_publisher",
            "request_ids", "uris", "feature_check", "strict_option_values", "policy_conflict_uri",
            "max_concurrency_uri", "forward_custom_options", "shared_registration",
            "sharded_registration", "call_timeout_default", "call_timeout_max", "authorizer",
            "authenticator", "anonymous", "users", "roles", "procedures", "topics",
        ],
        "limits": [
            "message_size", "sessions", "outbound_queue", "slow_consumer",
            "pending_calls_per_session", "registrations_per_session", "subscriptions_per_session",
            "authid_length", "handshake_timeout", "suspect_after", "connections_per_address",
        ],
        "tls": ["cert", "key", "client_ca"], "http": ["dashboard", "metrics_per_procedure"],
    ]

    private mutating func readListeners(_ value: FileValue?) {
        var lines: [Endpoint: Int] = [:]
        for entry in value?.list() ?? [] {
            guard let (endpoint, settings) = entry.listener() else { continue }
            listenerSettings[endpoint] = settings ?? listenerSettings[endpoint]
            if let fault = contradiction(of: endpoint, lines: lines) { entry.fail(fault) }
            lines[endpoint] = entry.line
            listeners.append(endpoint)
            listenerPlaces[endpoint] = entry.problem("")
            if case .unix(let path) = endpoint.address, let fault = File.fault(ofSocket: path) {
                entry.warn("\(endpoint): \(fault)")
            }
            if endpoint.isSecure, unsecured == nil {
                unsecured = entry.problem(
                    "\(endpoint) needs a certificate: add 'tls' with 'cert' and 'key'")
            }
        }
        if let value, listeners.isEmpty, value.isEmptyList {
            value.fail("'listeners' is empty: name one, such as ws://127.0.0.1:8080/ws")
        }
    }

    private mutating func readTLS(_ value: FileValue?) {
        guard let section = value?.section() else { return }
        let certificate = section.required("cert")?.file()
        let keyValue = section.required("key")
        let key = keyValue?.file()
        if let fault = key.flatMap(File.fault(ofSecret:)) { keyValue?.warn(fault) }
        let authority = section["client_ca"]?.file()
        section.finish()
        guard let certificate, let key else { return }
        let files = ServerTLS(certificate: certificate, key: key, clientCA: authority)
        tls = files
        do throws(TLSError) {
            _ = try TLSContext.server(files)
        } catch {
            section.value.fail("'tls': \(error)")
        }
        if !listeners.isEmpty, !listeners.contains(where: \.isSecure) {
            section.value.warn("'tls' has no effect: no listener begins with wss:// or tls://")
        }
    }

    private mutating func readLimits(_ section: FileSection?) {
        guard let section else { return }
        if let value = section["message_size"], let bytes = value.notation(Notation.size) {
            if bytes < RouterLimits.shortestMessageSize {
                value.fail(
                    "'message_size' must be at least \(RouterLimits.shortestMessageSize): "
                        + "the messages that open a session would not fit")
            }
            if bytes > RouterLimits.largestMessageSize {
                value.fail("'message_size' must be at most \(RouterLimits.largestMessageSize)")
            }
            limits.messageSize = bytes
        }
        set(&limits.sessions, section["sessions"]?.number(in: 0...Int.max))
        if let value = section["outbound_queue"], let bytes = value.notation(Notation.size) {
            if bytes == 0 { value.fail("'outbound_queue' must be at least 1") }
            limits.outboundQueue = bytes
        }
        set(
            &limits.slowConsumer,
            section["slow_consumer"]?.choice(of: RouterLimits.SlowConsumer.self))
        let counts = 1...Int(Int32.max)
        set(
            &limits.core.pendingCallsPerSession,
            section["pending_calls_per_session"]?.number(in: counts))
        set(
            &limits.core.registrationsPerSession,
            section["registrations_per_session"]?.number(in: counts))
        set(
            &limits.core.subscriptionsPerSession,
            section["subscriptions_per_session"]?.number(in: counts))
        set(&limits.core.authidLength, section["authid_length"]?.number(in: 1...Limits.nameLength))
        if let value = section["handshake_timeout"], let time = value.duration() {
            if time == .zero { value.fail("'handshake_timeout' must be longer than 0") }
            limits.handshakeTimeout = time
        }
        set(&limits.suspectAfter, section["suspect_after"]?.duration())
        set(
            &limits.connectionsPerAddress,
            section["connections_per_address"]?.number(in: 0...Int.max))
        let defaults = RouterLimits()
        let changes = [
            ("sessions", limits.sessions != defaults.sessions),
            ("slow_consumer", limits.slowConsumer != defaults.slowConsumer),
            ("suspect_after", limits.suspectAfter != defaults.suspectAfter),
            (
                "connections_per_address",
                limits.connectionsPerAddress != defaults.connectionsPerAddress
            ),
        ]
        for (key, isChanged) in changes where isChanged {
            section[key]?.warn("'\(key)' has no effect in this version")
        }
        section.finish()
    }

    private func readHTTP(_ section: FileSection?) {
        guard let section else { return }
        let switches = ["enabled", "dashboard", "metrics_per_procedure"].map { section[$0]?.bool() }
        let listener = section["listen"]?.endpoint()
        if switches.contains(true) || listener != nil {
            section.value.warn("'http' has no effect: this version has no HTTP endpoints")
        }
        section.finish()
    }

    private mutating func readLog(_ section: FileSection?) {
        guard let section else { return }
        log.level = section["level"]?.choice(of: RouterCommand.LogLevel.self)
        log.format = section["format"]?.choice(of: RouterCommand.LogFormat.self)
        log.file = section["file"]?.place()
        section.finish()
    }

    private mutating func readThreads(_ value: FileValue?) {
        guard let value, value.raw != "auto" else { return }
        guard value.raw.flatMap(Int.init) != nil else {
            return value.fail("'threads' must be 'auto' or a whole number")
        }
        threads = value.number(in: 1...1024)
    }
}

extension FileValue {
    /// Where to listen: a URL, or a mapping of it and what holds there.
    fileprivate func listener() -> (Endpoint, ListenerSettings?)? {
        guard isMapping else { return endpoint().map { ($0, nil) } }
        guard let section = section() else { return nil }
        let endpoint = section.required("url")?.endpoint()
        var settings = ListenerSettings()
        settings.allowedOrigins = section["allowed_origins"]?.origins()
        section.finish()
        return endpoint.map { ($0, settings) }
    }

    /// The pages that may connect.
    fileprivate func origins() -> [OriginPattern]? {
        list()?.compactMap { entry in
            guard let text = entry.string() else { return nil }
            do throws(OriginError) {
                return try OriginPattern(text)
            } catch {
                entry.fail("'\(key)': \(error)")
                return nil
            }
        }
    }

    /// A URL to listen on.
    func endpoint() -> Endpoint? {
        guard let text = string() else { return nil }
        do throws(EndpointError) {
            return try Endpoint(text)
        } catch {
            fail("'\(key)': \(error)")
            return nil
        }
    }
}
