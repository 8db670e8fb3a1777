// Names are the same when their bytes are: users, roles, realms, keys.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Names")
struct NameTests {
    /// Pairs that are `==` as Strings, and are not the same bytes.
    static let lookalikes: [(String, String)] = [
        ("caf\u{e9}", "cafe\u{301}"), ("Kate", "\u{212a}ate"), ("\u{c5}", "\u{212b}"),
        ("q\u{323}\u{307}", "q\u{307}\u{323}"), ("\u{1100}\u{1161}", "\u{ac00}"),
    ]
    static let (composed, other) = ("caf\u{e9}", "cafe\u{301}")

    @Test("Texts that only look alike are no names of one thing", arguments: lookalikes)
    func lookalike(one: String, other: String) {
        #expect(one == other && Name(one) != Name(other))
        #expect(Name(one) == Name(String(Array(one))))
        #expect(Value.string(one) != .string(other))
        #expect(ErrorURI(one) != ErrorURI(other))
        #expect(Set([Value.string(one), .string(other)]).count == 2)
        var dictionary: Value.Dictionary = [:]
        dictionary[one] = 1
        dictionary[other] = 2
        #expect(dictionary.count == 2 && dictionary[one] == 1 && dictionary[other] == 2)
        dictionary[one] = nil
        #expect(dictionary.keys.map { Name($0) } == [Name(other)])
        let identity = PeerIdentity(session: SessionID(1), authid: one, authrole: one)
        #expect(identity != PeerIdentity(session: SessionID(1), authid: other, authrole: one))
        #expect(identity != PeerIdentity(session: SessionID(1), authid: one, authrole: other))
    }

    @Test("Keys of a payload that look alike stay two", arguments: Serializer.allCases)
    func payload(serializer: Serializer) throws {
        let kwargs = Value.Dictionary([(Self.composed, 1), (Self.other, 2)])
        let payload = Payload(
            args: [.dictionary(kwargs)], kwargs: kwargs, as: serializer)
        for target in Serializer.allCases {
            let values = try payload.transcoded(to: target).values()
            #expect(values.kwargs.count == 2, "\(target)")
            #expect(values.kwargs == kwargs && values.args == [.dictionary(kwargs)], "\(target)")
        }
    }

    // MARK: Joining

    private func principals() -> Principals {
        var principals = Principals()
        principals.anonymousRole = nil
        principals.users = [
            Principal(authid: Self.composed, role: Self.composed, credentials: [.ticket("secret")]),
            Principal(authid: "Kate", role: "boss", credentials: [.tls]),
        ]
        return principals
    }

    private func decide(
        _ authid: String, role: String? = nil, method: String = "ticket", certificate: String? = nil
    ) -> Admission {
        let hello = Hello(
            realm: "realm1", roles: Roles([.caller: []]), authmethods: [method], authid: authid,
            authrole: role)
        return Admission.decide(
            on: .hello(hello), limits: Limits(),
            transport: TransportFacts(certificateName: certificate), secret: [1]
        ) { _ in principals() }
    }

    private func step(_ admission: Admission) -> Candidate.Step? {
        guard case .authenticate(_, var candidate) = admission else { return nil }
        _ = candidate.start(
            Candidate.Chance(nonce: [1], session: SessionID(1), unixMilliseconds: 0))
        return candidate.received(Authenticate(signature: "secret"))
    }

    @Test("Who looks like a user is not the user, and who asks for a role gets none like it")
    func user() {
        guard case .join? = step(decide(Self.composed)) else {
            Issue.record("the user itself")
            return
        }
        for admission in [decide(Self.other), decide(Self.composed, role: Self.other)] {
            guard case .refuse? = step(admission) else {
                Issue.record("\(admission)")
                continue
            }
        }
        guard case .join = decide("Kate", method: "tls", certificate: "Kate") else {
            Issue.record("the holder of the certificate")
            return
        }
        for (authid, certificate) in [("Kate", "\u{212a}ate"), ("\u{212a}ate", "Kate")] {
            guard case .refuse = decide(authid, method: "tls", certificate: certificate) else {
                Issue.record("\(authid) with the certificate of \(certificate)")
                continue
            }
        }
    }

    // MARK: Sessions

    @Test("Meta procedures tell users and roles that look alike apart")
    func meta() {
        let realm = TestRealm()
        let caller = realm.join()
        let one = realm.join(Self.composed, authid: Self.composed)
        let other = realm.join(Self.other, authid: Self.other)
        #expect(
            realm.meta("wamp.session.list", [[.string(Self.other)]], from: caller)
                == [Value(other.id)])
        #expect(realm.meta("wamp.session.count", [[.string(Self.composed)]], from: caller) == 1)
        #expect(
            realm.meta("wamp.session.kill_by_authid", [.string(Self.other)], from: caller)
                == [Value(other.id)])
        #expect(
            realm.meta("wamp.session.kill_by_authrole", [.string(Self.other)], from: caller) == 0)
        #expect(realm.isPresent(one) && !realm.isPresent(other))
    }

    @Test(
        "The lists of a publication tell receivers that look alike apart",
        arguments: [
            ("eligible_authid", true), ("eligible_authrole", true), ("exclude_authid", false),
            ("exclude_authrole", false),
        ])
    func audience(list: String, isMeant: Bool) {
        let realm = TestRealm()
        let publisher = realm.join()
        let one = realm.join(Self.composed, authid: Self.composed)
        let other = realm.join(Self.other, authid: Self.other)
        for peer in [one, other] { realm.subscribe(peer, "t.x") }
        let options = PublishOptions(custom: [list: [.string(Self.other)]])
        let effects = realm.send(
            .publish(Publish(request: 1, options: options, topic: "t.x")), from: publisher)
        #expect(effects.events(to: other).isEmpty == !isMeant)
        #expect(effects.events(to: one).isEmpty == isMeant)
    }

    @Test("A role that looks like another may not do what that may")
    func permissions() {
        var settings = RealmSettings()
        settings.permissions = Permissions(roles: [
            Name(Self.composed): RolePermissions(
                rules: [PermissionRule(URIPattern("", match: .prefix), actions: Action.all)],
                mayReadMeta: true)
        ])
        let realm = TestRealm(settings)
        let (one, other) = (realm.join(Self.composed), realm.join(Self.other))
        #expect(realm.register(one).refusal == nil)
        #expect(realm.call(other, "t.x").refusal == .notAuthorized)
        #expect(realm.call(other, "wamp.session.count").refusal == .notAuthorized)
    }

    @Test("What the authorizer allowed to one is not kept for another who looks alike")
    func decisions() {
        let realm = TestRealm(AuthorizerTests.settings())
        let judge = realm.join(callee: [], role: "judge")
        realm.register(judge, AuthorizerTests.authorizer)
        realm.register(judge, "t.x")
        let one = realm.join(callee: [], role: "user", authid: Self.composed)
        let other = realm.join(callee: [], role: "user", authid: Self.other)
        realm.call(one, "t.x")
        realm.yield(judge, 1, [["allow": true, "cache": true]])
        #expect(realm.call(one, "t.x").invocations(to: judge).map(\.details) == [[:]])
        let asked = realm.call(other, "t.x").invocations(to: judge)
        #expect(asked.first?.args.first?.dictionary?["authid"] == .string(Self.other))
    }

    @Test("SR-88 who looks like the owner of all callees may not take their procedure")
    func force() {
        var settings = RealmSettings()
        settings.permissions = Permissions(roles: [
            "user": RolePermissions(rules: [
                PermissionRule(URIPattern("", match: .prefix), actions: [.register])
            ])
        ])
        let realm = TestRealm(settings)
        let owner = realm.join(
            callee: [], role: "user", authid: Self.composed, authmethod: "ticket")
        let other = realm.join(callee: [], role: "user", authid: Self.other, authmethod: "ticket")
        realm.register(owner)
        let options: Value.Dictionary = ["force_reregister": true]
        #expect(realm.register(other, options: options).refusal == .notAuthorized)
        #expect(realm.register(owner, options: options).refusal == nil)
    }

    // MARK: Lengths

    @Test(
        "Names beyond 1 KiB are refused, and only the first 200 characters of a text are repeated")
    func lengths() {
        func refusal(_ hello: Hello) -> Abort? {
            var limits = Limits()
            limits.authidLength = 65_535
            let admission = Admission.decide(on: .hello(hello), limits: limits, secret: []) {
                $0 == "realm1" ? Principals() : nil
            }
            if case .refuse(let abort) = admission { return abort }
            return nil
        }
        let roles = Roles([.caller: []])
        for (length, isTaken) in [(1024, true), (1025, false), (1_000_000, false)] {
            let text = String(repeating: "x", count: length)
            let hellos = [
                Hello(realm: "realm1", roles: roles, authid: text),
                Hello(realm: "realm1", roles: roles, authmethods: ["anonymous", text]),
            ]
            for hello in hellos {
                #expect((refusal(hello) == nil) == isTaken, "\(length) \(hello)")
                #expect(isTaken || refusal(hello)?.reason == .invalidArgument, "\(length) \(hello)")
            }
            let asked = refusal(Hello(realm: "realm1", roles: roles, authrole: text))
            #expect(asked?.reason == (isTaken ? .noSuchRole : .invalidArgument), "\(length)")
            let realm = refusal(Hello(realm: URI(text), roles: roles))
            #expect(realm?.reason == (isTaken ? .noSuchRealm : .invalidURI), "\(length)")
            for abort in [asked, realm] {
                let message = abort?.details["message"]?.string ?? ""
                #expect(!message.isEmpty && message.count < 300, "\(length) \(abort)")
            }
        }
        for length in [1024, 1025] {
            let text = String(repeating: "x", count: length)
            let dynamic = [
                DynamicUser(.string(text), for: .ticket, authid: "joe"),
                DynamicUser(["role": "user", "authid": .string(text)], for: .ticket, authid: nil),
            ]
            for user in dynamic {
                #expect((user == nil) == (length > 1024), "\(length) \(user)")
            }
        }
        for text in ["", "a", String(repeating: "é", count: 200)] {
            #expect(text.excerpt == text, "\(text)")
        }
        let cut = String(repeating: "é", count: 201).excerpt
        #expect(cut.unicodeScalars.count == 200 && cut.hasSuffix("é…"))
        #expect(URI(String(repeating: "😀", count: 5000)).excerpt.unicodeScalars.count == 200)
    }
}
