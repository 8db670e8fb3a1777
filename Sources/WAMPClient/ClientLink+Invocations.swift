// The callee's side of a client's link: invocations on their way to those who answer them, and the
// answers on their way back.

import NIOCore
import WAMP
import WAMPTransport

extension ClientLink {
    func invoke(_ invocation: Invocation, _ responder: Responder) {
        let request = InvocationRequest(invocation) { [weak self] request, answer in
            self?.submit { $0.answer(request, answer) }
        }
        invocations[invocation.request] = request
        if request.isProgressive { open.add(request) }
        if request.timeout > 0 { limit(request) }
        responder.respond(request)
    }

    /// Whether it is a part of an invocation that came before, which takes it then.
    func isContinuing(_ invocation: Invocation) -> Bool {
        let isLast = !invocation.details.custom.isOn("progress")
        switch open.continuation(invocation.request, isLast: isLast) {
        case nil: return false
        case .late: return true
        case .part(let request):
            if request.timeout > 0 { limit(request) }
            request.received(CallPart(payload: invocation.payload, isLast: isLast))
            return true
        }
    }

    /// Starts the time that an invocation has; that of a progressive one is between its messages.
    private func limit(_ request: InvocationRequest) {
        let limit = Duration.milliseconds(Int64(clamping: request.timeout))
        limits[request.id]?.cancel()
        limits[request.id] = loop.eventLoop.scheduleTask(in: TimeAmount(limit: limit)) {
            request.expire()
        }
    }

    private func answer(_ request: InvocationRequest, _ answer: InvocationRequest.Answer) {
        guard state == .joined, invocations[request.id] === request else { return }
        if case .progress(let payload, let options) = answer {
            progress(request, payload, options)
            return
        }
        invocations[request.id] = nil
        if request.isProgressive { open.answered(request.id) }
        if request.timeout > 0 { limits.removeValue(forKey: request.id)?.cancel() }
        let result =
            switch answer {
            case .yield(let payload, let options), .progress(let payload, let options):
                yield(request.id, payload, OutcomeDetails(custom: options))
            case .error(let uri, let payload, let details):
                transcoded(payload).map {
                    send(
                        .error(
                            ErrorMessage(
                                .invocation, request: request.id,
                                details: OutcomeDetails(custom: details), error: uri, payload: $0)))
                }
            }
        guard result == nil || result == .tooLarge else { return }
        send(
            .error(
                ErrorMessage(.invocation, request: request.id, error: .payloadSizeExceeded)))
    }

    private func progress(
        _ request: InvocationRequest, _ payload: Payload, _ options: Value.Dictionary
    ) {
        if request.timeout > 0 { limit(request) }
        let details = OutcomeDetails(progress: true, custom: options)
        switch yield(request.id, payload, details) {
        case nil, .tooLarge?: request.fail(.payloadSizeExceeded)
        case .queued?, .full?, .closed?: break
        }
    }

    private func yield(
        _ request: RequestID, _ payload: Payload, _ options: OutcomeDetails
    ) -> SendResult? {
        transcoded(payload).map {
            send(.yield(Yield(request: request, options: options, payload: $0)))
        }
    }

    private func transcoded(_ payload: Payload) -> Payload? {
        try? payload.transcoded(to: serializer)
    }
}
