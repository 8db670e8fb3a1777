// The registrations of a realm, found by URI, by id, or by the session that holds them.

import BasicContainers
import WAMP

struct RegistrationTable: ~Copyable {
    private var slots = UniqueArray<Registration>()
    private var vacant: [UInt32] = []
    private var byURI: URITable
    private var byID: [RegistrationID: UInt32] = [:]
    /// Per session slot: its registrations with the order in which it joined them.
    private var bySession: [[UInt32: UInt64]] = []
    private var joinCount: UInt64 = 0

    init(seed: UInt64) { byURI = URITable(seed: seed) }

    var count: Int { byID.count }

    /// The slots in use, in the order in which their registrations were created.
    var all: [UInt32] {
        byID.values.sorted { (slots[Int($0)].created, $0) < (slots[Int($1)].created, $1) }
    }

    /// The registration in a slot that is known to be taken.
    subscript(slot: UInt32) -> Registration {
        _read { yield slots[Int(slot)] }
        _modify { yield &slots[Int(slot)] }
    }

    func find(_ uri: URI) -> UInt32? { uri.withBytes { find($0) } }

    /// The registration of a CALL's procedure.
    func find(_ call: PlainMessage) -> UInt32? {
        find(call.uri)
    }

    @inline(__always)
    private func find(_ uri: UnsafeRawBufferPointer) -> UInt32? {
        byURI.find(uri) { URI.isSame(slots[Int($0)].uri.bytes, uri) }
    }

    func find(_ id: RegistrationID) -> UInt32? { byID[id] }

    /// Lets the rule of a registration choose.
    /// - Parameter tried: the sessions that are out of the question.
    /// - Parameter blocked: the sessions that may take no call now.
    @inline(__always)
    mutating func choose(
        _ slot: UInt32, excluding tried: [SessionKey], blocked: Set<SessionKey>,
        random: inout SeededRandom
    ) -> Choice {
        var cursor = slots[Int(slot)].cursor
        let choice = slots[Int(slot)].policy.choose(
            among: slots[Int(slot)].callees, cursor: &cursor, random: &random,
            isTried: { tried.contains($0.session) },
            isBlocked: { !blocked.isEmpty && blocked.contains($0.session) })
        slots[Int(slot)].cursor = cursor
        return choice
    }

    func isCallee(_ session: SessionKey, of slot: UInt32) -> Bool {
        Int(session.slot) < bySession.count && bySession[Int(session.slot)][slot] != nil
    }

    func count(of session: SessionKey) -> Int {
        Int(session.slot) < bySession.count ? bySession[Int(session.slot)].count : 0
    }

    /// The registrations of a session in the order in which it joined them.
    func slots(of session: SessionKey) -> [UInt32] {
        guard Int(session.slot) < bySession.count else { return [] }
        return bySession[Int(session.slot)].sorted { $0.value < $1.value }.map(\.key)
    }

    mutating func create(
        _ uri: URI, policy: InvocationPolicy, created: Int64, random: inout SeededRandom
    ) -> UInt32 {
        var id: RegistrationID = random.id()
        while byID[id] != nil { id = random.id() }
        let registration = Registration(
            id: id, uri: StoredURI(uri), policy: policy, created: created)
        let slot: UInt32
        if let reused = vacant.popLast() {
            slot = reused
            slots[Int(slot)] = registration
        } else {
            slot = UInt32(slots.count)
            slots.append(registration)
        }
        byURI.insert(slots[Int(slot)].uri.bytes, slot: slot)
        byID[id] = slot
        return slot
    }

    mutating func join(_ callee: Callee, to slot: UInt32) {
        let session = Int(callee.session.slot)
        while bySession.count <= session { bySession.append([:]) }
        joinCount += 1
        bySession[session][slot] = joinCount
        slots[Int(slot)].append(callee)
    }

    /// Takes `session` off the registration, which is deleted with its last callee.
    /// - Returns: whether it was deleted.
    mutating func leave(_ session: SessionKey, from slot: UInt32) -> Bool {
        bySession[Int(session.slot)][slot] = nil
        if bySession[Int(session.slot)].isEmpty { bySession[Int(session.slot)] = [:] }
        slots[Int(slot)].remove(session)
        guard slots[Int(slot)].callees.isEmpty else { return false }
        byURI.remove(slots[Int(slot)].uri.bytes, slot: slot)
        byID[slots[Int(slot)].id] = nil
        slots[Int(slot)] = .vacant
        vacant.append(slot)
        return true
    }
}
