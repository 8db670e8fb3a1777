// Sessions that one loop ends while their connections live on another.

import Dispatch
import Testing
import WAMP
import WAMPServer

@Suite("Farewells across loops", .serialized)
struct FarewellTests {
    @Test(
        "A drain waits for nobody who has answered its GOODBYE, on whichever loop",
        arguments: 1...5)
    func drain(round: Int) async throws {
        // So long that an answer which is missed fails the test.
        try await withRouter({
            $0.threads = 2
            $0.farewellTimeout = .seconds(3600)
        }) { port, router in
            let peers = try (0..<100).map { _ in try MessagePeer(port: port, .msgpack) }
            for peer in peers { _ = try peer.join("realm1") }
            let isDrained = DispatchSemaphore(value: 0)
            Task {
                await router.drain(timeout: .seconds(60))
                isDrained.signal()
            }
            try Self.sayGoodbye(peers)
            isDrained.wait()
        }
    }

    @Test("A router that is stopped while it drains ends both")
    func stop() async throws {
        let drained = try await withRouter({ $0.threads = 2 }) { port, router in
            let peers = try (0..<100).map { _ in try MessagePeer(port: port, .msgpack) }
            for peer in peers { _ = try peer.join("realm1") }
            let drained = Task { await router.drain(timeout: .seconds(60)) }
            try Self.sayGoodbye(peers)
            return drained
        }
        await drained.value
    }

    /// Answers the router's GOODBYEs until all connections have ended.
    private static func sayGoodbye(_ peers: [MessagePeer]) throws {
        var answered: Set<Int> = []
        while peers.contains(where: { !$0.hasEnded }) {
            guard MessagePeer.wait(for: peers) else {
                throw Breach("the router waits for somebody")
            }
            for (index, peer) in peers.enumerated() where !peer.hasEnded {
                for message in try peer.receive() {
                    guard case .goodbye(let goodbye) = message,
                        goodbye.reason == .systemShutdown, answered.insert(index).inserted
                    else { throw Breach("\(message)") }
                    try peer.send([.goodbye(Goodbye(reason: .goodbyeAndOut))])
                }
            }
        }
        guard answered.count == peers.count else { throw Breach("\(answered.count) GOODBYEs") }
    }
}
