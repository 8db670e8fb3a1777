// A plain message means what the same message in full means, whatever is configured when it comes,
// and whatever has changed since.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Plain messages and the same in full")
struct PlainPathTests {
    /// How a message comes: as bytes that are passed on, or decoded.
    enum Form: CaseIterable { case plain, full }

    /// A realm whose effects are those of one form of each message.
    final class Scene {
        let realm: TestRealm
        let form: Form

        init(_ settings: RealmSettings, _ form: Form) {
            realm = TestRealm(settings)
            self.form = form
        }

        func send(_ message: Message, from peer: Peer) -> [Effect] {
            realm.send(message, from: peer, asBytes: form == .plain)
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
    private func effects(_ body: (Form) -> [Effect]) -> [Effect] {
        let (plain, full) = (body(.plain), body(.full))
        #expect(plain == full)
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
        let rerouted = effects { form in
            let scene = Scene(settings, form)
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

    /// What may be configured between a call and its second callee.
    static let changes: [@Sendable (inout RealmSettings) -> Void] = [
        { _ in },
        { $0.callTimeoutDefault = 100 },
        { $0.callTimeoutMax = 100 },
        { $0.uriRule = .strict },
        { $0.requestIDs = .strict },
        { $0.requiresAnnouncedFeatures = true },
        { $0.shardedRegistration = true },
        { $0.disclosesCallee = false },
        { $0.forwardsCustomOptions = false },
        { $0.procedures = [ProcedureSettings(URIPattern("t.X"), trustlevel: 3)] },
        {
            $0.procedures = [
                ProcedureSettings(URIPattern("t.X"), queue: CallQueueSettings(limit: 3))
            ]
        },
        { $0.permissions = Permissions(roles: [:]) },
        { $0.permissions = PlainPathTests.roles },
        { $0.callerDisclosure = .always },
        { $0.callerDisclosure = .never },
    ]

    @Test(
        "SR-46 a call goes on as it would in full, whatever was and has been configured",
        arguments: changes.indices, changes.indices)
    func rerouted(before: Int, after: Int) {
        _ = effects { form in
            var settings = RealmSettings()
            Self.changes[before](&settings)
            if before == 11 { settings.permissions = Self.roles }
            let scene = Scene(settings, form)
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
            Self.changes[after](&settings)
            realm.update(settings)
            seen += realm.fail(p[0], 1)
            seen += realm.advance(milliseconds: 150)
            return seen + realm.yield(p[1], 1, ["done"])
        }
    }

    // MARK: Settings that change while registrations and subscriptions are there

    @Test(
        "What a reload changes holds for plain calls of what is registered, too",
        arguments: changes.indices)
    func reloaded(change: Int) {
        _ = effects { form in
            let scene = Scene(RealmSettings(), form)
            let realm = scene.realm
            let caller = realm.join(callee: [], role: "caller", authid: "joe")
            let p = (0..<2).map { _ in realm.join(callee: .callReroute, role: "callee") }
            for peer in p { realm.register(peer, "t.X", "roundrobin") }
            var seen = scene.call(caller, "t.X")
            var settings = RealmSettings()
            Self.changes[change](&settings)
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
        let calls = effects { form in
            let scene = Scene(RealmSettings(), form)
            let (caller, a) = (scene.realm.join(), scene.realm.join())
            for uri in ["t.X", "t.x"] as [URI] { scene.realm.register(a, uri) }
            scene.realm.update(strict)
            return scene.call(caller, "t.X") + scene.call(caller, "t.x", request: 2)
        }
        #expect(calls.count == 2)
        #expect(calls.refusal == .invalidURI)
        let events = effects { form in
            let scene = Scene(RealmSettings(), form)
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
