// One message that causes a great many events: it costs bounded memory, and who gets most of them.

import Testing
import WAMP

@testable import WAMPServer

@Suite struct BurstTests {
    @Test("Events are for all until they take too much, and then for those who have got few")
    func bound() {
        var burst = Burst(limit: 1000, share: 100)
        burst.add(frame: 600)
        burst.add(delivery: 400)
        #expect(!burst.isEnough(pending: 5000))
        burst.add(delivery: 1)
        #expect(burst.isEnough(pending: 101))
        #expect(!burst.isEnough(pending: 100))
        burst.restart()
        #expect(!burst.isEnough(pending: 5000))
        // Who shares a frame takes little of it.
        for _ in 0..<10 { burst.add(delivery: 1 << 20) }
        #expect(!burst.isEnough(pending: 5000))
    }

    private static let topic: URI = "a.b.c.d.e.f.g.h"

    /// Topic patterns that match the topic, each in another way.
    private static func pattern(_ number: Int) -> URI {
        let parts = "a.b.c.d.e.f.g.h".split(separator: ".").enumerated().map { index, part in
            number >> index & 1 == 0 ? "" : String(part)
        }
        return URI(parts.joined(separator: "."))
    }

    private static func subscribe(_ peer: MessagePeer, patterns: Range<Int>) throws {
        for number in patterns {
            let options = SubscribeOptions(match: .wildcard)
            try peer.send([
                .subscribe(
                    Subscribe(
                        request: RequestID(UInt64(number + 1)), options: options,
                        topic: pattern(number)))
            ])
            guard case .subscribed = try peer.next() else { throw Breach("no SUBSCRIBED") }
        }
    }

    @Test(
        "A message that causes too many events cuts those who get most of them, and nobody else",
        arguments: [1, 2])
    func cut(threads: Int) async throws {
        try await withRouter({
            $0.threads = threads
            $0.burst = Burst(limit: 400 << 10, share: 20 << 10)
        }) { port, _ in
            let publisher = try MessagePeer(port: port, .json)
            let greedy = try (0..<6).map { _ in try MessagePeer(port: port, .msgpack) }
            let modest = try (0..<4).map { _ in try MessagePeer(port: port, .json) }
            for peer in [publisher] + greedy + modest { _ = try peer.join("realm1") }
            for peer in greedy { try Self.subscribe(peer, patterns: 0..<128) }
            for peer in modest { try Self.subscribe(peer, patterns: 127..<129) }
            let text = String(repeating: "x", count: 1000)
            try publisher.send([
                .publish(
                    Publish(
                        request: RequestID(1), options: PublishOptions(acknowledge: true),
                        topic: Self.topic, payload: Payload(args: [.string(text)])))
            ])
            guard case .published = try publisher.next() else { throw Breach("no PUBLISHED") }
            for peer in modest {
                for _ in 0..<2 {
                    guard case .event = try peer.next() else { throw Breach("no EVENT") }
                }
            }
            for peer in greedy {
                var events = 0
                while !peer.hasEnded, case .event? = try? peer.next() { events += 1 }
                guard events < 128 else { throw Breach("\(events) events") }
            }
        }
    }

    @Test(
        "Events that are more than a batch between loops holds reach every subscriber in order",
        arguments: [1, 2])
    func everyEvent(threads: Int) async throws {
        try await withRouter({ $0.threads = threads }) { port, _ in
            let publisher = try MessagePeer(port: port, .json)
            let subscribers = try (0..<4).map { _ in try MessagePeer(port: port, .json) }
            for peer in [publisher] + subscribers { _ = try peer.join("realm1") }
            for peer in subscribers { try Self.subscribe(peer, patterns: 0..<64) }
            let text = String(repeating: "x", count: 15_000)
            for number in UInt64(1)...4 {
                try publisher.send([
                    .publish(
                        Publish(
                            request: RequestID(number),
                            options: PublishOptions(acknowledge: true), topic: Self.topic,
                            payload: Payload(args: [Value(number), .string(text)])))
                ])
                guard case .published = try publisher.next() else { throw Breach("no PUBLISHED") }
                for peer in subscribers {
                    for _ in 0..<64 {
                        guard case .event(let event) = try peer.next(),
                            try event.payload.values().args == [Value(number), .string(text)]
                        else { throw Breach("another EVENT") }
                    }
                }
            }
        }
    }
}
