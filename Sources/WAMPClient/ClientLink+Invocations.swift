// The callee's side of a client's link: invocations on their way to those who answer them, and the
// answers on their way back.

import NIOCore
import WAMP
import WAMPTransport

extension ClientLink {
    func invoke(_ invocation: Invocation, _ responder: Responder) {
        if let flaw = invocation.payload.flaw {
            return fail(invocation.request, .invalidPayload, flaw)
        }
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
            if let flaw = invocation.payload.flaw {
                request.interrupt()
                request.fail(.invalidPayload, args: [.string(flaw)])
                return true
            }
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
        if case .progress = answer {
            if request.timeout > 0 { limit(request) }
            if let (uri, sentence) = send(answer, to: request.id) {
                request.fail(uri, args: sentence.map { [.string($0)] } ?? [])
            }
            return
        }
        invocations[request.id] = nil
        if request.isProgressive { open.answered(request.id) }
        if request.timeout > 0 { limits.removeValue(forKey: request.id)?.cancel() }
        if let (uri, sentence) = send(answer, to: request.id) { fail(request.id, uri, sentence) }
    }

    private func fail(_ request: RequestID, _ uri: ErrorURI, _ sentence: String?) {
        let payload = Payload(args: sentence.map { [.string($0)] } ?? [], as: serializer)
        send(.error(ErrorMessage(.invocation, request: request, error: uri, payload: payload)))
    }

    /// - Returns: why an answer cannot be sent; nil if it was, or nothing can be sent any more.
    private func send(
        _ answer: InvocationRequest.Answer, to request: RequestID
    ) -> (ErrorURI, String?)? {
        do throws(TranscodingError) {
            guard send(try message(answer, to: request)) == .tooLarge else { return nil }
            return (.payloadSizeExceeded, nil)
        } catch {
            switch error {
            case .tooManyElements: return (.payloadSizeExceeded, error.description)
            case .invalid(let sentence): return (.invalidPayload, sentence)
            }
        }
    }

    private func message(
        _ answer: InvocationRequest.Answer, to request: RequestID
    ) throws(TranscodingError) -> Message {
        switch answer {
        case .progress(let payload, let options):
            let details = OutcomeDetails(progress: true, custom: options)
            let payload = try payload.transcoded(to: serializer)
            return .yield(Yield(request: request, options: details, payload: payload))
        case .yield(let payload, let options):
            let details = OutcomeDetails(custom: options)
            let payload = try payload.transcoded(to: serializer)
            return .yield(Yield(request: request, options: details, payload: payload))
        case .error(let uri, let payload, let details):
            let payload = try payload.transcoded(to: serializer)
            return .error(
                ErrorMessage(
                    .invocation, request: request, details: OutcomeDetails(custom: details),
                    error: uri, payload: payload))
        }
    }
}
