// A session of a realm, as far as sending goes.

import WAMP
import WAMPTransport

struct Member {
    let link: SessionLink
    let outbox: Outbox
    /// Of the RESULTs that this session is the callee of.
    var details: ResultDetails
}

/// The details of a callee's RESULTs: all the same, so they are encoded once for each serializer,
/// when they are first needed.
struct ResultDetails {
    let callee: PeerIdentity?
    private var encoded: [[UInt8]?] = []

    init(naming callee: PeerIdentity?) { self.callee = callee }

    /// As they stand in an envelope.
    subscript(serializer: Serializer) -> [UInt8] {
        mutating get {
            let place = Int(serializer.rawValue)
            if place < encoded.count, let known = encoded[place] { return known }
            while encoded.count <= place { encoded.append(nil) }
            let details = MessageCoder.encode(OutcomeDetails(callee: callee), as: serializer)
            encoded[place] = details
            return details
        }
    }
}
