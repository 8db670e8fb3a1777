// What the router's events of registrations tell: the one place that reads them.

import WAMP
import WAMPClient

/// An event of the registration meta API.
enum RegistrationEvent: Equatable {
    case created(CreatedRegistration)
    /// A session was added to the callees of a registration.
    case registered(callee: UInt64, registration: UInt64)
    /// A session was removed from them.
    case unregistered(callee: UInt64, registration: UInt64)

    /// Where they come from.
    enum Topic: String, CaseIterable {
        case created = "wamp.registration.on_create"
        case registered = "wamp.registration.on_register"
        case unregistered = "wamp.registration.on_unregister"

        /// Subscribes; what is no such event is passed over.
        /// - Returns: whether the router took the subscription in time.
        @discardableResult
        func listen(
            in session: Session, before deadline: ContinuousClock.Instant,
            _ take: @escaping @Sendable (RegistrationEvent) -> Void
        ) async -> Bool {
            let subscription = try? await session.subscribe(
                URI(rawValue), timeout: RegistrationFacts.patience(until: deadline)
            ) { message in
                guard let args = try? message.values().args,
                    let event = RegistrationEvent(self, args: args)
                else { return }
                take(event)
            }
            return subscription != nil
        }
    }

    /// Reads the arguments: the session, and the registration or its id.
    init?(_ topic: Topic, args: [Value]) {
        switch topic {
        case .created:
            guard let created = CreatedRegistration(args: args) else { return nil }
            self = .created(created)
        case .registered, .unregistered:
            guard args.count > 1, let callee = args[0].unsigned, let id = args[1].unsigned
            else { return nil }
            self =
                topic == .registered
                ? .registered(callee: callee, registration: id)
                : .unregistered(callee: callee, registration: id)
        }
    }
}

/// What an event of `wamp.registration.on_create` tells.
struct CreatedRegistration: Equatable {
    var id: UInt64?
    var uri: String
    var match: String
    var rule: String?

    /// Reads the event's arguments: the session, and the details of the registration.
    ///
    /// Where `match` is missing it is `exact`, as in REGISTER.Options.
    init?(args: [Value]) {
        guard let details = args.dropFirst().first?.dictionary,
            let uri = details["uri"]?.string
        else { return nil }
        id = details["id"]?.unsigned
        self.uri = uri
        match = details["match"]?.string ?? MatchPolicy.exact.rawValue
        rule = details["invoke"]?.string
    }

    private var isExact: Bool { match == MatchPolicy.exact.rawValue }

    /// Whether it is the exact registration of a procedure.
    func isExactly(_ procedure: String) -> Bool { isExact && uri == procedure }

    /// Whether a call of the procedure may have found its callee: a pattern may fit.
    func mayServe(_ procedure: String) -> Bool { !isExact || uri == procedure }
}
