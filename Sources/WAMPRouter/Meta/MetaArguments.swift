// The arguments of a procedure of the router, read with their types checked, and what it returns.

import WAMP

/// Why a meta procedure has no result.
struct MetaError: Error {
    let uri: ErrorURI
    /// A sentence; nil = that of the error.
    let message: String?
    /// What is missing or refused; nil = the procedure itself.
    let subject: String?
    let kwargs: Value.Dictionary

    init(
        _ uri: ErrorURI, _ message: String? = nil, about subject: String? = nil,
        kwargs: Value.Dictionary = [:]
    ) {
        self.uri = uri
        self.message = message
        self.subject = subject
        self.kwargs = kwargs
    }
}

/// What a meta procedure returns: one positional value, as a rule.
struct MetaResult {
    let args: [Value]
    let kwargs: Value.Dictionary

    init(_ value: Value) { self.init(args: [value]) }

    init(args: [Value], kwargs: Value.Dictionary = [:]) {
        self.args = args
        self.kwargs = kwargs
    }

    static let nothing = MetaResult(args: [])

    var payload: Payload {
        args.isEmpty && kwargs.isEmpty ? Payload() : .holding(args, kwargs)
    }
}

/// The arguments of a meta procedure. What is missing or has the wrong type is
/// `wamp.error.invalid_argument`; null stands for absence.
struct MetaArguments {
    let args: [Value]
    let kwargs: Value.Dictionary
    /// What is a keyword argument may come as a positional one, as Crossbar.io has it.
    let isPositional: Bool

    func isGiven(_ index: Int) -> Bool { index < args.count && args[index] != .null }

    func id<ID: WAMPIdentifier>(_ index: Int, _ name: String) throws(MetaError) -> ID {
        guard index < args.count, let id = args[index].unsigned else {
            throw MetaError(.invalidArgument, "argument \(index + 1) must be a \(name) id")
        }
        return ID(id)
    }

    func uri(_ index: Int) throws(MetaError) -> URI { try URI(string(index, "a URI")) }

    /// - Parameter what: what it must be.
    func string(_ index: Int, _ what: String) throws(MetaError) -> String {
        guard index < args.count, let string = args[index].string else {
            throw MetaError(.invalidArgument, "argument \(index + 1) must be \(what)")
        }
        return string
    }

    func list(_ index: Int) throws(MetaError) -> [Value] {
        guard index < args.count, args[index] == .null || args[index].list != nil else {
            throw MetaError(.invalidArgument, "argument \(index + 1) must be a list")
        }
        return args[index].list ?? []
    }

    func dictionary(_ index: Int) throws(MetaError) -> Value.Dictionary {
        guard index < args.count, args[index] == .null || args[index].dictionary != nil else {
            throw MetaError(.invalidArgument, "argument \(index + 1) must be a dictionary")
        }
        return args[index].dictionary ?? [:]
    }

    /// The option `match` among the options that the second argument may hold.
    func match() throws(MetaError) -> MatchPolicy {
        guard isGiven(1) else { return .exact }
        guard let name = try dictionary(1)["match"] else { return .exact }
        guard let policy = name.string.flatMap(MatchPolicy.init(rawValue:)) else {
            throw MetaError(.invalidArgument, "match must be exact, prefix or wildcard")
        }
        return policy
    }

    /// A keyword argument that may be absent.
    /// - Parameters:
    ///   - index: its place where it may be positional; nil = never.
    ///   - what: what it must be.
    func keyword<T>(
        _ key: String, orAt index: Int? = nil, _ what: String, _ convert: (Value) -> T?
    ) throws(MetaError) -> T? {
        var given = kwargs[key]
        if given == nil, isPositional, let index, index < args.count { given = args[index] }
        guard let value = given, value != .null else { return nil }
        guard let converted = convert(value) else {
            throw MetaError(.invalidArgument, "\(key) must be \(what)")
        }
        return converted
    }

    /// The keyword argument `reason`.
    /// - Throws: `wamp.error.invalid_uri` if it is no URI.
    func reason(orAt index: Int, otherwise: ErrorURI) throws(MetaError) -> ErrorURI {
        guard let reason = try keyword("reason", orAt: index, "a URI", \.string) else {
            return otherwise
        }
        guard URI(reason).isValid(.loose) else {
            throw MetaError(.invalidURI, "reason must be a URI, not '\(reason.excerpt)'")
        }
        return ErrorURI(reason)
    }
}
