// Who may join: protocol.md §3.1, §3.3, §1.2.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Admission")
struct AdmissionTests {
    private static let roles = Roles([.caller: [], .callee: .callReroute])

    private func decide(_ message: Message) -> Admission {
        Admission.decide(on: message, limits: Limits(), secret: []) {
            $0 == "realm1" ? Principals() : nil
        }
    }

    /// The reason of a refusal.
    private func refusal(_ message: Message) -> ErrorURI? {
        guard case .refuse(let abort) = decide(message) else { return nil }
        return abort.reason
    }

    @Test("A HELLO for a realm that exists is let in, with its roles and its name")
    func join() {
        let hello = Hello(
            realm: "realm1", roles: AdmissionTests.roles, authmethods: ["ticket", "anonymous"],
            authid: "alice")
        #expect(
            decide(.hello(hello))
                == .join(
                    realm: "realm1", Newcomer(roles: AdmissionTests.roles, authid: "alice")))
    }

    @Test("No authmethods mean anonymous; an empty authid is none")
    func defaults() {
        let hello = Hello(realm: "realm1", roles: AdmissionTests.roles, authid: "")
        #expect(
            decide(.hello(hello)) == .join(realm: "realm1", Newcomer(roles: AdmissionTests.roles)))
    }

    @Test(
        "§3.3 a HELLO without a role of clients is a protocol violation",
        arguments: [Roles([:]), Roles([.broker: [], .dealer: []])])
    func noRoles(roles: Roles) {
        #expect(refusal(.hello(Hello(realm: "realm1", roles: roles))) == .protocolViolation)
    }

    @Test("A malformed realm is invalid_uri, an absent one no_such_realm")
    func realm() {
        for name in ["", "realm..1", "realm 1", "#"] {
            let hello = Hello(realm: URI(name), roles: AdmissionTests.roles)
            #expect(refusal(.hello(hello)) == .invalidURI, "\(name)")
        }
        let hello = Hello(realm: "realm2", roles: AdmissionTests.roles)
        #expect(refusal(.hello(hello)) == .noSuchRealm)
    }

    @Test("Only methods that this router does not offer: no_matching_auth_method")
    func methods() {
        let hello = Hello(
            realm: "realm1", roles: AdmissionTests.roles, authmethods: ["wampcra", "ticket"])
        #expect(refusal(.hello(hello)) == .noMatchingAuthMethod)
    }

    @Test("An authid beyond the bound is refused, one at the bound is not")
    func longName() {
        let bound = Limits().authidLength
        for (length, expected) in [(bound, nil), (bound + 1, ErrorURI.invalidArgument)] {
            let hello = Hello(
                realm: "realm1", roles: AdmissionTests.roles,
                authid: String(repeating: "a", count: length))
            #expect(refusal(.hello(hello)) == expected, "\(length)")
        }
    }

    @Test("ABORT before HELLO closes without an answer, anything else is a violation")
    func other() {
        #expect(decide(.abort(Abort(reason: .closeNormal))) == .close)
        for message in [
            .goodbye(Goodbye(reason: .closeNormal)), .call(Call(request: 1, procedure: "t.x")),
            .authenticate(Authenticate(signature: "")), .yield(Yield(request: 1)),
        ] as [Message] {
            #expect(refusal(message) == .protocolViolation, "\(message)")
        }
    }
}
