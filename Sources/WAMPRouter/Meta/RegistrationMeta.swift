// wamp.registration.*: which procedures there are, under which rule, and who shares them (SR-81 …
// SR-83).

import WAMP

extension Realm {
    func details(ofRegistration slot: UInt32) -> Value.Dictionary {
        [
            "id": Value(registrations[slot].id),
            "created": .string(timestamp(unixMilliseconds: registrations[slot].created)),
            "uri": .string(registrations[slot].uri.string),
            "match": .string(MatchPolicy.exact.rawValue),
            "invoke": .string(registrations[slot].policy.rawValue),
        ]
    }

    var registrationIDs: Value {
        [
            "exact": .list(registrations.all.map { Value(registrations[$0].id) }),
            "prefix": [],
            "wildcard": [],
        ]
    }

    /// The registration of a URI under a match policy; null if there is none.
    func lookUpRegistration(_ arguments: MetaArguments) throws(MetaError) -> Value {
        let match = try arguments.match()
        let slot = try registrations.find(arguments.uri(0))
        guard match == .exact, let slot else { return .null }
        return Value(registrations[slot].id)
    }

    /// The registration that a call would be routed to; null if there is none. Moves no cursor.
    func matchRegistration(_ arguments: MetaArguments) throws(MetaError) -> Value {
        guard let slot = try registrations.find(arguments.uri(0)) else { return .null }
        return Value(registrations[slot].id)
    }

    func registration(_ arguments: MetaArguments) throws(MetaError) -> UInt32 {
        guard let slot = try registrations.find(arguments.id(0, "registration") as RegistrationID)
        else {
            throw MetaError(.noSuchRegistration)
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
}
