// The meta API: procedures below `wamp.` whose callee is the router itself. They are answered on
// the spot, and are no registrations anybody can see.
//
// Spec: Advanced Profile, Session Meta API and Registration Meta API.

import WAMP

extension Realm {
    /// Answers a CALL to a procedure of the router. The answer comes before all that others learn
    /// of it.
    mutating func answerMeta(
        _ call: Call, from caller: SessionKey, at now: Now, into effects: inout Effects
    ) {
        do throws(MetaError) {
            guard let procedure = MetaProcedure(rawValue: call.procedure.description) else {
                // Whoever may see nothing does not learn what there is.
                guard isAllowed(.read, to: caller) else { throw MetaError(.notAuthorized) }
                throw MetaError(
                    .noSuchProcedure,
                    "'\(call.procedure.excerpt)' is reserved for the router, which does not have it"
                )
            }
            guard isAllowed(procedure.permission, to: caller) else {
                throw MetaError(.notAuthorized)
            }
            var consequences = Effects()
            let result = try answer(
                procedure, MetaArguments(call.payload, isPositional: settings.followsCrossbar),
                from: caller, at: now, into: &consequences)
            effects.send(
                .result(Result(request: call.request, payload: result.payload)), to: caller)
            effects.append(contentsOf: &consequences)
        } catch {
            if error.uri == .notAuthorized { note(denied: .call, call.procedure, of: caller) }
            refuse(
                .call, call.request, of: caller, error.uri,
                error.message.map { [.string($0)] } ?? [],
                about: error.subject ?? call.procedure.excerpt, kwargs: error.kwargs,
                into: &effects)
        }
    }
}

extension MetaArguments {
    /// - Throws: `wamp.error.invalid_payload` if they cannot be read.
    init(_ payload: Payload, isPositional: Bool) throws(MetaError) {
        self.isPositional = isPositional
        do throws(ProtocolViolation) {
            (args, kwargs) = try payload.values()
        } catch {
            throw MetaError(.invalidPayload, error.description)
        }
    }
}
