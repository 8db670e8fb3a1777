// What a callee sends in MessagePack or CBOR may be more than JSON can hold: it is not printed
// rather than printed as something else.

import WAMP
import WAMPClient

extension CallResult {
    /// Itself, if all of it is JSON.
    /// - Throws: `wamp.error.invalid_payload` with the place of what is not.
    func printable() throws(ClientError) -> CallResult {
        guard let flaw else { return self }
        throw .error(uri: .invalidPayload, args: [.string(flaw)], kwargs: [:], details: [:])
    }

    /// Whether a result ahead of the last one is all JSON; if not, that is said.
    func isPrintable(for procedure: String) -> Bool {
        guard let flaw else { return true }
        Streams.shared.say("\(procedure): a result cannot be printed: \(Terminal.sanitized(flaw))")
        return false
    }

    private var flaw: String? { Payload(args: args, kwargs: kwargs, as: .json).flaw }
}
