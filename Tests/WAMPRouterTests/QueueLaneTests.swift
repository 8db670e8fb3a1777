// A queue holds back only calls that its free callees may not take: SR-46, SR-60, SR-61, SR-92,
// SR-94.

import Testing
import WAMP

@testable import WAMPRouter

@Suite("Who waits for whom")
struct QueueLaneTests {
    /// Callees that take one call at a time, and calls that go by a key.
    struct Scene {
        let realm: TestRealm
        let caller: Peer
        var callees: [Peer]
        let rule: String
        let isSharded: Bool

        init(_ count: Int, _ rule: String, isSharded: Bool = false, limit: Int = 10) {
            var settings = QueueTests.settings(limit: limit)
            settings.shardedRegistration = true
            realm = TestRealm(settings)
            caller = realm.join()
            callees = realm.callees(count, "t.x", rule, concurrency: 1, [.callReroute])
            self.rule = rule
            self.isSharded = isSharded
        }

        func call(_ key: String, _ args: [Value] = []) -> [Effect] {
            var custom: Value.Dictionary = ["rkey": .string(key)]
            if isSharded { custom.append("runmode", "partition") }
            return realm.call(caller, "t.x", args, custom: custom)
        }

        /// For each callee so many keys that go to it. Everybody must be idle.
        func keys(_ count: Int) -> [[String]] {
            var keys = callees.map { _ in [String]() }
            var number = 0
            while keys.contains(where: { $0.count < count }) {
                number += 1
                guard let invoked = call("k\(number)").invoked else { break }
                realm.send(.yield(Yield(request: invoked.request)), from: invoked.peer(in: realm))
                if let index = callees.firstIndex(of: invoked.peer(in: realm)) {
                    keys[index].append("k\(number)")
                }
            }
            return keys
        }

        func end() { #expect(realm.leaveAll([caller] + callees)) }
    }

    static let ways: [(String, Bool)] = [("_sticky", false), ("roundrobin", true), ("last", true)]

    @Test(
        "SR-92 SR-94 calls for an idle callee do not wait behind those for a busy one",
        arguments: ways)
    func idle(rule: String, isSharded: Bool) {
        let scene = Scene(2, rule, isSharded: isSharded, limit: 2)
        let (realm, p) = (scene.realm, scene.callees)
        let keys = scene.keys(1).map { $0[0] }
        #expect(scene.call(keys[0], [1]).invocations(to: p[0]).count == 1)
        #expect(scene.call(keys[0], [2]).isEmpty)
        #expect(scene.call(keys[0], [3]).isEmpty)
        #expect(scene.call(keys[0]).refusal == .noAvailableCallee)
        // The queue is full; for the other callee there is no queue.
        for number in 4...6 as ClosedRange<Int64> {
            let invoked = scene.call(keys[1], [.int(number)]).invocations(to: p[1])
            #expect(invoked.map(\.args) == [[.int(number)]], "\(number)")
            realm.yield(p[1], invoked.first?.request ?? 0)
        }
        let busy = realm.realm.calls.served(by: p[0].key)[0]
        let request = realm.realm.calls[busy]?.invocation ?? 0
        #expect(realm.yield(p[0], request).invocations(to: p[0]).map(\.args) == [[2]])
        scene.end()
    }

    @Test("SR-61 among those for one callee a new call comes last", arguments: ways)
    func order(rule: String, isSharded: Bool) {
        let scene = Scene(2, rule, isSharded: isSharded)
        let (realm, p) = (scene.realm, scene.callees)
        let keys = scene.keys(2)[1]
        var invoked = scene.call(keys[0], [0]).invocations(to: p[1])
        realm.block(p[1])
        #expect(realm.yield(p[1], invoked.first?.request ?? 0).count == 1)
        realm.block(p[1], false)
        invoked = scene.call(keys[0], [1]).invocations(to: p[1])
        for number in 2...5 as ClosedRange<Int64> {
            #expect(scene.call(keys[Int(number) % 2], [.int(number)]).isEmpty, "\(number)")
        }
        for number in 2...5 as ClosedRange<Int64> {
            invoked = realm.yield(p[1], invoked.first?.request ?? 0).invocations(to: p[1])
            #expect(invoked.map(\.args) == [[.int(number)]], "\(number)")
        }
        scene.end()
    }

    @Test("SR-46 SR-61 what waits after a re-route holds back nobody whom the others may serve")
    func rerouted() {
        let scene = Scene(3, "roundrobin")
        let (realm, caller, p) = (scene.realm, scene.caller, scene.callees)
        for number in 1...3 as ClosedRange<Int64> { realm.call(caller, "t.x", [.int(number)]) }
        // 1 has nobody left but two that are busy; its first callee is free, and not for it.
        #expect(realm.fail(p[0], 1).isEmpty)
        let next = realm.call(caller, "t.x", [4])
        #expect(next.invocations(to: p[0]).map(\.args) == [[4]])
        #expect(realm.call(caller, "t.x", [5]).isEmpty)
        // 4 takes the head, in front of 1: both have waited before.
        #expect(realm.fail(p[0], 2).invocations(to: p[0]).map(\.args) == [[5]])
        #expect(realm.yield(p[1], 1).invocations(to: p[1]).map(\.args) == [[4]])
        #expect(realm.yield(p[2], 1).invocations(to: p[2]).map(\.args) == [[1]])
        scene.end()
    }

    @Test("SR-61 a callee that is free takes the oldest of all that it may serve, keyed or not")
    func acrossLanes() {
        let scene = Scene(2, "roundrobin", isSharded: true)
        let (realm, caller, p) = (scene.realm, scene.caller, scene.callees)
        let keys = scene.keys(1).map { $0[0] }
        let first = [scene.call(keys[0]), scene.call(keys[1])].compactMap(\.invoked?.request)
        #expect(scene.call(keys[1], ["for b"]).isEmpty)
        #expect(realm.call(caller, "t.x", ["anyone 1"]).isEmpty)
        #expect(scene.call(keys[0], ["for a"]).isEmpty)
        #expect(realm.call(caller, "t.x", ["anyone 2"]).isEmpty)
        var served: [Value] = []
        var (a, b) = (first[0], first[1])
        for takesA in [true, false, true, false] {
            let peer = takesA ? p[0] : p[1]
            let invoked = realm.yield(peer, takesA ? a : b).invocations(to: peer)
            served += invoked.flatMap(\.args)
            guard let request = invoked.first?.request else { continue }
            if takesA { a = request } else { b = request }
        }
        #expect(served == ["anyone 1", "for b", "for a", "anyone 2"])
        scene.end()
    }

    @Test("SR-94 who joins takes over the keys that it wins, waiting calls among them")
    func newcomer() {
        var scene = Scene(1, "_sticky", limit: 100)
        let (realm, a) = (scene.realm, scene.callees[0])
        let first = scene.call("k0").invoked?.request ?? 0
        for number in 1...40 {
            #expect(scene.call("k\(number)", [.int(Int64(number))]).isEmpty, "\(number)")
        }
        let b = realm.join(.callReroute)
        var effects = realm.register(b, "t.x", "_sticky", options: ["concurrency": 1])
        scene.callees.append(b)
        var served: [Peer: [Int64]] = [a: [], b: []]
        var requests: [Peer: RequestID] = [a: first]
        while true {
            for peer in scene.callees {
                for invoked in effects.invocations(to: peer) {
                    if case .int(let number)? = invoked.args.first {
                        served[peer]?.append(number)
                    }
                    requests[peer] = invoked.request
                }
            }
            guard let peer = [b, a].first(where: { requests[$0] != nil }),
                let request = requests.removeValue(forKey: peer)
            else { break }
            effects = realm.yield(peer, request)
        }
        for peer in scene.callees {
            let numbers = served[peer] ?? []
            #expect(numbers.count > 5, "\(peer)")
            #expect(numbers == numbers.sorted(), "\(peer)")
            // Whoever served it is the one that its key goes to.
            for number in numbers {
                let invoked = scene.call("k\(number)").invocations(to: peer)
                #expect(invoked.count == 1, "\(peer) \(number)")
                realm.yield(peer, invoked.first?.request ?? 0)
            }
        }
        #expect((served.values.map(\.count).reduce(0, +)) == 40)
        scene.end()
    }

    @Test(
        "SR-60 when a callee leaves, those that waited for it go to its heirs, in order",
        arguments: [
            "_sticky", "first", "last",
        ])
    func heirs(rule: String) {
        let scene = Scene(3, rule, limit: 100)
        let (realm, p) = (scene.realm, scene.callees)
        let keys = rule == "_sticky" ? scene.keys(3) : Array(repeating: ["k", "l", "m"], count: 3)
        let head = rule == "last" ? 2 : 0
        #expect(scene.call(keys[head][0]).invocations(to: p[head]).count == 1)
        for number in 1...6 as ClosedRange<Int64> {
            #expect(scene.call(keys[head][Int(number) % 3], [.int(number)]).isEmpty, "\(number)")
        }
        var effects = realm.unregister(p[head], realm.id())
        var served: [Int64] = []
        var perKey: [Int: [Int64]] = [:]
        while let invoked = effects.invoked {
            var next: [Effect] = []
            for peer in p {
                for invocation in effects.invocations(to: peer) {
                    guard case .int(let number)? = invocation.args.first else { continue }
                    served.append(number)
                    perKey[Int(number) % 3, default: []].append(number)
                    next += realm.yield(peer, invocation.request)
                }
            }
            #expect(invoked.peer(in: realm) != p[head])
            effects = next
        }
        #expect(served.sorted() == [1, 2, 3, 4, 5, 6])
        for numbers in perKey.values { #expect(numbers == numbers.sorted(), "\(numbers)") }
        if rule != "_sticky" { #expect(served == served.sorted()) }
        scene.end()
    }

    @Test("SR-41 under `last` a newcomer takes over what waits for the former tail")
    func lastNewcomer() {
        var scene = Scene(1, "last")
        let realm = scene.realm
        realm.call(scene.caller, "t.x", [1])
        realm.call(scene.caller, "t.x", [2])
        realm.call(scene.caller, "t.x", [3])
        let b = realm.join(.callReroute)
        scene.callees.append(b)
        let effects = realm.register(b, "t.x", "last", options: ["concurrency": 1])
        #expect(effects.invocations(to: b).map(\.args) == [[2]])
        #expect(realm.yield(scene.callees[0], 1).count == 1)
        #expect(realm.yield(b, 1).invocations(to: b).map(\.args) == [[3]])
        scene.end()
    }

    @Test(
        "SR-48 one that waits for callees of which the last one leaves has tried all",
        arguments: [
            "roundrobin", "first", "_sticky",
        ])
    func exhausted(rule: String) {
        let scene = Scene(2, rule)
        let (realm, caller, p) = (scene.realm, scene.caller, scene.callees)
        let keys = rule == "_sticky" ? scene.keys(1).map { $0[0] } : ["k", "k"]
        let first = scene.call(keys[0], [1]).invoked?.request ?? 0
        realm.fail(p[0], first)
        let second = scene.call(keys[0], [2]).invoked?.request ?? 0
        let waiting = realm.lastRequest(of: caller)
        #expect(realm.fail(p[0], second).isEmpty)
        #expect(
            realm.unregister(p[1], realm.id()).contains(
                caller.getsError(waiting, .noAvailableCallee)))
        #expect(realm.realm.queues.isEmpty)
        scene.end()
    }

    @Test("SR-52 a new call for a callee that cannot be written to waits with those that do")
    func unreachable() {
        let scene = Scene(2, "first")
        let (realm, caller, p) = (scene.realm, scene.caller, scene.callees)
        realm.call(caller, "t.x", [1])
        realm.call(caller, "t.x", [2])
        realm.block(p[0])
        #expect(realm.call(caller, "t.x", [3]).isEmpty)
        realm.yield(p[0], 1)
        #expect(realm.block(p[0], false).invocations(to: p[0]).map(\.args) == [[2]])
        #expect(realm.yield(p[0], 2).invocations(to: p[0]).map(\.args) == [[3]])
        realm.yield(p[0], 3)
        realm.block(p[0])
        #expect(realm.call(caller).refusal == .networkFailure)
        scene.end()
    }

    @Test("Ten thousand calls that wait for one callee do not slow down those of another")
    func manyWait() {
        var limits = Limits()
        limits.pendingCallsPerSession = 30_000
        let scene = Scene(2, "_sticky", limit: 20_000)
        let (realm, p) = (scene.realm, scene.callees)
        let keys = scene.keys(1).map { $0[0] }
        realm.update(realm.realm.settings, limits: limits)
        var busy = scene.call(keys[0]).invoked?.request ?? 0
        for _ in 0..<10_000 { _ = scene.call(keys[0]) }
        for _ in 0..<10_000 {
            guard let invoked = scene.call(keys[1]).invoked else { break }
            realm.yield(p[1], invoked.request)
        }
        #expect(realm.waiting(realm.id(), from: scene.caller) == 10_000)
        // Each callee that comes and goes looks at all of them once.
        let other = realm.join()
        var count = 0
        for _ in 0..<5 {
            let effects = realm.register(other, "t.x", "_sticky", options: ["concurrency": 1])
            count += effects.invocations(to: other).count
            realm.unregister(other, realm.id())
        }
        while let invoked = realm.yield(p[0], busy).invocations(to: p[0]).first {
            busy = invoked.request
            count += 1
        }
        #expect(count == 10_000)
        #expect(realm.leaveAll([scene.caller, other] + p))
    }

    // MARK: The queue itself

    @Test("The queue is what a plain list would be", arguments: 1...20 as ClosedRange<UInt64>)
    func model(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let callees = (1...4 as ClosedRange<UInt32>).map { SessionKey(slot: $0, generation: 0) }
        var queue = CallQueue()
        var list: [(slot: CallSlot, lane: CallQueue.Lane)] = []
        var last: UInt32 = 0
        for round in 0..<500 {
            switch random.index(below: 5) {
            case 0..<3:
                let lane: CallQueue.Lane
                if random.index(below: 2) == 0 {
                    lane = .only(callees[random.index(below: 4)])
                } else {
                    lane = .anyone(but: Set(callees.filter { _ in random.index(below: 3) == 0 }))
                }
                last += 1
                let next = CallSlot(last)
                if random.index(below: 4) == 0 {
                    queue.prepend(next, to: lane)
                    list.insert((next, lane), at: 0)
                } else {
                    queue.append(next, to: lane)
                    list.append((next, lane))
                }
            case 3 where !list.isEmpty:
                let index = random.index(below: list.count)
                queue.remove(list.remove(at: index).slot)
            default: queue.remove(CallSlot(last + 1))
            }
            #expect(queue.count == list.count && queue.isEmpty == list.isEmpty, "\(round)")
            #expect(queue.all.map(\.slot) == list.map(\.slot), "\(round)")
            #expect(
                queue.isForAnyone == list.allSatisfy { $0.lane == .anyone(but: []) }, "\(round)")
            for callee in callees {
                let first = list.first { entry in
                    switch entry.lane {
                    case .only(let other): other == callee
                    case .anyone(let tried): !tried.contains(callee)
                    }
                }
                #expect(queue.first(for: callee) == first?.slot, "\(round) \(callee)")
            }
            for (_, lane) in list { #expect(queue.isAnyone(in: lane), "\(round) \(lane)") }
        }
    }
}

/// An INVOCATION and whom it went to.
struct InvokedPeer {
    let key: SessionKey
    let request: RequestID

    func peer(in realm: TestRealm) -> Peer {
        realm.peer(key) ?? Peer(name: "?", key: key, identity: PeerIdentity(session: SessionID(0)))
    }
}

extension [Effect] {
    /// The first INVOCATION of all.
    var invoked: InvokedPeer? {
        for case .send(.invocation(let invocation), let key) in self {
            return InvokedPeer(key: key, request: invocation.request)
        }
        return nil
    }
}
