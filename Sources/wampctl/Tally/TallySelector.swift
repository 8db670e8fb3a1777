// What in an answer tells who gave it.

import WAMP

enum TallySelector: Equatable {
    /// The router's word if it gives one, else the first argument if it is a string.
    case automatic
    case details
    case firstArgument
    case keyword(String)

    init(written text: String) throws(NotationError) {
        switch text {
        case "auto": self = .automatic
        case "details.callee": self = .details
        case "args.0": self = .firstArgument
        default:
            guard text.hasPrefix("kwargs."), text.count > "kwargs.".count else {
                throw NotationError("use auto, details.callee, args.0 or kwargs.NAME")
            }
            self = .keyword(String(text.dropFirst("kwargs.".count)))
        }
    }

    /// Who answered; nil if the answer does not tell. `arguments` is asked only when it is needed.
    func callee(
        session: UInt64?, arguments: () -> (args: [Value], kwargs: Value.Dictionary)?
    ) -> CalleeKey? {
        switch self {
        case .details: return session.map { .session($0) }
        case .automatic:
            if let session { return .session(session) }
            return arguments()?.args.first?.string.map { .name($0) }
        case .firstArgument: return arguments()?.args.first.map { .name(Self.label($0)) }
        case .keyword(let key): return arguments()?.kwargs[key].map { .name(Self.label($0)) }
        }
    }

    private static func label(_ value: Value) -> String { value.string ?? JSONText.text(value) }
}
