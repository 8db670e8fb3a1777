// A session that listens to the registration events of a realm and asks for its lists. The answers
// come among the events, where the realm's lock put them.

import WAMP

final class RealmObserver {
    private enum Question {
        case callees(UInt64)
        case lookUp(String)
        /// What only makes sense when all is quiet; the answer is kept.
        case other
    }

    let peer: MessagePeer
    private(set) var replay = RegistryReplay()
    private var topics: [SubscriptionID: String] = [:]
    private var request: UInt64 = 0
    private var questions: [UInt64: Question] = [:]
    private var lastAnswer: Value?

    init(port: Int, realm: String) throws {
        peer = try MessagePeer(port: port, .msgpack)
        _ = try peer.join(realm)
        for name in ["on_create", "on_register", "on_unregister", "on_delete"] {
            request += 1
            let topic = URI("wamp.registration.\(name)")
            try peer.send([.subscribe(Subscribe(request: RequestID(request), topic: topic))])
            guard case .subscribed(let answer) = try peer.next() else {
                throw Breach("no SUBSCRIBED")
            }
            topics[answer.subscription] = name
        }
    }

    /// Asks about one of the registrations there are, or of those that were.
    func ask(_ random: inout SplitMix64, keys: Int) throws {
        if let id = replay.entries.keys.sorted().randomElement(using: &random),
            random.next() % 2 == 0
        {
            try ask("wamp.registration.list_callees", [Value(id)], .callees(id))
        } else {
            let procedure = Participant.procedure(Int(random.next() % UInt64(keys)))
            try ask("wamp.registration.lookup", [.string(procedure)], .lookUp(procedure))
        }
    }

    private func ask(_ procedure: URI, _ args: [Value], _ question: Question) throws {
        request += 1
        questions[request] = question
        try peer.send([
            .call(
                Call(
                    request: RequestID(request), procedure: procedure, payload: Payload(args: args))
            )
        ])
    }

    /// Takes one message.
    /// - Returns: the event that it is: its name, the session, and the procedure.
    func take(_ message: Message) throws -> (name: String, session: UInt64, procedure: String)? {
        switch message {
        case .event(let event):
            let args = try event.payload.values().args
            guard let name = topics[event.subscription] else { throw Breach("unknown topic") }
            let id = args.last?.unsigned ?? args.last?.dictionary?["id"]?.unsigned ?? 0
            let known = replay.entries[id]
            try replay.apply(name, args)
            let procedure = (known ?? replay.entries[id])?.procedure ?? ""
            return (name, args.first?.unsigned ?? 0, procedure)
        case .result(let result):
            let answer = try result.payload.values().args.first ?? .null
            switch questions.removeValue(forKey: result.request.rawValue) {
            case .callees(let id)?:
                let told = replay.entries[id]?.callees.map { Value($0) }
                guard answer.list == told else {
                    throw Breach(
                        "list_callees \(id) is \(answer), but the events say \(told ?? [])")
                }
            case .lookUp(let procedure)?:
                guard answer.unsigned == replay.id(of: procedure) else {
                    throw Breach("lookup \(procedure) is \(answer), the events differ")
                }
            case .other?: lastAnswer = answer
            case nil: throw Breach("nobody asked: \(result)")
            }
        case .error(let error):
            guard case .callees(let id)? = questions.removeValue(forKey: error.request.rawValue),
                replay.entries[id] == nil, error.error == .noSuchRegistration
            else { throw Breach("\(error)") }
        default:
            throw Breach("\(message)")
        }
        return nil
    }

    var isWaiting: Bool { !questions.isEmpty }

    /// Checks that nobody else and no registration is left. When all is quiet.
    func checkEmpty() throws {
        guard replay.isEmpty else { throw Breach("left by the events: \(replay.entries)") }
        let count = try answer("wamp.session.count")
        guard count == Value(UInt64(1)) else { throw Breach("sessions: \(count ?? .null)") }
        let lists = try answer("wamp.registration.list")
        guard let lists = lists?.dictionary?.entries, lists.allSatisfy({ $0.value.list == [] })
        else { throw Breach("registrations: \(lists ?? .null)") }
    }

    private func answer(_ procedure: URI) throws -> Value? {
        lastAnswer = nil
        try ask(procedure, [], .other)
        while isWaiting { _ = try take(peer.next()) }
        return lastAnswer
    }
}
