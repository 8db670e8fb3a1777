// Many calls in flight on one session without a task for each: a state machine on the loop that
// issues the next call from the answer to the last, or by the clock.

package import NIOCore
package import WAMP
package import WAMPClient
import WAMPTransport

/// When a driver issues calls.
package enum CallLoad: Equatable, Sendable {
    /// So many in flight at any time.
    case closed(inFlight: Int)
    /// So many a second, whatever the answers do, but never more in flight than the limit.
    case open(perSecond: Double, limit: Int)
}

/// One call of a driver, when it has ended.
package struct DrivenCall: Sendable {
    /// Counted from 0, in the order of sending.
    package var index: Int
    package var request: RequestID
    /// When it was sent; under an open load when it was due, so that a late start counts.
    package var sent: NIODeadline
    package var ended: NIODeadline
}

package enum CallOutcome: Sendable {
    case result(WAMP.Result)
    case error(ErrorMessage)
    /// The session ended, or takes no more messages.
    case lost(ClientError)
}

/// Who a driver works for. Everything is called on the session's loop.
package protocol CallObserver: AnyObject, Sendable {
    /// The arguments of a call, in the session's serializer.
    func payload(_ index: Int) -> Payload
    func ended(_ call: DrivenCall, _ outcome: CallOutcome)
    /// All calls that were issued have ended, and no more will be.
    func finished()
}

// Unchecked: everything behind `start`, `stop` and `cancel` happens on the loop.
package final class CallDriver<Observer: CallObserver>: BatchTap, @unchecked Sendable {
    private let session: DirectSession
    private let procedure: URI
    private let options: CallOptions
    private let load: CallLoad
    private let count: Int?
    private let stopsAtError: Bool
    /// When a call is given up here; nil = never.
    private let limit: TimeAmount?
    private let observer: Observer

    private var issued = 0
    private var inFlight = 0
    private var isStopped = false
    private var isFinished = false
    private var start = NIODeadline.distantPast
    private var timer: Scheduled<Void>?
    private var sweep: RepeatedTask?

    /// The calls in flight, at their request id modulo the ring's size.
    private var ring: [Slot]
    /// Those whose place in the ring a later call took.
    private var spilled: [UInt64: Slot] = [:]

    private struct Slot {
        /// 0 = free.
        var request: UInt64 = 0
        var index = 0
        /// From when its latency counts.
        var sent = NIODeadline.distantPast
        var issued = NIODeadline.distantPast
    }

    /// The shortest time between two looks at the clock under an open load.
    private static var shortestPause: TimeAmount { .microseconds(200) }

    /// How long a router that keeps time limits may be late with it.
    private static var grace: TimeAmount { .seconds(1) }

    /// - Parameters:
    ///   - timeout: the limit of a call. The router is told, and one that does not keep it is
    ///     told to cancel.
    ///   - count: how many calls to make; nil = until `stop`.
    ///   - stopsAtError: issue no more calls once one has failed.
    package init(
        _ session: Session, procedure: URI, options: Value.Dictionary = [:],
        timeout: Duration? = nil, load: CallLoad, count: Int?, stopsAtError: Bool = false,
        observer: Observer
    ) {
        self.session = session.direct
        self.stopsAtError = stopsAtError
        limit = timeout.map {
            TimeAmount(limit: $0) + (session.routerKeepsTimeouts ? CallDriver.grace : .zero)
        }
        self.procedure = procedure
        self.options = CallOptions(options, timeout: timeout)
        self.load = load
        self.count = count
        self.observer = observer
        let expected =
            switch load {
            case .closed(let inFlight): inFlight
            case .open(_, let limit): limit
            }
        var size = 64
        while size / 4 < expected, size < 1 << 16 { size *= 2 }
        ring = Array(repeating: Slot(), count: size)
    }

    /// Begins. A session has one driver at a time.
    package func run() {
        session.submit {
            self.start = self.session.eventLoop.now
            guard self.session.install(self) else {
                self.finish()
                return
            }
            self.watch()
            self.pump(self.start)
        }
    }

    /// Issues no more calls; those in flight go on.
    package func stop() {
        session.submit {
            self.isStopped = true
            self.checkFinished()
        }
    }

    /// Issues no more calls and cancels those in flight.
    package func cancel(_ mode: CancelMode = .killnowait) {
        session.submit {
            self.isStopped = true
            let slots = self.ring.filter { $0.request != 0 } + self.spilled.values
            for request in slots.map(\.request).sorted() {
                _ = self.session.send(
                    .cancel(Cancel(request: RequestID(request), mode: mode)), payload: Payload())
            }
            self.checkFinished()
        }
    }

    // On the loop.

    package func take(from batch: inout [Message]) {
        let now = session.eventLoop.now
        batch.removeAll { message in
            switch message {
            case .result(let result):
                !result.details.progress && end(result.request, now, .result(result))
            case .error(let error) where error.requestType == .call:
                end(error.request, now, .error(error))
            default: false
            }
        }
        pump(now)
    }

    package func sessionEnded(_ error: ClientError) {
        isStopped = true
        let now = session.eventLoop.now
        let slots = ring.filter { $0.request != 0 } + spilled.values
        for request in slots.map(\.request).sorted() {
            _ = end(RequestID(request), now, .lost(error))
        }
        checkFinished()
    }

    /// Looks from time to time for calls that should have ended.
    private func watch() {
        guard let limit else { return }
        let period = min(
            TimeAmount.seconds(1), max(.milliseconds(10), .nanoseconds(limit.nanoseconds / 10)))
        sweep = session.eventLoop.scheduleRepeatedTask(initialDelay: limit, delay: period) { _ in
            self.giveUp(issuedBefore: self.session.eventLoop.now - limit)
        }
    }

    private func giveUp(issuedBefore latest: NIODeadline) {
        let late = (ring.filter { $0.request != 0 } + spilled.values)
            .filter { $0.issued <= latest }.map(\.request).sorted()
        guard !late.isEmpty else { return }
        let now = session.eventLoop.now
        for id in late {
            let request = RequestID(id)
            _ = session.send(
                .cancel(Cancel(request: request, mode: .killnowait)), payload: Payload())
            _ = end(request, now, .error(ErrorMessage(.call, request: request, error: .timeout)))
        }
        pump(now)
    }

    private func pump(_ now: NIODeadline) {
        switch load {
        case .closed(let target):
            while hasMore, inFlight < target { issue(now, due: now) }
        case .open(let perSecond, let limit):
            while hasMore, inFlight < limit, due(issued, perSecond) <= now {
                issue(now, due: due(issued, perSecond))
            }
            if hasMore, timer == nil { schedule(now, perSecond) }
        }
        checkFinished()
    }

    private var hasMore: Bool { !isStopped && issued < count ?? .max }

    private func due(_ index: Int, _ perSecond: Double) -> NIODeadline {
        start + .nanoseconds(Int64(min(Double(index) / perSecond * 1e9, 9e18)))
    }

    private func schedule(_ now: NIODeadline, _ perSecond: Double) {
        let next = max(due(issued, perSecond), now + CallDriver.shortestPause)
        timer = session.eventLoop.scheduleTask(deadline: next) {
            self.timer = nil
            self.pump(self.session.eventLoop.now)
        }
    }

    private func issue(_ now: NIODeadline, due sent: NIODeadline) {
        let request = session.nextRequest()
        let slot = Slot(request: request.rawValue, index: issued, sent: sent, issued: now)
        let payload = observer.payload(issued)
        issued += 1
        inFlight += 1
        let place = Int(truncatingIfNeeded: request.rawValue) & (ring.count - 1)
        if ring[place].request != 0 { spilled[ring[place].request] = ring[place] }
        ring[place] = slot
        let call = Call(request: request, options: options, procedure: procedure)
        switch session.send(.call(call), payload: payload) {
        case .queued: break
        case .tooLarge:
            isStopped = true
            _ = end(
                request, sent,
                .error(ErrorMessage(.call, request: request, error: .payloadSizeExceeded)))
        case .full, .closed:
            isStopped = true
            _ = end(
                request, sent, .lost(.connectionLost("the router does not take messages any more")))
        }
    }

    /// - Returns: whether the call was one of ours.
    private func end(
        _ request: RequestID, _ now: NIODeadline, _ outcome: CallOutcome
    ) -> Bool {
        let place = Int(truncatingIfNeeded: request.rawValue) & (ring.count - 1)
        let slot: Slot
        if ring[place].request == request.rawValue {
            slot = ring[place]
            ring[place].request = 0
        } else if let found = spilled.removeValue(forKey: request.rawValue) {
            slot = found
        } else {
            return false
        }
        inFlight -= 1
        if stopsAtError {
            if case .result = outcome {} else { isStopped = true }
        }
        observer.ended(
            DrivenCall(index: slot.index, request: request, sent: slot.sent, ended: now), outcome)
        return true
    }

    private func checkFinished() {
        if inFlight == 0, !hasMore { finish() }
    }

    private func finish() {
        guard !isFinished else { return }
        isFinished = true
        isStopped = true
        timer?.cancel()
        timer = nil
        sweep?.cancel()
        sweep = nil
        session.removeTap()
        observer.finished()
    }
}
