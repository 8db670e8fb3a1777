// The meta API: procedures below `wamp.` whose callee is the router itself. They are answered on
// the spot, and are no registrations anybody can see.
//
// Spec: Advanced Profile, Session Meta API and Registration Meta API.

import WAMP

/// Why a meta procedure has no result.
struct MetaError: Error {
    let uri: ErrorURI
    let message: String?

    init(_ uri: ErrorURI, _ message: String? = nil) {
        self.uri = uri
        self.message = message
    }
}

/// The arguments of a meta procedure.
struct MetaArguments {
    let args: [Value]
    let kwargs: Value.Dictionary

    func isGiven(_ index: Int) -> Bool { index < args.count && args[index] != .null }

    func id<ID: WAMPIdentifier>(_ index: Int, _ name: String) throws(MetaError) -> ID {
        guard index < args.count, let id = args[index].unsigned else {
            throw MetaError(.invalidArgument, "argument \(index + 1) must be a \(name) id")
        }
        return ID(id)
    }

    func uri(_ index: Int) throws(MetaError) -> URI {
        guard index < args.count, let uri = args[index].string else {
            throw MetaError(.invalidArgument, "argument \(index + 1) must be a URI")
        }
        return URI(uri)
    }
}

extension Realm {
    /// Answers a CALL to a procedure of the router.
    mutating func answerMeta(_ call: Call, from caller: SessionKey, into effects: inout Effects) {
        do throws(MetaError) {
            let arguments: MetaArguments
            do {
                let (args, kwargs) = try call.payload.values()
                arguments = MetaArguments(args: args, kwargs: kwargs)
            } catch {
                throw MetaError(.invalidArgument, error.description)
            }
            let value = try metaResult(of: call.procedure.description, arguments)
            effects.send(
                .result(Result(request: call.request, payload: Payload(args: [value]))), to: caller)
        } catch {
            refuse(
                .call, call.request, of: caller, error.uri,
                error.message.map { [.string($0)] } ?? [], into: &effects)
        }
    }

    private func metaResult(
        of procedure: String, _ arguments: MetaArguments
    ) throws(MetaError) -> Value {
        switch procedure {
        case "wamp.session.count": try .int(Int64(sessionIDs(arguments).count))
        case "wamp.session.list": try .list(sessionIDs(arguments))
        case "wamp.session.get": try sessionDetails(arguments)
        case "wamp.registration.list": registrationIDs
        case "wamp.registration.lookup": try lookUpRegistration(arguments)
        case "wamp.registration.match": try matchRegistration(arguments)
        case "wamp.registration.get":
            try .dictionary(details(ofRegistration: registration(arguments)))
        case "wamp.registration.list_callees": try .list(callees(arguments))
        case "wamp.registration.count_callees": try .int(Int64(callees(arguments).count))
        case "wampctl.registration.stats": try registrationStats(arguments)
        default: throw MetaError(.noSuchProcedure)
        }
    }
}
