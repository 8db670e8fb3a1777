// What an ERROR of the router says to people who are shown its first argument and nothing else.
// Where more is known, the router says that instead.
//
// Of what is there it says nothing: a sentence follows from the request alone.

extension ErrorURI {
    /// The sentence for a request that the router refuses.
    /// - Parameters:
    ///   - request: the type of the request.
    ///   - subject: the URI or the id that it was about.
    package func sentence(refusing request: MessageCode, about subject: String? = nil) -> String {
        let name = subject.map { "'\($0.excerpt)'" }
        let id = subject?.excerpt
        switch self {
        case .invalidURI: return "\(name ?? "this") is not a valid URI"
        case .noSuchProcedure: return "no callee has registered \(name ?? "the procedure")"
        case .procedureAlreadyExists, .differentInvocationPolicy:
            return "\(name ?? "the procedure") is registered already"
        case .noSuchRegistration: return "there is no registration \(id ?? "of this id")"
        case .noSuchSubscription: return "there is no subscription \(id ?? "of this id")"
        case .noSuchSession: return "there is no session \(id ?? "of this id")"
        case .noSuchPublication: return "there is no publication \(id ?? "of this id")"
        case .notAuthorized:
            return "this session may not \(request.verb) \(name ?? "this")"
        case .authorizationFailed:
            return "nobody could say whether this session may \(request.verb) \(name ?? "this")"
        case .discloseMeNotAllowed:
            let who = request == .publish ? "publishers" : "callers"
            return "\(who)\(name.map { " of \($0)" } ?? "") are not disclosed"
        case .optionNotAllowed: return "an option of this request is not allowed"
        case .invalidArgument: return "an argument is not what it must be"
        case .invalidPayload: return "the arguments are not what the other side can be sent"
        case .historyUnavailable: return "no history is kept of this"
        case .noAvailableCallee: return "no callee of \(name ?? "the procedure") is available"
        case .unavailable: return "the router takes no more of this session now"
        case .networkFailure:
            return "the callee of \(name ?? "the procedure") cannot be reached now"
        case .canceled: return "the call was canceled"
        case .timeout: return "the call took longer than its time limit"
        case .featureNotSupported: return "not all who take part support what this needs"
        case .payloadSizeExceeded: return "the message is larger than its receiver takes"
        default: return words
        }
    }

    /// Whether a text is just what the router says when no more is known, of any request.
    package func isPlain(_ sentence: String, about subject: String) -> Bool {
        let requests: [MessageCode] = [.call, .register, .publish, .subscribe]
        return requests.contains { request in
            sentence == self.sentence(refusing: request, about: subject)
                || sentence == self.sentence(refusing: request)
        }
    }

    /// The last component of the URI in words.
    package var words: String {
        let name = rawValue.split(separator: ".").last.map(String.init) ?? rawValue
        return String(name.map { $0 == "_" ? " " : $0 })
    }
}

extension MessageCode {
    /// What the request wants to do with a URI.
    fileprivate var verb: String {
        switch self {
        case .register: "register"
        case .publish: "publish to"
        case .subscribe: "subscribe to"
        default: "call"
        }
    }
}
