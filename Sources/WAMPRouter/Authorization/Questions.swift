// Questions that the router asks of a procedure: who somebody is, whether somebody may. They are
// calls like any others, but made by the realm itself: they are re-routed, retried and kept waiting
// as their registration has it.

package import WAMP

/// Why a question was asked.
enum Question {
    /// For the shell, under its token.
    case shell(UInt64)
    /// Whether the first message that waits of this session may be handled.
    case permission(SessionKey, Inquiry)
}

extension Realm {
    /// How long a procedure has to answer the router, in milliseconds.
    static let answerTime: UInt64 = 5000

    /// Calls a procedure in the router's name.
    ///
    /// The answer is the effect `answered` with the same token; `failed` with
    /// `wamp.error.no_such_procedure` if nobody serves the procedure, with
    /// `wamp.error.timeout` if there is none for five seconds, whoever was asked meanwhile.
    package mutating func ask(
        _ procedure: URI, _ args: [Value], token: UInt64, at now: Now, into effects: inout Effects
    ) {
        ask(procedure, args, .shell(token), at: now, into: &effects)
    }

    mutating func ask(
        _ procedure: URI, _ args: [Value], _ question: Question, at now: Now,
        into effects: inout Effects
    ) {
        lastQuestion += 1
        let request = RequestID(lastQuestion)
        questions[request] = question
        guard let slot = registrations.best(for: procedure) else {
            return answer(request, .failed(.noSuchProcedure, []), at: now, into: &effects)
        }
        let terms = CallTerms(
            question: procedure, timeout: Realm.answerTime,
            isForPattern: registrations[slot].match != .exact,
            trustlevel: procedureSettings.best(for: procedure)?.trustlevel)
        route(
            request, terms, .holding(args), to: slot, from: .router, at: now, into: &effects)
    }

    /// A question was answered.
    mutating func answer(
        _ request: RequestID, _ answer: Answer, at now: Now, into effects: inout Effects
    ) {
        switch questions.removeValue(forKey: request) {
        case .shell(let token): effects.append(.answered(token, answer))
        case .permission(let session, let inquiry):
            decided(inquiry, answer, of: session, at: now, into: &effects)
        case nil: break
        }
    }
}

extension Answer {
    /// The arguments of a RESULT; a failure if they cannot be read.
    init(_ payload: Payload) {
        do {
            let (args, kwargs) = try payload.values()
            self = .values(args, kwargs)
        } catch {
            self = .failed(.invalidPayload, [.string("\(error)")])
        }
    }
}
