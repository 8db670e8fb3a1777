// The client's API against a real router, over both framings and all serializers.

import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing
import WAMP
import WAMPLoad
import WAMPServer
import WAMPTransport

@testable import WAMPClient

/// Counts what a driver reports.
private final class Tally: CallObserver {
    private let counts = Mutex((results: 0, errors: 0, lost: 0))
    private let done: @Sendable () -> Void
    private let arguments: Payload

    init(_ arguments: Payload, done: @escaping @Sendable () -> Void) {
        self.arguments = arguments
        self.done = done
    }

    var results: Int { counts.withLock { $0.results } }
    var errors: Int { counts.withLock { $0.errors } }
    var lost: Int { counts.withLock { $0.lost } }

    func payload(_ index: Int) -> Payload { arguments }

    func ended(_ call: DrivenCall, _ outcome: CallOutcome) {
        counts.withLock { counts in
            switch outcome {
            case .result: counts.results += 1
            case .error: counts.errors += 1
            case .lost: counts.lost += 1
            }
        }
    }

    func finished() { done() }
}

@Suite(.timeLimit(.minutes(10))) struct SessionTests {
    /// Runs `body` with sessions on a real router, over RawSocket and WebSocket on the same port.
    private func withSessions(
        _ count: Int, _ serializers: [Serializer] = [.json, .msgpack, .cbor],
        _ body: ([Session]) async throws -> Void
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let router = RouterServer(
            configuration: Configuration(listeners: [try Endpoint("ws://127.0.0.1:0/ws")]),
            logger: logger)
        let address = try await router.start()[0].address
        do {
            var sessions: [Session] = []
            for index in 0..<count {
                let endpoint = Endpoint(
                    address, framing: index % 2 == 0 ? .webSocket : .rawSocket, path: "/ws")
                sessions.append(
                    try await Session.join(
                        endpoint,
                        options: SessionOptions(
                            serializer: serializers[index % serializers.count]),
                        on: MultiThreadedEventLoopGroup.singleton))
            }
            try await body(sessions)
            for session in sessions { await session.leave() }
        } catch {
            await router.stop()
            throw error
        }
        await router.stop()
    }

    /// How a call fails; nil if it does not.
    private func failure(
        _ session: Session, _ procedure: URI, _ args: [Value] = []
    ) async -> ClientError? {
        do throws(ClientError) {
            _ = try await session.call(procedure, args: args)
            return nil
        } catch {
            return error
        }
    }

    @Test("a call reaches its callee and its result comes back, through every pair of serializers")
    func calls() async throws {
        try await withSessions(6) { sessions in
            let callee = sessions[0]
            _ = try await callee.register("com.example.echo") { request in
                request.reply(payload: request.payload)
            }
            let blob = Value.binary([0, 1, 254, 255])
            for session in sessions {
                let result = try await session.call(
                    "com.example.echo", args: [1, "ä", blob, [1.5, nil]], kwargs: ["k": -3])
                #expect(result.args == [1, "ä", blob, [1.5, nil]], "\(session.id)")
                #expect(result.kwargs == ["k": -3], "\(session.id)")
            }
        }
    }

    @Test("an asynchronous procedure answers with what it returns or throws")
    func asyncHandler() async throws {
        struct Broken: Error {}
        try await withSessions(2) { sessions in
            _ = try await sessions[0].register(
                "com.example.f",
                handler: { request in
                    let word = try request.values().args.first?.string
                    if word == "own" {
                        throw InvocationError("com.example.error", args: [1], kwargs: ["a": 2])
                    }
                    if word == "other" { throw Broken() }
                    return Reply(args: [.string("got \(word ?? "")")])
                })
            #expect(try await sessions[1].call("com.example.f", args: ["x"]).args == ["got x"])
            guard
                case .error("com.example.error", [1], ["a": 2], _)? = await failure(
                    sessions[1], "com.example.f", ["own"]),
                case .error("wamp.error.runtime_error", _, _, _)? = await failure(
                    sessions[1], "com.example.f", ["other"])
            else {
                Issue.record("other errors than the procedure's")
                return
            }
        }
    }

    @Test("cancelling a call's task interrupts the callee and ends the call")
    func cancels() async throws {
        try await withSessions(2) { sessions in
            let (started, start) = AsyncStream.makeStream(of: Void.self)
            _ = try await sessions[0].register("com.example.slow") { request in
                request.onInterrupt { request.fail(.canceled) }
                start.yield()
            }
            let caller = sessions[1]
            let task = Task { await failure(caller, "com.example.slow") }
            for await _ in started { break }
            task.cancel()
            #expect(await task.value == .canceled)
            let early = Task { () -> ClientError? in
                withUnsafeCurrentTask { $0?.cancel() }
                return await failure(caller, "com.example.slow")
            }
            #expect(await early.value == .canceled)
        }
    }

    @Test("a call ends with timeout when its time is over")
    func timeout() async throws {
        try await withSessions(2) { sessions in
            _ = try await sessions[0].register("com.example.never") { _ in }
            await #expect(throws: ClientError.timeout) {
                try await sessions[1].call("com.example.never", timeout: .milliseconds(50))
            }
        }
    }

    @Test("errors of the router are errors of the request, and the session goes on")
    func routerErrors() async throws {
        try await withSessions(1) { sessions in
            let session = sessions[0]
            for _ in 1...2 {
                guard
                    case .error(.noSuchProcedure, _, _, _)? = await failure(
                        session, "com.example.nobody")
                else {
                    Issue.record("another error")
                    return
                }
            }
            await #expect(throws: ClientError.self) {
                try await session.register("com.example.a", options: ["invoke": "no such rule"]) {
                    $0.reply()
                }
            }
        }
    }

    @Test("after unregistering the procedure is gone")
    func unregisters() async throws {
        try await withSessions(2) { sessions in
            let registration = try await sessions[0].register("com.example.a") { $0.reply() }
            _ = try await sessions[1].call("com.example.a")
            try await sessions[0].unregister(registration)
            await #expect(throws: ClientError.self) { try await sessions[1].call("com.example.a") }
            await #expect(throws: ClientError.self) {
                try await sessions[0].unregister(registration)
            }
        }
    }

    @Test("of a procedure registered twice by one session each is taken back for itself")
    func registersTwice() async throws {
        try await withSessions(2) { sessions in
            var registrations: [Registration] = []
            for answer in [1, 2] as [Value] {
                registrations.append(
                    try await sessions[0].register("com.example.a", options: ["invoke": "last"]) {
                        $0.reply(args: [answer])
                    })
            }
            #expect(try await sessions[1].call("com.example.a").args == [2])
            try await sessions[0].unregister(registrations[1])
            #expect(try await sessions[1].call("com.example.a").args == [1])
            try await sessions[0].unregister(registrations[0])
            await #expect(throws: ClientError.self) { try await sessions[1].call("com.example.a") }
        }
    }

    @Test("who subscribes while the topic's last other listener goes hears its events")
    func subscribesMeanwhile() async throws {
        try await withSessions(2) { sessions in
            for round in 1...20 {
                let topic = URI("com.example.t\(round)")
                let (events, feed) = AsyncStream.makeStream(of: Int.self)
                let first = try await sessions[0].subscribe(topic) { _ in feed.yield(1) }
                async let second = sessions[0].subscribe(topic) { _ in feed.yield(2) }
                async let gone: Void = sessions[0].unsubscribe(first)
                _ = try await (second, gone)
                try await sessions[1].publish(topic, options: ["acknowledge": true])
                #expect(await events.first { _ in true } == 2, "\(round)")
            }
        }
    }

    @Test("events reach every listener until it unsubscribes")
    func events() async throws {
        try await withSessions(3) { sessions in
            let (events, feed) = AsyncStream.makeStream(of: (Int, [Value]).self)
            let first = try await sessions[0].subscribe("com.example.t") {
                feed.yield((1, (try? $0.values().args) ?? []))
            }
            let second = try await sessions[0].subscribe("com.example.t") {
                feed.yield((2, (try? $0.values().args) ?? []))
            }
            let publication = try await sessions[1].publish(
                "com.example.t", args: ["a"], options: ["acknowledge": true])
            #expect(publication != nil)
            try await sessions[1].publish("com.example.t", args: ["b"])
            var iterator = events.makeAsyncIterator()
            var seen: [String] = []
            for _ in 1...4 {
                guard let (listener, args) = await iterator.next() else { break }
                seen.append("\(listener)\(args.first?.string ?? "")")
            }
            #expect(seen.sorted() == ["1a", "1b", "2a", "2b"])
            try await sessions[0].unsubscribe(first)
            try await sessions[0].unsubscribe(second)
            #expect(
                try await sessions[1].publish(
                    "com.example.t", options: ["acknowledge": true]) != nil)
        }
    }

    @Test("a driver makes exactly so many calls, closed and open, and counts every end")
    func drives() async throws {
        try await withSessions(3) { sessions in
            _ = try await sessions[0].register("com.example.echo") { request in
                request.reply(payload: request.payload)
            }
            for load in [CallLoad.closed(inFlight: 16), .open(perSecond: 20_000, limit: 64)] {
                let (finished, finish) = AsyncStream.makeStream(of: Void.self)
                let tally = Tally(Payload(args: ["x"], as: sessions[1].serializer)) {
                    finish.finish()
                }
                let driver = CallDriver(
                    sessions[1], procedure: "com.example.echo", load: load, count: 2000,
                    observer: tally)
                driver.run()
                for await _ in finished {}
                #expect(tally.results == 2000 && tally.errors == 0 && tally.lost == 0, "\(load)")
                #expect(
                    try await sessions[1].call("com.example.echo", args: [1]).args == [1], "\(load)"
                )
            }
        }
    }

    @Test("a driver that stops at an error issues no call after it", arguments: [1, 8])
    func stopsAtError(inFlight: Int) async throws {
        try await withSessions(1, [.json]) { sessions in
            let (finished, finish) = AsyncStream.makeStream(of: Void.self)
            let tally = Tally(Payload()) { finish.finish() }
            let driver = CallDriver(
                sessions[0], procedure: "com.example.none", load: .closed(inFlight: inFlight),
                count: 50, stopsAtError: true, observer: tally)
            driver.run()
            for await _ in finished {}
            #expect(tally.errors == inFlight)
        }
    }

    @Test("a driver gives up what a router that keeps no limits leaves unanswered")
    func drivesInTime() async throws {
        try await withFakeRouter { message, peer in
            if case .hello = message { peer.send(welcome) }
        } _: { endpoint in
            let session = try await Session.join(
                endpoint, on: MultiThreadedEventLoopGroup.singleton)
            let (finished, finish) = AsyncStream.makeStream(of: Void.self)
            let tally = Tally(Payload()) { finish.finish() }
            let driver = CallDriver(
                session, procedure: "a.b", timeout: .milliseconds(20), load: .closed(inFlight: 4),
                count: 8, observer: tally)
            driver.run()
            for await _ in finished {}
            #expect(tally.errors == 8)
            session.abandon()
        }
    }

    @Test("a stopped driver waits for what is in flight; a cut session loses it")
    func stops() async throws {
        try await withSessions(3, [.msgpack]) { sessions in
            let (started, start) = AsyncStream.makeStream(of: InvocationRequest.self)
            _ = try await sessions[0].register("com.example.slow") { start.yield($0) }
            var requests = started.makeAsyncIterator()
            for cuts in [false, true] {
                let (finished, finish) = AsyncStream.makeStream(of: Void.self)
                let tally = Tally(Payload()) { finish.finish() }
                let driver = CallDriver(
                    sessions[1], procedure: "com.example.slow", load: .closed(inFlight: 4),
                    count: nil, observer: tally)
                driver.run()
                for index in 1...4 {
                    let request = await requests.next()
                    if index == 1 {
                        driver.stop()
                        // Without a turn of the loop the first answer may overtake the stop.
                        try await sessions[1].eventLoop.submit {}.get()
                    }
                    if !cuts { request?.reply() }
                }
                if cuts { sessions[1].abandon() }
                for await _ in finished {}
                #expect(
                    (tally.results, tally.lost, tally.errors) == (cuts ? (0, 4, 0) : (4, 0, 0)),
                    "\(cuts)")
            }
        }
    }
}
