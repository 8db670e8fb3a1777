// From bytes to messages: the shapes of all messages, written once for every serializer.
//
// Nothing here decodes a payload: it is passed with its whole grammar checked, and handed on as a slice of the frame.

import NIOCore

/// Takes one message apart, element by element.
struct MessageDecoder<Reader: ItemReader> {
    private var reader: Reader
    private let frame: ByteBuffer
    private let serializer: Serializer
    private var members = Members(remaining: 0, isDictionary: false)
    private var code = MessageCode.hello
    /// Whether the end of the message list was passed.
    private var isClosed = false
    /// Whether the options name an algorithm that encrypted the payload.
    private var isPayloadOpaque = false

    init(_ reader: Reader, frame: ByteBuffer, serializer: Serializer) {
        self.reader = reader
        self.frame = frame
        self.serializer = serializer
    }

    mutating func decode() throws(Malformed) -> Message {
        guard let list = try reader.openList() else { throw .message("a message must be a list") }
        members = list
        guard try reader.next(&members) else { throw .message("a message must not be empty") }
        guard let number = try reader.unsigned() else {
            throw .message("a message must begin with its type code")
        }
        guard let code = UInt16(exactly: number).flatMap(MessageCode.init(rawValue:)) else {
            throw .message("no message has the type code \(number)")
        }
        self.code = code
        let message = try message(code)
        if !isClosed, try reader.next(&members) {
            throw .message("\(code.name) has too many elements")
        }
        guard reader.isAtEnd() else { throw .message("bytes follow after the \(code.name)") }
        return message
    }

    private mutating func message(_ code: MessageCode) throws(Malformed) -> Message {
        switch code {
        case .call:
            let request = RequestID(try id("Request"))
            let options = try callOptions()
            let procedure = try uri("Procedure")
            return .call(
                Call(
                    request: request, options: options, procedure: procedure,
                    payload: try payload()))
        case .invocation:
            let request = RequestID(try id("Request"))
            let registration = RegistrationID(try id("Registration"))
            let details = try invocationDetails()
            return .invocation(
                Invocation(
                    request: request, registration: registration, details: details,
                    payload: try payload()))
        case .yield:
            let request = RequestID(try id("Request"))
            let options = try outcomeDetails("Options")
            return .yield(Yield(request: request, options: options, payload: try payload()))
        case .result:
            let request = RequestID(try id("Request"))
            let details = try outcomeDetails("Details")
            return .result(Result(request: request, details: details, payload: try payload()))
        case .event:
            let subscription = SubscriptionID(try id("Subscription"))
            let publication = PublicationID(try id("Publication"))
            let details = try eventDetails()
            return .event(
                Event(
                    subscription: subscription, publication: publication, details: details,
                    payload: try payload()))
        case .publish:
            let request = RequestID(try id("Request"))
            let options = try publishOptions()
            let topic = try uri("Topic")
            return .publish(
                Publish(request: request, options: options, topic: topic, payload: try payload()))
        case .error: return .error(try error())
        default: return try coldMessage(code)
        }
    }

    /// The messages that no stream of calls or events is made of.
    @inline(never)
    private mutating func coldMessage(_ code: MessageCode) throws(Malformed) -> Message {
        switch code {
        case .hello:
            let realm = try uri("Realm")
            return .hello(try hello(realm))
        case .welcome:
            let session = SessionID(try id("Session"))
            return .welcome(Welcome(session: session, details: try details("Details")))
        case .abort:
            let details = try details("Details")
            let reason = ErrorURI(try string("Reason"))
            return .abort(Abort(details: details, reason: reason, payload: try payload()))
        case .challenge:
            let method = try string("AuthMethod")
            return .challenge(Challenge(method: method, extra: try details("Extra")))
        case .authenticate:
            let signature = try string("Signature")
            return .authenticate(
                Authenticate(signature: signature, extra: try details("Extra")))
        case .goodbye:
            let details = try details("Details")
            return .goodbye(Goodbye(details: details, reason: ErrorURI(try string("Reason"))))
        case .published:
            let request = RequestID(try id("Request"))
            return .published(
                Published(request: request, publication: PublicationID(try id("Publication"))))
        case .subscribe:
            let request = RequestID(try id("Request"))
            let options = try subscribeOptions()
            return .subscribe(
                Subscribe(request: request, options: options, topic: try uri("Topic")))
        case .subscribed:
            let request = RequestID(try id("Request"))
            return .subscribed(
                Subscribed(request: request, subscription: SubscriptionID(try id("Subscription"))))
        case .unsubscribe:
            let request = RequestID(try id("Request"))
            return .unsubscribe(
                Unsubscribe(
                    request: request, subscription: SubscriptionID(try id("Subscription"))))
        case .unsubscribed:
            let (request, details) = try revocable()
            return .unsubscribed(Unsubscribed(request: request, details: details))
        case .eventReceived:
            return .eventReceived(
                EventReceived(publication: PublicationID(try id("Publication"))))
        case .cancel:
            var cancel = Cancel(request: RequestID(try id("Request")))
            (cancel.mode, cancel.custom) = try cancelMode()
            return .cancel(cancel)
        case .interrupt:
            var interrupt = Interrupt(request: RequestID(try id("Request")))
            (interrupt.mode, interrupt.custom) = try cancelMode()
            return .interrupt(interrupt)
        case .register:
            let request = RequestID(try id("Request"))
            let options = try registerOptions()
            return .register(
                Register(request: request, options: options, procedure: try uri("Procedure")))
        case .registered:
            let request = RequestID(try id("Request"))
            return .registered(
                Registered(request: request, registration: RegistrationID(try id("Registration"))))
        case .unregister:
            let request = RequestID(try id("Request"))
            return .unregister(
                Unregister(request: request, registration: RegistrationID(try id("Registration"))))
        case .unregistered:
            let (request, details) = try revocable()
            return .unregistered(Unregistered(request: request, details: details))
        default:
            throw .message("no message has the type code \(code.rawValue)")
        }
    }

    private mutating func error() throws(Malformed) -> ErrorMessage {
        try element("Request Type")
        guard let number = try reader.unsigned(),
            let type = UInt16(exactly: number).flatMap(MessageCode.init(rawValue:)), type.isRequest
        else { throw .message("ERROR.Request Type must be the type code of a request") }
        let request = RequestID(try id("Request"))
        let details = try outcomeDetails("Details")
        let error = ErrorURI(try string("Error"))
        return ErrorMessage(
            type, request: request, details: details, error: error, payload: try payload())
    }

    /// The elements of UNREGISTERED and UNSUBSCRIBED: request 0 and details, or a request alone.
    private mutating func revocable() throws(Malformed) -> (RequestID?, Value.Dictionary) {
        try element("Request")
        guard let number = try reader.unsigned(), number <= RequestID.largest else {
            throw fault("Request", "must be an id from 0 to 2^53")
        }
        if number > 0 { return (RequestID(number), [:]) }
        return (nil, try details("Details"))
    }
}

// Elements.
extension MessageDecoder {
    @inline(never)
    private func fault(_ element: StaticString, _ claim: StaticString) -> Malformed {
        .message("\(code.name).\(element) \(claim)")
    }

    /// Goes to the next element, which must be there.
    @inline(__always)
    private mutating func element(_ name: StaticString) throws(Malformed) {
        guard try reader.next(&members) else { throw fault(name, "is missing") }
    }

    @inline(__always)
    private mutating func id(_ name: StaticString) throws(Malformed) -> UInt64 {
        try element(name)
        guard let id = try reader.unsigned(), id &- 1 < RequestID.largest else {
            throw fault(name, "must be an id from 1 to 2^53")
        }
        return id
    }

    @inline(__always)
    private mutating func uri(_ name: StaticString) throws(Malformed) -> URI {
        try element(name)
        guard let text = try reader.text() else { throw fault(name, "must be a string") }
        return uri(text)
    }

    /// A slice of the frame where the bytes are the URI's, a copy where they were escaped.
    @inline(__always)
    private func uri(_ text: Text) -> URI {
        if let decoded = text.decoded { return URI(ByteBuffer(bytes: decoded)) }
        return URI(slice(from: text.start - reader.start, count: text.count))
    }

    /// - Parameter offset: from the beginning of the frame's readable bytes.
    @inline(__always)
    private func slice(from offset: Int, count: Int) -> ByteBuffer {
        // The range was read from the frame, so the slice is always there.
        frame.getSlice(at: frame.readerIndex + offset, length: count) ?? ByteBuffer()
    }

    private mutating func string(_ name: StaticString) throws(Malformed) -> String {
        try element(name)
        guard let text = try reader.text() else { throw fault(name, "must be a string") }
        return text.string
    }

    /// Args and kwargs, if there are any, to the end of the message.
    @inline(__always)
    private mutating func payload() throws(Malformed) -> Payload {
        guard try reader.next(&members) else {
            isClosed = true
            return Payload()
        }
        switch try reader.kind() {
        case .list: break
        case .text, .binary:
            return try opaquePayload()
        default: throw fault("Arguments", "must be a list")
        }
        let start = reader.offset
        var shape = try reader.skipContainer() ? Payload.Shape.empty : .arguments
        var end = reader.offset
        guard try reader.next(&members) else {
            isClosed = true
            return payload(shape, from: start, to: end)
        }
        guard try reader.kind() == .dictionary else {
            throw fault("ArgumentsKw", "must be a dictionary")
        }
        if try !reader.skipContainer() {
            shape = .argumentsAndKeywords
            end = reader.offset
        }
        return payload(shape, from: start, to: end)
    }

    @inline(__always)
    private func payload(_ shape: Payload.Shape, from start: Int, to end: Int) -> Payload {
        if shape == .empty { return Payload() }
        return Payload(
            bytes: slice(from: start, count: end - start), serializer: serializer, shape: shape)
    }

    private mutating func opaquePayload() throws(Malformed) -> Payload {
        guard isPayloadOpaque else { throw fault("Arguments", "must be a list") }
        let start = reader.offset
        try reader.skip()
        return payload(.opaque, from: start, to: reader.offset)
    }
}

// Options and details.
extension MessageDecoder {
    /// Reads options or details: hands each key to `field`, which reads the value or returns false, in which case
    /// the value is checked against the table of the message and goes into `custom`.
    @inline(__always)
    private mutating func options(
        _ name: StaticString, custom: inout Value.Dictionary,
        field: (inout Self, Text) throws(Malformed) -> Bool
    ) throws(Malformed) {
        try element(name)
        guard var entries = try reader.openDictionary() else {
            throw fault(name, "must be a dictionary")
        }
        // The way of nearly every message: `{}`.
        guard try reader.next(&entries) else { return }
        var seen = SeenKeys()
        var budget = maximumElements
        repeat {
            let key = try reader.key()
            try seen.insert(key)
            if try field(&self, key) { continue }
            let name = key.string
            let value = try reader.value(uniqueKeys: true, budget: &budget)
            try code.optionTypes[name]?.check(value, key: name, in: code)
            if name == "enc_algo" { isPayloadOpaque = true }
            custom.append(name, value)
        } while try reader.next(&entries)
    }

    /// Reads options or details that have no fields.
    private mutating func details(_ name: StaticString) throws(Malformed) -> Value.Dictionary {
        var details = Value.Dictionary()
        try options(name, custom: &details) { _, _ in false }
        return details
    }

    private func wrong(_ key: StaticString, _ claim: StaticString) -> Malformed {
        .message("\(code.name) option \(key) must be \(claim)")
    }

    private mutating func bool(_ key: StaticString) throws(Malformed) -> Bool {
        guard try reader.kind() == .bool, case .bool(let value) = try reader.item() else {
            throw wrong(key, "a bool")
        }
        return value
    }

    private mutating func unsigned(_ key: StaticString) throws(Malformed) -> UInt64 {
        guard let value = try reader.unsigned() else {
            throw wrong(key, "an integer that is not negative")
        }
        return value
    }

    private mutating func text(_ key: StaticString) throws(Malformed) -> Text {
        guard let text = try reader.text() else { throw wrong(key, "a string") }
        return text
    }

    private mutating func match() throws(Malformed) -> MatchPolicy {
        guard let match = MatchPolicy(rawValue: try text("match").string) else {
            throw wrong("match", "\"exact\", \"prefix\" or \"wildcard\"")
        }
        return match
    }

    @inline(__always)
    private mutating func callOptions() throws(Malformed) -> CallOptions {
        var options = CallOptions()
        var custom = Value.Dictionary()
        try self.options("Options", custom: &custom) { decoder, key throws(Malformed) in
            if key == "timeout" {
                options.timeout = try decoder.unsigned("timeout")
            } else if key == "progress" {
                options.progress = try decoder.bool("progress")
            } else if key == "receive_progress" {
                options.receiveProgress = try decoder.bool("receive_progress")
            } else {
                return false
            }
            return true
        }
        options.custom = custom
        return options
    }

    @inline(__always)
    private mutating func invocationDetails() throws(Malformed) -> InvocationDetails {
        var details = InvocationDetails()
        var custom = Value.Dictionary()
        try options("Details", custom: &custom) { decoder, key throws(Malformed) in
            if key == "procedure" {
                details.procedure = decoder.uri(try decoder.text("procedure"))
            } else if key == "timeout" {
                details.timeout = try decoder.unsigned("timeout")
            } else {
                return false
            }
            return true
        }
        details.custom = custom
        return details
    }

    @inline(__always)
    private mutating func outcomeDetails(_ name: StaticString) throws(Malformed) -> OutcomeDetails {
        var details = OutcomeDetails()
        var custom = Value.Dictionary()
        var callee: UInt64?
        var authid: Text?
        var authrole: Text?
        try options(name, custom: &custom) { decoder, key throws(Malformed) in
            if key == "progress" {
                details.progress = try decoder.bool("progress")
            } else if key == "callee" {
                let id = try decoder.unsigned("callee")
                guard id &- 1 < SessionID.largest else {
                    throw decoder.wrong("callee", "an id from 1 to 2^53")
                }
                callee = id
            } else if key == "callee_authid" {
                authid = try decoder.text("callee_authid")
            } else if key == "callee_authrole" {
                authrole = try decoder.text("callee_authrole")
            } else {
                return false
            }
            return true
        }
        if let callee {
            details.callee = PeerIdentity(
                session: SessionID(callee), authid: authid?.string, authrole: authrole?.string)
        }
        details.custom = custom
        return details
    }

    @inline(__always)
    private mutating func eventDetails() throws(Malformed) -> EventDetails {
        var details = EventDetails()
        var custom = Value.Dictionary()
        try options("Details", custom: &custom) { decoder, key throws(Malformed) in
            guard key == "topic" else { return false }
            details.topic = decoder.uri(try decoder.text("topic"))
            return true
        }
        details.custom = custom
        return details
    }

    @inline(__always)
    private mutating func publishOptions() throws(Malformed) -> PublishOptions {
        var options = PublishOptions()
        var custom = Value.Dictionary()
        try self.options("Options", custom: &custom) { decoder, key throws(Malformed) in
            if key == "acknowledge" {
                options.acknowledge = try decoder.bool("acknowledge")
            } else if key == "exclude_me" {
                options.excludeMe = try decoder.bool("exclude_me")
            } else {
                return false
            }
            return true
        }
        options.custom = custom
        return options
    }

    private mutating func subscribeOptions() throws(Malformed) -> SubscribeOptions {
        var options = SubscribeOptions()
        var custom = Value.Dictionary()
        try self.options("Options", custom: &custom) { decoder, key throws(Malformed) in
            guard key == "match" else { return false }
            options.match = try decoder.match()
            return true
        }
        options.custom = custom
        return options
    }

    private mutating func registerOptions() throws(Malformed) -> RegisterOptions {
        var options = RegisterOptions()
        var custom = Value.Dictionary()
        try self.options("Options", custom: &custom) { decoder, key throws(Malformed) in
            if key == "match" {
                options.match = try decoder.match()
            } else if key == "invoke" {
                options.invoke = try decoder.text("invoke").string
            } else if key == "_retry_on_loss" {
                options.retryOnLoss = try decoder.bool("_retry_on_loss")
            } else {
                return false
            }
            return true
        }
        options.custom = custom
        return options
    }

    private mutating func cancelMode() throws(Malformed) -> (CancelMode?, Value.Dictionary) {
        var mode: CancelMode?
        var custom = Value.Dictionary()
        try options("Options", custom: &custom) { decoder, key throws(Malformed) in
            guard key == "mode" else { return false }
            mode = CancelMode(rawValue: try decoder.text("mode").string)
            guard mode != nil else {
                throw decoder.wrong("mode", "\"skip\", \"kill\" or \"killnowait\"")
            }
            return true
        }
        return (mode, custom)
    }

    /// HELLO's details. In place of what is absent, null is accepted; keys that are not known are dropped.
    private mutating func hello(_ realm: URI) throws(Malformed) -> Hello {
        let details = try details("Details")
        var hello = Hello(realm: realm, roles: Roles([:]))
        guard let roles = details["roles"] else { throw .message("HELLO option roles is missing") }
        guard let roles = roles.dictionary else { throw wrong("roles", "a dictionary") }
        do throws(ProtocolViolation) {
            hello.roles = try Roles(details: roles)
        } catch {
            throw .message("HELLO option \(error.description)")
        }
        guard !hello.roles.isEmpty else { throw .message("HELLO option roles names no role") }
        for (key, value) in details.entries where value != .null {
            switch key {
            case "agent", "authid", "authrole":
                try OptionType.string.check(value, key: key, in: .hello)
            case "authmethods": try OptionType.strings.check(value, key: key, in: .hello)
            case "authextra", "transport":
                try OptionType.dictionary.check(value, key: key, in: .hello)
            default: break
            }
        }
        hello.agent = details["agent"]?.string
        hello.authmethods = details["authmethods"]?.list?.compactMap(\.string) ?? []
        hello.authid = details["authid"]?.string
        hello.authrole = details["authrole"]?.string
        hello.authextra = details["authextra"]?.dictionary
        return hello
    }
}

extension MessageCode {
    /// Whether an ERROR may answer a message of this type.
    fileprivate var isRequest: Bool {
        switch self {
        case .publish, .subscribe, .unsubscribe, .call, .cancel, .register, .unregister,
            .invocation, .interrupt:
            true
        default: false
        }
    }
}
