// Results that the output cannot hold: the call fails, or a result ahead of the last is left out.

import WAMP
import WAMPClient

extension CallResult {
    /// Itself, if the output can hold it.
    /// - Throws: why it cannot, with the place.
    func printable(asJSON: Bool) throws(ClientError) -> CallResult {
        guard let fault = fault(asJSON: asJSON) else { return self }
        throw .protocolViolation("the result \(fault.reason)")
    }

    /// Whether the output can hold a result ahead of the last one; if not, that is said, and the
    /// command does not end with 0.
    func isPrintable(for procedure: String, asJSON: Bool) -> Bool {
        guard let fault = fault(asJSON: asJSON) else { return true }
        Streams.shared.leaveOut("\(procedure): a result ahead of the last \(fault.reason)")
        return false
    }

    private func fault(asJSON: Bool) -> Unprintable? {
        Unprintable(args: args, kwargs: kwargs, asJSON: asJSON)
    }
}
