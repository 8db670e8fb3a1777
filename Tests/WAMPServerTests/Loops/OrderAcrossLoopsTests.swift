// What WAMP promises about order, with the two sides on different loops. Peers are
// dealt to the loops in turn, so the first and the second to connect never share one.

import Synchronization
import Testing
import WAMP
import WAMPServer

@Suite("Order across loops", .serialized)
struct OrderAcrossLoopsTests {
    /// What the peers of a test speak, in the order they connect.
    struct Languages: Sendable, CustomTestStringConvertible {
        let first: Serializer
        let second: Serializer

        var testDescription: String { "\(first.name) and \(second.name)" }

        static let all = [
            Languages(first: .msgpack, second: .msgpack), Languages(first: .json, second: .json),
            Languages(first: .msgpack, second: .json), Languages(first: .cbor, second: .msgpack),
        ]
    }

    private static let procedure = URI("t.procedure")
    private static let stop = URI("t.stop")
    private static let topic = URI("t.topic")

    private func withTwoLoops(_ body: @escaping @Sendable (Int) throws -> Void) async throws {
        try await withRouter({
            $0.threads = 2
            $0.keepalive = .zero
        }) { port, router in
            try body(port)
            let count = router.pendingCallCount
            guard count == 0 else { throw Breach("\(count) calls are left") }
        }
    }

    /// Registers and waits for the answer.
    private static func register(
        _ peer: MessagePeer, _ procedure: URI, _ request: UInt64, invoke: String? = nil
    ) throws -> RegistrationID {
        let options = RegisterOptions(invoke: invoke)
        try peer.send([
            .register(
                Register(request: RequestID(request), options: options, procedure: procedure))
        ])
        guard case .registered(let answer) = try peer.next() else { throw Breach("no REGISTERED") }
        return answer.registration
    }

    // MARK: The stream of a callee

    @Test(
        "SR-18, SR-23: INVOCATIONs come between REGISTERED and UNREGISTERED only, in sequence",
        arguments: Languages.all, [true, false])
    func registrations(_ languages: Languages, _ calleeIsFirst: Bool) async throws {
        try await withTwoLoops { port in
            let first = try MessagePeer(port: port, languages.first)
            let second = try MessagePeer(port: port, languages.second)
            let anchor = Seat(try MessagePeer(port: port, .msgpack))
            let callee = Seat(calleeIsFirst ? first : second)
            let caller = Seat(calleeIsFirst ? second : first)
            for seat in [callee, caller, anchor] { _ = try seat.peer.join("realm1") }
            // The anchor keeps the registration alive, so that the callee knows its id beforehand.
            let id = try Self.register(anchor.peer, Self.procedure, 1, invoke: "last")
            let stop = try Self.register(anchor.peer, Self.stop, 2)
            let isOver = Atomic(false)
            try Lanes.run([
                { lanes in
                    defer { isOver.store(true, ordering: .relaxed) }
                    try Self.comeAndGo(callee.peer, id, lanes)
                },
                { lanes in
                    try Self.flood(caller.peer, lanes) { isOver.load(ordering: .relaxed) }
                },
                { lanes in try Self.answer(anchor.peer, until: stop, lanes) },
            ])
        }
    }

    /// Registers and unregisters without waiting for answers, and watches what comes in between.
    private static func comeAndGo(
        _ peer: MessagePeer, _ id: RegistrationID, _ lanes: Lanes
    ) throws {
        var random = SplitMix64(seed: 1)
        var request: UInt64 = 0
        var answered: UInt64 = 0
        var isRegistered = false
        var invocations: UInt64 = 0
        var output: [Message] = []

        func handle(_ message: Message) throws {
            switch message {
            case .registered(let registered):
                guard !isRegistered, registered.registration == id,
                    registered.request.rawValue == answered + 1
                else { throw Breach("after \(answered) answers: \(message)") }
                answered += 1
                isRegistered = true
            case .unregistered(let unregistered):
                guard isRegistered, unregistered.request?.rawValue == answered + 1 else {
                    throw Breach("after \(answered) answers: \(message)")
                }
                answered += 1
                isRegistered = false
            case .invocation(let invocation):
                guard isRegistered else { throw Breach("not registered, but \(message)") }
                guard invocation.registration == id,
                    invocation.request.rawValue == invocations + 1
                else { throw Breach("after \(invocations) INVOCATIONs: \(message)") }
                invocations += 1
                output.append(
                    .yield(Yield(request: invocation.request, payload: invocation.payload)))
            default:
                throw Breach("\(message)")
            }
        }

        // The invocations show that the two lanes did meet.
        while answered < 500 || invocations < 500 {
            for _ in 0...random.next() % 4 where request - answered < 64 {
                request += 2
                output.append(
                    .register(
                        Register(
                            request: RequestID(request - 1),
                            options: RegisterOptions(invoke: "last"), procedure: procedure)))
                output.append(
                    .unregister(Unregister(request: RequestID(request), registration: id)))
            }
            // In one write it is under one lock; each by itself lets calls in between.
            if random.next() % 2 == 0 { try peer.send(output) } else { try peer.sendEach(output) }
            output.removeAll()
            for message in try lanes.receive(peer) { try handle(message) }
        }
        while answered < request { for message in try lanes.receive(peer) { try handle(message) } }
        try peer.send(output)
    }

    /// Calls without pause until it is over; every call must end in its own result. Ends by calling
    /// the anchor off.
    private static func flood(
        _ peer: MessagePeer, _ lanes: Lanes, until isOver: () -> Bool
    ) throws {
        var request: UInt64 = 0
        var open: Set<UInt64> = []
        while true {
            var output: [Message] = []
            while open.count < 64, !isOver() {
                request += 1
                open.insert(request)
                output.append(call(procedure, request))
            }
            if open.isEmpty { break }
            try peer.send(output)
            for message in try lanes.receive(peer) {
                guard case .result(let result) = message,
                    try result.payload.values().args == [Value(result.request)],
                    open.remove(result.request.rawValue) != nil
                else { throw Breach("\(message)") }
            }
        }
        try peer.send([call(stop, request + 1)])
        guard case .result = try peer.next() else { throw Breach("the anchor does not answer") }
    }

    private static func call(_ procedure: URI, _ request: UInt64) -> Message {
        .call(
            Call(
                request: RequestID(request), procedure: procedure,
                payload: Payload(args: [Value(request)])))
    }

    private static func answer(
        _ peer: MessagePeer, until stop: RegistrationID, _ lanes: Lanes
    ) throws {
        while true {
            var output: [Message] = []
            var isStopped = false
            for message in try lanes.receive(peer) {
                guard case .invocation(let invocation) = message else { throw Breach("\(message)") }
                isStopped = isStopped || invocation.registration == stop
                output.append(
                    .yield(Yield(request: invocation.request, payload: invocation.payload)))
            }
            try peer.send(output)
            if isStopped { return }
        }
    }

    // MARK: The stream of a subscriber

    @Test(
        "EVENTs come between SUBSCRIBED and UNSUBSCRIBED only, in the order of their publisher",
        arguments: Languages.all, [true, false])
    func subscriptions(_ languages: Languages, _ subscriberIsFirst: Bool) async throws {
        try await withTwoLoops { port in
            let first = try MessagePeer(port: port, languages.first)
            let second = try MessagePeer(port: port, languages.second)
            let anchor = try MessagePeer(port: port, .msgpack)
            let subscriber = Seat(subscriberIsFirst ? first : second)
            let publisher = Seat(subscriberIsFirst ? second : first)
            for peer in [first, second, anchor] { _ = try peer.join("realm1") }
            let id = try Self.subscribe(anchor)
            let listener = Seat(anchor)
            let isOver = Atomic(false)
            try Lanes.run([
                { lanes in
                    defer { isOver.store(true, ordering: .relaxed) }
                    try Self.listenNowAndThen(subscriber.peer, id, lanes)
                },
                { lanes in
                    var number: UInt64 = 0
                    while !isOver.load(ordering: .relaxed) {
                        try Self.publish(publisher.peer, 32, &number, lanes)
                    }
                },
                // Keeps the subscription while the other is away, and up with its events.
                { lanes in
                    while !isOver.load(ordering: .relaxed), !lanes.hasFailed {
                        _ = try listener.peer.receive()
                        MessagePeer.wait(for: [listener.peer], patience: 200)
                    }
                },
            ])
            anchor.end(withReset: false)
        }
    }

    private static func subscribe(_ peer: MessagePeer) throws -> SubscriptionID {
        try peer.send([.subscribe(Subscribe(request: RequestID(1), topic: topic))])
        guard case .subscribed(let answer) = try peer.next() else { throw Breach("no SUBSCRIBED") }
        return answer.subscription
    }

    private static func listenNowAndThen(
        _ peer: MessagePeer, _ id: SubscriptionID, _ lanes: Lanes
    ) throws {
        var request: UInt64 = 0
        var answered: UInt64 = 0
        var isSubscribed = false
        var events = 0
        var last: UInt64 = 0

        func handle(_ message: Message) throws {
            switch message {
            case .subscribed(let subscribed):
                guard !isSubscribed, subscribed.request.rawValue == answered + 1 else {
                    throw Breach("after \(answered) answers: \(message)")
                }
                answered += 1
                isSubscribed = true
            case .unsubscribed(let unsubscribed):
                guard isSubscribed, unsubscribed.request?.rawValue == answered + 1 else {
                    throw Breach("after \(answered) answers: \(message)")
                }
                answered += 1
                isSubscribed = false
            case .event(let event):
                guard isSubscribed, event.subscription == id,
                    let number = try event.payload.values().args.first?.unsigned, number > last
                else { throw Breach("\(isSubscribed), last \(last): \(message)") }
                last = number
                events += 1
            default:
                throw Breach("\(message)")
            }
        }

        while answered < 500 || events < 500 {
            if request - answered < 64 {
                request += 2
                try peer.sendEach([
                    .subscribe(Subscribe(request: RequestID(request - 1), topic: topic)),
                    .unsubscribe(Unsubscribe(request: RequestID(request), subscription: id)),
                ])
            }
            for message in try lanes.receive(peer) { try handle(message) }
        }
        while answered < request { for message in try lanes.receive(peer) { try handle(message) } }
    }

    /// Publishes numbers, now and then with a long text; waits for the last to be acknowledged, so
    /// that not too much is under way.
    private static func publish(
        _ peer: MessagePeer, _ count: Int, _ number: inout UInt64, _ lanes: Lanes
    ) throws {
        let messages: [Message] = (0..<count).map { index in
            number += 1
            let text = String(repeating: "x", count: number % 61 == 0 ? 20_000 : 10)
            return .publish(
                Publish(
                    request: RequestID(number),
                    options: PublishOptions(acknowledge: index == count - 1), topic: topic,
                    payload: Payload(
                        args: [Value(number), .string(text)], as: peer.serializer)))
        }
        try peer.send(messages)
        let answers = try lanes.receive(peer)
        guard answers.count == 1, case .published(let published) = answers[0],
            published.request.rawValue == number
        else { throw Breach("\(answers)") }
    }

    @Test(
        "Nothing of what two publishers on two loops send is lost or reordered for anybody",
        arguments: Languages.all)
    func events(_ languages: Languages) async throws {
        try await withTwoLoops { port in
            let languages = [languages.first, languages.second, languages.second, languages.first]
            let seats = try languages.map { Seat(try MessagePeer(port: port, $0)) }
            // The first two publish: one on each loop. So do the other two listen.
            let sessions = try seats.map { try $0.peer.join("realm1") }
            let count = 1000
            let start = UInt64(1) << 40
            for seat in seats[2...] { _ = try Self.subscribe(seat.peer) }
            try Lanes.run(
                seats.enumerated().map { index, seat in
                    { lanes in
                        if index < 2 {
                            var number = start * UInt64(index)
                            for _ in 0..<count / 32 {
                                try Self.publish(seat.peer, 32, &number, lanes)
                            }
                        } else {
                            try Self.listen(seat.peer, 2 * (count / 32 * 32), start, lanes)
                        }
                    }
                })
            #expect(Set(sessions).count == 4)
        }
    }

    private static func listen(
        _ peer: MessagePeer, _ count: Int, _ start: UInt64, _ lanes: Lanes
    ) throws {
        var next: [UInt64] = [1, start + 1]
        var seen = 0
        while seen < count {
            for message in try lanes.receive(peer) {
                guard case .event(let event) = message,
                    let number = try event.payload.values().args.first?.unsigned
                else { throw Breach("\(message)") }
                let publisher = number > start ? 1 : 0
                guard number == next[publisher] else {
                    throw Breach("\(number) comes instead of \(next[publisher])")
                }
                next[publisher] += 1
                seen += 1
            }
        }
    }

    // MARK: Caller and callee

    @Test(
        "Between one caller and one callee, calls come in their order and so do results",
        arguments: Languages.all)
    func results(_ languages: Languages) async throws {
        try await withTwoLoops { port in
            // The callee has one caller on its own loop and one on the other.
            let callee = Seat(try MessagePeer(port: port, languages.first))
            let callers = try [languages.second, languages.first].map {
                Seat(try MessagePeer(port: port, $0))
            }
            for seat in [callee] + callers { _ = try seat.peer.join("realm1") }
            _ = try Self.register(callee.peer, Self.procedure, 1)
            let count: UInt64 = 1000
            var lanes: [@Sendable (Lanes) throws -> Void] = [
                { lanes in try Self.answerInDisorder(callee.peer, 2, count, lanes) }
            ]
            for (number, seat) in callers.enumerated() {
                lanes.append { lanes in
                    try Self.call(seat.peer, UInt64(number), count, lanes)
                }
            }
            try Lanes.run(lanes)
        }
    }

    /// Answers what has come in an order of its own, and counts its answers to each caller.
    private static func answerInDisorder(
        _ peer: MessagePeer, _ callers: Int, _ count: UInt64, _ lanes: Lanes
    ) throws {
        var random = SplitMix64(seed: 2)
        var calls = [UInt64](repeating: 0, count: callers)
        var answers = [UInt64](repeating: 0, count: callers)
        var waiting: [(invocation: RequestID, caller: Int, call: UInt64)] = []
        while answers.reduce(0, +) < count * UInt64(callers) {
            for message in try lanes.receive(peer) {
                guard case .invocation(let invocation) = message else { throw Breach("\(message)") }
                let args = try invocation.payload.values().args
                guard args.count >= 2, let caller = args[0].unsigned.map({ Int($0) }),
                    let call = args[1].unsigned, call == calls[caller] + 1
                else { throw Breach("calls so far: \(calls), then \(args.prefix(2))") }
                calls[caller] = call
                waiting.append((invocation.request, caller, call))
            }
            waiting.shuffle(using: &random)
            let output = waiting.map { invocation, caller, call -> Message in
                answers[caller] += 1
                let text = String(repeating: "y", count: random.next() % 64 == 0 ? 20_000 : 10)
                let args = [Value(answers[caller]), Value(call), .string(text)]
                return .yield(
                    Yield(
                        request: invocation, payload: Payload(args: args, as: peer.serializer)))
            }
            waiting.removeAll()
            if random.next() % 2 == 0 { try peer.send(output) } else { try peer.sendEach(output) }
        }
    }

    private static func call(
        _ peer: MessagePeer, _ number: UInt64, _ count: UInt64, _ lanes: Lanes
    ) throws {
        var request: UInt64 = 0
        var answers: UInt64 = 0
        while answers < count {
            var output: [Message] = []
            while request < count, request - answers < 64 {
                request += 1
                let text = String(repeating: "x", count: request % 61 == 0 ? 20_000 : 10)
                let args = [Value(number), Value(request), .string(text)]
                output.append(
                    .call(
                        Call(
                            request: RequestID(request), procedure: procedure,
                            payload: Payload(args: args, as: peer.serializer))))
            }
            try peer.send(output)
            for message in try lanes.receive(peer) {
                guard case .result(let result) = message else { throw Breach("\(message)") }
                let args = try result.payload.values().args
                guard args.count == 3, args[0] == Value(answers + 1),
                    args[1] == Value(result.request)
                else { throw Breach("after \(answers) results: \(args.prefix(2))") }
                answers += 1
            }
        }
    }
}
