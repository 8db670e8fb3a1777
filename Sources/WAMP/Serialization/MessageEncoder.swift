// The envelopes of all messages, written once for every serializer. Keys stand in the order of the
// fields in the options structures, then those without a field as they came; what is absent or at
// its default is not written.

import NIOCore

enum MessageEncoder<Writer: ItemWriter> {
    /// Writes a message up to where its payload begins.
    /// - Parameter shape: of the payload that will follow.
    static func envelope(
        _ message: Message, shape: Payload.Shape, into writer: inout ByteWriter
    ) {
        switch message {
        case .call(let call):
            open(.call, elements: 4, shape, into: &writer)
            id(call.request, into: &writer)
            options(call.options, into: &writer)
            uri(call.procedure, into: &writer)
        case .invocation(let invocation):
            open(.invocation, elements: 4, shape, into: &writer)
            id(invocation.request, into: &writer)
            id(invocation.registration, into: &writer)
            details(invocation.details, into: &writer)
        case .yield(let yield):
            open(.yield, elements: 3, shape, into: &writer)
            id(yield.request, into: &writer)
            outcome(yield.options, into: &writer)
        case .result(let result):
            open(.result, elements: 3, shape, into: &writer)
            id(result.request, into: &writer)
            outcome(result.details, into: &writer)
        case .event(let event):
            open(.event, elements: 4, shape, into: &writer)
            id(event.subscription, into: &writer)
            id(event.publication, into: &writer)
            details(event.details, into: &writer)
        case .publish(let publish):
            open(.publish, elements: 4, shape, into: &writer)
            id(publish.request, into: &writer)
            options(publish.options, into: &writer)
            uri(publish.topic, into: &writer)
        case .error(let error):
            open(.error, elements: 5, shape, into: &writer)
            Writer.separate(into: &writer)
            Writer.unsigned(UInt64(error.requestType.rawValue), into: &writer)
            id(error.request, into: &writer)
            outcome(error.details, into: &writer)
            text(error.error.rawValue, into: &writer)
        case .abort(let abort):
            open(.abort, elements: 3, shape, into: &writer)
            dictionary(abort.details, into: &writer)
            text(abort.reason.rawValue, into: &writer)
        default:
            withoutPayload(message, into: &writer)
        }
        if shape != .empty { Writer.separate(into: &writer) }
    }

    /// Writes an envelope up to where the payload passed on begins.
    @inline(never)
    static func envelope(
        _ envelope: Envelope, _ shape: Payload.Shape, into writer: inout ByteWriter
    ) {
        switch envelope {
        case .invocation(let request, let registration):
            open(.invocation, elements: 4, shape, into: &writer)
            id(request, into: &writer)
            id(registration, into: &writer)
            Writer.separate(into: &writer)
            let mark = Writer.open(isDictionary: true, count: 0, into: &writer)
            Writer.close(isDictionary: true, mark: mark, announced: 0, count: 0, into: &writer)
        case .result(let request, let details):
            open(.result, elements: 3, shape, into: &writer)
            id(request, into: &writer)
            writer.append(details)
        }
        if shape != .empty { Writer.separate(into: &writer) }
    }

    /// The messages that carry no payload.
    @inline(never)
    private static func withoutPayload(_ message: Message, into writer: inout ByteWriter) {
        switch message {
        case .hello(let hello):
            open(.hello, elements: 3, .empty, into: &writer)
            uri(hello.realm, into: &writer)
            dictionary(hello.details, into: &writer)
        case .welcome(let welcome):
            open(.welcome, elements: 3, .empty, into: &writer)
            id(welcome.session, into: &writer)
            dictionary(welcome.details, into: &writer)
        case .challenge(let challenge):
            open(.challenge, elements: 3, .empty, into: &writer)
            text(challenge.method, into: &writer)
            dictionary(challenge.extra, into: &writer)
        case .authenticate(let authenticate):
            open(.authenticate, elements: 3, .empty, into: &writer)
            text(authenticate.signature, into: &writer)
            dictionary(authenticate.extra, into: &writer)
        case .goodbye(let goodbye):
            open(.goodbye, elements: 3, .empty, into: &writer)
            dictionary(goodbye.details, into: &writer)
            text(goodbye.reason.rawValue, into: &writer)
        case .published(let published):
            open(.published, elements: 3, .empty, into: &writer)
            id(published.request, into: &writer)
            id(published.publication, into: &writer)
        case .subscribe(let subscribe):
            open(.subscribe, elements: 4, .empty, into: &writer)
            id(subscribe.request, into: &writer)
            options(subscribe.options, into: &writer)
            uri(subscribe.topic, into: &writer)
        case .subscribed(let subscribed):
            open(.subscribed, elements: 3, .empty, into: &writer)
            id(subscribed.request, into: &writer)
            id(subscribed.subscription, into: &writer)
        case .unsubscribe(let unsubscribe):
            open(.unsubscribe, elements: 3, .empty, into: &writer)
            id(unsubscribe.request, into: &writer)
            id(unsubscribe.subscription, into: &writer)
        case .unsubscribed(let unsubscribed):
            revocable(
                .unsubscribed, unsubscribed.request, unsubscribed.details, into: &writer)
        case .eventReceived(let received):
            open(.eventReceived, elements: 2, .empty, into: &writer)
            id(received.publication, into: &writer)
        case .cancel(let cancel):
            open(.cancel, elements: 3, .empty, into: &writer)
            id(cancel.request, into: &writer)
            mode(cancel.mode, cancel.custom, into: &writer)
        case .interrupt(let interrupt):
            open(.interrupt, elements: 3, .empty, into: &writer)
            id(interrupt.request, into: &writer)
            mode(interrupt.mode, interrupt.custom, into: &writer)
        case .register(let register):
            open(.register, elements: 4, .empty, into: &writer)
            id(register.request, into: &writer)
            options(register.options, into: &writer)
            uri(register.procedure, into: &writer)
        case .registered(let registered):
            open(.registered, elements: 3, .empty, into: &writer)
            id(registered.request, into: &writer)
            id(registered.registration, into: &writer)
        case .unregister(let unregister):
            open(.unregister, elements: 3, .empty, into: &writer)
            id(unregister.request, into: &writer)
            id(unregister.registration, into: &writer)
        case .unregistered(let unregistered):
            revocable(
                .unregistered, unregistered.request, unregistered.details, into: &writer)
        case .call, .invocation, .yield, .result, .event, .publish, .error, .abort:
            // Written by `envelope`, which is this function's only caller.
            break
        }
    }
}

// Elements. All but the first are preceded by what separates them.
extension MessageEncoder {
    /// Writes the head of the message list and the type code.
    /// - Parameter elements: how many the message has without its payload.
    @inline(__always)
    private static func open(
        _ code: MessageCode, elements: Int, _ shape: Payload.Shape, into writer: inout ByteWriter
    ) {
        let tail =
            switch shape {
            // Nobody is ever sent a broken one.
            case .empty, .broken: 0
            case .arguments, .opaque: 1
            case .argumentsAndKeywords: 2
            }
        _ = Writer.open(isDictionary: false, count: elements + tail, into: &writer)
        Writer.unsigned(UInt64(code.rawValue), into: &writer)
    }

    @inline(__always)
    private static func id(_ id: some WAMPIdentifier, into writer: inout ByteWriter) {
        Writer.separate(into: &writer)
        Writer.unsigned(id.rawValue, into: &writer)
    }

    @inline(__always)
    private static func uri(_ uri: URI, into writer: inout ByteWriter) {
        Writer.separate(into: &writer)
        value(uri, into: &writer)
    }

    @inline(__always)
    private static func value(_ uri: URI, into writer: inout ByteWriter) {
        uri.withBytes { Writer.text($0.bindMemory(to: UInt8.self), into: &writer) }
    }

    private static func text(_ string: String, into writer: inout ByteWriter) {
        Writer.separate(into: &writer)
        Writer.text(string, into: &writer)
    }

    private static func dictionary(
        _ dictionary: Value.Dictionary, into writer: inout ByteWriter
    ) {
        Writer.separate(into: &writer)
        Writer.dictionary(dictionary, into: &writer)
    }

    private static func revocable(
        _ code: MessageCode, _ request: RequestID?, _ details: Value.Dictionary,
        into writer: inout ByteWriter
    ) {
        open(code, elements: request == nil ? 3 : 2, .empty, into: &writer)
        id(request ?? RequestID(0), into: &writer)
        if request == nil { dictionary(details, into: &writer) }
    }
}

// Options and details.
extension MessageEncoder {
    /// Writes a dictionary: what `fields` writes with `key`, then `custom`.
    /// - Parameter count: how many keys `fields` writes.
    @inline(__always)
    private static func entries(
        count fieldCount: Int, _ custom: Value.Dictionary, into writer: inout ByteWriter,
        fields: (inout ByteWriter) -> Void
    ) {
        Writer.separate(into: &writer)
        let count = fieldCount + custom.count
        let mark = Writer.open(isDictionary: true, count: count, into: &writer)
        if count > 0 {
            if fieldCount > 0 { fields(&writer) }
            if !custom.isEmpty {
                if fieldCount > 0 { Writer.separate(into: &writer) }
                self.custom(custom, into: &writer)
            }
        }
        Writer.close(isDictionary: true, mark: mark, announced: count, count: count, into: &writer)
    }

    @inline(never)
    private static func custom(_ custom: Value.Dictionary, into writer: inout ByteWriter) {
        for (index, entry) in custom.entries.enumerated() {
            if index > 0 { Writer.separate(into: &writer) }
            Writer.text(entry.key, into: &writer)
            Writer.afterKey(into: &writer)
            Writer.value(entry.value, into: &writer)
        }
    }

    /// Writes a key, and what separates it from the entry before it.
    @inline(__always)
    private static func key(
        _ key: StaticString, _ isFirst: inout Bool, into writer: inout ByteWriter
    ) {
        if !isFirst { Writer.separate(into: &writer) }
        isFirst = false
        Writer.word(key, into: &writer)
        Writer.afterKey(into: &writer)
    }

    @inline(__always)
    private static func options(_ options: CallOptions, into writer: inout ByteWriter) {
        let count =
            (options.timeout > 0 ? 1 : 0) + (options.progress ? 1 : 0)
            + (options.receiveProgress ? 1 : 0)
        entries(count: count, options.custom, into: &writer) { writer in
            var isFirst = true
            if options.timeout > 0 {
                key("timeout", &isFirst, into: &writer)
                Writer.unsigned(options.timeout, into: &writer)
            }
            if options.progress {
                key("progress", &isFirst, into: &writer)
                Writer.bool(true, into: &writer)
            }
            if options.receiveProgress {
                key("receive_progress", &isFirst, into: &writer)
                Writer.bool(true, into: &writer)
            }
        }
    }

    @inline(__always)
    private static func details(_ details: InvocationDetails, into writer: inout ByteWriter) {
        let count = (details.procedure == nil ? 0 : 1) + (details.timeout > 0 ? 1 : 0)
        entries(count: count, details.custom, into: &writer) { writer in
            var isFirst = true
            if let procedure = details.procedure {
                key("procedure", &isFirst, into: &writer)
                value(procedure, into: &writer)
            }
            if details.timeout > 0 {
                key("timeout", &isFirst, into: &writer)
                Writer.unsigned(details.timeout, into: &writer)
            }
        }
    }

    /// Writes the details of a RESULT or ERROR, or the options of a YIELD, and what separates them
    /// from the element before.
    @inline(__always)
    static func outcome(_ details: OutcomeDetails, into writer: inout ByteWriter) {
        let callee = details.callee
        var count = details.progress ? 1 : 0
        if let callee {
            count += 1 + (callee.authid == nil ? 0 : 1) + (callee.authrole == nil ? 0 : 1)
        }
        entries(count: count, details.custom, into: &writer) { writer in
            var isFirst = true
            if details.progress {
                key("progress", &isFirst, into: &writer)
                Writer.bool(true, into: &writer)
            }
            guard let callee else { return }
            key("callee", &isFirst, into: &writer)
            Writer.unsigned(callee.session.rawValue, into: &writer)
            if let authid = callee.authid {
                key("callee_authid", &isFirst, into: &writer)
                Writer.text(authid, into: &writer)
            }
            if let authrole = callee.authrole {
                key("callee_authrole", &isFirst, into: &writer)
                Writer.text(authrole, into: &writer)
            }
        }
    }

    @inline(__always)
    private static func details(_ details: EventDetails, into writer: inout ByteWriter) {
        entries(count: details.topic == nil ? 0 : 1, details.custom, into: &writer) { writer in
            guard let topic = details.topic else { return }
            var isFirst = true
            key("topic", &isFirst, into: &writer)
            value(topic, into: &writer)
        }
    }

    private static func options(_ options: PublishOptions, into writer: inout ByteWriter) {
        let count = (options.acknowledge ? 1 : 0) + (options.excludeMe ? 0 : 1)
        entries(count: count, options.custom, into: &writer) { writer in
            var isFirst = true
            if options.acknowledge {
                key("acknowledge", &isFirst, into: &writer)
                Writer.bool(true, into: &writer)
            }
            if !options.excludeMe {
                key("exclude_me", &isFirst, into: &writer)
                Writer.bool(false, into: &writer)
            }
        }
    }

    private static func options(_ options: SubscribeOptions, into writer: inout ByteWriter) {
        let isNamed = options.match != .exact
        entries(count: isNamed ? 1 : 0, options.custom, into: &writer) { writer in
            var isFirst = true
            key("match", &isFirst, into: &writer)
            Writer.text(options.match.rawValue, into: &writer)
        }
    }

    private static func options(_ options: RegisterOptions, into writer: inout ByteWriter) {
        let isNamed = options.match != .exact
        let count =
            (isNamed ? 1 : 0) + (options.invoke == nil ? 0 : 1) + (options.retryOnLoss ? 1 : 0)
        entries(count: count, options.custom, into: &writer) { writer in
            var isFirst = true
            if isNamed {
                key("match", &isFirst, into: &writer)
                Writer.text(options.match.rawValue, into: &writer)
            }
            if let invoke = options.invoke {
                key("invoke", &isFirst, into: &writer)
                Writer.text(invoke, into: &writer)
            }
            if options.retryOnLoss {
                key("_retry_on_loss", &isFirst, into: &writer)
                Writer.bool(true, into: &writer)
            }
        }
    }

    private static func mode(
        _ mode: CancelMode?, _ custom: Value.Dictionary, into writer: inout ByteWriter
    ) {
        entries(count: mode == nil ? 0 : 1, custom, into: &writer) { writer in
            guard let mode else { return }
            var isFirst = true
            key("mode", &isFirst, into: &writer)
            Writer.text(mode.rawValue, into: &writer)
        }
    }
}

extension Hello {
    /// As HELLO.Details is written.
    fileprivate var details: Value.Dictionary {
        var details: Value.Dictionary = ["roles": .dictionary(roles.details)]
        if let agent { details.append("agent", .string(agent)) }
        if !authmethods.isEmpty {
            details.append("authmethods", .list(authmethods.map { .string($0) }))
        }
        if let authid { details.append("authid", .string(authid)) }
        if let authrole { details.append("authrole", .string(authrole)) }
        if let authextra { details.append("authextra", .dictionary(authextra)) }
        return details
    }
}
