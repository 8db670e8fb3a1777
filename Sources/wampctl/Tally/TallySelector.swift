// What in an answer tells who gave it.

import WAMP

enum TallySelector: Equatable {
    /// The router's word if it gives one, else the first argument if it is a string.
    case automatic
    case details
    /// A positional argument, or what lies in it.
    case argument(Int, path: [String])
    /// The keyword argument that the path begins with, or what lies in it.
    case keyword(path: [String])

    static let forms = "auto, details.callee, args.N, kwargs.NAME, or with .KEY what lies in them"

    init(written text: String) throws(NotationError) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let path = Array(parts.dropFirst())
        switch (parts[0], path.first) {
        case ("auto", .none): self = .automatic
        case ("details", "callee"?) where path.count == 1: self = .details
        case ("args", let place?):
            guard place.allSatisfy({ $0.isASCII && $0.isNumber }), let index = Int(place),
                !path.contains("")
            else {
                throw NotationError("arguments are counted from 0: args.0, args.1.name")
            }
            self = .argument(index, path: Array(path.dropFirst()))
        case ("kwargs", .some(_)) where !path.contains(""): self = .keyword(path: path)
        default: throw NotationError("use \(Self.forms)")
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
        case .argument(let index, let path):
            guard let args = arguments()?.args, index < args.count else { return nil }
            return Self.key(args[index].value(at: path[...]))
        case .keyword(let path):
            guard let kwargs = arguments()?.kwargs else { return nil }
            return Self.key(Value.dictionary(kwargs).value(at: path[...]))
        }
    }

    private static func key(_ value: Value?) -> CalleeKey? {
        value.map { .name($0.string ?? JSONText.text($0)) }
    }
}

extension Value {
    /// What lies in it at a path of keys and places. A key may itself hold full stops.
    fileprivate func value(at path: ArraySlice<String>) -> Value? {
        guard let first = path.first else { return self }
        switch self {
        case .dictionary(let entries):
            return entries[path.joined(separator: ".")]
                ?? entries[first]?.value(at: path.dropFirst())
        case .list(let values):
            guard let place = Int(first), values.indices.contains(place) else { return nil }
            return values[place].value(at: path.dropFirst())
        default: return nil
        }
    }
}
