// Work that is done once and can be given up by a signal.

import Glibc
import UnixSignals
import WAMP
import WAMPClient

enum OneShot {
    /// How long work that was interrupted may take to end in order.
    private static let farewell = Duration.seconds(2)

    enum End<Outcome> {
        case done(Outcome)
        /// By a signal, with this exit code.
        case interrupted(Int32)
    }

    private enum Event {
        case signal(Int32)
        /// The reader of stdout went away.
        case outputBroken
        /// The work has ended.
        case finished
        /// The time for work that was interrupted is over.
        case farewellOver
    }

    /// Runs `work` in a task, which the first signal cancels; the second ends at once.
    static func run<Outcome: Sendable>(
        _ work: @escaping @Sendable () async throws(CommandFailure) -> Outcome
    ) async throws(CommandFailure) -> End<Outcome> {
        let events = await RunEvents<Event>(
            trapping: [.sigint, .sigterm, .sighup], onSignal: { .signal($0) },
            onBrokenOutput: .outputBroken)
        let task = Task { () async -> Swift.Result<Outcome, CommandFailure> in
            defer { events.send(.finished) }
            do throws(CommandFailure) {
                return .success(try await work())
            } catch {
                return .failure(error)
            }
        }
        var stoppedBy: Int32?
        for await event in events.stream {
            switch event {
            case .finished:
                if let stoppedBy { return .interrupted(ExitCode.ended(by: stoppedBy)) }
                return .done(try await task.value.get())
            case .outputBroken: return .interrupted(ExitCode.brokenPipe.rawValue)
            case .signal(let signal):
                guard stoppedBy == nil else {
                    return .interrupted(ExitCode.ended(by: signal))
                }
                stoppedBy = signal
                task.cancel()
                Task {
                    try await Task.sleep(for: farewell)
                    events.send(.farewellOver)
                }
            case .farewellOver: return .interrupted(ExitCode.ended(by: stoppedBy ?? SIGTERM))
            }
        }
        return .interrupted(ExitCode.failure.rawValue)
    }
}
