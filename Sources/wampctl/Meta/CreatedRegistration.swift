// What the router's event of a new registration tells.

import WAMP
import WAMPClient

/// An event of `wamp.registration.on_create`.
struct CreatedRegistration: Equatable {
    /// Where events of it come from.
    static let topic: URI = "wamp.registration.on_create"

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

    init?(_ event: EventMessage) {
        guard let args = try? event.values().args else { return nil }
        self.init(args: args)
    }

    private var isExact: Bool { match == MatchPolicy.exact.rawValue }

    /// Whether it is the exact registration of a procedure.
    func isExactly(_ procedure: String) -> Bool { isExact && uri == procedure }

    /// Whether a call of the procedure may have found its callee: a pattern may fit.
    func mayServe(_ procedure: String) -> Bool { !isExact || uri == procedure }
}
