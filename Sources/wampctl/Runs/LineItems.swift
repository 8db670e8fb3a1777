// What a run of many sends next: the next line of stdin, or the same again when it is due.

import WAMP

/// Asked by one task at a time.
actor LineItems {
    private let source: LineSource
    private let load: LoadOptions
    private let lines = InputLines()
    private let start = ContinuousClock.now
    private var count = 0

    /// How long the lines that are left may take to be counted.
    private static let patience = Duration.seconds(1)

    init(source: LineSource, load: LoadOptions) {
        self.source = source
        self.load = load
    }

    /// The number of the next one, from 1, and its line; nil at the end.
    func next() async -> (number: Int, bytes: [UInt8])? {
        guard case .repetition = source else { return await nextLine() }
        return await repeated().map { ($0, []) }
    }

    /// Why stdin could not be read to its end.
    var inputFailure: CommandFailure? { get async { await lines.failure } }

    /// What was to be sent and was not, as the end of a sentence; nil if nobody knows how much that
    /// would have been.
    /// - Parameter begun: how many were sent.
    func unsent(begun: Int, noun: String) async -> String? {
        guard case .repetition = source else { return await unsentLines(begun: begun) }
        return load.goal.map { Self.sentence($0 - begun, noun) }
    }

    private func unsentLines(begun: Int) async -> String {
        let deadline = ContinuousClock.now + Self.patience
        while .now < deadline, await nextLine(before: deadline) != nil {}
        let rest = count - begun
        if await lines.isComplete { return Self.sentence(rest, "line") }
        return rest == 0
            ? "what else comes on stdin was not sent"
            : "\(Self.sentence(rest, "line")), nor what else comes on stdin"
    }

    private static func sentence(_ count: Int, _ noun: String) -> String {
        guard count > 0 else { return "all \(noun)s were sent" }
        return "\(Figures.counted(count, noun)) \(count == 1 ? "was" : "were") not sent"
    }

    private func nextLine(
        before deadline: ContinuousClock.Instant? = nil
    ) async -> (number: Int, bytes: [UInt8])? {
        while let (number, bytes) = await lines.next(before: deadline) {
            if isRecord(bytes) {
                count += 1
                return (number, bytes)
            }
        }
        return nil
    }

    /// A blank line is a text, but no record.
    private func isRecord(_ line: [UInt8]) -> Bool {
        if case .lines(.lines, _) = source { return true }
        return !JSONText.withoutByteOrderMark(line).allSatisfy(Self.isBlank)
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
