// Threads of a test with several peers: each lane plays its peers for itself, so that the router's
// loops have something to do at the same time.

import Dispatch
import Foundation
import Synchronization
import WAMP

/// A peer on its way to the lane that uses it. Peers are made one after the other, since they are
/// dealt to the router's loops in the order they connect.
// Unchecked: only the lane that it is given to uses the peer.
struct Seat: @unchecked Sendable {
    let peer: MessagePeer

    init(_ peer: MessagePeer) { self.peer = peer }
}

/// Lanes that run side by side and end together: the first that throws ends the others.
final class Lanes: Sendable {
    private let breach = Mutex<(any Error)?>(nil)

    /// Runs all lanes to their ends.
    /// - Throws: what the first lane threw that did.
    static func run(_ lanes: [@Sendable (Lanes) throws -> Void]) throws {
        let all = Lanes()
        let ends = DispatchGroup()
        // Threads of their own: Dispatch lets no more run at a time than there are cores, and a
        // lane may wait for what another does.
        for lane in lanes {
            ends.enter()
            Thread.detachNewThread {
                defer { ends.leave() }
                do {
                    try lane(all)
                } catch {
                    all.breach.withLock { if $0 == nil { $0 = error } }
                }
            }
        }
        ends.wait()
        if let breach = all.breach.withLock({ $0 }) { throw breach }
    }

    var hasFailed: Bool { breach.withLock { $0 != nil } }

    /// What has come for a peer; waits until there is something.
    func receive(_ peer: MessagePeer) throws -> [Message] {
        for _ in 0..<600 {
            let messages = try peer.receive()
            if !messages.isEmpty { return messages }
            if peer.hasEnded { throw Breach("the router has ended the connection") }
            if hasFailed { throw Breach("another lane has failed") }
            MessagePeer.wait(for: [peer], patience: 200)
        }
        throw Breach("no message comes")
    }
}
