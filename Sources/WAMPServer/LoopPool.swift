// Which event loop gets the next connection. Few loops: batching beats parallelism until a core is full.

import Dispatch
import Glibc
import NIOCore
import NIOPosix
import Synchronization
import WAMPTransport

/// The event loops of a router. They are dealt connections in turn; or, when the pool may choose how many to use, the
/// next loop is opened only as those in use fill.
final class LoopPool: EventLoopGroup {
    private let group: MultiThreadedEventLoopGroup
    let loops: [IOLoop]
    private let meters: [LoadMeter]
    private let turn: Mutex<Turn>

    private struct Turn {
        var next = 0
        /// How many loops are in use.
        var open: Int
    }

    /// How busy a loop may be before the next one is opened, as a share of a core.
    private static let full = 0.7

    /// - Parameter threads: the number of loops; nil = one up to two cores, beyond that as many as needed.
    init(threads: Int?, tickPeriod: TimeAmount) {
        let count = threads ?? (System.coreCount <= 2 ? 1 : System.coreCount)
        group = MultiThreadedEventLoopGroup(numberOfThreads: count)
        loops = group.makeIterator().enumerated().map { index, eventLoop in
            IOLoop(eventLoop: eventLoop, index: index, tickPeriod: tickPeriod)
        }
        let opensGradually = threads == nil && count > 1
        meters = opensGradually ? loops.map { LoadMeter(on: $0.eventLoop) } : []
        turn = Mutex(Turn(open: opensGradually ? 1 : count))
    }

    /// The loop that a new connection is given to.
    func next() -> any EventLoop {
        let index = turn.withLock { turn in
            if turn.open < loops.count, meters[..<turn.open].allSatisfy({ $0.load > LoopPool.full })
            {
                turn.open += 1
                turn.next = turn.open - 1
            }
            let index = turn.next % turn.open
            turn.next = index + 1
            return index
        }
        return loops[index].eventLoop
    }

    func loop(of eventLoop: any EventLoop) -> IOLoop? { loops.first { $0.eventLoop === eventLoop } }

    func any() -> any EventLoop { next() }

    func makeIterator() -> EventLoopIterator { group.makeIterator() }

    func shutdownGracefully(
        queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void
    ) {
        group.shutdownGracefully(queue: queue, callback)
    }
}

/// How busy the thread of an event loop was during the last second.
private final class LoadMeter: Sendable {
    private let permille = Atomic<Int>(0)

    /// As a share of a core, from 0 to 1.
    var load: Double { Double(permille.load(ordering: .relaxed)) / 1000 }

    init(on eventLoop: any EventLoop) {
        let last = NIOLoopBoundBox.makeBoxSendingValue(timespec(), eventLoop: eventLoop)
        eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .seconds(1)) {
            [weak self] task in
            guard let self else { return task.cancel() }
            var used = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used)
            let milliseconds =
                (used.tv_sec - last.value.tv_sec) * 1000
                + (used.tv_nsec - last.value.tv_nsec) / 1_000_000
            last.value = used
            self.permille.store(milliseconds, ordering: .relaxed)
        }
    }
}
