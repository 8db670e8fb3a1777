// Plays one sequence to the router and to the model, and compares all that can be seen after every
// step.

import WAMP
import WAMPSimulator

@testable import WAMPRouter

/// Where the two first differ.
struct Difference: Error, CustomStringConvertible {
    let description: String
}

/// One sequence on one realm. Nothing here decides anything: it translates.
struct ModelRun: ~Copyable {
    private var realm: Realm
    private var model = NaiveDealer()
    private var effects = Effects()
    private var moment: UInt64 = 0

    /// Who listens to the events and asks for the lists; no session of the model.
    private var observer = SessionKey(slot: 0, generation: 0)
    private var observerRequest: UInt64 = 0
    private var topics: [SubscriptionID: String] = [:]

    private var keys: [SessionKey] = []
    private var numbers: [SessionKey: Int] = [:]
    private var numbersByID: [UInt64: Int] = [:]
    private var identities: [PeerIdentity] = []
    private var registrations: [RegistrationID] = []
    private var callCount = 0
    /// Calls that have not ended, as the effects alone tell it.
    private var open: Set<[Int]> = []
    private var trace: [String] = []
    private let isTracing: Bool

    /// Everything that came out of the router, for comparing two runs.
    private(set) var log: [Effect] = []
    private let isLogging: Bool

    init(seed: UInt64, isTracing: Bool = false, isLogging: Bool = false) throws {
        self.isTracing = isTracing
        self.isLogging = isLogging
        realm = Realm(name: "realm1", seed: seed)
        let roles = Roles([.subscriber: [], .caller: []])
        observer = realm.join(Newcomer(roles: roles), at: now, into: &effects)
        for name in Listener.names {
            effects.removeAll()
            observerRequest += 1
            realm.receive(
                .subscribe(
                    Subscribe(
                        request: RequestID(observerRequest),
                        topic: URI("wamp.registration.\(name)"))),
                from: observer, at: now, into: &effects)
            guard case .send(.subscribed(let answer), _) = effects.list.first else {
                throw Difference(description: "SUBSCRIBE to \(name) failed")
            }
            topics[answer.subscription] = name
        }
    }

    private var present: [Int] { model.sessions.indices.filter { model.sessions[$0].isPresent } }

    private var now: Now { Now(moment: Moment(nanoseconds: moment), unixMilliseconds: 0) }

    /// Plays a sequence to its end, where everybody leaves and nothing may be left.
    mutating func play(_ steps: [Step]) throws {
        for step in steps {
            guard let fact = fact(of: step) else { continue }
            try tell(fact)
            try compareLists()
        }
        for session in present { try tell(.lost(session)) }
        guard realm.sessionCount == 1, realm.registrationCount == 0, realm.pendingCallCount == 0,
            realm.nextDeadline == nil, realm.sessions.blocked.isEmpty, open.isEmpty
        else { throw Difference(description: story("all have left, but something remains")) }
    }

    private func story(_ end: String) -> String { (trace + [end]).joined(separator: "\n") }

    private mutating func tell(_ fact: Fact) throws {
        effects.removeAll()
        report(fact)
        if isLogging { log += effects.list }
        var observed: [Seen] = []
        for effect in effects.list {
            if let seen = translate(effect) { observed.append(seen) }
        }
        let expected = model.tell(fact, observed: observed)
        if isTracing {
            trace.append("\(fact)")
            trace += observed.map { "    \($0)" }
        }
        guard observed == expected else {
            let missing = expected.map { "    \($0)" }.joined(separator: "\n")
            throw Difference(description: story("  but the model says\n\(missing)"))
        }
        try countEnds(fact, observed)
    }

    /// Every call ends once, whatever the model thinks.
    private mutating func countEnds(_ fact: Fact, _ observed: [Seen]) throws {
        if case .call(let caller, let request, _, _) = fact { open.insert([caller, request]) }
        for seen in observed {
            let end: [Int]
            switch seen {
            case .result(let caller, let request, _): end = [caller, request]
            case .error(let caller, "CALL", let request, _, _): end = [caller, request]
            default: continue
            }
            guard open.remove(end) != nil else {
                throw Difference(description: story("a call ended twice: \(seen)"))
            }
        }
        open = open.filter { model.sessions[$0[0]].isPresent }
        guard open.count == model.calls.count, realm.pendingCallCount == open.count else {
            throw Difference(description: story("\(open.count) calls have not ended"))
        }
    }

    /// `list_callees` of every registration, by the meta API.
    private mutating func compareLists() throws {
        for registration in model.registrations {
            let answer = ask(
                "wamp.registration.list_callees", [Value(registrations[registration.number])])
            let listed = (answer?.list ?? []).map { $0.unsigned.flatMap { numbersByID[$0] } }
            guard listed == registration.callees else {
                throw Difference(
                    description: story(
                        "list_callees \(registration.number) is \(listed), "
                            + "but the model says \(registration.callees)"))
            }
        }
        guard realm.registrationCount == model.registrations.count else {
            throw Difference(description: story("\(realm.registrationCount) registrations"))
        }
    }

    private mutating func ask(_ procedure: URI, _ args: [Value]) -> Value? {
        effects.removeAll()
        observerRequest += 1
        let call = Call(
            request: RequestID(observerRequest), procedure: procedure, payload: Payload(args: args))
        realm.receive(.call(call), from: observer, at: now, into: &effects)
        guard case .send(.result(let result), _) = effects.list.first else { return nil }
        return try? result.payload.values().args.first
    }
}

// MARK: Steps to facts

extension ModelRun {
    /// What a step comes to now; nil if there is nothing that it could mean.
    private func fact(of step: Step) -> Fact? {
        if step.kind == .join {
            guard present.count < Step.sessions else { return nil }
            return .joined(cancels: step.what & 1 == 0, reroutes: step.what & 6 != 0)
        }
        if step.kind == .advance { return .advanced(step.what) }
        if [.yield, .unavailable, .fail, .progress].contains(step.kind) {
            guard !model.calls.isEmpty else { return nil }
            let call = model.calls[step.what % model.calls.count]
            return switch step.kind {
            case .yield: .yield(call.callee, id: call.id, progress: false)
            case .progress: .yield(call.callee, id: call.id, progress: true)
            default:
                .error(call.callee, id: call.id, isUnavailable: step.kind == .unavailable)
            }
        }
        if step.kind == .cancel {
            guard !model.calls.isEmpty else { return nil }
            let call = model.calls[step.what % model.calls.count]
            let mode = ["kill", "killnowait", "skip", nil][step.how % 4]
            return .cancel(call.caller, request: call.request, mode: mode)
        }
        let present = present
        guard !present.isEmpty else { return nil }
        let session = present[step.who % present.count]
        let request = model.sessions[session].lastRequest + 1
        let key = step.what % Step.keys
        switch step.kind {
        case .register:
            return .register(
                session, request: request, key: key, rule: Step.rules[step.how % Step.rules.count],
                retries: step.how / Step.rules.count == 0)
        case .unregister:
            let number = model.registrations.first { $0.key == key }?.number ?? -1
            return .unregister(session, request: request, registration: number)
        case .call:
            return .call(
                session, request: request, key: key, timeout: step.how % 3 == 0 ? step.how : 0)
        case .lose: return .lost(session)
        case .goodbye: return .goodbye(session)
        case .violate: return .violated(session)
        case .late:
            let id = 1 + step.how % (model.sessions[session].lastInvocation + 1)
            return step.what % 2 == 0
                ? .yield(session, id: id, progress: false)
                : .error(session, id: id, isUnavailable: step.what % 4 == 1)
        case .cancelUnknown:
            return .cancel(session, request: 1 + step.how % request, mode: "skip")
        case .block: return .blocked(session, true)
        case .unblock: return .blocked(session, false)
        case .join, .advance, .yield, .unavailable, .fail, .progress, .cancel: return nil
        }
    }
}

// MARK: Facts to messages

extension ModelRun {
    private mutating func report(_ fact: Fact) {
        switch fact {
        case .joined(let cancels, let reroutes): join(cancels: cancels, reroutes: reroutes)
        case .register(let session, let request, let key, let rule, let retries):
            let options = RegisterOptions(invoke: rule, retryOnLoss: retries)
            send(
                .register(
                    Register(
                        request: RequestID(UInt64(request)), options: options,
                        procedure: URI("t.\(key)"))), session)
        case .unregister(let session, let request, let number):
            let id = number < 0 ? RegistrationID(1) : registrations[number]
            send(
                .unregister(
                    Unregister(request: RequestID(UInt64(request)), registration: id)), session)
        case .lost(let session): realm.lose(keys[session], at: now, into: &effects)
        case .goodbye(let session): send(.goodbye(Goodbye(reason: .closeNormal)), session)
        case .violated(let session):
            realm.abort(keys[session], ProtocolViolation("broken"), at: now, into: &effects)
        case .call(let session, let request, let key, let timeout):
            let payload = Payload(args: [.int(Int64(callCount))])
            callCount += 1
            send(
                .call(
                    Call(
                        request: RequestID(UInt64(request)),
                        options: CallOptions(timeout: UInt64(timeout)),
                        procedure: URI("t.\(key)"), payload: payload)), session)
        case .yield(let session, let id, let progress):
            let options = OutcomeDetails(progress: progress)
            send(.yield(Yield(request: RequestID(UInt64(id)), options: options)), session)
        case .error(let session, let id, let isUnavailable):
            let error: ErrorURI = isUnavailable ? .unavailable : "t.error"
            send(
                .error(
                    ErrorMessage(
                        .invocation, request: RequestID(UInt64(id)), error: error,
                        payload: Payload(args: ["of the callee"]))),
                session)
        case .cancel(let session, let request, let mode):
            let mode = mode.flatMap(CancelMode.init(rawValue:))
            send(.cancel(Cancel(request: RequestID(UInt64(request)), mode: mode)), session)
        case .advanced(let milliseconds):
            moment += UInt64(milliseconds) * 1_000_000
            realm.advance(to: now, into: &effects)
        case .blocked(let session, let isBlocked):
            realm.setWriteBlocked(isBlocked, keys[session], at: now, into: &effects)
        }
        moment += 1
    }

    /// Sends a message: every other plain one as the bytes that a connection would receive.
    private mutating func send(_ message: Message, _ session: Int) {
        guard moment % 2 == 0, let frame = PlainFrame(message) else {
            realm.receive(message, from: keys[session], at: now, into: &effects)
            return
        }
        let list = frame.tell(&realm, from: keys[session], at: now, &effects) {
            [numbers, identities] in numbers[$0].map { identities[$0] }
        }
        effects.removeAll()
        for effect in list { effects.append(effect) }
    }

    private mutating func join(cancels: Bool, reroutes: Bool) {
        var features: Features = []
        if cancels { features.insert(.callCanceling) }
        if reroutes { features.insert(.callReroute) }
        let newcomer = Newcomer(roles: Roles([.caller: [], .callee: features]))
        let key = realm.join(newcomer, at: now, into: &effects)
        guard case .send(.welcome(let welcome), _) = effects.list.first else { return }
        numbers[key] = keys.count
        numbersByID[welcome.session.rawValue] = keys.count
        keys.append(key)
        identities.append(realm.identity(of: key))
        effects.removeAll()
    }
}

// MARK: Effects to what is seen

extension ModelRun {
    private mutating func translate(_ effect: Effect) -> Seen? {
        switch effect {
        case .send(_, observer): return .strange("to the observer: \(effect)")
        case .send(let message, let key):
            guard let session = numbers[key] else { return .strange("to nobody: \(effect)") }
            return translate(message, to: session)
        case .broadcast(let event, let receivers):
            guard receivers == [observer], let topic = topics[event.subscription],
                let args = try? event.payload.values().args, args.count == 2,
                let session = args[0].unsigned.flatMap({ numbersByID[$0] })
            else { return .strange("\(effect)") }
            var id = args[1].unsigned
            var about = ""
            if let details = args[1].dictionary {
                id = details["id"]?.unsigned
                about = "\(details["uri"]?.string ?? "") \(details["invoke"]?.string ?? "")"
            }
            return .event(
                topic, session: session, registration: number(RegistrationID(id ?? 0)),
                about: about)
        case .ended(let key, _):
            return numbers[key].map { .ended($0) } ?? .strange("\(effect)")
        case .answered:
            return .strange("\(effect)")
        }
    }

    /// The number of a registration; a new one when it is first seen.
    private mutating func number(_ id: RegistrationID) -> Int {
        if let number = registrations.firstIndex(of: id) { return number }
        registrations.append(id)
        return registrations.count - 1
    }

    private mutating func translate(_ message: Message, to session: Int) -> Seen {
        switch message {
        case .registered(let answer):
            .registered(
                session, request: Int(answer.request.rawValue),
                registration: number(answer.registration))
        case .unregistered(let answer):
            .unregistered(session, request: Int(answer.request?.rawValue ?? 0))
        case .error(let error):
            .error(
                session, to: error.requestType.name, request: Int(error.request.rawValue),
                uri: error.error.rawValue, about: about(error))
        case .invocation(let invocation):
            .invocation(
                session, id: Int(invocation.request.rawValue),
                registration: number(invocation.registration),
                call: (try? invocation.payload.values().args.first?.unsigned).map { Int($0) } ?? -1)
        case .interrupt(let interrupt):
            .interrupt(
                session, id: Int(interrupt.request.rawValue), mode: interrupt.mode?.rawValue ?? "")
        case .result(let result):
            .result(
                session, request: Int(result.request.rawValue),
                by: result.details.callee.flatMap { numbersByID[$0.session.rawValue] } ?? -1)
        case .goodbye: .goodbye(session)
        case .abort: .abort(session)
        default: .strange("\(message)")
        }
    }

    private func about(_ error: ErrorMessage) -> String {
        if error.error == .invalidArgument { return "names the rules" }
        guard let (args, kwargs) = try? error.payload.values() else { return "?" }
        // What the router says for people is not for the model, but it must say something.
        if args.first?.string == nil { return "says nothing" }
        let words = args.map { $0.string ?? "?" }.filter { $0 == "callee left" }
        let pairs = kwargs.keys.sorted().map { "\($0)=\(kwargs[$0]?.string ?? "?")" }
        return (words + pairs).joined(separator: " ")
    }
}
