// The progress bar of the cell under way. Pure but for its display.

import Glibc

/// What a terminal shows while a cell runs: how far it is, the rate, p99, and the rate's course.
struct BenchProgress {
    var label: String
    /// The place of this run among all, from 1.
    var number: Int
    var total: Int
    /// From 0 to 1.
    var share = 0.0
    var isWarmup = true
    private var rates: [Double] = []
    private var last: BenchSample?

    init(label: String, number: Int, total: Int) {
        self.label = label
        self.number = number
        self.total = total
    }

    mutating func add(_ sample: BenchSample, share: Double?) {
        last = sample
        isWarmup = sample.second <= 0
        if let share { self.share = min(1, max(0, share)) }
        rates.append(sample.rate)
        if rates.count > 20 { rates.removeFirst() }
    }

    func line(isUTF8: Bool) -> String {
        let width = 20
        let full = Int((share * Double(width)).rounded())
        let bar =
            String(repeating: isUTF8 ? "█" : "#", count: full)
            + String(repeating: isUTF8 ? "░" : ".", count: width - full)
        var parts = [total > 1 ? "\(number)/\(total)" : "", label, bar].filter { !$0.isEmpty }
        if isWarmup { parts.append("warm-up") }
        if let last {
            parts.append("\(BenchText.count(last.rate))/s")
            if let p99 = last.p99 { parts.append("p99 \(BenchText.milliseconds(p99)) ms") }
            if last.errors > 0 { parts.append(Figures.counted(last.errors, "error")) }
        }
        return parts.joined(separator: "  ")
            + "  " + BenchText.sparkline(rates, isUTF8: isUTF8)
    }
}
