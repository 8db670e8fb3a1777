// What the events take that one message causes. It reaches a session as often as the session has
// subscriptions that match, and so may become a great many events. Beyond a bound they do not go to
// sessions that have got much of them already: those are slow consumers. Pure.

package struct Burst: Sendable {
    private let limit: Int
    private let share: Int
    /// The memory that events took so far, about.
    private var bytes = 0

    /// From so many bytes on, the sessions that a frame is for share its memory.
    private static let shared = 4 << 10
    /// What a shared frame takes for each of them, in bytes.
    private static let reference = 64

    /// - Parameters:
    ///   - limit: what all events may take, in bytes.
    ///   - share: what may wait for a session even then.
    package init(limit: Int = 256 << 20, share: Int = 256 << 10) {
        self.limit = limit
        self.share = share
    }

    /// The next message begins.
    mutating func restart() { bytes = 0 }

    /// An event has been encoded.
    mutating func add(frame count: Int) { bytes += count }

    /// An event has been queued for a session.
    mutating func add(delivery count: Int) {
        bytes += count < Burst.shared ? count : Burst.reference
    }

    /// Whether a session gets no further event.
    /// - Parameter pending: the bytes that wait for it.
    func isEnough(pending: @autoclosure () -> Int) -> Bool { bytes > limit && pending() > share }
}
