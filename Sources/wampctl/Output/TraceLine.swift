// `--trace`: a message as one line, stable enough to search. Credentials never appear.

import WAMP

enum TraceLine {
    /// `12:00:01.204 > CALL 1 com.example.add2 [2,3]`.
    static func text(
        _ message: Message, payload: Payload, isSent: Bool, at time: WallMoment
    ) -> String {
        let words = [message.code.name] + fields(of: message) + arguments(payload)
        return Terminal.sanitized(
            "\(time.timeOfDay) \(isSent ? ">" : "<") \(words.joined(separator: " "))")
    }

    /// Ids, URIs and what else tells one message from the next, in the order of the wire.
    private static func fields(of message: Message) -> [String] {
        switch message {
        case .hello(let hello): ["\(hello.realm)"]
        case .welcome(let welcome): ["\(welcome.session)"]
        case .abort(let abort): ["\(abort.reason)"] + details(abort.details)
        case .challenge(let challenge): [challenge.method, "<redacted>"]
        case .authenticate: ["<redacted>"]
        case .goodbye(let goodbye): ["\(goodbye.reason)"]
        case .error(let error): [error.requestType.name, "\(error.request)", "\(error.error)"]
        case .publish(let publish): ["\(publish.request)", "\(publish.topic)"]
        case .published(let published): ["\(published.request)", "\(published.publication)"]
        case .subscribe(let subscribe): ["\(subscribe.request)", "\(subscribe.topic)"]
        case .subscribed(let subscribed): ["\(subscribed.request)", "\(subscribed.subscription)"]
        case .unsubscribe(let message): ["\(message.request)", "\(message.subscription)"]
        case .unsubscribed(let message):
            ["\(message.request?.rawValue ?? 0)"] + details(message.details)
        case .event(let event): ["\(event.subscription)", "\(event.publication)"]
        case .eventReceived(let message): ["\(message.publication)"]
        case .call(let call): ["\(call.request)", "\(call.procedure)"]
        case .cancel(let cancel): ["\(cancel.request)"] + mode(cancel.mode)
        case .result(let result): ["\(result.request)"]
        case .register(let register):
            ["\(register.request)", "\(register.procedure)"]
                + (register.options.invoke.map { ["invoke=\($0)"] } ?? [])
        case .registered(let registered): ["\(registered.request)", "\(registered.registration)"]
        case .unregister(let message): ["\(message.request)", "\(message.registration)"]
        case .unregistered(let message):
            ["\(message.request?.rawValue ?? 0)"] + details(message.details)
        case .invocation(let invocation): ["\(invocation.request)", "\(invocation.registration)"]
        case .interrupt(let interrupt): ["\(interrupt.request)"] + mode(interrupt.mode)
        case .yield(let yield): ["\(yield.request)"]
        }
    }

    private static func details(_ details: Value.Dictionary) -> [String] {
        details.isEmpty ? [] : [JSONText.text(.dictionary(details))]
    }

    private static func mode(_ mode: CancelMode?) -> [String] { mode.map { [$0.rawValue] } ?? [] }

    private static func arguments(_ payload: Payload) -> [String] {
        guard !payload.isEmpty, let (args, kwargs) = try? payload.values() else { return [] }
        let list = JSONText.text(.list(args))
        return kwargs.isEmpty ? [list] : [list, JSONText.text(.dictionary(kwargs))]
    }
}
