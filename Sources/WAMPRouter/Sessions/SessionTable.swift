// The sessions of a realm by slot, and by id for the meta API.

import BasicContainers
import WAMP

struct SessionTable: ~Copyable {
    private var slots = UniqueArray<(generation: UInt32, session: Session)>()
    private var vacant: [UInt32] = []
    private var byID: [SessionID: SessionKey] = [:]
    /// Ids that have been promised to someone who is still to prove who it is.
    private var reserved: Set<SessionID> = []
    /// The sessions that more waits to be written to than the high mark allows: they count as
    /// saturated (SR-52).
    private(set) var blocked: Set<SessionKey> = []

    /// Stands in a vacant slot.
    private static let nobody = Session(
        identity: PeerIdentity(session: SessionID(0)), roles: Roles([:]), authmethod: "",
        authprovider: "", isLeaving: true)

    /// The first place is the router's own (see `SessionKey.router`).
    init() { slots.append((0, SessionTable.nobody)) }

    var count: Int { byID.count }

    /// All sessions, oldest slot first.
    var keys: [SessionKey] {
        slots.indices.compactMap { index in
            let (generation, session) = slots[index]
            return byID[session.identity.session] == nil
                ? nil : SessionKey(slot: UInt32(index), generation: generation)
        }
    }

    func key(of id: SessionID) -> SessionKey? { byID[id] }

    /// Whether the id may be drawn for somebody else.
    func isFree(_ id: SessionID) -> Bool { byID[id] == nil && !reserved.contains(id) }

    mutating func reserve(_ id: SessionID) { reserved.insert(id) }

    mutating func release(_ id: SessionID) { reserved.remove(id) }

    /// Whether the session is there, and not on its way out.
    func isPresent(_ key: SessionKey) -> Bool {
        Int(key.slot) < slots.count && slots[Int(key.slot)].generation == key.generation
            && !slots[Int(key.slot)].session.isLeaving
    }

    /// The session in a slot that is known to be taken.
    subscript(key: SessionKey) -> Session {
        _read { yield slots[Int(key.slot)].session }
    }

    mutating func insert(_ session: Session) -> SessionKey {
        let key: SessionKey
        if let slot = vacant.popLast() {
            slots[Int(slot)].session = session
            key = SessionKey(slot: slot, generation: slots[Int(slot)].generation)
        } else {
            key = SessionKey(slot: UInt32(slots.count), generation: 0)
            slots.append((0, session))
        }
        byID[session.identity.session] = key
        return key
    }

    mutating func remove(_ key: SessionKey) {
        setWriteBlocked(false, key)
        byID[slots[Int(key.slot)].session.identity.session] = nil
        slots[Int(key.slot)] = (key.generation &+ 1, SessionTable.nobody)
        vacant.append(key.slot)
    }

    /// Looks up anew what the role of each session may do.
    mutating func setRules(of permissions: PermissionIndex) {
        for index in slots.indices {
            slots[index].session.rules = permissions.rules(of: slots[index].session.role)
        }
    }

    /// The next request of each session may have any id; the one behind it follows that.
    mutating func forgetSequences() {
        for index in slots.indices { slots[index].session.lastRequest = nil }
    }

    mutating func setLastRequest(_ request: UInt64, _ key: SessionKey) {
        slots[Int(key.slot)].session.lastRequest = request
    }

    mutating func setLeaving(_ key: SessionKey) { slots[Int(key.slot)].session.isLeaving = true }

    mutating func setWriteBlocked(_ isBlocked: Bool, _ key: SessionKey) {
        if isBlocked { blocked.insert(key) } else { blocked.remove(key) }
    }
}
