// The messages of WAMP. Ids, URIs and options are decoded; payloads stay bytes.

/// One WAMP message.
///
/// Spec: Basic Profile, Messages.
package enum Message: Equatable, Sendable {
    case hello(Hello)
    case welcome(Welcome)
    case abort(Abort)
    case challenge(Challenge)
    case authenticate(Authenticate)
    case goodbye(Goodbye)
    case error(ErrorMessage)
    case publish(Publish)
    case published(Published)
    case subscribe(Subscribe)
    case subscribed(Subscribed)
    case unsubscribe(Unsubscribe)
    case unsubscribed(Unsubscribed)
    case event(Event)
    case eventReceived(EventReceived)
    case call(Call)
    case cancel(Cancel)
    case result(Result)
    case register(Register)
    case registered(Registered)
    case unregister(Unregister)
    case unregistered(Unregistered)
    case invocation(Invocation)
    case interrupt(Interrupt)
    case yield(Yield)
}

/// The number that opens a message.
package enum MessageCode: UInt16, Sendable {
    case hello = 1
    case welcome = 2
    case abort = 3
    case challenge = 4
    case authenticate = 5
    case goodbye = 6
    case error = 8
    case publish = 16
    case published = 17
    case subscribe = 32
    case subscribed = 33
    case unsubscribe = 34
    case unsubscribed = 35
    case event = 36
    case call = 48
    case cancel = 49
    case result = 50
    case register = 64
    case registered = 65
    case unregister = 66
    case unregistered = 67
    case invocation = 68
    case interrupt = 69
    case yield = 70
    /// Provisional (to become 37); only Autobahn and the official vectors know it.
    case eventReceived = 337

    /// The name as the specification writes it.
    package var name: String {
        switch self {
        case .hello: "HELLO"
        case .welcome: "WELCOME"
        case .abort: "ABORT"
        case .challenge: "CHALLENGE"
        case .authenticate: "AUTHENTICATE"
        case .goodbye: "GOODBYE"
        case .error: "ERROR"
        case .publish: "PUBLISH"
        case .published: "PUBLISHED"
        case .subscribe: "SUBSCRIBE"
        case .subscribed: "SUBSCRIBED"
        case .unsubscribe: "UNSUBSCRIBE"
        case .unsubscribed: "UNSUBSCRIBED"
        case .event: "EVENT"
        case .call: "CALL"
        case .cancel: "CANCEL"
        case .result: "RESULT"
        case .register: "REGISTER"
        case .registered: "REGISTERED"
        case .unregister: "UNREGISTER"
        case .unregistered: "UNREGISTERED"
        case .invocation: "INVOCATION"
        case .interrupt: "INTERRUPT"
        case .yield: "YIELD"
        case .eventReceived: "EVENT_RECEIVED"
        }
    }
}

extension Message {
    /// Moves the message out, and leaves one without content in its place: moving costs no
    /// reference counting.
    package mutating func take() -> Message {
        var message = Message.eventReceived(EventReceived(publication: PublicationID(0)))
        swap(&message, &self)
        return message
    }

    package var code: MessageCode {
        switch self {
        case .hello: .hello
        case .welcome: .welcome
        case .abort: .abort
        case .challenge: .challenge
        case .authenticate: .authenticate
        case .goodbye: .goodbye
        case .error: .error
        case .publish: .publish
        case .published: .published
        case .subscribe: .subscribe
        case .subscribed: .subscribed
        case .unsubscribe: .unsubscribe
        case .unsubscribed: .unsubscribed
        case .event: .event
        case .eventReceived: .eventReceived
        case .call: .call
        case .cancel: .cancel
        case .result: .result
        case .register: .register
        case .registered: .registered
        case .unregister: .unregister
        case .unregistered: .unregistered
        case .invocation: .invocation
        case .interrupt: .interrupt
        case .yield: .yield
        }
    }

    /// The arguments, for the messages that may have some; empty for all others.
    package var payload: Payload {
        get {
            switch self {
            case .abort(let message): message.payload
            case .error(let message): message.payload
            case .publish(let message): message.payload
            case .event(let message): message.payload
            case .call(let message): message.payload
            case .result(let message): message.payload
            case .invocation(let message): message.payload
            case .yield(let message): message.payload
            default: Payload()
            }
        }
    }
}
