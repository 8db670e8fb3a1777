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
    private(set) var lineCount = 0

    init(descriptor: Int32 = STDIN_FILENO) { self.descriptor = descriptor }

    /// The next line without its newline, and its number from 1; nil at the end.
    func next() async -> (number: Int, bytes: [UInt8])? {
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
            let chunk = await readChunk()
            isAtEnd = chunk.isEmpty
            bytes.append(contentsOf: chunk)
        }
    }

    /// Waits for more; empty at the end.
    private func readChunk() async -> [UInt8] {
        let descriptor = descriptor, reader = reader
        return await withCheckedContinuation { continuation in
            reader.async {
                var chunk = [UInt8](repeating: 0, count: 64 * 1024)
                var count = read(descriptor, &chunk, chunk.count)
                while count < 0, errno == EINTR { count = read(descriptor, &chunk, chunk.count) }
                continuation.resume(returning: Array(chunk[..<max(0, count)]))
            }
        }
    }
}
