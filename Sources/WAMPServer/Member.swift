// A session of a realm, as far as sending goes.

import WAMP
import WAMPTransport

/// An object, so that looking it up copies one reference. It is touched under the realm's lock.
final class Member {
    let link: SessionLink
    let outbox: Outbox
    /// Of the RESULTs that this session is the callee of.
    var details: ResultDetails

    init(link: SessionLink, outbox: Outbox, callee: PeerIdentity) {
        self.link = link
        self.outbox = outbox
        details = ResultDetails(naming: callee)
    }
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
