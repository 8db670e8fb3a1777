// The lines of stdin, read when they are asked for, so that what is not needed yet stays in the
// pipe.

import Dispatch
import Glibc

actor InputLines {
    private let descriptor: Int32
    private let reader = DispatchQueue(label: "wampctl.stdin")
    private var bytes: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    private var isReading = false
    private(set) var lineCount = 0

    /// Why reading ended before the end.
    private(set) var failure: CommandFailure?

    init(descriptor: Int32 = STDIN_FILENO) { self.descriptor = descriptor }

    /// The next line without its newline, and its number from 1; nil at the end.
    ///
    /// - Parameter deadline: nil, too, if there is none by then.
    func next(
        before deadline: ContinuousClock.Instant? = nil
    ) async -> (number: Int, bytes: [UInt8])? {
        var searched = start
        while true {
            if let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { start = end + 1 }
                lineCount += 1
                return (lineCount, Array(bytes[start..<end]))
            }
            if isAtEnd {
                guard start < bytes.count else { return nil }
                defer { start = bytes.count }
                lineCount += 1
                return (lineCount, Array(bytes[start...]))
            }
            bytes.removeFirst(start)
            start = 0
            searched = bytes.count
            guard await readMore(before: deadline) else { return nil }
        }
    }

    /// Whether all has been read to the end.
    var isComplete: Bool { isAtEnd && failure == nil }

    /// Waits for more bytes; false if there are none in time, or another one waits for them.
    private func readMore(before deadline: ContinuousClock.Instant?) async -> Bool {
        guard !isReading else { return false }
        isReading = true
        defer { isReading = false }
        let descriptor = descriptor, reader = reader
        let reading = await withCheckedContinuation { continuation in
            reader.async { continuation.resume(returning: Reading(descriptor, before: deadline)) }
        }
        switch reading {
        case .bytes(let chunk): bytes += chunk
        case .end: isAtEnd = true
        case .late: return false
        case .failed(let code):
            isAtEnd = true
            failure = File.unreadableInput(code)
        }
        return true
    }

    private enum Reading {
        case bytes([UInt8])
        case end
        case late
        case failed(Int32)

        /// Blocks until there is something to read.
        init(_ descriptor: Int32, before deadline: ContinuousClock.Instant?) {
            if let deadline {
                let patience = ContinuousClock.now.duration(to: deadline).milliseconds
                var slot = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                guard poll(&slot, 1, Int32(max(0, patience))) > 0 else {
                    self = .late
                    return
                }
            }
            var chunk = [UInt8](repeating: 0, count: 64 * 1024)
            let count = File.readSome(descriptor, into: &chunk)
            self =
                count < 0 ? .failed(errno) : count == 0 ? .end : .bytes(Array(chunk[..<count]))
        }
    }
}
