// Realms with more registrations than a core's cache holds: their calls are prepared in groups.

import NIOCore
import Testing
import WAMP

@testable import WAMPRouter

@Suite("Large realms")
struct LargeRealmTests {
    @Test("SR-36 among thousands of procedures every call of a read reaches its own callee")
    func batch() throws {
        let realm = TestRealm()
        let callees = realm.join(3)
        let caller = realm.join()
        for number in 0..<5000 { realm.register(callees[number % 3], URI("t.p\(number)")) }

        let batch = MessageBatch()
        // Two of 90 do not exist, and every tenth message is no CALL.
        let numbers = (0..<90).map { $0 % 45 == 7 ? 5000 + $0 : $0 * 55 }
        for (index, number) in numbers.enumerated() {
            try add(
                .call(Call(request: RequestID(UInt64(index + 1)), procedure: URI("t.p\(number)"))),
                to: batch)
            if index % 10 == 9 {
                try add(
                    .subscribe(Subscribe(request: RequestID(1000), topic: URI("t.topic"))),
                    to: batch)
            }
        }

        var invoked: [SessionKey?] = []
        var effects = Effects()
        var next = 0
        while next < batch.count {
            let end = realm.realm.foresee(batch, from: next)
            try #require(end > next)
            for index in next..<end {
                guard let plain = batch.plain(at: index) else { continue }
                let passage = realm.realm.receive(
                    plain, of: batch, from: caller.key, at: realm.now, into: &effects)
                if case .invocation = passage?.envelope {
                    invoked.append(passage?.receiver)
                } else {
                    invoked.append(nil)
                }
            }
            next = end
        }
        #expect(invoked == numbers.map { $0 < 5000 ? callees[$0 % 3].key : nil })
        #expect(effects.list.count == 2)
        for case .send(.error(let error), let key) in effects.list {
            #expect(error.error == .noSuchProcedure && key == caller.key, "\(key) \(error)")
        }
    }

    private func add(_ message: Message, to batch: MessageBatch) throws {
        let frame = try MessageCoder.encode(message, as: .msgpack)
        let buffer = batch.add(frame)
        try batch.decode(buffer, from: 0, count: frame.readableBytes, as: .msgpack)
    }

    @Test("A list of callees is what an array of them would be")
    func calleeList() {
        var random = SeededRandom(seed: 5)
        for round in 0..<200 {
            var list = CalleeList()
            var array: [Callee] = []
            for step in 0..<12 {
                if array.isEmpty || random.index(below: 5) < 3 {
                    let key = SessionKey(slot: UInt32(step + 1), generation: 0)
                    let callee = Callee(session: key, options: CalleeOptions())
                    list.append(callee)
                    array.append(callee)
                } else {
                    let index = random.index(below: array.count)
                    #expect(
                        list.remove(array[index].session) == array[index].place, "\(round) \(step)")
                    array.remove(at: index)
                }
                #expect(Array(list) == array && list.isEmpty == array.isEmpty, "\(round) \(step)")
                #expect(
                    list.indices == array.indices && list.first == array.first, "\(round) \(step)")
            }
        }
    }
}
