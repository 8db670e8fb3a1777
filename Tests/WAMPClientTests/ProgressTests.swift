// Calls in parts and results ahead of the last one, both ways, limits and revocations, against a
// router that says what it is told to.

import NIOPosix
import Synchronization
import Testing
import WAMP
import WAMPTransport

@testable import WAMPClient

private let announcing = Message.welcome(
    Welcome(
        session: SessionID(77),
        details: [
            "roles": [
                "dealer": [
                    "features": [
                        "progressive_call_results": true, "progressive_call_invocations": true,
                        "call_canceling": true,
                    ]
                ]
            ]
        ]))

/// What was said, in order, and who waits for more of it.
private final class Log: Sendable {
    private let stream: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func add(_ text: String) { continuation.yield(text) }

    /// The next entries, as many as asked for.
    func next(_ count: Int = 1) async -> [String] {
        var entries: [String] = []
        guard count > 0 else { return entries }
        for await entry in stream {
            entries.append(entry)
            if entries.count == count { break }
        }
        return entries
    }
}

@Suite(.timeLimit(.minutes(10))) struct ProgressTests {
    private func withSession(
        _ script: @escaping @Sendable (Message, FakePeer) -> Void,
        _ body: (Session) async throws -> Void
    ) async throws {
        try await withFakeRouter { message, peer in
            switch message {
            case .hello: peer.send(announcing)
            case .goodbye: peer.send(.goodbye(Goodbye(reason: .goodbyeAndOut)))
            case .register(let register):
                peer.send(
                    .registered(
                        Registered(request: register.request, registration: RegistrationID(7))))
                script(message, peer)
            default: script(message, peer)
            }
        } _: { endpoint in
            let session = try await Session.join(
                endpoint, on: MultiThreadedEventLoopGroup.singleton)
            try await body(session)
            await session.leave()
        }
    }

    private static func args(_ payload: Payload) -> String {
        JSONText.text(.list((try? payload.values())?.args ?? []))
    }

    private static func invocation(
        _ request: UInt64, _ details: Value.Dictionary = [:], args: [Value] = [],
        timeout: UInt64 = 0
    ) -> Message {
        var all = InvocationDetails(custom: details)
        all.timeout = timeout
        return .invocation(
            Invocation(
                request: RequestID(request), registration: RegistrationID(7), details: all,
                payload: Payload(args: args, as: .json)))
    }

    /// What a callee sends, in words.
    private static func said(_ message: Message) -> String? {
        switch message {
        case .yield(let yield):
            "\(yield.options.progress ? "progress" : "yield") \(yield.request) "
                + args(yield.payload)
        case .error(let error): "error \(error.request) \(error.error)"
        default: nil
        }
    }

    /// Ends when its task is cancelled, and not before.
    private static func neverEnds() async throws {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        for await _ in stream {}
        continuation.finish()
        try Task.checkCancellation()
    }

    @Test("HELLO announces what the client does, role by role")
    func announced() async throws {
        let log = Log()
        try await withFakeRouter { message, peer in
            if case .hello(let hello) = message {
                log.add(JSONText.text(.dictionary(hello.roles.details)))
                peer.send(announcing)
            }
        } _: { endpoint in
            let session = try await Session.join(
                endpoint, on: MultiThreadedEventLoopGroup.singleton)
            session.abandon()
        }
        let roles = try #require(try JSONText.parse(await log.next()[0]).dictionary)
        func has(_ role: String, _ feature: String) -> Bool {
            roles[role]?.dictionary?["features"]?.dictionary?[feature] == true
        }
        for feature in [
            "progressive_call_results", "progressive_call_invocations", "call_canceling",
            "call_timeout", "caller_identification", "payload_passthru_mode",
        ] {
            #expect(has("caller", feature) && has("callee", feature), "\(feature)")
        }
        #expect(has("callee", "registration_revocation") && has("callee", "call_reroute"))
        #expect(has("subscriber", "subscription_revocation"))
        #expect(has("subscriber", "pattern_based_subscription"))
        #expect(has("publisher", "subscriber_blackwhite_listing"))
    }

    @Test("results ahead of the last one come in their order, and the last one ends the call")
    func progressiveResults() async throws {
        let log = Log()
        try await withSession { message, peer in
            guard case .call(let call) = message else { return }
            log.add("asked: \(call.options.receiveProgress)")
            for number in 1...3 {
                peer.send(
                    .result(
                        Result(
                            request: call.request, details: OutcomeDetails(progress: number < 3),
                            payload: Payload(args: [.int(Int64(number))], as: .json))))
            }
        } _: { session in
            let result = try await session.call("a.b") { log.add("\($0.args)") }
            #expect(result.args == [3])
            #expect(await log.next(3) == ["asked: true", "\([Value.int(1)])", "\([Value.int(2)])"])
            // Where nobody asked for them, only the last counts.
            #expect(try await session.call("a.b").args == [3])
            #expect(await log.next() == ["asked: false"])
        }
    }

    @Test("each result ahead of the last one starts the time limit again; silence ends the call")
    func silence() async throws {
        let log = Log()
        try await withSession { message, peer in
            switch message {
            case .call(let call):
                peer.send(
                    .result(
                        Result(request: call.request, details: OutcomeDetails(progress: true))))
            case .cancel(let cancel): log.add("cancel \(cancel.mode?.rawValue ?? "")")
            default: break
            }
        } _: { session in
            await #expect(throws: ClientError.timeout) {
                _ = try await session.call("a.b", timeout: .milliseconds(50)) { _ in }
            }
            #expect(await log.next() == ["cancel killnowait"])
        }
    }

    @Test("an open call sends its parts under one request id, the last without progress")
    func openCall() async throws {
        let log = Log()
        try await withSession { message, peer in
            guard case .call(let call) = message else { return }
            log.add("\(call.request) \(call.options.progress) \(Self.args(call.payload))")
            if !call.options.progress {
                peer.send(
                    .result(
                        Result(
                            request: call.request, payload: Payload(args: ["sum"], as: .json))))
            }
        } _: { session in
            let call = try session.openCall("a.b")
            try call.send(args: [1])
            try call.send(args: [2])
            #expect(try await call.finish(args: [3]).args == ["sum"])
            try call.send(args: [4])
            #expect(await log.next(3) == ["1 true [1]", "1 true [2]", "1 false [3]"])
        }
    }

    @Test("an open call whose callee answers early sends no more parts")
    func earlyEnd() async throws {
        let log = Log()
        try await withSession { message, peer in
            guard case .call(let call) = message else { return }
            log.add("\(call.procedure)")
            peer.send(.result(Result(request: call.request)))
        } _: { session in
            let call = try session.openCall("a.b")
            try call.send(args: [1])
            _ = try await call.result()
            try call.send(args: [2])
            _ = try await session.call("c.d")
            #expect(await log.next(2) == ["a.b", "c.d"])
        }
    }

    @Test("a router without progressive invocations is not sent any")
    func notAnnounced() async throws {
        try await withFakeRouter { message, peer in
            if case .hello = message { peer.send(welcome) }
        } _: { endpoint in
            let session = try await Session.join(
                endpoint, on: MultiThreadedEventLoopGroup.singleton)
            #expect(throws: ClientError.self) { _ = try session.openCall("a.b") }
            session.abandon()
        }
    }

    @Test("a callee gives results ahead of the last one, to callers that take them")
    func calleeProgress() async throws {
        let log = Log()
        try await withSession { message, peer in
            if case .register = message {
                peer.send(Self.invocation(1, ["receive_progress": true]))
                peer.send(Self.invocation(2))
            }
            if let text = Self.said(message) { log.add(text) }
        } _: { session in
            _ = try await session.register("a.b") { request in
                request.progress(args: [1])
                request.reply(args: [2])
                // Behind the answer there is nothing more to say.
                request.progress(args: [3])
            }
            #expect(
                await log.next(3) == ["progress 1 [1]", "yield 1 [2]", "yield 2 [2]"])
        }
    }

    @Test("the parts of one invocation reach one request, and late ones nobody")
    func parts() async throws {
        let log = Log()
        try await withSession { message, peer in
            if case .register = message {
                peer.send(Self.invocation(1, ["progress": true], args: [1]))
                peer.send(Self.invocation(1, ["progress": true], args: [2]))
                peer.send(Self.invocation(1, args: [3]))
                // Answered at its first part.
                peer.send(Self.invocation(2, ["progress": true], args: ["stop"]))
                peer.send(Self.invocation(2, ["progress": true], args: ["late"]))
                peer.send(Self.invocation(2, args: ["late"]))
            }
            if let text = Self.said(message) { log.add(text) }
        } _: { session in
            _ = try await session.register("a.b") { request in
                if (try? request.values().args) == ["stop"] {
                    request.reply(args: ["stopped"])
                    return
                }
                let sum = Mutex<Int64>(0)
                let add = { @Sendable (payload: Payload) in
                    if case .int(let number)? = try? payload.values().args.first {
                        sum.withLock { $0 += number }
                    }
                }
                add(request.payload)
                request.onPart { part in
                    add(part.payload)
                    if part.isLast { request.reply(args: [.int(sum.withLock { $0 })]) }
                }
            }
            #expect(await log.next(2).sorted() == ["yield 1 [6]", "yield 2 [\"stopped\"]"])
        }
    }

    @Test("the parts of a call are a sequence that its last part ends")
    func partSequence() async throws {
        let log = Log()
        try await withSession { message, peer in
            if case .register = message {
                for number in 1...3 {
                    peer.send(
                        Self.invocation(
                            1, number < 3 ? ["progress": true] : [:], args: [.int(Int64(number))]))
                }
            }
            if let text = Self.said(message) { log.add(text) }
        } _: { session in
            _ = try await session.register(
                "a.b",
                handler: { request in
                    var all: [Value] = []
                    for await part in request.parts { all += try part.values().args }
                    return Reply(args: all)
                })
            #expect(await log.next() == ["yield 1 [1,2,3]"])
        }
    }

    @Test("the parts of a call end with its answer, even if more would come")
    func answeredEarly() async throws {
        let log = Log()
        try await withSession { message, peer in
            if case .register = message { peer.send(Self.invocation(1, ["progress": true])) }
            if let text = Self.said(message) { log.add(text) }
        } _: { session in
            _ = try await session.register("a.b") { request in
                request.reply(args: ["early"])
                Task {
                    for await _ in request.parts {}
                    log.add("ended")
                }
            }
            #expect(await Set(log.next(2)) == [#"yield 1 ["early"]"#, "ended"])
        }
    }

    @Test("a cancelled call ends at once where the router does not announce call_canceling")
    func cancelUnheard() async throws {
        let log = Log()
        try await withFakeRouter { message, peer in
            if case .hello = message { return peer.send(welcome) }
            log.add(message.code.name)
        } _: { endpoint in
            let session = try await Session.join(
                endpoint, on: MultiThreadedEventLoopGroup.singleton)
            let call = Task { try await session.call("a.b") }
            #expect(await log.next() == ["CALL"])
            call.cancel()
            await #expect(throws: ClientError.canceled) { try await call.value }
            #expect(await log.next() == ["CANCEL"])
            session.abandon()
        }
    }

    @Test("INTERRUPT cancels the task of a handler, which answers canceled")
    func interrupted() async throws {
        let log = Log()
        try await withSession { message, peer in
            if case .register = message {
                peer.send(Self.invocation(1))
                peer.send(.interrupt(Interrupt(request: RequestID(1), mode: .kill)))
            }
            if let text = Self.said(message) { log.add(text) }
        } _: { session in
            _ = try await session.register(
                "a.b",
                handler: { _ in
                    try await Self.neverEnds()
                    return Reply()
                })
            #expect(await log.next() == ["error 1 wamp.error.canceled"])
        }
    }

    @Test("a callee keeps the time limit that is forwarded to it (forward_timeout)")
    func forwardedTimeout() async throws {
        let log = Log()
        try await withSession { message, peer in
            if case .register = message { peer.send(Self.invocation(1, timeout: 20)) }
            if let text = Self.said(message) { log.add(text) }
        } _: { session in
            _ = try await session.register(
                "a.b", options: ["forward_timeout": true],
                handler: { _ in
                    try await Self.neverEnds()
                    return Reply()
                })
            #expect(await log.next() == ["error 1 wamp.error.timeout"])
        }
    }

    @Test("the owner of a registration and of a subscription hears that it was revoked, and why")
    func revocations() async throws {
        let log = Log()
        try await withSession { message, peer in
            switch message {
            case .register:
                peer.send(
                    .unregistered(
                        Unregistered(request: nil, details: ["registration": 7, "reason": "x.y"])))
            case .subscribe(let subscribe):
                peer.send(
                    .subscribed(
                        Subscribed(request: subscribe.request, subscription: SubscriptionID(9))))
                peer.send(
                    .unsubscribed(
                        Unsubscribed(request: nil, details: ["subscription": 9, "reason": "z"])))
            default: break
            }
        } _: { session in
            _ = try await session.register(
                "a.b", onRevoked: { log.add("registration \($0.reason ?? "")") }
            ) { $0.reply() }
            _ = try await session.subscribe(
                "a.c", onRevoked: { log.add("subscription \($0.reason ?? "")") }
            ) { _ in }
            #expect(await log.next(2) == ["registration x.y", "subscription z"])
        }
    }

    @Test("options of passthru payloads go out and come in as they are")
    func passthru() async throws {
        let log = Log()
        try await withSession { message, peer in
            guard case .call(let call) = message else { return }
            log.add(call.options.custom["ppt_scheme"]?.string ?? "")
            peer.send(
                .result(
                    Result(
                        request: call.request,
                        details: OutcomeDetails(custom: ["ppt_scheme": "x_mine"]),
                        payload: call.payload)))
        } _: { session in
            let blob = Value.binary([1, 2, 3])
            let result = try await session.call(
                "a.b", args: [blob], options: ["ppt_scheme": "x_mine"])
            #expect(await log.next() == ["x_mine"])
            #expect(result.details["ppt_scheme"] == "x_mine")
            #expect(result.args == [blob])
        }
    }

    @Test("a call in parts of which nothing was sent ends when it is cancelled, and sends nothing")
    func cancelledUnsent() async throws {
        let log = Log()
        try await withSession { message, _ in
            log.add(message.code.name)
        } _: { session in
            let call = try session.openCall("a.b")
            let result = Task { try await call.result() }
            result.cancel()
            await #expect(throws: ClientError.canceled) { try await result.value }
            try call.send(args: [1])
            _ = try? await session.publish("a.t")
            #expect(await log.next() == ["PUBLISH"])
        }
    }
}
