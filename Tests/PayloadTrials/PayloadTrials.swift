// Random payloads through a router, between peers of all serializers: each arrives as it must, or
// costs exactly its own message.

import WAMP

/// What came of a run.
package struct TrialReport: Sendable {
    /// How often a message arrived or was refused, by how it went.
    package var counts: [String: Int] = [:]
    package var findings: [String] = []
}

/// One run against a router that lets everybody into `realm1`.
package final class PayloadTrials {
    private let seed: UInt64
    private let senders: [TrialPeer]
    private let receivers: [TrialPeer]
    private var report = TrialReport()

    private static let topic = "trial.topic"
    private static let mark = Specimen.text("that was all")

    package init(port: Int, seed: UInt64) throws {
        self.seed = seed
        var peers: [TrialPeer] = []
        for wire in Wire.allCases + Wire.allCases {
            let peer = try TrialPeer(port: port, wire, seed: seed &+ UInt64(peers.count))
            try peer.join("realm1")
            peers.append(peer)
        }
        senders = Array(peers.prefix(Wire.allCases.count))
        receivers = Array(peers.dropFirst(Wire.allCases.count))
        for receiver in receivers {
            let procedure = Specimen.text("trial.\(receiver.wire.name)")
            try receiver.send([.number(64), receiver.nextRequest(), .map([]), procedure])
            guard case (65, _) = try receiver.receive() else { throw Finding("no REGISTERED") }
            let topic = Specimen.text(PayloadTrials.topic)
            try receiver.send([.number(32), receiver.nextRequest(), .map([]), topic])
            guard case (33, _) = try receiver.receive() else { throw Finding("no SUBSCRIBED") }
        }
    }

    /// Sends the payloads of some numbers; the same seed and number is the same payload.
    ///
    /// It ends with the first finding, for what comes behind it means nothing.
    package func run(_ numbers: Range<Int>) -> TrialReport {
        for number in numbers {
            var specimens = Specimens(seed: seed &* 1_000_003 &+ UInt64(number))
            let arguments = specimens.arguments(), answer = specimens.arguments()
            do {
                for sender in senders {
                    for receiver in receivers {
                        try call(receiver, by: sender, arguments, answer)
                    }
                    try publish(arguments, by: sender)
                }
            } catch {
                report.findings.append("payload \(number) of seed \(seed): \(error)")
                break
            }
        }
        return report
    }

    // MARK: Calls

    private func call(
        _ receiver: TrialPeer, by sender: TrialPeer, _ arguments: Arguments, _ answer: Arguments
    ) throws {
        let request = sender.nextRequest()
        let procedure = Specimen.text("trial.\(receiver.wire.name)")
        do {
            try sender.send([.number(48), request, .map([]), procedure], arguments)
        } catch is Unwritable {
            return count("not in \(sender.wire.name)")
        }
        guard let arrival = arrival(of: arguments, from: sender, to: receiver) else {
            count("CALL refused")
            return try expectRefusal(sender, request, ratherThan: receiver)
        }
        try expect(receiver, ratherThan: sender)
        let (code, elements) = try receiver.receive()
        guard code == 68, elements.count >= 3 else {
            throw Finding("\(pair(sender, receiver)): \(code) in place of INVOCATION \(arrival)")
        }
        try compare(elements.dropFirst(3), arrival, pair(sender, receiver) + " CALL")
        count("CALL arrived")
        try yield(receiver, elements[0], sender, request, answer)
    }

    /// Sends a payload back, or nothing where the callee's serializer cannot hold it.
    private func yield(
        _ receiver: TrialPeer, _ invocation: Specimen, _ sender: TrialPeer, _ request: Specimen,
        _ arguments: Arguments
    ) throws {
        var answer = arguments
        do {
            try receiver.send([.number(70), invocation, .map([])], answer)
        } catch is Unwritable {
            answer = Arguments()
            try receiver.send([.number(70), invocation, .map([])], answer)
        }
        guard let arrival = arrival(of: answer, from: receiver, to: sender) else {
            count("RESULT refused")
            return try expectRefusal(sender, request)
        }
        let (code, elements) = try sender.receive()
        guard code == 50, elements.count >= 2, elements[0] == request else {
            throw Finding("\(pair(receiver, sender)): \(code) \(elements) in place of RESULT")
        }
        try compare(elements.dropFirst(2), arrival, pair(receiver, sender) + " RESULT")
        count("RESULT arrived")
    }

    /// One peer is sent something, and not the other.
    private func expect(_ peer: TrialPeer, ratherThan other: TrialPeer) throws {
        guard TrialPeer.ready(of: [peer, other]) !== other else {
            throw Finding("\(pair(other, peer)): \(try other.receive()) for the wrong one")
        }
    }

    /// The caller, or publisher, is told that its own message is at fault, and where.
    private func expectRefusal(
        _ peer: TrialPeer, _ request: Specimen, ratherThan other: TrialPeer? = nil
    ) throws {
        if let other { try expect(peer, ratherThan: other) }
        let (code, elements) = try peer.receive()
        guard code == 8, elements.count == 5, elements[1] == request,
            elements[3] == .text("wamp.error.invalid_payload"),
            case .list(let args) = elements[4], case .text(let sentence)? = args.first,
            sentence.count > 10
        else {
            throw Finding("\(peer.wire.name): \(code) \(elements) in place of invalid_payload")
        }
    }

    // MARK: Events

    private func publish(_ arguments: Arguments, by sender: TrialPeer) throws {
        let request = sender.nextRequest()
        let options = Specimen.options([("acknowledge", .bool(true))])
        let topic = Specimen.text(PayloadTrials.topic)
        do {
            try sender.send([.number(16), request, options, topic], arguments)
        } catch is Unwritable {
            return
        }
        if arrival(of: arguments, from: sender, to: sender) == nil {
            count("PUBLISH refused")
            try expectRefusal(sender, request)
        } else {
            guard case (17, _) = try sender.receive() else {
                throw Finding("\(sender.wire.name): no PUBLISHED")
            }
        }
        let mark = Arguments(args: [PayloadTrials.mark])
        try sender.send([.number(16), sender.nextRequest(), .map([]), topic], mark)
        for receiver in receivers { try expectEvent(receiver, by: sender, arguments, mark) }
    }

    private func expectEvent(
        _ receiver: TrialPeer, by sender: TrialPeer, _ arguments: Arguments, _ mark: Arguments
    ) throws {
        let name = pair(sender, receiver) + " EVENT"
        var elements = try event(receiver, name)
        if let arrival = arrival(of: arguments, from: sender, to: receiver) {
            try compare(elements.dropFirst(3), arrival, name)
            count("EVENT arrived")
            elements = try event(receiver, name)
        } else {
            count("EVENT left out")
        }
        try compare(elements.dropFirst(3), mark, name + " that ends it")
    }

    private func event(_ receiver: TrialPeer, _ name: String) throws -> [Specimen] {
        let (code, elements) = try receiver.receive()
        guard code == 36, elements.count >= 3 else { throw Finding("\(name): \(code) \(elements)") }
        return elements
    }

    // MARK: What both need

    private func arrival(
        of arguments: Arguments, from sender: TrialPeer, to receiver: TrialPeer
    ) -> Arguments? {
        try? Expectation.arrival(of: arguments, from: sender.wire, to: receiver.wire)
    }

    /// - Parameter tail: what a message has behind its details.
    private func compare(
        _ tail: ArraySlice<Specimen>, _ expected: Arguments, _ name: String
    ) throws {
        var arrived = Arguments()
        switch tail.first {
        case nil: break
        case .list(let list)?: arrived.args = list
        default: throw Finding("\(name): \(tail) for arguments")
        }
        switch tail.dropFirst().first {
        case nil: break
        case .map(let pairs)?: arrived.kwargs = pairs
        default: throw Finding("\(name): \(tail) for keyword arguments")
        }
        guard arrived == expected else {
            throw Finding("\(name): \(arrived) in place of \(expected)")
        }
    }

    private func pair(_ from: TrialPeer, _ to: TrialPeer) -> String {
        "\(from.wire.name) to \(to.wire.name)"
    }

    private func count(_ outcome: String) { report.counts[outcome, default: 0] += 1 }
}
