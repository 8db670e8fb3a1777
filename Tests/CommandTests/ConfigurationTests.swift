// The router's configuration file: what is read, what is refused and where, and what wins over it.

import Glibc
import Testing
import WAMP
import WAMPRouter
import WAMPServer
import WAMPTransport

@testable import wampctl

@Suite("Configuration file") struct ConfigurationTests {
    static let key = String(repeating: "0123456789abcdef", count: 4)

    /// A certificate signed by itself, valid for a hundred years, with its key.
    static let certificate = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgEDsuguqT5bqGQONG
        E0tgrn8HKMUJdOOMCK9JuAGuyluhRANCAATrWtFP7OiNoypgbbdrFQ8kRHn4NbAk
        8gpHP8dBQ0e5y0AKgOS/2Qd4ulH573atPEBA6UEIAq5oJf08AgWn3zQb
        -----END PRIVATE KEY-----
        -----BEGIN CERTIFICATE-----
        MIIBljCCATugAwIBAgIUN+M7TZSb/thpMmKgAJrbNEgC5ZIwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjIxNDUzNloYDzIxMjYxMDI5
        MjE0NTM2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAATrWtFP7OiNoypgbbdrFQ8kRHn4NbAk8gpHP8dBQ0e5y0AKgOS/2Qd4
        ulH573atPEBA6UEIAq5oJf08AgWn3zQbo2kwZzAdBgNVHQ4EFgQUzCEIyoVa5j9p
        aCKAB09siDRmBFAwHwYDVR0jBBgwFoAUzCEIyoVa5j9paCKAB09siDRmBFAwDwYD
        VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
        SQAwRgIhAIYIUNRqtjqUANTxpSSSwp8kSY5aqjx5zNbrKA5MX+BzAiEA6DuowjHW
        kLYwW28hKLIqeRX7Oj48tNvcoky+qvCuZnc=
        -----END CERTIFICATE-----
        """

    /// What keygen makes of a password.
    static let verifier =
        """
        {"kdf":"argon2id13","salt":"W22ZaJ0SNY7soEsUEjb6gQ==","iterations":3,"memory":4096,\
        "stored_key":"FMEKD4z+Cc5vXZqU5Ny+64zyVCchki6zeMBjhXpHy8s=",\
        "server_key":"QQHwo4jlnzr3yZ2f04BHmxH5I5fsoae7Fmxvn4U7vbo="}
        """

    /// What one file says, with the secrets that it names beside it.
    static func read(_ text: String, in folder: TemporaryFolder) -> (RouterPlan, [FileProblem]) {
        folder.write("ticket", "sesame\n")
        folder.write("open", "sesame\n", mode: 0o644)
        folder.write("empty", "\n")
        folder.write("cert.pem", Self.certificate)
        folder.write("verifier", Self.verifier)
        let reader = FileReader(path: folder.write("router.yaml", text))
        return (RouterPlan(reading: reader), reader.problems)
    }

    /// The complete file of the design, with each key.
    static let whole = """
        listeners:
          - wss://0.0.0.0:8080/ws
          - { url: "unix:///run/wampctl/router.sock", allowed_origins: ["null"] }
        allowed_origins: [https://app.example.com, "*"]
        tls: { cert: cert.pem, key: cert.pem, client_ca: cert.pem }
        deflate: true
        auto_realms: true
        realms:
          - name: realm1
            anonymous: { role: guest }
            disclose_callee: false
            disclose_caller: always
            disclose_publisher: never
            request_ids: strict
            uris: strict
            feature_check: strict
            strict_option_values: true
            compatibility: crossbar
            policy_conflict_uri: crossbar
            max_concurrency_uri: standard
            forward_custom_options: false
            shared_registration: false
            sharded_registration: true
            call_timeout_default: 1.5s
            call_timeout_max: 30s
            authenticator: com.example.authn
            authorizer: com.example.authz
            procedures:
              - { uri: com.example., match: prefix, queue: { limit: 1000, max_wait: 30s },
                  trustlevel: 1 }
            topics: [ { uri: com.example.log, history: 1000, retain: true, trustlevel: 2 } ]
            users:
              - { authid: ops, role: admin, cryptosign: [ "\(key)" ] }
              - { authid: app, role: guest, wampcra_file: ticket, salt: "x", iterations: 2000 }
              - { authid: cron, role: guest, ticket_file: ticket }
              - { authid: eve, role: guest, scram_file: verifier }
              - { authid: tess, role: guest, tls: true }
            roles:
              - name: admin
                allow:
                  - uri: ""
                    match: prefix
                    actions: [call, register, publish, subscribe, force_reregister]
                    disclose: { caller: true, publisher: on_request }
                    cache: true
                meta: [read, kill]
                trusted: true
              - name: guest
                allow: [ { uri: com..a, match: wildcard, actions: [call, subscribe] } ]
                meta: [read]
          - { name: realm2, anonymous: false }
        keepalive: 20s
        limits: { message_size: 1m, sessions: 10000, outbound_queue: 2m,
          slow_consumer: drop-events, pending_calls_per_session: 99,
          registrations_per_session: 98, subscriptions_per_session: 97, authid_length: 96,
          handshake_timeout: 3s, suspect_after: 0, connections_per_address: 12 }
        http: { enabled: false, dashboard: true, listen: "ws://127.0.0.1:9090/ws",
          metrics_per_procedure: true }
        log: { level: debug, format: json, file: router.log }
        pid_file: router.pid
        drain_timeout: 250ms
        threads: 3
        """

    @Test("Every key of the file is read, and files stand beside it")
    func everyKey() throws {
        let folder = try TemporaryFolder()
        let (plan, problems) = Self.read(Self.whole, in: folder)
        try #require(problems.allSatisfy { $0.isWarning }, "\(problems)")
        #expect(plan.listeners.map(\.description).first == "wss://0.0.0.0:8080/ws")
        #expect(plan.tls?.clientCA == "\(folder.path)/cert.pem")
        #expect(plan.offersDeflate && plan.createsRealms && !plan.isLocal)
        let created = plan.configuration.newRealm.settings.permissions
        #expect(!created.isKillAllowed, "whoever reaches the port could end all sessions")
        let realm = try #require(plan.realms.first)
        #expect(realm.principals.anonymousRole == "guest")
        #expect(realm.principals.authenticator == "com.example.authn")
        let settings = realm.settings
        #expect(settings.followsCrossbar && !settings.crossbarMaxConcurrencyURI)
        #expect(settings.callTimeoutDefault == 1500 && settings.callTimeoutMax == 30_000)
        #expect(settings.authorizer == "com.example.authz")
        #expect(settings.procedures.first?.queue == CallQueueSettings(limit: 1000, maxWait: 30_000))
        #expect(settings.topics.first?.history == 1000 && settings.topics.first?.retains == true)
        #expect(settings.permissions.roles?["admin"]?.rules.first?.callerDisclosure == .always)
        #expect(settings.permissions.roles?["admin"]?.isTrusted == true)
        #expect(realm.principals.users.map(\.authid) == ["ops", "app", "cron", "eve", "tess"])
        guard case .cryptosign(let keys)? = realm.principals.users[0].credentials.first,
            case .wampcra(let secret, let salt)? = realm.principals.users[1].credentials.first,
            case .ticket(let ticket)? = realm.principals.users[2].credentials.first,
            case .scram(let verifier)? = realm.principals.users[3].credentials.first
        else { return #expect(Bool(false), "other credentials") }
        #expect(keys.first?.prefix(2) == [0x01, 0x23] && keys.first?.count == 32)
        #expect(secret == "sesame" && salt?.iterations == 2000 && ticket == "sesame")
        #expect(verifier.memory == 4096 && verifier.storedKey.count == 32)
        #expect(plan.realms[1].principals.anonymousRole == nil)
        #expect(plan.limits.core.pendingCallsPerSession == 99)
        #expect(plan.limits.handshakeTimeout == .seconds(3) && plan.limits.messageSize == 1 << 20)
        #expect(plan.log.level == .debug && plan.log.format == .json)
        #expect(plan.log.file == "\(folder.path)/router.log" && plan.threads == 3)
        #expect(plan.configuration.realms[1].settings.permissions.isKillAllowed == false)
    }

    @Test("What is printed reads back as the same configuration, and holds no secret")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        let (plan, _) = Self.read(Self.whole, in: folder)
        let text = YAMLText.text(plan)
        let (again, problems) = Self.read(text, in: folder)
        #expect(problems.allSatisfy { $0.isWarning }, "\(problems)")
        #expect(YAMLText.text(again) == text)
        #expect(again.realms.first?.principals.users.count == 5)
        #expect(!text.contains("sesame") && !text.contains("FMEKD4z"))
    }

    /// Line and column of the fault, and words that name the cure.
    @Test(
        "Each broken file is told with line, column and cure",
        arguments: [
            ("realms:\n  - nmae: realm1", "2:5", "unknown key 'nmae'; did you mean 'name'?"),
            ("realms:\n  - nmae: realm1", "2:5", "'name' is missing"),
            ("a: [1,\nb: 2", "3:1", "that begins in line 1, column 4"),
            ("keepalive: 10", "1:12", "a duration needs a unit: 10s or 10ms?"),
            ("auto_realms: maybe", "1:14", "'auto_realms' must be true or false"),
            ("log: { level: debog }", "1:15", "did you mean 'debug'?"),
            ("limits:\n  message_size: 100", "2:17", "at least 1024"),
            ("limits:\n  sessions: -1", "2:13", "at least 0, not -1"),
            ("threads: 0", "1:10", "from 1 to 1024, not 0"),
            ("keepalive: 1s\nlog: {}\nkeepalive: 2s", "1:1", "'keepalive' is there more than once"),
            ("listeners: [http://x/]", "1:13", "not a known scheme"),
            ("listeners: ws://127.0.0.1:1/ws", "1:12", "must be a list"),
            ("tls: { cert: missing.pem, key: cert.pem }", "1:14", "No such file or directory"),
            ("tls: { cert: cert.pem }", "1:6", "'key' is missing"),
            ("tls: { cert: ticket, key: cert.pem }", "1:6", "holds no certificate in PEM"),
            ("tls: { cert: cert.pem, key: ticket }", "1:6", "holds no private key"),
            ("realms: [ realm1 ]", "1:11", "an entry of 'realms' must hold keys with values"),
            ("realms: [ { name: a b } ]", "1:19", "'a b' is no URI"),
            ("realms:\n  - name: a\n  - name: a", "3:11", "there already, in line 2"),
            ("realms: [ { name: a, authorizer: wamp.x } ]", "1:34", "is the router's own"),
            ("realms: [ { name: a, authorizer: com.x } ]", "1:34", "is never asked"),
            ("realms: [ { name: a, authenticator: com.x } ]", "1:37", "add 'roles'"),
            ("threads: many", "1:10", "'auto' or a whole number"),
            (
                "realms: [ { name: a, call_timeout_default: 2s, call_timeout_max: 1s } ]", "1:44",
                "must not be longer"
            ),
            ("- a", "1:1", "the file must hold keys with values"),
        ])
    func broken(text: String, place: String, cure: String) throws {
        let folder = try TemporaryFolder()
        let (_, problems) = Self.read(text, in: folder)
        let lines = problems.map(\.description)
        #expect(
            lines.contains {
                $0.hasPrefix("\(folder.path)/router.yaml:\(place): ") && $0.contains(cure)
            },
            "\(lines)")
    }

    @Test(
        "Each broken user and role is told with its line and the cure",
        arguments: [
            (
                "users: [ { authid: a, role: gest, ticket_file: ticket } ]", 3,
                "did you mean 'guest'?"
            ),
            ("users: [ { authid: a, role: guest } ]", 3, "nothing to prove itself with"),
            (
                "users: [ { authid: a, role: guest, cryptosign: [ abc ] } ]", 3,
                "64 hexadecimal digits"
            ),
            (
                "users: [ { authid: a, role: guest, ticket_file: gone } ]", 3,
                "No such file or directory"
            ),
            ("users: [ { authid: a, role: guest, ticket_file: empty } ]", 3, "is empty"),
            (
                "users: [ { authid: a, role: guest, ticket_file: open } ]", 3,
                "warning: "
            ),
            ("users: [ { authid: a, role: guest, scram_file: ticket } ]", 3, "keygen scram"),
            (
                "users: [ { authid: a, role: guest, ticket: sesame } ]", 3,
                "unknown key 'ticket'; did you mean 'ticket_file'?"
            ),
            (
                "users: [ { authid: a, role: guest, wampcra_file: ticket, salt: s, iterations: 0 } ]",
                3, "from 1 to"
            ),
            (
                "users:\n      - { authid: a, role: guest, tls: true }\n"
                    + "      - { authid: a, role: guest, tls: true }", 5, "there already, in line 4"
            ),
            ("anonymous: { role: nobody }", 3, "no role 'nobody'"),
            ("anonymous: true", 3, "no role 'anonymous'"),
        ] as [(String, Int, String)])
    func brokenUser(entry: String, line: Int, cure: String) throws {
        let folder = try TemporaryFolder()
        let (_, problems) = Self.read(
            """
            realms:
              - name: realm1
                \(entry)
                roles:
                  - name: guest
                    allow: [ { uri: com., match: prefix, actions: [call] } ]
            """, in: folder)
        #expect(
            problems.contains { $0.line == line && "\($0)".contains(cure) }, "\(problems)")
    }

    @Test(
        "Each broken rule is told with its cure",
        arguments: [
            ("{ uri: com., actions: [call] }", "only with 'match: prefix'"),
            ("{ uri: com..a, match: prefix, actions: [call] }", "only 'match: wildcard'"),
            ("{ uri: com.a, actions: [cal] }", "did you mean 'call'?"),
            ("{ uri: com.a, match: regex, actions: [call] }", "use exact, prefix or wildcard"),
            ("{ uri: com.a }", "'actions' is missing"),
            ("{ uri: com.a, actions: [call] }, { uri: com.a, actions: [] }", "there already"),
            ("{ uri: com.a, actions: call }", "must be a list"),
        ])
    func brokenRule(rule: String, cure: String) throws {
        let (_, problems) = Self.read(
            "realms: [ { name: a, roles: [ { name: b, allow: [ \(rule) ] } ] } ]",
            in: try TemporaryFolder())
        #expect(problems.contains { "\($0)".contains(cure) }, "\(problems)")
    }

    @Test("Every fault of a file is told at once")
    func severalFaults() throws {
        let (_, problems) = Self.read(
            "keepalive: soon\nthreads: many\nlog: { levle: info }\n", in: try TemporaryFolder())
        #expect(problems.compactMap(\.line) == [1, 2, 3], "\(problems)")
    }

    @Test("Faults come in the order of the file, whatever is read first")
    func orderOfFaults() throws {
        let (_, problems) = Self.read(
            """
            threads: many
            realms:
              - name: a
                topics: 1
                procedures: 1
                disclose_caller: maybe
            keepalive: soon
            """, in: try TemporaryFolder())
        #expect(problems.compactMap(\.line) == [1, 4, 5, 6, 7], "\(problems)")
    }

    @Test("A setting that nothing heeds yet is taken with a warning, unless it is the default")
    func settingsWithoutEffect() throws {
        let limits = ["sessions: 9", "slow_consumer: drop-events", "suspect_after: 1s"]
        for limit in limits + ["connections_per_address: 9"] {
            let (_, problems) = Self.read("limits:\n  \(limit)", in: try TemporaryFolder())
            let problem = try #require(problems.first, "\(limit)")
            #expect(problems.count == 1 && problem.isWarning, "\(limit): \(problems)")
            #expect(problem.line == 2 && problem.text.contains("no effect"), "\(limit)")
        }
        for setting in ["enabled: true", "dashboard: true", "metrics_per_procedure: true"] {
            let (_, problems) = Self.read("http: { \(setting) }", in: try TemporaryFolder())
            #expect(problems.map(\.isWarning) == [true], "\(setting)")
        }
        let (_, none) = Self.read(
            "limits: { sessions: 0, suspect_after: 5s }", in: try TemporaryFolder())
        #expect(none == [])
    }

    @Test("Without roles everybody may do everything; with roles nobody has one that is not there")
    func anonymousDefault() throws {
        let folder = try TemporaryFolder()
        let (open, _) = Self.read("realms: [ { name: a } ]", in: folder)
        #expect(open.realms.first?.principals.anonymousRole == "anonymous")
        #expect(open.realms.first?.settings.permissions.isOpen == true)
        let (closed, _) = Self.read("realms: [ { name: a, roles: [ { name: b } ] } ]", in: folder)
        #expect(closed.realms.first?.principals.anonymousRole == nil)
        let (users, problems) = Self.read(
            "realms: [ { name: a, users: [ { authid: u, role: r, ticket_file: ticket } ] } ]",
            in: folder)
        #expect(users.realms.first?.principals.anonymousRole == "anonymous")
        #expect(problems.contains { $0.isWarning && $0.text.contains("anonymous: false") })
    }
}
