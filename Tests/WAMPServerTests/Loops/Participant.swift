// One session of a random sequence: what its peer has sent and what its own connection has shown so
// far. All that can be said without looking at other connections is checked here.

import WAMP

final class Participant {
    enum Stage: Equatable {
        case present
        /// It has said or done something that ends the session; this is still to come.
        case awaitingGoodbye, awaitingAbort, awaitingEnd
        case gone
    }

    enum Request {
        /// A key; its place among the auditor's tenures.
        case register(Int, tenure: Int)
        case unregister(RegistrationID)
    }

    let number: Int
    let session: SessionID
    let peer: MessagePeer
    let cancels: Bool
    let reroutes: Bool

    var stage = Stage.present
    var lastRequest: UInt64 = 0
    /// REGISTER and UNREGISTER are answered in their order.
    var asked: [(request: UInt64, what: Request)] = []
    /// What its stream says it is registered for: keys by id.
    var held: [RegistrationID: Int] = [:]
    /// How often REGISTERED made it a callee; the meta events must tell the same.
    var registeredCount = 0
    /// INVOCATIONs that came; those that wait for an answer.
    var callOfInvocation: [UInt64: Int] = [:]
    var unanswered: [UInt64] = []
    var interrupted: Set<UInt64> = []

    init(_ number: Int, _ session: SessionID, _ peer: MessagePeer, cancels: Bool, reroutes: Bool) {
        self.number = number
        self.session = session
        self.peer = peer
        self.cancels = cancels
        self.reroutes = reroutes
    }

    var isPresent: Bool { stage == .present }

    static func procedure(_ key: Int) -> String { key < 0 ? "m.\(-key)" : "t.\(key)" }

    /// The key of the procedure that only this session registers: that it is gone shows that the
    /// session is.
    var marker: Int { -1 - number }

    func nextRequest() -> RequestID {
        lastRequest += 1
        return RequestID(lastRequest)
    }

    /// INVOCATION: for a registration that is held, under the next id of this session.
    func invoked(_ invocation: Invocation, call: Int, key: Int) throws {
        let id = invocation.request.rawValue
        guard held[invocation.registration] == key else {
            throw Breach("INVOCATION for \(invocation.registration), held are \(held)")
        }
        guard id == UInt64(callOfInvocation.count + 1) else {
            throw Breach("INVOCATION \(id) after \(callOfInvocation.count)")
        }
        callOfInvocation[id] = call
        unanswered.append(id)
    }

    /// The answer to the oldest REGISTER or UNREGISTER.
    func answered(_ request: RequestID?) throws -> Request {
        guard let first = asked.first, first.request == request?.rawValue else {
            throw Breach("\(request.map { "\($0)" } ?? "nothing") is answered, not \(asked)")
        }
        asked.removeFirst()
        return first.what
    }
}
