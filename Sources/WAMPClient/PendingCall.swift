// A call between its task and the loop: its time limit, its parts, its results ahead of the last.

import NIOCore
import WAMP
import WAMPTransport

/// One call under way.
// Unchecked: on the loop only.
final class PendingCall: @unchecked Sendable {
    private let timeout: Duration?
    /// The router keeps the limit; ours only guards against one that does not answer.
    private let grace: Bool
    private let cancelMode: CancelMode
    private let onProgress: (@Sendable (CallResult) -> Void)?
    private var request: RequestID?
    private var isCanceled = false
    private var timer: Scheduled<Void>?

    private static let graceTime = TimeAmount.seconds(1)

    init(
        timeout: Duration?, grace: Bool, cancelMode: CancelMode,
        onProgress: (@Sendable (CallResult) -> Void)?
    ) {
        self.timeout = timeout
        self.grace = grace
        self.cancelMode = cancelMode
        self.onProgress = onProgress
    }

    func send(_ call: Call, on link: ClientLink, _ done: @escaping ClientLink.Waiter) {
        // The cancellation may come first.
        guard !isCanceled else {
            done(.failure(.canceled))
            return
        }
        let waiter: ClientLink.Waiter = { [weak link] outcome in
            if case .success(.result(let result)) = outcome, result.details.progress {
                if let link { self.progress(result, link) }
                return
            }
            self.timer?.cancel()
            self.timer = nil
            done(outcome)
        }
        let receivesProgress = onProgress != nil
        request = link.request(waiter) {
            $0.call(waiter, receivesProgress: receivesProgress)
        } make: { id in
            var call = call
            call.request = id
            if receivesProgress { call.options.receiveProgress = true }
            return .call(call)
        }
        startTimer(link)
    }

    /// Sends a further part, unless the call has ended.
    func send(part call: Call, on link: ClientLink) {
        guard let request else { return }
        var call = call
        call.request = request
        if onProgress != nil { call.options.receiveProgress = true }
        if timer != nil { startTimer(link) }
        link.send(partOf: request, call)
    }

    /// - Parameter isAnswered: whether the router answers CANCEL. If not, the call ends here.
    func cancel(_ mode: CancelMode, on link: ClientLink, isAnswered: Bool) {
        isCanceled = true
        guard let request else { return }
        if isAnswered {
            link.cancel(request, mode)
        } else {
            link.giveUp(request, .canceled, mode: mode)
        }
    }

    private func progress(_ result: WAMP.Result, _ link: ClientLink) {
        startTimer(link)
        do throws(ClientError) {
            onProgress?(try CallResult(result))
        } catch {
            if let request { link.giveUp(request, error) }
        }
    }

    /// Gives the call up when the limit is over; counted again from each sign of progress.
    private func startTimer(_ link: ClientLink) {
        guard let timeout, let request else { return }
        timer?.cancel()
        // A callee that must not be interrupted is not, however late it is.
        let mode: CancelMode = cancelMode == .skip ? .skip : .killnowait
        let limit = TimeAmount(limit: timeout) + (grace ? PendingCall.graceTime : .zero)
        timer = link.loop.eventLoop.scheduleTask(in: limit) { [weak link] in
            link?.giveUp(request, .timeout, mode: mode)
        }
    }
}

extension TimeAmount {
    /// A limit on waiting. A year is as good as no limit, and no overflow.
    package init(limit: Duration) { self.init(min(limit, .seconds(31_536_000))) }
}
