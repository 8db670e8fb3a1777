// Sessions opened and closed: the operations of the scenario `join`. A join is a connection, a
// handshake and a HELLO; a task for each costs little beside that.

import NIOCore
import WAMP
import WAMPClient
import WAMPLoad

// Unchecked: everything but the tasks' own work happens on the loop.
final class JoinSource: LoadSource, @unchecked Sendable {
    private let eventLoop: any EventLoop
    private let observer: any OperationObserver & Sendable
    private let join: @Sendable (any EventLoopGroup) async throws(ClientError) -> Session
    private var pending: [Int: Int64] = [:]
    private var next = 0
    private var target = 0
    private(set) var inFlight = 0

    init(
        _ eventLoop: any EventLoop, observer: any OperationObserver & Sendable,
        join: @escaping @Sendable (any EventLoopGroup) async throws(ClientError) -> Session
    ) {
        self.eventLoop = eventLoop
        self.observer = observer
        self.join = join
    }

    var isWaiting: Bool { inFlight > 0 }

    var pendingDues: [Int64] { Array(pending.values) }

    func keep(inFlight: Int) {
        target = inFlight
        pump()
    }

    private func pump() {
        while inFlight < target, observer.mayIssue() {
            let now = LoadTick.now
            issue(due: now, at: now)
        }
    }

    func issue(due: Int64, at now: Int64) {
        inFlight += 1
        next += 1
        let number = next
        pending[number] = due
        let join = join, eventLoop = eventLoop
        Task {
            do throws(ClientError) {
                let session = try await join(eventLoop)
                let joined = LoadTick.now
                eventLoop.execute {
                    self.pending[number] = nil
                    self.observer.ended(due: due, sent: now, at: joined, .done)
                }
                await session.leave(patience: .seconds(1))
            } catch {
                let uri = error.uri
                eventLoop.execute {
                    self.pending[number] = nil
                    self.observer.ended(due: due, sent: now, at: LoadTick.now, .error(uri))
                }
            }
            eventLoop.execute {
                self.inFlight -= 1
                self.pump()
            }
        }
    }
}

extension ClientError {
    /// The peer's own, or one that names the kind.
    var uri: ErrorURI {
        switch self {
        case .refused(let reason, _, _): reason
        case .error(let uri, _, _, _): uri
        case .timeout: .timeout
        case .canceled: .canceled
        case .connect: "wampctl.error.connect"
        case .connectionLost: "wampctl.error.connection_lost"
        case .rejected, .protocolViolation, .notSupported: "wampctl.error.protocol"
        }
    }
}
