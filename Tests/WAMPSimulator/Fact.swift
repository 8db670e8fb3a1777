// What happens to a realm, in one word each: what the core is told, and the auditor beside it.

import WAMP
import WAMPRouter

enum Fact {
    case joined(Newcomer)
    case received(Message, SessionKey)
    /// The connection was lost.
    case left(SessionKey)
    /// What came was no message.
    case broken(SessionKey)
    case blocked(Bool, SessionKey)
    /// Time has come to this moment.
    case advanced
    case updated(RealmSettings)
    /// A message that the realm sent is too large for its receiver.
    case undeliverable(Message, SessionKey)
    case drained
}
