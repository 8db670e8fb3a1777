// What a peer sends in MessagePack or CBOR may be more than JSON can hold: it is not printed
// rather than printed as something else. Text has words for the numbers that JSON lacks.

import WAMP

/// Why arguments cannot be written to stdout.
struct Unprintable: Error {
    /// What follows the name of whatever holds them: `cannot be written as JSON: args.0 is NaN`.
    let reason: String

    /// Arguments that cannot even be decoded.
    init(_ violation: ProtocolViolation) { reason = "cannot be shown: \(violation)" }

    /// - Parameter asJSON: whether the output is read by programs.
    /// - Returns: nil if the output can hold them.
    init?(args: [Value], kwargs: Value.Dictionary, asJSON: Bool) {
        guard let flaw = Payload(args: args, kwargs: kwargs, as: .json).flaw else { return nil }
        let hasNumbers =
            Payload(args: args.map(\.finite), kwargs: kwargs.finite, as: .json).flaw == nil
        if hasNumbers, !asJSON { return nil }
        let place = flaw.replacing(", which JSON cannot hold", with: "")
        reason = "cannot be written as JSON: \(place)" + (hasNumbers ? "; use -o text" : "")
    }
}

extension Payload {
    /// Its arguments, if the output can hold them.
    func printable(
        asJSON: Bool
    ) throws(Unprintable) -> (args: [Value], kwargs: Value.Dictionary) {
        let values: (args: [Value], kwargs: Value.Dictionary)
        do throws(ProtocolViolation) {
            values = try self.values()
        } catch {
            throw Unprintable(error)
        }
        if serializer != .json,
            let fault = Unprintable(args: values.args, kwargs: values.kwargs, asJSON: asJSON)
        {
            throw fault
        }
        return values
    }
}

extension Value {
    /// Itself, with 0 in place of each number that JSON lacks.
    fileprivate var finite: Value {
        switch self {
        case .double(let number): number.isFinite ? self : .int(0)
        case .list(let list): .list(list.map(\.finite))
        case .dictionary(let dictionary): .dictionary(dictionary.finite)
        case .map(let entries): .map(entries.map { MapEntry($0.key, $0.value.finite) })
        default: self
        }
    }

    /// A number that JSON lacks, in words; nil for all else.
    var unwritableNumber: String? {
        guard case .double(let number) = self, !number.isFinite else { return nil }
        return number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity"
    }

    /// Whether it is such a number, or holds one.
    var holdsUnwritableNumber: Bool {
        switch self {
        case .double(let number): !number.isFinite
        case .list(let list): list.contains(where: \.holdsUnwritableNumber)
        case .dictionary(let dictionary):
            dictionary.entries.contains { $0.value.holdsUnwritableNumber }
        case .map(let entries): entries.contains(where: \.value.holdsUnwritableNumber)
        default: false
        }
    }
}

extension Value.Dictionary {
    fileprivate var finite: Value.Dictionary {
        Value.Dictionary(entries.map { ($0.key, $0.value.finite) })
    }
}
