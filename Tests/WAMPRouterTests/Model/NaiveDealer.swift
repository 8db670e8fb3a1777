// The model of shared-registrations.md once more, as plainly as it can be said, and sharing nothing
// with the router: everything is a list that is searched from the front. The cursor is no number
// here but a thing in the list of callees, standing right behind the one that was called; so it
// needs no rules for who joins or leaves.

/// A dealer that is right by being simple.
struct NaiveDealer {
    enum Place: Equatable {
        case gap
        case callee(Int, retries: Bool)

        var session: Int? { if case .callee(let session, _) = self { session } else { nil } }
    }

    struct Registration {
        let number: Int
        let key: Int
        let rule: String
        var places: [Place]

        var callees: [Int] { places.compactMap(\.session) }
    }

    struct Call {
        let tag: Int
        let caller: Int
        let request: Int
        var callee: Int
        var id: Int
        let registration: Int
        var tried: [Int]
        let attempts: Int
        let deadline: Int?
        var isKilled = false
        /// Whether its present callee declared the procedure idempotent.
        var retries: Bool
    }

    struct Session {
        let cancels: Bool
        let reroutes: Bool
        var isBlocked = false
        var isPresent = true
        var lastInvocation = 0
        var lastRequest = 0
    }

    private(set) var sessions: [Session] = []
    private(set) var registrations: [Registration] = []
    private(set) var calls: [Call] = []
    /// Every membership, in the order of joining.
    private var memberships: [(session: Int, registration: Int)] = []
    private var registrationCount = 0
    private var callCount = 0
    private var now = 0

    /// What has come out of the fact being told, so far.
    private var seen: [Seen] = []
    /// What the router did: for `random` the model follows any choice that it could have made
    /// itself.
    private var observed: [Seen] = []

    /// Tells a fact. Returns what must be seen.
    mutating func tell(_ fact: Fact, observed: [Seen]) -> [Seen] {
        seen = []
        self.observed = observed
        switch fact {
        case .joined(let cancels, let reroutes):
            sessions.append(Session(cancels: cancels, reroutes: reroutes))
        case .register(let session, let request, let key, let rule, let retries):
            sessions[session].lastRequest = request
            register(session, request, key, rule, retries)
        case .unregister(let session, let request, let number):
            sessions[session].lastRequest = request
            if memberships.contains(where: { $0 == (session, number) }) {
                seen.append(.unregistered(session, request: request))
                leave(session, number)
                announce(session, number)
            } else {
                seen.append(
                    .error(
                        session, to: "UNREGISTER", request: request,
                        uri: "wamp.error.no_such_registration", about: ""))
            }
        case .lost(let session):
            depart(session)
        case .goodbye(let session):
            seen.append(.goodbye(session))
            depart(session)
            seen.append(.ended(session))
        case .violated(let session):
            violate(session)
        case .call(let session, let request, let key, let timeout):
            sessions[session].lastRequest = request
            call(session, request, key, timeout)
        case .yield(let session, let id, let progress):
            guard let index = answered(session, id) else { break }
            if !progress {
                let call = calls.remove(at: index)
                seen.append(.result(call.caller, request: call.request, by: session))
            }
        case .error(let session, let id, let isUnavailable):
            guard let index = answered(session, id) else { break }
            let call = calls.remove(at: index)
            if isUnavailable, sessions[session].reroutes, !call.isKilled {
                reroute(call)
            } else {
                let uri = isUnavailable ? "wamp.error.unavailable" : "t.error"
                refuse(call, uri)
            }
        case .cancel(let session, let request, let mode):
            cancel(session, request, mode ?? "killnowait")
        case .advanced(let milliseconds):
            now += milliseconds * 1_000_000
            expire()
        case .blocked(let session, let isBlocked):
            sessions[session].isBlocked = isBlocked
        }
        // Time passes between any two facts, so no two deadlines are the same.
        now += 1
        return seen
    }
}

// MARK: The list of callees

extension NaiveDealer {
    private mutating func register(
        _ session: Int, _ request: Int, _ key: Int, _ written: String?, _ retries: Bool
    ) {
        func refusal(_ uri: String, _ about: String) -> Seen {
            .error(session, to: "REGISTER", request: request, uri: uri, about: about)
        }
        let rule = written ?? "single"
        guard ["single", "roundrobin", "random", "first", "last"].contains(rule) else {
            seen.append(refusal("wamp.error.invalid_argument", "names the rules"))
            return
        }
        if let index = registrations.firstIndex(where: { $0.key == key }) {
            let existing = registrations[index]
            let exists = "wamp.error.procedure_already_exists"
            if existing.rule == "single" {
                seen.append(refusal(exists, ""))
            } else if existing.rule != rule {
                seen.append(
                    refusal(
                        exists,
                        "invoke=\(existing.rule) reason=invocation_policy_conflict "
                            + "requested=\(rule)"))
            } else {
                seen.append(
                    .registered(session, request: request, registration: existing.number))
                if !existing.callees.contains(session) {
                    registrations[index].places.append(.callee(session, retries: retries))
                    memberships.append((session, existing.number))
                    event("on_register", session, existing.number)
                }
            }
        } else {
            let number = registrationCount
            registrationCount += 1
            registrations.append(
                Registration(
                    number: number, key: key, rule: rule,
                    places: [.gap, .callee(session, retries: retries)]))
            memberships.append((session, number))
            seen.append(.registered(session, request: request, registration: number))
            event("on_create", session, number, "t.\(key) \(rule)")
            event("on_register", session, number)
        }
    }

    private mutating func leave(_ session: Int, _ number: Int) {
        memberships.removeAll { $0 == (session, number) }
        for index in registrations.indices where registrations[index].number == number {
            registrations[index].places.removeAll { $0.session == session }
        }
    }

    /// Says who left, and deletes the registration if it was the last one.
    private mutating func announce(_ session: Int, _ number: Int) {
        event("on_unregister", session, number)
        if registrations.contains(where: { $0.number == number && $0.callees.isEmpty }) {
            registrations.removeAll { $0.number == number }
            event("on_delete", session, number)
        }
    }

    private mutating func event(
        _ name: String, _ session: Int, _ registration: Int, _ about: String = ""
    ) {
        seen.append(.event(name, session: session, registration: registration, about: about))
    }

    private mutating func depart(_ session: Int) {
        sessions[session].isPresent = false
        let left = memberships.filter { $0.session == session }.map(\.registration)
        for number in left { leave(session, number) }
        for call in calls.filter({ $0.callee == session }).sorted(by: { $0.id < $1.id }) {
            calls.removeAll { $0.tag == call.tag }
            if call.caller == session { continue }
            if call.retries, !call.isKilled {
                reroute(call)
            } else {
                refuse(call, "wamp.error.canceled", about: "callee left")
            }
        }
        for call in calls.filter({ $0.caller == session }).sorted(by: { $0.request < $1.request }) {
            calls.removeAll { $0.tag == call.tag }
            interrupt(call, "killnowait")
        }
        for number in left { announce(session, number) }
    }

    private mutating func violate(_ session: Int) {
        seen.append(.abort(session))
        depart(session)
        seen.append(.ended(session))
    }
}

// MARK: Calls

extension NaiveDealer {
    private enum Pick { case callee(Int), nobody(uri: String, about: String) }

    /// *Choosing* of the model.
    private mutating func pick(_ index: Int, tried: [Int]) -> Pick {
        let none = Pick.nobody(uri: "wamp.error.no_available_callee", about: "")
        let saturated = Pick.nobody(
            uri: "wamp.error.no_available_callee", about: "reason=max_concurrency_reached")
        let registration = registrations[index]
        let untried = registration.callees.filter { !tried.contains($0) }
        let free = untried.filter { !sessions[$0].isBlocked }
        if untried.isEmpty { return none }
        switch registration.rule {
        case "single", "first", "last":
            let chosen = registration.rule == "last" ? untried[untried.count - 1] : untried[0]
            return sessions[chosen].isBlocked
                ? .nobody(uri: "wamp.error.network_failure", about: "") : .callee(chosen)
        case "random":
            if case .invocation(let followed, _, _, _)? = observed.dropFirst(seen.count).first,
                free.contains(followed)
            {
                return .callee(followed)
            }
            return free.isEmpty ? saturated : .callee(free[0])
        default:
            // Round the circle that begins at the gap.
            let parts = registration.places.split(
                separator: .gap, omittingEmptySubsequences: false)
            let circle = parts[1] + parts[0]
            guard
                let place = circle.first(where: { place in free.contains { $0 == place.session } })
            else { return saturated }
            var places = registration.places.filter { $0 != .gap }
            places.insert(.gap, at: (places.firstIndex(of: place) ?? 0) + 1)
            registrations[index].places = places
            return .callee(place.session ?? -1)
        }
    }

    private mutating func call(_ caller: Int, _ request: Int, _ key: Int, _ timeout: Int) {
        let tag = callCount
        callCount += 1
        guard let index = registrations.firstIndex(where: { $0.key == key }) else {
            seen.append(
                .error(
                    caller, to: "CALL", request: request, uri: "wamp.error.no_such_procedure",
                    about: ""))
            return
        }
        send(
            Call(
                tag: tag, caller: caller, request: request, callee: -1, id: 0,
                registration: registrations[index].number, tried: [],
                attempts: max(8, registrations[index].callees.count + 4),
                deadline: timeout == 0 ? nil : now + timeout * 1_000_000, retries: false))
    }

    /// Gives a call to the callee that is picked for it, or ends it.
    private mutating func send(_ call: Call) {
        guard let index = registrations.firstIndex(where: { $0.number == call.registration }) else {
            return refuse(call, "wamp.error.no_available_callee")
        }
        switch pick(index, tried: call.tried) {
        case .nobody(let uri, let about):
            refuse(call, uri, about: about)
        case .callee(let callee):
            var call = call
            sessions[callee].lastInvocation += 1
            call.callee = callee
            call.id = sessions[callee].lastInvocation
            call.tried.append(callee)
            call.retries = registrations[index].places.contains(.callee(callee, retries: true))
            calls.append(call)
            seen.append(
                .invocation(
                    callee, id: call.id, registration: call.registration, call: call.tag))
        }
    }

    private mutating func reroute(_ call: Call) {
        if call.tried.count >= call.attempts {
            refuse(call, "wamp.error.no_available_callee")
        } else {
            send(call)
        }
    }

    /// The call that is answered. An answer to what was never asked is dropped, and so is a late
    /// one.
    private func answered(_ session: Int, _ id: Int) -> Int? {
        calls.firstIndex { $0.callee == session && $0.id == id }
    }

    private mutating func cancel(_ caller: Int, _ request: Int, _ written: String) {
        guard let index = calls.firstIndex(where: { $0.caller == caller && $0.request == request })
        else { return }
        let call = calls[index]
        let mode = sessions[call.callee].cancels ? written : "skip"
        if call.isKilled, mode != "killnowait" { return }
        if mode == "kill" {
            calls[index].isKilled = true
            interrupt(call, "kill")
            return
        }
        if mode == "killnowait" { interrupt(call, "killnowait") }
        calls.remove(at: index)
        refuse(call, "wamp.error.canceled")
    }

    private mutating func expire() {
        let due = calls.filter { $0.deadline.map { $0 <= now } ?? false }
        for call in due.sorted(by: { ($0.deadline ?? 0) < ($1.deadline ?? 0) }) {
            interrupt(call, "killnowait")
            calls.removeAll { $0.tag == call.tag }
            refuse(call, "wamp.error.timeout")
        }
    }

    private mutating func interrupt(_ call: Call, _ mode: String) {
        guard sessions[call.callee].cancels else { return }
        seen.append(.interrupt(call.callee, id: call.id, mode: mode))
    }

    private mutating func refuse(
        _ call: Call, _ uri: String, about: String = ""
    ) {
        seen.append(
            .error(
                call.caller, to: "CALL", request: call.request, uri: uri, about: about))
    }
}
