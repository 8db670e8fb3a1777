// What a run of many sends next: the next line of stdin, or the same again when it is due.

/// Asked by one task at a time.
actor LineItems {
    private let source: LineSource
    private let load: LoadOptions
    private let lines = InputLines()
    private let start = ContinuousClock.now
    private var count = 0

    init(source: LineSource, load: LoadOptions) {
        self.source = source
        self.load = load
    }

    /// The number of the next one, from 1, and its line; nil at the end.
    func next() async -> (number: Int, bytes: [UInt8])? {
        switch source {
        case .repetition: return await repeated().map { ($0, []) }
        case .lines(.lines, _): return await lines.next()
        case .batch, .lines:
            // A blank line is a text, but no record.
            while let (number, bytes) = await lines.next() {
                if !bytes.allSatisfy(Self.isBlank) { return (number, bytes) }
            }
            return nil
        }
    }

    private func repeated() async -> Int? {
        if let goal = load.goal, count >= goal { return nil }
        let end = load.duration.map { start + $0 }
        if let rate = load.rate {
            let due = start + .seconds(Double(count) / rate)
            if let end, due >= end {
                try? await Task.sleep(until: end)
                return nil
            }
            try? await Task.sleep(until: due)
        }
        if let end, .now >= end { return nil }
        count += 1
        return count
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }
}
