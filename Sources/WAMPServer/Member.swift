// A session of a realm, as far as sending goes.

import BasicContainers
import WAMP
import WAMPTransport

/// What stands in a place of the host's list, vacant or not.
struct Member: ~Copyable {
    /// Nil in a vacant place.
    let link: SessionLink?
    /// The link's, without counting references: nothing is looked up more often.
    let outbox: Unmanaged<Outbox>?
    private let held: Outbox?
    /// Of the RESULTs that this session is the callee of.
    var details: ResultDetails

    init(link: SessionLink, outbox: Outbox, callee: PeerIdentity) {
        self.link = link
        self.outbox = Unmanaged.passUnretained(outbox)
        held = outbox
        details = ResultDetails(naming: callee)
    }

    /// A vacant place.
    init() {
        link = nil
        outbox = nil
        held = nil
        details = ResultDetails(naming: nil)
    }
}

/// The details of a callee's RESULTs: all the same, so they are encoded once for each serializer,
/// when they are first needed.
struct ResultDetails: ~Copyable {
    let callee: PeerIdentity?
    private var encoded = UniqueArray<Encoded>()
    /// What was asked for last, which is nearly always what is asked for next.
    private var last: (serializer: Serializer, bytes: UnsafeRawBufferPointer)?

    /// Not private: the compiler (6.3.1) fails on a private type in the fields of a type that other
    /// files use.
    struct Encoded: ~Copyable {
        let serializer: Serializer
        let writer: ByteWriter
    }

    init(naming callee: PeerIdentity?) { self.callee = callee }

    /// As they stand in an envelope. The bytes are there as long as this value.
    subscript(serializer: Serializer) -> UnsafeRawBufferPointer {
        mutating get {
            if let last, last.serializer == serializer { return last.bytes }
            let bytes = bytes(serializer)
            last = (serializer, bytes)
            return bytes
        }
    }

    private mutating func bytes(_ serializer: Serializer) -> UnsafeRawBufferPointer {
        for place in encoded.indices where encoded[place].serializer == serializer {
            return encoded[place].writer.bytes
        }
        let details = OutcomeDetails(callee: callee)
        encoded.append(
            Encoded(serializer: serializer, writer: MessageCoder.encode(details, as: serializer)))
        return encoded[encoded.count - 1].writer.bytes
    }
}
