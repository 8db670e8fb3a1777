// How joining fails and how sessions end, against a router that follows a script.

import NIOCore
import NIOPosix
import Testing
import WAMP
import WAMPTransport

@testable import WAMPClient

@Suite(.timeLimit(.minutes(10))) struct JoinTests {
    private func join(
        _ endpoint: Endpoint, _ change: (inout SessionOptions) -> Void = { _ in }
    ) async throws(ClientError) -> Session {
        var options = SessionOptions()
        change(&options)
        return try await Session.join(
            endpoint, options: options, on: MultiThreadedEventLoopGroup.singleton)
    }

    private func failure(
        _ endpoint: Endpoint, _ change: (inout SessionOptions) -> Void = { _ in }
    ) async -> ClientError? {
        do throws(ClientError) {
            let session = try await join(endpoint, change)
            session.abandon()
            return nil
        } catch {
            return error
        }
    }

    @Test("a refused session tells reason and message")
    func refused() async throws {
        let error = try await withFakeRouter { message, peer in
            peer.send(.abort(Abort(details: ["message": "gone"], reason: .noSuchRealm)))
            peer.connection?.close()
        } _: {
            await failure($0)
        }
        #expect(
            error
                == .refused(
                    reason: .noSuchRealm, message: "gone", details: ["message": "gone"]))
    }

    @Test("a challenge by a method that was not offered is refused")
    func challenged() async throws {
        let error = try await withFakeRouter { message, peer in
            if case .hello = message { peer.send(.challenge(Challenge(method: "ticket"))) }
        } _: {
            await failure($0)
        }
        guard case .refused(let reason, let text?, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason == .noMatchingAuthMethod)
        #expect(text.contains("ticket"))
    }

    @Test(
        "a router that says nothing, closes, or says the wrong thing does not keep a client waiting"
    )
    func wrongAnswers() async throws {
        let silent = try await withFakeRouter { _, _ in
        } _: {
            await failure($0) { $0.connectTimeout = .milliseconds(200) }
        }
        let closing = try await withFakeRouter { _, peer in
            peer.connection?.close()
        } _: {
            await failure($0)
        }
        let wrong = try await withFakeRouter { _, peer in
            peer.send(.result(Result(request: RequestID(1))))
        } _: {
            await failure($0)
        }
        for (error, isConnect) in [(silent, true), (closing, true), (wrong, false)] {
            switch error {
            case .connect: #expect(isConnect, "\(error)")
            case .protocolViolation: #expect(!isConnect, "\(error)")
            default: Issue.record("\(String(describing: error))")
            }
        }
    }

    @Test("a router that does not answer SUBSCRIBE keeps nobody waiting beyond the time given")
    func unansweredSubscribe() async throws {
        try await withFakeRouter { message, peer in
            if case .hello = message { peer.send(welcome) }
        } _: { endpoint in
            let session = try await Session.join(
                endpoint, on: MultiThreadedEventLoopGroup.singleton)
            await #expect(throws: ClientError.timeout) {
                try await session.subscribe("a.b", timeout: .milliseconds(50)) { _ in }
            }
            session.abandon()
        }
    }

    @Test("where nobody listens, joining fails at once and names the endpoint")
    func nobody() async throws {
        let endpoint = try await withFakeRouter({ _, _ in }) { $0 }
        guard case .connect(let text)? = await failure(endpoint) else {
            Issue.record("joined")
            return
        }
        #expect(text.contains(endpoint.description) && text.contains("refused"))
        guard case .connect? = await failure(try Endpoint("unix:///nowhere/at/all.sock")) else {
            Issue.record("joined")
            return
        }
    }

    @Test("another path than the router's is refused with the HTTP status")
    func wrongPath() async throws {
        let error = try await withFakeRouter { _, _ in
        } _: { endpoint in
            await failure(Endpoint(endpoint.address, framing: .webSocket, path: "/other"))
        }
        guard case .connect(let text)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(text.contains("404"))
    }

    @Test("retrying waits for a router that comes later")
    func retries() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let address = try await withFakeRouter({ _, _ in }) { $0.address }
        guard case .tcp(let host, let port) = address else { return }
        let endpoint = Endpoint(address, framing: .webSocket, path: "/ws")
        async let joined = join(endpoint) { $0.retry = .seconds(30) }
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let loop = IOLoop(eventLoop: channel.eventLoop)
                    try channel.pipeline.syncOperations.addHandler(
                        ConnectionHandler(
                            owner: FakePeer(loop: loop) { _, peer in peer.send(welcome) },
                            loop: loop, settings: ConnectionSettings()))
                }
            }
            .bind(host: host, port: port).get()
        let session = try await joined
        #expect(session.id == SessionID(77))
        session.abandon()
        try await listener.close()
    }

    @Test("cancelling the task ends joining")
    func canceled() async throws {
        try await withFakeRouter { _, _ in
        } _: { endpoint in
            let task = Task { await failure(endpoint) { $0.connectTimeout = .seconds(50) } }
            task.cancel()
            #expect(await task.value == .canceled)
        }
    }

    @Test("files for TLS that cannot be read are told before anything is tried")
    func tls() async throws {
        let endpoint = try Endpoint("wss://127.0.0.1:1/ws")
        let error = await failure(endpoint) { $0.tls.ca = "/nonexistent/ca.pem" }
        guard case .connect(let text)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(text.contains("/nonexistent/ca.pem"))
    }

    @Test("when the router says GOODBYE, breaks the protocol or goes, all who wait are told")
    func ends() async throws {
        let ways: [(@Sendable (FakePeer) -> Void, @Sendable (SessionEnd) -> Bool)] = [
            (
                { $0.send(.goodbye(Goodbye(reason: .systemShutdown))) },
                { $0 == .goodbye(reason: .systemShutdown, message: nil) }
            ),
            (
                { $0.send(.abort(Abort(reason: .protocolViolation))) },
                { $0 == .aborted(reason: .protocolViolation, message: nil) }
            ),
            (
                { $0.connection?.close(.messageTooBig, "too long") },
                {
                    $0 == .rejected("the peer closed the connection with code 1009: too long")
                        && $0.error == .rejected($0.description)
                }
            ),
            (
                { $0.connection?.close(.policyViolation, "slow consumer") },
                {
                    $0
                        == .connectionLost(
                            "the peer closed the connection with code 1008: slow consumer")
                }
            ),
            (
                { $0.connection?.abandon() },
                { if case .connectionLost = $0 { true } else { false } }
            ),
            (
                { $0.send(.result(Result(request: RequestID(99)))) },
                { if case .protocolViolation = $0 { true } else { false } }
            ),
        ]
        for (number, (way, isExpected)) in ways.enumerated() {
            try await withFakeRouter { message, peer in
                switch message {
                case .hello: peer.send(welcome)
                case .call: way(peer)
                default: break
                }
            } _: { endpoint in
                let session = try await join(endpoint)
                await #expect(throws: ClientError.self, "\(number)") {
                    try await session.call("a.b")
                }
                #expect(isExpected(await session.ended), "\(number)")
                await #expect(throws: ClientError.self, "\(number)") {
                    try await session.call("a.b")
                }
                await session.leave()
            }
        }
    }

    @Test("what broke the protocol is told from a loss")
    func rejected() {
        let ends: [(SessionEnd, Bool)] = [
            (.aborted(reason: .protocolViolation, message: nil), true),
            (.aborted(reason: .payloadSizeExceeded, message: nil), true),
            (.aborted(reason: .systemShutdown, message: nil), false),
            (.goodbye(reason: .systemShutdown, message: nil), false),
        ]
        for (end, isRejected) in ends {
            #expect((end.error == .rejected(end.description)) == isRejected, "\(end)")
        }
    }

    @Test("leaving does not outlast its patience, whatever the router does")
    func leavesInTime() async throws {
        try await withFakeRouter { message, peer in
            if case .hello = message { peer.send(welcome) }
        } _: { endpoint in
            let session = try await join(endpoint)
            let clock = ContinuousClock()
            let duration = await clock.measure { await session.leave(patience: .milliseconds(50)) }
            #expect(duration >= .milliseconds(50))
            #expect(session.end == .left)
        }
    }

    @Test("an option `timeout` goes to the router unchanged and alone")
    func timeoutOption() {
        for written in ["x", 100, 0] as [Value] {
            let options = CallOptions(["timeout": written], timeout: .seconds(30))
            #expect(options.timeout == 0, "\(written)")
            #expect(options.custom == ["timeout": written], "\(written)")
        }
        #expect(CallOptions([:], timeout: .seconds(30)) == CallOptions(timeout: 30_000))
    }

    @Test("leaving says GOODBYE and waits for the router's")
    func leaves() async throws {
        try await withFakeRouter { message, peer in
            switch message {
            case .hello: peer.send(welcome)
            case .goodbye: peer.send(.goodbye(Goodbye(reason: .goodbyeAndOut)))
            default: break
            }
        } _: { endpoint in
            let session = try await join(endpoint)
            await session.leave()
            #expect(await session.ended == .left)
        }
    }

    @Test("a router that keeps no time limits does not keep a call from ending in time")
    func localTimeout() async throws {
        try await withFakeRouter { message, peer in
            if case .hello = message { peer.send(welcome) }
        } _: { endpoint in
            let session = try await join(endpoint)
            await #expect(throws: ClientError.timeout) {
                try await session.call("a.b", timeout: .milliseconds(20))
            }
            session.abandon()
        }
    }

    @Test("a router that must prove itself is not believed when it welcomes without a challenge")
    func unproved() async throws {
        var signing = Authentication(
            .cryptosign, privateKey: [UInt8](repeating: 1, count: 32))
        signing.routerKey = Cryptosign.publicKey(of: [UInt8](repeating: 2, count: 32))
        let proving = Authentication(.scram, secret: "secret")
        for authentication in [signing, proving] {
            let error = try await withFakeRouter { message, peer in
                if case .hello = message { peer.send(welcome) }
            } _: {
                await failure($0) { $0.authentication = authentication }
            }
            #expect(
                error
                    == .refused(
                        reason: .authenticationFailed, message: "the router proved nothing",
                        details: [:]), "\(authentication.method)")
        }
    }

    @Test(
        "a refusal says which method was tried, and which others were on offer",
        arguments: [
            (
                Authentication(secret: "s"), ["message": "no", "authmethod": "wamp-scram"], nil,
                "no (wamp-scram was tried; also on offer: wampcra, ticket)"
            ),
            (
                Authentication(secret: "s"), ["message": "no"], "ticket",
                "no (ticket was tried; also on offer: wamp-scram, wampcra)"
            ),
            (
                Authentication(secret: "s"), [:], nil, "on offer: wamp-scram, wampcra, ticket"
            ),
            (
                Authentication(.ticket, secret: "s"), ["message": "no"], "ticket",
                "no (ticket was tried)"
            ),
            (Authentication(), ["message": "no"], nil, "no"),
        ] as [(Authentication, Value.Dictionary, String?, String)])
    func refusalByMethod(
        authentication: Authentication, details: Value.Dictionary, challenge: String?, text: String
    ) {
        let authenticator = Authenticator(
            authentication, authid: "a", isPrivate: true, channelID: nil, nonce: [])
        let refusal = Abort(details: details, reason: .authenticationDenied)
        #expect(authenticator.message(of: refusal, after: challenge) == text)
        // What has nothing to do with it is told as it came.
        let other = Abort(details: ["message": "gone"], reason: .noSuchRealm)
        #expect(authenticator.message(of: other, after: nil) == "gone")
    }

    @Test("where others may listen no ticket is offered, and a refusal says so")
    func withheldTicket() {
        let authenticator = Authenticator(
            Authentication(secret: "s"), authid: "a", isPrivate: false, channelID: nil, nonce: [])
        #expect(authenticator.methods == [.scram, .wampcra])
        let refusal = Abort(details: ["message": "no"], reason: .noMatchingAuthMethod)
        #expect(
            authenticator.message(of: refusal, after: nil)
                == "no (on offer: wamp-scram, wampcra; a ticket is shown over TLS only)")
    }

    @Test("what is to be bound to the connection is not offered by a method that cannot be")
    func boundMethods() {
        var authentication = Authentication(secret: "secret")
        for (isBound, methods) in [
            (false, [AuthenticationMethod.scram, .wampcra, .ticket]), (true, [.scram]),
        ] {
            authentication.bindsChannel = isBound
            let authenticator = Authenticator(
                authentication, authid: "a", isPrivate: true, channelID: nil, nonce: [])
            #expect(authenticator.methods == methods, "\(isBound)")
        }
    }

    @Test("the longest time limit is no limit")
    func longLimit() async throws {
        try await withFakeRouter { message, peer in
            switch message {
            case .hello: peer.send(welcome)
            case .call(let call): peer.send(.result(Result(request: call.request)))
            default: break
            }
        } _: { endpoint in
            let session = try await join(endpoint)
            let result = try await session.call("a.b", timeout: .seconds(Int64.max))
            #expect(result.args.isEmpty)
            session.abandon()
        }
    }
}
