// ERRORs that people are shown: what the router says in the first argument.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Sentences of ERRORs")
struct SentenceTests {
    /// Every error that the router sends of its own.
    static let errors: [ErrorURI] = [
        .invalidURI, .noSuchProcedure, .procedureAlreadyExists, .noSuchRegistration,
        .noSuchSubscription, .noSuchSession, .noSuchPublication, .invalidArgument, .invalidPayload,
        .historyUnavailable, .canceled,
        .timeout, .payloadSizeExceeded, .notAuthorized, .authorizationFailed, .optionNotAllowed,
        .networkFailure, .unavailable, .noAvailableCallee, .featureNotSupported,
        .discloseMeNotAllowed, .differentInvocationPolicy, .maxConcurrencyReached,
    ]

    @Test("Every ERROR of the router says in a sentence what is wrong", arguments: errors)
    func everyError(error: ErrorURI) throws {
        let realm = Realm(name: "realm1", seed: 1)
        for code in [MessageCode.call, .register, .publish, .subscribe, .unregister, .unsubscribe] {
            for subject in [nil, "com.example.add"] {
                let refusal = realm.refusal(code, 1, error, about: subject)
                let sentence = try #require(
                    refusal.payload.values().args.first?.string,
                    "\(code) \(subject)")
                #expect(
                    sentence.split(separator: " ").count > 2,
                    "\(code) \(subject): \(sentence)")
                #expect(refusal.payload.count < 200, "\(code) \(subject)")
            }
        }
    }

    @Test("The sentence names what the request was about, and no more of it than 200 characters")
    func subjects() {
        let realm = TestRealm()
        let (a, b) = (realm.join(), realm.join())
        realm.register(a, "t.x")
        realm.call(b, "t.none")
        realm.register(b, "t.x")
        realm.register(b, "wamp.x")
        realm.call(b, "a..b")
        realm.send(.unregister(Unregister(request: 9, registration: RegistrationID(7))), from: b)
        _ = realm.meta("wamp.session.get", [5], from: b)
        realm.call(b, URI(String(repeating: "é", count: 100_000) + "."))
        realm.register(b, "t.y", String(repeating: "rule", count: 100_000))
        #expect(
            realm.said.dropLast(2) == [
                "no callee has registered 't.none'", "'t.x' is registered already",
                "'wamp.x' is reserved for the router", "'a..b' is not a valid URI",
                "there is no registration 7", "there is no session 5",
            ])
        let cut = String(repeating: "é", count: 199) + "…"
        #expect(realm.said.dropLast().last == "'\(cut)' is not a valid URI")
        #expect(realm.said.last?.hasPrefix("unknown invocation rule 'rule") == true)
        #expect(realm.said.last.map { $0.count < 400 } == true)
    }

    @Test("SR-16 whoever is refused is told the same of what there is and of what there is not")
    func noLeak() {
        var settings = RealmSettings()
        settings.permissions = Permissions(roles: [
            "guest": RolePermissions(),
            "anonymous": RolePermissions(rules: [
                PermissionRule(URIPattern("", match: .prefix), actions: Action.all)
            ]),
        ])
        let realm = TestRealm(settings)
        let (owner, guest) = (realm.join(), realm.join("guest"))
        realm.register(owner, "t.x", "roundrobin")
        realm.subscribe(owner, "t.x")
        func said(_ uri: URI) -> [String] {
            let before = realm.said.count
            realm.call(guest, uri)
            realm.register(guest, uri, "first")
            realm.subscribe(guest, uri)
            realm.send(
                .publish(
                    Publish(
                        request: 50, options: PublishOptions(acknowledge: true), topic: uri)),
                from: guest)
            return realm.said[before...].map { $0.replacing("'\(uri)'", with: "…") }
        }
        let sentences = said("t.x")
        #expect(
            sentences == [
                "this session may not call …", "this session may not register …",
                "this session may not subscribe to …", "this session may not publish to …",
            ])
        #expect(said("t.none") == sentences)
        let id = realm.id(of: "t.x")
        for number in [id.rawValue, 7] {
            realm.send(
                .unregister(Unregister(request: 60, registration: RegistrationID(number))),
                from: guest)
        }
        let last = realm.said.suffix(2).map { $0.filter { !$0.isNumber } }
        #expect(last.first == last.last)
    }
}
