// One instance of `wampctl register`: answers invocations, with the wanted delay, failures and
// limits.

import Synchronization
import WAMP
import WAMPClient

/// What every instance of a `register` command does alike.
struct CalleeBehaviour: Sendable {
    enum Answer: Sendable {
        case whoami
        case echo
        case fixed(Payload)

        var isEcho: Bool { if case .echo = self { true } else { false } }
    }

    var answer = Answer.whoami
    var delay = Duration.zero...Duration.zero
    var failRate = 0.0
    var concurrency = 0

    /// Invocations that may wait when all places are taken.
    var queueLimit = 1024
    var hangRate = 0.0
    var failError: ErrorURI = "wampctl.error.injected"
    /// Each value of an answer goes ahead of it too.
    var isProgressive = false
}

final class Callee: Sendable {
    let number: Int
    let name: String
    private let behaviour: CalleeBehaviour
    private let ownName: Payload
    private let report: @Sendable (Callee, Event) -> Void
    private let state: Mutex<State>

    /// What others may want to know.
    enum Event {
        case answered(Invocation)
        /// Nothing is being served any more.
        case idle
    }

    /// An invocation that has been answered.
    struct Invocation {
        let request: InvocationRequest
        /// Counted from 1 in this instance.
        let count: Int
        let duration: Duration
        /// The error it was answered with.
        let error: ErrorURI?
        /// What it was answered with, if that was a value.
        let payload: Payload
    }

    /// The counts of an instance.
    struct Figures: Sendable {
        var invocations = 0
        var errors = 0
        var total = Duration.zero

        var meanMilliseconds: Double {
            invocations == 0 ? 0 : total.milliseconds / Double(invocations)
        }
    }

    private struct State {
        var gate: InvocationGate<Arrival>
        var figures = Figures()
        var arrivals = 0
    }

    private struct Arrival {
        let request: InvocationRequest
        let count: Int
        let moment: ContinuousClock.Instant
        /// The last part of a call in several.
        var payload: Payload?
    }

    init(
        number: Int, name: String, behaviour: CalleeBehaviour, serializer: Serializer,
        report: @escaping @Sendable (Callee, Event) -> Void
    ) {
        self.number = number
        self.name = name
        self.behaviour = behaviour
        self.report = report
        ownName = Payload(args: [.string(name)], as: serializer)
        state = Mutex(
            State(
                gate: InvocationGate(
                    limit: behaviour.concurrency, queueLimit: behaviour.queueLimit)))
    }

    var figures: Figures { state.withLock { $0.figures } }

    var isIdle: Bool { state.withLock { $0.gate.isIdle } }

    /// Invocations that have not been answered.
    var outstanding: Int { state.withLock { $0.gate.running + $0.gate.waitingCount } }

    /// Takes an invocation, on the event loop. One in several parts is answered when the last has
    /// come.
    func received(_ request: InvocationRequest) {
        let (arrival, admission) = state.withLock { state in
            state.arrivals += 1
            let arrival = Arrival(request: request, count: state.arrivals, moment: .now)
            return (arrival, state.gate.arrived(arrival))
        }
        switch admission {
        case .serve: serve(arrival)
        case .wait: break
        case .refuse: refuse(arrival)
        }
    }

    /// Answers in a way that lets the router ask somebody else.
    private func refuse(_ arrival: Arrival) {
        arrival.request.fail(.unavailable, args: ["the queue is full"])
        record(arrival, error: .unavailable, payload: Payload())
    }

    private func serve(_ arrival: Arrival) {
        var arrival = arrival
        while true {
            let hangs =
                behaviour.hangRate > 0 && Double.random(in: 0..<1) < behaviour.hangRate
            if !hangs, arrival.request.isProgressive {
                serveParts(arrival)
                return
            }
            if !hangs, behaviour.delay.upperBound > .zero {
                serveLater(arrival)
                return
            }
            // One that is never answered takes no place.
            if !hangs { answer(arrival) }
            guard let next = state.withLock({ $0.gate.answered() }) else { break }
            arrival = next
        }
        if isIdle { report(self, .idle) }
    }

    private func serveLater(_ arrival: Arrival) {
        let task = Task {
            do {
                try await Task.sleep(for: delay)
                answer(arrival)
            } catch {
                arrival.request.fail(.canceled)
                record(arrival, error: .canceled, payload: Payload())
            }
            finished()
        }
        arrival.request.onInterrupt { task.cancel() }
    }

    /// Answers with the last part; the parts before it are echoed, if that is wanted.
    private func serveParts(_ arrival: Arrival) {
        let parts = arrival.request.parts
        Task {
            var last = arrival
            for await part in parts {
                last.payload = part.payload
                if part.isLast { break }
                if behaviour.isProgressive, behaviour.answer.isEcho {
                    arrival.request.progress(payload: part.payload)
                }
            }
            try? await Task.sleep(for: delay)
            if arrival.request.isInterrupted {
                arrival.request.fail(.canceled)
                record(arrival, error: .canceled, payload: Payload())
            } else {
                answer(last)
            }
            finished()
        }
    }

    /// How long an answer waits.
    private var delay: Duration {
        let span = behaviour.delay.lowerBound.nanoseconds...behaviour.delay.upperBound.nanoseconds
        return .nanoseconds(Int64.random(in: span))
    }

    /// One has been answered in a task of its own.
    private func finished() {
        if let next = state.withLock({ $0.gate.answered() }) {
            serve(next)
        } else if isIdle {
            report(self, .idle)
        }
    }

    private func answer(_ arrival: Arrival) {
        let request = arrival.request
        if behaviour.failRate > 0, Double.random(in: 0..<1) < behaviour.failRate {
            request.fail(behaviour.failError, args: ["injected failure"])
            record(arrival, error: behaviour.failError, payload: Payload())
            return
        }
        let payload: Payload =
            switch behaviour.answer {
            case .whoami: ownName
            case .echo: arrival.payload ?? request.payload
            case .fixed(let payload): payload
            }
        if behaviour.isProgressive, request.receivesProgress, let values = try? payload.values() {
            for value in values.args { request.progress(args: [value]) }
        }
        request.reply(payload: payload)
        record(arrival, error: nil, payload: payload)
    }

    private func record(_ arrival: Arrival, error: ErrorURI?, payload: Payload) {
        let duration = arrival.moment.duration(to: .now)
        state.withLock { state in
            state.figures.invocations += 1
            state.figures.total += duration
            if error != nil { state.figures.errors += 1 }
        }
        report(
            self,
            .answered(
                Invocation(
                    request: arrival.request, count: arrival.count, duration: duration,
                    error: error, payload: payload)))
    }
}
