// The nearest right word for a wrong one.

enum Similarity {
    /// The candidate that a typing error turns into `word`; nil if none is near enough to be meant.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        let best = candidates.map { (candidate: $0, distance: distance(word, $0)) }
            .min { $0.distance < $1.distance }
        guard let best else { return nil }
        let allowed = max(1, min(3, max(word.count, best.candidate.count) / 3))
        return best.distance <= allowed ? best.candidate : nil
    }

    /// How many characters must be inserted, deleted, replaced or swapped with their neighbour.
    static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left), right = Array(right)
        var beforeLast = [Int](), last = Array(0...right.count)
        for i in left.indices {
            var row = [i + 1]
            for j in right.indices {
                var cost = min(
                    last[j + 1] + 1, row[j] + 1, last[j] + (left[i] == right[j] ? 0 : 1))
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    cost = min(cost, beforeLast[j - 1] + 1)
                }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[right.count]
    }
}
