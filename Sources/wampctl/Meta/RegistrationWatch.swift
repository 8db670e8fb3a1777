// Waiting for a procedure to be registered: by the router's events, or by looking again where it
// has none.

import WAMP
import WAMPClient

struct RegistrationWatch: Sendable {
    private let created: AsyncStream<Void>
    private let hasEvents: Bool

    /// How often is looked where the router sends no events.
    private static let period = Duration.milliseconds(200)

    /// Starts to listen; a router that does not answer in time is looked at again and again.
    init(
        of procedure: String, in session: Session, before deadline: ContinuousClock.Instant
    ) async {
        let (stream, continuation) = AsyncStream<Void>.makeStream(
            bufferingPolicy: .bufferingNewest(1))
        created = stream
        hasEvents = await RegistrationEvent.Topic.created.listen(in: session, before: deadline) {
            if case .created(let created) = $0, created.mayServe(procedure) {
                continuation.yield()
            }
        }
    }

    /// Waits until it may have been registered.
    /// - Returns: false if the deadline came first, or the task was cancelled.
    func registered(before deadline: ContinuousClock.Instant) async -> Bool {
        guard ContinuousClock.now < deadline else { return false }
        let until = hasEvents ? deadline : min(deadline, .now + Self.period)
        let created = created
        return await withTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                for await _ in created { return true }
                return false
            }
            tasks.addTask {
                do { try await Task.sleep(until: until) } catch { return false }
                // Without events it is worth another look.
                return !hasEvents
            }
            defer { tasks.cancelAll() }
            return await tasks.next() ?? false
        }
    }
}
