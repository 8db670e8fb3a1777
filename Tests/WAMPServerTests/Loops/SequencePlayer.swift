// Plays random sequences to a realm of a running router: one thread, many connections, bursts that
// the loops handle side by side.

import WAMP

final class SequencePlayer {
    private let port: Int
    private let realm: String
    private let observer: RealmObserver
    private var auditor = SequenceAuditor(firstNumber: 0, firstCall: 0)
    private var random = SplitMix64(seed: 0)
    private var trace: [String] = []
    private let isTracing: Bool
    /// Most that are there at a time, and how many procedures there are.
    private var sessions = 1
    private var keys = 1
    private var rules: [String] = []

    private static let rules = ["single", "roundrobin", "random", "first", "last"]

    init(port: Int, realm: String, isTracing: Bool) throws {
        self.port = port
        self.realm = realm
        self.isTracing = isTracing
        observer = try RealmObserver(port: port, realm: realm)
    }

    private func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    private var present: [Participant] { auditor.participants.filter(\.isPresent) }

    /// Plays the sequence of a seed to its end, where everybody has left and nothing may be left.
    func play(seed: UInt64) throws {
        random = SplitMix64(seed: seed)
        auditor = SequenceAuditor(firstNumber: auditor.nextNumber, firstCall: auditor.nextCall)
        trace = []
        sessions = 2 + below(5)
        keys = 1 + below(3)
        rules = (0..<keys).map { _ in SequencePlayer.rules[below(5)] }
        do {
            for _ in 0..<sessions { try join() }
            for _ in 0..<(10 + below(30)) { try step() }
            try finish()
        } catch {
            throw Breach((trace + ["\(error)"]).joined(separator: "\n"))
        }
    }

    // MARK: Steps

    private func step() throws {
        for _ in 0...below(sessions) {
            let present = present
            if present.isEmpty || (present.count < sessions && below(6) == 0) {
                try join()
                continue
            }
            try burst(of: present[below(present.count)])
        }
        if below(8) == 0 { try observer.ask(&random, keys: keys) }
        switch below(4) {
        case 0: try read()
        case 1: try readAnswers()
        default: break
        }
    }

    /// Some messages in one write, or each by itself; rarely, the end of the session.
    private func burst(of participant: Participant) throws {
        var messages: [Message] = []
        for _ in 0...below(5) {
            if let message = message(from: participant) { messages.append(message) }
        }
        let isLeaving = below(20) == 0
        if isLeaving, below(2) == 0 {
            auditor.clock += 1
            auditor.beganToLeave(participant)
            participant.stage = .awaitingGoodbye
            messages.append(.goodbye(Goodbye(reason: .closeNormal)))
        }
        if isTracing { trace += messages.map { "\(participant.number) > \($0)" } }
        if below(2) == 0 {
            try participant.peer.send(messages)
        } else {
            try participant.peer.sendEach(messages)
        }
        if isLeaving, participant.isPresent { breakOff(participant) }
    }

    private func breakOff(_ participant: Participant) {
        auditor.clock += 1
        auditor.beganToLeave(participant)
        let kind = below(3)
        if isTracing { trace.append("\(participant.number) breaks off: \(kind)") }
        if kind == 0 {
            participant.stage = .awaitingAbort
            participant.peer.sendGarbage()
        } else {
            participant.stage = .gone
            participant.peer.end(withReset: kind == 1)
        }
    }

    private func message(from participant: Participant) -> Message? {
        auditor.clock += 1
        switch below(16) {
        case 0..<5: return call(by: participant)
        case 5..<10: return answer(by: participant)
        case 10..<13: return register(participant)
        case 13, 14: return unregister(participant)
        default: return cancel(by: participant)
        }
    }

    private func call(by participant: Participant) -> Message {
        let request = participant.nextRequest()
        let key = below(keys)
        let timeout = below(20) == 0 ? 1 + below(3) : 0
        let number = auditor.nextCall
        auditor.sentCall(participant, request.rawValue, key, isTimed: timeout > 0)
        return .call(
            Call(
                request: request, options: CallOptions(timeout: UInt64(timeout)),
                procedure: URI(Participant.procedure(key)),
                payload: payload(number, participant)))
    }

    private func payload(_ call: Int, _ participant: Participant) -> Payload {
        Payload(
            args: [Value(UInt64(call)), SequenceAuditor.text(of: call)],
            as: participant.peer.serializer)
    }

    private func answer(by participant: Participant) -> Message? {
        guard !participant.unanswered.isEmpty else { return nil }
        let place = below(participant.unanswered.count)
        let id = participant.unanswered[place]
        let kind = below(24)
        // Now and then an invocation is answered twice: the second answer is late, not wrong.
        if kind > 1 { participant.unanswered.remove(at: place) }
        return answer(id, by: participant, kind)
    }

    private func answer(_ id: UInt64, by participant: Participant, _ kind: Int) -> Message? {
        guard let call = participant.callOfInvocation[id] else { return nil }
        let error: ErrorURI? =
            switch kind {
            case 1..<6: .unavailable
            case 6..<9: "t.error"
            default: nil
            }
        auditor.sentAnswer(participant, call, error: error?.rawValue)
        let payload = payload(call, participant)
        guard let error else {
            return .yield(Yield(request: RequestID(id), payload: payload))
        }
        return .error(
            ErrorMessage(.invocation, request: RequestID(id), error: error, payload: payload))
    }

    private func register(_ participant: Participant, marker: Bool = false) -> Message {
        let request = participant.nextRequest()
        let key = marker ? participant.marker : below(keys)
        let rule = marker ? "single" : below(8) == 0 ? SequencePlayer.rules[below(5)] : rules[key]
        let tenure = auditor.sentRegister(participant, key, rule)
        participant.asked.append((request.rawValue, .register(key, tenure: tenure)))
        return .register(
            Register(
                request: request, options: RegisterOptions(invoke: rule),
                procedure: URI(Participant.procedure(key))))
    }

    private func unregister(_ participant: Participant) -> Message {
        let request = participant.nextRequest()
        let own = participant.held.filter { $0.value >= 0 }.sorted { $0.key < $1.key }
        let id = own.isEmpty ? RegistrationID(1) : own[below(own.count)].key
        if let key = participant.held[id] { auditor.sentUnregister(participant, key) }
        participant.asked.append((request.rawValue, .unregister(id)))
        return .unregister(Unregister(request: request, registration: id))
    }

    private func cancel(by participant: Participant) -> Message? {
        let own = auditor.openCalls.filter { auditor.calls[$0].caller == participant.number }
        guard !own.isEmpty else { return nil }
        let call = own[below(own.count)]
        let mode = [CancelMode.kill, .killnowait, .skip][below(3)]
        auditor.calls[call].cancels.insert(mode)
        return .cancel(
            Cancel(request: RequestID(auditor.calls[call].request), mode: mode))
    }

    /// A new session, on a new connection, or on that of one that said GOODBYE.
    private func join(on connection: MessagePeer? = nil) throws {
        let serializer = Serializer.allCases[below(Serializer.allCases.count)]
        let peer = try connection ?? MessagePeer(port: port, serializer)
        let cancels = below(3) > 0
        let reroutes = below(3) > 0
        var features: Features = []
        if cancels { features.insert(.callCanceling) }
        if reroutes { features.insert(.callReroute) }
        let session = try peer.join(realm, features)
        let participant = Participant(
            auditor.nextNumber, session, peer, cancels: cancels, reroutes: reroutes)
        auditor.clock += 1
        auditor.joined(participant)
        if isTracing { trace.append("\(participant.number) joins \(features)") }
        try peer.send([register(participant, marker: true)])
        try read(peer.next(), by: participant)
    }

    // MARK: Reading

    private func read(_ message: Message, by participant: Participant) throws {
        auditor.clock += 1
        if isTracing { trace.append("\(participant.number) < \(message)") }
        do {
            try auditor.check(message, to: participant)
        } catch {
            throw Breach("\(message) to \(participant.number): \(error)")
        }
    }

    /// Reads what has come to everybody.
    private func read() throws {
        for participant in auditor.participants where participant.stage != .gone {
            for message in try participant.peer.receive() {
                try read(message, by: participant)
            }
            guard participant.stage != .gone else {
                if below(2) == 0 { try join(on: participant.peer) }
                continue
            }
            guard participant.peer.hasEnded else { continue }
            guard participant.stage == .awaitingEnd else {
                throw Breach("\(participant.number) is cut off")
            }
            participant.stage = .gone
        }
        for message in try observer.peer.receive() {
            auditor.clock += 1
            if isTracing { trace.append("observer < \(message)") }
            guard let event = try observer.take(message) else { continue }
            if event.name == "on_register" { auditor.observedRegistering(event.session) }
            if event.name == "on_delete", event.procedure.hasPrefix("m."),
                let marker = Int(event.procedure.dropFirst(2))
            {
                try auditor.observedLeaving(marker - 1)
                left.insert(marker - 1)
            }
        }
    }

    /// Those whose end the events have told.
    private var left: Set<Int> = []

    private func wait() throws {
        let peers = auditor.participants.filter { $0.stage != .gone }.map(\.peer)
        guard MessagePeer.wait(for: peers + [observer.peer]) else {
            let calls = auditor.openCalls.map { auditor.calls[$0] }
            throw Breach("nothing comes any more; open: \(calls), left: \(left.count)")
        }
        try read()
    }

    /// Reads until everybody has the answers that the router itself owes.
    private func readAnswers() throws {
        while observer.isWaiting || present.contains(where: { !$0.asked.isEmpty }) { try wait() }
    }

    /// Everything that waits is answered, every call ends, everybody leaves.
    private func finish() throws {
        try readAnswers()
        while !auditor.openCalls.isEmpty {
            for participant in present where !participant.unanswered.isEmpty {
                let output = participant.unanswered.compactMap { id in
                    auditor.clock += 1
                    return answer(id, by: participant, 23)
                }
                participant.unanswered = []
                if isTracing { trace += output.map { "\(participant.number) > \($0)" } }
                try participant.peer.send(output)
            }
            try wait()
        }
        for participant in present { try depart(participant) }
        while left.count < auditor.participants.count
            || auditor.participants.contains(where: { $0.stage != .gone })
        {
            // Who joins again on an old connection has to leave, too.
            for participant in present { try depart(participant) }
            try wait()
        }
        left = []
        try auditor.checkCounts()
        try observer.checkEmpty()
    }

    private func depart(_ participant: Participant) throws {
        guard below(2) == 0 else { return breakOff(participant) }
        auditor.clock += 1
        auditor.beganToLeave(participant)
        participant.stage = .awaitingGoodbye
        if isTracing { trace.append("\(participant.number) says goodbye") }
        try participant.peer.send([.goodbye(Goodbye(reason: .closeNormal))])
    }
}
