// The core's own containers, each against the plainest thing that does the same.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("URITable")
struct URITableTests {
    /// A table with the URIs that its slots stand for.
    private struct Store: ~Copyable {
        var table: URITable
        var uris: [UInt32: [UInt8]] = [:]

        init(seed: UInt64) { table = URITable(seed: seed) }

        func find(_ uri: String) -> UInt32? {
            let bytes = [UInt8](uri.utf8)
            return bytes.withUnsafeBytes { raw in table.find(raw) { uris[$0] == bytes } }
        }

        mutating func insert(_ uri: String, slot: UInt32) {
            uris[slot] = [UInt8](uri.utf8)
            Array(uri.utf8).withUnsafeBytes { table.insert($0, slot: slot) }
        }

        mutating func remove(_ uri: String, slot: UInt32) {
            Array(uri.utf8).withUnsafeBytes { table.remove($0, slot: slot) }
            uris[slot] = nil
        }
    }

    @Test(
        "It finds what a dictionary finds, through growth and deletion",
        arguments: 1...8 as ClosedRange<UInt64>)
    func likeDictionary(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var store = Store(seed: random.next())
        var dictionary: [String: UInt32] = [:]
        var nextSlot: UInt32 = 0
        // Few names make many hits; the share of deletions grows and shrinks so that the table
        // fills and empties.
        for step in 0..<6000 {
            let name = "com.app.\(random.index(below: 400))"
            let found = store.find(name)
            let isFilling = step / 1000 % 2 == 0
            if let slot = dictionary[name] {
                #expect(found == slot, "\(step)")
                if random.index(below: 4) < (isFilling ? 1 : 3) {
                    store.remove(name, slot: slot)
                    dictionary[name] = nil
                }
            } else {
                #expect(found == nil, "\(step)")
                if isFilling || random.index(below: 4) == 0 {
                    store.insert(name, slot: nextSlot)
                    dictionary[name] = nextSlot
                    nextSlot += 1
                }
            }
        }
        for number in 0..<400 {
            let name = "com.app.\(number)"
            #expect(store.find(name) == dictionary[name], "\(number)")
        }
    }

    @Test("Runs that wrap round the end of the table survive deletions of any member")
    func wrappingRuns() {
        // 12 entries in 16 places make long runs; every order of growth and deletion is tried with
        // many seeds.
        for seed in 0..<300 as Range<UInt64> {
            var store = Store(seed: seed)
            let names = (0..<12).map { "t.\($0)" }
            for (slot, name) in names.enumerated() { store.insert(name, slot: UInt32(slot)) }
            var random = SeededRandom(seed: seed)
            var left = Array(names.enumerated())
            while !left.isEmpty {
                let (slot, name) = left.remove(at: random.index(below: left.count))
                store.remove(name, slot: UInt32(slot))
                #expect(store.find(name) == nil, "\(seed)")
                for (slot, name) in left {
                    #expect(store.find(name) == UInt32(slot), "\(seed) \(name)")
                }
            }
        }
    }

    @Test("URIs of every length differ in their last byte, in their first, and from their prefix")
    func lengths() {
        var store = Store(seed: 9)
        var slot: UInt32 = 0
        var names: [String] = []
        for length in 0...40 {
            let body = String(repeating: "a", count: length)
            for name in [body, body + "b", "b" + body] where !names.contains(name) {
                names.append(name)
                store.insert(name, slot: slot)
                slot += 1
            }
        }
        for (slot, name) in names.enumerated() {
            #expect(store.find(name) == UInt32(slot), "\(name)")
        }
    }

    @Test("Removing what is not there changes nothing")
    func removeAbsent() {
        var store = Store(seed: 1)
        store.insert("t.x", slot: 3)
        Array("t.y".utf8).withUnsafeBytes { store.table.remove($0, slot: 4) }
        let found = store.find("t.x")
        #expect(found == 3)
    }
}

@Suite("InFlightRing")
struct InFlightRingTests {
    @Test("It holds what a dictionary holds while ids count up and some stay for long")
    func likeDictionary() {
        for seed in 1...8 as ClosedRange<UInt64> {
            var random = SeededRandom(seed: seed)
            var ring = InFlightRing()
            var dictionary: [UInt64: CallSlot] = [:]
            var last: UInt64 = 0
            for step in 0..<4000 {
                // Now and then an id far ahead, as clients with random ids have them.
                last += random.index(below: 50) == 0 ? 1 << random.index(below: 30) : 1
                ring.insert(last, slot: Slot(step))
                dictionary[last] = Slot(step)
                // Every tenth stays to the end.
                for id in dictionary.keys.sorted().suffix(5)
                where id % 10 != 0 && random.index(below: 3) == 0 {
                    #expect(
                        ring.remove(id) == dictionary.removeValue(forKey: id),
                        "\(seed) \(step) \(id)")
                    #expect(ring.find(id) == nil, "\(seed) \(step) \(id)")
                }
                #expect(ring.count == dictionary.count, "\(seed) \(step)")
            }
            for (id, slot) in dictionary { #expect(ring.find(id) == slot, "\(seed) \(id)") }
            #expect(ring.slotsByID == dictionary.sorted { $0.key < $1.key }.map(\.value), "\(seed)")
            for id in dictionary.keys {
                #expect(ring.remove(id) == dictionary[id], "\(seed) \(id)")
            }
            #expect(ring.count == 0, "\(seed)")
            #expect(ring.slotsByID.isEmpty, "\(seed)")
        }
    }

    @Test("A call that runs on is found after thousands of others came and went")
    func longRunning() {
        var ring = InFlightRing()
        ring.insert(1, slot: Slot(99))
        for id in 2...5000 as ClosedRange<UInt64> {
            ring.insert(id, slot: Slot(1))
            #expect(ring.remove(id) == Slot(1), "\(id)")
            #expect(ring.find(1) == Slot(99), "\(id)")
        }
        #expect(ring.count == 1)
        #expect(ring.remove(1) == Slot(99))
        #expect(ring.remove(1) == nil)
    }

    @Test("Ids wrap from the largest to 1")
    func wrap() {
        var ring = InFlightRing()
        let ids = [RequestID.largest - 1, RequestID.largest, 1, 2]
        for (slot, id) in ids.enumerated() { ring.insert(id, slot: Slot(slot)) }
        for (slot, id) in ids.enumerated() { #expect(ring.find(id) == Slot(slot), "\(id)") }
        #expect(ring.slotsByID == [2, 3, 0, 1].map { Slot($0) })
    }

    @Test("An id that is not there, 0 included, is not found")
    func absent() {
        var ring = InFlightRing()
        #expect(ring.find(0) == nil)
        ring.insert(5, slot: Slot(1))
        #expect(ring.find(0) == nil)
        #expect(ring.remove(0) == nil)
        #expect(ring.find(21) == nil)
        #expect(ring.remove(21) == nil)
        #expect(ring.count == 1)
    }
}

@Suite("CallTable")
struct CallTableTests {
    private let callee = Callee(
        session: SessionKey(slot: 1, generation: 0), options: CalleeOptions(), place: Slot(0))

    private func call(_ request: UInt64, deadline: UInt64) -> CallInFlight {
        CallInFlight(
            caller: SessionKey(slot: 0, generation: 0), request: RequestID(request),
            registration: Slot(0), registrationID: RegistrationID(1),
            deadline: Moment(nanoseconds: deadline))
    }

    @Test(
        "Deadlines come in order, whatever is taken out in between",
        arguments: 1...6 as ClosedRange<UInt64>)
    func deadlines(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var table = CallTable()
        var open: [UInt64: UInt64] = [:]
        for request in 1...1500 as ClosedRange<UInt64> {
            let deadline = UInt64(random.index(below: 500)) + 1
            let slot = table.enter(call(request, deadline: request % 7 == 0 ? .max : deadline))
            _ = table.assign(slot, to: callee)
            if request % 7 != 0 { open[request] = deadline }
            if random.index(below: 3) == 0,
                let victim = open.keys.sorted().randomElement(using: &random)
            {
                let found = table.find(
                    madeBy: SessionKey(slot: 0, generation: 0), RequestID(victim))
                let slot = try #require(found, "\(request)")
                let removed = table.remove(slot)
                #expect(removed?.request == RequestID(victim), "\(request)")
                open[victim] = nil
            }
            let next = table.nextDeadline
            #expect(next?.nanoseconds == open.values.min(), "\(request)")
        }
        for now in stride(from: 50, through: 500, by: 50) as StrideThrough<UInt64> {
            while let slot = table.due(at: Moment(nanoseconds: now)) {
                let removed = table.remove(slot)
                let call = try #require(removed, "\(now)")
                #expect(open.values.min() == call.deadline.nanoseconds, "\(now)")
                #expect(open.removeValue(forKey: call.request.rawValue) != nil, "\(now)")
            }
            #expect(open.values.allSatisfy { $0 > now }, "\(now)")
        }
        #expect(open.isEmpty)
        #expect(table.nextDeadline == nil)
        #expect(table.count == 1500 / 7)
    }

    @Test("Invocation ids count up from 1 for each callee, and wrap after the largest")
    func invocationIDs() {
        var table = CallTable()
        for request in 1...2 as ClosedRange<UInt64> {
            let slot = table.enter(call(request, deadline: .max))
            let invocation = table.assign(slot, to: callee)
            #expect(invocation == RequestID(request), "\(request)")
        }
        let callee = callee.session
        let successor = SessionKey(slot: 1, generation: 1)
        #expect(table.wasIssued(2, to: callee) == true)
        #expect(table.wasIssued(3, to: callee) == false)
        #expect(table.wasIssued(1, to: successor) == false)
    }
}

@Suite("Time and chance")
struct TimeTests {
    @Test("A timestamp is the date that counting days gives")
    func timestamps() {
        // Day by day from 1970 over four centuries of leap years.
        var (year, month, day) = (1970, 1, 1)
        func padded(_ number: Int, _ width: Int) -> String {
            String(String(number + 100_000).suffix(width))
        }
        for count in 0..<150_000 as Range<Int64> {
            if count % 11 == 0 || day > 27 {
                let time = (count * 7_654_321) % 86_400_000
                let expected =
                    "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T"
                    + "\(padded(Int(time) / 3_600_000, 2)):\(padded(Int(time) / 60_000 % 60, 2)):"
                    + "\(padded(Int(time) / 1000 % 60, 2)).\(padded(Int(time) % 1000, 3))Z"
                #expect(
                    timestamp(unixMilliseconds: count * 86_400_000 + time) == expected, "\(count)")
            }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            day += 1
            if day > lengths[month - 1] { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
    }

    @Test(
        "A timestamp is right before 1970, at the edges of a second, and at the ends of the scale",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (999, "1970-01-01T00:00:00.999Z"), (1000, "1970-01-01T00:00:01.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (-2_203_891_200_001, "1900-02-28T23:59:59.999Z"),
            (Int64.max, "292278994-08-17T07:12:55.807Z"),
        ])
    func edges(milliseconds: Int64, expected: String) {
        #expect(timestamp(unixMilliseconds: milliseconds) == expected)
    }

    @Test("A moment advances up to the end of time and stays there")
    func moments() {
        let start = Moment(nanoseconds: 5)
        #expect(start.advanced(milliseconds: 2) == Moment(nanoseconds: 2_000_005))
        let end = Moment(nanoseconds: .max)
        #expect(start.advanced(milliseconds: .max) == end)
        #expect(end.advanced(milliseconds: 1) == end)
        #expect(start.advanced(milliseconds: .max / 1_000_000) <= end)
    }

    @Test("Ids lie in 1 … 2^53, and the same seed gives the same ones")
    func ids() {
        var (one, same) = (SeededRandom(seed: 42), SeededRandom(seed: 42))
        for round in 0..<10_000 {
            let id: SessionID = one.id()
            #expect((1...SessionID.largest).contains(id.rawValue), "\(round)")
            #expect(id == same.id() as SessionID, "\(round)")
        }
    }
}
