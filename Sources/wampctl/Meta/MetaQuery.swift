// What the words behind `wampctl meta` ask for.

import WAMP

enum MetaQuery: Equatable {
    case list(MetaSubject)
    case countSessions
    case get(MetaSubject, id: UInt64)
    case kill(MetaTarget)
    case lookup(MetaSubject, uri: String)
    case match(MetaSubject, uri: String)
    /// The sessions of a registration or subscription, named by URI or id.
    case members(MetaSubject, name: String)
    case removeCallee(name: String, session: UInt64)
    case events(name: String)
    /// All meta events, or those about one subject.
    case watch(MetaSubject?)

    /// Which sessions are killed.
    enum MetaTarget: Equatable {
        case session(UInt64)
        case authid(String)
        case authrole(String)
        case all
    }

    /// How each question is written, behind `wampctl meta`.
    static let forms = [
        (form: "session list", meaning: "all sessions, and who they are"),
        (form: "session count", meaning: "how many there are"),
        (form: "session get ID", meaning: "what the router tells of one"),
        (
            form: "session kill ID",
            meaning: "end one, or with --of-authid, --of-authrole or --all many"
        ),
        (form: "registration list", meaning: "all registrations, their rules and callees"),
        (form: "registration get ID", meaning: "what the router tells of one"),
        (form: "registration lookup URI", meaning: "the ID of the one of this URI or pattern"),
        (form: "registration match URI", meaning: "the ID of the one that a call would go to"),
        (form: "registration callees URI|ID", meaning: "its callees, in their order"),
        (form: "registration remove URI|ID SESSION", meaning: "take this callee out of it"),
        (form: "subscription list", meaning: "all subscriptions, and how many have each"),
        (form: "subscription get ID", meaning: "what the router tells of one"),
        (form: "subscription lookup TOPIC", meaning: "the ID of the one of this topic or pattern"),
        (form: "subscription match TOPIC", meaning: "the IDs of all that an event would reach"),
        (form: "subscription subscribers TOPIC|ID", meaning: "who has subscribed"),
        (form: "subscription events TOPIC|ID", meaning: "what the router kept of its history"),
        (
            form: "watch [SUBJECT]",
            meaning: "who comes and goes: of a session, registration or subscription, or of all"
        ),
    ]

    /// - Parameter target: what the options of `session kill` name.
    init(_ words: [String], target: MetaTarget?) throws(NotationError) {
        guard let first = words.first else { throw NotationError("nothing is asked for") }
        let rest = Array(words.dropFirst())
        if first == "watch" {
            self = try Self.watch(rest)
            return
        }
        guard let subject = MetaSubject(rawValue: first) else {
            throw Self.unknown(first, among: MetaSubject.allCases.map(\.rawValue) + ["watch"])
        }
        guard let action = rest.first else {
            throw NotationError("what about \(first)? Such as 'wampctl meta \(first) list'")
        }
        let operands = Array(rest.dropFirst())
        switch (subject, action) {
        case (_, "list"):
            try Self.require([], operands, action)
            self = .list(subject)
        case (.session, "count"):
            try Self.require([], operands, action)
            self = .countSessions
        case (_, "get"):
            try Self.require(["ID"], operands, action)
            self = .get(subject, id: try Notation.id(operands[0]))
        case (.session, "kill"):
            if let target {
                try Self.require([], operands, "kill with --of-authid, --of-authrole or --all")
                self = .kill(target)
            } else {
                try Self.require(["ID"], operands, action)
                self = .kill(.session(try Notation.id(operands[0])))
            }
        case (.registration, "lookup"), (.subscription, "lookup"):
            try Self.require(["URI"], operands, action)
            self = .lookup(subject, uri: operands[0])
        case (.registration, "match"), (.subscription, "match"):
            try Self.require(["URI"], operands, action)
            self = .match(subject, uri: operands[0])
        case (.registration, "callees"), (.subscription, "subscribers"):
            try Self.require(["URI or ID"], operands, action)
            self = .members(subject, name: operands[0])
        case (.registration, "remove"):
            try Self.require(["URI or ID", "SESSION"], operands, action)
            self = .removeCallee(name: operands[0], session: try Notation.id(operands[1]))
        case (.subscription, "events"):
            try Self.require(["TOPIC or ID"], operands, action)
            self = .events(name: operands[0])
        default: throw Self.unknown(action, among: Self.actions(of: subject))
        }
        if target != nil, action != "kill" {
            throw NotationError("--of-authid, --of-authrole and --all belong to session kill")
        }
    }

    private static func watch(_ words: [String]) throws(NotationError) -> MetaQuery {
        guard let word = words.first else { return .watch(nil) }
        guard words.count == 1, let subject = MetaSubject(rawValue: word) else {
            throw unknown(word, among: MetaSubject.allCases.map(\.rawValue))
        }
        return .watch(subject)
    }

    private static func actions(of subject: MetaSubject) -> [String] {
        switch subject {
        case .session: ["list", "count", "get", "kill"]
        case .registration: ["list", "get", "lookup", "match", "callees", "remove"]
        case .subscription: ["list", "get", "lookup", "match", "subscribers", "events"]
        }
    }

    private static func unknown(_ word: String, among known: [String]) -> NotationError {
        let suggestion = Similarity.nearest(to: word, among: known)
            .map { " (did you mean '\($0)'?)" }
        return NotationError(
            "'\(word)' is not known; \(OutputOptions.choices(known))\(suggestion ?? "")")
    }

    private static func require(
        _ names: [String], _ operands: [String], _ action: String
    ) throws(NotationError) {
        guard operands.count != names.count else { return }
        throw NotationError(
            operands.count < names.count
                ? "\(action) needs \(names.joined(separator: " and "))"
                : "unexpected argument '\(operands[names.count])' behind \(action)")
    }

    /// Whether the answer is a list, for which there are tables.
    var isList: Bool {
        switch self {
        case .list, .members, .events: true
        default: false
        }
    }

    /// Whether it does harm, and is asked about before.
    var isDangerous: Bool {
        switch self {
        case .kill, .removeCallee: true
        default: false
        }
    }
}
