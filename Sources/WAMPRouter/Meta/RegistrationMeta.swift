// wamp.registration.*: which procedures there are, under which rule, and who shares them (SR-81 …
// SR-83).

import WAMP

extension Realm {
    func details(ofRegistration slot: RegistrationSlot) -> Value.Dictionary {
        [
            "id": Value(registrations[slot].id),
            "created": .string(timestamp(unixMilliseconds: registrations[slot].created)),
            "uri": .string(registrations[slot].uri.string),
            "match": .string(registrations[slot].match.rawValue),
            "invoke": .string(registrations[slot].rule.rawValue),
        ]
    }

    /// The ids of all registrations by match policy, oldest first.
    var registrationIDs: Value {
        let all = registrations.all
        func ids(_ match: MatchPolicy) -> Value {
            .list(
                all.filter { registrations[$0].match == match }.map { Value(registrations[$0].id) })
        }
        return ["exact": ids(.exact), "prefix": ids(.prefix), "wildcard": ids(.wildcard)]
    }

    /// The registration of a URI under a match policy; null if there is none.
    func lookUpRegistration(_ arguments: MetaArguments) throws(MetaError) -> Value {
        guard
            let slot = try registrations.find(arguments.uri(0), as: arguments.match())
        else { return .null }
        return Value(registrations[slot].id)
    }

    /// The registration that a call would be routed to; null if there is none. Moves no cursor.
    func matchRegistration(_ arguments: MetaArguments) throws(MetaError) -> Value {
        let uri = try arguments.uri(0)
        guard !uri.isReserved, let slot = registrations.best(for: uri) else { return .null }
        return Value(registrations[slot].id)
    }

    func registration(_ arguments: MetaArguments) throws(MetaError) -> RegistrationSlot {
        let id: RegistrationID = try arguments.id(0, "registration")
        guard let slot = registrations.find(id) else {
            throw MetaError(.noSuchRegistration, about: "\(id)")
        }
        return slot
    }

    /// The callees in the order of registering: so that `first`, `last` and `roundrobin` can be
    /// checked.
    func callees(_ arguments: MetaArguments) throws(MetaError) -> [Value] {
        try registrations[registration(arguments)].callees.map {
            Value(sessions[$0.session].identity.session)
        }
    }

    /// The registration that is named by its id, or by its URI and perhaps its match policy.
    private func namedRegistration(_ arguments: MetaArguments) throws(MetaError) -> RegistrationSlot
    {
        guard let uri = arguments.args.first?.string.map({ URI($0) }) else {
            return try registration(arguments)
        }
        guard let slot = try registrations.find(uri, as: arguments.match()) else {
            throw MetaError(.noSuchRegistration, about: "'\(uri.excerpt)'")
        }
        return slot
    }

    /// `wampctl.registration.stats`: what each callee has to do (SR-84).
    func registrationStats(_ arguments: MetaArguments) throws(MetaError) -> Value {
        let slot = try namedRegistration(arguments)
        let callees = registrations[slot].callees.map { callee -> Value in
            let figures = registrations.figures(callee.place)
            let limit = callee.options.concurrency
            return [
                "session": Value(sessions[callee.session].identity.session),
                "in_flight": Value(UInt64(figures.inFlight)),
                "concurrency": limit == 0 ? .null : Value(UInt64(limit)),
                "calls": Value(figures.calls), "errors": Value(figures.errors),
                "rerouted": Value(figures.rerouted),
            ]
        }
        return [
            "callees": .list(callees), "cursor": .int(Int64(registrations[slot].callees.cursor)),
            "queue": .int(Int64(waitingCount(for: slot))),
        ]
    }
}
