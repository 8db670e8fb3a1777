// The registrations of a realm, found by URI, by id, or by the session that holds them.

import BasicContainers
import WAMP

struct RegistrationTable: ~Copyable {
    private(set) var slots = UniqueArray<Registration>()
    private var vacant: [RegistrationSlot] = []
    private(set) var byURI: URITable
    var foresight = Foresight()
    private var patterns: PatternIndex
    /// Of all callees, and of former ones that still have invocations in flight.
    private(set) var figures = UniqueArray<CalleeFigures>()
    private var vacantFigures: [Place] = []
    private var byID: [RegistrationID: RegistrationSlot] = [:]
    /// Per session slot: its registrations with the order in which it joined them.
    private var bySession: [[RegistrationSlot: UInt64]] = []
    private var joinCount: UInt64 = 0

    init(seed: UInt64) {
        byURI = URITable(seed: seed)
        patterns = PatternIndex(seed: seed)
    }

    var count: Int { byID.count }

    /// The slots in use, in the order in which their registrations were created.
    var all: [RegistrationSlot] {
        byID.values.sorted { (slots[Int($0)].created, $0) < (slots[Int($1)].created, $1) }
    }

    /// The registration in a slot that is known to be taken.
    subscript(slot: RegistrationSlot) -> Registration {
        _read { yield slots[Int(slot)] }
        _modify { yield &slots[Int(slot)] }
    }

    /// The registration of just this URI or pattern.
    func find(_ uri: URI, as match: MatchPolicy = .exact) -> RegistrationSlot? {
        uri.withBytes { bytes in
            guard match != .exact else { return find(bytes) }
            return patterns.find(bytes, as: match) { slots[Int($0)].uri.bytes }.map { Slot($0) }
        }
    }

    /// The registration that a call is routed to: exact, else by pattern.
    func best(for uri: URI) -> RegistrationSlot? {
        uri.withBytes { bytes in
            if let slot = find(bytes) { return slot }
            guard !patterns.isEmpty else { return nil }
            return patterns.best(for: bytes) { slots[Int($0)].uri.bytes }.map { Slot($0) }
        }
    }

    /// The registration of a CALL's procedure, if its calls need nothing but their arguments.
    // Changes nothing: a table as large as this one is copied when it is merely borrowed.
    mutating func findPlain(_ call: PlainMessage) -> RegistrationSlot? {
        if let slot = foresight.pop(), slots[Int(slot)].blockers.isEmpty,
            URI.isSame(slots[Int(slot)].uri.bytes, call.uri)
        {
            return Slot(slot)
        }
        guard let slot = find(call.uri), slots[Int(slot)].blockers.isEmpty else { return nil }
        return slot
    }

    @inline(__always)
    private func find(_ uri: UnsafeRawBufferPointer) -> RegistrationSlot? {
        byURI.find(uri) { URI.isSame(slots[Int($0)].uri.bytes, uri) }.map { Slot($0) }
    }

    func find(_ id: RegistrationID) -> RegistrationSlot? { byID[id] }

    /// Lets the rule of a registration choose.
    /// - Parameters:
    ///   - tried: the sessions that are out of the question.
    ///   - blocked: the sessions that may take no call now.
    ///   - key: what decides under the rule `_sticky`, and for a sharded call.
    ///   - isSharded: whether the key decides, whatever the rule.
    @inline(__always)
    mutating func choose(
        _ slot: RegistrationSlot, excluding tried: [SessionKey], blocked: Set<SessionKey>,
        random: inout SeededRandom, key: UInt64 = 0, isSharded: Bool = false
    ) -> Choice {
        var cursor = slots[Int(slot)].callees.cursor
        let rule = isSharded ? .sticky : slots[Int(slot)].rule
        let choice = rule.choose(
            among: slots[Int(slot)].callees, cursor: &cursor, random: &random, key: key,
            isTried: { tried.contains($0.session) },
            isBlocked: { !blocked.isEmpty && blocked.contains($0.session) },
            inFlight: { figures[Int($0.place)].inFlight })
        if !isSharded { slots[Int(slot)].callees.cursor = cursor }
        return choice
    }

    /// Whom a call waits for that finds them busy.
    /// - Parameters:
    ///   - tried: the sessions that are out of the question.
    ///   - candidates: those to choose among; nil = all callees.
    /// - Returns: nil if all were tried.
    func lane(
        _ slot: RegistrationSlot, _ terms: CallTerms, tried: [SessionKey],
        among candidates: CalleeList? = nil
    ) -> CallQueue.Lane? {
        let rule = terms.isSharded ? .sticky : slots[Int(slot)].rule
        let callees = candidates ?? slots[Int(slot)].callees
        func isTried(_ callee: Callee) -> Bool { tried.contains(callee.session) }
        guard rule.designates else {
            return callees.allSatisfy(isTried) ? nil : .anyone(but: Set(tried))
        }
        return rule.designated(among: callees, key: terms.key, isTried: isTried)
            .map { .only(callees[$0].session) }
    }

    func isCallee(_ session: SessionKey, of slot: RegistrationSlot) -> Bool {
        Int(session.slot) < bySession.count && bySession[Int(session.slot)][slot] != nil
    }

    func count(of session: SessionKey) -> Int {
        Int(session.slot) < bySession.count ? bySession[Int(session.slot)].count : 0
    }

    /// The registrations of a session in the order in which it joined them.
    func slots(of session: SessionKey) -> [RegistrationSlot] {
        guard Int(session.slot) < bySession.count else { return [] }
        return bySession[Int(session.slot)].sorted { $0.value < $1.value }.map(\.key)
    }

    /// - Parameter known: what is configured for the procedure.
    mutating func create(
        _ uri: URI, match: MatchPolicy, rule: InvocationRule, created: Int64,
        known: ProcedureSettings? = nil, random: inout SeededRandom
    ) -> RegistrationSlot {
        var id: RegistrationID = random.id()
        while byID[id] != nil { id = random.id() }
        let registration = Registration(
            id: id, uri: StoredURI(uri), match: match, rule: rule, created: created,
            known: known)
        let slot: RegistrationSlot
        if let reused = vacant.popLast() {
            slot = reused
            slots[Int(slot)] = registration
        } else {
            slot = Slot(slots.count)
            slots.append(registration)
        }
        if match == .exact {
            byURI.insert(slots[Int(slot)].uri.bytes, slot: slot.index)
        } else {
            patterns.insert(slots[Int(slot)].uri.bytes, as: match, slot: slot.index)
        }
        byID[id] = slot
        return slot
    }

    /// What is configured for procedures has changed, or what a URI is.
    mutating func reconfigure(
        by settings: borrowing PatternTable<ProcedureSettings>, _ rule: URIRule
    ) {
        for slot in slots.indices where slots[slot].id.rawValue != 0 {
            let uri = URI(slots[slot].uri.string)
            slots[slot].configure(
                settings.best(for: uri, as: slots[slot].match), isValid: uri.isValid(rule))
        }
    }

    mutating func join(_ callee: Callee, to slot: RegistrationSlot) {
        let session = Int(callee.session.slot)
        while bySession.count <= session { bySession.append([:]) }
        joinCount += 1
        bySession[session][slot] = joinCount
        var callee = callee
        if let reused = vacantFigures.popLast() {
            callee.place = reused
            figures[Int(reused)] = CalleeFigures()
        } else {
            callee.place = Slot(figures.count)
            figures.append(CalleeFigures())
        }
        slots[Int(slot)].append(callee)
    }

    /// Takes `session` off the registration, which is deleted with its last callee.
    /// - Returns: whether it was deleted.
    mutating func remove(_ session: SessionKey, from slot: RegistrationSlot) -> Bool {
        bySession[Int(session.slot)][slot] = nil
        if bySession[Int(session.slot)].isEmpty { bySession[Int(session.slot)] = [:] }
        if let place = slots[Int(slot)].remove(session) {
            figures[Int(place)].isAttached = false
            if figures[Int(place)].inFlight == 0 { vacantFigures.append(place) }
        }
        guard slots[Int(slot)].callees.isEmpty else { return false }
        if slots[Int(slot)].match == .exact {
            byURI.remove(slots[Int(slot)].uri.bytes, slot: slot.index)
        } else {
            patterns.remove(
                slots[Int(slot)].uri.bytes, as: slots[Int(slot)].match, slot: slot.index)
        }
        byID[slots[Int(slot)].id] = nil
        slots[Int(slot)] = .vacant
        vacant.append(slot)
        return true
    }
}

// MARK: Figures (SR-56 … SR-59, SR-84)

extension RegistrationTable {
    func figures(_ place: Place) -> CalleeFigures { figures[Int(place)] }

    /// A call was given to a callee.
    @inline(__always)
    mutating func occupy(_ place: Place) { figures[Int(place)].begin() }

    /// A callee is done with a call, or was relieved of it.
    @inline(__always)
    mutating func release(_ place: Place) {
        if figures[Int(place)].finish() { vacantFigures.append(place) }
    }

    mutating func countError(_ place: Place) { figures[Int(place)].errors += 1 }

    mutating func countRerouted(_ place: Place) { figures[Int(place)].rerouted += 1 }

    /// The sum of all invocations in flight, as the callees' figures have it.
    var inFlightCount: Int {
        var sum = 0
        for index in figures.indices { sum += Int(figures[index].inFlight) }
        return sum
    }
}
