// What the router's events of registrations tell the commands that listen to them.

import Testing
import WAMP

@testable import wampctl

@Suite struct RegistrationEventTests {
    private func event(_ details: Value.Dictionary) -> CreatedRegistration? {
        CreatedRegistration(args: [1, .dictionary(details)])
    }

    @Test("where the match is missing it is exact, whoever asks")
    func missingMatch() throws {
        let created = try #require(event(["id": 7, "uri": "com.example.a", "invoke": "first"]))
        #expect(created.id == 7 && created.rule == "first")
        #expect(created.isExactly("com.example.a") && created.mayServe("com.example.a"))
        #expect(!created.isExactly("com.example.b") && !created.mayServe("com.example.b"))
    }

    @Test("a pattern may serve a procedure of another name, and is no exact registration")
    func pattern() throws {
        for match in ["prefix", "wildcard", "one to come"] {
            let created = try #require(
                event(["uri": "com.example", "match": .string(match)]), "\(match)")
            #expect(created.mayServe("com.example.a"), "\(match)")
            #expect(!created.isExactly("com.example"), "\(match)")
        }
    }

    @Test("what is no such event is nothing")
    func others() {
        #expect(event(["id": 7]) == nil)
        #expect(CreatedRegistration(args: []) == nil)
        #expect(CreatedRegistration(args: [1, 2]) == nil)
    }

    @Test("callees that come and go are read with the registration's id")
    func callees() {
        #expect(
            RegistrationEvent(.registered, args: [5, 7])
                == .registered(callee: 5, registration: 7))
        #expect(
            RegistrationEvent(.unregistered, args: [5, 7, "more"])
                == .unregistered(callee: 5, registration: 7))
        #expect(RegistrationEvent(.registered, args: [5]) == nil)
        #expect(RegistrationEvent(.unregistered, args: ["a", 7]) == nil)
        #expect(RegistrationEvent(.created, args: [5, 7]) == nil)
    }
}
