// Payloads as other routers and callees send them: each is read, or costs its own message.

import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing
import WAMP
import WAMPServer
import WAMPTransport

@testable import WAMPClient

@Suite(.timeLimit(.minutes(10))) struct ClientPayloadTests {
    /// Arguments as a peer wrote them, right or wrong.
    private static func written(_ text: String) -> Payload {
        Payload(
            bytes: ByteBuffer(string: text), serializer: .json,
            shape: text.contains(",{") ? .argumentsAndKeywords : .arguments)
    }

    private static let deep: Value = (0..<62).reduce([]) { value, _ in [value] }

    private func uri(_ error: ClientError) -> ErrorURI? {
        guard case .error(let uri, _, _, _) = error else { return nil }
        return uri
    }

    /// How a request fails; nil if it does not.
    private func failure(
        _ request: () async throws(ClientError) -> Void
    ) async -> (uri: ErrorURI?, text: String)? {
        do throws(ClientError) {
            try await request()
            return nil
        } catch {
            return (uri(error), error.description)
        }
    }

    @Test("null in the place of a RESULT's arguments is their absence")
    func nullArguments() async throws {
        try await withFakeRouter { message, peer in
            switch message {
            case .hello: peer.send(welcome)
            case .call(let call):
                peer.send(
                    .result(
                        Result(
                            request: call.request,
                            payload: ClientPayloadTests.written(#"null,{"x":1}"#))))
            case .goodbye: peer.send(.goodbye(Goodbye(reason: .goodbyeAndOut)))
            default: break
            }
        } _: { endpoint in
            let session = try await Session.join(
                endpoint, on: MultiThreadedEventLoopGroup.singleton)
            let result = try await session.call("a.b")
            #expect(result.args.isEmpty)
            #expect(result.kwargs == ["x": 1])
            await session.leave()
        }
    }

    @Test("a broken RESULT or ERROR fails its call with the place, and the session goes on")
    func brokenAnswers() async throws {
        try await withFakeRouter { message, peer in
            switch message {
            case .hello: peer.send(welcome)
            case .call(let call) where call.procedure == "result":
                peer.send(
                    .result(
                        Result(
                            request: call.request, payload: ClientPayloadTests.written("[NaN]"))))
            case .call(let call) where call.procedure == "error":
                peer.send(
                    .error(
                        ErrorMessage(
                            .call, request: call.request, error: "com.example.failed",
                            payload: ClientPayloadTests.written("[NaN]"))))
            case .call(let call): peer.send(.result(Result(request: call.request)))
            case .goodbye: peer.send(.goodbye(Goodbye(reason: .goodbyeAndOut)))
            default: break
            }
        } _: { endpoint in
            let session = try await Session.join(
                endpoint, on: MultiThreadedEventLoopGroup.singleton)
            for (procedure, words) in [
                ("result", "args.0: "), ("error", "com.example.failed: args.0: "),
            ] {
                let failure = await failure { () async throws(ClientError) in
                    _ = try await session.call(URI(procedure))
                }
                #expect(failure?.uri == .invalidPayload, "\(procedure)")
                #expect(failure?.text.contains(words) ?? false, "\(procedure)")
            }
            _ = try await session.call("fine")
            await session.leave()
        }
    }

    @Test("an INVOCATION that is broken is answered with an error, and the next one is served")
    func brokenInvocation() async throws {
        let (answers, feed) = AsyncStream<Message>.makeStream()
        try await withFakeRouter { message, peer in
            switch message {
            case .hello: peer.send(welcome)
            case .register(let register):
                peer.send(
                    .registered(
                        Registered(request: register.request, registration: RegistrationID(5))))
                for (number, text) in ["[NaN]", #"["fine"]"#].enumerated() {
                    peer.send(
                        .invocation(
                            Invocation(
                                request: RequestID(UInt64(number + 1)),
                                registration: RegistrationID(5),
                                payload: ClientPayloadTests.written(text))))
                }
            case .goodbye: peer.send(.goodbye(Goodbye(reason: .goodbyeAndOut)))
            default: feed.yield(message)
            }
        } _: { endpoint in
            let session = try await Session.join(
                endpoint, on: MultiThreadedEventLoopGroup.singleton)
            _ = try await session.register("a.b") { $0.reply(payload: $0.payload) }
            var next = answers.makeAsyncIterator()
            guard case .error(let error)? = await next.next() else {
                Issue.record("no ERROR")
                return
            }
            #expect(error.request == RequestID(1))
            #expect(error.error == .invalidPayload)
            #expect(try error.payload.values().args.first?.string?.hasPrefix("args.0: ") ?? false)
            guard case .yield(let yield)? = await next.next() else {
                Issue.record("no YIELD")
                return
            }
            #expect(try yield.payload.values().args == ["fine"])
            await session.leave()
        }
    }

    /// Runs `body` with two sessions on a real router.
    private func withSessions(
        _ serializers: (Serializer, Serializer), _ body: (Session, Session) async throws -> Void
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let router = RouterServer(
            configuration: Configuration(listeners: [try Endpoint("ws://127.0.0.1:0/ws")]),
            logger: logger)
        let endpoint = try await router.start()[0]
        do {
            let group = MultiThreadedEventLoopGroup.singleton
            let first = try await Session.join(
                endpoint, options: SessionOptions(serializer: serializers.0), on: group)
            let second = try await Session.join(
                endpoint, options: SessionOptions(serializer: serializers.1), on: group)
            try await body(first, second)
            #expect(first.end == nil)
            #expect(second.end == nil)
        } catch {
            await router.stop()
            throw error
        }
        await router.stop()
    }

    @Test("what cannot be sent is refused here, before the router ends the session for it")
    func unsendable() async throws {
        try await withSessions((.json, .msgpack)) { json, msgpack in
            let big = try JSONText.parse("18446744073709551616")
            let deep = ClientPayloadTests.deep
            let attempts: [(Session, [Value], Value.Dictionary, Value.Dictionary, String)] = [
                (json, [[deep]], [:], [:], "deeper"), (json, [], ["k": [deep]], [:], "deeper"),
                (json, [], [:], ["_o": [deep]], "option _o"),
                (json, [.double(.nan)], [:], [:], "args.0 is NaN"),
                (msgpack, [big], [:], [:], "args.0 is an integer beyond 64 bits"),
            ]
            for (session, args, kwargs, options, words) in attempts {
                let failures = [
                    await failure { () async throws(ClientError) in
                        _ = try await session.call(
                            "wamp.session.count", args: args, kwargs: kwargs, options: options)
                    },
                    await failure { () async throws(ClientError) in
                        _ = try await session.publish(
                            "a.t", args: args, kwargs: kwargs, options: options)
                    },
                ]
                for failure in failures {
                    #expect(
                        failure?.text.contains(words) ?? false,
                        "\(args) \(kwargs) \(options) \(failure)")
                }
            }
            for session in [json, msgpack] { _ = try await session.call("wamp.session.count") }
        }
    }

    @Test("an answer that cannot be sent is an error to its caller; integers are exact")
    func answers() async throws {
        try await withSessions((.json, .cbor)) { json, cbor in
            let big = try JSONText.parse("-340282366920938463463374607431768211457")
            _ = try await json.register("nan") { $0.reply(args: [.double(.nan)]) }
            _ = try await json.register("error") { $0.fail("a.b", args: [.double(.nan)]) }
            _ = try await json.register("big") { $0.reply(args: [big]) }
            _ = try await json.register("parts") { request in
                request.progress(args: [1])
                request.progress(args: [.double(.infinity)])
            }
            for procedure in ["nan", "error", "parts"] {
                let failure = await failure { () async throws(ClientError) in
                    _ = try await cbor.call(URI(procedure), onProgress: { _ in })
                }
                #expect(failure?.uri == .invalidPayload, "\(procedure)")
                #expect(failure?.text.contains("args.0 is") ?? false, "\(procedure)")
            }
            #expect(try await cbor.call("big").args == [big])
        }
    }
}
