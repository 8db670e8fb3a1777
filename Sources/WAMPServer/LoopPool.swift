// The event loops of a router. Few of them: batching beats parallelism until a core is full.

import NIOCore
import NIOPosix
import WAMPTransport

struct LoopPool: Sendable {
    /// Deals connections to the loops in turn.
    let group: MultiThreadedEventLoopGroup
    let loops: [IOLoop]

    /// The most loops that are opened unasked.
    private static let most = 8

    /// - Parameter threads: the number of loops; nil = one up to two cores, beyond that one for
    ///   every two cores, so that clients on the same machine find a core too.
    init(threads: Int?, tickPeriod: TimeAmount) {
        let count = threads ?? max(1, min(LoopPool.most, System.coreCount / 2))
        Heap.prepare(loops: count)
        group = MultiThreadedEventLoopGroup(numberOfThreads: count)
        loops = group.makeIterator().enumerated().map { index, eventLoop in
            IOLoop(eventLoop: eventLoop, index: index, tickPeriod: tickPeriod)
        }
    }

    func loop(of eventLoop: any EventLoop) -> IOLoop? { loops.first { $0.eventLoop === eventLoop } }
}
