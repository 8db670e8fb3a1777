// Medians, intervals of ratios, and what is said of them. Pure.

import WAMP

enum BenchStatistics {
    /// The middle value; the mean of the two middle ones of an even number. 0 of none.
    static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// The value below which such a share of the sorted values lies, between neighbours in
    /// proportion (type 7 of Hyndman and Fan, 1996).
    static func quantile(_ sorted: [Double], _ share: Double) -> Double {
        guard let last = sorted.last else { return 0 }
        let place = share * Double(sorted.count - 1)
        let index = Int(place)
        guard index + 1 < sorted.count else { return last }
        return sorted[index] + (place - Double(index)) * (sorted[index + 1] - sorted[index])
    }

    /// The ratio of the medians of two series of runs, and the interval that holds it in 95 of 100
    /// cases by the bootstrap of percentiles.
    static func ratio(
        _ own: [Double], _ other: [Double], resamples: Int = 10_000, seed: UInt64 = 1
    ) -> BenchRatio? {
        let divisor = median(other)
        guard !own.isEmpty, !other.isEmpty, divisor > 0 else { return nil }
        var random = SplitMix64(seed: seed)
        var ratios: [Double] = []
        for _ in 0..<resamples {
            let lower = median(other.map { _ in other[random.index(other.count)] })
            let upper = median(own.map { _ in own[random.index(own.count)] })
            if lower > 0 { ratios.append(upper / lower) }
        }
        ratios.sort()
        return BenchRatio(
            ratio: median(own) / divisor, lower: quantile(ratios, 0.025),
            upper: quantile(ratios, 0.975))
    }
}

extension SplitMix64 {
    mutating func index(_ count: Int) -> Int { Int(next(upperBound: UInt64(count))) }
}

/// A ratio and its 95 % interval.
struct BenchRatio: Equatable {
    var ratio: Double
    var lower: Double
    var upper: Double

    /// - Parameter higherIsBetter: true of rates, false of times.
    func verdict(higherIsBetter: Bool) -> String {
        if lower <= 1, upper >= 1 { return "no difference shown" }
        if higherIsBetter { return ratio > 1 ? "faster" : "slower" }
        return ratio < 1 ? "faster" : "slower"
    }
}
