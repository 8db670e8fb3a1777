// What is measured: scenarios, cells and how their operations are paced. Values only.

import Glibc
import WAMP

enum BenchScenario: String, CaseIterable {
    case rpc, pubsub, join, register

    /// What one operation is called.
    var noun: String {
        switch self {
        case .rpc: "call"
        case .pubsub: "publication"
        case .join: "join"
        case .register: "operation"
        }
    }
}

/// When operations are issued.
enum BenchPace: Hashable {
    /// So many under way in each session.
    case closed(inFlight: Int)
    /// So many a second over all sessions, whatever the answers do.
    case open(perSecond: Double)

    var isOpen: Bool { if case .open = self { true } else { false } }

    var rate: Double? { if case .open(let rate) = self { rate } else { nil } }

    var inFlight: Int? { if case .closed(let count) = self { count } else { nil } }
}

/// One combination of the lists on the command line.
struct BenchCell: Hashable {
    var scenario: BenchScenario
    var serializer: Serializer
    /// Of the payload, in bytes.
    var size: Int
    var sessions: Int
    var pace: BenchPace

    /// Such as `c=16 16 B` or `10 000/s 4 sessions json 1 KiB`, of what differs between cells.
    func label(_ varied: Set<BenchDimension>) -> String {
        var parts: [String] = []
        switch pace {
        case .closed(let inFlight): parts.append("c=\(inFlight)")
        case .open(let rate): parts.append("\(Figures.grouped(Int(rate.rounded())))/s")
        }
        if varied.contains(.sessions) { parts.append(Figures.counted(sessions, "session")) }
        if varied.contains(.serializer) { parts.append(serializer.name) }
        if hasPayload { parts.append(BenchText.size(size)) }
        return parts.joined(separator: " ")
    }

    var hasPayload: Bool { scenario == .rpc || scenario == .pubsub }
}

/// What may differ between the cells of a run.
enum BenchDimension: Hashable { case serializer, size, sessions, pace }

extension [BenchCell] {
    var varied: Set<BenchDimension> {
        var varied: Set<BenchDimension> = []
        if Set(map(\.serializer)).count > 1 { varied.insert(.serializer) }
        if Set(map(\.size)).count > 1 { varied.insert(.size) }
        if Set(map(\.sessions)).count > 1 { varied.insert(.sessions) }
        if Set(map(\.pace)).count > 1 { varied.insert(.pace) }
        return varied
    }
}

enum BenchArrivals: String, CaseIterable { case constant, poisson }

/// The moments at which an open load issues its operations, fixed in advance: what the router does
/// cannot move them.
struct ArrivalSchedule {
    private let perSecond: Double
    private let arrivals: BenchArrivals
    private let share: (index: Int, count: Int)
    private var issued = 0
    private var clock = 0.0
    private var random: SplitMix64

    /// - Parameter share: this schedule's place among those that make the rate together.
    init(
        perSecond: Double, arrivals: BenchArrivals, share: (index: Int, count: Int) = (0, 1),
        seed: UInt64 = 1
    ) {
        self.perSecond = perSecond
        self.arrivals = arrivals
        self.share = share
        random = SplitMix64(seed: seed &+ UInt64(share.index))
    }

    /// The next moment, in nanoseconds from the beginning.
    mutating func next() -> Int64 {
        let seconds: Double
        switch arrivals {
        case .constant:
            seconds = Double(issued * share.count + share.index) / perSecond
        case .poisson:
            // The gaps of independent arrivals are distributed exponentially.
            clock += -log(1 - random.uniform()) * Double(share.count) / perSecond
            seconds = clock
        }
        issued += 1
        return Int64(min(seconds * 1e9, 9e18))
    }
}

extension SplitMix64 {
    /// From 0 up to, and without, 1.
    mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }
}
