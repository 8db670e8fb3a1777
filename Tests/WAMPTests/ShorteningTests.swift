// Messages in fewer words: text goes first, and what is left means the same.

import NIOCore
import Testing

@testable import WAMP

@Suite struct ShorteningTests {
    private static let long = String(repeating: "ä\u{1}", count: 3000)

    /// All forms of a message, from the first to the shortest.
    private func forms(_ message: Message) -> [Message] {
        Array(sequence(first: message, next: \.shortened))
    }

    private static let messages: [Message] = [
        .goodbye(Goodbye(details: ["message": .string(long)], reason: .killed)),
        .goodbye(Goodbye(reason: ErrorURI(long))),
        .abort(Abort(details: ["message": .string(long), "a": .list([1])], reason: .noSuchRealm)),
        .abort(Abort(reason: ErrorURI(long))),
        .abort(Abort(reason: .noSuchRealm, payload: Payload(args: [.string(long)]))),
        .challenge(
            Challenge(method: "ticket", extra: ["hint": .string(long), "challenge": "c"])),
        .unregistered(
            Unregistered(request: nil, details: ["registration": 7, "reason": .string(long)])),
        .unsubscribed(
            Unsubscribed(request: nil, details: ["reason": .string(long), "subscription": 7])),
        .error(
            ErrorMessage(
                .call, request: RequestID(1), error: .notAuthorized,
                payload: Payload(args: [.string(long)], kwargs: ["reason": "overload"]))),
        .error(
            ErrorMessage(
                .call, request: RequestID(1),
                details: OutcomeDetails(custom: ["_x": .string(long)]),
                error: .notAuthorized)),
        .welcome(
            Welcome(
                session: SessionID(1),
                details: [
                    "roles": .dictionary(Roles([.broker: [.eventHistory]]).details),
                    "authextra": .dictionary(["x": .string(long)]), "authid": "a",
                ])),
    ]

    @Test(
        "each comes to fit 512 bytes in every serializer, in few steps, each of which is shorter",
        arguments: messages)
    func fits(_ message: Message) throws {
        for serializer in Serializer.allCases {
            let lengths = try forms(message).map {
                try MessageCoder.encode($0, as: serializer).readableBytes
            }
            #expect(lengths.count < 40, "\(serializer)")
            #expect(zip(lengths, lengths.dropFirst()).allSatisfy { $0 > $1 }, "\(serializer)")
            #expect(try #require(lengths.last, "\(serializer)") <= 512, "\(serializer)")
        }
    }

    @Test("a text is cut in half until it is gone; what tells the peer what happened stays")
    func text() {
        let error = ErrorMessage(
            .call, request: RequestID(1), error: .notAuthorized, payload: Payload(args: ["abcd"]))
        let sentences = forms(.error(error)).map { (try? $0.payload.values().args) ?? [] }
        #expect(sentences == [["abcd"], ["ab"], ["a"], []])
        let revoked = Message.unregistered(
            Unregistered(request: nil, details: ["registration": 7, "reason": "abc"]))
        #expect(
            forms(revoked).last
                == .unregistered(Unregistered(request: nil, details: ["registration": 7])))
        let challenge = Challenge(method: "wampcra", extra: ["challenge": "c", "hint": "h"])
        #expect(
            forms(.challenge(challenge)).last
                == .challenge(Challenge(method: "wampcra", extra: ["challenge": "c"])))
    }

    @Test("WELCOME loses features and what the peer knows, then what goes with the authentication")
    func welcome() {
        let welcome = Welcome(
            session: SessionID(1),
            details: [
                "roles": .dictionary(Roles([.broker: [.eventHistory]]).details), "realm": "r",
                "agent": "a", "authid": "i", "authextra": ["x": 1],
            ])
        let shorter = forms(.welcome(welcome)).dropFirst().map { form -> Value.Dictionary in
            if case .welcome(let welcome) = form { welcome.details } else { [:] }
        }
        #expect(
            shorter == [
                ["roles": ["broker": [:], "dealer": [:]], "authid": "i", "authextra": ["x": 1]],
                ["roles": ["broker": [:], "dealer": [:]], "authid": "i"],
            ])
    }

    @Test("what is not a sentence is not shortened, nor is what somebody else must read")
    func whole() {
        let payloads = [
            Payload(args: [1, "a"]), Payload(args: [["a"]]), Payload(args: [], kwargs: ["a": "b"]),
        ]
        for payload in payloads {
            let error = ErrorMessage(
                .call, request: RequestID(1), error: "com.example.e", payload: payload)
            #expect(Message.error(error).shortened == nil, "\(payload)")
        }
        let encrypted = ErrorMessage(
            .call, request: RequestID(1), details: OutcomeDetails(custom: ["ppt_scheme": "x_a"]),
            error: "com.example.e", payload: Payload(args: ["abcd"]))
        #expect(Message.error(encrypted).shortened == nil)
        #expect(
            Message.result(Result(request: RequestID(1), payload: payloads[0])).shortened == nil)
    }
}
