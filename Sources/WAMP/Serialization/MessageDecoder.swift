// From bytes to messages: the shapes of all messages, written once for every serializer.
//
// Nothing here decodes a payload: it is passed with its whole grammar checked, and handed on as a
// slice of the frame.

import NIOCore

/// Takes one message apart, element by element.
struct MessageDecoder<Reader: ItemReader> {
    var reader: Reader
    private let frame: ByteBuffer
    let serializer: Serializer
    private var members = Members(remaining: 0, isDictionary: false)
    var code = MessageCode.hello
    /// Whether the end of the message list was passed.
    private var isClosed = false
    /// Whether the options name an algorithm that encrypted the payload.
    var isPayloadOpaque = false

    init(_ reader: Reader, frame: ByteBuffer, serializer: Serializer) {
        self.reader = reader
        self.frame = frame
        self.serializer = serializer
    }

    mutating func decode() throws(Malformed) -> Message {
        guard let list = try reader.open(isDictionary: false) else {
            throw .message("a message must be a list")
        }
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
        case .call: try call()
        case .invocation: try invocation()
        case .yield: try yield()
        case .result: try result()
        case .event: try event()
        case .publish: try publish()
        case .error: try error()
        default: try coldMessage(code)
        }
    }

    // A function each, so that each is small enough for all it calls to be inlined into it.

    @inline(never)
    private mutating func call() throws(Malformed) -> Message {
        let request = RequestID(try id("Request"))
        let options = try callOptions()
        let procedure = try uri("Procedure")
        return .call(
            Call(
                request: request, options: options, procedure: procedure, payload: try payload()))
    }

    @inline(never)
    private mutating func invocation() throws(Malformed) -> Message {
        let request = RequestID(try id("Request"))
        let registration = RegistrationID(try id("Registration"))
        let details = try invocationDetails()
        return .invocation(
            Invocation(
                request: request, registration: registration, details: details,
                payload: try payload()))
    }

    @inline(never)
    private mutating func yield() throws(Malformed) -> Message {
        let request = RequestID(try id("Request"))
        let options = try outcomeDetails("Options")
        return .yield(Yield(request: request, options: options, payload: try payload()))
    }

    @inline(never)
    private mutating func result() throws(Malformed) -> Message {
        let request = RequestID(try id("Request"))
        let details = try outcomeDetails("Details")
        return .result(Result(request: request, details: details, payload: try payload()))
    }

    @inline(never)
    private mutating func event() throws(Malformed) -> Message {
        let subscription = SubscriptionID(try id("Subscription"))
        let publication = PublicationID(try id("Publication"))
        let details = try eventDetails()
        return .event(
            Event(
                subscription: subscription, publication: publication, details: details,
                payload: try payload()))
    }

    @inline(never)
    private mutating func publish() throws(Malformed) -> Message {
        let request = RequestID(try id("Request"))
        let options = try publishOptions()
        let topic = try uri("Topic")
        return .publish(
            Publish(request: request, options: options, topic: topic, payload: try payload()))
    }

    @inline(never)
    private mutating func error() throws(Malformed) -> Message {
        try element("Request Type")
        guard let number = try reader.unsigned(),
            let type = UInt16(exactly: number).flatMap(MessageCode.init(rawValue:)), type.isRequest
        else { throw .message("ERROR.Request Type must be the type code of a request") }
        let request = RequestID(try id("Request"))
        let details = try outcomeDetails("Details")
        let error = ErrorURI(try string("Error"))
        return .error(
            ErrorMessage(
                type, request: request, details: details, error: error, payload: try payload()))
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
    func fault(_ element: StaticString, _ claim: StaticString) -> Malformed {
        .message("\(code.name).\(element) \(claim)")
    }

    /// Goes to the next element, which must be there.
    @inline(__always)
    mutating func element(_ name: StaticString) throws(Malformed) {
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
    func uri(_ text: Text) -> URI {
        if let decoded = text.decoded { return URI(ByteBuffer(bytes: decoded)) }
        return URI(slice(from: text.start - reader.start, count: text.count))
    }

    /// - Parameter offset: from the beginning of the frame's readable bytes.
    @inline(__always)
    private func slice(from offset: Int, count: Int) -> ByteBuffer {
        frame.part(from: offset, to: offset + count)
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
        let begin = (reader, members)
        do throws(Malformed) { return try soundPayload() } catch {
            (reader, members) = begin
            return try brokenPayload(because: error)
        }
    }

    /// Null in the place of args or kwargs is as good as nothing there.
    @inline(__always)
    private mutating func soundPayload() throws(Malformed) -> Payload {
        try reader.settle()
        let start = reader.offset
        var shape = Payload.Shape.empty
        var hasList = true
        if let isEmpty = try reader.skip(isDictionary: false) {
            if !isEmpty { shape = .arguments }
        } else if try skipNull() {
            hasList = false
        } else {
            return try opaquePayload()
        }
        let end = reader.offset
        guard try reader.next(&members) else {
            isClosed = true
            return payload(shape, from: start, to: end)
        }
        try reader.settle()
        let middle = reader.offset
        guard let isEmpty = try reader.skip(isDictionary: true) else {
            guard try skipNull() else { throw fault("ArgumentsKw", "must be a dictionary") }
            return payload(shape, from: start, to: end)
        }
        if isEmpty { return payload(shape, from: start, to: end) }
        if hasList { return payload(.argumentsAndKeywords, from: start, to: reader.offset) }
        return keywords(from: middle, to: reader.offset)
    }

    private mutating func skipNull() throws(Malformed) -> Bool {
        guard try reader.kind() == .null else { return false }
        try reader.skip()
        return true
    }

    /// Kwargs behind an empty list, which is not in the frame.
    private func keywords(from start: Int, to end: Int) -> Payload {
        var bytes = ByteBuffer()
        switch serializer {
        case .json: bytes.writeStaticString("[],")
        case .msgpack: bytes.writeInteger(0x90 as UInt8)
        case .cbor: bytes.writeInteger(0x80 as UInt8)
        }
        bytes.writeImmutableBuffer(slice(from: start, count: end - start))
        return Payload(bytes: bytes, serializer: serializer, shape: .argumentsAndKeywords)
    }

    /// Passes args and kwargs that something is wrong with, where it can be told where they end:
    /// the message is intact then, and they cost nobody more than this message.
    /// - Throws: `fault` if that cannot be told.
    private mutating func brokenPayload(because fault: Malformed) throws(Malformed) -> Payload {
        do throws(Malformed) {
            try reader.settle()
            let start = reader.offset
            guard try skipRoughly(.list) else { throw fault }
            var end = reader.offset
            var shape = Payload.Shape.arguments
            if try reader.next(&members) {
                guard try skipRoughly(.dictionary) else { throw fault }
                end = reader.offset
                shape = .argumentsAndKeywords
            } else {
                isClosed = true
            }
            return .broken(flaw(shape, from: start, to: end) ?? fault.sentence(serializer))
        } catch {
            throw fault
        }
    }

    private mutating func skipRoughly(_ kind: ItemKind) throws(Malformed) -> Bool {
        switch try reader.kind() {
        case .null: try reader.skip()
        case kind: try reader.skipRoughly()
        default: return false
        }
        return true
    }

    /// What is wrong with broken arguments, and where among them; nil if they seem to be fine.
    private func flaw(_ shape: Payload.Shape, from start: Int, to end: Int) -> String? {
        do throws(ProtocolViolation) {
            _ = try payload(shape, from: start, to: end).values()
            return nil
        } catch {
            return error.description
        }
    }

    @inline(__always)
    private func payload(_ shape: Payload.Shape, from start: Int, to end: Int) -> Payload {
        if shape == .empty { return Payload() }
        return Payload(
            bytes: slice(from: start, count: end - start), serializer: serializer, shape: shape)
    }

    private mutating func opaquePayload() throws(Malformed) -> Payload {
        switch try reader.kind() {
        case .text, .binary: break
        default: throw fault("Arguments", "must be a list")
        }
        guard isPayloadOpaque else { throw fault("Arguments", "must be a list") }
        let start = reader.offset
        try reader.skip()
        return payload(.opaque, from: start, to: reader.offset)
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
