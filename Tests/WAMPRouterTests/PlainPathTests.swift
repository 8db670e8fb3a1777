// A plain message means what the same message in full means, whatever is configured when it comes,
// and whatever has changed since.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Plain messages and the same in full")
struct PlainPathTests {
    /// A realm that takes its messages in one form.
    final class Scene {
        let realm: TestRealm

        init(_ settings: RealmSettings) { realm = TestRealm(settings) }

        func send(_ message: Message, from peer: Peer) -> [Effect] {
            realm.send(message, from: peer)
        }

        /// A CALL without options.
        func call(_ peer: Peer, _ uri: URI = "t.x", request: RequestID = 1) -> [Effect] {
            send(
                .call(Call(request: request, procedure: uri, payload: Payload(args: ["a"]))),
                from: peer)
        }

        func publish(_ peer: Peer, _ topic: URI) -> [Effect] {
            send(
                .publish(Publish(request: 1, topic: topic, payload: Payload(args: ["a"]))),
                from: peer)
        }
    }

    /// Effects by form: those of the one have to be those of the other.
    private func effects(_ comment: Comment? = nil, _ body: () -> [Effect]) -> [Effect] {
        let plain = MessageForm.$current.withValue(.plain, operation: body)
        let full = MessageForm.$current.withValue(.full, operation: body)
        #expect(plain == full, comment)
        return plain
    }

    // MARK: Calls that go on to another callee

    static let roles = Permissions(roles: [
        "caller": RolePermissions(rules: [
            PermissionRule(URIPattern("", match: .prefix), actions: Action.all)
        ]),
        "callee": RolePermissions(rules: [
            PermissionRule(
                URIPattern("", match: .prefix), actions: Action.all,
                callerDisclosure: .onRequest)
        ]),
    ])

    @Test(
        "§7.8 a call that is re-routed discloses its caller as the realm had it when it came",
        arguments: Disclosure.allCases, Disclosure.allCases)
    func disclosure(when: Disclosure, later: Disclosure) {
        var settings = RealmSettings()
        settings.permissions = Self.roles
        settings.callerDisclosure = when
        let rerouted = effects {
            let scene = Scene(settings)
            let realm = scene.realm
            let caller = realm.join(callee: [], role: "caller", authid: "joe")
            let callees = (0..<2).map { _ in realm.join(callee: .callReroute, role: "callee") }
            realm.register(callees[0], "t.x", "first")
            #expect(scene.call(caller).invocations(to: callees[0]).count == 1)
            realm.register(callees[1], "t.x", "first", options: ["disclose_caller": true])
            var settings = settings
            settings.callerDisclosure = later
            realm.update(settings)
            return realm.fail(callees[0], 1)
        }
        #expect((rerouted.invocationDetails?["caller"] != nil) == (when != .never))
    }

    /// A value of a setting, by the setting's name.
    struct Change: CustomTestStringConvertible, Sendable {
        let setting: String
        let apply: @Sendable (inout RealmSettings) -> Void
        /// All settings as they are if nobody says anything.
        static let none = Change("") { _ in }

        init(
            _ setting: String, _ apply: @escaping @Sendable (inout RealmSettings) -> Void
        ) {
            (self.setting, self.apply) = (setting, apply)
        }

        var testDescription: String { setting.isEmpty ? "nothing" : setting }
    }

    /// Every value that matters of every setting.
    static let changes: [Change] = [
        .none,
        Change("sharedRegistration") { $0.sharedRegistration = false },
        Change("shardedRegistration") { $0.shardedRegistration = true },
        Change("requiresAnnouncedFeatures") { $0.requiresAnnouncedFeatures = true },
        Change("crossbarPolicyConflictURI") { $0.crossbarPolicyConflictURI = true },
        Change("crossbarMaxConcurrencyURI") { $0.crossbarMaxConcurrencyURI = true },
        Change("followsCrossbar") { $0.followsCrossbar = true },
        Change("strictOptionValues") { $0.strictOptionValues = true },
        Change("disclosesCallee") { $0.disclosesCallee = false },
        Change("callerDisclosure") { $0.callerDisclosure = .always },
        Change("callerDisclosure") { $0.callerDisclosure = .never },
        Change("publisherDisclosure") { $0.publisherDisclosure = .always },
        Change("publisherDisclosure") { $0.publisherDisclosure = .never },
        Change("uriRule") { $0.uriRule = .strict },
        Change("requestIDs") { $0.requestIDs = .strict },
        Change("forwardsCustomOptions") { $0.forwardsCustomOptions = false },
        Change("callTimeoutDefault") { $0.callTimeoutDefault = 100 },
        Change("callTimeoutMax") { $0.callTimeoutMax = 100 },
        Change("procedures") {
            $0.procedures = [ProcedureSettings(URIPattern("t.X"), trustlevel: 3)]
        },
        Change("procedures") {
            $0.procedures = [
                ProcedureSettings(URIPattern("t.X"), queue: CallQueueSettings(limit: 3))
            ]
        },
        Change("topics") { $0.topics = [TopicSettings(URIPattern("t.X"), history: 2)] },
        Change("permissions") { $0.permissions = PlainPathTests.roles },
        Change("permissions") {
            $0.permissions = Permissions(roles: [
                "caller": RolePermissions(rules: [
                    PermissionRule(
                        URIPattern("t.X"), actions: [.call], callerDisclosure: .always)
                ])
            ])
        },
        Change("authorizer") {
            $0.permissions = PlainPathTests.roles
            $0.authorizer = "t.authorizer"
        },
    ]

    @Test("Every setting of a realm is among those that are tried")
    func complete() {
        let settings = Mirror(reflecting: RealmSettings()).children.compactMap(\.label)
        #expect(Set(settings) == Set(Self.changes.map(\.setting)).subtracting([""]))
    }

    @Test(
        "SR-46 a call goes on as it would in full, whatever was and has been configured",
        arguments: changes, changes)
    func rerouted(before: Change, after: Change) {
        _ = effects {
            var settings = RealmSettings()
            before.apply(&settings)
            let scene = Scene(settings)
            let realm = scene.realm
            let caller = realm.join(callee: [], role: "caller", authid: "joe")
            let p = (0..<2).map { _ in
                realm.join(
                    callee: [.callReroute, .sharedRegistration, .callTimeout], role: "callee")
            }
            realm.register(p[0], "t.X", "roundrobin")
            var seen = scene.call(caller, "t.X")
            let isNever = settings.callerDisclosure == .never
            realm.register(
                p[1], "t.X", "roundrobin",
                options: ["forward_timeout": true, "disclose_caller": .bool(!isNever)])
            after.apply(&settings)
            realm.update(settings)
            seen += realm.fail(p[0], 1)
            seen += realm.advance(milliseconds: 150)
            return seen + realm.yield(p[1], 1, ["done"])
        }
    }

    // MARK: Settings that change while registrations and subscriptions are there

    @Test(
        "What a reload changes holds for plain calls of what is registered, too",
        arguments: changes)
    func reloaded(change: Change) {
        _ = effects {
            let scene = Scene(RealmSettings())
            let realm = scene.realm
            let caller = realm.join(callee: [], role: "caller", authid: "joe")
            let p = (0..<2).map { _ in realm.join(callee: .callReroute, role: "callee") }
            for peer in p { realm.register(peer, "t.X", "roundrobin") }
            var seen = scene.call(caller, "t.X")
            var settings = RealmSettings()
            change.apply(&settings)
            realm.update(settings)
            seen += scene.send(
                .yield(Yield(request: 1, payload: Payload(args: ["r"]))), from: p[0])
            seen += scene.call(caller, "t.X", request: 2)
            seen += scene.call(caller, "t.X", request: 3)
            seen += scene.call(caller, "t.X", request: 5)
            seen += realm.advance(milliseconds: 150)
            realm.update(RealmSettings())
            return seen + scene.call(caller, "t.X", request: 6)
        }
    }

    @Test("`uris: strict` holds at once for procedures and topics that are there")
    func strictURIs() {
        var strict = RealmSettings()
        strict.uriRule = .strict
        let calls = effects {
            let scene = Scene(RealmSettings())
            let (caller, a) = (scene.realm.join(), scene.realm.join())
            for uri in ["t.X", "t.x"] as [URI] { scene.realm.register(a, uri) }
            scene.realm.update(strict)
            return scene.call(caller, "t.X") + scene.call(caller, "t.x", request: 2)
        }
        #expect(calls.count == 2)
        #expect(calls.refusal == .invalidURI)
        let events = effects {
            let scene = Scene(RealmSettings())
            let (a, b) = (scene.realm.join(), scene.realm.join())
            for topic in ["t.X", "t.x"] as [URI] { scene.realm.subscribe(b, topic) }
            scene.realm.update(strict)
            return scene.publish(a, "t.X") + scene.publish(a, "t.x")
        }
        #expect(events.count == 1)
        let realm = TestRealm()
        let (a, b) = (realm.join(), realm.join())
        let id = realm.subscribe(b, "t.X")
        realm.update(strict)
        #expect(realm.publish(a, "t.X", acknowledge: true).refusal == .invalidURI)
        realm.update(RealmSettings())
        #expect(realm.publish(a, "t.X").events(to: b).map(\.subscription) == [id])
    }

    @Test("`uris: strict` holds for the topic of a history, and for testaments that are there")
    func strictTopics() {
        var strict = RealmSettings()
        strict.uriRule = .strict
        strict.topics = [TopicSettings(URIPattern("t.X"), history: 5)]
        let realm = TestRealm(strict)
        let publisher = realm.join()
        #expect(realm.publish(publisher, "t.X", acknowledge: true).refusal == .invalidURI)
        let other = TestRealm()
        let (a, b) = (other.join(), other.join())
        other.subscribe(b, "t.X")
        other.call(a, "wamp.session.add_testament", ["t.X", [], [:]], kwargs: [:])
        other.update(strict)
        #expect(other.leave(a).events(to: b).isEmpty)
    }
}
