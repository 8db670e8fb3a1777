// What is kept of plain calls that may have to be sent again: their bytes, in memory that is used
// again, since nearly all such calls end with the first callee.

import BasicContainers
import WAMP

/// What a plain CALL does not say itself, as it was when it arrived.
struct PlainTerms {
    /// What the callee asked for.
    var options = CalleeOptions()
    /// How many callees may be tried in all.
    var attempts = 0
    /// The realm's: where a rule of a role has its own, a call is no plain one.
    var disclosure = Disclosure.onRequest
}

/// The copy of one plain CALL.
struct PlainCopy: ~Copyable {
    /// The message from its procedure to the end of its payload.
    private var bytes = UniqueArray<UInt8>()
    private var procedureLength = 0
    private var payloadLength = 0
    private var serializer = Serializer.json
    private var shape = Payload.Shape.empty
    private var terms = PlainTerms()

    var count: Int { bytes.count }
    var capacity: Int { bytes.capacity }

    /// Keeps a call in place of what was kept before.
    @inline(__always)
    mutating func keep(_ call: PlainMessage, _ terms: PlainTerms) {
        let message = call.fromURI
        bytes.removeAll(keepingCapacity: true)
        if bytes.capacity < message.count { bytes.reserveCapacity(max(64, message.count)) }
        bytes.append(copying: message.assumingMemoryBound(to: UInt8.self))
        procedureLength = call.uri.count
        payloadLength = call.payload.count
        serializer = call.serializer
        shape = call.shape
        self.terms = terms
    }

    /// The call as it is kept while it goes from callee to callee.
    func record(of callee: SessionKey) -> RetainedCall {
        let record = bytes.span.withUnsafeBytes { bytes in
            RetainedCall(
                terms: CallTerms(
                    plain: URI(copying: bytes.prefix(procedureLength)),
                    disclosure: terms.disclosure),
                payload: Payload(
                    copying: bytes.suffix(payloadLength), serializer: serializer,
                    shape: shape),
                isComplete: true, attempts: terms.attempts)
        }
        record.tried = [callee]
        record.options = terms.options
        return record
    }
}

/// The copies by the slots of their calls.
struct PlainCopies: ~Copyable {
    private var copies = UniqueArray<PlainCopy>()
    /// The memory of those that are not in use, and the most of it that is kept.
    private var spareBytes = 0
    private static let mostSpareBytes = 1 << 20
    /// What is larger is not kept for another call; in bytes.
    private static let largestSpare = 1 << 10

    /// - Returns: how many bytes it takes.
    @inline(__always)
    mutating func keep(_ call: PlainMessage, _ terms: PlainTerms, in slot: CallSlot) -> Int {
        while copies.count <= Int(slot) { copies.append(PlainCopy()) }
        spareBytes -= copies[Int(slot)].capacity
        copies[Int(slot)].keep(call, terms)
        return copies[Int(slot)].count
    }

    /// - Returns: how many bytes it took.
    @inline(__always)
    mutating func forget(_ slot: CallSlot) -> Int {
        let (count, capacity) = (copies[Int(slot)].count, copies[Int(slot)].capacity)
        if capacity <= PlainCopies.largestSpare,
            spareBytes + capacity <= PlainCopies.mostSpareBytes
        {
            spareBytes += capacity
        } else {
            copies[Int(slot)] = PlainCopy()
        }
        return count
    }

    func record(in slot: CallSlot, of callee: SessionKey) -> RetainedCall {
        copies[Int(slot)].record(of: callee)
    }
}
