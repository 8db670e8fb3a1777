// What must hold of a sequence whatever order the loops handle it in. One thread plays all peers:
// its clock orders what it read before what it sent later, and of the rest nothing is assumed.

import WAMP

struct SequenceAuditor {
    /// One REGISTER and what became of it, in moments of the player's clock.
    struct Tenure {
        let participant: Int
        let key: Int
        let rule: String
        let asked: Int
        /// REGISTERED was read.
        var confirmed: Int?
        /// UNREGISTER was sent, or the session began to end.
        var ending: Int?
        /// It was seen to be over; nil while it may last.
        var over: Int?
        var id: RegistrationID?
    }

    struct CallRecord {
        let caller: Int
        let request: UInt64
        let key: Int
        let sent: Int
        let isTimed: Bool
        var cancels: Set<CancelMode> = []
        var invoked: [Int] = []
        /// Callees that gave it back for another to take.
        var refusals = 0
        var isOver = false
    }

    /// An answer that a callee has sent: all that a caller may be told.
    struct Answer: Hashable {
        let callee: Int
        let call: Int
        let error: String?
    }

    var clock = 0
    var tenures: [Tenure] = []
    var calls: [CallRecord] = []
    var answers: Set<Answer> = []
    var participants: [Participant] = []
    private var callsByRequest: [[UInt64]: Int] = [:]
    private var numbers: [SessionID: Int] = [:]
    /// How often the meta events made a session a callee.
    private var eventCounts: [UInt64: Int] = [:]
    private let firstNumber: Int
    private let firstCall: Int

    /// - Parameters:
    ///   - firstNumber: of the participants of this sequence.
    ///   - firstCall: of its calls, so that no two sequences share one.
    init(firstNumber: Int, firstCall: Int) {
        self.firstNumber = firstNumber
        self.firstCall = firstCall
    }

    subscript(number: Int) -> Participant { participants[number - firstNumber] }

    var nextNumber: Int { firstNumber + participants.count }
    var nextCall: Int { firstCall + calls.count }

    /// Calls of sessions that are there to be answered.
    var openCalls: [Int] {
        calls.indices.filter { !calls[$0].isOver && self[calls[$0].caller].isPresent }
    }

    // MARK: What is sent

    mutating func joined(_ participant: Participant) {
        participants.append(participant)
        numbers[participant.session] = participant.number
    }

    mutating func sentRegister(_ participant: Participant, _ key: Int, _ rule: String) -> Int {
        tenures.append(
            Tenure(participant: participant.number, key: key, rule: rule, asked: clock))
        return tenures.count - 1
    }

    mutating func sentUnregister(_ participant: Participant, _ key: Int) {
        endTenures { $0.participant == participant.number && $0.key == key }
    }

    mutating func beganToLeave(_ participant: Participant) {
        endTenures { $0.participant == participant.number }
    }

    private mutating func endTenures(_ isMeant: (Tenure) -> Bool) {
        for index in tenures.indices where isMeant(tenures[index]) && tenures[index].ending == nil {
            tenures[index].ending = clock
        }
    }

    mutating func sentCall(_ participant: Participant, _ request: UInt64, _ key: Int, isTimed: Bool)
    {
        callsByRequest[[UInt64(participant.number), request]] = calls.count
        calls.append(
            CallRecord(
                caller: participant.number, request: request, key: key, sent: clock,
                isTimed: isTimed))
    }

    mutating func sentAnswer(_ participant: Participant, _ call: Int, error: String?) {
        answers.insert(Answer(callee: participant.number, call: call, error: error))
        if error == ErrorURI.unavailable.rawValue, participant.reroutes {
            calls[call - firstCall].refusals += 1
        }
    }

    // MARK: What is read

    /// Checks a message to a participant.
    mutating func check(_ message: Message, to participant: Participant) throws {
        switch message {
        case .registered(let answer): try registered(answer, participant)
        case .unregistered(let answer):
            guard case .unregister(let id) = try participant.answered(answer.request),
                participant.held.removeValue(forKey: id) != nil
            else { throw Breach("it was no callee") }
            for index in tenures.indices
            where tenures[index].participant == participant.number && tenures[index].id == id
                && tenures[index].over == nil
            {
                tenures[index].over = clock
            }
        case .invocation(let invocation): try invoked(invocation, participant)
        case .interrupt(let interrupt): try interrupted(interrupt, participant)
        case .result(let result):
            let call = try ended(result.request, participant)
            let callee = result.details.callee.flatMap { numbers[$0.session] } ?? -1
            try checkResult(call, callee, result.payload)
        case .error(let error) where error.requestType == .call:
            let call = try ended(error.request, participant)
            try checkError(call, error)
        case .error(let error):
            switch try participant.answered(error.request) {
            case .register(let key, let tenure):
                try refused(error, participant, key, tenure)
            case .unregister(let id):
                guard participant.held[id] == nil, error.error == .noSuchRegistration else {
                    throw Breach("it was a callee")
                }
            }
        case .goodbye where participant.stage == .awaitingGoodbye: participant.stage = .gone
        case .abort(let abort)
        where participant.stage == .awaitingAbort && abort.reason == .protocolViolation:
            participant.stage = .awaitingEnd
        default: throw Breach("it is out of place")
        }
    }

    private mutating func registered(_ answer: Registered, _ participant: Participant) throws {
        guard case .register(let key, let tenure) = try participant.answered(answer.request) else {
            throw Breach("it was an UNREGISTER")
        }
        let rule = tenures[tenure].rule
        let since = tenures[tenure].asked
        for other in tenures.indices where other != tenure && lasts(other, key, since) {
            guard rule != "single", tenures[other].rule == rule,
                tenures[other].id == answer.registration
            else {
                throw Breach("\(tenures[other]) is in the way, or has another id")
            }
        }
        if participant.held[answer.registration] == key {
            // It was one already (SR-10).
            tenures[tenure].over = since
            return
        }
        guard !participant.held.values.contains(key) else { throw Breach("it has two ids") }
        participant.held[answer.registration] = key
        participant.registeredCount += 1
        tenures[tenure].confirmed = clock
        tenures[tenure].id = answer.registration
    }

    private mutating func refused(
        _ error: ErrorMessage, _ participant: Participant, _ key: Int, _ tenure: Int
    ) throws {
        let since = tenures[tenure].asked
        tenures[tenure].over = since
        let isInTheWay = tenures.indices.contains { other in
            other != tenure && mayLast(other, key, since)
                && (tenures[other].rule == "single"
                    || tenures[other].rule != tenures[tenure].rule)
        }
        guard error.error == .procedureAlreadyExists, isInTheWay else {
            throw Breach("nothing was in the way")
        }
    }

    /// Whether a tenure is sure to have lasted from `since` until now.
    private func lasts(_ tenure: Int, _ key: Int, _ since: Int) -> Bool {
        let tenure = tenures[tenure]
        return tenure.key == key && (tenure.confirmed ?? .max) <= since && tenure.ending == nil
            && tenure.over == nil
    }

    /// Whether a tenure may have lasted at some moment from `since` until now.
    private func mayLast(_ tenure: Int, _ key: Int, _ since: Int) -> Bool {
        tenures[tenure].key == key && (tenures[tenure].over ?? .max) > since
    }

    private mutating func invoked(_ invocation: Invocation, _ participant: Participant) throws {
        let args = try invocation.payload.values().args
        guard args.count == 2, let call = args[0].unsigned.map({ Int($0) - firstCall }),
            calls.indices.contains(call), args[1] == Self.text(of: call + firstCall)
        else { throw Breach("it has no arguments of ours") }
        try participant.invoked(invocation, call: call + firstCall, key: calls[call].key)
        guard !calls[call].invoked.contains(participant.number) else {
            throw Breach("the call was here before")
        }
        guard calls[call].invoked.count <= calls[call].refusals else {
            throw Breach("the call is at \(calls[call].invoked) already")
        }
        calls[call].invoked.append(participant.number)
    }

    private mutating func interrupted(_ interrupt: Interrupt, _ participant: Participant) throws {
        let id = interrupt.request.rawValue
        guard participant.cancels, let number = participant.callOfInvocation[id] else {
            throw Breach("it does not know INTERRUPT or the invocation")
        }
        let call = calls[number - firstCall]
        switch interrupt.mode {
        case .kill where call.cancels.contains(.kill): break
        case .killnowait
        where call.cancels.contains(.killnowait) || call.isTimed || !self[call.caller].isPresent:
            guard participant.interrupted.insert(id).inserted else {
                throw Breach("it was interrupted before")
            }
        default: throw Breach("nobody asked for it: \(call)")
        }
    }

    /// A call has ended, once.
    private mutating func ended(_ request: RequestID, _ participant: Participant) throws -> Int {
        let key = [UInt64(participant.number), request.rawValue]
        guard let call = callsByRequest[key], !calls[call].isOver else {
            throw Breach("the call is unknown or has ended before")
        }
        calls[call].isOver = true
        return call
    }

    private func checkResult(_ call: Int, _ callee: Int, _ payload: Payload) throws {
        let args = try payload.values().args
        let call = call + firstCall
        guard args == [Value(UInt64(call)), Self.text(of: call)],
            answers.contains(Answer(callee: callee, call: call, error: nil))
        else { throw Breach("callee \(callee) has not sent this for call \(call)") }
    }

    private func checkError(_ number: Int, _ error: ErrorMessage) throws {
        let call = calls[number]
        // An ERROR does not name the callee; it has what the callee was given, and no other has.
        let isCallees = answers.contains {
            $0.call == number + firstCall && $0.error == error.error.rawValue
        }
        let expected = [Value(UInt64(number + firstCall)), Self.text(of: number + firstCall)]
        if isCallees, try error.payload.values().args == expected { return }
        let isPlausible: Bool
        switch error.error {
        case .noSuchProcedure:
            isPlausible = !tenures.indices.contains { lasts($0, call.key, call.sent) }
        case .canceled where try error.payload.values().args == ["callee left"]:
            isPlausible = tenures.indices.contains {
                mayLast($0, call.key, call.sent) && !self[tenures[$0].participant].isPresent
            }
        case .canceled: isPlausible = !call.cancels.isEmpty
        case .timeout: isPlausible = call.isTimed
        case .noAvailableCallee: isPlausible = call.refusals > 0
        default: isPlausible = false
        }
        guard isPlausible else { throw Breach("there was no reason for it: \(call)") }
    }

    /// `on_register` as the observer was told.
    mutating func observedRegistering(_ session: UInt64) {
        if numbers[SessionID(session)] != nil { eventCounts[session, default: 0] += 1 }
    }

    /// The events told that a session is gone, and so is all that it had.
    mutating func observedLeaving(_ number: Int) throws {
        guard participants.indices.contains(number - firstNumber), !self[number].isPresent else {
            throw Breach("\(number) is gone for no reason")
        }
        for index in tenures.indices
        where tenures[index].participant == number && tenures[index].over == nil {
            tenures[index].over = clock
        }
    }

    /// What was registered is what the events told. Where the peer did not read to its end, the
    /// events may tell more.
    func checkCounts() throws {
        for participant in participants {
            let told = eventCounts[participant.session.rawValue] ?? 0
            guard told >= participant.registeredCount else {
                throw Breach(
                    "\(participant.number) was registered \(participant.registeredCount) times, "
                        + "but on_register came \(told) times")
            }
        }
    }

    /// The second argument of a call and of its answer: mostly short, sometimes so long that the
    /// router does not copy it.
    static func text(of call: Int) -> Value {
        .string(String(repeating: "x", count: call % 97 == 0 ? 20_000 : call % 7))
    }
}
